package report_test

import (
	"context"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// TestTwoReportsAtOnceMakeTheirLinesOnce: benchmarks, measures and series of one project, and ids of metrics.
func TestTwoReportsAtOnceMakeTheirLinesOnce(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		b := openJudged(t, race.Open)
		total := 0
		for n, meet := range []struct{ slice, commit int }{{1000, 1}, {2, 1}, {2, 2}, {2, 3}, {2, 4}, {2, 5}} {
			b.judge.Slices(meet.slice, nil)
			finish := func(r report.Report) func(context.Context) error {
				return func(ctx context.Context) error {
					return b.judge.FinishReport(ctx, r.ID, job.Delivery{Inputs: []string{many(3*(n+1), false)}, End: b.now}, nil)
				}
			}
			r1, r2 := b.pending(jsonSettings), b.pending(jsonSettings)
			if of1, of2 := race.Run(meet.commit, finish(r1), finish(r2)); of1 != nil || of2 != nil {
				t.Fatalf("slices of %d, met at commit %d: the first: %v; the second: %v", meet.slice, meet.commit, of1, of2)
			}
			total += 2 * 2 * 3 * (n + 1)
		}
		var metrics, lines int
		b.tx(func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `select (select count(*) from metric), (select count(*) from series)`).Scan(&metrics, &lines)
		})
		if metrics != total || lines != 2*3*6 {
			t.Errorf("%d metrics on %d lines, want %d on %d", metrics, lines, total, 2*3*6)
		}
	})
}

func TestTwoThatClearAReportTakeTurns(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		b := openJudged(t, race.Open)
		r := b.pending(jsonSettings)
		if err := b.finish(r, many(5, false)); err != nil {
			t.Fatal(err)
		}
		b.judge.Slices(3, nil)
		clear := func(ctx context.Context) error { return b.judge.Clear(ctx, r.Seq) }
		if of1, of2 := race.Run(1, clear, clear); of1 != nil || of2 != nil {
			t.Errorf("the first: %v; the second: %v", of1, of2)
		}
		var left int
		b.tx(func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `select (select count(*) from metric) + (select count(*) from metric_part)`).Scan(&left)
		})
		if left != 0 {
			t.Errorf("%d rows are left", left)
		}
	})
}

// TestAReportThatFailedMeanwhileTakesNoResults, and one that has them does not fail any more.
func TestAReportThatFailedMeanwhileTakesNoResults(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		b := openJudged(t, race.Open)
		finish := func(r report.Report) func(context.Context) error {
			return func(ctx context.Context) error {
				return b.judge.FinishReport(ctx, r.ID, job.Delivery{Inputs: []string{many(1, false)}, End: b.now}, nil)
			}
		}
		fail := func(r report.Report) func(context.Context) error {
			return func(ctx context.Context) error {
				return b.store.Tx(ctx, func(tx *store.Tx) error { return b.judge.FailReport(ctx, tx, r.ID, "boom") })
			}
		}
		r := b.pending(jsonSettings)
		if of1, of2 := race.Run(1, fail(r), finish(r)); of1 != nil || !fault.Is(of2, fault.Conflict) {
			t.Errorf("fail: %v; results: %v, want a Conflict", of1, of2)
		}
		r = b.pending(jsonSettings)
		if of1, of2 := race.Run(1, finish(r), fail(r)); of1 != nil || !fault.Is(of2, fault.Conflict) {
			t.Errorf("results: %v; fail: %v, want a Conflict", of1, of2)
		}
	})
}
