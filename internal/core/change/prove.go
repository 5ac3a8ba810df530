package change

import "math"

const (
	localMax   = 15  // points on each side that must show a change on their own: a slow drift shows little of it in so few
	localShare = 0.5 // of the difference that they must show

	largestCorrelation = 0.9 // what is beyond is not noise about a level
)

// shift is a change on the scale of detection: its place, the regimes on its sides and how far they are apart.
type shift struct {
	at          int
	left, right level // of up to sideMax points
	t           float64
}

// bar is what t must reach for a change among n points to be distinguished from noise: √(2 ln n), which the largest of n normal values
// rarely exceeds, plus 2.
func bar(n int) float64 { return math.Sqrt(2*math.Log(float64(n))) + 2 }

// correlation is ρ, the lag-1 autocorrelation of the residuals of z about the levels between starts, clipped at bound, plus (1+k)/n for
// what k changes take away of it, at most 0.9; and f = (1+ρ)/(1−ρ), the factor by which it raises the variance of a mean (Bartlett,
// Supplement to the JRSS 8, 1946). f is 1 where ρ ≤ 2/√n, which noise without correlation reaches by chance.
func (w *workspace) correlation(z []float64, starts []int, sigma, bound float64) (rho, f float64) {
	rest := w.residuals(z, starts, sigma)
	n, mean := float64(len(rest)), 0.0
	for i, r := range rest {
		rest[i] = min(max(r, -bound), bound)
		mean += rest[i]
	}
	mean /= n
	squares, products, before := 0.0, 0.0, 0.0
	for _, r := range rest {
		d := r - mean
		squares += d * d
		products += d * before
		before = d
	}
	if squares == 0 {
		return 0, 1
	}
	rho = min(products/squares+float64(1+len(starts))/n, largestCorrelation)
	if rho <= 2/math.Sqrt(n) {
		return rho, 1
	}
	return rho, (1 + rho) / (1 - rho)
}

// hidden is the largest f that n values do not show: that of ρ = 2/√n, at most 0.9.
func hidden(n int) float64 {
	rho := min(2/math.Sqrt(float64(n)), largestCorrelation)
	return (1 + rho) / (1 - rho)
}

// demands are what a change must fulfil besides being told from noise.
type demands struct {
	inflation float64 // f of the series
	minEffect float64 // share of the level before it, or 0
	after     int     // points from it on
	log       bool    // whether the scale is logarithmic
	zero      float64 // where the value 0 is on the scale, if it is not
}

// prove returns the shifts at starts that hold: t/√f reaches the bar, the effect is large enough, the 15 points on each side show at
// least half of it, two levels fit better than a slope, and enough points follow. The weakest that does not is dropped and its neighbours
// are looked at again, until all hold. The result is kept until the next call.
func (w *workspace) prove(z []float64, starts []int, sigma float64, d demands) []shift {
	w.shifts = w.shifts[:0]
	for _, at := range starts {
		w.shifts = append(w.shifts, shift{at: at})
	}
	for i := range w.shifts {
		w.compare(z, i, sigma)
	}
	for {
		weakest := -1
		for i := range w.shifts {
			if (weakest < 0 || w.shifts[i].t <= w.shifts[weakest].t) && !w.holds(z, i, sigma, d) {
				weakest = i
			}
		}
		if weakest < 0 {
			return w.shifts
		}
		w.shifts = append(w.shifts[:weakest], w.shifts[weakest+1:]...)
		if weakest > 0 {
			w.compare(z, weakest-1, sigma)
		}
		if weakest < len(w.shifts) {
			w.compare(z, weakest, sigma)
		}
	}
}

// compare looks at both sides of shift i, up to its neighbours.
func (w *workspace) compare(z []float64, i int, sigma float64) {
	s := &w.shifts[i]
	s.left, s.right = w.sides(z, i, sideMax, sigma)
	s.t = statistic(s.left, s.right, sigma)
}

// sides are the levels of up to most points before shift i and from it on, not beyond its neighbours.
func (w *workspace) sides(z []float64, i, most int, sigma float64) (left, right level) {
	from, to := w.around(z, i, most)
	at := w.shifts[i].at
	return w.levelOf(z[from:at], sigma), w.levelOf(z[at:to], sigma)
}

// around is the range of up to most points on each side of shift i.
func (w *workspace) around(z []float64, i, most int) (from, to int) {
	to = len(z)
	if i > 0 {
		from = w.shifts[i-1].at
	}
	if i+1 < len(w.shifts) {
		to = w.shifts[i+1].at
	}
	return max(from, w.shifts[i].at-most), min(to, w.shifts[i].at+most)
}

// holds says whether shift i is proven.
func (w *workspace) holds(z []float64, i int, sigma float64, d demands) bool {
	s := &w.shifts[i]
	if len(z)-s.at < d.after || s.t < bar(len(z))*math.Sqrt(d.inflation) {
		return false
	}
	if effect := d.effect(s.left.mean, s.right.mean); math.Abs(effect) < d.minEffect {
		return false
	}
	left, right := w.sides(z, i, localMax, sigma)
	delta, near := s.right.mean-s.left.mean, right.mean-left.mean
	return near*delta > 0 && math.Abs(near) >= localShare*math.Abs(delta) && !w.slopes(z, i, sigma)
}

// slopes says whether the values around shift i lie on a slope rather than on two levels: whether a straight line through both sides leaves
// a smaller sum of squares. Values are clipped at three standard deviations from the level of their side, so that outliers do not decide.
func (w *workspace) slopes(z []float64, i int, sigma float64) bool {
	s := &w.shifts[i]
	from, to := w.around(z, i, sideMax)
	n := float64(to - from)
	var sum, squares, products, within float64
	for k, l := range []level{s.left, s.right} {
		part, first := z[from:s.at], from
		if k == 1 {
			part, first = z[s.at:to], s.at
		}
		bound, own, ownSquares := lossBound*math.Sqrt(l.shrunk(sigma)), 0.0, 0.0
		for j, x := range part {
			d := min(max(x-l.mean, -bound), bound)
			own += d
			ownSquares += d * d
			d += l.mean - s.left.mean
			sum += d
			squares += d * d
			products += d * (float64(first+j-from) - (n-1)/2)
		}
		within += ownSquares - own*own/float64(len(part))
	}
	line := squares - sum*sum/n - products*products/(n*(n*n-1)/12)
	return line < within
}

// effect is the change from one level to another as a share of the first; without limit from 0.
func (d demands) effect(before, after float64) float64 {
	switch {
	case d.log:
		return math.Expm1(after - before)
	case before == d.zero:
		return math.Inf(1)
	}
	return (after - before) / math.Abs(before-d.zero)
}
