package stats

import (
	"math"
	"slices"
)

// BenjaminiHochberg returns the adjusted p-values q of the tests in ps, in their order: those with q ≤ α are reported, and of what is
// reported a share of at most α is false in expectation, where the tests are independent or positively dependent (Benjamini and Hochberg,
// JRSS B 57, 1995). NaN is no test: it stays NaN and is not counted.
func BenjaminiHochberg(ps []float64) []float64 {
	return stepUp(ps, func(rank, n int) float64 { return float64(n) / float64(rank) })
}

// BenjaminiYekutieli is BenjaminiHochberg for tests that depend on each other in any way (Annals of Statistics 29, 2001): it multiplies by
// Σ 1/i, and finds less.
func BenjaminiYekutieli(ps []float64) []float64 {
	harmonic := 0.0
	for i, n := 1, tests(ps); i <= n; i++ {
		harmonic += 1 / float64(i)
	}
	return stepUp(ps, func(rank, n int) float64 { return harmonic * float64(n) / float64(rank) })
}

// tests counts the p-values.
func tests(ps []float64) (n int) {
	for _, p := range ps {
		if !math.IsNaN(p) {
			n++
		}
	}
	return n
}

// stepUp goes from the largest p-value down and keeps the smallest product.
func stepUp(ps []float64, factor func(rank, n int) float64) []float64 {
	order, out := ascending(ps)
	least := 1.0
	for i := len(order) - 1; i >= 0; i-- {
		least = min(least, ps[order[i]]*factor(i+1, len(order)))
		out[order[i]] = least
	}
	return out
}

// Holm returns the adjusted p-values with which the chance of any false report is at most α, however the tests depend (Holm, Scandinavian
// Journal of Statistics 6, 1979). NaN is no test.
func Holm(ps []float64) []float64 {
	order, out := ascending(ps)
	most := 0.0
	for i, at := range order {
		most = max(most, min(1, ps[at]*float64(len(order)-i)))
		out[at] = most
	}
	return out
}

// ascending are the places of the tests by rising p-value, and room for a result in which all is NaN.
func ascending(ps []float64) (order []int, out []float64) {
	out = make([]float64, len(ps))
	for i, p := range ps {
		if out[i] = math.NaN(); !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case ps[i] < ps[j]:
			return -1
		case ps[i] > ps[j]:
			return 1
		}
		return 0
	})
	return order, out
}
