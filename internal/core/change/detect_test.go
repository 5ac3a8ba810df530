package change

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tachograph/tacho/internal/property"
)

func TestAStepIsFoundWithItsSizeAndPlace(t *testing.T) {
	t.Parallel()
	for _, step := range []float64{-0.2, -0.05, 0.05, 0.2, 1.5} {
		r := find(t, steps(1, 120, 0.01, step, 70))
		if len(r.Changes) != 1 {
			t.Errorf("step of %v: changes %v, want one", step, indexes(r))
			continue
		}
		c := r.Changes[0]
		if c.First > 70 || c.Last < 70 || c.Lower > step || c.Upper < step || c.P > 1e-6 || !c.Settled || c.Switch || c.Scale != Log {
			t.Errorf("step of %v at 70: %+v", step, c)
		}
		if math.Abs(c.After/c.Before-1-c.Effect) > 1e-9 || r.Regime != c.Index || c.NBefore != c.Index || c.NAfter != 120-c.Index {
			t.Errorf("levels of a step of %v: %+v, regime %d", step, c, r.Regime)
		}
	}
}

func TestAStepIsShownFromTwoValuesOnAndSettledFromFive(t *testing.T) {
	t.Parallel()
	values := steps(1, 120, 0.01, 0.5, 100)
	for n := 101; n <= 110; n++ {
		r := find(t, values[:n])
		if after := n - 100; after < 2 && len(r.Changes) > 0 || after >= 5 && (len(r.Changes) != 1 || !r.Changes[0].Settled) ||
			after < 5 && slices.ContainsFunc(r.Changes, func(c Change) bool { return c.Settled }) {
			t.Errorf("%d values after the step: %+v", after, r.Changes)
		}
		if after := n - 100; after == 1 && (r.Suspicion == nil || r.Suspicion.Index != 100) {
			t.Errorf("the first value after the step is not suspected")
		}
	}
}

func TestWhatIsNoChange(t *testing.T) {
	t.Parallel()
	slope, outlier := steps(2, 300, 0.01, 0), steps(2, 300, 0.01, 0)
	for i := range slope {
		slope[i] *= math.Exp(0.002 * float64(i))
	}
	outlier[100], outlier[200], outlier[201] = 500, 10, 10
	for name, values := range map[string][]float64{"stable": steps(2, 300, 0.01, 0), "slope": slope, "outliers": outlier} {
		if r := find(t, values); len(r.Changes) > 0 {
			t.Errorf("%s: changes %v", name, indexes(r))
		}
	}
}

// TestStableSeriesAreLeftAlone holds the rate of false changes against what was measured: 0.4 for 1,000 values, here of independent noise.
func TestStableSeriesAreLeftAlone(t *testing.T) {
	t.Parallel()
	wrong, values := 0, 0
	for seed := range uint64(200) {
		r := find(t, steps(seed, 200, 0.03, 0))
		wrong, values = wrong+len(r.Changes), values+200
	}
	if wrong > 8 {
		t.Errorf("%d changes in %d stable values", wrong, values)
	}
}

func TestTwoModesAreNoChanges(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 8))
	values := make([]float64, 300)
	for i := range values {
		values[i] = 100 * math.Exp(0.005*r.NormFloat64())
		if i/25%2 == 1 {
			values[i] *= 1.1
		}
		if i >= 280 {
			values[i] *= 1.08 // no larger than the distance of the modes
		}
	}
	got := find(t, values)
	if len(got.Modes) != 1 {
		t.Fatalf("%+v", got)
	}
	m := got.Modes[0]
	if len(m.Switches) < 10 || math.Abs(m.High/m.Low-1.1) > 0.01 || m.ShareBefore < 0.4 || m.ShareBefore > 0.6 || m.ShareNow < 0.3 {
		t.Errorf("%+v", m)
	}
	for _, c := range got.Changes {
		if !c.Switch {
			t.Errorf("a step of the modes' size is told as one: %+v", c)
		}
	}
}

func TestZeros(t *testing.T) {
	t.Parallel()
	failed := steps(3, 100, 0.01, 0)
	failed[20], failed[60], failed[99] = 0, 0, 0
	r := find(t, failed)
	if r.Scale != Log || !slices.Equal(r.Missing, []int{20, 60, 99}) || len(r.Changes) > 0 || r.Suspicion != nil {
		t.Errorf("failed runs: %+v", r)
	}
	failed[40] = 500
	for i := 70; i < 100; i++ {
		failed[i] *= 2
	}
	if r := find(t, failed); len(r.Changes) != 1 || r.Changes[0].Index != 70 {
		t.Errorf("positions among failed runs: %+v", r.Changes)
	}
	gone := steps(3, 100, 0.01, 0)
	clear(gone[50:])
	r = find(t, gone)
	if r.Scale != Raw || len(r.Changes) != 1 || r.Changes[0].Index != 50 || math.Abs(r.Changes[0].Effect+100) > 1 {
		t.Errorf("a regime of zeros: %+v", r)
	}
}

