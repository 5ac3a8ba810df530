package judge

import (
	"cmp"
	"math"

	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
)

// Verdict is what is known of a difference.
type Verdict string

// The verdicts.
const (
	Better    Verdict = "better"
	Worse     Verdict = "worse"
	Different Verdict = "different" // it has changed, and the measure has no better direction
	Same      Verdict = "same"      // surely within the limit, which is more than "no difference was found"
	Undecided Verdict = "undecided"

	NothingJudged Verdict = "nothing_judged" // of a whole comparison: no row has data on both sides, or enough of it
)

// Judged reports whether the verdict of a row says anything of the change, and be it that nothing could be seen.
func (v Verdict) Judged() bool { return v != Verdict(Learning) && v != NothingJudged && v != "" }

// Changed reports whether the verdict claims a change.
func (v Verdict) Changed() bool { return v == Better || v == Worse || v == Different }

// Why is the kind of reason for a verdict that is not plain.
type Why string

// The reasons.
const (
	WhyNone       Why = ""
	WhyNoData     Why = "no_data"       // a side has no value
	WhyOneUnit    Why = "one_unit"      // a side has one unit: there is no spread to compare with
	WhyNoVariance Why = "no_variance"   // neither side varies, they differ, and the measure is not known to be exact
	WhyTooFew     Why = "too_few"       // neither different nor surely the same
	WhyModes      Why = "modes"         // the share of a slow mode has moved, the means have not
	WhyBelow      Why = "below_minimum" // it differs, by less than what matters

	// Of a head that is held against a history.
	WhyLearning Why = "learning" // fewer than five reports since the last change
	WhyOutside  Why = "outside"  // of where the next report was expected: a suspicion
	WhyInside   Why = "inside"
)

// Policy says what matters. The zero value of a field is its default.
type Policy struct {
	Effect  float64 // δ: "same" means surely within 1/(1+δ) … 1+δ; 0: 0.02
	Minimum float64 // of a claimed change's size; 0: 0.01
	Alpha   float64 // share of claims that may be false; 0: 0.05
}

func (p Policy) withDefaults() Policy {
	return Policy{cmp.Or(p.Effect, 0.02), cmp.Or(p.Minimum, 0.01), cmp.Or(p.Alpha, 0.05)}
}

// Row is one benchmark and measure with what was measured of the two versions.
type Row struct {
	Benchmark string
	Measure   measures.Measure
	Old, New  Side
	Reports   bool // each process is a report, and is called so

	// Noise is by how much processes of identical code are known to deviate from each other, on the logarithmic scale, by so many of them;
	// it only widens a row of one process a side, which cannot see that itself. The zero value: not known.
	Noise ProcessNoise
}

// ProcessNoise is a standard deviation between processes and how many runs have told it.
type ProcessNoise struct {
	SD   float64
	Runs int
}

// Comparison is what is known of one row. Numbers that are not known are NaN.
type Comparison struct {
	Verdict Verdict
	Why     Why

	Level    Level
	Old, New float64 // what is typical of each side: the geometric mean of its units, or the mean where values are zero or below
	Units    [2]int  // of the old and the new side
	Values   [2]int

	Ratio, Lower, Upper float64 // new over old with the 95 % interval
	Difference          float64 // new − old; where there is no ratio, Ratio is NaN and this and its interval say how far
	DifferenceLower     float64
	DifferenceUpper     float64

	P, Q       float64 // of Welch's test; Q by Benjamini and Hochberg over the whole comparison
	Exact      bool    // equality was looked at, no test was needed
	Detectable float64 // the relative change that would have been found in 80 % of tries
	AtLeast    bool    // fewer than five units a side: what is detectable is a lower bound
	Needed     int     // units a side with which the policy's Effect would be detectable; 0: not known, or there are enough
	Grade      Grade

	RankP                 float64 // Mann–Whitney's, from two units a side on
	ShiftLower, ShiftHigh float64 // the ratio's distribution-free 95 % interval, from four units a side on
	Between               float64 // relative sd of the difference of two processes that iterations do not explain; of other levels NaN
	Modes                 *ModeShift
	Expected              [2]float64 // where the next report of a history was expected to lie; NaN of other comparisons
	Notes                 []Note

	inside     bool // the 90 % interval is within ±Effect
	equal      bool // every value on both sides is the same
	comparable bool // there is a test
	logarithms bool
	tested     stats.Difference // as far as it is comparable; of logarithms, or of the values
	sides      [2][]float64     // the units' means, where the test may be widened
}

