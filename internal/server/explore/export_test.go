package explore

// What tests outside of this package look at.
const (
	LineReportsQuery  = lineReportsQuery
	SeriesPointsQuery = seriesPointsQuery
	LinePlacesQuery   = linePlacesQuery
	SeriesSpotsQuery  = seriesSpotsQuery
)
