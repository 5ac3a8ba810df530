package stats

import "math"

// Boundaries returns the two-sided boundaries z_k of a group-sequential test: at the k-th look, at the information fraction fractions[k]
// (rising, up to 1), no difference is rejected where |Z| ≥ z_k, and spent(t) is the chance, all looks up to t together, that this
// happens although nothing differs (Lan and DeMets, Biometrika 70, 1983). The density of the paths that are still inside is carried from
// look to look on a grid (Armitage, McPherson and Rowe, JRSS A 132, 1969; Jennison and Turnbull 2000, §19.2), good to about three
// decimals. A look at which nothing is spent has the boundary +Inf.
func Boundaries(fractions []float64, spent func(t float64) float64) []float64 {
	const cells = 1_000
	out := make([]float64, len(fractions))
	var grid, density []float64 // of √t·Z, the Brownian motion at the last look, inside its boundary
	before, already := 0.0, 0.0
	for k, t := range fractions {
		// beyond returns the chance that the motion is at the distance c or further now, and was inside before.
		beyond := func(c float64) float64 {
			if k == 0 {
				return 2 * NormalCDF(-c/math.Sqrt(t))
			}
			sd, sum := math.Sqrt(t-before), 0.0
			for i, x := range grid {
				sum += density[i] * (NormalCDF((x-c)/sd) + NormalCDF((-c-x)/sd))
			}
			return sum
		}
		want := spent(t) - already
		lo, hi := 0.0, 12*math.Sqrt(t)
		if beyond(hi) >= want {
			lo = hi
		}
		for range 60 {
			if middle := (lo + hi) / 2; beyond(middle) > want {
				lo = middle
			} else {
				hi = middle
			}
		}
		out[k] = hi / math.Sqrt(t)
		if out[k] >= 11.99 {
			out[k] = math.Inf(1)
		}
		step := 2 * hi / cells
		next, mass := make([]float64, cells), make([]float64, cells)
		for j := range next {
			y := -hi + (float64(j)+0.5)*step
			next[j] = y
			if k == 0 {
				mass[j] = step * normalDensity(y/math.Sqrt(t)) / math.Sqrt(t)
				continue
			}
			sd := math.Sqrt(t - before)
			for i, x := range grid {
				mass[j] += density[i] * normalDensity((y-x)/sd)
			}
			mass[j] *= step / sd
		}
		grid, density, before, already = next, mass, t, spent(t)
	}
	return out
}

func normalDensity(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }

// PocockSpending spends α·ln(1+(e−1)t): about as much at each look (Lan and DeMets 1983).
func PocockSpending(alpha float64) func(t float64) float64 {
	return func(t float64) float64 { return alpha * math.Log1p((math.E-1)*t) }
}

// OBrienFlemingSpending spends next to nothing early: twice 2(1 − Φ(φ⁻¹(1−α/4)/√t)), each side's α/2 by itself, which is the
// convention of the R package ldbounds.
func OBrienFlemingSpending(alpha float64) func(t float64) float64 {
	z := NormalQuantile(1 - alpha/4)
	return func(t float64) float64 { return 4 * NormalCDF(-z/math.Sqrt(t)) }
}

// StudentBoundary is the boundary of a t statistic with the same tail as z has in the normal distribution: t⁻¹_ν(Φ(z)).
func StudentBoundary(z, degrees float64) float64 {
	if math.IsInf(z, 1) {
		return z
	}
	return -StudentQuantile(NormalCDF(-z), degrees)
}

// LogEvidence returns ln e_n, the evidence in the n paired differences xs that their mean is not zero. Whenever e_n reaches 1/α the
// difference may be claimed at level α, however often one has looked: it is a test martingale (Lai, Annals of Statistics 4, 1976; Wang
// and Ramdas 2023). With S = Σx, Q = Σx² and a normal prior of one standard deviation for the effect,
// ln e = −½·ln(1+n) + (n/2)·ln(Q/(Q − S²/(1+n))). 0 when xs is empty or all are zero.
func LogEvidence(xs []float64) float64 {
	var s, q float64
	for _, x := range xs {
		s += x
		q += x * x
	}
	return logEvidence(len(xs), s, q)
}

func logEvidence(count int, s, q float64) float64 {
	n := float64(count)
	rest := q - s*s/(1+n)
	if count == 0 || !(q > 0) || !(rest > 0) {
		return 0
	}
	return -0.5*math.Log1p(n) + n/2*math.Log(q/rest)
}

// ValidReach is how far the interval of n paired differences with the standard error se reaches from their mean, so that it holds the true
// mean at level 1 − α however often one looks: all means against which LogEvidence is below ln(1/α). +Inf while there are too few of
// them.
func ValidReach(n int, se, alpha float64) float64 {
	if n < 2 || math.IsNaN(se) {
		return math.Inf(1)
	}
	count := float64(n)
	// e < 1/α where n²x² < c(1+n)(Q₀ + nx²), with Q₀ = n(n−1)·se² the squares about the mean and x the distance from it
	c := -math.Expm1(-2 / count * (0.5*math.Log1p(count) - math.Log(alpha)))
	if rest := count*count - c*(1+count)*count; rest > 0 {
		return math.Sqrt(c * (1 + count) * count * (count - 1) * se * se / rest)
	}
	return math.Inf(1)
}
