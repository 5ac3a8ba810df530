package storetest

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/server/store"
)

// ReadsByIndex checks that the plans of named queries read no whole table, in a database with nothing in it. It asks SQLite on every run:
// PostgreSQL plans by what is in the tables, and reads a small one whole whatever indexes it has.
func ReadsByIndex(t testing.TB, queries map[string]string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "plan.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
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
