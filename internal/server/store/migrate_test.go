package store

import (
	"database/sql"
	"io/fs"
	"testing"

	"github.com/pressly/goose/v3"
)

// MigratePostgres brings a PostgreSQL database to the newest of files, which lie in migration/postgres.
func MigratePostgres(t *testing.T, address string, files fs.FS) error {
	t.Helper()
	cfg, err := parsePostgres(address)
	if err != nil {
		t.Fatal(err)
	}
	db, err := openPostgres(t.Context(), cfg, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return migrate(t.Context(), db, postgres{}, files)
}

// DownAndUp makes of the store one of an older version, and brings it up to date.
func DownAndUp(t *testing.T, s *Store, version int64) {
	t.Helper()
	DownThen(t, s, version, func(*sql.DB) {})
}

// DownThen is DownAndUp with something done to the older store.
func DownThen(t *testing.T, s *Store, version int64, change func(older *sql.DB)) {
	t.Helper()
	folder, err := fs.Sub(migrations, "migration/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer, folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	change(s.writer)
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}
