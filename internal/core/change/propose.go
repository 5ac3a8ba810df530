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
		x = (x - center) * unit
		next = prune(now, next[:0], lowest, limit, int32(t))
		now = add(next, now[:0], w.inverse, lowest, x-lossBound, x+lossBound, x)
		best, lo := math.Inf(1), lowest
		start := int32(0)
		for i := range now {
			p := &now[i]
			d := max(lo-p.m, 0, p.m-p.hi) // 0 where the lowest point of the parabola is inside
			if cost := p.v + p.a*d*d; cost < best {
				best, start = cost, p.start
			}
			lo = p.hi
		}
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

// prune appends to out the pieces of in where they are below limit, and between those the constant limit of a segment that starts at t.
func prune(in, out []piece, lo, limit float64, t int32) []piece {
	if math.IsInf(limit, 1) {
		return append(out, in...)
	}
	flat := piece{m: 0, v: limit, start: t}
	open := false // a flat piece ends at lo that is not in out yet
	for i := range in {
		p := in[i]
		atLo, atHi := lo-p.m, p.hi-p.m
		reach := max(math.Abs(atLo), math.Abs(atHi))
		if p.v+p.a*reach*reach <= limit { // all of it is below
			if open {
				flat.hi, open = lo, false
				out = append(out, flat)
			}
			out = append(out, p)
			lo = p.hi
			continue
		}
		d := max(atLo, 0, -atHi)
		if p.v+p.a*d*d >= limit { // none of it
			open, lo = true, p.hi
			continue
		}
		half := math.Sqrt((limit - p.v) / p.a) // a > 0: it is below in one place and above in another
		from, to := max(lo, p.m-half), min(p.hi, p.m+half)
		if from > lo {
			open = true
		}
		if open {
			flat.hi, open = from, false
			out = append(out, flat)
		}
		hi := p.hi
		p.hi = to
		out = append(out, p)
		open, lo = to < hi, hi
	}
	if open {
		flat.hi = lo
		out = append(out, flat)
	}
	return out
}

// add appends to out the pieces of in with the loss of a point at x, which is bounded outside of from and to. inverse[a] is 1/(a+1).
func add(in, out []piece, inverse []float64, lo, from, to, x float64) []piece {
	const bound = lossBound * lossBound
	i := 0
	for ; i < len(in) && in[i].hi <= from; i++ {
		p := in[i]
		p.v += bound
		out = append(out, p)
		lo = p.hi
	}
	if i < len(in) && lo < from {
		p := in[i]
		p.hi = from
		p.v += bound
		out = append(out, p)
	}
	for lo = max(lo, from); i < len(in) && lo < to; i++ {
		p := in[i]
		lo = p.hi
		d := x - p.m
		share := inverse[int(p.a)]
		inner := piece{hi: p.hi, a: p.a + 1, m: p.m + d*share, v: p.v + p.a*d*d*share, start: p.start}
		if p.hi <= to {
			out = append(out, inner)
			continue
		}
		inner.hi = to
		out = append(out, inner)
		p.v += bound
		out = append(out, p)
		i++
		break
	}
	for ; i < len(in); i++ {
		p := in[i]
		p.v += bound
		out = append(out, p)
	}
	return out
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
