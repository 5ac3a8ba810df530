package event_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
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

// tight is a world whose latencies are held against the mean of the values before, and may be 0.1 % above it.
func tight(t *testing.T) *world {
	t.Helper()
	w := held(t)
	upper := 0.001
	w.models.Models["latency"] = api.Model{Test: "percentage", UpperBoundary: &upper}
	return w
}

// saw submits a report without noise and looks at it.
func (w *world) saw(commit string, a, b float64) string {
	w.t.Helper()
	id := w.run("lab", commit, map[string]float64{"a": a, "b": b})
	w.look()
	return id
}

// threshold is the only event of a threshold in a state; open is one, too.
func (w *world) threshold(state string) api.Event {
	w.t.Helper()
	all := w.list(event.NamedFilter{Kind: event.Threshold, State: state})
	if len(all) != 1 {
		w.t.Fatalf("%d events of thresholds are %s", len(all), state)
	}
	return all[0]
}

func (w *world) must(id string, u api.UpdateEvent) {
	w.t.Helper()
	if _, err := w.do(id, u); err != nil {
		w.t.Fatal(err)
	}
}

// TestAnAlertBeyondWhatWasAcceptedIsInAnOpenEvent: what people decided holds as far as it goes, and no further.
func TestAnAlertBeyondWhatWasAcceptedIsInAnOpenEvent(t *testing.T) {
	t.Parallel()
	w := tight(t)
	for i := range 4 {
		w.saw(fmt.Sprint("c", i), 100, 50)
	}
	w.run("other", "c4", map[string]float64{"a": 1}) // a version that nobody has measured on lab
	w.saw("c5", 130, 50)
	first := w.threshold("open")
	w.must(first.UUID, api.UpdateEvent{Verb: api.AcceptEvent})
	silent := func(what string, alerts int) {
		t.Helper()
		w.want(event.NamedFilter{Kind: event.Threshold, State: "open"})
		if e := w.threshold("accepted"); e.UUID != first.UUID || e.Alerts != alerts || e.Version > first.Version+1 {
			t.Errorf("%s: %d alerts, version %d, want %d and %d", what, e.Alerts, e.Version, alerts, first.Version+1)
		}
	}
	silent("accepted", 1)
	w.saw("c6", 131, 50)
	silent("about as much", 2)
	w.saw("c4", 140, 50) // late
	silent("before the accepted version", 3)
	w.saw("c7", 160, 50)
	second := w.threshold("open")
	if second.UUID == first.UUID || second.Alerts != 1 || second.State != api.EventSuspected {
		t.Errorf("worse than what was accepted: %+v", second)
	}
	if told := w.told("alert.raised"); told != 4 {
		t.Errorf("%d times told of alerts", told)
	}
	w.saw("c8", 100, 70)
	if e := w.threshold("open"); e.UUID != second.UUID || e.Alerts != 2 {
		t.Errorf("another line: %+v", e)
	}
	w.must(second.UUID, api.UpdateEvent{Verb: api.AcceptEvent})
	w.saw("c9", 161, 70.2)
	w.want(event.NamedFilter{Kind: event.Threshold, State: "open"})
	w.saw("d0", 100, 90)
	if third := w.threshold("open"); third.Alerts != 1 || third.UUID == first.UUID || third.UUID == second.UUID {
		t.Errorf("worse again: %+v", third)
	}
	w.must(second.UUID, api.UpdateEvent{Verb: api.ReopenEvent})
	if e := w.threshold("accepted"); e.UUID != first.UUID || e.Alerts != 3 {
		t.Errorf("the first decision does not stay: %+v", e)
	}
}

// told is how often people were told.
func (w *world) told(kind string) (n int) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `select count(*) from event where kind = $1`, kind).Scan(&n)
	})
	return n
}

