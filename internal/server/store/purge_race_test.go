package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// TestTwoThatPurgeAProjectTakeTurns: a step that finds nothing left goes to the next table, and what the other has in hand is not left.
func TestTwoThatPurgeAProjectTakeTurns(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		g := storetest.NewGround(t, s, 1, 1)
		_, head := g.Branch("main")
		g.Tx(func(tx *store.Tx) error {
			g.Report(tx, head, "", tx.Now(), g.SeriesIDs(tx), [][]float64{{1}, {2}, {3}, {4}})
			_, err := tx.Exec(t.Context(), `update project set deleted = 1`)
			return err
		})
		step := func(ctx context.Context) error {
			return s.Tx(ctx, func(tx *store.Tx) error {
				_, err := tx.PurgeDeleted(ctx, tx.Now().Add(time.Hour), 2)
				return err
			})
		}
		left := func(table string) (n int) {
			g.Tx(func(tx *store.Tx) error { return tx.QueryRow(t.Context(), `select count(*) from `+table).Scan(&n) })
			return n
		}
		for left("project") > 0 {
			before := left("metric")
			if of1, of2 := race.Run(1, step, step); of1 != nil || of2 != nil {
				t.Fatalf("the first: %v; the second: %v", of1, of2)
			}
			if now := left("metric"); before > 0 && now != max(before-4, 0) {
				t.Errorf("%d metrics of %d are left after two steps of 2", now, before)
			}
		}
		for _, table := range []string{"metric", "metric_part", "report", "series"} {
			if n := left(table); n != 0 {
				t.Errorf("%d rows of %s are left of a project that is gone", n, table)
			}
		}
	})
}
