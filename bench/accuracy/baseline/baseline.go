// Package baseline has methods of other tools that find changes in a series of benchmark results, to compare ours with. Each is written
// from the formulas in its source and takes the values oldest first; each returns the first positions of new regimes, in order.
//
// They are for measuring, not for use: none knows what to do with zeros, modes or few values.
package baseline

import (
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
)

// Method is a way to find changes.
type Method struct {
	Name string
	Find func(values []float64) []int
}

// All are the methods, each with its own defaults.
func All() []Method {
	return []Method{
		{"E-divisive, t-test (Otava) w 50, p 0.001", func(v []float64) []int { return EDivisive(v, 50, 0.001, 0) }},
		{"the same, 5 % or more (Nyrkiö)", func(v []float64) []int { return EDivisive(v, 50, 0.001, 0.05) }},
		{"PELT, squared loss, 3 ln n", PELT},
		{"Perfherder, t > 7, 2 %", Perfherder},
		{"rustc-perf, Q3 + 3 IQR", RustcPerf},
		{"Bencher, t 0.99, 64 values", func(v []float64) []int { return Bencher(v, 0.99, 2, 64) }},
		{"Bencher, t 0.999, from 10 values", func(v []float64) []int { return Bencher(v, 0.999, 10, 64) }},
		{"Skia, step fit r 7, t 25", func(v []float64) []int { return SkiaStep(v, 7, 25) }},
		{"Skia, Cohen's d 4", func(v []float64) []int { return SkiaCohen(v, 7, 4) }},
	}
}

// EDivisive is E-divisive (Matteson & James, JASA 109, 2014, with α = 1) in windows of w values that overlap by half, where a t-test takes
// the place of permutations (Fleming, Kołaczkowski et al., ICPE 2023: Hunter, now Apache Otava): a candidate is kept with p below most,
// and the weakest of all are dropped until each differs from its neighbours by that and by magnitude, a share.
func EDivisive(values []float64, w int, most, magnitude float64) []int {
	var e energy
	var weak []int
	for from := 0; ; from += w / 2 {
		to := min(from+w, len(values))
		weak = e.split(weak, values, from, to, most)
		if to == len(values) {
			break
		}
	}
	slices.Sort(weak)
	return merge(values, slices.Compact(weak), most, magnitude)
}

// energy has the sums of distances of a window, kept from window to window.
type energy struct{ sums []float64 }

// split adds the changes of values[from:to] to found.
func (e *energy) split(found []int, values []float64, from, to int, most float64) []int {
	at := e.best(values[from:to])
	if at == 0 {
		return found
	}
	at += from
	if p, _ := tTest(values[from:at], values[at:to]); p >= most {
		return found
	}
	found = e.split(append(found, at), values, from, at, most)
	return e.split(found, values, at, to, most)
}

// best is the τ for which Q(τ, κ) is largest over all κ: that of x[:τ] and x[τ:κ], with at least two values each. It is 0 where
// there is none.
func (e *energy) best(x []float64) int {
	n := len(x)
	side := n + 1
	if cap(e.sums) < side*side {
		e.sums = make([]float64, side*side)
	}
	s := e.sums[:side*side] // s[i·side+j] = Σ |x_a − x_b| for a < i, b < j
	clear(s[:side])
	for i := 1; i <= n; i++ {
		s[i*side] = 0
		row := 0.0
		for j := 1; j <= n; j++ {
			row += math.Abs(x[i-1] - x[j-1])
			s[i*side+j] = s[(i-1)*side+j] + row
		}
	}
	best, at := 0.0, 0
	for tau := 2; tau <= n-2; tau++ {
		m, left := float64(tau), s[tau*side+tau]
		for kappa := tau + 2; kappa <= n; kappa++ {
			k := float64(kappa - tau)
			between := s[tau*side+kappa] - left
			right := s[kappa*side+kappa] - left - 2*between
			q := m * k / (m + k) * (2*between/(m*k) - left/(m*(m-1)) - right/(k*(k-1)))
			if q > best {
				best, at = q, tau
			}
		}
	}
	return at
}

