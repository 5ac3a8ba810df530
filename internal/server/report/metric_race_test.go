package report_test

import (
	"database/sql"
	"testing"

	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// TestMetricsOfTwoProjectsGetTheirOwnIDs when they are written at once: nothing that they lock is the same.
func TestMetricsOfTwoProjectsGetTheirOwnIDs(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		write := func() func(*store.Tx) error {
			g := storetest.NewGround(t, s, 2, 1)
			_, head := g.Branch("main")
			return func(tx *store.Tx) error {
				g.Report(tx, head, "", tx.Now(), g.SeriesIDs(tx), [][]float64{{1, 2}})
				return nil
			}
		}
		race.Tx(write(), write())
		var metrics, ids int
		storetest.Do(t, s, func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `select count(*), count(distinct id) from metric`).Scan(&metrics, &ids)
		})
		if metrics != 4 || ids != 4 {
			t.Errorf("%d metrics with %d ids, want 4 with 4", metrics, ids)
		}
		var found map[int64]report.Metric
		storetest.Do(t, s, func(tx *store.Tx) error {
			rows, err := tx.Query(t.Context(), `select id from metric`)
			all, err := store.Collect(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
			if err == nil {
				found, err = report.MetricsByID(t.Context(), tx, all)
			}
			return err
		})
		if len(found) != 4 {
			t.Errorf("%d metrics are found by their ids, want 4", len(found))
		}
	})
}
