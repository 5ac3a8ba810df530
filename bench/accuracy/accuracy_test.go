package main

import (
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

func TestTheTableHasALineForEachMethod(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(&out, 3, 1, 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tacho", "E-divisive", "PELT", "Perfherder", "rustc-perf", "Bencher", "Skia"} {
		if n := strings.Count(out.String(), "\n"+name); n < 2 {
			t.Errorf("%s has %d lines\n%s", name, n, out.String())
		}
	}
}
