package threshold

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Judge is the model as the judge takes it.
func (m Model) Judge() judge.Model {
	return judge.Model{
		Test: judge.Test(m.Test), MinSampleSize: m.MinSampleSize, MaxSampleSize: m.MaxSampleSize, WindowSeconds: m.WindowSeconds,
		LowerBoundary: m.LowerBoundary, UpperBoundary: m.UpperBoundary,
	}
}

// NewModel checks a model that was asked for and returns it as it is stored, its test by its full name. Errors are Invalid faults.
func NewModel(m api.Model) (Model, error) {
	test, err := judge.ParseTest(m.Test)
	if err != nil {
		return Model{}, err
	}
	row := Model{
		Test: string(test), MinSampleSize: m.MinSampleSize, MaxSampleSize: m.MaxSampleSize, WindowSeconds: m.Window,
		LowerBoundary: m.LowerBoundary, UpperBoundary: m.UpperBoundary,
	}
	if err := row.Judge().Validate(); err != nil {
		return Model{}, err
	}
	if m.MaxSampleSize != nil && *m.MaxSampleSize > limits.HistorySamples {
		return Model{}, fault.Invalidf("model %s: the largest sample size is %d, the limit is %d", test, *m.MaxSampleSize, limits.HistorySamples)
	}
	if m.MinSampleSize != nil && *m.MinSampleSize > limits.HistorySamples {
		return Model{}, fault.Invalidf("model %s: the minimum sample size is %d, the limit is %d", test, *m.MinSampleSize, limits.HistorySamples)
	}
	return row, nil
}
