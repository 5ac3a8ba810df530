package event_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// changed submits reports in which a, b and c become slower, and looks at nothing.
func (w *world) changed() {
	w.t.Helper()
	w.runs("lab", 20, map[string]float64{"a": 100, "b": 50, "c": 7})
	w.runs("lab", 10, map[string]float64{"a": 120, "b": 60, "c": 9})
}

// once checks that each row is there once and nothing is left to do.
func (w *world) once() {
	w.t.Helper()
	w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse, b +20% worse, c +30% worse")
	w.rows(map[string]int{"change_event": 1, "change_event_step": 1, "change_point": 3, "line": 3, "line_news": 0})
}

func (w *world) rows(want map[string]int) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *store.Tx) error {
		for table, n := range want {
			var got int
			if err := tx.QueryRow(ctx, `select count(*) from `+table).Scan(&got); err != nil {
				return err
			}
			if got != n {
				w.t.Errorf("%s has %d rows, want %d", table, got, n)
			}
		}
		return nil
	})
}

func (w *world) catchUp(ctx context.Context) error {
	_, err := w.events.CatchUp(ctx, w.project.ID, 100)
	return err
}

// TestCatchingUpEndsUnderLoad: what comes while it looks is left to the next, so that a delivery ends in its time.
func TestCatchingUpEndsUnderLoad(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		w := worldOn(t, s, clock)
		const testbeds = 6
		for i := range testbeds {
			w.run(fmt.Sprint("t", i), "", map[string]float64{"a": 100})
		}
		looked := 0
		of1, of2 := race.Run(1, func(ctx context.Context) (err error) {
			looked, err = w.events.CatchUp(ctx, w.project.ID, math.MaxInt)
			return err
		}, func(context.Context) error { // after the look at the first testbed
			w.run("t0", "", map[string]float64{"a": 100})
			return nil
		})
		if of1 != nil || of2 != nil || looked != testbeds {
			t.Errorf("looked at %d testbeds, want %d; the first: %v; the second: %v", looked, testbeds, of1, of2)
		}
		w.rows(map[string]int{"line_news": 1})
		w.look()
		w.rows(map[string]int{"line_news": 0})
	})
}

func TestTwoServersLookAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		w := worldOn(t, s, clock)
		w.changed()
		w.events.Rows(2)
		if of1, of2 := race.Run(1, w.catchUp, w.catchUp); of1 != nil || of2 != nil {
			t.Fatalf("the first: %v; the second: %v", of1, of2)
		}
		w.once()
		if err := w.catchUp(t.Context()); err != nil { // a delivery is repeated
			t.Fatal(err)
		}
		w.once()
	})
}

func TestAReportThatComesWhileSomebodyLooksIsNotLost(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		w := worldOn(t, s, clock)
		w.changed()
		submit := func(ctx context.Context) error {
			_, err := w.reports.Submit(ctx, report.Request{Actor: local, New: api.NewRun{Project: "shop", Branch: "main", Testbed: "lab",
				Settings: &api.ReportSettings{Adapter: "json"}, Results: []string{`{"a":{"latency":{"value":126}}}`}}})
			return err
		}
		if of1, of2 := race.Run(1, w.catchUp, submit); of1 != nil || of2 != nil {
			t.Fatalf("the first: %v; the second: %v", of1, of2)
		}
		w.look()
		w.once()
		for _, c := range w.list(event.NamedFilter{})[0].Changes {
			if want := map[string]int{"a": 11, "b": 10, "c": 10}[c.Benchmark.Name]; c.NAfter != want {
				t.Errorf("%s has %d values after it, want %d", c.Benchmark.Name, c.NAfter, want)
			}
		}
	})
}

func TestSomebodyActsWhileAServerLooks(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		w := worldOn(t, s, clock)
		w.changed()
		w.look()
		id := w.list(event.NamedFilter{})[0].UUID
		w.runs("lab", 1, map[string]float64{"a": 120, "b": 60, "c": 9})
		act := func(ctx context.Context) error {
			_, err := w.events.Update(ctx, local, "shop", id, api.UpdateEvent{Verb: api.AckEvent})
			return err
		}
		if of1, of2 := race.Run(1, w.catchUp, act); of1 != nil || of2 != nil {
			t.Fatalf("look: %v; ack: %v", of1, of2)
		}
		w.runs("lab", 1, map[string]float64{"a": 120, "b": 60, "c": 9})
		if of1, of2 := race.Run(1, act, w.catchUp); of1 != nil || of2 != nil {
			t.Fatalf("ack: %v; look: %v", of1, of2)
		}
		w.want(event.NamedFilter{}, "code acknowledged lab: a +20% worse, b +20% worse, c +30% worse")
	})
}

