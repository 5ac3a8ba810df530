package ingest

import (
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
)

// sampleSize is how many earlier values a model looks at.
func sampleSize(m judge.Model) int {
	if m.MaxSampleSize != nil {
		return *m.MaxSampleSize
	}
	return limits.HistoryDefault
}