func TestNegativeValuesAreComparedByDifference(t *testing.T) {
	t.Parallel()
	values := steps(3, 100, 0.01, 0.5, 60)
	for i := range values {
		values[i] -= 120 // from −20 to 30
	}
	r := find(t, values)
	if len(r.Changes) != 1 {
		t.Fatalf("%+v", r)
	}
	if c := r.Changes[0]; c.Scale != Raw || c.Lower > 50 || c.Upper < 50 || c.Effect < 45 || c.Effect > 55 {
		t.Errorf("%+v", c)
	}
}

func TestAMinimumEffectIsAShareOfTheLevelBefore(t *testing.T) {
	t.Parallel()
	values := steps(5, 200, 0.005, 0.04, 100)
	for least, want := range map[float64]int{0: 1, 0.02: 1, 0.06: 0} {
		r, err := Detect(values, Params{MinEffect: least})
		if err != nil || len(r.Changes) != want {
			t.Errorf("minimum %v: %+v, %v", least, r.Changes, err)
		}
	}
}

func TestTicksAreNoise(t *testing.T) {
	t.Parallel()
	w := new(workspace)
	for want, values := range map[float64][]float64{
		1: {100, 103, 101, 107, 100}, 4096: {8192, 12288, 8192, 20480, 24576, 28672}, 0.25: {1, 1.25, 2, 1.75, 2.75, 5},
		0: {1, 2, 1, 2, 1, 2, 1}, // two levels say nothing of how they were read
	} {
		if got := w.tickOf(values); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v, want %v", values, got, want)
		}
	}
	if got := w.tickOf(steps(1, 50, 0.01, 0)); got != 0 {
		t.Errorf("values without a tick: %v", got)
	}
}

func TestLearningSaysNothingButWhatNobodyWouldMiss(t *testing.T) {
	t.Parallel()
	short := []float64{100, 101, 99, 100, 140, 141, 139, 140, 141, 140, 140}
	if r := find(t, short); !r.Learning || len(r.Changes) > 0 || r.Detectable != 0 || r.Suspicion != nil {
		t.Errorf("%+v", r)
	}
	if r := find(t, []float64{100, 101, 99, 250}); r.Suspicion == nil || !r.Suspicion.Learning || r.Suspicion.Index != 3 {
		t.Errorf("more than twice: %+v", r)
	}
	if r := find(t, []float64{100, 101, 99, 180}); r.Suspicion != nil {
		t.Errorf("less than twice: %+v", r.Suspicion)
	}
	values := steps(6, 60, 0.01, 0.3, 53)
	if r := find(t, values); !r.Learning || len(r.Changes) != 1 {
		t.Errorf("a regime of seven values: %+v", r)
	}
	if r := find(t, steps(6, 70, 0.01, 0.3, 53)); r.Learning {
		t.Errorf("a regime of 17 values: %+v", r)
	}
}

// TestSuspicionsAreRare: they are one in a thousand for normal noise, and a few more because the limits are estimates.
func TestSuspicionsAreRare(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	suspected, looks := 0, 0
	for seed := range uint64(20) {
		values := steps(seed, 300, 0.02, 0)
		for n := 20; n <= len(values); n++ {
			looks++
			if find(t, values[:n]).Suspicion != nil {
				suspected++
			}
		}
	}
	if rate := 1000 * float64(suspected) / float64(looks); rate > 6 || rate < 0.2 {
		t.Errorf("%.1f suspicions for 1,000 stable values", rate)
	}
}

// TestTheDetectableStepIsFoundInFourOfFiveCases, and half of it is not.
func TestTheDetectableStepIsFoundInFourOfFiveCases(t *testing.T) {
	t.Parallel()
	for _, n := range []int{30, 100, 400} {
		found, half, said := 0, 0, 0.0
		const runs = 100
		for seed := range uint64(runs) {
			values := steps(seed, n+20, 0.02, 0)
			before := find(t, values[:n])
			if before.Learning || len(before.Changes) > 0 {
				continue
			}
			said += before.Detectable / runs
			for _, part := range []float64{1, 0.5} {
				after := slices.Clone(values)
				for i := n; i < len(after); i++ {
					after[i] *= 1 + part*before.Detectable
				}
				if slices.ContainsFunc(find(t, after).Changes, func(c Change) bool { return max(c.Index-n, n-c.Index) <= 5 }) {
					if part == 1 {
						found++
					} else {
						half++
					}
				}
			}
		}
		if found < 70 || found > 98 || half > 45 {
			t.Errorf("%d values: %.1f %% found in %d of %d, half of it in %d", n, 100*said, found, runs, half)
		}
	}
}

