package history

// The statements, for the tests of how they are read.
var (
	ReportsQuery = reportsQuery
	ValuesQuery  = valuesQuery
	CountsQuery  = countsQuery
)
