package event_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/threshold"
)

func TestAStepIsSuspectedThenConfirmedAndToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runs("lab", 30, map[string]float64{"a": 100, "b": 50, "c": 7})
	w.look()
	w.want(event.NamedFilter{})
	storetest.WantEvents(t, w.store, repeat("report.closed pending processed", 30)...)

	w.runs("lab", 4, map[string]float64{"a": 120, "b": 60, "c": 7})
	w.look()
	found := w.want(event.NamedFilter{}, "code suspected lab: a +20% worse, b +20% worse")
	storetest.WantEvents(t, w.store, repeat("report.closed pending processed", 4)...)

	w.runs("lab", 6, map[string]float64{"a": 120, "b": 60, "c": 7})
	w.look()
	again := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse, b +20% worse")
	storetest.WantEvents(t, w.store, append(repeat("report.closed pending processed", 6), "change.confirmed suspected confirmed code")...)
	if again[0].UUID != found[0].UUID || !again[0].Settled || again[0].Worse != 2 || again[0].Better != 0 || again[0].Total != 2 {
		t.Errorf("it was %+v, it is %+v", found[0], again[0])
	}

	w.runs("lab", 20, map[string]float64{"a": 120, "b": 60, "c": 7})
	w.look()
	w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse, b +20% worse")
	storetest.WantEvents(t, w.store, repeat("report.closed pending processed", 20)...)

	one, err := w.events.Get(t.Context(), local, "shop", found[0].UUID)
	if err != nil {
		t.Fatal(err)
	}
	if one.First.Number != 30 || one.Before == nil || one.Before.Number != 29 || len(one.Suspects) == 0 || one.Suspects[0].Number != 30 ||
		one.First.Report == "" || one.Before.Report == "" {
		t.Errorf("where it is: %+v", one)
	}
	if len(one.Steps) != 1 || one.Steps[0].Verb != "confirm" || one.Steps[0].From != "suspected" || one.Steps[0].Account != "" {
		t.Errorf("its life: %+v", one.Steps)
	}
	if c := one.Changes[0]; c.NBefore != 30 || c.NAfter < 20 || c.P > 1e-6 || c.Lower == nil || *c.Lower < 0.15 || *c.Upper > 0.25 ||
		c.Number != 30 {
		t.Errorf("why: %+v", c)
	}
}

func repeat(s string, n int) (out []string) {
	for range n {
		out = append(out, s)
	}
	return out
}

func TestOneLookOrManyFindTheSame(t *testing.T) {
	t.Parallel()
	const reports = 60
	var lists [2][]string
	for i, each := range []int{1, reports} {
		w := newWorld(t)
		for n := range reports {
			a, b := 100.0, 50.0
			if n >= 25 {
				a = 110
			}
			if n >= 40 {
				b = 30
			}
			w.runs("lab", 1, map[string]float64{"a": a, "b": b, "c": 7})
			if (n+1)%each == 0 {
				w.look()
			}
		}
		for _, e := range w.list(event.NamedFilter{}) {
			lists[i] = append(lists[i], say(e))
		}
	}
	if len(lists[0]) != 2 || !slices.Equal(lists[0], lists[1]) {
		t.Errorf("one by one:\n%v\nat once:\n%v", lists[0], lists[1])
	}
}

// TestAMachineIsNoCommit, whichever testbed is looked at first.
func TestAMachineIsNoCommit(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{"lab", "cloud"}, {"cloud", "lab"}} {
		t.Run(order[0]+" first", func(t *testing.T) {
			t.Parallel()
			aMachineIsNoCommit(t, order)
		})
	}
}

