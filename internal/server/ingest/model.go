package ingest

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Model returns a stored model as the judge takes it.
func Model(m store.Model) judge.Model {
	return judge.Model{
		Test: judge.Test(m.Test), MinSampleSize: m.MinSampleSize, MaxSampleSize: m.MaxSampleSize, WindowSeconds: m.WindowSeconds,
		LowerBoundary: m.LowerBoundary, UpperBoundary: m.UpperBoundary,
	}
}

// NewModel checks a model that was asked for and returns it as it is stored, its test by its full name. Errors are Invalid faults.
func NewModel(m api.Model) (store.Model, error) {
	test, err := judge.ParseTest(m.Test)
	if err != nil {
		return store.Model{}, err
	}
	row := store.Model{
		Test: string(test), MinSampleSize: m.MinSampleSize, MaxSampleSize: m.MaxSampleSize, WindowSeconds: m.Window,
		LowerBoundary: m.LowerBoundary, UpperBoundary: m.UpperBoundary,
	}
	if err := Model(row).Validate(); err != nil {
		return store.Model{}, err
	}
	if m.MaxSampleSize != nil && *m.MaxSampleSize > limits.HistorySamples {
		return store.Model{}, fault.Invalidf("model %s: the largest sample size is %d, the limit is %d", test, *m.MaxSampleSize, limits.HistorySamples)
	}
	if m.MinSampleSize != nil && *m.MinSampleSize > limits.HistorySamples {
		return store.Model{}, fault.Invalidf("model %s: the least sample size is %d, the limit is %d", test, *m.MinSampleSize, limits.HistorySamples)
	}
	return row, nil
}

// sampleSize is how many earlier values a model looks at.
func sampleSize(m judge.Model) int {
	if m.MaxSampleSize != nil {
		return *m.MaxSampleSize
	}
	return limits.HistorySamples
}