// ModeShift is how the share of slow units changed where a side has two modes.
type ModeShift struct {
	Cut      float64    // values above are slow
	Slow     [2]int     // units of the old and the new side that lie above mostly
	Share    [2]float64 // of values
	P        float64    // Fisher's exact test on units
	Outliers bool       // the slow share is below 15 %: more likely outliers than a mode
}

// compare measures a row; decide gives the verdict when q is known.
//
// The test is Welch's on the logarithms of unit means (Georges et al., OOPSLA 2007; the unit: Kalibera and Jones, ISMM 2013), on the means
// themselves where one is zero or below; then the ratio is Fieller's, if there is one.
func compare(row Row, policy Policy) Comparison {
	c := unknown()
	before, leftBefore := row.Old.finite()
	after, leftAfter := row.New.finite()
	if leftBefore+leftAfter > 0 {
		c.Notes = append(c.Notes, NoteNotFinite)
	}
	c.Level = row.level(before, after)
	ua, ub := before.units(c.Level), after.units(c.Level)
	c.Units = [2]int{len(ua), len(ub)}
	c.Values = [2]int{len(before.all()), len(after.all())}
	if len(ua) == 0 || len(ub) == 0 {
		if len(ua) > 0 {
			c.Old = stats.Mean(means(ua))
		}
		if len(ub) > 0 {
			c.New = stats.Mean(means(ub))
		}
		return c
	}
	c.center(means(ua), means(ub), policy)
	if c.exact(row.Measure, before, after) {
		return c
	}
	c.ranks(means(ua), means(ub))
	c.modes(ua, ub, before, after)
	c.note(before, after)
	if c.Level != ByIteration { // it is not widened, and a report may have many rows
		c.sides = [2][]float64{}
	}
	return c
}

// unknown is a comparison of which nothing is known.
func unknown() (c Comparison) {
	for _, v := range []*float64{&c.Old, &c.New, &c.Ratio, &c.Lower, &c.Upper, &c.Difference, &c.DifferenceLower, &c.DifferenceUpper,
		&c.P, &c.Q, &c.Detectable, &c.RankP, &c.ShiftLower, &c.ShiftHigh, &c.Between, &c.Expected[0], &c.Expected[1]} {
		*v = math.NaN()
	}
	return c
}

// center sets everything that follows from the two means.
func (c *Comparison) center(a, b []float64, policy Policy) {
	la, positive := stats.Logs(a)
	lb, alsoPositive := stats.Logs(b)
	c.logarithms = positive && alsoPositive
	if c.logarithms {
		c.sides = [2][]float64{la, lb}
		c.Old, c.New = math.Exp(stats.Mean(la)), math.Exp(stats.Mean(lb))
		c.tested = stats.Welch(la, lb)
		c.Ratio, c.Difference = math.Exp(c.tested.Estimate), c.New-c.Old
	} else {
		c.sides = [2][]float64{a, b}
		c.Old, c.New = stats.Mean(a), stats.Mean(b)
		c.tested = stats.Welch(a, b)
		c.Difference = c.tested.Estimate
	}
	c.comparable = c.tested.Known()
	c.equal = c.tested.SE == 0 && c.tested.Estimate == 0
	if c.equal && c.Old != 0 {
		c.Ratio = 1
	}
	c.conclude(stats.Excess{}, policy)
}

