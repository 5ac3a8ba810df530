package main

import (
	"fmt"
	"slices"
)

// margin is how far a found place may be from its label, in values; window and within are of on-line scoring.
const (
	margin = 5
	window = 300 // newest values that a method is shown
	within = 30  // values after a step until it counts as missed
)

// set is the name of a set of generated series.
func set(size float64) string {
	if size == 0 {
		return "stable"
	}
	return fmt.Sprintf("step %g %%", 100*size)
}

// tally counts what a method found.
type tally struct {
	found, wrong, labels, values int
	delays                       []int
}

func (t *tally) add(o tally) {
	t.found, t.wrong, t.labels, t.values = t.found+o.found, t.wrong+o.wrong, t.labels+o.labels, t.values+o.values
	t.delays = append(t.delays, o.delays...)
}

func (t tally) precision() float64 { return share(t.found, t.found+t.wrong) }
func (t tally) recall() float64    { return share(t.found, t.labels) }

func (t tally) f1() float64 { return share(2*t.found, 2*t.found+t.wrong+t.labels-t.found) }

// falseAlarms are those for 1,000 values.
func (t tally) falseAlarms() float64 { return 1000 * share(t.wrong, t.values) }

func (t tally) delay() int {
	if len(t.delays) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.delays))
	return sorted[len(sorted)/2]
}

func share(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func apart(a, b int) int { return max(a-b, b-a) }

// near says whether a place is at one of places.
func near(at int, places []int) bool {
	return slices.ContainsFunc(places, func(p int) bool { return apart(at, p) <= margin })
}

// offline scores what is found in all of s: each label is matched with the nearest place that no label before it took.
func offline(s labelled, found []int) tally {
	t := tally{labels: len(s.Labels), values: len(s.Values)}
	taken := make([]bool, len(found))
	for _, label := range s.Labels {
		best := -1
		for i, at := range found {
			if !taken[i] && apart(at, label) <= margin && (best < 0 || apart(at, label) < apart(found[best], label)) {
				best = i
			}
		}
		if best >= 0 {
			taken[best] = true
			t.found++
		}
	}
	for i, at := range found {
		if !taken[i] && !near(at, s.Maybe) {
			t.wrong++
		}
	}
	return t
}

// online shows s to find value by value, the newest 300 of them, and scores each place when it is found first; nothing is taken back.
func online(s labelled, find func([]float64) []int) tally {
	t := tally{labels: len(s.Labels), values: len(s.Values)}
	type alarm struct{ seen, at int }
	var known []int
	var alarms []alarm
	for n := 10; n <= len(s.Values); n++ {
		from := max(0, n-window)
		for _, at := range find(s.Values[from:n]) {
			if !near(at+from, known) {
				known = append(known, at+from)
				alarms = append(alarms, alarm{n - 1, at + from})
			}
		}
	}
	taken := make([]bool, len(alarms))
	for _, label := range s.Labels {
		i := -1
		for k, a := range alarms {
			if !taken[k] && apart(a.at, label) <= margin && a.seen >= label {
				i = k
				break
			}
		}
		if i < 0 {
			continue
		}
		taken[i] = true
		if late := alarms[i].seen - label; late <= within {
			t.found++
			t.delays = append(t.delays, late+1)
		}
	}
	for i, a := range alarms {
		if !taken[i] && !near(a.at, s.Labels) && !near(a.at, s.Maybe) {
			t.wrong++
		}
	}
	return t
}
