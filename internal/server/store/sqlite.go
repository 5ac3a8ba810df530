package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/pressly/goose/v3"
	"golang.org/x/mod/semver"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tachograph/tacho/internal/core/fault"
)

// sqlite is the database in a file of the data folder.
type sqlite struct{}

func (sqlite) goose() (goose.Dialect, string) { return goose.DialectSQLite3, "migration/sqlite" }

// exclusive runs f alone: the pool of writers has one connection, and the file's own lock keeps other processes out.
func (sqlite) exclusive(_ context.Context, _ *sql.DB, f func() error) error { return f() }

// options matter where one pool is for both: a view does not wait for a writer. Else where a connection is opened decides what it may do.
func (sqlite) options(write bool) *sql.TxOptions { return &sql.TxOptions{ReadOnly: !write} }

// lock has nothing to do: there is one writer at a time.
func (sqlite) lock(context.Context, querier, string) error { return nil }

// hold and release are never called: nobody else has the file open.
func (sqlite) hold(context.Context, *sql.Conn, string) error { return nil }

func (sqlite) release(context.Context, *sql.Conn, string) error { return nil }

func (sqlite) notify(context.Context, querier, string, string) error { return nil } // nobody else has the file open

func (sqlite) forUpdate(string) string { return "" }

func (sqlite) arguments(args []any) []any { return args }

// draw has no sequences: whoever is the one writer counts what there is.
func (sqlite) draw(context.Context, querier, string) (int64, error) { return 0, nil }

// touch writes to the database without changing what is in it.
func (sqlite) touch(ctx context.Context, q querier) error {
	_, err := q.ExecContext(ctx, `pragma user_version = 0`) // nothing else uses that field; its page is written although it is as before
	return err
}

// again is never: a transaction that has begun has the database for itself.
func (sqlite) again(error) bool { return false }

func (sqlite) lost(error) bool { return false }

func (s *Store) openSQLite(ctx context.Context, cfg Config) error {
	s.dialect, s.path, s.durable = sqlite{}, cfg.Path, newDurability(cfg.Path)
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		return fmt.Errorf("make database folder: %w", err)
	}
	check, err := wantsCheck(cfg)
	if err != nil {
		return err
	}
	if err := protect(cfg.Path); err != nil {
		return err
	}
	vfs := ""
	if cfg.Disk != nil {
		vfs, s.durable.flush = cfg.Disk.VFS(), cfg.Disk.Flush
	}
	kind := writerPool
	if cfg.OnePool {
		kind = onePool
	}
	if s.writer, err = openSQLiteFile(ctx, cfg.Path, vfs, kind); err != nil {
		return err
	}
	if check {
		if err := quickCheck(ctx, s.writer); err != nil {
			return err
		}
	}
	if err := migrate(ctx, s.writer, s.dialect, migrations); err != nil {
		return err
	}
	if s.file, err = os.Stat(cfg.Path); err != nil {
		return err
	}
	if cfg.OnePool {
		s.reader = s.writer
		return nil
	}
	s.reader, err = openSQLiteFile(ctx, cfg.Path, vfs, readerPool)
	return err
}

// wantsCheck says whether the database is to be checked. A log with something in it is what a process leaves that did not close it.
func wantsCheck(cfg Config) (bool, error) {
	if cfg.CheckBytes == 0 {
		return false, nil
	}
	sizes := map[string]int64{}
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(cfg.Path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		sizes[suffix] = info.Size()
	}
	return sizes[""] > 0 && (sizes["-wal"] > 0 || sizes[""] <= cfg.CheckBytes), nil
}

type poolKind int

const (
	writerPool poolKind = iota
	readerPool
	onePool // for both; a view may run beside a writer, on a connection of its own
)

// oldestSQLite has the fix of a race between checkpoint and writer that lost data in WAL mode up to 3.51.2.
const oldestSQLite = "v3.51.3"

// pragmas are set on each connection and read back once: a misspelt one is silently ignored by the driver.
var pragmas = []struct{ name, value, want string }{
	{"journal_mode", "wal", "wal"},
	{"synchronous", "normal", "1"}, // COMMIT does not flush: durable.go does, for several commits at once
	{"foreign_keys", "1", "1"},
	{"busy_timeout", "10000", "10000"}, // milliseconds; only another process on the same file can make us wait
	{"cache_size", "-65536", "-65536"}, // KiB
	{"temp_store", "memory", "2"},
}

func openSQLiteFile(ctx context.Context, path, vfs string, kind poolKind) (*sql.DB, error) {
	q := url.Values{}
	for _, p := range pragmas {
		q.Add("_pragma", p.name+"("+p.value+")")
	}
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	if kind == readerPool {
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Set("_txlock", "immediate")
	}
	connector, err := driver.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db := sql.OpenDB(keeping{connector})
	if kind == writerPool {
		db.SetMaxOpenConns(1)
	} else {
		db.SetMaxOpenConns(max(4, 2*runtime.GOMAXPROCS(0)))
		db.SetMaxIdleConns(max(4, 2*runtime.GOMAXPROCS(0)))
	}
	if err := checkSQLite(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func checkSQLite(ctx context.Context, db *sql.DB) error {
	var version string
	if err := db.QueryRowContext(ctx, `select sqlite_version()`).Scan(&version); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if semver.Compare("v"+version, oldestSQLite) < 0 {
		return fmt.Errorf("open database: SQLite %s can lose data in WAL mode, %s or newer is needed", version, oldestSQLite)
	}
	for _, p := range pragmas {
		var got string
		if err := db.QueryRowContext(ctx, "pragma "+p.name).Scan(&got); err != nil {
			return fmt.Errorf("open database: read pragma %s: %w", p.name, err)
		}
		if got != p.want {
			return fmt.Errorf("open database: pragma %s is %s, not %s", p.name, got, p.want)
		}
	}
	return nil
}

func (sqlite) explain(err error) (explained error, damaged bool) {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err, false
	}
	say := func(sentence string) error { return fault.Wrap(fault.Unavailable, err, "%s", sentence) }
	switch e.Code() & 0xff { // the primary code; the rest says where it happened
	case sqlite3.SQLITE_FULL:
		return say("the disk of the data folder is full; free space and try again"), false
	case sqlite3.SQLITE_IOERR:
		return say("the disk of the data folder cannot be read or written; look at the system's log, then try again"), false
	case sqlite3.SQLITE_READONLY:
		return say("the database cannot be written; its file and its folder must be writable for the user that runs tacho"), false
	case sqlite3.SQLITE_CANTOPEN:
		return say("the database cannot be opened; its file and its folder must be there, and writable for the user that runs tacho"), false
	case sqlite3.SQLITE_NOTADB:
		return say("the file of the database is not a database; move it away to begin anew, or restore it from a backup"), true
	case sqlite3.SQLITE_CORRUPT:
		return say("the database is damaged; restore it from a backup"), true
	}
	return err, false
}

// quickCheck reads the whole database and finds what does not fit together in it, but for the content of its indexes.
func quickCheck(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, `pragma quick_check(1)`).Scan(&verdict); err != nil {
		explained, _ := sqlite{}.explain(err)
		return explained
	}
	if verdict != "ok" {
		return fault.Wrap(fault.Unavailable, errors.New(verdict), "the database is damaged; restore it from a backup")
	}
	return nil
}

func sqliteCode(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code()
	}
	return 0
}

func sqliteDuplicate(err error) bool {
	code := sqliteCode(err)
	return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

func sqliteReferenced(err error) bool { return sqliteCode(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY }
