package stats

import "math"

// Difference is the comparison of the means of two independent samples, or of paired ones with zero: an estimate with what is needed for
// its intervals.
type Difference struct {
	Estimate float64 // mean of the second sample − mean of the first
	SE       float64 // its standard error; NaN when a sample has fewer than two values, 0 when neither varies
	DF       float64 // degrees of freedom; NaN when SE is NaN or 0
	P        float64 // two-sided p-value of no difference; NaN when DF is
}

// Welch compares the means of two samples that may differ in variance: d = b̄ − ā, s² = s²_A/n_A + s²_B/n_B, and Satterthwaite's
// ν = s⁴/Σ(s²_i/n_i)²/(n_i−1) (Welch, Biometrika 34, 1947). Where only one sample varies ν is n−1 of that one. With an empty
// sample all is NaN.
func Welch(a, b []float64) Difference {
	d := Difference{Estimate: Mean(b) - Mean(a), SE: math.NaN(), DF: math.NaN(), P: math.NaN()}
	if len(a) < 2 || len(b) < 2 {
		return d
	}
	na, nb := float64(len(a)), float64(len(b))
	sa, sb := SampleSD(a)/math.Sqrt(na), SampleSD(b)/math.Sqrt(nb)
	if d.SE = math.Hypot(sa, sb); d.SE == 0 || math.IsInf(d.SE, 0) {
		return d
	}
	share := (sa / d.SE) * (sa / d.SE)
	d.DF = 1 / (share*share/(na-1) + (1-share)*(1-share)/(nb-1))
	d.P = StudentTail(d.Estimate/d.SE, d.DF)
	return d
}

// OneSample compares the mean of xs with zero by Student's t: the comparison of pairs, whose differences xs are.
func OneSample(xs []float64) Difference {
	d := Difference{Estimate: Mean(xs), SE: math.NaN(), DF: math.NaN(), P: math.NaN()}
	if len(xs) < 2 {
		return d
	}
	n := float64(len(xs))
	if d.SE = SampleSD(xs) / math.Sqrt(n); d.SE == 0 || math.IsInf(d.SE, 0) {
		return d
	}
	d.DF = n - 1
	d.P = StudentTail(d.Estimate/d.SE, d.DF)
	return d
}

// Known reports whether there is a test: both samples are large enough and one of them varies.
func (d Difference) Known() bool { return !math.IsNaN(d.DF) }

// Interval returns the range in which the true difference lies with the confidence ∈ (0,1). It is NaN where there is no test, and the
// estimate itself where neither sample varies.
func (d Difference) Interval(confidence float64) (lower, upper float64) {
	if !d.Known() {
		if d.SE == 0 {
			return d.Estimate, d.Estimate
		}
		return math.NaN(), math.NaN()
	}
	reach := StudentQuantile((1+confidence)/2, d.DF) * d.SE
	return d.Estimate - reach, d.Estimate + reach
}

// Detectable returns the difference that a two-sided test at 5 % finds in 80 % of tries: (t_{ν,.975} + t_{ν,.8})·s, in the unit of the
// estimate. NaN where there is no test. With fewer than five units a side it is a lower bound: at 3 the true power there is about 60 %.
func (d Difference) Detectable() float64 {
	if !d.Known() {
		return math.NaN()
	}
	return (StudentQuantile(0.975, d.DF) + StudentQuantile(0.8, d.DF)) * d.SE
}

// PlannedDetectable is what n ≥ 2 units a side would see where units deviate by sd: Detectable with s = sd·√(2/n) and ν = 2n − 2.
func PlannedDetectable(sd float64, n int) float64 {
	if n < 2 || math.IsNaN(sd) {
		return math.NaN()
	}
	df := float64(2*n - 2)
	return (StudentQuantile(0.975, df) + StudentQuantile(0.8, df)) * sd * math.Sqrt(2/float64(n))
}

// unitsMost bounds what UnitsNeeded looks for: nobody runs more.
const unitsMost = 1_000_000

// UnitsNeeded returns the smallest number of units a side with which a difference of at least the given size > 0 is detectable where units
// deviate by sd; 0 when sd is unknown, or when not even a million would do.
func UnitsNeeded(sd, size float64) int {
	if math.IsNaN(sd) || !(size > 0) || PlannedDetectable(sd, unitsMost) > size {
		return 0
	}
	// The normal distribution's number is a few too small, because Student's tails are heavier.
	z := (NormalQuantile(0.975) + NormalQuantile(0.8)) * sd / size
	n := max(2, int(2*z*z))
	for n < unitsMost && PlannedDetectable(sd, n) > size {
		n++
	}
	return n
}

// PooledSD is the standard deviation of units within two samples that may differ in mean; NaN where neither has two values.
func PooledSD(a, b []float64) float64 {
	squares, df := 0.0, 0
	for _, xs := range [][]float64{a, b} {
		if len(xs) > 1 {
			sd := SampleSD(xs)
			squares += sd * sd * float64(len(xs)-1)
			df += len(xs) - 1
		}
	}
	if df == 0 {
		return math.NaN()
	}
	return math.Sqrt(squares / float64(df))
}

// Logs are the natural logarithms of xs; ok is false where a value is not positive.
func Logs(xs []float64) (logs []float64, ok bool) {
	logs = make([]float64, len(xs))
	for i, x := range xs {
		if !(x > 0) {
			return nil, false
		}
		logs[i] = math.Log(x)
	}
	return logs, true
}
