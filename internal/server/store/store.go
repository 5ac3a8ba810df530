// Package store is the database: it opens it, runs transactions and keeps its schema. The statements stand in the rooms of their nouns,
// beside the scan that reads them, as functions of *Tx.
//
// It is one concrete type. SQLite in WAL mode is what stands today; the SQL is written so that the same text runs on PostgreSQL
// ($1 placeholders, no dialect words outside dialect.go, DDL in one folder per dialect). A SQLite file in a temporary folder is what
// tests use; there is no fake.
//
// Use: View for reads, Tx for anything that writes. Both hand out a *Tx, which runs statements. It carries one time, Now, for all rows
// that it writes. Times are microseconds in the database and time.Time outside.
//
// # What is on the disk
//
// When Tx or View returns nil, everything that its function wrote or read survives a power cut. This is what synchronous=full gives, at a
// price that concurrent writers share.
//
// SQLite's own way would be to flush its write-ahead log inside of COMMIT, once for each transaction, while all other writers wait. The
// store commits with synchronous=normal instead, which only writes to the log, lets the next writer in, and then waits for a flush of the
// log that began after its COMMIT (durable.go). Writers that arrive during one flush share the next. That is sound because, with
// synchronous=normal, SQLite flushes the log before it copies pages from it into the database file, flushes that file before it writes
// over the log, and recovers a log up to the last commit whose checksums hold: a flush of the log at any moment keeps all commits before
// it. What differs from synchronous=full is that a commit can be read before it is flushed. Hence the reader waits too: nothing leaves the
// store that could be gone after a power cut. A reader waits only while a commit is on its way to the disk.
//
// The other way to share a flush, the functions of several callers as savepoints of one transaction, was not taken: a caller that gives up,
// or a function whose error ends the transaction, would take the others with it, and a small write would wait for the large one after it.
//
// After a flush has failed nothing is answered until the database is opened anew: the operating system does not try again to write what it
// could not write once, so that a second flush would succeed without reason.
//
// The store knows nothing of who may do what (core/access), of what a transition means (core/job) or of HTTP. Not-found, duplicates and
// references are returned as faults whose sentence names the thing.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/tachograph/tacho/internal/core/fault"
)

//go:embed migration/sqlite/*.sql
var migrations embed.FS

// Config says where the database is.
type Config struct {
	Path string           // SQLite file; its folder is made
	Now  func() time.Time // clock of Tx.Now; nil: time.Now
	Disk Disk             // for tests that cut the power; nil: the operating system's

	// CheckBytes is how large a database may be that is checked for damage at every Open. One that was not closed, because the process was
	// killed or the machine stopped, is checked whatever its size. 0: none is checked.
	CheckBytes int64
}

// Disk is what lies between the database and the platter.
type Disk interface {
	VFS() string            // name of a registered SQLite VFS
	Flush(log string) error // takes the place of flushing the log's file
}

// Store is an open database. It is safe for concurrent use: many readers, one writer at a time.
type Store struct {
	writer *sql.DB // one connection, begins immediate: writers queue here instead of failing with "busy"
	reader *sql.DB
	now    func() time.Time
	begun  atomic.Int64

	durable *durability
	path    string
	file    fs.FileInfo // the database's, as it was opened
	damaged atomic.Bool // a statement has found the file's structure broken
}

