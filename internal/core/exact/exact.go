// Package exact judges counts that have no noise: instructions, bytes, allocations, dependencies. Two of them are equal or they are not, so
// there is no test, no learning and no certainty, only a minimum effect.
//
// A step is a value that differs enough from the one before. A ratchet is a value that differs enough from the accepted one, which catches
// growth in many steps that are each too small. Values that are equal in some reruns of a commit only (system calls, threads) are not
// exact: package change judges them. So are times.
//
// Source: 400 commits of twelve real series of sizes and dependencies. An alert for each change gives up to 399; at 1 % the step gives up
// to 5 and the ratchet up to 13 (docs/statistics.md).
package exact

import (
	"math"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Minimum effects by default, as shares of the value that is compared with.
const (
	CountEffect       = 0.01  // bytes, allocations and other counts
	InstructionEffect = 0.005 // instructions
	BudgetEffect      = 0     // dependencies, and whatever has a budget: any change
)

// rerunsEqual is how many reruns of one commit must be equal for values to be taken as exact when nobody said so.
const rerunsEqual = 12

// Shown says whether the reruns of one commit show that a measure is exact: there are twelve or more, and all are equal.
func Shown(reruns []float64) bool {
	if len(reruns) < rerunsEqual {
		return false
	}
	for _, v := range reruns {
		if v != reruns[0] { // NaN differs from itself
			return false
		}
	}
	return true
}

// Delta is a difference that is known exactly. Its zero value is no difference.
type Delta struct {
	From, To float64
	New      bool // From is 0 and To is not: there is no ratio
}

// Difference is To − From.
func (d Delta) Difference() float64 { return d.To - d.From }

// Effect is the difference as a share of From: 0.1 is 10 % more. It is +Inf or −Inf for what is new, and finite for all else: what is
// larger than floating point holds is the largest that it holds.
func (d Delta) Effect() float64 {
	switch {
	case d.To == d.From:
		return 0
	case d.From == 0:
		return math.Inf(int(math.Copysign(1, d.To)))
	}
	if e := (d.To - d.From) / math.Abs(d.From); !math.IsInf(e, 0) {
		return e
	}
	e := d.To/math.Abs(d.From) - math.Copysign(1, d.From) // their difference may be too large where their ratio is not
	return min(max(e, -math.MaxFloat64), math.MaxFloat64)
}

// Counts says whether the difference is at least minEffect, a share ≥ 0. No difference never does, and what is new always does.
func (d Delta) Counts(minEffect float64) bool {
	return d.To != d.From && math.Abs(d.Effect()) >= minEffect
}

func deltaOf(from, to float64) Delta { return Delta{From: from, To: to, New: from == 0 && to != 0} }

// Alert is a value that differs enough.
type Alert struct {
	Index   int   // position of the value
	Step    Delta // against the value before it
	Ratchet Delta // against the accepted value
	ByStep  bool  // which of the rules says so: one or both
}

// Ratchet judges the values of one series as they come. The second value is judged already.
//
// It is not safe for concurrent use.
type Ratchet struct {
	minEffect          float64
	n                  int
	previous, accepted float64
}

// NewRatchet returns a ratchet without values; minEffect is a share ≥ 0.
func NewRatchet(minEffect float64) (*Ratchet, error) {
	if !(minEffect >= 0) || math.IsInf(minEffect, 1) {
		return nil, fault.Invalidf("minimum effect %v: must be a share of 0 or more (0.01 means 1 %%)", minEffect)
	}
	return &Ratchet{minEffect: minEffect}, nil
}

// Add judges the next value, and returns nil where it is within the minimum effect of both the value before and the accepted one. The first
// value is accepted. NaN and infinities are refused as Invalid faults and leave the ratchet as it was.
//
// A value that alerts is not accepted by that: until Accept, those after it alert against the accepted one as well.
func (r *Ratchet) Add(value float64) (*Alert, error) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil, fault.Invalidf("value %d of the series is %v: it is not a measurement; leave the point out", r.n+1, value)
	}
	index := r.n
	r.n++
	if index == 0 {
		r.previous, r.accepted = value, value
		return nil, nil
	}
	a := Alert{Index: index, Step: deltaOf(r.previous, value), Ratchet: deltaOf(r.accepted, value)}
	r.previous = value
	if a.ByStep = a.Step.Counts(r.minEffect); a.ByStep || a.Ratchet.Counts(r.minEffect) {
		return &a, nil
	}
	return nil, nil
}

// Accept makes the newest value the accepted one: somebody accepted its alert, or resolved it.
func (r *Ratchet) Accept() { r.accepted = r.previous }

// Accepted is what values are held against, 0 before the first.
func (r *Ratchet) Accepted() float64 { return r.accepted }

// Alerts are those of a whole series in which each alert is accepted as it comes.
func Alerts(values []float64, minEffect float64) ([]Alert, error) {
	r, err := NewRatchet(minEffect)
	if err != nil {
		return nil, err
	}
	var out []Alert
	for _, v := range values {
		switch a, err := r.Add(v); {
		case err != nil:
			return nil, err
		case a != nil:
			out = append(out, *a)
			r.Accept()
		}
	}
	return out, nil
}