// TestWhatIsIgnoredIsSilentUntilItsTimeIsOver, and then the next alert opens it.
func TestWhatIsIgnoredIsSilentUntilItsTimeIsOver(t *testing.T) {
	t.Parallel()
	w := tight(t)
	for range 4 {
		w.saw("", 100, 50)
	}
	w.saw("", 130, 50)
	e := w.threshold("open")
	until := w.clock.Now().Add(time.Hour)
	w.must(e.UUID, api.UpdateEvent{Verb: api.IgnoreEvent, Reason: "the disk is full", Until: &until})
	w.saw("", 200, 90)
	w.want(event.NamedFilter{Kind: event.Threshold, State: "open"})
	if e := w.threshold("ignored"); e.Alerts != 3 {
		t.Errorf("ignored: %d alerts", e.Alerts)
	}
	w.clock.Advance(2 * time.Hour)
	w.saw("", 300, 50)
	again := w.threshold("open")
	if again.UUID != e.UUID || again.Alerts != 4 || again.Reason != "" {
		t.Errorf("its time is over: %+v", again)
	}
	whole, err := w.events.Get(t.Context(), local, "shop", e.UUID)
	if err != nil || whole.Steps[len(whole.Steps)-1].Verb != "expire" {
		t.Errorf("nothing says that it was opened: %+v, %v", whole.Steps, err)
	}
	w.must(e.UUID, api.UpdateEvent{Verb: api.IgnoreEvent, Reason: "nobody uses it"})
	w.saw("", 500, 50)
	w.want(event.NamedFilter{Kind: event.Threshold, State: "open"})
}

func TestAnAlertAfterAFixIsInAnOpenEvent(t *testing.T) {
	t.Parallel()
	w := tight(t)
	for i := range 4 {
		w.saw(fmt.Sprint("c", i), 100, 50)
	}
	w.run("other", "c4", map[string]float64{"a": 1})
	w.saw("c5", 130, 50)
	e := w.threshold("open")
	w.must(e.UUID, api.UpdateEvent{Verb: api.FixEvent})
	w.saw("c4", 130, 50)
	w.want(event.NamedFilter{Kind: event.Threshold, State: "open"})
	w.saw("c6", 140, 50)
	if again := w.threshold("open"); again.UUID == e.UUID || again.Alerts != 1 {
		t.Errorf("%+v", again)
	}
}

// TestAnAlertBeyondAnAcceptedChangeIsInAnOpenEvent: the change is on its line and to its side, and does not explain what came on top of it.
func TestAnAlertBeyondAnAcceptedChangeIsInAnOpenEvent(t *testing.T) {
	t.Parallel()
	w := held(t)
	w.runs("lab", 30, map[string]float64{"a": 100, "b": 50})
	w.runs("lab", 8, map[string]float64{"a": 120, "b": 50})
	w.look()
	step := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse")[0]
	w.must(step.UUID, api.UpdateEvent{Verb: api.AcceptEvent})
	w.saw("", 160, 50)
	if e := w.threshold("open"); e.Alerts != 1 {
		t.Errorf("%d alerts", e.Alerts)
	}
	if now := w.want(event.NamedFilter{}, "code accepted lab: a +20% worse")[0]; now.Alerts != step.Alerts {
		t.Errorf("the accepted change has %d alerts, had %d", now.Alerts, step.Alerts)
	}
}

// TestAnAlertAfterAChangeThatIsOverIsInAnOpenEvent: a change that was said to be fixed, or refuted, explains what is late for it alone.
func TestAnAlertAfterAChangeThatIsOverIsInAnOpenEvent(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"fixed", "refuted"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			w := held(t)
			for i := range 38 {
				a := 100.0
				if i >= 30 {
					a = 120
				}
				w.run("lab", fmt.Sprint("c", i), map[string]float64{"a": w.near(a), "b": w.near(50)})
			}
			w.look()
			step := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse")[0]
			if state == "fixed" {
				w.must(step.UUID, api.UpdateEvent{Verb: api.FixEvent})
			} else { // as a check does
				w.in(func(ctx context.Context, tx *store.Tx) error {
					_, err := tx.Exec(ctx, `update change_event set state = $1 where id = $2`, state, step.UUID)
					return err
				})
			}
			w.saw("c30", 120, 50)
			w.want(event.NamedFilter{Kind: event.Threshold})
			is := "code " + state + " lab: a +20% worse"
			if now := w.want(event.NamedFilter{State: state}, is)[0]; now.Alerts != step.Alerts+1 {
				t.Errorf("late: %d alerts, had %d", now.Alerts, step.Alerts)
			}
			w.saw("c38", 120, 50)
			if e := w.threshold("open"); e.Alerts != 1 {
				t.Errorf("%d alerts", e.Alerts)
			}
			if now := w.want(event.NamedFilter{State: state}, is)[0]; now.Alerts != step.Alerts+1 {
				t.Errorf("the change has %d alerts, had %d", now.Alerts, step.Alerts+1)
			}
		})
	}
}

