package event

// Rows sets how many rows one transaction of a look writes.
func (s *Service) Rows(n int) { s.rows = n }

// The statements, for the tests of how they are read.
var (
	MeasuredQuery = measuredQuery
	QuietQuery    = quietQuery + `(1))`
)
