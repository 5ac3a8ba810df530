package event_test

import (
	"context"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// alerts is how many alerts of thresholds are active.
func (w *world) alerts() (n int) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *store.Tx) (err error) {
		_, n, err = threshold.ListAlerts(ctx, tx, w.project.ID, threshold.AlertFilter{Status: api.AlertActive}, store.Page{Limit: 1})
		return err
	})
	return n
}

// after is how many alerts came of what f did.
func (w *world) after(f func()) int {
	w.t.Helper()
	before := w.alerts()
	f()
	return w.alerts() - before
}

// held is a world whose latencies are held against the mean of 64 values, and may be a tenth above it.
func held(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	upper, most := 0.1, 64
	w.models = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper,
		MaxSampleSize: &most}}}
	return w
}

// TestLimitsAreDrawnFromTheAcceptedLevel: without it a step of 20 % would raise an alert of each report until half of the sample is new.
func TestLimitsAreDrawnFromTheAcceptedLevel(t *testing.T) {
	t.Parallel()
	w := held(t)
	w.runs("lab", 30, map[string]float64{"a": 100, "b": 50})
	var slow []string
	run := func(a, b float64) {
		slow = append(slow, w.run("lab", "", map[string]float64{"a": w.near(a), "b": w.near(b)}))
	}
	one := func() { run(120, 50) }
	for range 8 {
		one()
	}
	w.look()
	step := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse")[0]
	if n := w.after(one); n != 1 {
		t.Fatalf("before anybody accepts it: %d alerts", n)
	}
	if _, err := w.do(step.UUID, api.UpdateEvent{Verb: api.AcceptEvent}); err != nil {
		t.Fatal(err)
	}
	if n := w.after(one); n != 0 {
		t.Errorf("the accepted level: %d alerts", n)
	}
	if n := w.after(func() { run(140, 50) }); n != 1 {
		t.Errorf("above the accepted level: %d alerts", n)
	}
	if n := w.after(func() { run(120, 60) }); n != 1 {
		t.Errorf("another line of the report: %d alerts", n)
	}
	if n := w.after(func() {
		w.runOn("pr", "lab", "aa", &api.StartPoint{Branch: "main"}, map[string]float64{"a": 121, "b": 50})
	}); n != 0 {
		t.Errorf("a branch that starts from the accepted level: %d alerts", n)
	}
	w.look()
	if n := w.after(one); n != 0 {
		t.Errorf("after another look: %d alerts", n)
	}
	if _, err := w.do(step.UUID, api.UpdateEvent{Verb: api.ReopenEvent}); err != nil {
		t.Fatal(err)
	}
	if n := w.after(one); n != 1 {
		t.Errorf("reopened: %d alerts", n)
	}
	if _, err := w.do(step.UUID, api.UpdateEvent{Verb: api.AcceptEvent}); err != nil {
		t.Fatal(err)
	}
	for _, id := range slow { // no change is left
		if err := w.reports.Delete(t.Context(), local, "shop", id); err != nil {
			t.Fatal(err)
		}
	}
	w.look()
	w.want(event.NamedFilter{Branch: "main"})
	w.rows(map[string]int{"accepted_level": 0})
}

// TestTheLevelOfAThresholdsEventIsAccepted: no change explains its alerts, so the newest value is the level.
func TestTheLevelOfAThresholdsEventIsAccepted(t *testing.T) {
	t.Parallel()
	w := held(t)
	w.runs("lab", 6, map[string]float64{"a": 100, "b": 50}) // too few for a change
	one := func() { w.runs("lab", 1, map[string]float64{"a": 130, "b": 50}) }
	one()
	w.look()
	e := w.want(event.NamedFilter{Kind: event.Threshold}, "threshold suspected lab: ")[0]
	if _, err := w.do(e.UUID, api.UpdateEvent{Verb: api.AcceptEvent}); err != nil {
		t.Fatal(err)
	}
	if n := w.after(one); n != 0 {
		t.Errorf("the accepted level: %d alerts", n)
	}
	if n := w.after(func() { w.runs("lab", 1, map[string]float64{"a": 130, "b": 65}) }); n != 1 {
		t.Errorf("another line: %d alerts", n)
	}
	if _, err := w.do(e.UUID, api.UpdateEvent{Verb: api.ReopenEvent}); err != nil {
		t.Fatal(err)
	}
	if n := w.after(one); n != 1 {
		t.Errorf("reopened: %d alerts", n)
	}
}