// tTest is Student's p of two sides, and their difference as a share of the first.
func tTest(a, b []float64) (p, change float64) {
	ma, mb := stats.Mean(a), stats.Mean(b)
	n, m := float64(len(a)), float64(len(b))
	if n+m < 3 {
		return 1, 0
	}
	squares := 0.0
	for _, x := range a {
		squares += (x - ma) * (x - ma)
	}
	for _, x := range b {
		squares += (x - mb) * (x - mb)
	}
	change = math.Abs(mb-ma) / math.Abs(ma)
	se := math.Sqrt(squares / (n + m - 2) * (1/n + 1/m))
	if se == 0 {
		if ma == mb {
			return 1, 0
		}
		return 0, change
	}
	return 2 * stats.StudentTail(math.Abs(mb-ma)/se, n+m-2), change
}

// merge drops the weakest of places until all are strong.
func merge(values []float64, places []int, most, magnitude float64) []int {
	for len(places) > 0 {
		weakest, highest, small, smallest := -1, most, -1, magnitude
		for i, at := range places {
			from, to := 0, len(values)
			if i > 0 {
				from = places[i-1]
			}
			if i+1 < len(places) {
				to = places[i+1]
			}
			p, change := tTest(values[from:at], values[at:to])
			if p >= highest {
				weakest, highest = i, p
			}
			if change < smallest {
				small, smallest = i, change
			}
		}
		if weakest < 0 {
			weakest = small
		}
		if weakest < 0 {
			break
		}
		places = slices.Delete(places, weakest, weakest+1)
	}
	return places
}

// PELT minimises the squared loss with 3σ²·ln n for each change, σ from the differences of neighbours (Killick, Fearnhead & Eckley,
// JASA 107, 2012).
func PELT(values []float64) []int {
	n := len(values)
	if n < 4 {
		return nil
	}
	differences := make([]float64, n-1)
	for i := range differences {
		differences[i] = values[i+1] - values[i]
	}
	sigma := 1.4826 * stats.MAD(differences) / math.Sqrt2
	penalty := 3 * sigma * sigma * math.Log(float64(n))
	sum, squares := make([]float64, n+1), make([]float64, n+1)
	mean := stats.Mean(values)
	for i, v := range values {
		sum[i+1], squares[i+1] = sum[i]+v-mean, squares[i]+(v-mean)*(v-mean)
	}
	cost := func(i, j int) float64 { return squares[j] - squares[i] - (sum[j]-sum[i])*(sum[j]-sum[i])/float64(j-i) }
	best, before := make([]float64, n+1), make([]int, n+1)
	best[0] = -penalty
	open := []int{0}
	for j := 1; j <= n; j++ {
		best[j] = math.Inf(1)
		for _, i := range open {
			if c := best[i] + cost(i, j) + penalty; c < best[j] {
				best[j], before[j] = c, i
			}
		}
		open = slices.DeleteFunc(open, func(i int) bool { return best[i]+cost(i, j) > best[j] })
		open = append(open, j)
	}
	var places []int
	for j := before[n]; j > 0; j = before[j] {
		places = append(places, j)
	}
	slices.Reverse(places)
	return places
}

// Perfherder is Mozilla's t-test with linear weights of the 12 values before and from a place on, whose local maxima above 7 count from 2 %
// on (treeherder, perf/alerts: MPL-2.0; written from its description).
func Perfherder(values []float64) []int {
	const window, threshold, least = 12, 7, 0.02
	t := make([]float64, len(values))
	for i := window; i+window <= len(values); i++ {
		before, after := weighted(values[i-window:i], true), weighted(values[i:i+window], false)
		if se := math.Sqrt((before.variance + after.variance) / window); se > 0 && math.Abs(after.mean/before.mean-1) >= least {
			t[i] = math.Abs(after.mean-before.mean) / se
		}
	}
	return peaks(t, threshold, window)
}

type weightedSide struct{ mean, variance float64 }

// weighted is the mean and variance with weights that fall linearly with the distance from the place, which is at the end or the start.
func weighted(xs []float64, atEnd bool) (s weightedSide) {
	weight := func(i int) float64 {
		if atEnd {
			return float64(i+1) / float64(len(xs))
		}
		return float64(len(xs)-i) / float64(len(xs))
	}
	total := 0.0
	for i, x := range xs {
		s.mean += weight(i) * x
		total += weight(i)
	}
	s.mean /= total
	for i, x := range xs {
		s.variance += weight(i) * (x - s.mean) * (x - s.mean)
	}
	s.variance /= total * float64(len(xs)-1) / float64(len(xs))
	return s
}

