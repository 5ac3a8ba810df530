package change

import (
	"math"
	"slices"
)

// sortedSegments keeps the values of each segment in order, so that two neighbours are joined by one merge. Segment [from, to) of the
// series is [from, to) here.
type sortedSegments struct {
	values, spare []float64
}

// reset takes over z with one segment for each of starts, and one before them.
func (s *sortedSegments) reset(z []float64, starts []int) {
	s.values = append(s.values[:0], z...)
	if cap(s.spare) < len(z) {
		s.spare = make([]float64, len(z))
	}
	from := 0
	for _, at := range starts {
		slices.Sort(s.values[from:at])
		from = at
	}
	slices.Sort(s.values[from:])
}

// join makes one segment of [from, at) and [at, to).
func (s *sortedSegments) join(from, at, to int) {
	left := s.spare[:copy(s.spare[:at-from], s.values[from:at])]
	right, out := s.values[at:to], s.values[from:to]
	i, j := 0, 0
	for i < len(left) && j < len(right) { // what is written never passes what is still to be read of right
		if right[j] < left[i] {
			out[i+j] = right[j]
			j++
		} else {
			out[i+j] = left[i]
			i++
		}
	}
	copy(out[i+j:], left[i:])
}

// mean is the winsorised mean of segment xs, which begins at from: that of levelOf to the last bit, because the values are added in the
// order of the series.
func (s *sortedSegments) mean(xs []float64, from int, sigma float64) float64 {
	if len(xs) == 1 {
		return xs[0]
	}
	center, bound := winsor(s.values[from:from+len(xs)], sigma)
	sum := 0.0
	for _, x := range xs {
		sum += min(max(x-center, -bound), bound)
	}
	return center + sum/float64(len(xs))
}

// winsor is the median of xs, in order, and how far from it values are winsorised.
func winsor(xs []float64, sigma float64) (center, bound float64) {
	n := len(xs)
	center = xs[n/2]
	if n%2 == 0 {
		center = (xs[n/2-1] + xs[n/2]) / 2
	}
	spread := sigma
	if n >= 5 {
		spread = max(normalMAD*sortedMAD(xs, center), sigma/2)
	}
	return center, winsorAt * spread
}

// squares is the sum of squares of the residuals of a segment about its winsorised mean, clipped at bound: levelOf and a sum, faster
// because the values are in order.
func (s *sortedSegments) squares(from, to int, sigma, bound float64) float64 {
	xs := s.values[from:to]
	n := len(xs)
	if n == 1 {
		return 0
	}
	center, reach := winsor(xs, sigma)
	mean := center + clippedSum(xs, center, reach)/float64(n)
	return clippedSquares(xs, mean, bound)
}

// sortedMAD is the median of |x − center| of xs in order, where center is their median.
func sortedMAD(xs []float64, center float64) float64 {
	n := len(xs)
	upper := distanceOf(xs, center, n/2)
	if n%2 == 1 {
		return upper
	}
	return (distanceOf(xs, center, n/2-1) + upper) / 2
}

// distanceOf is the k-th smallest |x − center|, k from 0: of the k+1 nearest values, which lie side by side in xs, the farther end.
func distanceOf(xs []float64, center float64, k int) float64 {
	lo, hi := 0, len(xs)-k-1 // where the k+1 nearest may begin
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); center-xs[mid] > xs[mid+k+1]-center {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return max(center-xs[lo], xs[lo+k]-center)
}

// within is the range of xs, in order, that is not farther than bound from center.
func within(xs []float64, center, bound float64) (from, to int) {
	return lowerEnd(xs, center-bound), lowerEnd(xs, math.Nextafter(center+bound, math.Inf(1)))
}

// lowerEnd is how many of xs, in order, are below x.
func lowerEnd(xs []float64, x float64) int {
	lo, hi := 0, len(xs)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); xs[mid] < x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// clippedSum is Σ clip(x − center, ±bound).
func clippedSum(xs []float64, center, bound float64) float64 {
	from, to := within(xs, center, bound)
	sum := 0.0
	for _, x := range xs[from:to] {
		sum += x - center
	}
	return sum + bound*float64(len(xs)-to-from)
}

// clippedSquares is Σ clip(x − center, ±bound)².
func clippedSquares(xs []float64, center, bound float64) float64 {
	from, to := within(xs, center, bound)
	sum := 0.0
	for _, x := range xs[from:to] {
		sum += (x - center) * (x - center)
	}
	return sum + bound*bound*float64(len(xs)-(to-from))
}