// TestALookThatIsKilledIsDoneAgain, wherever it dies.
func TestALookThatIsKilledIsDoneAgain(t *testing.T) {
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
		w.changed()
		w.events.Rows(1)
		left = at
		err = w.catchUp(t.Context())
		left = -1
		if err != nil && !errors.Is(err, killed) {
			t.Fatal(err)
		}
		if err != nil {
			w.look()
		}
		w.once()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err == nil {
			if at != 4 { // three rows of lines and of changes: three transactions
				t.Errorf("it was through after %d commits", at-1)
			}
			return
		}
	}
}

func TestNothingIsLeftOfWhatIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.changed()
	w.look()
	id := w.list(event.NamedFilter{})[0].UUID
	if _, err := w.do(id, api.UpdateEvent{Verb: api.AckEvent}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	w.in(func(ctx context.Context, tx *store.Tx) error {
		rows, err := tx.Query(ctx, `select id from report order by seq`)
		ids, err = store.Collect(rows, err, store.ScanText)
		return err
	})
	if _, err := w.events.Mark(t.Context(), local, "shop", ids[0], "busy"); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if err := w.reports.Delete(t.Context(), local, "shop", id); err != nil {
			t.Fatal(err)
		}
	}
	w.look()
	w.rows(map[string]int{"report_mark": 0, "line": 0, "line_news": 0, "change_event": 1, "change_point": 3})
	w.want(event.NamedFilter{Gone: true}, "code acknowledged lab: a +20% worse, b +20% worse, c +30% worse")
	w.in(func(ctx context.Context, tx *store.Tx) error {
		b, err := series.BranchByRef(ctx, tx, w.project.ID, "main")
		if err != nil {
			return err
		}
		return series.DeleteBranch(ctx, tx, b)
	})
	w.rows(map[string]int{"change_event": 0, "change_point": 0, "change_event_step": 0, "line_look": 0})
	if _, err := w.events.Get(t.Context(), local, "shop", id); !fault.Is(err, fault.Missing) {
		t.Errorf("a deleted event: %v", err)
	}
}

// TestLateResultsCount: a report of a commit in the middle, and one that fills a version up.
func TestLateResultsCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 40 {
		if n >= 18 && n < 24 {
			w.run("other", fmt.Sprint("c", n), map[string]float64{"a": 1})
			continue
		}
		level := 100.0
		if n >= 24 {
			level = 130
		}
		w.run("lab", fmt.Sprint("c", n), map[string]float64{"a": w.near(level)})
		w.look()
	}
	wide := w.want(event.NamedFilter{Testbed: "lab"}, "code confirmed lab: a +30% worse")[0]
	if wide.First.Number != 18 || wide.Last.Number != 24 {
		t.Errorf("it came with one of %d to %d", wide.First.Number, wide.Last.Number)
	}
	for _, n := range []int{23, 22, 21} { // as the current level lets expect, but late
		w.run("lab", fmt.Sprint("c", n), map[string]float64{"a": w.near(130)})
		w.look()
	}
	if e := w.want(event.NamedFilter{Testbed: "lab"}, "code confirmed lab: a +30% worse")[0]; e.Last.Number > 21 {
		t.Errorf("it came with one of %d to %d", e.First.Number, e.Last.Number)
	}
	for _, n := range []int{18, 20, 19} {
		w.run("lab", fmt.Sprint("c", n), map[string]float64{"a": w.near(100)})
		w.look()
	}
	narrow := w.want(event.NamedFilter{Testbed: "lab"}, "code confirmed lab: a +30% worse")[0]
	if narrow.UUID != wide.UUID || narrow.First.Number > 21 || narrow.Last.Number < 21 || narrow.Last.Number-narrow.First.Number > 3 {
		t.Errorf("it came with one of %d to %d, as event %s and not %s", narrow.First.Number, narrow.Last.Number, narrow.UUID, wide.UUID)
	}
}

func TestStatementsReadByIndex(t *testing.T) {
	t.Parallel()
	storetest.ReadsByIndex(t, map[string]string{"measured": event.MeasuredQuery, "bands": event.BandsQuery, "block": event.BlockQuery,
		"kept": event.KeptQuery})
}
