package store_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// columns of a database: table.column → its type in SQLite's words, and whether it may be null.
func columns(t *testing.T, cfg store.Config, query string, typeOf map[string]string) map[string]string {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := map[string]string{}
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), query)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
			var table, column, kind string
			var required bool
			err := rows.Scan(&table, &column, &kind, &required)
			if word, ok := typeOf[strings.ToLower(kind)]; ok {
				kind = word
			}
			if required {
				kind += " not null"
			}
			out[table+"."+column] = kind
			return struct{}{}, err
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBothDatabasesHaveTheSameTablesAndColumns(t *testing.T) {
	t.Parallel()
	one := columns(t, store.Config{Path: filepath.Join(t.TempDir(), "tacho.db")},
		`select m.name, c.name, c.type, c."notnull" or c.pk > 0 from sqlite_schema m join pragma_table_info(m.name) c
		where m.type = 'table' and m.name not like 'sqlite_%' and m.name not like 'goose_%'`,
		map[string]string{"integer": "number", "text": "text", "real": "real", "blob": "bytes"})
	other := columns(t, store.Config{URL: testdb.URL(t, t.Name())},
		`select table_name::text, column_name::text, data_type::text, is_nullable = 'NO'
		from information_schema.columns where table_schema = 'public' and table_name not like 'goose\_%'`,
		map[string]string{"bigint": "number", "boolean": "number", "text": "text", "double precision": "real", "bytea": "bytes"})
	if len(one) < 100 {
		t.Errorf("only %d columns were found", len(one))
	}
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("the databases differ (-SQLite +PostgreSQL):\n%s", diff)
	}
}

func TestBothDatabasesHaveTheSameSchemaNumber(t *testing.T) {
	t.Parallel()
	var numbers []int64
	for _, cfg := range []store.Config{{Path: filepath.Join(t.TempDir(), "tacho.db")}, {URL: testdb.URL(t, t.Name())}} {
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		n, err := s.Schema(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	if numbers[0] != numbers[1] {
		t.Errorf("SQLite's newest schema is %d and PostgreSQL's %d", numbers[0], numbers[1])
	}
}
