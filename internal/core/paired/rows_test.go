package paired

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/property"
)

// together plays rows to their end: value draws what a side measures in a row.
func together(t testing.TB, plan Plan, exact []bool, value func(row int, arm Arm) float64) ([]RowState, int) {
	t.Helper()
	all, err := NewRows(plan)
	if err != nil {
		t.Fatal(err)
	}
	var rows []*Row
	for _, e := range exact {
		rows = append(rows, all.Join(e))
	}
	for running := true; running && all.Pairs() < 1_000; running = all.Settle() {
		for i, row := range rows {
			row.Take(value(i, A), value(i, B))
		}
	}
	var out []RowState
	for _, row := range rows {
		out = append(out, row.State())
	}
	return out, all.Pairs()
}

// noisy draws normal noise of 2 % a run and a factor for the head of a row.
func noisy(r *rand.Rand, factor func(row int) float64) func(int, Arm) float64 {
	return func(row int, arm Arm) float64 {
		v := 100 * math.Exp(.02*r.NormFloat64())
		if arm == B {
			v *= factor(row)
		}
		return v
	}
}

func TestOfIdenticalRowsNextToNoneIsClaimedHoweverManyThereAre(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	for _, rows := range []int{1, 20} {
		const runs = 600
		any, claims := 0, 0
		for seed := range uint64(runs) {
			states, _ := together(t, Plan{}, make([]bool, rows), noisy(rand.New(rand.NewPCG(seed, 7)), func(int) float64 { return 1 }))
			found := 0
			for _, s := range states {
				if s.Outcome == Different {
					found++
				}
			}
			if claims += found; found > 0 {
				any++
			}
		}
		if share := float64(any) / runs; share > .065 { // 5 % and 1.7 standard errors
			t.Errorf("%d rows: a change is claimed in %.3f of comparisons, in %d rows", rows, share, claims)
		}
	}
}

func TestALargeChangeAmongManyRowsIsFoundSoonAndASmallOneToo(t *testing.T) {
	t.Parallel()
	const runs = 100
	found, first, pairs := [2]int{}, 0, 0
	for seed := range uint64(runs) {
		states, _ := together(t, Plan{}, make([]bool, 20), noisy(rand.New(rand.NewPCG(seed, 8)), func(row int) float64 {
			return []float64{1.05, 1.03, 1}[min(row, 2)]
		}))
		for i := range found {
			if states[i].Outcome == Different {
				found[i]++
			}
		}
		pairs += states[0].Pairs
		if states[0].Pairs <= 15 {
			first++
		}
	}
	if found[0] < 98 || found[1] < 85 || first < 80 {
		t.Errorf("+5 %% found in %d of %d, +3 %% in %d; within 15 pairs %d, mean %.1f pairs",
			found[0], runs, found[1], first, float64(pairs)/runs)
	}
}

func TestARowThatIsDecidedTakesNoMoreAndAllStopWithTheLast(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 9))
	states, pairs := together(t, Plan{}, []bool{true, false, false}, func(row int, _ Arm) float64 {
		return []float64{64, 100 * math.Exp(.001*r.NormFloat64()), 100 * math.Exp(.1*r.NormFloat64())}[row]
	})
	var got []any
	for _, s := range states {
		got = append(got, s.Outcome, s.Pairs)
	}
	if want := []any{Same, 6, Same, 6, Undecided, 40}; !slices.Equal(got, want) || pairs != 40 {
		t.Errorf("%v after %d pairs, want %v", got, pairs, want)
	}
}

func TestCountsAreComparedByEquality(t *testing.T) {
	t.Parallel()
	flip := 0
	for name, row := range map[string]struct {
		exact bool
		a, b  func() float64
		want  Outcome
		pairs int
	}{
		"equal":                     {true, constant(3), constant(3), Same, 6},
		"none on both sides":        {true, constant(0), constant(0), Same, 6},
		"one more":                  {true, constant(1_000_000), constant(1_000_001), Different, 6},
		"new, was 0":                {true, constant(0), constant(2), Different, 6},
		"not known to be exact":     {false, constant(5), constant(6), Different, 15}, // the first look after 12 equal reruns
		"no ratio, and it varies":   {true, constant(0), func() float64 { flip++; return float64(flip % 3) }, Undecided, 6},
		"a value that is missing":   {true, constant(math.NaN()), constant(1), Undecided, 0},
		"infinite is missing, too":  {true, constant(1), constant(math.Inf(1)), Undecided, 0},
		"negative and not the same": {false, constant(-1), func() float64 { flip++; return float64(flip % 3) }, Undecided, 6},
	} {
		states, _ := together(t, Plan{}, []bool{row.exact}, func(_ int, arm Arm) float64 {
			if arm == A {
				return row.a()
			}
			return row.b()
		})
		s := states[0]
		if s.Outcome != row.want || row.pairs != s.Pairs {
			t.Errorf("%s: %s after %d pairs, want %s after %d", name, s.Outcome, s.Pairs, row.want, row.pairs)
		}
	}
}

func constant(v float64) func() float64 { return func() float64 { return v } }

func TestLooksBeforeTheMinimumAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plan Plan
		want []int
	}{
		{Plan{}, []int{6, 10, 15, 20, 30, 40}}, {Plan{Min: 12}, []int{12, 15, 20, 30, 40}}, {Plan{Min: 20, Pairs: 20}, []int{20}},
		{Plan{Pairs: 10}, []int{6, 8, 10}},
	} {
		if got := c.plan.Looks(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: looks %v, want %v", c.plan, got, c.want)
		}
	}
	for _, plan := range []Plan{{Min: 5}, {Min: 41}} {
		if _, err := NewRows(plan); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", plan, err)
		}
	}
}

func TestTheTableOfLevelsIsThatOfTheRecursion(t *testing.T) {
	t.Parallel()
	for i, level := range levels {
		want := stats.Boundaries(fractions, func(at float64) float64 { return level * math.Log1p((math.E-1)*at) })
		for k := range want {
			if math.Abs(want[k]-pocockAt[i][k]) > .012 { // the first row is from a simulation
				t.Errorf("level %v, look %d: %v, by recursion %v", level, k, pocockAt[i][k], want[k])
			}
		}
	}
	trial := begin(t, Plan{}, 1)
	last := 1.0
	for z := 2.6; z < 7; z += .1 {
		level := trial.levelOf(stats.StudentBoundary(z, 14), 2, 14)
		if level > last || level < levels[len(levels)-1] || level > levels[0] {
			t.Errorf("z %v: level %v after %v", z, level, last)
		}
		last = level
	}
	if got := trial.levelOf(stats.StudentBoundary(3.3003, 14), 2, 14); math.Abs(got-.005) > .0001 { // between two rows of the table
		t.Errorf("the level of 3.3003 is %v, want 0.005", got)
	}
}
