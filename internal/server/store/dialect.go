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

	"github.com/tachograph/tacho/internal/core/fault"
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

// explain puts what the database says of its disk and its file into words that a person may read; other errors stay as they are. damaged
// says that the file's own structure is broken, which no later try mends.
func explain(err error) (explained error, damaged bool) {
	e, ok := errors.AsType[*sqlite.Error](err)
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
		explained, _ := explain(err)
		return explained
	}
	if verdict != "ok" {
		return fault.Wrap(fault.Unavailable, errors.New(verdict), "the database is damaged; restore it from a backup")
	}
	return nil
}

// touch writes to the database without changing what is in it.
func (tx *Tx) touch(ctx context.Context) error {
	_, err := tx.Exec(ctx, `pragma user_version = 0`) // nothing else uses that field; its page is written although it is as before
	return err
}

// IsDuplicate reports whether err is a violated unique constraint.
func IsDuplicate(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// IsReferenced reports whether err is a violated foreign key: the row is still named by others, or names one that is not there.
func IsReferenced(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}
