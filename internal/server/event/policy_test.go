package event_test

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
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
		want := append([]string{"policy.changed"}, repeat("report.closed pending processed", 38)...)
		if told {
			want = append(want, "change.confirmed suspected confirmed code")
		}
		t.Log(text)
		storetest.WantEvents(t, w.store, want...)
	}
}

// TestWhomThePolicyNamesIsTold: a notice says whom it is for, and what takes it back is for the same, whatever the policy says by then.
func TestWhomThePolicyNamesIsTold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"rules: [{notify: none}]":                                              "",
		"rules: [{notify: []}, {benchmark: b, severity: fail}]":                "",
		"rules: [{notify: [bob, ann]}, {benchmark: b, notify: cy}]":            "ann bob cy",
		"rules: [{notify: [bob, ann]}, {benchmark: b, notify: none}]":          "ann bob",
		"rules: [{benchmark: a, notify: ann}]":                                 "everybody",
		"rules: [{benchmark: a, notify: ann}, {benchmark: b, severity: info}]": "ann",
	} {
		w := newWorld(t)
		w.setPolicy(text)
		w.runs("lab", 30, map[string]float64{"a": 100, "b": 50})
		w.runs("lab", 8, map[string]float64{"a": 120, "b": 60})
		w.look()
		w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse, b +20% worse")
		if got := w.namesTold("change.confirmed"); got != want {
			t.Errorf("%s: told %q, want %q", text, got, want)
		}
		w.setPolicy("rules: [{test: none}]")
		w.look()
		if got := w.namesTold("change.withdrawn"); got != want {
			t.Errorf("%s: taken back from %q, want %q", text, got, want)
		}
	}
}

// namesTold are those whom notices of a kind name, "everybody" for one that names nobody, "" if there is none.
func (w *world) namesTold(kind string) string {
	w.t.Helper()
	var told []string
	w.in(func(ctx context.Context, tx *store.Tx) error {
		told = nil // the transaction may come again
		rows, err := tx.Query(ctx, `select body from event where kind = $1 order by seq`, kind)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (string, error) {
			var text string
			var body notify.Body
			err := errors.Join(rows.Scan(&text), json.Unmarshal([]byte(text), &body))
			told = append(told, cmp.Or(strings.Join(body.Names, " "), "everybody"))
			return text, err
		})
		return err
	})
	return strings.Join(told, "; ")
}

func TestACountMayBeJudgedAsWhatHasNoise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setPolicy("rules: [{measure: instructions, test: change}]")
	w.runs("lab", 30, map[string]float64{"a/instructions": 1000}) // with noise of 1 %, which is an event a value where it is exact
	w.look()
	w.want(event.NamedFilter{})
}
