// Package stats has the estimators and quantiles that judging needs: plain functions over float64 slices, without I/O and without
// randomness. Inputs hold no NaN and are not changed. Sums are compensated, so that long and nearly constant samples keep their variance.
package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Mean returns the arithmetic mean of xs, in their unit; NaN when xs is empty.
func Mean(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	mean := 0.0
	for i, x := range xs { // Welford's running mean: cannot overflow where the mean itself does not
		mean += (x - mean) / float64(i+1)
	}
	return mean
}

// SampleSD returns the sample standard deviation √(Σ(x−m)²/(n−1)), in the unit of xs; NaN for fewer than two values. Two passes with
// the correction of Chan, Golub and LeVeque (1983).
func SampleSD(xs []float64) float64 {
	if len(xs) < 2 {
		return math.NaN()
	}
	mean := Mean(xs)
	var squares, rest float64
	for _, x := range xs {
		d := x - mean
		squares += d * d
		rest += d
	}
	n := float64(len(xs))
	return math.Sqrt(max(0, squares-rest*rest/n) / (n - 1))
}

// Quantile returns the q-quantile, q ∈ [0,1], by linear interpolation at rank q(n−1) (Hyndman and Fan's type 7); NaN when xs is empty.
func Quantile(xs []float64, q float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(xs))
	rank := q * float64(len(sorted)-1)
	low := int(math.Floor(rank))
	if low >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	part := rank - float64(low)
	return sorted[low]*(1-part) + sorted[low+1]*part
}

// Median returns the middle value, or the mean of the two middle ones; NaN when xs is empty.
func Median(xs []float64) float64 { return Quantile(xs, 0.5) }

// MAD returns the median absolute deviation from the median, unscaled; NaN when xs is empty.
func MAD(xs []float64) float64 {
	m := Median(xs)
	deviations := make([]float64, len(xs))
	for i, x := range xs {
		deviations[i] = math.Abs(x - m)
	}
	return Median(deviations)
}

// StudentQuantile returns the p-quantile, p ∈ (0,1), of Student's t distribution with the given degrees of freedom > 0.
func StudentQuantile(p, degrees float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: degrees}.Quantile(p)
}

// NormalQuantile returns the p-quantile, p ∈ (0,1), of the standard normal distribution.
func NormalQuantile(p float64) float64 { return distuv.UnitNormal.Quantile(p) }
