package series

// What tests outside of this package look at.

var (
	FindSeriesQuery = findSeriesQuery
	CommitsOfQuery  = commitsOfQuery
	MeasuredQuery   = measuredQuery
)

const ByHashQuery = byHashQuery