func aMachineIsNoCommit(t *testing.T, order []string) {
	w := newWorld(t)
	levels := map[string]float64{}
	for i := range 8 {
		levels[fmt.Sprint("b", i)] = float64(10 * (i + 1))
	}
	slower := maps.Clone(levels)
	for name := range slower {
		slower[name] *= 1.06
	}
	for n := range 40 {
		at := levels
		if n >= 25 {
			at = slower
		}
		commit := fmt.Sprint("c", n)
		for _, testbed := range order {
			levels := map[string]map[string]float64{"cloud": levels, "lab": at}[testbed]
			results := map[string]float64{}
			for _, name := range slices.Sorted(maps.Keys(levels)) {
				results[name] = w.near(levels[name])
			}
			w.run(testbed, commit, results)
		}
	}
	w.look()
	found := w.list(event.NamedFilter{})
	if len(found) != 1 || found[0].Kind != api.MachineEvent || found[0].Testbed.Name != "lab" || found[0].Total < 6 {
		t.Fatalf("%+v", found)
	}
	if code := w.list(event.NamedFilter{Kind: event.Code}); len(code) != 0 {
		t.Errorf("a commit is blamed: %+v", code)
	}
}

func TestWhatIsCountedNeedsNoTest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, n := range []float64{1000, 1000, 1004, 1008, 1012, 1012, 900} {
		w.run("lab", "", map[string]float64{"a/instructions": n})
		w.look()
	}
	found := w.want(event.NamedFilter{}, "code confirmed lab: a +0% worse", "code confirmed lab: a -10% better")
	for _, e := range found {
		if c := e.Changes[0]; !c.Exact || c.P != 0 || c.Scale != "exact" || *c.Effect > 0 && (*c.Effect != 0.008 || c.Number != 3) {
			t.Errorf("%+v", c)
		}
	}
}

func TestWhatIsNotFoundAnyMoreStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runs("lab", 30, map[string]float64{"a": 100})
	var bad []string
	for range 3 {
		bad = append(bad, w.run("lab", "", map[string]float64{"a": w.near(150)}))
	}
	w.look()
	found := w.want(event.NamedFilter{}, "code suspected lab: a +50% worse")
	for _, id := range bad {
		if err := w.reports.Delete(t.Context(), local, "shop", id); err != nil {
			t.Fatal(err)
		}
	}
	w.look()
	w.want(event.NamedFilter{})
	gone := w.want(event.NamedFilter{Gone: true}, "code suspected lab: a +50% worse")
	if gone[0].UUID != found[0].UUID || !gone[0].Gone || !gone[0].Changes[0].Gone {
		t.Errorf("%+v", gone[0])
	}
	for range 3 {
		w.run("lab", "", map[string]float64{"a": w.near(150)})
	}
	w.look()
	if back := w.want(event.NamedFilter{}, "code suspected lab: a +50% worse"); back[0].UUID != found[0].UUID {
		t.Errorf("another event: %+v", back[0])
	}
}

func TestABranchHasOnlyItsOwnChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.step("m", 40, 20, 130, 10)
	start := &api.StartPoint{Branch: "main"}
	for n := range 6 {
		w.runOn("pr", "lab", fmt.Sprint("p", n), start, map[string]float64{"a": w.near(130), "b": w.near(14)})
	}
	w.look()
	w.want(event.NamedFilter{Branch: "main"}, "code confirmed lab: a +30% worse")
	w.want(event.NamedFilter{Branch: "pr"}, "code confirmed lab: b +40% worse")
}

func TestAlertsOfThresholdsFoldIntoEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upper := 0.05
	w.models = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper}}}
	w.runs("lab", 20, map[string]float64{"a": 100, "b": 50})
	w.run("lab", "", map[string]float64{"a": 100, "b": 60}) // an outlier
	w.look()
	w.want(event.NamedFilter{})
	alone := w.want(event.NamedFilter{Kind: event.Threshold}, "threshold suspected lab: ")
	if m := alone[0].Measure; m == nil || m.Slug != "latency" || alone[0].Limit != "upper" {
		t.Errorf("of which threshold: %+v", alone[0])
	}
	if alone[0].Alerts != 1 || alone[0].First.Number != 20 || alone[0].Last.Number != 20 {
		t.Errorf("the outlier: %+v", alone[0])
	}
	w.runs("lab", 3, map[string]float64{"a": 120, "b": 50})
	w.look()
	w.runs("lab", 7, map[string]float64{"a": 120, "b": 50})
	w.look()
	if step := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse"); step[0].Alerts < 5 {
		t.Errorf("%d alerts were folded into the step", step[0].Alerts)
	}
	if again := w.want(event.NamedFilter{Kind: event.Threshold}, "threshold suspected lab: "); again[0].Alerts != 1 ||
		again[0].UUID != alone[0].UUID {
		t.Errorf("the outlier: %+v", again[0])
	}
	w.in(func(ctx context.Context, tx *store.Tx) error {
		a, _, err := threshold.ListAlerts(ctx, tx, w.project.ID, threshold.AlertFilter{Status: api.AlertActive}, store.Page{Limit: 1})
		if err != nil {
			return err
		}
		return threshold.SetAlertStatus(ctx, tx, a[0], api.AlertDismissed)
	})
	w.runs("lab", 1, map[string]float64{"a": 120, "b": 50})
	w.look()
	w.want(event.NamedFilter{Kind: event.Threshold})
	w.want(event.NamedFilter{Kind: event.Threshold, Gone: true}, "threshold suspected lab: ")
}

// TestAlertsOfAChangeThatWasNoneStandForThemselves: they are active, so somebody must see them.
func TestAlertsOfAChangeThatWasNoneStandForThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upper := 0.05
	w.models = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper}}}
	w.runs("lab", 30, map[string]float64{"a": 100})
	w.runs("lab", 5, map[string]float64{"a": 112})
	w.look()
	if step := w.want(event.NamedFilter{}, "code confirmed lab: a +10% worse"); step[0].Alerts != 5 {
		t.Fatalf("%d alerts were folded into the step", step[0].Alerts)
	}
	w.want(event.NamedFilter{Kind: event.Threshold})
	w.runs("lab", 30, map[string]float64{"a": 100})
	w.look()
	w.want(event.NamedFilter{})
	if gone := w.want(event.NamedFilter{Gone: true}, "code suspected lab: a +10% worse"); gone[0].Alerts != 0 {
		t.Errorf("%d alerts are of a change that is none", gone[0].Alerts)
	}
	if alone := w.want(event.NamedFilter{Kind: event.Threshold}, "threshold suspected lab: "); alone[0].Alerts != 5 {
		t.Errorf("%d of the alerts are seen", alone[0].Alerts)
	}
}

// TestAChangeOnALineThatWandersIsNotTold: its values follow each other, and such noise looks like changes.
func TestAChangeOnALineThatWandersIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drift := 0.0
	for n := range 100 {
		drift = 0.7*drift + 0.01*w.noise.NormFloat64()
		level := 100.0
		if n >= 60 {
			level = 150
		}
		w.run("lab", "", map[string]float64{"a": level * math.Exp(drift)})
	}
	w.look()
	found := w.list(event.NamedFilter{})
	if len(found) == 0 {
		t.Fatal("nothing was found")
	}
	for _, e := range found {
		if e.State != api.EventSuspected || !e.Changes[0].Weak {
			t.Errorf("%s, weak %v", say(e), e.Changes[0].Weak)
		}
	}
	storetest.WantEvents(t, w.store, repeat("report.closed pending processed", 100)...)
}

