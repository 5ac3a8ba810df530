package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"

	"golang.org/x/mod/semver"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What differs between databases stands in this file: how one is opened, what a violated constraint looks like.

type poolKind int

const (
	writerPool poolKind = iota
	readerPool
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

func openSQLite(ctx context.Context, path, vfs string, kind poolKind) (*sql.DB, error) {
	q := url.Values{}
	for _, p := range pragmas {
		q.Add("_pragma", p.name+"("+p.value+")")
	}
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	if kind == writerPool {
		q.Set("_txlock", "immediate")
	} else {
		q.Add("_pragma", "query_only(1)")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
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

// isDuplicate reports whether err is a violated unique constraint.
func isDuplicate(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// isReferenced reports whether err is a violated foreign key: the row is still named by others, or names one that is not there.
func isReferenced(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}
