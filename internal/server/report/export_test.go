package report

// What tests outside of this package look at.
var (
	HistoryReportsQuery = historyReportsQuery
	HistoryValuesQuery  = historyValuesQuery
	HistoryCountsQuery  = historyCountsQuery
	PartsQuery          = reportPartsQuery
	PartMetricsQuery    = partMetricsQuery
)
