package judge

import (
	"fmt"
	"math"

	"github.com/tachograph/tacho/internal/core/stats"
)

// Boundary is what a value is held against. A limit is nil where none was drawn; Skipped says why none was although the model asks for one.
// Numbers in it are finite.
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

// leastReach is how far, relative to the mean, a t_test's limits stand from the mean at least: four units in the last place. A history
// without variance has limits there, wide enough for the rounding of a folded mean, and narrow enough that a count of 10¹⁵ that changes by
// one is outside.
const leastReach = 4 * 0x1p-52

// Bound draws the limits for the next value after history, newest first; only the newest MaxSampleSize of it count, and among those the
// order does not matter. With m the mean, s the sample standard deviation, n the size and p the boundary of a side, the limit stands at
//
//	percentage  m ± |m|·p                        n ≥ 1; |m| keeps the lower limit below the upper one where m is negative
//	t_test      m ± s·√(1 + 1/n)·t⁻¹(p; n−1)     n ≥ 2; the prediction interval for one further value (Hahn and Meeker 1991, §4.2)
//
// and for t_test at least leastReach·|m| away from m. The baseline is m. The model must be valid; values that are not finite in the history
// lead to a boundary that is skipped.
func Bound(m Model, history []float64) Boundary {
	if m.MaxSampleSize != nil {
		history = history[:min(len(history), max(0, *m.MaxSampleSize))]
	}
	need := m.least()
	if m.MinSampleSize != nil {
		need = max(need, *m.MinSampleSize)
	}
	if len(history) < need {
		return Boundary{Skipped: fmt.Sprintf("history has %s, %d are needed", values(len(history)), need)}
	}
	for _, v := range history {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Boundary{Skipped: fmt.Sprintf("history holds %v, which is not a finite number", v)}
		}
	}
	mean := stats.Mean(history)
	reach, known := m.reach(mean, history)
	if !known {
		return Boundary{Skipped: fmt.Sprintf("test %q is not known", m.Test)}
	}
	b := Boundary{Baseline: &mean}
	draw := func(p *float64, sign float64) *float64 {
		if p == nil {
			return nil
		}
		limit := mean + sign*reach(*p)
		if math.IsNaN(limit) || math.IsInf(limit, 0) {
			b.Skipped = "a limit is beyond the range of numbers"
			return nil
		}
		return &limit
	}
	b.Lower, b.Upper = draw(m.LowerBoundary, -1), draw(m.UpperBoundary, +1)
	return b
}

// reach returns the function from a side's boundary to the distance of its limit from the mean, never negative.
func (m Model) reach(mean float64, history []float64) (func(p float64) float64, bool) {
	switch m.Test {
	case Percentage:
		return func(p float64) float64 { return math.Abs(mean) * p }, true
	case TTest:
		n, sd := float64(len(history)), stats.SampleSD(history)
		return func(p float64) float64 {
			return max(math.Abs(mean)*leastReach, sd*math.Sqrt(1+1/n)*stats.StudentQuantile(p, n-1))
		}, true
	}
	return nil, false
}

func values(n int) string {
	if n == 1 {
		return "1 value"
	}
	return fmt.Sprintf("%d values", n)
}

// Broken reports on which side value is strictly outside, the lower side first. A value on a limit is inside.
func (b Boundary) Broken(value float64) (Limit, bool) {
	if b.Lower != nil && value < *b.Lower {
		return LowerLimit, true
	}
	if b.Upper != nil && value > *b.Upper {
		return UpperLimit, true
	}
	return "", false
}
