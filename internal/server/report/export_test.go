package report

import (
	"context"

	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/store"
)

// What tests outside of this package look at.
var (
	PartsQuery       = reportPartsQuery
	PartMetricsQuery = partMetricsQuery
)

// Clear is what a try that was interrupted has left, deleted.
func (j *Judge) Clear(ctx context.Context, reportSeq int64) error { return j.clear(ctx, reportSeq) }

// KeepNoise keeps noise of one series as computed before, from runs that nobody can look at any more.
func KeepNoise(ctx context.Context, tx *store.Tx, r Report, m unit.Measure, n judge.Noise, seriesID int64) error {
	return keepNoise(ctx, tx, r, []shown{{measure: m, noise: n}}, []int64{seriesID})
}
