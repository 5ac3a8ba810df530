package storetest

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/server/store"
)

// ReadsByIndex checks that the plans of named queries read no whole table.
func ReadsByIndex(t testing.TB, s *store.Store, queries map[string]string) {
	t.Helper()
	for name, query := range queries {
		args := make([]any, strings.Count(query, "$"))
		if err := s.View(t.Context(), func(tx *store.Tx) error {
			rows, err := tx.Query(t.Context(), "explain query plan "+query, args...)
			steps, err := store.Collect(rows, err, func(rows *sql.Rows) (step string, err error) {
				var a, b, c int
				err = rows.Scan(&a, &b, &c, &step)
				return step, err
			})
			for _, step := range steps {
				if strings.HasPrefix(step, "SCAN") {
					t.Errorf("%s: a whole table is read: %s", name, step)
				}
			}
			if len(steps) == 0 {
				t.Errorf("%s: no plan", name)
			}
			return err
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
