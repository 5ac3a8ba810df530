package explore

// What tests outside of this package look at.
const (
	LineReportsQuery   = lineReportsQuery
	SeriesMetricsQuery = seriesMetricsQuery
	LinePlacesQuery    = linePlacesQuery
	SeriesSpotsQuery   = seriesSpotsQuery
)
