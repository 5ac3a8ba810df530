package paired

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/property"
)

func begin(t testing.TB, plan Plan, seed uint64) *Trial {
	t.Helper()
	trial, err := New(plan, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

// play runs a trial to its end; value draws what an arm measures in its i-th run.
func play(t testing.TB, trial *Trial, value func(arm Arm, i int) float64) State {
	t.Helper()
	for i := 0; ; i++ {
		arm, more := trial.Next()
		if !more {
			return trial.State()
		}
		if err := trial.Add(value(arm, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBlocksAreBalancedAndTheCoinTurnsThem(t *testing.T) {
	t.Parallel()
	trial := begin(t, Plan{Pairs: 400}, 1)
	seen := map[string]int{}
	var block strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 600 {
		arm, more := trial.Next()
		if again, _ := trial.Next(); !more || again != arm {
			t.Fatalf("run %d: asked twice, %v and %v", i, arm, again)
		}
		block.WriteString(arm.String())
		if i%4 == 3 {
			seen[block.String()]++
			block.Reset()
		}
		_ = trial.Add(math.Exp(r.NormFloat64()))
		if trial.State().Outcome != Running {
			break
		}
	}
	for order, n := range seen {
		if order != "ABBA" && order != "BAAB" || n < 3 {
			t.Errorf("block %s came %d times", order, n)
		}
	}
	if len(seen) != 2 {
		t.Errorf("orders %v, want ABBA and BAAB", seen)
	}
}

// TestTheVector has six pairs of the specification; the first look is at the sixth.
func TestTheVector(t *testing.T) {
	t.Parallel()
	ds := []float64{.012, .018, .007, .015, .021, .009}
	trial := begin(t, Plan{}, 3)
	for i := range 12 {
		arm, _ := trial.Next()
		if s := trial.State(); s.Outcome != Running || s.NextLook != 6 {
			t.Fatalf("before run %d: %+v", i, s)
		}
		value := 100.0
		if arm == B {
			value *= math.Exp(ds[i/2])
		}
		if err := trial.Add(value); err != nil {
			t.Fatal(err)
		}
	}
	s := trial.State()
	edge := stats.StudentBoundary(2.531, 5)
	for what, pair := range map[string][2]float64{
		"ratio": {s.Ratio, math.Exp(.013666667)}, "p": {s.P, .0015340222}, "ln e": {s.LogEvidence, 3.3077159},
		"p of ranks": {s.SignedRankP, .03125}, "lower": {s.Lower, math.Exp(.013666667 - edge*.0021858128)},
	} {
		if math.Abs(pair[0]/pair[1]-1) > 1e-6 {
			t.Errorf("%s = %.9g, want %.9g", what, pair[0], pair[1])
		}
	}
	if s.Outcome != Different || s.Pairs != 6 || s.NextLook != 0 {
		t.Errorf("%+v, want different: t is 6.25, the boundary %.2f", s, edge)
	}
	if err := trial.Add(1); !fault.Is(err, fault.Conflict) {
		t.Errorf("a value after the end: %v", err)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	arms := func(a, b float64) func(Arm, int) float64 {
		return func(arm Arm, _ int) float64 { return []float64{a, b}[arm] }
	}
	noisy := func(ratio, sd float64) func(Arm, int) float64 {
		r := rand.New(rand.NewPCG(9, 9))
		return func(arm Arm, _ int) float64 { return math.Pow(ratio, float64(arm)) * math.Exp(sd*r.NormFloat64()) }
	}
	drift := func(arm Arm, i int) float64 { return 100 * math.Exp(.01*float64(i)) }
	for name, c := range map[string]struct {
		plan    Plan
		value   func(Arm, int) float64
		outcome Outcome
		pairs   int
	}{
		"equal counts":                        {Plan{}, arms(7, 7), Same, 6},
		"a change without variance":           {Plan{}, arms(7, 8), Undecided, 40},
		"a change of an exact count":          {Plan{Exact: true}, arms(7, 8), Different, 6},
		"a large change":                      {Plan{}, noisy(1.5, .02), Different, 6},
		"no change on a quiet machine":        {Plan{}, noisy(1, .004), Same, 6},
		"noise that hides everything":         {Plan{}, noisy(1, .5), Undecided, 40},
		"a drift that ABBA takes out":         {Plan{}, drift, Same, 6},
		"a larger budget looks later":         {Plan{Pairs: 80}, arms(7, 7), Same, 12},
		"the smallest budget has one look":    {Plan{Pairs: 6}, noisy(1, .5), Undecided, 6},
		"O'Brien and Fleming wait longer":     {Plan{Rule: OBrienFleming}, noisy(1.03, .02), Different, 20},
		"evidence may be looked at each time": {Plan{Rule: AlwaysValid}, noisy(1.5, .02), Different, 5},
		"evidence for nothing ends late":      {Plan{Rule: AlwaysValid}, noisy(1, .004), Same, 40},
		"evidence on equal counts":            {Plan{Rule: AlwaysValid}, arms(7, 7), Same, 40},
	} {
		s := play(t, begin(t, c.plan, 5), c.value)
		if s.Outcome != c.outcome || s.Pairs != c.pairs {
			t.Errorf("%s: %s after %d pairs, want %s after %d", name, s.Outcome, s.Pairs, c.outcome, c.pairs)
		}
	}
}

func TestARunThatFailedTakesItsPairWithIt(t *testing.T) {
	t.Parallel()
	trial := begin(t, Plan{}, 1)
	for range 3 {
		_ = trial.Add(1)
		_ = trial.Fail()
	}
	if s := trial.State(); s.Pairs != 0 || s.Failed != 3 || s.Outcome != Running {
		t.Errorf("%+v", s)
	}
	for range 37 {
		_ = trial.Fail()
		_ = trial.Add(1)
	}
	if s := trial.State(); s.Outcome != Undecided {
		t.Errorf("after 40 pairs that failed: %+v", s)
	}
	for _, v := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if err := begin(t, Plan{}, 1).Add(v); !fault.Is(err, fault.Invalid) {
			t.Errorf("value %v: %v", v, err)
		}
	}
	for _, p := range []Plan{{Rule: "guess"}, {Effect: -1}, {Effect: math.NaN()}, {Pairs: 5}} {
		if _, err := New(p, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestAnotherUnitChangesNothing(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		scale := math.Ldexp(1, rapid.IntRange(-20, 20).Draw(t, "scale"))
		values := rapid.SliceOfN(rapid.Float64Range(.9, 1.1), 80, 80).Draw(t, "values")
		end := func(scale float64) State {
			trial, _ := New(Plan{}, rand.New(rand.NewPCG(1, 1)))
			for i := 0; ; i++ {
				if _, more := trial.Next(); !more {
					return trial.State()
				}
				_ = trial.Add(values[i] * scale)
			}
		}
		a, b := end(1), end(scale)
		if a.Outcome != b.Outcome || a.Pairs != b.Pairs || math.Abs(a.Ratio-b.Ratio) > 1e-9 {
			t.Fatalf("%+v, scaled %+v", a, b)
		}
	})
}

// noises are the machines that the rules were measured on, with a deviation of about 2.8 % a run.
var noises = map[string]func(r *rand.Rand) func(Arm, int) float64{
	"normal": func(r *rand.Rand) func(Arm, int) float64 {
		return func(Arm, int) float64 { return .02 * r.NormFloat64() }
	},
	"t₃": func(r *rand.Rand) func(Arm, int) float64 {
		return func(Arm, int) float64 {
			return .02 * r.NormFloat64() / math.Sqrt((sq(r.NormFloat64())+sq(r.NormFloat64())+sq(r.NormFloat64()))/3)
		}
	},
	"drift": func(r *rand.Rand) func(Arm, int) float64 {
		at := 0.0
		return func(Arm, int) float64 { at += .005 * r.NormFloat64(); return at + .02*r.NormFloat64() }
	},
}

func sq(x float64) float64 { return x * x }

// TestIdenticalCodeIsCalledDifferentAsSeldomAsClaimed simulates whole trials, by rule and noise; and that what differs is found.
func TestIdenticalCodeIsCalledDifferentAsSeldomAsClaimed(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	const rounds = 3_000
	limit := .05 + 3*math.Sqrt(.05*.95/rounds)
	for name, noise := range noises {
		for _, rule := range []Rule{Pocock, OBrienFleming, AlwaysValid} {
			r := rand.New(rand.NewPCG(20261129, uint64(len(name))))
			outcomes, held := map[Outcome]int{}, 0
			for i := range rounds {
				draw := noise(r)
				s := play(t, begin(t, Plan{Rule: rule}, uint64(i)), func(a Arm, i int) float64 { return math.Exp(draw(a, i)) })
				outcomes[s.Outcome]++
				if s.Lower <= 1 && 1 <= s.Upper {
					held++
				}
			}
			if share := float64(outcomes[Different]) / rounds; share > limit {
				t.Errorf("%s, %s: identical code is called different in %.3f of trials", name, rule, share)
			}
			if share := float64(held) / rounds; share < .94 {
				t.Errorf("%s, %s: the interval at the end holds the truth in %.3f of trials", name, rule, share)
			}
			if rule == Pocock && name == "normal" && float64(outcomes[Same])/rounds < .85 {
				t.Errorf("identical code is the same in %d of %d trials only", outcomes[Same], rounds)
			}
		}
	}
}

func TestChangesAreFoundSoon(t *testing.T) {
	t.Parallel()
	const rounds = 1_000
	for ratio, want := range map[float64]struct{ found, pairs float64 }{1.02: {.9, 22}, 1.05: {.995, 9}} {
		r := rand.New(rand.NewPCG(1, 7))
		draw := noises["normal"](r)
		found, pairs := 0, 0
		for i := range rounds {
			s := play(t, begin(t, Plan{}, uint64(i)), func(a Arm, i int) float64 { return math.Pow(ratio, float64(a)) * math.Exp(draw(a, i)) })
			if s.Outcome == Different && s.Ratio > 1 {
				found++
			}
			pairs += s.Pairs
		}
		if share, mean := float64(found)/rounds, float64(pairs)/rounds; share < want.found || mean > want.pairs {
			t.Errorf("%v: found in %.3f of trials after %.1f pairs, want %v after %v", ratio, share, mean, want.found, want.pairs)
		}
	}
}

// TestTheLiveIntervalHoldsWheneverOneLooks: it is wrong at any of 40 looks in 5 % of trials at most.
func TestTheLiveIntervalHoldsWheneverOneLooks(t *testing.T) {
	t.Parallel()
	const rounds = 2_000
	r := rand.New(rand.NewPCG(2, 7))
	missed := 0
	for range rounds {
		var ds []float64
		for n := 1; n <= 40; n++ {
			ds = append(ds, .028*r.NormFloat64())
			if d := stats.OneSample(ds); n >= validLeast && math.Abs(d.Estimate) > stats.ValidReach(n, d.SE, .05) {
				missed++
				break
			}
		}
	}
	if share := float64(missed) / rounds; share > .06 {
		t.Errorf("the interval missed the truth at some look in %.3f of trials", share)
	}
}

func TestTheLiveIntervalIsTheEvidenceTurnedRound(t *testing.T) {
	t.Parallel()
	ds := []float64{.012, .018, .007, .015, .021, .009}
	d := stats.OneSample(ds)
	reach := stats.ValidReach(len(ds), d.SE, .05)
	at := make([]float64, len(ds))
	for i := range ds {
		at[i] = ds[i] - (d.Estimate - reach)
	}
	if got, want := stats.LogEvidence(at), math.Log(20); math.Abs(got-want) > 1e-9 {
		t.Errorf("the evidence against the end of the interval is %v, want ln 20 = %v", got, want)
	}
	if !math.IsInf(stats.ValidReach(2, .1, .05), 1) || !math.IsInf(stats.ValidReach(1, math.NaN(), .05), 1) {
		t.Error("two pairs have an interval")
	}
}

// TestWhoWatchesReadsAnIntervalThatHoldsAtAnyTime: at a look that decides nothing, too.
func TestWhoWatchesReadsAnIntervalThatHoldsAtAnyTime(t *testing.T) {
	t.Parallel()
	trial := begin(t, Plan{}, 1)
	r := rand.New(rand.NewPCG(5, 5))
	for range 2 * leastPairs {
		if err := trial.Add(math.Exp(.3 * r.NormFloat64())); err != nil {
			t.Fatal(err)
		}
	}
	d := stats.OneSample(trial.logs)
	want := math.Exp(d.Estimate + stats.ValidReach(leastPairs, d.SE, validAlpha))
	if s := trial.State(); s.Outcome != Running || trial.looked != 1 || math.Abs(s.Upper/want-1) > 1e-12 {
		t.Errorf("after the first look: %+v, want up to %v", s, want)
	}
}

func TestLooksAreWhereTheBudgetPutsThem(t *testing.T) {
	t.Parallel()
	for pairs, want := range map[int][]int{40: {6, 10, 15, 20, 30, 40}, 6: {6}, 20: {6, 8, 10, 15, 20}, 80: {12, 20, 30, 40, 60, 80}} {
		if got := begin(t, Plan{Pairs: pairs}, 1).looks; !slices.Equal(got, want) {
			t.Errorf("%d pairs: looks at %v, want %v", pairs, got, want)
		}
	}
}
