package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// SDInterval returns the range in which the true standard deviation lies with the confidence ∈ (0,1), from that of a sample of n normal
// values: s·√((n−1)/χ²) at both tails of the χ² distribution with n−1 degrees of freedom. The unit is that of sd. NaN below two values; of
// three it reaches from half of sd to six times it, which is why three machines say little about consistency.
func SDInterval(sd float64, n int, confidence float64) (lower, upper float64) {
	if n < 2 || math.IsNaN(sd) {
		return math.NaN(), math.NaN()
	}
	chi := distuv.ChiSquared{K: float64(n - 1)}
	at := func(p float64) float64 { return sd * math.Sqrt(chi.K/chi.Quantile(p)) }
	return at((1 + confidence) / 2), at((1 - confidence) / 2)
}
