package policy

import (
	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/exact"
)

// ExactScale is the scale of changes of what is counted; the others are those of package change.
const ExactScale = "exact"

// Found is a change of a line. Positions count its values from 0; First, Last and Index are as in change.Change.
type Found struct {
	Index, First, Last  int
	Scale               string   // log, raw or exact
	Before, After       float64  // levels
	Effect, Lower, High *float64 // absent where there is no ratio, or no interval
	T, P                float64
	NBefore, NAfter     int
	Settled, Weak       bool
}

// Difference is what change.Same compares: the effect of what has noise, the difference of what is counted.
func (f Found) Difference() float64 {
	if f.Scale != ExactScale && f.Effect != nil {
		return *f.Effect
	}
	return f.After - f.Before
}

// Share is the effect as a share of the level before; nil where there is no ratio.
func (f Found) Share() *float64 {
	if f.Scale != change.Raw.String() {
		return f.Effect
	}
	if f.Before == 0 {
		return nil
	}
	d := exact.Delta{From: f.Before, To: f.After}.Effect()
	return &d
}

// weakFrom is the inflation by autocorrelation from which on changes are often none, and nobody is told of them.
const weakFrom = 2

// Noisy are the changes of a series.
func Noisy(r change.Result) []Found {
	out := make([]Found, len(r.Changes))
	for i, c := range r.Changes {
		effect, low, high := c.Effect, c.Lower, c.Upper
		out[i] = Found{Index: c.Index, First: c.First, Last: c.Last, Scale: c.Scale.String(), Before: c.Before, After: c.After,
			Effect: &effect, Lower: &low, High: &high, T: c.T, P: c.P, NBefore: c.NBefore, NAfter: c.NAfter, Settled: c.Settled,
			Weak: r.Inflation > weakFrom || c.Switch || !c.Firm}
	}
	return out
}

// Counted are the changes of values that are exact, each of at least minEffect, a share ≥ 0. accepted is the position of the value that
// somebody accepted last, −1 for none. A value that is NaN or infinite is an Invalid fault.
func Counted(values []float64, minEffect float64, accepted int) ([]Found, error) {
	ratchet, err := exact.NewRatchet(minEffect)
	if err != nil {
		return nil, err
	}
	var out []Found
	level := 0 // where the current one began
	for i, v := range values {
		a, err := ratchet.Add(v)
		if err != nil {
			return nil, err
		}
		if i == accepted {
			ratchet.Accept()
		}
		if a == nil {
			continue
		}
		ratchet.Accept()
		delta := a.Ratchet
		if a.ByStep {
			delta = a.Step
		}
		f := Found{Index: i, First: i, Last: i, Scale: ExactScale, Before: delta.From, After: delta.To, NBefore: i - level, Settled: true}
		if !delta.New {
			effect := delta.Effect()
			f.Effect = &effect
		}
		if len(out) > 0 {
			out[len(out)-1].NAfter = i - level
		}
		out, level = append(out, f), i
	}
	if len(out) > 0 {
		out[len(out)-1].NAfter = len(values) - level
	}
	return out, nil
}
