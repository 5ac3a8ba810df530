package store

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

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

// TestEachMigrationIsOneTransaction: a step that is killed leaves nothing.
func TestEachMigrationIsOneTransaction(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"sqlite", "postgres"} {
		files, err := fs.Glob(migrations, "migration/"+folder+"/*.sql")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files (%v)", folder, len(files), err)
		}
		for _, file := range files {
			text, err := fs.ReadFile(migrations, file)
			if err != nil || strings.Contains(strings.ToLower(string(text)), "no transaction") {
				t.Errorf("%s runs without a transaction (%v)", file, err)
			}
		}
	}
}

// TestASQLiteMigrationThatBreaksOffIsMadeAgain: the step that broke off leaves nothing, those before it stay.
func TestASQLiteMigrationThatBreaksOffIsMadeAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tacho.db")
	up := func(second string) (tables []string, err error) {
		t.Helper()
		db, err := openSQLiteFile(t.Context(), path, "", writerPool)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		err = migrate(t.Context(), db, sqlite{}, fstest.MapFS{
			"migration/sqlite/0001_one.sql": {Data: []byte("-- +goose Up\ncreate table one (id integer);\n")},
			"migration/sqlite/0002_two.sql": {Data: []byte("-- +goose Up\ncreate table two (id integer);\n" + second)},
		})
		rows, listed := db.QueryContext(t.Context(), `select name from sqlite_schema where name in ('one', 'two') order by name`)
		if tables, listed = Collect(rows, listed, ScanText); listed != nil {
			t.Fatal(listed)
		}
		return tables, err
	}
	if tables, err := up("insert into nowhere values (1);\n"); err == nil || !slices.Equal(tables, []string{"one"}) {
		t.Errorf("broken off: tables %v, %v", tables, err)
	}
	if tables, err := up("insert into one values (1);\n"); err != nil || !slices.Equal(tables, []string{"one", "two"}) {
		t.Errorf("once more: tables %v, %v", tables, err)
	}
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
