package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is an estimate with the range in which the true value lies.
type Interval struct {
	Estimate     float64
	Lower, Upper float64 // −Inf and +Inf when the sample is too small for the confidence that was asked for
	Coverage     float64 // how surely the range holds the true value, 0 to 1; at least what was asked for
	Needed       int     // the sample size that a finite range needs; 0 when the sample suffices
}

// MedianCI returns the median of xs with a distribution-free interval of coverage ≥ confidence, confidence ∈ (0,1). The sample need not be
// sorted; its values are taken as independent.
//
// With x₍₁₎ ≤ … ≤ x₍ₙ₎ sorted and B binomial(n, ½), the interval [x₍ₖ₎, x₍ₙ₊₁₋ₖ₎] holds the median with probability 1 − 2·P(B < k); the
// largest k ≥ 1 that gives the confidence is taken (Conover, Practical Nonparametric Statistics, 3rd ed. 1999, §3.2). Where even k = 1
// does not, the interval is infinite, its coverage 1, and Needed says how many values it takes: 6 for 0.95. An empty sample has the
// estimate NaN.
func MedianCI(xs []float64, confidence float64) Interval {
	sorted := inOrder(xs)
	out := Interval{Estimate: quantile(sorted, 0.5), Lower: math.Inf(-1), Upper: math.Inf(1), Coverage: 1}
	n := len(sorted)
	if needed := medianSize(confidence); n < needed {
		out.Needed = needed
		return out
	}
	below := distuv.Binomial{N: float64(n), P: 0.5}
	coverage := func(k int) float64 { return 1 - 2*below.CDF(float64(k-1)) }
	k := 1
	for lo, hi := 1, n/2; lo <= hi; { // coverage falls with k
		if middle := (lo + hi) / 2; coverage(middle) >= confidence {
			k, lo = middle, middle+1
		} else {
			hi = middle - 1
		}
	}
	out.Lower, out.Upper, out.Coverage = sorted[k-1], sorted[n-k], coverage(k)
	return out
}

// medianSize is the least n with 1 − 2·½ⁿ ≥ confidence. From n = 55 on the left side is 1 as a float.
func medianSize(confidence float64) int {
	n := 2
	for n < 55 && 1-math.Ldexp(1, 1-n) < confidence {
		n++
	}
	return n
}
