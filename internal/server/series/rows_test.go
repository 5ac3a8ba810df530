package series_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestSeriesAreFoundByBenchmarkHoweverManyTheTestbedHas(t *testing.T) {
	t.Parallel()
	s, _ := storetest.OpenSQLite(t) // its planner is the one that would be led astray
	query := series.FindSeriesQuery(store.Places(1, 500), 501)
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), "explain query plan "+query, make([]any, 501)...)
		steps, err := store.Collect(rows, err, func(rows *sql.Rows) (step string, err error) {
			var a, b, c int
			err = rows.Scan(&a, &b, &c, &step)
			return step, err
		})
		if len(steps) == 0 || !strings.Contains(steps[0], "(benchmark_id=?)") {
			t.Errorf("the plan is %q, want a search by benchmark", steps)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
