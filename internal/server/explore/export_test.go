package explore

// What tests outside of this package look at.
var (
	LineReportsQuery  = lineReportsQuery
	SeriesPointsQuery = seriesPointsQuery
	LinePlacesQuery   = linePlacesQuery
	SeriesSpotsQuery  = seriesSpotsQuery
)
