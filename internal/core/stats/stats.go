// Package stats has the estimators, quantiles and intervals that judging needs: plain functions over float64 slices, without I/O and
// without randomness.
//
// Inputs hold no NaN and no infinity and are not changed; results are in the unit of the input unless it says otherwise. A value that does
// not exist for the input (the mean of nothing) is NaN, and the caller decides what that means. The package knows no measures and no
// models: judge and adapter call it. Its numbers are held against SciPy's in the tests.
package stats

import (
	"math"
	"slices"
)

// Mean returns the arithmetic mean Σx/n; NaN when xs is empty. It is exact for a constant sample, and does not overflow.
//
// Welford's running mean (1962) with one step of correction, m + Σ(x−m)/n, which takes out the rounding of the first pass.
func Mean(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	mean := 0.0
	for i, x := range xs {
		n := float64(i + 1)
		if d := x - mean; !math.IsInf(d, 0) {
			mean += d / n
		} else { // the two are at opposite ends of the range
			mean += x/n - mean/n
		}
	}
	rest := 0.0
	for _, x := range xs {
		rest += x - mean
	}
	if math.IsInf(rest, 0) || math.IsNaN(rest) {
		return mean
	}
	return mean + rest/float64(len(xs))
}

// SampleSD returns the sample standard deviation √(Σ(x−m)²/(n−1)); NaN for fewer than two values, 0 exactly when all are equal. It is +Inf
// only where the deviation itself is beyond the range of a float.
//
// Two passes with the correction of Chan, Golub and LeVeque (The American Statistician 37, 1983), scaled by the largest deviation so that
// no square overflows or vanishes.
func SampleSD(xs []float64) float64 {
	if len(xs) < 2 {
		return math.NaN()
	}
	mean, scale := Mean(xs), 0.0
	for _, x := range xs {
		scale = max(scale, math.Abs(x-mean))
	}
	if scale == 0 || math.IsInf(scale, 0) {
		return scale
	}
	var squares, rest float64
	for _, x := range xs {
		d := (x - mean) / scale
		squares += d * d
		rest += d
	}
	n := float64(len(xs))
	return scale * math.Sqrt(max(0, squares-rest*rest/n)/(n-1))
}

// Quantile returns the q-quantile, q ∈ [0,1], by linear interpolation at rank q(n−1) of the sorted sample: type 7 of Hyndman and Fan (The
// American Statistician 50, 1996), the default of R and NumPy. NaN when xs is empty.
func Quantile(xs []float64, q float64) float64 {
	var room [32]float64 // most samples are a few values
	sorted := append(room[:0], xs...)
	slices.Sort(sorted)
	return quantile(sorted, q)
}

// inOrder is a sorted copy.
func inOrder(xs []float64) []float64 {
	sorted := slices.Clone(xs)
	slices.Sort(sorted)
	return sorted
}

// quantile is Quantile of a sample that is sorted already.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	rank := q * float64(len(sorted)-1)
	low := int(math.Floor(rank))
	if low >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	part := rank - float64(low)
	if sorted[low] == sorted[low+1] { // exact: the weighted sum below may round
		return sorted[low]
	}
	return sorted[low]*(1-part) + sorted[low+1]*part
}

// Median returns the middle value, or the mean of the two middle ones; NaN when xs is empty.
func Median(xs []float64) float64 { return Quantile(xs, 0.5) }

// MAD returns the median absolute deviation from the median, med|x − med x|, not scaled to the normal distribution's σ (the factor for that
// is 1.4826); NaN when xs is empty.
func MAD(xs []float64) float64 {
	m := Median(xs)
	deviations := make([]float64, len(xs))
	for i, x := range xs {
		deviations[i] = math.Abs(x - m)
	}
	return Median(deviations)
}
