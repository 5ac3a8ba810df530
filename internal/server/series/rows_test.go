package series_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// firstStep is the first step of SQLite's plan for a query with n arguments: its planner is the one that would be led astray.
func firstStep(t *testing.T, query string, n int) (first string) {
	t.Helper()
	s, _ := storetest.OpenSQLite(t)
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), "explain query plan "+query, make([]any, n)...)
		steps, err := store.Collect(rows, err, func(rows *sql.Rows) (step string, err error) {
			var a, b, c int
			err = rows.Scan(&a, &b, &c, &step)
			return step, err
		})
		if len(steps) > 0 {
			first = steps[0]
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	return first
}

func TestSeriesAreFoundByBenchmarkHoweverManyTheTestbedHas(t *testing.T) {
	t.Parallel()
	if step := firstStep(t, series.FindSeriesQuery(store.Places(1, 500), 501), 501); !strings.Contains(step, "(benchmark_id=?)") {
		t.Errorf("the plan begins with %q, want a search by benchmark", step)
	}
}

func TestAVersionIsFoundByItsCommitHoweverManyTheHeadHas(t *testing.T) {
	t.Parallel()
	if step := firstStep(t, series.ByHashQuery, 3); !strings.Contains(step, "(project_id=? AND hash=?)") {
		t.Errorf("the plan begins with %q, want a search by commit", step)
	}
}
