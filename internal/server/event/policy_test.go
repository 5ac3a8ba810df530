package event_test

import (
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// setPolicy replaces the project's policy, whatever it was.
func (w *world) setPolicy(text string) {
	w.t.Helper()
	policies := policy.NewService(project.NewDoor(w.store, nil))
	was, err := policies.Get(w.t.Context(), local, "shop")
	if err == nil {
		_, err = policies.Set(w.t.Context(), local, "shop", api.SetPolicy{Text: text, Version: was.Version})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestThePolicySaysWhatIsAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runs("lab", 30, map[string]float64{"a": 100, "b": 50})
	w.runs("lab", 12, map[string]float64{"a": 120, "b": 54})
	w.look()
	first := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse, b +10% worse")
	if first[0].Severity != "warn" {
		t.Errorf("severity without a policy: %q", first[0].Severity)
	}

	// A smallest effect, and the change that is left is in the same event.
	w.setPolicy("rules: [{min_effect: 15%, severity: fail}]")
	w.look()
	larger := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse, b +10% worse")[0]
	if larger.UUID != first[0].UUID || larger.Severity != "fail" || larger.Total != 1 || larger.Changes[0].Gone || !larger.Changes[1].Gone {
		t.Errorf("it was %s, it is %+v", first[0].UUID, larger)
	}

	// No test: the event is gone and stays gone with new values. It comes back as the same.
	w.setPolicy("rules: [{branch: main, test: none}]")
	w.look()
	w.want(event.NamedFilter{})
	w.runs("lab", 3, map[string]float64{"a": 150, "b": 80})
	w.look()
	w.want(event.NamedFilter{})
	w.setPolicy("rules: [{branch: main, test: none}, {benchmark: b, test: change}]")
	w.look()
	again := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse, b +10% worse", "code suspected lab: b +45% worse")
	for _, e := range again {
		if e.State == "confirmed" && (e.UUID != first[0].UUID || e.Total != 1) {
			t.Errorf("it was %s, it is %+v", first[0].UUID, e)
		}
	}
}

func TestNobodyIsToldOfWhatThePolicyOnlyShows(t *testing.T) {
	t.Parallel()
	for text, told := range map[string]bool{"rules: []": true, "rules: [{severity: info}]": false, "rules: [{severity: fail}]": true,
		"rules: [{severity: info}, {benchmark: a, severity: warn}]": true} {
		w := newWorld(t)
		w.setPolicy(text)
		w.runs("lab", 30, map[string]float64{"a": 100})
		w.runs("lab", 8, map[string]float64{"a": 120})
		w.look()
		w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse")
		want := repeat("report.closed pending processed", 38)
		if told {
			want = append(want, "change.confirmed suspected confirmed code")
		}
		t.Log(text)
		storetest.WantEvents(t, w.store, want...)
	}
}

func TestACountMayBeJudgedAsWhatHasNoise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setPolicy("rules: [{measure: instructions, test: change}]")
	w.runs("lab", 30, map[string]float64{"a/instructions": 1000}) // with noise of 1 %, which is an event a value where it is exact
	w.look()
	w.want(event.NamedFilter{})
}
