package report_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestEventsSayWhatBecameOfAReport(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.guard(0.5)
	first, slow, quick, failed := b.pending(jsonSettings), b.pending(jsonSettings), b.pending(jsonSettings), b.pending(jsonSettings)
	storetest.WantEvents(t, b.store) // that it waits is no news
	if err := b.finish(first, ten); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, b.store, "report.closed pending processed")
	if err := b.finish(slow, twenty, twenty); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, b.store, "report.closed pending processed", "alert.raised") // one for both alerts
	if err := b.finish(quick, ten); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, b.store, "report.closed pending processed") // those of others are not its own
	fail := func(*store.Tx) error { return errors.New("boom") }
	if err := b.judge.FinishReport(t.Context(), failed.ID, job.Delivery{Inputs: []string{ten}, End: b.now}, fail); err == nil {
		t.Error("it should have failed")
	}
	storetest.WantEvents(t, b.store) // rolled back
	b.tx(func(tx *store.Tx) error {
		return b.judge.FailReport(t.Context(), tx, failed.ID, "the runner was lost")
	})
	storetest.WantEvents(t, b.store, "report.closed pending failed")
	b.tx(func(tx *store.Tx) error { return b.judge.ReopenReport(t.Context(), tx, failed.ID) })
	storetest.WantEvents(t, b.store, "report.reopened failed pending")
	storetest.Refused(t, b.store, fault.Conflict, func(tx *store.Tx) error {
		return b.judge.FailReport(t.Context(), tx, first.ID, "late")
	})
	storetest.WantEvents(t, b.store)
}

func TestAReportInSlicesIsToldOfWhenAllOfItIsThere(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.guard(0.1)
	if err := b.finish(b.pending(jsonSettings), many(5, false)); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, b.store, "report.closed pending processed")
	killed := errors.New("killed")
	for at := 1; at < 50; at++ {
		r := b.pending(jsonSettings)
		slices := 0
		b.judge.Slices(2, func() error {
			if slices++; slices == at {
				return killed
			}
			return nil
		})
		err := b.finish(r, many(5, true))
		if got, _ := b.stored(r); got.Status == "processed" { // the last slice is the one that counts
			storetest.WantEvents(t, b.store, "report.closed pending processed", "alert.raised")
			if at < 5 {
				t.Errorf("it was whole after %d slices (%v)", at, err)
			}
			return
		}
		storetest.WantEvents(t, b.store)
	}
	t.Error("it never became whole")
}

func TestOneOfTwoThatCloseAReportTellsOfIt(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		b := openJudged(t, race.Open)
		r := b.pending(jsonSettings)
		finish := func(ctx context.Context) error {
			return b.judge.FinishReport(ctx, r.ID, job.Delivery{Inputs: []string{many(1, false)}, End: b.now}, nil)
		}
		fail := func(ctx context.Context) error {
			return b.store.Tx(ctx, func(tx *store.Tx) error { return b.judge.FailReport(ctx, tx, r.ID, "boom") })
		}
		if of1, of2 := race.Run(1, finish, fail); of1 != nil || !fault.Is(of2, fault.Conflict) {
			t.Errorf("results: %v; fail: %v, want a Conflict", of1, of2)
		}
		storetest.WantEvents(t, b.store, "report.closed pending processed")
	})
}
