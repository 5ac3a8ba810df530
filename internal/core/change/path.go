package change

import "math"

// candidate is a place where a change may be, with the regimes before and after it up to its neighbours, at most sideMax points each.
type candidate struct {
	at            int // first point of the regime after it
	before, after int // neighbours: indices of candidates; -1 and len for the ends
	left, right   level
	t             float64
	sum           float64 // clipped squares of the residuals of the segment that starts here
	gone          bool
}

// choose removes the candidates of starts one by one, the one with the smallest t first (of equal ones the later), and returns those that
// are left where n/2·ln S + strictness·k·ln n is smallest. S is the mean of the clipped squares of the residuals about each segment's
// winsorised mean, and k the number of changes. The segments between starts are in order since residualBound. The result is kept until
// the next call.
//
// Sources: Yao, Statistics & Probability Letters 6 (1988): Schwarz's criterion for the number of changes; Fryzlewicz, J. Korean Stat. Soc.
// 49 (2020), and Cho & Kirch, Ann. Inst. Stat. Math. 76 (2022): choosing along a path of nested models. A change must earn 14 to 17 units,
// which takes about 4 points at 3σ or 12 at 1.7σ; shorter excursions stay outliers.
func (w *workspace) choose(z []float64, starts []int, sigma, bound, strictness float64) []int {
	n := len(z)
	w.chosen = w.chosen[:0]
	if len(starts) == 0 {
		return w.chosen
	}
	w.path = w.path[:0]
	for i, at := range starts {
		w.path = append(w.path, candidate{at: at, before: i - 1, after: i + 1})
	}
	first := w.segments.squares(0, starts[0], sigma, bound)
	total := first
	for i := range w.path {
		c := &w.path[i]
		w.lookLeft(z, i, sigma)
		w.lookRight(z, i, sigma)
		c.t = statistic(c.left, c.right, sigma)
		c.sum = w.segments.squares(c.at, w.startOf(c.after, n), sigma, bound)
		total += c.sum
	}
	cost := func(total float64, k int) float64 {
		s := max(total/float64(n), 1e-4*sigma*sigma)
		return float64(n)/2*math.Log(s) + strictness*float64(k)*math.Log(float64(n))
	}
	w.removed = w.removed[:0]
	best, bestRemoved := cost(total, len(starts)), 0
	head := 0
	for k := len(starts); k > 0; k-- {
		weakest := -1
		for i := head; i < len(w.path); i = w.path[i].after {
			if weakest < 0 || w.path[i].t <= w.path[weakest].t {
				weakest = i
			}
		}
		c := &w.path[weakest]
		c.gone = true
		w.removed = append(w.removed, weakest)
		from := 0
		if c.before >= 0 {
			from = w.path[c.before].at
			w.path[c.before].after = c.after
			total -= w.path[c.before].sum
		} else {
			head = c.after
			total -= first
		}
		to := w.startOf(c.after, n)
		if c.after < len(w.path) {
			w.path[c.after].before = c.before
		}
		w.segments.join(from, c.at, to)
		merged := w.segments.squares(from, to, sigma, bound)
		total += merged - c.sum
		if c.before >= 0 {
			w.path[c.before].sum = merged
			if c.at-from < sideMax {
				b := &w.path[c.before]
				w.lookRight(z, c.before, sigma)
				b.t = statistic(b.left, b.right, sigma)
			}
		} else {
			first = merged
		}
		if c.after < len(w.path) && to-c.at < sideMax {
			a := &w.path[c.after]
			w.lookLeft(z, c.after, sigma)
			a.t = statistic(a.left, a.right, sigma)
		}
		if now := cost(total, k-1); now <= best {
			best, bestRemoved = now, len(w.removed)
		}
	}
	for _, i := range w.removed[bestRemoved:] {
		w.path[i].gone = false
	}
	for i := range w.path {
		if !w.path[i].gone {
			w.chosen = append(w.chosen, w.path[i].at)
		}
	}
	return w.chosen
}

// startOf is where candidate i of the path begins, or n past the last one.
func (w *workspace) startOf(i, n int) int {
	if i >= len(w.path) {
		return n
	}
	return w.path[i].at
}

// lookLeft takes the points before candidate i anew, up to the candidate before it.
func (w *workspace) lookLeft(z []float64, i int, sigma float64) {
	c := &w.path[i]
	from := max(0, c.at-sideMax)
	if c.before >= 0 {
		from = max(from, w.path[c.before].at)
	}
	c.left = w.levelOf(z[from:c.at], sigma)
}

// lookRight takes the points from candidate i on anew, up to the candidate after it.
func (w *workspace) lookRight(z []float64, i int, sigma float64) {
	c := &w.path[i]
	c.right = w.levelOf(z[c.at:min(w.startOf(c.after, len(z)), c.at+sideMax)], sigma)
}

// residuals are the distances of z from the winsorised mean of its segment, where starts are the first points of all segments but the
// first. The result is kept until the next call.
func (w *workspace) residuals(z []float64, starts []int, sigma float64) []float64 {
	w.rest = w.rest[:0]
	for i := range len(starts) + 1 {
		from, to := segment(starts, i, len(z))
		mean := w.levelOf(z[from:to], sigma).mean
		for _, x := range z[from:to] {
			w.rest = append(w.rest, x-mean)
		}
	}
	return w.rest
}

// residualBound is where residuals are clipped: three times the larger of σ and the robust spread of those of the richest model. It puts
// the values of the segments in order, as choose needs them.
func (w *workspace) residualBound(z []float64, starts []int, sigma float64) float64 {
	w.segments.reset(z, starts)
	w.rest = w.rest[:0]
	for i := range len(starts) + 1 {
		from, to := segment(starts, i, len(z))
		mean := w.segments.mean(z[from:to], from, sigma)
		for _, x := range z[from:to] {
			w.rest = append(w.rest, x-mean)
		}
	}
	return 3 * max(w.spreadAround(w.rest, w.median(w.rest)), sigma)
}