// TestAnAlertStaysInItsEvent, whatever a newer event covers.
func TestAnAlertStaysInItsEvent(t *testing.T) {
	t.Parallel()
	for _, verb := range []api.EventVerb{api.FixEvent, api.AcceptEvent} {
		t.Run(string(verb), func(t *testing.T) {
			t.Parallel()
			w := tight(t)
			early := w.saw("", 100, 50)
			for range 3 {
				w.saw("", 100, 50)
			}
			w.saw("", 130, 50)
			first := w.threshold("open")
			w.must(first.UUID, api.UpdateEvent{Verb: api.AcceptEvent})
			w.saw("", 160, 50)
			second := w.threshold("open")
			w.must(second.UUID, api.UpdateEvent{Verb: verb})
			w.must(first.UUID, api.UpdateEvent{Verb: api.ReopenEvent})
			if _, err := w.events.Mark(t.Context(), local, "shop", early, "busy"); err != nil { // all is looked at anew
				t.Fatal(err)
			}
			if e := w.threshold("open"); e.UUID != first.UUID || e.Alerts != 1 {
				t.Errorf("%+v", e)
			}
		})
	}
}

// levels are the accepted levels, as the versions of each.
func (w *world) levels() (out []string) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *store.Tx) error {
		rows, err := tx.Query(ctx, `select b.name, l.number, l.head_id = e.head_id, l.spec_id from accepted_level l
			join change_event e on e.id = l.event_id join series s on s.id = l.series_id join benchmark b on b.id = s.benchmark_id
			order by b.name, l.number`)
		out, err = store.Collect(rows, err, func(rows *sql.Rows) (string, error) {
			var name, spec string
			var number int64
			var head bool
			err := rows.Scan(&name, &number, &head, &spec)
			return fmt.Sprint(name, " ", number, " ", head, spec), err
		})
		return err
	})
	return out
}

