package stats

import (
	"cmp"
	"math"
	"slices"
)

// Excess is by how much two processes of one program differ beyond what their iterations explain: the scale of that part of a difference,
// and the degrees of freedom of its tails (Student's). The zero value is none.
type Excess struct{ SD, DF float64 }

// The numbers of the estimate. They were chosen on simulations and on real processes, see docs/statistics.md.
const (
	// ExcessLeast is from how many differences on there is an estimate: fewer cannot tell a change of some from noise of all.
	ExcessLeast = 20

	excessMost    = 300 // more differences are thinned evenly: they know it well enough
	quietTails    = 8.  // degrees of freedom of what is left between processes of a quiet machine
	groupsEarn    = 6.  // by how much two groups must be likelier than one scale (natural logarithm): they have four parameters more
	groupsShow    = 2.  // by how much an excess within the groups must be likelier than none: p = 0.02, one-sided
	groupsEnough  = .02 // a step that makes the groups likelier by less is the last one
	movedMost     = .4  // share of differences that may have moved, all by about the same
	scatteredMost = .2  // the same, each by its own amount
	togetherUpTo  = .5  // they moved by about the same if they deviate by at most this part of the move
)

// excessTails are the degrees of freedom that are tried. Below 3 no change could be told from the tails any more.
var excessTails = []float64{3, 5, 8, 15, 50}

// ExcessOf estimates from differences of many rows between the same two processes, each with its standard error from iterations, what the
// processes add. Differences without a test are left out; below ExcessLeast of the others it is NaN. It does not depend on their order.
//
// Two explanations are compared by their likelihood. One: every difference is noise around zero, Student's t with the variance s² + τ²
// (random effects, DerSimonian and Laird 1986; with heavy tails, Baker and Jackson 2008). Two: most differences lie at one level, which
// need not be zero, and the rest have moved (the two groups of Efron, JASA 99, 2004; Beath, Research Synthesis Methods 5, 2014), with the
// same τ in both groups. Only where the second is much likelier and does not need τ > 0 is the machine taken to be quiet, and
// what moved to be a change: then τ is that of the groups, about 0. Else all that the rows differ by is put down to the
// processes, a common shift, too: where
// rows scatter by more than their iterations explain, real pairs of processes of one program also differ in all rows together, and in parts
// of them, by many times that scatter.
func ExcessOf(all []Difference) Excess {
	rows := slices.DeleteFunc(slices.Clone(all), func(d Difference) bool { return !d.Known() || !(d.SE > 0) })
	if len(rows) < ExcessLeast {
		return Excess{math.NaN(), math.NaN()}
	}
	slices.SortFunc(rows, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Estimate, b.Estimate), cmp.Compare(a.SE, b.SE), cmp.Compare(a.DF, b.DF))
	})
	if n := len(rows); n > excessMost {
		for i := range excessMost {
			rows[i] = rows[i*(n-1)/(excessMost-1)]
		}
		rows = rows[:excessMost]
	}
	whole, likelihood := oneScale(rows)
	if whole.SD == 0 {
		return Excess{}
	}
	inGroups, least, better := twoGroups(rows)
	if better-likelihood > groupsEarn && least == 0 {
		whole = Excess{min(whole.SD, inGroups), quietTails}
	}
	if whole.SD == 0 {
		return Excess{}
	}
	whole.DF = min(whole.DF, float64(len(rows))/2) // few rows know it less well
	return whole
}

// Widened is the difference with what its processes add: variances add up, and the degrees of freedom are Satterthwaite's (Biometrics
// Bulletin 2, 1946), but not more than before, so that nothing becomes surer by what is added.
func (d Difference) Widened(e Excess) Difference {
	if !(e.SD > 0) || !d.Known() {
		return d
	}
	se, df := d.with(e)
	d.SE, d.DF = se, min(d.DF, df)
	d.P = StudentTail(d.Estimate/d.SE, d.DF)
	return d
}

// with are the standard error and degrees of freedom with an excess.
func (d Difference) with(e Excess) (se, df float64) {
	if e.SD == 0 {
		return d.SE, d.DF
	}
	se = math.Hypot(d.SE, e.SD)
	own, added := (d.SE/se)*(d.SE/se), (e.SD/se)*(e.SD/se)
	return se, 1 / (own*own/d.DF + added*added/e.DF)
}

// student is Student's distribution with a scale.
type student struct{ scale, df, constant float64 }

func studentOf(scale, df float64) student {
	a, _ := math.Lgamma((df + 1) / 2)
	b, _ := math.Lgamma(df / 2)
	return student{scale, df, a - b - math.Log(df*math.Pi)/2 - math.Log(scale)}
}

func (s student) log(x float64) float64 {
	x /= s.scale
	return s.constant - (s.df+1)/2*math.Log1p(x*x/s.df)
}

// studentsOf are the distributions of rows around their level where the processes add an excess.
func studentsOf(rows []Difference, e Excess) []student {
	out := make([]student, len(rows))
	for i, d := range rows {
		out[i] = studentOf(d.with(e))
	}
	return out
}

// scales are what is tried for τ: none, and rising from a part of what iterations explain to more than everything.
func scales(rows []Difference, from float64, n int) []float64 {
	errors, most := make([]float64, len(rows)), 0.0
	for i, d := range rows {
		errors[i] = d.SE
		most = max(most, math.Abs(d.Estimate))
	}
	typical := Median(errors)
	low, high := from*typical, max(2*typical, 2*most)
	out := []float64{0}
	for i := range n {
		out = append(out, low*math.Pow(high/low, float64(i)/float64(n-1)))
	}
	return out
}

// oneScale is the likeliest excess where all differences are noise around zero.
func oneScale(rows []Difference) (best Excess, likelihood float64) {
	likelihood = math.Inf(-1)
	at := func(e Excess) float64 {
		sum := 0.0
		for i, s := range studentsOf(rows, e) {
			sum += s.log(rows[i].Estimate)
		}
		return sum
	}
	tried := scales(rows, .05, 30)
	for _, df := range excessTails {
		for _, sd := range tried {
			if l := at(Excess{sd, df}); l > likelihood {
				best, likelihood = Excess{sd, df}, l
			}
		}
	}
	return best, likelihood
}

// twoGroups is the likeliest excess within two groups, the least that is nearly as likely, and the likelihood.
func twoGroups(rows []Difference) (sd, least, likelihood float64) {
	tried := scales(rows, .1, 14)
	all := make([]float64, len(tried))
	likelihood = math.Inf(-1)
	for i, tau := range tried {
		if all[i] = groups(rows, tau); all[i] > likelihood {
			sd, likelihood = tau, all[i]
		}
	}
	for i, l := range all {
		if l >= likelihood-groupsShow {
			return sd, tried[i], likelihood
		}
	}
	return sd, sd, likelihood
}

// groups is the logarithm of the likelihood of the best two groups where the processes add tau, by expectation and maximisation (Dempster,
// Laird and Rubin 1977) from three beginnings. The first group is Student's, with weights for its level (Lange, Little and Taylor, JASA 84,
// 1989), the second one normal with a spread of its own.
func groups(rows []Difference, tau float64) float64 {
	n := len(rows)
	first := studentsOf(rows, Excess{tau, quietTails})
	estimates, errors := make([]float64, n), make([]float64, n)
	for i, d := range rows {
		estimates[i], errors[i] = d.Estimate, d.SE
	}
	spread, floor := SampleSD(estimates), Median(errors)/4
	middle, low, high := quantile(estimates, .5), quantile(estimates, .2), quantile(estimates, .8)
	best := math.Inf(-1)
	moved := make([]float64, n)
	for _, start := range [][3]float64{{middle, middle, 1}, {low, high, .5}, {high, low, .5}} {
		level, other, wide, share := start[0], start[1], max(floor, start[2]*spread), .2
		for last := math.Inf(-1); ; {
			total := 0.0
			var up, down, upOther, downOther float64
			for i, s := range first {
				x := estimates[i]
				a := math.Log1p(-share) + s.log(x-level)
				b := math.Log(share) + normalLog(x-other, math.Hypot(s.scale, wide))
				top := max(a, b)
				sum := math.Exp(a-top) + math.Exp(b-top)
				total += top + math.Log(sum)
				moved[i] = math.Exp(b-top) / sum
				r := (x - level) / s.scale
				weight := (1 - moved[i]) * (s.df + 1) / (s.df + r*r) / (s.scale * s.scale)
				up, down = up+weight*x, down+weight
				weight = moved[i] / (s.scale*s.scale + wide*wide)
				upOther, downOther = upOther+weight*x, downOther+weight
			}
			best = max(best, total)
			if total-last < groupsEnough {
				break
			}
			last = total
			if down > 0 {
				level = up / down
			}
			if downOther > 0 {
				other = upOther / downOther
			}
			var squares, count float64
			for i, s := range first {
				r := estimates[i] - other
				squares, count = squares+moved[i]*(r*r-s.scale*s.scale), count+moved[i]
			}
			wide = floor
			if count > 0 {
				wide = max(floor, math.Sqrt(max(0, squares/count)))
			}
			most := scatteredMost
			if wide <= togetherUpTo*math.Abs(other-level) {
				most = movedMost
			}
			share = min(most, max(.5/float64(n), count/float64(n)))
		}
	}
	return best
}

// normalLog is the logarithm of the normal density.
func normalLog(x, sd float64) float64 {
	x /= sd
	return -x*x/2 - math.Log(sd) - math.Log(2*math.Pi)/2
}
