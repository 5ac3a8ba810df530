package change

import (
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
)

const (
	smallestSeries = 12 // values; nothing is said of changes among fewer
	learned        = 10 // values of a regime from which on the next one is judged
	shownAfter     = 2  // values from a change on, for it to be shown
	settledAfter   = 5  // and to be settled
)

// Strictness is what a change must earn for each ln n, in nats.
type Strictness float64

// The strictnesses. High has a third of Normal's false alarms on-line and finds small steps later, or not at all.
const (
	Normal Strictness = 2.5
	High   Strictness = 3.5
)

// Params say what is looked for. The zero value is the default.
type Params struct {
	MinEffect  float64    // smallest change that counts, as a share of the level before it; 0: any
	Strictness Strictness // 0: Normal
	Tick       float64    // step in which the values were read, in their unit; 0: as the values show it; negative: none
}

func (p Params) check() error {
	switch {
	case !(p.MinEffect >= 0) || math.IsInf(p.MinEffect, 1):
		return fault.Invalidf("minimum effect %v: must be a share of 0 or more (0.01 means 1 %%)", p.MinEffect)
	case p.Strictness != 0 && p.Strictness != Normal && p.Strictness != High:
		return fault.Invalidf("strictness %v: must be normal or high", float64(p.Strictness))
	case math.IsNaN(p.Tick) || math.IsInf(p.Tick, 0):
		return fault.Invalidf("tick %v: must be a number in the unit of the values", p.Tick)
	}
	return nil
}

// Detect returns what is known of values, one for each version, oldest first. NaN and infinities are refused as Invalid faults, any number
// of values from none on is not. It takes time in proportion to the number of values and is safe for concurrent use.
//
// It is the same as a Series to which the values are appended.
func Detect(values []float64, p Params) (Result, error) {
	s, err := New(p)
	if err == nil {
		err = s.Append(values...)
	}
	if err != nil {
		return Result{}, err
	}
	return s.Result(), nil
}

// examine is detection in one window of values, and if newest asks for it, what is said of its newest value. Positions in the result are
// those in values.
func examine(values []float64, p Params, newest bool) Result {
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	r := Result{Values: len(values), Learning: true}
	var origin, unit float64
	r.Scale, origin, unit = w.load(values)
	if r.Scale == Log && len(w.z) < len(values) {
		for i, v := range values {
			if v == 0 {
				r.Missing = append(r.Missing, i)
			}
		}
	}
	e := examination{workspace: w, z: w.z, origin: origin, unit: unit, scale: r.Scale}
	e.sigma = w.noiseOf(e.z, e.tick(values, p.Tick))
	r.Noise = bounded(e.sigma * unit)
	if e.sigma > 0 && len(e.z) >= smallestSeries {
		e.changes(&r, p)
	}
	if newest {
		e.tail(&r)
	}
	return r
}

// examination is one window on its scale.
type examination struct {
	*workspace
	z         []float64
	origin    float64 // value where z is 0
	unit      float64 // of z, in that of the values; 1 on the logarithmic scale
	scale     Scale
	sigma     float64
	inflation float64 // f; 0 until the changes are known
}

// tick is the step of the values on the scale of z, 0 for none.
func (e *examination) tick(values []float64, given float64) float64 {
	if given < 0 || len(e.z) == 0 {
		return 0
	}
	if given == 0 {
		given = e.tickOf(values)
	}
	if given == 0 {
		return 0
	}
	if e.scale == Raw {
		return given / e.unit
	}
	return given / e.value(e.median(e.z))
}

