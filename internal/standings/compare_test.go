package standings

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tachograph/tacho/internal/core/suite"
)

// made is a sweep of types with four machines each, of which a machine's factor spreads by 1 %.
func made(r *rand.Rand, types map[string]float64) Sweep {
	s := Sweep{Title: "sweep", Measure: "latency", Unit: "ms"}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range types {
			if !yield(name) {
				return
			}
		}
	}) {
		s.Types = append(s.Types, Type{Name: name, Wanted: 4})
		for m := range 4 {
			factor := types[name] * math.Exp(0.01*r.NormFloat64())
			for b := range 3 {
				s.Processes = append(s.Processes, Process{Type: name, Machine: fmt.Sprint(name, m), Workload: "w", Repeat: 1, Place: 1,
					Benchmark: fmt.Sprint("b", b), Value: factor * float64(b+1)})
			}
		}
	}
	return s
}

// TestTwoSweepsAreComparedByMachines: a type that got faster, one that got slower, one that did not change and one that is in one only.
func TestTwoSweepsAreComparedByMachines(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 3))
	c, err := Compare(made(r, map[string]float64{"a": 10, "b": 10, "c": 10, "old": 10}),
		made(r, map[string]float64{"a": 9, "b": 11, "c": 10, "new": 10}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range c.Types {
		got = append(got, fmt.Sprintf("%s %s %.1f %v", one.Name, one.Verdict, one.Ratio, one.Machines))
		if one.Interval == nil || one.Interval[0] > one.Ratio || one.Interval[1] < one.Ratio || one.P == nil {
			t.Errorf("%+v", one)
		}
	}
	if want := []string{"a better 0.9 [4 4]", "b worse 1.1 [4 4]", "c not_separable 1.0 [4 4]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(c.Left) != 2 || c.Left[0].Name != "new" || c.Left[1].Name != "old" {
		t.Errorf("left out %+v", c.Left)
	}
}

// TestEqualSweepsSeldomDiffer: of six types that did not change any is called better or worse in 1 of 20 comparisons at most.
func TestEqualSweepsSeldomDiffer(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	types := map[string]float64{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}
	wrong := 0
	const rounds = 500
	for range rounds {
		c, err := Compare(made(r, types), made(r, types))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range c.Types {
			if one.Verdict != "not_separable" {
				wrong++
				break
			}
		}
	}
	if wrong > 40 { // 25 are expected at most; three standard deviations more
		t.Errorf("%d of %d", wrong, rounds)
	}
}

// TestOneMachineIsNoSample: it has a ratio, and nothing is said of it.
func TestOneMachineIsNoSample(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	one := made(r, map[string]float64{"a": 20})
	one.Processes = one.Processes[:3]
	c, err := Compare(made(r, map[string]float64{"a": 10}), one)
	if err != nil || len(c.Types) != 1 || c.Types[0].Interval != nil || c.Types[0].Verdict != "not_separable" {
		t.Errorf("%+v, %v", c, err)
	}
	one.Unit = "s"
	if _, err := Compare(made(r, map[string]float64{"a": 10}), one); err == nil {
		t.Error("two units are compared")
	}
}

// TestWhatASuiteExpectsIsHeldAgainstMachines: one that lacks a benchmark is left out, gets twice the worst, or lets it be compared by none.
func TestWhatASuiteExpectsIsHeldAgainstMachines(t *testing.T) {
	t.Parallel()
	s := made(rand.New(rand.NewPCG(7, 8)), map[string]float64{"a": 10, "b": 20})
	s.Processes = slices.DeleteFunc(s.Processes, func(p Process) bool { return p.Machine == "a0" && p.Benchmark == "b2" })
	for missing, want := range map[suite.Missing]string{suite.Require: "3 3 1", suite.Penalise: "4 3 0", suite.Ignore: "4 2 0"} {
		s.Expected = suite.Expected{Benchmarks: []string{"b0", "b1", "b2"}, Missing: missing}
		r, err := Build(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.Rows[0].Machines, len(r.Benchmarks), len(r.Incomplete)); got != want {
			t.Errorf("%s: machines, benchmarks and incomplete are %s, want %s", missing, got, want)
		}
		if len(r.Incomplete) > 0 && r.Incomplete[0].Reason != "1 of the expected benchmarks are missing: b2" {
			t.Error(r.Incomplete)
		}
	}
}

// TestOtherTypesSayNothingOfOneThatDidNotChange: a missing cell is not filled with what a slow type of one sweep only would make of it.
func TestOtherTypesSayNothingOfOneThatDidNotChange(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 10))
	before, after := made(r, map[string]float64{"a": 10, "b": 10}), made(r, map[string]float64{"a": 10, "b": 10, "slow": 1000})
	for _, s := range []*Sweep{&before, &after} {
		s.Processes = slices.DeleteFunc(s.Processes, func(p Process) bool { return p.Type == "a" && p.Benchmark == "b2" })
		s.Expected = suite.Expected{Benchmarks: []string{"b0", "b1", "b2"}, Missing: suite.Penalise}
	}
	c, err := Compare(before, after)
	if err != nil || len(c.Types) != 2 || c.Types[0].Verdict != "not_separable" || math.Abs(c.Types[0].Ratio-1) > 0.05 ||
		c.Types[0].Benchmarks != 2 || c.Types[1].Benchmarks != 3 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestAComparisonNamesMachinesThatItLeavesOut: the suite requires what one of them lacks.
func TestAComparisonNamesMachinesThatItLeavesOut(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	before, after := made(r, map[string]float64{"a": 10}), made(r, map[string]float64{"a": 10})
	after.Processes = slices.DeleteFunc(after.Processes, func(p Process) bool { return p.Machine == "a0" && p.Benchmark == "b2" })
	after.Expected = suite.Expected{Benchmarks: []string{"b0", "b1", "b2"}, Missing: suite.Require}
	c, err := Compare(before, after)
	if err != nil || len(c.Types) != 1 || c.Types[0].Machines != [2]int{4, 3} {
		t.Fatalf("%+v, %v", c, err)
	}
	want := []Skipped{{Name: "a", Reason: "machine a0 of the later sweep: 1 of the expected benchmarks are missing: b2"}}
	if !slices.Equal(c.Left, want) {
		t.Errorf("left out %+v, want %+v", c.Left, want)
	}
}
