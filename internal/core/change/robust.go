package change

import (
	"math"
	"math/bits"
	"slices"
)

// normalMAD turns a median absolute deviation into the σ of a normal distribution: 1/Φ⁻¹(¾) (Huber, Robust Statistics, 1981, §5.1).
const normalMAD = 1.4826

// sideMax is how many points on each side of a change are compared, in points: enough for a mean, few enough that a slow drift does not
// decide.
const sideMax = 60

// winsorAt is where values are winsorised, in robust σ from the median (Huber 1981).
const winsorAt = 2.5

// pick returns the k-th smallest value of xs, k from 0, and leaves xs partitioned around it: no value before k is larger, none after it
// smaller. It is Hoare's selection with a median of three; xs is sorted instead when the partitions stay large.
func pick(xs []float64, k int) float64 {
	lo, hi := 0, len(xs)-1
	for tries := 3 * bits.Len(uint(len(xs))); hi-lo > 12; tries-- {
		if tries == 0 {
			break
		}
		mid := int(uint(lo+hi) / 2)
		if xs[mid] < xs[lo] {
			xs[mid], xs[lo] = xs[lo], xs[mid]
		}
		if xs[hi] < xs[lo] {
			xs[hi], xs[lo] = xs[lo], xs[hi]
		}
		if xs[hi] < xs[mid] {
			xs[hi], xs[mid] = xs[mid], xs[hi]
		}
		pivot := xs[mid]
		i, j := lo, hi
		for i <= j {
			for xs[i] < pivot {
				i++
			}
			for pivot < xs[j] {
				j--
			}
			if i <= j {
				xs[i], xs[j] = xs[j], xs[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return xs[k]
		}
	}
	if hi-lo > 12 {
		slices.Sort(xs[lo : hi+1])
		return xs[k]
	}
	for i := lo + 1; i <= hi; i++ {
		x, j := xs[i], i-1
		for j >= lo && xs[j] > x {
			xs[j+1] = xs[j]
			j--
		}
		xs[j+1] = x
	}
	return xs[k]
}

// medianOf is the median of xs, or the mean of the two middle values. It changes the order of xs, which must not be empty.
func medianOf(xs []float64) float64 {
	n := len(xs)
	upper := pick(xs, n/2)
	if n%2 == 1 {
		return upper
	}
	return (slices.Max(xs[:n/2]) + upper) / 2
}

// spreadAround is 1.4826 times the median of |x − center|, in the unit of xs, which must not be empty.
func (w *workspace) spreadAround(xs []float64, center float64) float64 {
	w.distances = w.distances[:0]
	for _, x := range xs {
		w.distances = append(w.distances, math.Abs(x-center))
	}
	return normalMAD * medianOf(w.distances)
}

// median is the median of xs, which keeps its order and must not be empty.
func (w *workspace) median(xs []float64) float64 {
	w.copied = append(w.copied[:0], xs...)
	return medianOf(w.copied)
}

// level is what is known of the values of one regime, on the scale of detection.
type level struct {
	mean, variance float64 // winsorised; the variance is 0 for one point
	n              int
}

// levelOf is the winsorised mean and variance of xs, which must not be empty: with the median m₀ and s = max(1.4826·MAD, σ/2) (s = σ
// below five points), m = m₀ + mean(clip(x−m₀, ±2.5s)) and v = 1.1·Σ clip(x−m, ±2.5s)²/(n−1) (Huber 1981; 1.1 makes up for
// what is clipped of normal noise).
func (w *workspace) levelOf(xs []float64, sigma float64) level {
	n := len(xs)
	if n == 1 {
		return level{xs[0], 0, 1}
	}
	w.copied = append(w.copied[:0], xs...)
	center := medianOf(w.copied)
	s := sigma
	if n >= 5 {
		for i, x := range w.copied { // its order does not matter any more
			w.copied[i] = math.Abs(x - center)
		}
		s = max(normalMAD*medianOf(w.copied), sigma/2)
	}
	bound, sum := winsorAt*s, 0.0
	for _, x := range xs {
		sum += min(max(x-center, -bound), bound)
	}
	mean, squares := center+sum/float64(n), 0.0
	for _, x := range xs {
		d := min(max(x-mean, -bound), bound)
		squares += d * d
	}
	return level{mean, 1.1 * squares / float64(n-1), n}
}

// shrunk is the variance of a regime with four points' worth of the series' noise in it, so that one to three points, and points without
// any variance, have one: max((v(n−1)+4σ²)/(n+3), σ²/4).
func (l level) shrunk(sigma float64) float64 {
	n := float64(l.n)
	return max((l.variance*(n-1)+4*sigma*sigma)/(n+3), sigma*sigma/4)
}

// statistic is Welch's t of two regimes with shrunk variances, without sign.
func statistic(left, right level, sigma float64) float64 {
	return math.Abs(right.mean-left.mean) / errorOf(left, right, sigma)
}

// errorOf is the standard error of the difference of two levels.
func errorOf(left, right level, sigma float64) float64 {
	return math.Sqrt(left.shrunk(sigma)/float64(left.n) + right.shrunk(sigma)/float64(right.n))
}
