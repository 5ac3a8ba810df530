package stats

import "gonum.org/v1/gonum/stat/distuv"

// StudentQuantile returns t⁻¹(p; degrees): the p-quantile, p ∈ (0,1), of Student's t distribution with the given degrees of freedom > 0.
// It has no unit.
func StudentQuantile(p, degrees float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: degrees}.Quantile(p)
}

// NormalQuantile returns Φ⁻¹(p): the p-quantile, p ∈ (0,1), of the standard normal distribution. It has no unit.
func NormalQuantile(p float64) float64 { return distuv.UnitNormal.Quantile(p) }