// conclude sets what follows from the test and from what the processes add to it, relative to the values.
func (c *Comparison) conclude(added stats.Excess, policy Policy) {
	w := c.tested.Widened(added)
	if !c.logarithms { // relative to the larger side
		w = c.tested.Widened(stats.Excess{SD: added.SD * max(math.Abs(c.Old), math.Abs(c.New)), DF: added.DF})
	}
	if c.P = w.P; !w.Known() {
		return
	}
	if !c.logarithms {
		c.concludeRaw(w, added, policy)
		return
	}
	lower, upper := w.Interval(0.95)
	c.Lower, c.Upper = math.Exp(lower), math.Exp(upper)
	reach := math.Log1p(policy.Effect)
	lower, upper = w.Interval(0.9) // two one-sided tests at 5 % (Schuirmann 1987)
	c.inside = -reach < lower && upper < reach
	c.Detectable = math.Expm1(w.Detectable())
	c.plan(stats.PooledSD(c.sides[0], c.sides[1]), reach, added, policy)
}

func (c *Comparison) concludeRaw(w stats.Difference, added stats.Excess, policy Policy) {
	a, b := c.sides[0], c.sides[1]
	c.DifferenceLower, c.DifferenceUpper = w.Interval(0.95)
	r, ok := stats.FiellerWidened(a, b, added, 0.95)
	if !ok {
		c.Ratio, c.Lower, c.Upper, c.inside, c.Detectable = math.NaN(), math.NaN(), math.NaN(), false, math.NaN()
		return
	}
	c.Ratio, c.Lower, c.Upper = r.Estimate, r.Lower, r.Upper
	narrow, ok := stats.FiellerWidened(a, b, added, 0.9)
	c.inside = ok && 1/(1+policy.Effect) < narrow.Lower && narrow.Upper < 1+policy.Effect
	c.Detectable = w.Detectable() / c.Old
	c.plan(stats.PooledSD(a, b)/c.Old, policy.Effect, added, policy)
}

// plan says how many units would see the policy's effect. No number of iterations takes away what the processes add.
func (c *Comparison) plan(sd, effect float64, added stats.Excess, policy Policy) {
	c.AtLeast = min(c.Units[0], c.Units[1]) < 5
	if c.Needed = 0; c.Detectable > policy.Effect {
		if added.SD > 0 {
			stays := (stats.StudentQuantile(0.975, added.DF) + stats.StudentQuantile(0.8, added.DF)) * added.SD
			effect = math.Sqrt(max(0, effect*effect-stays*stays))
		}
		c.Needed = stats.UnitsNeeded(sd, effect)
	}
	c.Grade = GradeOf(c.Detectable, c.Units[0]+c.Units[1])
}

// exactReruns is from how many equal values of one version on a measure counts as exact without being declared so.
const exactReruns = 12

// exact settles a row whose values do not vary within a side, if the measure is one that does not. The counts that tools take per operation
// (allocations and their bytes) are mostly exact, and believed from two equal values a side on.
func (c *Comparison) exact(m measures.Measure, before, after Side) bool {
	if !constant(before) || !constant(after) {
		return false
	}
	least := min(c.Values[0], c.Values[1])
	c.Exact = m.Exact || perOperation(m) && least > 1 || least >= exactReruns
	if !c.Exact {
		return false
	}
	c.Old, c.New = before[0].Values[0], after[0].Values[0]
	c.Difference, c.equal = c.New-c.Old, c.New == c.Old
	c.P, c.Q, c.comparable = math.NaN(), math.NaN(), false
	c.Ratio, c.Lower, c.Upper = math.NaN(), math.NaN(), math.NaN()
	if c.Old > 0 {
		c.Ratio = c.New / c.Old
	} else if c.equal {
		c.Ratio = 1
	}
	c.Lower, c.Upper = c.Ratio, c.Ratio
	return true
}

func constant(s Side) bool {
	for _, p := range s {
		for _, v := range p.Values {
			if v != s[0].Values[0] {
				return false
			}
		}
	}
	return len(s) > 0
}

func (c *Comparison) ranks(a, b []float64) {
	if min(len(a), len(b)) < 2 {
		return
	}
	c.RankP = stats.MannWhitney(a, b).P
	if min(len(a), len(b)) < 4 || !c.logarithms {
		return
	}
	la, _ := stats.Logs(a)
	lb, _ := stats.Logs(b)
	s := stats.HodgesLehmann(la, lb, 0.95)
	c.ShiftLower, c.ShiftHigh = math.Exp(s.Lower), math.Exp(s.Upper)
	if least, most := min(c.P, c.RankP), max(c.P, c.RankP); least <= .01 && most > .05 {
		c.Notes = append(c.Notes, NoteTestsDisagree)
	}
}