// TestWhatTheValuesDoNotCarryAnyMoreIsWithdrawn: of a line that was taken to be still when its change was confirmed, and wanders.
func TestWhatTheValuesDoNotCarryAnyMoreIsWithdrawn(t *testing.T) {
	t.Parallel()
	const told, back = "change.confirmed suspected confirmed code", "change.withdrawn confirmed suspected code"
	for name, c := range map[string]struct {
		before  func(*world, string) // what happens to the confirmed event before its line wanders
		state   api.EventState       // after it
		notices []string
	}{
		"nobody acted": {func(*world, string) {}, api.EventSuspected, []string{back}},
		"somebody is on it": {func(w *world, id string) {
			if _, err := w.do(id, api.UpdateEvent{Verb: api.AckEvent}); err != nil {
				w.t.Fatal(err)
			}
		}, api.EventAcknowledged, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.runs("lab", 30, map[string]float64{"a": 100})
			w.runs("lab", 8, map[string]float64{"a": 130})
			w.look()
			e := w.want(event.NamedFilter{}, "code confirmed lab: a +30% worse")[0]
			storetest.WantEvents(t, w.store, append(repeat("report.closed pending processed", 38), told)...)
			c.before(w, e.UUID)
			drift, n := 0.0, 0
			one, err := w.events.Get(t.Context(), local, "shop", e.UUID)
			for ; err == nil && one.Settled && n < 80; n++ {
				drift = 0.9*drift + 0.02*w.noise.NormFloat64()
				w.run("lab", "", map[string]float64{"a": 130 * math.Exp(drift)})
				w.look()
				one, err = w.events.Get(t.Context(), local, "shop", e.UUID)
			}
			if err != nil {
				t.Fatal(err)
			}
			if one.State != c.state || one.Settled || one.Gone || !one.Changes[0].Weak {
				t.Errorf("state %s, settled %v, gone %v: %+v", one.State, one.Settled, one.Gone, one.Changes[0])
			}
			if last := one.Steps[len(one.Steps)-1]; c.notices != nil && (last.Verb != "withdraw" || last.To != api.EventSuspected) {
				t.Errorf("its last step: %+v", last)
			}
			storetest.WantEvents(t, w.store, append(repeat("report.closed pending processed", n), c.notices...)...)
		})
	}
}

// TestWhatIsNotFoundAnyMoreIsWithdrawn, and what is found again is told of again.
func TestWhatIsNotFoundAnyMoreIsWithdrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runs("lab", 30, map[string]float64{"a": 100})
	var slow []string
	for range 8 {
		slow = append(slow, w.run("lab", "", map[string]float64{"a": w.near(150)}))
	}
	w.look()
	w.want(event.NamedFilter{}, "code confirmed lab: a +50% worse")
	storetest.WantEvents(t, w.store, append(repeat("report.closed pending processed", 38), "change.confirmed suspected confirmed code")...)
	for _, id := range slow {
		if err := w.reports.Delete(t.Context(), local, "shop", id); err != nil {
			t.Fatal(err)
		}
	}
	w.look()
	w.want(event.NamedFilter{})
	w.want(event.NamedFilter{Gone: true}, "code suspected lab: a +50% worse")
	storetest.WantEvents(t, w.store, append(repeat("report.deleted processed deleted", 8), "change.withdrawn confirmed suspected code")...)
	w.runs("lab", 8, map[string]float64{"a": 150})
	w.look()
	w.want(event.NamedFilter{}, "code confirmed lab: a +50% worse")
	storetest.WantEvents(t, w.store, append(repeat("report.closed pending processed", 8), "change.confirmed suspected confirmed code")...)
}

// TestAlertsFoldInParts: however many there are, also when they have to leave an event again.
func TestAlertsFoldInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.events.Alerts(2)
	upper := 0.05
	w.models = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper}}}
	w.runs("lab", 30, map[string]float64{"a": 100})
	w.runs("lab", 5, map[string]float64{"a": 112})
	w.look()
	if step := w.want(event.NamedFilter{}, "code confirmed lab: a +10% worse"); step[0].Alerts != 5 {
		t.Errorf("%d alerts were folded into the step", step[0].Alerts)
	}
	w.runs("lab", 30, map[string]float64{"a": 100})
	w.look()
	w.want(event.NamedFilter{})
	if alone := w.want(event.NamedFilter{Kind: event.Threshold}, "threshold suspected lab: "); alone[0].Alerts != 5 {
		t.Errorf("%d of the alerts are seen", alone[0].Alerts)
	}
}
