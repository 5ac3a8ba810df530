package report

import "context"

// What tests outside of this package look at.
var (
	PartsQuery       = reportPartsQuery
	PartMetricsQuery = partMetricsQuery
)

// Clear is what a try that was interrupted has left, deleted.
func (j *Judge) Clear(ctx context.Context, reportSeq int64) error { return j.clear(ctx, reportSeq) }
