// Package judge holds a value against its history: a model says which test with which parameters, Bound draws the limits, Broken says
// whether a value is outside. It also has the life of an alert. Compare gives verdicts on two versions of a program (compare.go,
// verdict.go).
//
// The formulas are those of the field's common practice, and agree with Bencher's numbers wherever Bencher draws limits that make sense.
// Where its limits help nobody they differ: a history without any variance still has limits, so that a count that doubles is seen, and a
// negative mean keeps its lower limit below its upper one.
//
// The package knows no store and no clock: report brings the history, chosen by branch, testbed, benchmark, measure and window, and writes
// the alerts.
package judge

import (
	"math"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Test is a statistical test.
type Test string

// The tests.
const (
	Percentage Test = "percentage"
	TTest      Test = "t_test"
)

// ParseTest reads a test's name; "t" is t_test's alias. Another name is an Invalid fault, which tells those that exist elsewhere and are
// not built here from those that nobody knows.
func ParseTest(s string) (Test, error) {
	switch s {
	case string(Percentage):
		return Percentage, nil
	case string(TTest), "t":
		return TTest, nil
	case "static", "z_score", "z", "log_normal", "iqr", "delta_iqr":
		return "", fault.Invalidf("test %q is not supported by this server yet; use percentage or t_test", s)
	}
	return "", fault.Invalidf("test %.40q is not known; use percentage or t_test", s)
}

// Model is a test with its parameters.
type Model struct {
	Test          Test
	MinSampleSize *int     // fewer values: no limits; nil: as few as the test allows
	MaxSampleSize *int     // only the newest so many values; nil: all
	WindowSeconds *int64   // only values at most so old; the caller selects by it
	LowerBoundary *float64 // percentage: ≥ 0, part of the mean; t_test: [0.5, 1), one-sided confidence
	UpperBoundary *float64
}

// Validate checks the parameters' ranges. Errors are Invalid faults.
func (m Model) Validate() error {
	if test, err := ParseTest(string(m.Test)); err != nil {
		return err
	} else if test != m.Test { // an alias: whoever stores a model stores the test's own name
		return fault.Invalidf("test %q: write %s", m.Test, test)
	}
	if m.LowerBoundary == nil && m.UpperBoundary == nil {
		return fault.Invalidf("model %s: a lower or an upper boundary is needed", m.Test)
	}
	for _, side := range []struct {
		name  string
		value *float64
	}{{"lower", m.LowerBoundary}, {"upper", m.UpperBoundary}} {
		if err := m.checkBoundary(side.name, side.value); err != nil {
			return err
		}
	}
	least := m.least()
	if m.MinSampleSize != nil && *m.MinSampleSize < least {
		return fault.Invalidf("model %s: the minimum sample size is %d, the test needs %d", m.Test, *m.MinSampleSize, least)
	}
	if m.MaxSampleSize != nil && *m.MaxSampleSize < least {
		return fault.Invalidf("model %s: the largest sample size is %d, the test needs %d", m.Test, *m.MaxSampleSize, least)
	}
	if m.MinSampleSize != nil && m.MaxSampleSize != nil && *m.MinSampleSize > *m.MaxSampleSize {
		return fault.Invalidf("model %s: minimum sample size %d exceeds the maximum %d", m.Test, *m.MinSampleSize, *m.MaxSampleSize)
	}
	if m.WindowSeconds != nil && *m.WindowSeconds < 1 {
		return fault.Invalidf("model %s: the window is %d s, want at least 1 s", m.Test, *m.WindowSeconds)
	}
	return nil
}

func (m Model) checkBoundary(name string, b *float64) error {
	switch {
	case b == nil:
		return nil
	case math.IsNaN(*b) || math.IsInf(*b, 0):
		return fault.Invalidf("model %s: the %s boundary is not a number", m.Test, name)
	case m.Test == Percentage && *b < 0:
		return fault.Invalidf("model percentage: the %s boundary is %v; it must be a fraction of the mean, 0 or more (0.1 means 10 %%)", name, *b)
	case m.Test == TTest && (*b < 0.5 || *b >= 1):
		return fault.Invalidf("model t_test: the %s boundary is %v; it is a confidence from 0.5 to below 1", name, *b)
	}
	return nil
}

// least is how many values the test needs.
func (m Model) least() int {
	if m.Test == TTest {
		return 2
	}
	return 1
}