// peaks are the places where score is above threshold and the largest within reach on both sides.
func peaks(score []float64, threshold float64, reach int) (places []int) {
	for i, s := range score {
		if s <= threshold {
			continue
		}
		around := score[max(0, i-reach):min(len(score), i+reach+1)]
		if s >= slices.Max(around) && (len(places) == 0 || i-places[len(places)-1] > reach) {
			places = append(places, i)
		}
	}
	return places
}

// alarmReach is within how many values alarms of a test of single values are one change. That favours them.
const alarmReach = 10

// alarms are the places where a test of each value with those before it says that it is off.
func alarms(values []float64, off func(history []float64, value float64) bool) (places []int) {
	last := -alarmReach - 1
	for i, v := range values {
		if !off(values[:i], v) {
			continue
		}
		if i-last > alarmReach {
			places = append(places, i)
		}
		last = i
	}
	return places
}

// RustcPerf is a value whose relative change to the one before exceeds Q3 + 3·IQR of the last 30 such changes (rustc-perf,
// site/comparison).
func RustcPerf(values []float64) []int {
	change := func(a, b float64) float64 { return math.Abs(b/a - 1) }
	return alarms(values, func(history []float64, value float64) bool {
		n := len(history)
		if n < 10 {
			return false
		}
		var recent []float64
		for i := max(1, n-30); i < n; i++ {
			recent = append(recent, change(history[i-1], history[i]))
		}
		q1, q3 := stats.Quantile(recent, 0.25), stats.Quantile(recent, 0.75)
		return change(history[n-1], value) > q3+3*(q3-q1)
	})
}

// Bencher is a value outside of the two-sided limits of its t-test: m ± t⁻¹(p; n−1)·s·√(1+1/n) of the last most values
// (docs/bencher.md).
func Bencher(values []float64, p float64, least, most int) []int {
	return alarms(values, func(history []float64, value float64) bool {
		history = history[max(0, len(history)-most):]
		n := len(history)
		if n < least {
			return false
		}
		s := stats.SampleSD(history)
		half := stats.StudentQuantile(p, float64(n-1)) * s * math.Sqrt(1+1/float64(n))
		return s > 0 && math.Abs(value-stats.Mean(history)) > half
	})
}

// SkiaStep is Skia's original step fit: of the values in a radius about a place, scaled to a standard deviation of 1, the step over the
// mean square of what is left of it, at its peaks above threshold (skia-buildbot, perf/go/stepfit: BSD-3-Clause; written from its
// description).
func SkiaStep(values []float64, radius int, threshold float64) []int {
	score := make([]float64, len(values))
	for i := radius; i+radius <= len(values); i++ {
		trace := values[i-radius : i+radius]
		sd := stats.SampleSD(trace)
		if sd == 0 {
			continue
		}
		a, b := stats.Mean(trace[:radius])/sd, stats.Mean(trace[radius:])/sd
		squares := 0.0
		for k, x := range trace {
			level := a
			if k >= radius {
				level = b
			}
			squares += (x/sd - level) * (x/sd - level)
		}
		score[i] = math.Abs(b-a) / max(1e-6, math.Sqrt(squares)/float64(2*radius))
	}
	return peaks(score, threshold, radius)
}

// SkiaCohen is Cohen's d of the values in a radius about a place, at its peaks above threshold.
func SkiaCohen(values []float64, radius int, threshold float64) []int {
	score := make([]float64, len(values))
	for i := radius; i+radius <= len(values); i++ {
		a, b := values[i-radius:i], values[i:i+radius]
		sa, sb := stats.SampleSD(a), stats.SampleSD(b)
		if sd := math.Sqrt((sa*sa + sb*sb) / 2); sd > 0 {
			score[i] = math.Abs(stats.Mean(b)-stats.Mean(a)) / sd
		}
	}
	return peaks(score, threshold, radius)
}