// TestIntervalsHoldTheTrueEffect counts over changes that are found nearly always, so that finding does not choose among them.
func TestIntervalsHoldTheTrueEffect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, after int
		step          float64
	}{{8, 8, 0.3}, {20, 10, 0.3}, {60, 20, 0.3}, {150, 150, 0.3}, {60, 60, 0.04}} {
		held, placed, found := 0, 0, 0
		for seed := range uint64(400) {
			r := find(t, steps(seed, max(12, c.before+c.after), 0.02, c.step, c.before))
			if len(r.Changes) != 1 {
				continue
			}
			found++
			got := r.Changes[0]
			if got.Lower <= c.step && c.step <= got.Upper {
				held++
			}
			if got.First <= c.before && c.before <= got.Last {
				placed++
			}
		}
		if found < 380 || float64(held) < 0.94*float64(found) || float64(placed) < 0.86*float64(found) {
			t.Errorf("%+v: of %d changes %d hold the effect and %d the place", c, found, held, placed)
		}
	}
}

func TestTheSameChangeIsKnownAgain(t *testing.T) {
	t.Parallel()
	at := func(index int, effect float64) Change {
		return Change{Index: index, First: index - 1, Last: index + 1, Effect: effect}
	}
	before := []Change{at(10, 0.1), at(40, -0.1), at(60, 0.2), at(90, 0.1)}
	after := []Change{at(11, 0.12), at(40, 0.1), at(64, 0.15), at(95, 0.5), at(120, 0.1)}
	if got, want := fmt.Sprint(Same(before, after)), "[0 -1 2 -1]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	two := []Change{at(50, 0.1), at(52, 0.1)}
	if got, want := fmt.Sprint(Same([]Change{at(52, 0.1)}, two)), "[1]"; got != want {
		t.Errorf("of two the nearest: %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(Same(two, []Change{at(51, 0.1)})), "[0 -1]"; got != want {
		t.Errorf("each once: %s, want %s", got, want)
	}
}

func TestLateValues(t *testing.T) {
	t.Parallel()
	values := steps(7, 200, 0.01, 0.2, 100)
	s, _ := New(Params{})
	if err := s.Append(slices.Delete(slices.Clone(values), 50, 51)...); err != nil {
		t.Fatal(err)
	}
	before := s.Result()
	if err := s.Insert(50, values[50]); err != nil {
		t.Fatal(err)
	}
	same(t, s.Result(), find(t, values))
	if got := Same(before.Changes, s.Result().Changes); len(got) != 1 || got[0] != 0 {
		t.Errorf("the change is not known again: %v", got)
	}
	for _, position := range []int{-1, 201} {
		if err := s.Insert(position, 1); err == nil {
			t.Errorf("position %d is not refused", position)
		}
	}
}

func TestAValueBeforeTheWindowMovesPositionsAlone(t *testing.T) {
	t.Parallel()
	s, _ := New(Params{})
	if err := s.Append(steps(7, 3_000, 0.01, 0.2, 100, 2_500)...); err != nil {
		t.Fatal(err)
	}
	before := s.Result()
	if err := s.Insert(50, 1e6); err != nil {
		t.Fatal(err)
	}
	after := s.Result()
	if len(before.Changes) != 2 || fmt.Sprint(indexes(after)) != fmt.Sprint([]int{before.Changes[0].Index + 1, before.Changes[1].Index + 1}) {
		t.Errorf("%v, before %v", indexes(after), indexes(before))
	}
	if after.Values != 3_001 || s.Frozen().Values < 1_500 {
		t.Errorf("%d values, %d of them frozen", after.Values, s.Frozen().Values)
	}
}

func TestReportsOfOneVersionAreOneValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reports []float64
		want    float64
	}{
		{[]float64{3}, 3}, {[]float64{1, 4}, 2}, {[]float64{0, 4}, 2}, {[]float64{-2, 4}, 1}, {[]float64{0, 0}, 0},
		{[]float64{math.MaxFloat64, math.MaxFloat64, -1}, math.MaxFloat64 / 3 * 2},
	} {
		if got := Average(c.reports); math.Abs(got-c.want) > 1e-9*math.Abs(c.want) {
			t.Errorf("%v: %v, want %v", c.reports, got, c.want)
		}
	}
	if !math.IsNaN(Average(nil)) {
		t.Error("there is an average of nothing")
	}
}
