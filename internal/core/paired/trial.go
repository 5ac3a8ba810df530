package paired

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/stats"
)

// Arm is one of the two versions.
type Arm int

// The arms: A is the base, B is the head.
const (
	A Arm = iota
	B
)

func (a Arm) String() string {
	if a == A {
		return "A"
	}
	return "B"
}

// Outcome is what a trial knows.
type Outcome string

// The outcomes. All but Running are final.
const (
	Running   Outcome = "running"
	Different Outcome = "different"
	Same      Outcome = "same"
	Undecided Outcome = "undecided" // the budget is used up
)

// Rule is how the chance of a false claim is spread over the looks.
type Rule string

// The rules.
const (
	Pocock        Rule = "pocock"         // the default: about as much at each look, so that large changes end early
	OBrienFleming Rule = "obrien_fleming" // next to nothing early: fewer false stops of tiny samples, later ends
	AlwaysValid   Rule = "always_valid"   // a look after each pair, by the evidence; there is no "same" before the budget is used up
)

// Plan says what a trial is for. The zero value of a field is its default.
type Plan struct {
	Rule   Rule    // default Pocock
	Effect float64 // δ: "same" is a ratio surely within 1/(1+δ) … 1+δ; 0: 0.02
	Exact  bool    // the measure is counted: a difference without variance is one
	Pairs  int     // the budget; 0: 40. Another number has its looks at the same fractions
	Min    int     // pairs before the first look; 0: 6. Looks before it are left out, which claims less and never more
}

// fractions are the looks as parts of the budget: 6, 10, 15, 20, 30 and 40 of 40 pairs.
var fractions = []float64{6. / 40, 10. / 40, 15. / 40, 20. / 40, 30. / 40, 1}

// Boundaries at the fractions, two-sided: of a difference at 5 %, and of equivalence at 10 %, which is 5 % a side. Pocock's are from
// 400,000 simulated paths (± .01), O'Brien and Fleming's from the recursion in stats.Boundaries.
var (
	pocockDifferent = []float64{2.531, 2.596, 2.535, 2.498, 2.370, 2.351}
	pocockSame      = []float64{2.279, 2.321, 2.252, 2.215, 2.072, 2.044}
	obrienDifferent = []float64{5.670, 4.332, 3.4832, 2.9783, 2.3591, 2.016}
)

// The level of always-valid evidence, and from how many pairs on it counts.
const (
	validAlpha = 0.05
	validLeast = 4
	budget     = 40
	leastPairs = 6
)

// Trial is one comparison in turns. It is not safe for concurrent use.
type Trial struct {
	plan    Plan
	order   *Order
	looks   []int
	pending []float64 // the logarithms of the pair that runs, NaN for a run that failed
	arms    []Arm
	logs    []float64 // d of each pair
	failed  int       // pairs that were left out
	outcome Outcome
	looked  int // how many looks have been taken

	held  bool    // a difference is claimed by Rows, which knows the other trials
	level float64 // the smallest level at which a look so far has found a difference; 1: none at 5 %
}

// New begins a trial. The coin decides the order of each block.
func New(plan Plan, coin *rand.Rand) (*Trial, error) {
	plan, err := plan.checked()
	if err != nil {
		return nil, err
	}
	t := &Trial{plan: plan, order: NewOrder(coin), outcome: Running, looks: plan.Looks(), level: 1}
	return t, nil
}

// checked is the plan with its defaults.
func (plan Plan) checked() (Plan, error) {
	plan.Rule, plan.Effect, plan.Pairs = cmp.Or(plan.Rule, Pocock), cmp.Or(plan.Effect, 0.02), cmp.Or(plan.Pairs, budget)
	plan.Min = cmp.Or(plan.Min, leastPairs)
	switch {
	case !slices.Contains([]Rule{Pocock, OBrienFleming, AlwaysValid}, plan.Rule):
		return plan, fault.Invalidf("rule %.40q: want %s, %s or %s", plan.Rule, Pocock, OBrienFleming, AlwaysValid)
	case !(plan.Effect > 0) || math.IsInf(plan.Effect, 0):
		return plan, fault.Invalidf("effect %v: want a part above 0 (0.02 means 2 %%)", plan.Effect)
	case plan.Pairs < leastPairs:
		return plan, fault.Invalidf("budget of %d pairs: want %d or more", plan.Pairs, leastPairs)
	case plan.Min < leastPairs || plan.Min > plan.Pairs:
		return plan, fault.Invalidf("at least %d pairs: want %d to the budget of %d", plan.Min, leastPairs, plan.Pairs)
	}
	return plan, nil
}

// Looks are the numbers of pairs at which a trial of this plan decides.
func (plan Plan) Looks() (looks []int) {
	pairs, first := cmp.Or(plan.Pairs, budget), max(plan.Min, leastPairs)
	for _, f := range fractions {
		if n := max(first, int(math.Ceil(f*float64(pairs)-1e-9))); len(looks) == 0 || n > looks[len(looks)-1] {
			looks = append(looks, n)
		}
	}
	return looks
}

// Next is the arm that should run now; false when the trial is over. It stays the same until Add or Fail is called.
func (t *Trial) Next() (Arm, bool) {
	if t.outcome != Running {
		return A, false
	}
	return t.order.Next(), true
}

// Add takes the value of the arm that Next named, which must be a finite number above 0.
func (t *Trial) Add(value float64) error {
	if !(value > 0) || math.IsInf(value, 0) {
		return fault.Invalidf("value %v: a comparison in pairs needs numbers above 0", value)
	}
	return t.take(math.Log(value))
}

