// Package judge holds a value against its history: a model says which test with which parameters, Bound draws the limits, Broken says
// whether a value is outside. It also has the life of an alert.
//
// The formulas are those of the field's common practice, and agree with Bencher's numbers wherever Bencher draws a limit. Where its
// limits help nobody they differ: a history without any variance still has limits, and a negative mean keeps its lower limit below its
// upper one. The package knows no store and no clock; who calls it brings the history.
package judge

import (
	"fmt"
	"math"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/stats"
)

// Test is a statistical test.
type Test string

// The tests.
const (
	Percentage Test = "percentage"
	TTest      Test = "t_test"
)

// ParseTest reads a test; "t" is t_test's alias.
func ParseTest(s string) (Test, error) {
	switch s {
	case string(Percentage):
		return Percentage, nil
	case string(TTest), "t":
		return TTest, nil
	case "static", "z_score", "z", "log_normal", "iqr", "delta_iqr":
		return "", fault.Invalidf("test %q: this server judges by percentage and t_test only", s)
	}
	return "", fault.Invalidf("test %q: want percentage or t_test", s)
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
	if _, err := ParseTest(string(m.Test)); err != nil {
		return err
	}
	if m.LowerBoundary == nil && m.UpperBoundary == nil {
		return fault.Invalidf("model %s: a lower or an upper boundary is needed", m.Test)
	}
	for name, b := range map[string]*float64{"lower": m.LowerBoundary, "upper": m.UpperBoundary} {
		if b == nil {
			continue
		}
		switch {
		case math.IsNaN(*b) || math.IsInf(*b, 0):
			return fault.Invalidf("model %s: the %s boundary is not a number", m.Test, name)
		case m.Test == Percentage && *b < 0:
			return fault.Invalidf("model percentage: the %s boundary is %v; it is a part of the mean (0.1 is 10 %%) and not negative", name, *b)
		case m.Test == TTest && (*b < 0.5 || *b >= 1):
			return fault.Invalidf("model t_test: the %s boundary is %v; it is a confidence from 0.5 to below 1", name, *b)
		}
	}
	least := m.least()
	if m.MinSampleSize != nil && *m.MinSampleSize < least {
		return fault.Invalidf("model %s: the least sample size is %d, it needs %d", m.Test, *m.MinSampleSize, least)
	}
	if m.MaxSampleSize != nil && *m.MaxSampleSize < least {
		return fault.Invalidf("model %s: the largest sample size is %d, it needs %d", m.Test, *m.MaxSampleSize, least)
	}
	if m.MinSampleSize != nil && m.MaxSampleSize != nil && *m.MinSampleSize > *m.MaxSampleSize {
		return fault.Invalidf("model %s: the least sample size %d is over the largest %d", m.Test, *m.MinSampleSize, *m.MaxSampleSize)
	}
	if m.WindowSeconds != nil && *m.WindowSeconds < 1 {
		return fault.Invalidf("model %s: the window is %d s, want at least 1 s", m.Test, *m.WindowSeconds)
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

// Boundary is what a value is held against. Limits are nil where none was drawn; Skipped then says why.
type Boundary struct {
	Baseline, Lower, Upper *float64
	Skipped                string
}

// Limit names the side on which a value is outside.
type Limit string

// The sides.
const (
	LowerLimit Limit = "lower"
	UpperLimit Limit = "upper"
)

// equalWithin is how far, relative to the mean, the limits of a history without variance stand from it: wide enough for the last bits of a
// sum, narrow enough that a count that changes by one in a thousand million is seen.
const equalWithin = 1e-9

// Bound draws the limits for the next value after history, newest first; only the newest MaxSampleSize count. With m the mean, s the
// sample standard deviation, n the size:
//
//	percentage  m ± |m|·p                               (n ≥ 1)
//	t_test      m ± s·√(1 + 1/n)·t⁻¹(p; n−1)            (n ≥ 2), the prediction interval for one further value
func Bound(m Model, history []float64) Boundary {
	if m.MaxSampleSize != nil && len(history) > *m.MaxSampleSize {
		history = history[:*m.MaxSampleSize]
	}
	need := m.least()
	if m.MinSampleSize != nil {
		need = max(need, *m.MinSampleSize)
	}
	if len(history) < need {
		return Boundary{Skipped: fmt.Sprintf("the history has %d values, %d are needed", len(history), need)}
	}
	mean := stats.Mean(history)
	var reach func(p float64) float64
	switch m.Test {
	case Percentage:
		reach = func(p float64) float64 { return math.Abs(mean) * p }
	case TTest:
		n, sd := float64(len(history)), stats.SampleSD(history)
		floor := math.Abs(mean) * equalWithin
		reach = func(p float64) float64 {
			return max(floor, sd*math.Sqrt(1+1/n)*stats.StudentQuantile(p, n-1))
		}
	default:
		return Boundary{Skipped: "the model's test is not known"}
	}
	b := Boundary{Baseline: finite(mean)}
	if m.LowerBoundary != nil {
		b.Lower = finite(mean - reach(*m.LowerBoundary))
	}
	if m.UpperBoundary != nil {
		b.Upper = finite(mean + reach(*m.UpperBoundary))
	}
	if b.Baseline == nil {
		return Boundary{Skipped: "the history's mean is not finite"}
	}
	return b
}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Broken reports on which side value is strictly outside, the lower side first.
func (b Boundary) Broken(value float64) (Limit, bool) {
	if b.Lower != nil && value < *b.Lower {
		return LowerLimit, true
	}
	if b.Upper != nil && value > *b.Upper {
		return UpperLimit, true
	}
	return "", false
}
