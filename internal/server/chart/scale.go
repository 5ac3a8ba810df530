package chart

import (
	"math"
	"time"
)

// scale maps values to pixels, linearly or by logarithm.
type scale struct {
	from, to   float64 // values, from < to
	start, end float64 // pixels
	log        bool    // needs from > 0
}

// newScale returns a scale over [from, to]; a range that is empty, or so narrow that its ticks would differ in no digit that a float64 has,
// is widened so that a single value lies in the middle. Value axes (end < start) get a little air at both ends.
func newScale(from, to, start, end float64, log bool) scale {
	if log {
		from, to = math.Log10(from), math.Log10(to)
	}
	size := max(math.Abs(from), math.Abs(to))
	if log {
		size = max(1, size) // the logarithm of 1 is 0, and its neighbours are as near to it as those of any other
	}
	if to-from <= narrow*size {
		pad := math.Abs(from) * 0.1
		if pad == 0 {
			pad = 1
		}
		from, to = from-pad, to+pad
	} else if end < start {
		pad := (to - from) * 0.06
		if from >= 0 && from-pad < 0 && !log {
			from = 0
		} else {
			from -= pad
		}
		to += pad
	}
	if log {
		from, to = max(math.Pow(10, from), math.SmallestNonzeroFloat64), math.Pow(10, to)
	}
	from, to = max(from, -math.MaxFloat64/2), min(to, math.MaxFloat64/2) // so that their distance is a number too
	return scale{from, to, start, end, log}
}

// narrow is the least range of a scale as a part of its values.
const narrow = 1e-10

func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.log {
		v, from, to = math.Log10(v), math.Log10(from), math.Log10(to)
	}
	return s.start + (v-from)/(to-from)*(s.end-s.start)
}

// ticks returns about n round values within the scale: 1, 2 or 5 times a power of ten, or powers of ten on a logarithmic scale that
// spans at least two decades.
func (s scale) ticks(n int) []float64 {
	if s.log && math.Log10(s.to/s.from) >= 2 {
		var out []float64
		for e, last := math.Ceil(math.Log10(s.from)), math.Log10(s.to); e <= last && len(out) < maxTicks; e++ {
			out = append(out, math.Pow(10, e))
		}
		return out
	}
	return multiples(s.from, s.to, roundStep((s.to-s.from)/float64(n)))
}

// integerTicks is ticks for version numbers: steps of at least one.
func (s scale) integerTicks(n int) []float64 {
	return multiples(s.from, s.to, max(1, roundStep((s.to-s.from)/float64(n))))
}

// roundStep returns the smallest of 1, 2, 5 × 10^k that is at least raw.
func roundStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// maxTicks bounds an axis, whatever its values are.
const maxTicks = 1000

func multiples(from, to, step float64) []float64 {
	var out []float64
	first := math.Ceil(from/step - 1e-9)
	for i := range maxTicks {
		v := (first + float64(i)) * step
		if !(v <= to+step*1e-9) {
			break
		}
		out = append(out, v+0) // no negative zero
	}
	return out
}

// timeSteps are the distances of ticks on a time axis, up to weeks.
var timeSteps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 2 * 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour, 91 * 24 * time.Hour,
	365 * 24 * time.Hour,
}

// timeTicks returns at most n instants in Unix milliseconds and how to write them, in UTC.
func timeTicks(from, to float64, n int) ([]float64, func(float64) string) {
	step := timeSteps[len(timeSteps)-1]
	for _, candidate := range timeSteps {
		if (to-from)/float64(candidate.Milliseconds()) <= float64(n) {
			step = candidate
			break
		}
	}
	layout := "2 Jan 2006"
	switch {
	case step < time.Minute:
		layout = "15:04:05"
	case step < 24*time.Hour && to-from < float64((24*time.Hour).Milliseconds()):
		layout = "15:04"
	case step < 24*time.Hour:
		layout = "2 Jan 15:04"
	}
	format := func(ms float64) string { return timeOf(ms).Format(layout) }
	return multiples(from, to, float64(step.Milliseconds())), format
}