// Fail says that the run of the arm that Next named gave no value: its pair is left out.
func (t *Trial) Fail() error { return t.take(math.NaN()) }

func (t *Trial) take(log float64) error {
	arm, more := t.Next()
	if !more {
		return fault.Conflictf("the comparison is over: %s", t.outcome)
	}
	t.order.Done()
	t.pending, t.arms = append(t.pending, log), append(t.arms, arm)
	if len(t.pending) < 2 {
		return nil
	}
	d := t.pending[1] - t.pending[0]
	if t.arms[0] == B {
		d = -d
	}
	t.pending, t.arms = t.pending[:0], t.arms[:0]
	t.pair(d)
	return nil
}

// pair takes the difference of a pair, NaN where one of its runs failed.
func (t *Trial) pair(d float64) {
	if math.IsNaN(d) {
		t.failed++
		if t.failed >= t.plan.Pairs { // nothing but failures must not go on for ever
			t.outcome = Undecided
		}
		return
	}
	t.logs = append(t.logs, d)
	t.look()
}

// look decides whether the trial ends with the pair that just came.
func (t *Trial) look() {
	n := len(t.logs)
	if t.plan.Rule == AlwaysValid {
		switch {
		case n >= validLeast && stats.LogEvidence(t.logs) >= -math.Log(validAlpha):
			t.outcome = Different
		case n >= t.plan.Pairs:
			t.outcome = t.last()
		}
		return
	}
	if n < t.looks[t.looked] {
		return
	}
	at := t.looked
	t.looked++
	d := stats.OneSample(t.logs)
	switch {
	case d.SE == 0 && d.Estimate == 0:
		t.outcome = Same
	case d.SE == 0 && t.plan.Exact:
		t.outcome = Different
	case d.SE == 0 && t.looked < len(t.looks): // no variance seen: more runs
	case d.SE == 0:
		t.outcome = Undecided
	case math.Abs(d.Estimate)/d.SE >= t.edge(t.different(), at, d.DF):
		t.level = min(t.level, t.levelOf(math.Abs(d.Estimate)/d.SE, at, d.DF))
		switch {
		case !t.held:
			t.outcome = Different
		case t.looked == len(t.looks):
			t.outcome = Undecided
		}
	case t.within(d, t.edge(pocockSame, at, d.DF)):
		t.outcome = Same
	case t.looked == len(t.looks):
		t.outcome = Undecided
	}
}

// last is the outcome of always-valid looking at the end of its budget: one test for equivalence.
func (t *Trial) last() Outcome {
	d := stats.OneSample(t.logs)
	switch {
	case d.SE == 0 && d.Estimate == 0:
		return Same
	case d.SE == 0 && t.plan.Exact:
		return Different
	case d.SE > 0 && t.within(d, stats.StudentQuantile(0.95, d.DF)):
		return Same
	}
	return Undecided
}

func (t *Trial) within(d stats.Difference, edge float64) bool {
	return math.Abs(d.Estimate)+edge*d.SE < math.Log1p(t.plan.Effect)
}

func (t *Trial) different() []float64 {
	if t.plan.Rule == OBrienFleming {
		return obrienDifferent
	}
	return pocockDifferent
}

// edge is a boundary as one of Student's t. A budget so small that looks fall together skips the first ones, which errs on the safe side.
func (t *Trial) edge(z []float64, look int, degrees float64) float64 {
	return stats.StudentBoundary(z[len(z)-len(t.looks)+look], degrees)
}

// State is what is known after the pairs so far. Numbers that are not known are NaN.
type State struct {
	Outcome             Outcome
	Pairs, Failed       int
	Most                int     // the budget
	NextLook            int     // at how many pairs the next decision falls; 0 when the trial is over
	Ratio, Lower, Upper float64 // B over A, with an interval that holds at 95 % whenever one looks
	P                   float64 // of a t test with this number of pairs fixed: for display, no decision rests on it
	SignedRankP         float64
	LogEvidence         float64 // ln e; at ln 20 the difference may be claimed at 5 % at any time
	Detectable          float64 // the relative change that these pairs would have found in 80 % of cases
}

// State describes the trial. The interval is the repeated one of the boundary at the end. While it runs it is the always-valid one, also at
// a look: whoever watches may stop at any time, and decides by what is shown.
func (t *Trial) State() State {
	d := stats.OneSample(t.logs)
	s := State{Outcome: t.outcome, Pairs: len(t.logs), Failed: t.failed, Most: t.plan.Pairs, Ratio: math.Exp(d.Estimate), P: d.P,
		Lower: math.NaN(), Upper: math.NaN(), SignedRankP: math.NaN(), LogEvidence: stats.LogEvidence(t.logs),
		Detectable: math.Expm1(d.Detectable())}
	if len(t.logs) > 0 {
		s.SignedRankP = stats.SignedRank(t.logs)
	}
	if t.outcome == Running && t.plan.Rule != AlwaysValid {
		s.NextLook = t.looks[t.looked]
	} else if t.outcome == Running {
		s.NextLook = max(validLeast, len(t.logs)+1)
	}
	reach := math.NaN()
	switch {
	case d.SE == 0:
		reach = 0
	case !d.Known():
	case t.outcome != Running && t.plan.Rule != AlwaysValid && t.looked > 0 && t.looks[t.looked-1] == len(t.logs):
		reach = t.edge(t.different(), t.looked-1, d.DF) * d.SE
	default:
		reach = stats.ValidReach(len(t.logs), d.SE, validAlpha)
	}
	s.Lower, s.Upper = math.Exp(d.Estimate-reach), math.Exp(d.Estimate+reach)
	return s
}