// modes looks for two modes on each side by itself, because a shift between the sides is none.
func (c *Comparison) modes(ua, ub []unit, before, after Side) {
	a, b := before.all(), after.all()
	logs := allPositive(a) && allPositive(b)
	find := func(xs []float64) (stats.Modes, bool) {
		if logs {
			xs, _ = stats.Logs(xs)
		}
		return stats.TwoModes(xs)
	}
	m, ok := find(a)
	if n, also := find(b); also && (!ok || n.Share > m.Share) {
		m, ok = n, true
	}
	if !ok {
		return
	}
	cut := m.Cut
	if logs {
		cut = math.Exp(cut)
	}
	shift := ModeShift{Cut: cut}
	for i, units := range [][]unit{ua, ub} {
		values := 0
		for _, u := range units {
			above := 0
			for _, v := range u.values {
				if v > cut {
					above++
				}
			}
			values += above
			if 2*above > len(u.values) {
				shift.Slow[i]++
			}
		}
		shift.Share[i] = float64(values) / float64(c.Values[i])
	}
	shift.P = stats.FisherExact(shift.Slow[0], len(ua), shift.Slow[1], len(ub))
	shift.Outliers = max(shift.Share[0], shift.Share[1]) < 0.15
	c.Modes = &shift
	if !shift.Outliers {
		c.Grade = GradeModal
	}
}

func allPositive(xs []float64) bool {
	for _, x := range xs {
		if !(x > 0) {
			return false
		}
	}
	return true
}

// decide gives the verdict. Worse and better need q ≤ Alpha and a size of the policy's Minimum at least; same needs the 90 % interval
// within the policy's Effect; all else is undecided.
func (c *Comparison) decide(m measures.Measure, policy Policy) {
	switch {
	case c.Units[0] == 0 || c.Units[1] == 0:
		c.Verdict, c.Why = Undecided, WhyNoData
	case c.Exact && c.equal:
		c.Verdict = Same
	case c.Exact && c.size() >= exactMinimum(m, policy):
		c.Verdict = c.direction(m.Direction)
	case c.Exact:
		c.Verdict, c.Why = Same, WhyBelow
	case c.Units[0] == 1 || c.Units[1] == 1:
		c.Verdict, c.Why = Undecided, WhyOneUnit
	case c.equal:
		c.Verdict, c.Exact = Same, true
		c.Lower, c.Upper = c.Ratio, c.Ratio
	case !c.comparable:
		c.Verdict, c.Why = Undecided, WhyNoVariance
	case c.Q <= policy.Alpha && c.size() >= policy.Minimum:
		c.Verdict = c.direction(m.Direction)
	case c.Modes != nil && c.Modes.P <= policy.Alpha && !c.Modes.Outliers:
		c.Verdict, c.Why = Undecided, WhyModes
	case c.inside && c.Q <= policy.Alpha:
		c.Verdict, c.Why = Same, WhyBelow
	case c.inside:
		c.Verdict = Same
	default:
		c.Verdict, c.Why = Undecided, WhyTooFew
	}
}

// size is how large the change is, relative to the old side; infinite where that is zero or below.
func (c *Comparison) size() float64 {
	if math.IsNaN(c.Ratio) {
		if c.Old != 0 && math.Abs(c.Difference) < math.Inf(1) {
			return math.Abs(c.Difference / c.Old)
		}
		return math.Inf(1)
	}
	return math.Abs(c.Ratio - 1)
}

// exactMinimum is from which size on a change of an exact value matters: half a percent of instructions, the policy's minimum of the rest.
func exactMinimum(m measures.Measure, policy Policy) float64 {
	if m.Units == measures.Instructions.Units {
		return policy.Minimum / 2
	}
	return policy.Minimum
}

func (c *Comparison) direction(d measures.Direction) Verdict {
	up := c.Difference > 0
	switch {
	case d == measures.Lower && up, d == measures.Higher && !up:
		return Worse
	case d == measures.Lower, d == measures.Higher:
		return Better
	}
	return Different
}