// changes finds the changes and modes of a window.
func (e *examination) changes(r *Result, p Params) {
	z, sigma := e.z, e.sigma
	strictness := float64(p.Strictness)
	if strictness == 0 {
		strictness = float64(Normal)
	}
	starts := e.propose(z, sigma)
	bound := 3 * sigma
	if len(starts) > 0 {
		bound = e.residualBound(z, starts, sigma)
	}
	chosen := e.choose(z, starts, sigma, bound, strictness)
	runs := e.modesOf(z, chosen, sigma)
	for _, run := range runs {
		r.Modes = append(r.Modes, e.describe(chosen, run))
	}
	single := e.without(chosen, runs)
	_, e.inflation = e.correlation(z, single, sigma, bound)
	r.Inflation = e.inflation
	shifts := e.prove(z, single, sigma, demands{
		inflation: e.inflation, minEffect: p.MinEffect, after: shownAfter, log: e.scale == Log, zero: -e.origin / e.unit})
	for i := range shifts {
		first, last := e.place(z, i, sigma)
		r.Changes = append(r.Changes, Change{First: e.at[first], Last: e.at[last]})
	}
	for i := range shifts {
		e.fill(&r.Changes[i], i)
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		c.Switch = slices.ContainsFunc(r.Modes, func(m Modes) bool {
			return m.first() < c.Index && math.Abs(e.onScale(c.After)-e.onScale(c.Before)) <= modeReach*(e.onScale(m.High)-e.onScale(m.Low))
		})
	}
}

// fill measures shift i.
func (e *examination) fill(c *Change, i int) {
	at := e.shifts[i].at
	d := e.measure(e.z, i, e.sigma, e.inflation)
	c.Index, c.Scale = e.at[at], e.scale
	c.Before, c.After = e.value(d.before.mean), e.value(d.after.mean)
	c.NBefore, c.NAfter = d.before.n, d.after.n
	c.Effect, c.Lower, c.Upper = e.effect(d.delta), e.effect(d.delta-d.half), e.effect(d.delta+d.half)
	c.T, c.P = d.t, d.p
	c.Firm = d.firm(len(e.z), e.inflation)
	c.Settled = len(e.z)-at >= settledAfter
}

// describe says what there is of two modes in a run of chosen places.
func (e *examination) describe(chosen []int, run run) Modes {
	const newest = sideMax
	from, _ := segment(chosen, run.from, len(e.z))
	_, to := segment(chosen, run.to, len(e.z))
	var m Modes
	for _, at := range chosen[run.from:run.to] {
		m.Switches = append(m.Switches, e.at[at])
	}
	var even, odd float64 // sums of every second segment
	var evenN, oddN int
	for i := run.from; i <= run.to; i++ {
		a, b := segment(chosen, i, len(e.z))
		l := e.levelOf(e.z[a:b], e.sigma)
		if (i-run.from)%2 == 0 {
			even, evenN = even+l.mean*float64(l.n), evenN+l.n
		} else {
			odd, oddN = odd+l.mean*float64(l.n), oddN+l.n
		}
	}
	low, high := even/float64(evenN), odd/float64(oddN)
	if low > high {
		low, high = high, low
	}
	share := func(z []float64) float64 {
		n := 0
		for _, x := range z {
			if x-low > high-x {
				n++
			}
		}
		return float64(n) / float64(max(1, len(z)))
	}
	middle := max(from, to-newest)
	m.Low, m.High = e.value(low), e.value(high)
	m.ShareBefore, m.ShareNow = share(e.z[from:middle]), share(e.z[middle:to])
	return m
}

// value is a level of z in the unit of the values, and onScale the reverse.
func (e *examination) value(z float64) float64 {
	if e.scale == Raw {
		return bounded((z + e.origin/e.unit) * e.unit)
	}
	return bounded(e.origin * math.Exp(z))
}

func (e *examination) onScale(value float64) float64 {
	if e.scale == Raw {
		return value/e.unit - e.origin/e.unit
	}
	return math.Log(value) - math.Log(e.origin)
}

// effect is a difference of z as Change.Effect has it.
func (e *examination) effect(delta float64) float64 {
	if e.scale == Raw {
		return bounded(delta * e.unit)
	}
	return bounded(math.Expm1(delta))
}

// bounded keeps what is beyond the range of a float at its end: values at both ends of the range are measurements too.
func bounded(x float64) float64 { return min(max(x, -math.MaxFloat64), math.MaxFloat64) }
