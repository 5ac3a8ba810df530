package main

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestPlacesAreMatchedOneToOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		labels, maybe, found []int
		right, wrong         int
	}{
		{nil, nil, nil, 0, 0},
		{[]int{50}, nil, []int{45}, 1, 0},
		{[]int{50}, nil, []int{44}, 0, 1},
		{[]int{50}, nil, []int{49, 52}, 1, 1},
		{[]int{50, 54}, nil, []int{52}, 1, 0},
		{[]int{50}, []int{80}, []int{78, 90}, 0, 1},
	} {
		got := offline(labelled{Labels: c.labels, Maybe: c.maybe, Values: make([]float64, 100)}, c.found)
		if got.found != c.right || got.wrong != c.wrong || got.labels != len(c.labels) || got.values != 100 {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestOnlineAPlaceCountsWhenItIsFoundFirst(t *testing.T) {
	t.Parallel()
	s := labelled{Labels: []int{40}, Values: make([]float64, 120)}
	after := func(n int) func([]float64) []int { // finds 40 once n values follow it, and 90 for a moment
		return func(values []float64) []int {
			switch {
			case len(values) == 95:
				return []int{40, 90}
			case len(values) >= 40+n:
				return []int{40 + len(values)%2} // it wavers
			}
			return nil
		}
	}
	if got := online(s, after(7)); got.found != 1 || got.wrong != 1 || got.delay() != 7 {
		t.Errorf("%+v", got)
	}
	if got := online(s, after(40)); got.found != 0 || got.wrong != 1 {
		t.Errorf("too late: %+v", got)
	}
}

func TestSeriesOfOneSeedAreTheSame(t *testing.T) {
	t.Parallel()
	a, b := generated(7, 2), generated(7, 2)
	if !reflect.DeepEqual(a, b) || len(a) != 2*len(noises)*len(sizes) {
		t.Errorf("%d and %d series", len(a), len(b))
	}
	for _, s := range a {
		for i, at := range s.Labels {
			if at < 25 || at >= len(s.Values)-25 || i > 0 && at-s.Labels[i-1] < 25 {
				t.Errorf("steps at %v of %d values", s.Labels, len(s.Values))
			}
		}
		if (s.Set == set(0)) != (len(s.Labels) == 0) {
			t.Errorf("%s has steps at %v", s.Set, s.Labels)
		}
	}
}

// TestOursIsWhatItWas holds the figures of a small run against those that docs/statistics.md names, with room for a few series.
func TestOursIsWhatItWas(t *testing.T) {
	t.Parallel()
	var steps, stable, person tally
	for _, s := range generated(1, 10) {
		if one := offline(s, ours(s.Values)); s.Set == set(0) {
			stable.add(one)
		} else {
			steps.add(one)
		}
	}
	all, err := realOnes()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		person.add(offline(s, ours(s.Values)))
	}
	if steps.f1() < 0.84 || stable.falseAlarms() > 0.4 || person.f1() < 0.8 {
		t.Errorf("F1 of steps %.3f, of real series %.3f; %.2f false changes in 1,000 stable values",
			steps.f1(), person.f1(), stable.falseAlarms())
	}
}

func TestTheTablesHaveALineForEachMethod(t *testing.T) {
	t.Parallel()
	small := effort{seed: 3, each: 1, rounds: 8}
	var out strings.Builder
	if err := run(&out, small, false); err != nil {
		t.Fatal(err)
	}
	for name, least := range map[string]int{"tacho": 12, "E-divisive": 2, "PELT": 2, "Perfherder": 2, "rustc-perf": 2, "Bencher": 12,
		"Skia": 2, "U test": 10, "Welch": 10, "t-test after": 2, "ratio": 4} {
		if n := strings.Count(out.String(), "\n"+name); n < least {
			t.Errorf("%s has %d lines\n%s", name, n, out.String())
		}
	}
	var again strings.Builder
	if err := run(&again, small, true); err != nil {
		t.Fatal(err)
	}
	var tables []struct {
		Title string
		Lines []struct {
			Method  string
			Figures map[string]*float64
		}
	}
	if err := json.Unmarshal([]byte(again.String()), &tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if !strings.Contains(out.String(), table.Title) || len(table.Lines) == 0 {
			t.Errorf("%q is not a table of the text, or is empty", table.Title)
		}
		for _, l := range table.Lines {
			if len(l.Figures) != len(table.Lines[0].Figures) {
				t.Errorf("%q, %q: %d figures", table.Title, l.Method, len(l.Figures))
			}
		}
	}
}

// TestIterationsOfAProcessAreNoUnits: ours keeps its error where tests on iterations call every second benchmark different.
func TestIterationsOfAProcessAreNoUnits(t *testing.T) {
	t.Parallel()
	counted := simulate(effort{seed: 5}, design{rows: 1, iterations: 10}, 5, 2_000)
	if ours, ranks := wrongRows(counted[0]), wrongRows(counted[1]); ours > 6.5 || ours < 2.5 || ranks < 35 {
		t.Errorf("identical code is called different in %.1f %% of cases, by ranks of iterations in %.1f %%", ours, ranks)
	}
}

// TestReportsOfIdenticalRows: one report of 20 has a claim at most, also where its rows share a host.
func TestReportsOfIdenticalRows(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		c := claims{}
		r := rand.New(rand.NewPCG(9, 9))
		for range 300 {
			rows := design{rows: 60, shared: shared}.draw(r, 6)
			c.add(tachoJudges(rows), 0)
		}
		if any := anyInReport(c); any > 8.8 { // 5 % and three standard errors
			t.Errorf("shared %v: %.1f %% of reports have a claim", shared, any)
		}
	}
}

func TestForksAreDealtToOneSideOnly(t *testing.T) {
	t.Parallel()
	benchmarks, err := realForks()
	if err != nil {
		t.Fatal(err)
	}
	for _, forks := range benchmarks {
		if len(forks) != 10 || len(forks[0]) != 10 {
			t.Fatalf("%d forks of %d values", len(forks), len(forks[0]))
		}
		a, b := split(rand.New(rand.NewPCG(1, 1)), forks, 5, 0)
		seen := map[float64]bool{}
		for _, f := range append(a, b...) {
			for _, v := range f {
				seen[v] = true
			}
		}
		for _, f := range forks {
			if !seen[f[3]] {
				t.Fatal("five and five forks do not use all ten")
			}
		}
	}
}