// Open opens or makes the database, checks that its settings took hold and brings the schema up to date.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		return nil, fmt.Errorf("make database folder: %w", err)
	}
	check, err := wantsCheck(cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{now: cfg.Now, path: cfg.Path, durable: newDurability(cfg.Path)}
	if err := s.open(ctx, cfg, check); err != nil {
		explained, _ := explain(err)
		return nil, errors.Join(explained, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, cfg Config, check bool) (err error) {
	if err := protect(cfg.Path); err != nil {
		return err
	}
	vfs := ""
	if cfg.Disk != nil {
		vfs, s.durable.flush = cfg.Disk.VFS(), cfg.Disk.Flush
	}
	if s.writer, err = openSQLite(ctx, cfg.Path, vfs, writerPool); err != nil {
		return err
	}
	if check {
		if err := quickCheck(ctx, s.writer); err != nil {
			return err
		}
	}
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	if s.file, err = os.Stat(cfg.Path); err != nil {
		return err
	}
	s.reader, err = openSQLite(ctx, cfg.Path, vfs, readerPool)
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

func migrate(ctx context.Context, db *sql.DB) error {
	folder, err := fs.Sub(migrations, "migration/sqlite")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, folder)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if current > newest {
		return fault.Conflictf("the database has schema %d and this tacho knows schemas up to %d; start the newer tacho that wrote it, "+
			"or restore a backup from before", current, newest)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	return nil
}

// Close closes the database after the running transactions.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Ping reports whether the database can be read and written; it is the readiness check. It writes, because a full disk is readable.
func (s *Store) Ping(ctx context.Context) error {
	if s.damaged.Load() {
		return fault.New(fault.Unavailable, "the database is damaged; restore it from a backup")
	}
	if now, err := os.Stat(s.path); err != nil || !os.SameFile(s.file, now) {
		return fault.Wrap(fault.Unavailable, err, "the database's file was removed or replaced; stop the server and put it back")
	}
	return s.Tx(ctx, func(tx *Tx) error { return tx.touch(ctx) })
}

// Transactions is how many transactions and views were begun since Open.
func (s *Store) Transactions() int64 { return s.begun.Load() }

// querier is what both *sql.Tx and *sql.DB can do.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// Tx is a running transaction. It must not be used by two goroutines, nor after its function has returned.
type Tx struct {
	q   querier
	now time.Time
}

// Exec, Query, QueryRow and Prepare run a statement of a noun's room in the transaction.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return tx.q.ExecContext(ctx, query, args...)
}

// Query is described at Exec.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.q.QueryContext(ctx, query, args...)
}

// QueryRow is described at Exec.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.q.QueryRowContext(ctx, query, args...)
}

// Prepare is described at Exec.
func (tx *Tx) Prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	return tx.q.PrepareContext(ctx, query)
}

// Now returns the transaction's time, in UTC and microseconds: all rows that it writes carry the same.
func (tx *Tx) Now() time.Time { return tx.now }

// Tx runs f in a transaction that may write. It commits if f returns nil and rolls back otherwise, also when f panics. When it returns
// nil, what f wrote and read is on the disk. Writers run one at a time: keep f short, and do no I/O in it.
func (s *Store) Tx(ctx context.Context, f func(*Tx) error) error {
	if err := s.durable.check(); err != nil {
		return err
	}
	commit, err := s.run(ctx, s.writer, f)
	if commit == 0 {
		return cmp.Or(s.durable.seen(ctx), s.explain(err))
	}
	return cmp.Or(s.durable.keep(commit), s.explain(err))
}

func (s *Store) explain(err error) error {
	explained, damaged := explain(err)
	if damaged {
		s.damaged.Store(true)
	}
	return explained
}

// View runs f on a consistent snapshot; writes in it fail. What f has seen is on the disk when View returns nil.
func (s *Store) View(ctx context.Context, f func(*Tx) error) error {
	_, err := s.run(ctx, s.reader, f)
	return cmp.Or(s.durable.seen(ctx), s.explain(err))
}

// run returns the number of the commit, which is 0 if nothing was written.
func (s *Store) run(ctx context.Context, db *sql.DB, f func(*Tx) error) (commit uint64, err error) {
	s.begun.Add(1)
	begun, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("begin transaction: %w", err)
	}
	done := false
	defer func() {
		if !done {
			err = errors.Join(err, rollback(begun))
		}
	}()
	q := &noting{querier: begun}
	if err := f(&Tx{q: q, now: s.now().UTC().Truncate(time.Microsecond)}); err != nil {
		return 0, err
	}
	done = true
	if q.wrote && db == s.writer {
		commit = s.durable.number()
	}
	if err := begun.Commit(); err != nil {
		return commit, fmt.Errorf("commit transaction: %w", err)
	}
	return commit, nil
}

// noting notes whether a transaction may have written: one that has not needs no flush. A query that does not begin with "select" counts
// as a writer, because "insert … returning" is a query.
type noting struct {
	querier
	wrote bool
}

func (n *noting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	n.wrote = true
	return n.querier.ExecContext(ctx, query, args...)
}

func (n *noting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	n.wrote = n.wrote || !onlyReads(query)
	return n.querier.QueryContext(ctx, query, args...)
}

func (n *noting) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	n.wrote = n.wrote || !onlyReads(query)
	return n.querier.QueryRowContext(ctx, query, args...)
}

func (n *noting) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	n.wrote = n.wrote || !onlyReads(query)
	return n.querier.PrepareContext(ctx, query)
}

func onlyReads(query string) bool { return strings.HasPrefix(strings.TrimSpace(query), "select") }

func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}
