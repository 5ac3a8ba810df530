package change

import (
	"math"

	"github.com/tachograph/tacho/internal/core/stats"
)

const (
	refineReach = 3    // points that a change may move when it is placed
	placeCost   = 3.0  // in σ²: by how much a place may cost more than the best; it holds nine of ten, and 2 only 84 % at a step of 2σ
	effectMax   = 200  // points of each regime that tell an effect
	confidence  = 0.95 // of the interval of an effect
	priorPoints = 3    // degrees of freedom that shrinking adds to those of a regime
)

// place moves shift i within three points to where Σ min((z−μ)², (3σ)²) is smallest, μ being the levels of its sides and σ the
// largest of the series' and theirs. It returns the first and last place whose cost is at most 3σ² more, up to 60 points away. It keeps
// behind the shift before and before the one after it.
func (w *workspace) place(z []float64, i int, sigma float64) (first, last int) {
	s := &w.shifts[i]
	from, to := max(1, s.at-sideMax), min(len(z)-1, s.at+sideMax)
	if i > 0 {
		from = max(from, w.shifts[i-1].at+1)
	}
	if i+1 < len(w.shifts) {
		to = min(to, w.shifts[i+1].at-1)
	}
	unit := max(sigma, math.Sqrt(s.left.variance), math.Sqrt(s.right.variance)) // σ alone clips all of a regime that is noisier
	loss := func(x, level float64) float64 {
		d := (x - level) / unit
		return min(d*d, lossBound*lossBound)
	}
	w.costs = append(w.costs[:0], 0) // of a change at from+k, less that of one at from
	for k, x := range z[from:to] {
		cost := w.costs[k] + loss(x, s.left.mean) - loss(x, s.right.mean)
		w.costs = append(w.costs, cost)
	}
	best, at := w.costs[s.at-from], s.at
	for k, cost := range w.costs {
		if p := from + k; cost < best && max(p-s.at, s.at-p) <= refineReach {
			best, at = cost, p
		}
	}
	first, last = at, at
	for k, cost := range w.costs {
		if cost <= best+placeCost {
			first, last = min(first, from+k), max(last, from+k)
		}
	}
	s.at = at
	return first, last
}

// difference is what is known of the step between two regimes, on the scale of detection.
type difference struct {
	before, after level // of up to effectMax points
	delta, half   float64
	t, p          float64
	degrees       float64 // Welch's ν
}

// firm says whether the step among n points would also be told from noise with the largest autocorrelation that n values do not show, and
// with Student's t instead of Φ, because few values say little of their own noise.
func (d difference) firm(n int, inflation float64) bool {
	t := d.t * math.Sqrt(inflation/max(inflation, hidden(n)))
	return stats.StudentTail(t, math.Floor(d.degrees)) <= math.Erfc(bar(n)/math.Sqrt2)
}

// measure is the step at shift i: the levels of up to 200 points of its regimes, Δ with half of its 95 % interval, t_ν·√f·√(v*/n +
// v*/n) with Welch's ν (Biometrika 34, 1947), and p: that of t/√f under Φ, times the number of points (Bonferroni), at most 1.
func (w *workspace) measure(z []float64, i int, sigma, inflation float64) difference {
	var d difference
	d.before, d.after = w.sides(z, i, effectMax, sigma)
	d.delta = d.after.mean - d.before.mean
	a, b := d.before.shrunk(sigma)/float64(d.before.n), d.after.shrunk(sigma)/float64(d.after.n)
	d.degrees = (a + b) * (a + b) / (a*a/float64(d.before.n+priorPoints) + b*b/float64(d.after.n+priorPoints))
	d.half = stats.StudentQuantile((1+confidence)/2, math.Floor(d.degrees)) * math.Sqrt(inflation*(a+b))
	w.compare(z, i, sigma)
	d.t = w.shifts[i].t / math.Sqrt(inflation)
	d.p = min(1, float64(len(z))*math.Erfc(d.t/math.Sqrt2))
	return d
}