// TestAnAcceptedLevelGoesWithItsResults: limits would begin at a version that nobody can see any more.
func TestAnAcceptedLevelGoesWithItsResults(t *testing.T) {
	t.Parallel()
	w := tight(t)
	for range 4 {
		w.saw("", 100, 50)
	}
	slow := []string{w.saw("", 130, 70), w.saw("", 150, 50)}
	e := w.threshold("open")
	w.must(e.UUID, api.UpdateEvent{Verb: api.AcceptEvent})
	check := func(what string, want ...string) {
		t.Helper()
		if got := w.levels(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("accepted", "a 5 true", "b 4 true")
	if err := w.reports.Reparse(t.Context(), local, "shop", slow[1]); err != nil {
		t.Fatal(err)
	}
	w.look()
	check("read again", "a 5 true", "b 4 true")
	for i, want := range [][]string{{"a 4 true", "b 4 true"}, nil} {
		if err := w.reports.Delete(t.Context(), local, "shop", slow[1-i]); err != nil {
			t.Fatal(err)
		}
		w.look()
		check("deleted", want...)
	}
}

// TestAnAcceptedLevelGoesWithResultsThatDoNotCount: limits would begin at a version whose results are left out of them.
func TestAnAcceptedLevelGoesWithResultsThatDoNotCount(t *testing.T) {
	t.Parallel()
	w := tight(t)
	for range 4 {
		w.saw("", 100, 50)
	}
	slow := []string{w.saw("", 130, 50), w.saw("", 150, 50), w.saw("", 170, 50), w.saw("", 190, 50)}
	w.must(w.threshold("open").UUID, api.UpdateEvent{Verb: api.AcceptEvent})
	for _, step := range []struct {
		marked int
		want   []string
	}{{2, []string{"a 7 true"}}, {3, []string{"a 5 true"}}, {1, []string{"a 4 true"}}, {0, nil}} {
		if _, err := w.events.Mark(t.Context(), local, "shop", slow[step.marked], "busy"); err != nil {
			t.Fatal(err)
		}
		if got := w.levels(); !slices.Equal(got, step.want) {
			t.Errorf("report %d is marked: %q, want %q", step.marked, got, step.want)
		}
	}
}

// TestWhatWasAcceptedBeforeLevelsWereKeptIsKept: the migration writes what acceptance does.
func TestWhatWasAcceptedBeforeLevelsWereKeptIsKept(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, kind := range []string{"sqlite", "postgres"} {
		text, err := os.ReadFile(filepath.Join("..", "store", "migration", kind, "0089_accepted_alerts.sql"))
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		texts = append(texts, up)
	}
	if texts[0] != texts[1] {
		t.Error("the two databases get different rows")
	}
	w := tight(t)
	for range 4 {
		w.saw("", 100, 50)
	}
	w.saw("", 130, 70)
	w.saw("", 150, 50)
	w.must(w.threshold("open").UUID, api.UpdateEvent{Verb: api.AcceptEvent})
	want := w.levels()
	w.saw("", 150.5, 70)                                                         // counted in silence, and accepted by nobody
	for _, prepare := range []string{"delete from accepted_level", "select 1"} { // and once more does no harm
		w.in(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, prepare)
			if err == nil {
				_, err = tx.Exec(ctx, texts[0])
			}
			return err
		})
		if got := w.levels(); len(want) != 2 || !slices.Equal(got, want) {
			t.Errorf("after %q there are %q, want %q", prepare, got, want)
		}
	}
	w.must(w.threshold("accepted").UUID, api.UpdateEvent{Verb: api.ReopenEvent})
	w.in(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, texts[0])
		return err
	})
	if got := w.levels(); len(got) != 0 {
		t.Errorf("of an event that is not accepted: %q", got)
	}
}

// TestAlertsLeaveAnEventThatIsGoneWhereverTheLookDies: between two transactions nobody has news of them, unless the look leaves some.
func TestAlertsLeaveAnEventThatIsGoneWhereverTheLookDies(t *testing.T) {
	t.Parallel()
	killed := errors.New("killed")
	for at := 1; ; at++ {
		left := -1
		clock := &storetest.Clock{T: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		s, err := testdb.Open(t, store.Config{Path: filepath.Join(t.TempDir(), "tacho.db"), Now: clock.Now,
			Hindrance: func(context.Context) error {
				if left--; left == 0 {
					return killed
				}
				return nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		w := worldOn(t, s, clock)
		w.events.Alerts(2)
		upper := 0.05
		w.models = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper}}}
		w.runs("lab", 30, map[string]float64{"a": 100})
		w.runs("lab", 5, map[string]float64{"a": 112})
		w.look()
		w.runs("lab", 30, map[string]float64{"a": 100})
		left = at
		err = w.catchUp(t.Context())
		left = -1
		if err != nil && !errors.Is(err, killed) {
			t.Fatal(err)
		}
		w.look()
		if alone := w.threshold("open"); alone.Alerts != 5 {
			t.Errorf("killed after %d commits: %d of 5 alerts are seen", at-1, alone.Alerts)
		}
		w.want(event.NamedFilter{})
		w.rows(map[string]int{"line_news": 0})
		if closed := s.Close(); closed != nil {
			t.Error(closed)
		}
		if err == nil {
			if at != 4 { // five alerts by two: three transactions
				t.Errorf("it was through after %d commits", at-1)
			}
			return
		}
	}
}
