package change

import "math"

// lossBound is where the loss of one point stops growing, in σ: an outlier costs as much as three σ, and no more.
const lossBound = 3

// piece is the cheapest cost of the points so far as a function of the mean of the last segment, between the upper end of the piece before
// and hi: v + a·(μ−m)². All are in units of σ.
type piece struct {
	hi      float64
	a, m, v float64
	start   int32 // first point of the last segment
}

// propose returns the first points of the segments that minimise Σ min((z−μ)², (3σ)²) + β·segments with β = 2σ²·ln n, without
// the first one: places where a change may be, in order. sigma is above 0. The result is kept until the next call.
//
// Source: Fearnhead & Rigaill, Changepoint Detection in the Presence of Outliers, JASA 114 (2019): functional pruning (R-FPOP) with the
// biweight loss. The cost of the best segmentation is kept as a function of μ, in pieces. A point is added by splitting them at z±3σ.
// Where a new segment is cheaper the function becomes the constant best + β. It is exact, and takes time in proportion to points ×
// pieces; there are 5 to 100 of those.
func (w *workspace) propose(z []float64, sigma float64) []int {
	n := len(z)
	w.starts = w.starts[:0]
	if n < 2 {
		return w.starts
	}
	w.resizeTables(n)
	center, unit := z[0], 1/sigma
	lowest, highest := 0.0, 0.0
	for _, x := range z {
		lowest, highest = min(lowest, (x-center)*unit), max(highest, (x-center)*unit)
	}
	lowest, highest = lowest-1, highest+1
	beta := proposalCost(n)

	now, next := append(w.pieces[:0], piece{hi: highest}), w.spare[:0]
	limit := math.Inf(1)
	for t, x := range z {
		next = prune(now, next, lowest, limit, int32(t))
		best, start := 0.0, int32(0)
		now, best, start = add(next, now, w.inverse, lowest, (x-center)*unit)
		w.previous[t] = start
		limit = best + beta
	}
	w.pieces, w.spare = now, next
	for t := w.previous[n-1]; t > 0; t = w.previous[t-1] {
		w.starts = append(w.starts, int(t))
	}
	for i, j := 0, len(w.starts)-1; i < j; i, j = i+1, j-1 {
		w.starts[i], w.starts[j] = w.starts[j], w.starts[i]
	}
	return w.starts
}

// proposalCost is β in σ².
func proposalCost(n int) float64 { return 2 * math.Log(float64(n)) }

// prune returns, in the memory of out, the pieces of in where they are below limit, and between those the constant limit of a segment that
// starts at t.
func prune(in, out []piece, lo, limit float64, t int32) []piece {
	out = roomFor(out, 3*len(in)+1)
	n := 0
	flat := false // a piece at the limit ends at lo that is not in out yet
	for i := range in {
		p := &in[i]
		atLo, atHi := lo-p.m, p.hi-p.m
		left, right := p.v+p.a*atLo*atLo, p.v+p.a*atHi*atHi
		if left <= limit && right <= limit { // all of it is below
			if flat {
				out[n] = piece{hi: lo, v: limit, start: t}
				n++
				flat = false
			}
			out[n] = *p
			n++
			lo = p.hi
			continue
		}
		lowest := p.v
		if atLo >= 0 {
			lowest = left
		} else if atHi <= 0 {
			lowest = right
		}
		if lowest >= limit { // none of it
			flat, lo = true, p.hi
			continue
		}
		half := math.Sqrt((limit - p.v) / p.a) // a > 0: it is below in one place and above in another
		if from := p.m - half; left > limit && from > lo {
			flat, lo = true, from
		}
		if flat {
			out[n] = piece{hi: lo, v: limit, start: t}
			n++
			flat = false
		}
		out[n] = *p
		if to := p.m + half; right > limit && to < p.hi {
			out[n].hi = to
			flat = true
		}
		n++
		lo = p.hi
	}
	if flat {
		out[n] = piece{hi: lo, v: limit, start: t}
		n++
	}
	return out[:n]
}

// add returns, in the memory of out, the pieces of in with the loss of a point at x, which is bounded three σ from it; and the smallest
// cost with the start of its segment. inverse[a] is 1/(a+1).
func add(in, out []piece, inverse []float64, lo, x float64) (with []piece, best float64, start int32) {
	const bound = lossBound * lossBound
	from, to := x-lossBound, x+lossBound
	out = roomFor(out, len(in)+2)
	best = math.Inf(1)
	n := 0
	for i := range in {
		p := &in[i]
		if lo < from { // before the point's reach
			o := &out[n]
			n++
			*o = *p
			o.v += bound
			if p.hi > from {
				o.hi = from
			}
			if o.v < best { // else all of it is above
				if cost := o.lowest(lo); cost < best {
					best, start = cost, o.start
				}
			}
			if lo = o.hi; p.hi <= from {
				continue
			}
		}
		if lo < to { // in it
			d := x - p.m
			share := inverse[int(p.a)]
			o := &out[n]
			n++
			*o = piece{hi: p.hi, a: p.a + 1, m: p.m + d*share, v: p.v + p.a*d*d*share, start: p.start}
			if p.hi > to {
				o.hi = to
			}
			if o.v < best { // else all of it is above
				if cost := o.lowest(lo); cost < best {
					best, start = cost, o.start
				}
			}
			if lo = o.hi; p.hi <= to {
				continue
			}
		}
		o := &out[n] // after it
		n++
		*o = *p
		o.v += bound
		if o.v < best {
			if cost := o.lowest(lo); cost < best {
				best, start = cost, o.start
			}
		}
		lo = p.hi
	}
	return out[:n], best, start
}

// lowest is the smallest cost of a piece that begins at lo.
func (p *piece) lowest(lo float64) float64 {
	d := lo - p.m
	if d < 0 {
		if d = p.hi - p.m; d > 0 {
			return p.v
		}
	}
	return p.v + p.a*d*d
}

// roomFor is the memory of pieces with room for n.
func roomFor(pieces []piece, n int) []piece {
	if cap(pieces) < n {
		return make([]piece, n, 2*n)
	}
	return pieces[:n]
}

// resizeTables makes room for n points.
func (w *workspace) resizeTables(n int) {
	for i := len(w.inverse); i < n+1; i++ {
		w.inverse = append(w.inverse, 1/float64(i+1))
	}
	if cap(w.previous) < n {
		w.previous = make([]int32, n)
	}
	w.previous = w.previous[:n]
}
