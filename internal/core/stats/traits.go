package stats

import (
	"math"
	"slices"
)

// LagOne returns the autocorrelation ρ of xs at lag 1, Σ(x_i−m)(x_{i+1}−m)/Σ(x_i−m)²; NaN for fewer than three values, or when
// all are equal. In n independent values it deviates from zero by about 1/√n.
func LagOne(xs []float64) float64 {
	if len(xs) < 3 {
		return math.NaN()
	}
	mean, scale := Mean(xs), 0.0
	for _, x := range xs {
		scale = max(scale, math.Abs(x-mean))
	}
	if scale == 0 || math.IsInf(scale, 0) {
		return math.NaN()
	}
	var over, squares float64
	for i, x := range xs {
		d := (x - mean) / scale
		squares += d * d
		if i > 0 {
			over += d * (xs[i-1] - mean) / scale
		}
	}
	return over / squares
}

// EffectiveSize is how many independent values n values with the lag-1 autocorrelation ρ are worth: n(1−ρ)/(1+ρ), n for ρ ≤ 0.
func EffectiveSize(n int, rho float64) float64 {
	if !(rho > 0) {
		return float64(n)
	}
	return float64(n) * (1 - rho) / (1 + rho)
}

// warmUpLeast is from how many values on the first quarter says anything.
const warmUpLeast = 12

// WarmingUp reports whether the median of the first quarter of xs, in the order in which they were measured, is off the median of the rest
// by more than three of the rest's MAD (scaled to the normal distribution's σ). False for fewer than 12 values.
func WarmingUp(xs []float64) bool {
	if len(xs) < warmUpLeast {
		return false
	}
	first, rest := xs[:len(xs)/4], xs[len(xs)/4:]
	return math.Abs(Median(first)-Median(rest)) > 3*1.4826*MAD(rest)
}

// Tick returns the quantum of which all differences of xs are multiples; 0 when they have none, and for fewer than two different values.
func Tick(xs []float64) float64 {
	sorted := slices.Compact(inOrder(xs))
	if len(sorted) < 2 {
		return 0
	}
	quantum := math.Inf(1)
	for i := 1; i < len(sorted); i++ {
		quantum = min(quantum, sorted[i]-sorted[i-1])
	}
	for i := 1; i < len(sorted); i++ {
		times := (sorted[i] - sorted[i-1]) / quantum
		if math.Abs(times-math.Round(times)) > 1e-6*times+1e-9 {
			return 0
		}
	}
	return quantum
}

// Quantised reports whether xs deviate by less than the tick of what they were measured with, so that their spread says little. A tick is
// only believed where at least half of the values are there twice.
func Quantised(xs []float64) bool {
	if len(slices.Compact(inOrder(xs))) > len(xs)/2 {
		return false
	}
	tick := Tick(xs)
	return tick > 0 && SampleSD(xs) < tick
}
