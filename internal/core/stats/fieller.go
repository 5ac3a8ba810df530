package stats

import "math"

// Ratio is the quotient of two means with an interval.
type Ratio struct {
	Estimate, Lower, Upper float64
	DF                     float64
}

// Fieller returns the ratio of the means of b and a, both in one unit, with its interval, for samples that have values of zero or below and
// so no logarithm (Fieller, JRSS B 16, 1954, for independent samples of unequal variance). The bounds solve
// (b̄ − ρā)² = t²(v_B + ρ²v_A) with v = s²/n and Satterthwaite's ν of b̄ − ā, that of the test for equal means.
//
// ok is false where no ratio can be told: fewer than two values, no variance, or a mean of a that is not surely above zero.
func Fieller(a, b []float64, confidence float64) (r Ratio, ok bool) {
	return FiellerWidened(a, b, Excess{}, confidence)
}

// FiellerWidened is Fieller where the processes that a and b are of add an excess, relative to the means: each mean has half of its
// variance.
func FiellerWidened(a, b []float64, added Excess, confidence float64) (r Ratio, ok bool) {
	if len(a) < 2 || len(b) < 2 {
		return Ratio{}, false
	}
	ma, mb := Mean(a), Mean(b)
	if !(ma > 0) {
		return Ratio{}, false
	}
	na, nb := float64(len(a)), float64(len(b))
	r.Estimate = mb / ma
	sa, sb := SampleSD(a)/math.Sqrt(na)/ma, SampleSD(b)/math.Sqrt(nb)/ma // relative to ma, so that nothing overflows
	all := math.Hypot(sa, sb)
	if all == 0 {
		return Ratio{}, false
	}
	share := (sa / all) * (sa / all)
	r.DF = 1 / (share*share/(na-1) + (1-share)*(1-share)/(nb-1))
	if added.SD > 0 {
		ea, eb := added.SD/math.Sqrt2, added.SD/math.Sqrt2*math.Abs(r.Estimate)
		r.DF = Difference{SE: all, DF: r.DF}.Widened(Excess{math.Hypot(ea, eb), added.DF}).DF
		sa, sb = math.Hypot(sa, ea), math.Hypot(sb, eb)
	}
	t := StudentQuantile((1+confidence)/2, r.DF)
	if t*sa >= 1 {
		return Ratio{}, false
	}
	square := 1 - t*t*sa*sa
	root := math.Sqrt(max(0, r.Estimate*r.Estimate-square*(r.Estimate*r.Estimate-t*t*sb*sb)))
	r.Lower, r.Upper = (r.Estimate-root)/square, (r.Estimate+root)/square
	return r, true
}
