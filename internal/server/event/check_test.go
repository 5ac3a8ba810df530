package event_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/event"
)

func (w *world) check(text string, branches ...string) api.CheckedPolicy {
	w.t.Helper()
	out, err := w.events.CheckPolicy(w.t.Context(), local, "shop", api.CheckPolicy{Text: text, Branches: branches})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// significant are the events that are listed, by UUID, as a check describes them.
func (w *world) significant() map[string]string {
	out := map[string]string{}
	for _, e := range w.list(event.NamedFilter{}) {
		out[e.UUID] = fmt.Sprint(e.Branch.Name, " ", e.Testbed.Name, " ", e.First.Number, "-", e.Last.Number, " ", e.Kind, " ", e.Total, " ",
			e.Severity)
	}
	return out
}

func described(e api.CheckedEvent) string {
	return fmt.Sprint(e.Branch.Name, " ", e.Testbed.Name, " ", e.First, "-", e.Last, " ", e.Kind, " ", e.Changes, " ", e.Severity)
}

// TestWhatACheckSaysIsWhatHappens: each policy is checked, then set and looked at, and the events that appear and vanish by then are those
// that the check had named: with a machine event, a report that is marked as bad, levels that were accepted, and two branches.
func TestWhatACheckSaysIsWhatHappens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	levels := map[string]float64{"a": 100, "b": 50, "c": 10, "d": 20, "e": 5, "f": 70, "g/instructions": 1000}
	commits := map[string]int{}
	at := func(testbed string, n int, change func(map[string]float64)) {
		changed := map[string]float64{}
		for name, v := range levels {
			changed[name] = v
		}
		change(changed)
		for range n {
			results := map[string]float64{}
			for name, v := range changed {
				if results[name] = v; name != "g/instructions" {
					results[name] = w.near(v)
				}
			}
			commits[testbed]++
			w.run(testbed, fmt.Sprint("c", commits[testbed]), results)
		}
	}
	nothing := func(map[string]float64) {}
	for range 25 { // in turns, so that both testbeds measured around what happens
		at("lab", 1, nothing)
		at("ci", 1, nothing)
	}
	for range 10 {
		at("lab", 1, func(m map[string]float64) { // another machine
			for name := range m {
				if name != "g/instructions" {
					m[name] *= 1.3
				}
			}
		})
		at("ci", 1, func(m map[string]float64) { m["a"] *= 1.2; m["b"] *= 1.04; m["g/instructions"] = 1007 })
	}
	bad := w.run("ci", "", map[string]float64{"c": 90})
	w.look()
	if _, err := w.events.Mark(t.Context(), local, "shop", bad, "a fire"); err != nil {
		t.Fatal(err)
	}
	w.look()
	if len(w.list(event.NamedFilter{Kind: event.Machine})) != 1 {
		t.Fatalf("want a machine event: %v", w.significant())
	}
	for _, text := range []string{
		"rules: [{severity: fail}]",
		"rules: [{severity: fail}, {measure: instructions, min_effect: 0.5%, notify: [ann]}]",
		"rules: [{min_effect: 10%}]",
		"rules: [{testbed: lab, test: none}]",
		"rules: [{benchmark: [a, b], test: none}, {testbed: lab, benchmark: '[c-f]', test: none}]",
		"rules: [{benchmark: [c, d], testbed: lab, test: threshold}]",
		"rules: [{branch: other, test: none}]",
		"rules: [{strictness: high, notify: none}]",
		"",
	} {
		before, said := w.significant(), w.check(text)
		w.setPolicy(text)
		w.look()
		after := w.significant()
		var appear, vanish, differ []string
		same := 0
		for id, is := range after {
			if _, was := before[id]; !was {
				appear = append(appear, is)
			} else if is != before[id] {
				differ = append(differ, is)
			} else {
				same++
			}
		}
		for id, was := range before {
			if _, is := after[id]; !is {
				vanish = append(vanish, was)
			}
		}
		var got [3][]string
		toldOtherwise := 0
		for _, e := range said.Appear {
			got[0] = append(got[0], described(e))
		}
		for _, e := range said.Vanish {
			got[1] = append(got[1], described(e))
		}
		for _, e := range said.Differ {
			if e.Was.Kind == e.Kind && e.Was.Changes == e.Changes && e.Was.Severity == e.Severity {
				toldOtherwise++ // of which a list of events says nothing
				continue
			}
			got[2] = append(got[2], described(e))
		}
		for i, list := range [][]string{appear, vanish, differ} {
			slices.Sort(list)
			slices.Sort(got[i])
			if diff := cmp.Diff(list, got[i]); diff != "" {
				t.Errorf("%s: %s (-happened +said):\n%s", text, []string{"appear", "vanish", "differ"}[i], diff)
			}
		}
		if said.Same+toldOtherwise != same || said.Lines != 14 {
			t.Errorf("%s: %d stay as they are, and %d are told otherwise, want %d; %d lines, want 14", text, said.Same, toldOtherwise, same,
				said.Lines)
		}
	}
}

func TestACheckSaysWhoIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setPolicy("rules: [{severity: info}]")
	w.runs("lab", 30, map[string]float64{"a": 100})
	w.runs("lab", 8, map[string]float64{"a": 120})
	w.look()
	for text, want := range map[string]string{
		"rules: [{severity: info}]": "same",
		"":                          "warn true [] at once: true, was info false",
		"rules: [{severity: fail, notify: [bo, ann]}]": "fail true [ann bo] at once: true, was info false",
		"rules: [{severity: fail, min_effect: 15%}]":   "fail true [] at once: true, was info false",
		"rules: [{severity: fail, notify: none}]":      "fail false [] at once: false, was info false",
	} {
		got := w.check(text)
		said := "same"
		for _, e := range got.Differ {
			said = fmt.Sprint(e.Severity, " ", e.Told, " ", e.Notify, " at once: ", e.Notice, ", was ", e.Was.Severity, " ", e.Was.Told)
		}
		if said != want || len(got.Appear)+len(got.Vanish) > 0 {
			t.Errorf("%q: %s, want %s; %+v", text, said, want, got)
		}
	}
	if got := w.check("rules: [{benchmark: b*, test: none}]"); len(got.Notices) != 1 {
		t.Errorf("a pattern that matches nothing: %+v", got.Notices)
	}
	if got := w.check("rules: [{test: none}]", "main"); len(got.Vanish) != 1 || got.Vanish[0].Benchmark != "a" ||
		*got.Vanish[0].Effect < 0.15 {
		t.Errorf("%+v", got)
	}
	if got := w.list(event.NamedFilter{}); len(got) != 1 || got[0].Severity != "info" {
		t.Errorf("a check has changed something: %+v", got)
	}
}

func TestWhoMayCheckAPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("lab", "", map[string]float64{"a": 100})
	for name, c := range map[string]struct {
		actor access.Actor
		asked api.CheckPolicy
		want  fault.Kind
	}{
		"nobody":       {access.Actor{Kind: access.Anonymous}, api.CheckPolicy{Text: "rules: ["}, fault.Unauthorized},
		"a mistake":    {local, api.CheckPolicy{Text: "rules: ["}, fault.Invalid},
		"not a branch": {local, api.CheckPolicy{Branches: []string{"none"}}, fault.Missing},
	} {
		if _, err := w.events.CheckPolicy(t.Context(), c.actor, "shop", c.asked); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	key := access.Actor{Kind: access.RunKey, ProjectID: w.project.ID}
	if got, err := w.events.CheckPolicy(t.Context(), key, "shop", api.CheckPolicy{}); err != nil || got.Lines != 1 {
		t.Errorf("a run key: %+v, %v", got, err)
	}
}
