// Package store is the database: it opens it, runs transactions and keeps its schema. The statements stand in the rooms of their nouns,
// beside the scan that reads them, as functions of *Tx.
//
// It is one concrete type over two databases: SQLite in WAL mode for one server, PostgreSQL for several. The same text of SQL runs on both
// ($1 placeholders, no words of one of them outside of sqlite*.go and postgres*.go); the schemas stand in a folder each, with the same
// numbers. Tests run on real ones (storetest); there is no fake.
//
// Use: View for reads, Tx for anything that writes. Both hand out a *Tx, which runs statements. It carries one time, Now, for all rows
// that it writes. Times are microseconds in the database and time.Time outside.
//
// # Who is in whose way
//
// A View is one snapshot of the whole database, on both.
//
// In SQLite there is one writer at a time. In PostgreSQL there are many, at the level "read committed": each statement sees what others
// have committed before it began, and an update waits for others of the same row. So a function that reads, decides and then writes must
// say by name what nobody else may do meanwhile: Tx.Lock waits until the name is free and keeps it until the end of the transaction. What
// stands in a project is changed under the project's name, so that its version numbers, slugs, series, thresholds and uploads follow each
// other as with one writer, while other projects go on. Rows that change in their own life, such as a job, are read with Tx.ForUpdate.
//
// The level "serializable" was not taken. It would need no names; but PostgreSQL then remembers what a transaction has read, whole tables
// where they are small, and ends one of two that read what the other wrote. Claims of jobs, which all read the head of the same queue,
// would be repeated most of the time, and a bounded number of repetitions is no promise. A name makes them wait instead, in order. What it
// costs is that a name can be forgotten.
//
// The names stand in lock.go. Each room has a test with two writers for what it reads before it writes (storetest.Race).
//
// A transaction that could not be finished because of others (a deadlock, a serialization failure) or because the connection broke before
// COMMIT is run again, a few times. So its function must be fit to run twice: what it hands out is set, never appended to what an earlier
// run left. Config.Rehearse breaks each off before it runs, so that tests find those that are not. When the connection breaks in COMMIT no
// one knows whether it happened; that is an error, and the caller's idempotency key finds out.
//
// # What is on the disk
//
// PostgreSQL's COMMIT returns when its write-ahead log is on the disk, and nobody sees a commit before. For SQLite the store does that.
// When Tx or View returns nil, everything that its function wrote or read survives a power cut. This is what synchronous=full gives, at
// a price that concurrent writers share.
//
// SQLite's own way would be to flush its write-ahead log inside of COMMIT, once for each transaction, while all other writers wait. The
// store commits with synchronous=normal instead, which only writes to the log, lets the next writer in, and then waits for a flush of the
// log that began after its COMMIT (sqlite_durable.go). Writers that arrive during one flush share the next. That is sound because, with
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
// Move brings the rows of a SQLite database to a PostgreSQL one, for `tacho server move`.
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
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

//go:embed migration/sqlite/*.sql migration/postgres/*.sql
var migrations embed.FS

// Config says where the database is.
type Config struct {
	Path string           // SQLite file; its folder is made
	URL  string           // postgres://…; Path, Disk and CheckBytes mean nothing then
	Now  func() time.Time // clock of Tx.Now; nil: time.Now
	Disk Disk             // for tests that cut the power; nil: the operating system's

	// CheckBytes is how large a database may be that is checked for damage at every Open. One that was not closed, because the process was
	// killed or the machine stopped, is checked whatever its size. 0: none is checked.
	CheckBytes int64

	// OnePool is for a process that lives for one command: reads and writes share the connections to the SQLite file, so that it is opened
	// once, its schema is parsed once and each statement is prepared once. A server has a pool for each, so that neither waits.
	OnePool bool

	// Rehearse is for tests: each function of Tx is broken off before it runs to its end, as if others had been in the way. What cannot be
	// repeated shows.
	Rehearse Rehearsal

	// Hindrance is for tests: it is asked before each commit, and its error takes the place of the database's.
	Hindrance func(ctx context.Context) error
}

// Disk is what lies between the database and the platter.
type Disk interface {
	VFS() string            // name of a registered SQLite VFS
	Flush(log string) error // takes the place of flushing the log's file
}

// Store is an open database. It is safe for concurrent use: many readers, and one writer at a time or many, as the package comment says.
type Store struct {
	writer    *sql.DB // SQLite: one connection, begins immediate: writers queue here instead of failing with "busy"
	reader    *sql.DB
	dialect   dialect
	now       func() time.Time
	begun     atomic.Int64
	practised atomic.Int64 // rehearsals
	damaged   atomic.Bool  // a statement has found the database's structure broken

	rehearse  Rehearsal
	hindrance func(context.Context) error

	// Of SQLite alone.
	durable *durability
	path    string
	file    fs.FileInfo // the database's, as it was opened

	inside inside // of Alone

	// Of PostgreSQL alone.
	listening *listening
	holders   *sql.DB // the connections of Alone

	hearing hearing // of Announce
}

// Open opens or makes the database, checks that its settings took hold and brings the schema up to date.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Store{now: cfg.Now, rehearse: cfg.Rehearse, hindrance: cfg.Hindrance}
	open := s.openSQLite
	if cfg.URL != "" {
		open = s.openPostgres
	}
	if err := open(ctx, cfg); err != nil {
		explained, _ := s.dialect.explain(err)
		return nil, errors.Join(explained, s.Close())
	}
	return s, nil
}

// migrate brings the schema up to date, out of files that have a folder for each dialect.
func migrate(ctx context.Context, db *sql.DB, d dialect, files fs.FS) error {
	dialect, name := d.goose()
	folder, err := fs.Sub(files, name)
	if err != nil {
		return err
	}
	return d.exclusive(ctx, db, func() error {
		provider, err := goose.NewProvider(dialect, db, folder)
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
		if current == newest {
			return nil
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("bring the schema up to date: %w", err)
		}
		return nil
	})
}

// Close closes the database after the running transactions.
func (s *Store) Close() error {
	var errs []error
	if s.listening != nil {
		s.listening.close()
	}
	for _, db := range []*sql.DB{s.reader, s.writer, s.holders} {
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
	if same, err := s.Same(); !same {
		return fault.Wrap(fault.Unavailable, err, "the database's file was removed or replaced; stop the server and put it back")
	}
	return s.Tx(ctx, func(tx *Tx) error {
		tx.q.wrote = true
		return s.dialect.touch(ctx, tx.q)
	})
}

// Same reports whether the database's file is still the one that was opened; err says what is in the way of knowing.
func (s *Store) Same() (same bool, err error) {
	if s.file == nil {
		return true, nil
	}
	now, err := os.Stat(s.path)
	return err == nil && os.SameFile(s.file, now), err
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
	q       *noting
	dialect dialect
	now     time.Time
	topics  []string // that were announced
}

// Exec, Query, QueryRow and Prepare run a statement of a noun's room in the transaction.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return tx.q.ExecContext(ctx, query, tx.dialect.arguments(args)...)
}

// Query is described at Exec.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.q.QueryContext(ctx, query, tx.dialect.arguments(args)...)
}

// QueryRow is described at Exec.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.q.QueryRowContext(ctx, query, tx.dialect.arguments(args)...)
}

// Prepare is described at Exec.
func (tx *Tx) Prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	return tx.q.PrepareContext(ctx, query)
}

// Now returns the transaction's time, in UTC and microseconds: all rows that it writes carry the same.
func (tx *Tx) Now() time.Time { return tx.now }

// Draw takes a number from a sequence that the schema of a database with many writers has; 0 where there is one writer, who can count.
func (tx *Tx) Draw(ctx context.Context, sequence string) (int64, error) {
	n, err := tx.dialect.draw(ctx, tx.q.querier, sequence)
	if err != nil {
		return 0, fmt.Errorf("draw from %s: %w", sequence, err)
	}
	return n, nil
}

// Notify tells other servers on the same database something, once the transaction has committed. Nothing may depend on it to arrive. It is
// for what makes waiting shorter. This server does not hear it.
func (tx *Tx) Notify(ctx context.Context, channel, payload string) error {
	return tx.dialect.notify(ctx, tx.q.querier, channel, payload)
}

// Tx runs f in a transaction that may write. It commits if f returns nil and rolls back otherwise, also when f panics. When it returns
// nil, what f wrote and read is on the disk. f may run more than once, as the package comment says. Others wait for what it has written or
// locked: keep it short, and do no I/O in it.
func (s *Store) Tx(ctx context.Context, f func(*Tx) error) error {
	if err := s.durable.check(); err != nil {
		return err
	}
	commit, err := s.repeat(ctx, f)
	if commit == 0 {
		return cmp.Or(s.durable.seen(ctx), s.explain(err))
	}
	return cmp.Or(s.durable.keep(commit), s.explain(err))
}

// repeat runs the transaction until nobody was in its way.
func (s *Store) repeat(ctx context.Context, f func(*Tx) error) (commit uint64, err error) {
	if s.rehearse != NoRehearsal {
		if err := s.practise(ctx, f); err != nil {
			return 0, err
		}
	}
	for try := 1; ; try++ {
		commit, err = s.run(ctx, writes, f)
		if err == nil || errors.Is(err, errUnknown) || !s.dialect.again(err) {
			return commit, err
		}
		if s.dialect.lost(err) {
			s.forget()
			if s.held(ctx) != nil { // what it held is somebody else's by now
				return commit, err
			}
		}
		if try == limits.TransactionTries {
			return commit, err
		}
		if err := pause(ctx, try); err != nil {
			return commit, err
		}
	}
}

// errUnknown marks a commit of which nobody knows whether it happened.
var errUnknown = errors.New("the connection broke during the commit")

// pause lets others finish: a few milliseconds at first, longer each time, and never the same for two.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(limits.TransactionPause<<(try-1) + rand.N(limits.TransactionPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// forget drops the idle connections: when the database has gone away, all of them are broken.
func (s *Store) forget() {
	for db, n := range map[*sql.DB]int{s.writer: postgresWriters, s.reader: postgresReaders} {
		db.SetMaxIdleConns(0)
		db.SetMaxIdleConns(n)
	}
}

func (s *Store) explain(err error) error {
	explained, damaged := s.dialect.explain(err)
	if damaged {
		s.damaged.Store(true)
	}
	return explained
}

// View runs f on a consistent snapshot; writes in it fail. What f has seen is on the disk when View returns nil.
func (s *Store) View(ctx context.Context, f func(*Tx) error) error {
	_, err := s.run(ctx, reads, f)
	return cmp.Or(s.durable.seen(ctx), s.explain(err))
}

// What a transaction may do.
type purpose bool

const (
	reads  purpose = false
	writes purpose = true
)

// run returns the number of the commit, which is 0 if nothing was written.
func (s *Store) run(ctx context.Context, why purpose, f func(*Tx) error) (commit uint64, err error) {
	s.begun.Add(1)
	begun, err := s.begin(ctx, why)
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
	tx := &Tx{q: q, dialect: s.dialect, now: s.now().UTC().Truncate(time.Microsecond)}
	if err := f(tx); err != nil {
		return 0, err
	}
	if q.wrote && why == reads && s.reader == s.writer { // connections for both do not refuse it
		return 0, errors.New("a view wrote")
	}
	if s.hindrance != nil && why == writes {
		if err := s.hindrance(ctx); err != nil {
			return 0, err
		}
	}
	done = true
	if q.wrote && why == writes {
		commit = s.durable.number()
	}
	if err := begun.Commit(); err != nil {
		if why == writes && s.dialect.lost(err) {
			err = fmt.Errorf("%w: %w", errUnknown, err)
		}
		return commit, fmt.Errorf("commit transaction: %w", err)
	}
	s.hearing.tell(tx.topics)
	return commit, nil
}

// begin tries again, once, with a new connection when the idle ones are broken: nothing has begun.
func (s *Store) begin(ctx context.Context, why purpose) (*sql.Tx, error) {
	options, db := s.dialect.options(why == writes), s.reader
	if why == writes {
		db = s.writer
		if conn := s.held(ctx); conn != nil {
			return conn.BeginTx(ctx, options)
		}
	}
	begun, err := db.BeginTx(ctx, options)
	if err != nil && s.dialect.lost(err) {
		s.forget()
		begun, err = db.BeginTx(ctx, options)
	}
	return begun, err
}

// noting notes whether a transaction may have written: one that has not needs no flush. A query that does not begin with "select" counts
// as a writer, because "insert … returning" is a query.
type noting struct {
	querier
	wrote      bool
	statements int64 // that were run
	breakAt    int64 // the number of the one that fails in a rehearsal; 0: none
	unwinds    bool  // whether that one ends the function, and is not answered to it
}

func (n *noting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	n.wrote = true
	return n.querier.ExecContext(n.hinder(ctx), query, args...)
}

func (n *noting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	n.wrote = n.wrote || !onlyReads(query)
	return n.querier.QueryContext(n.hinder(ctx), query, args...)
}

func (n *noting) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	n.wrote = n.wrote || !onlyReads(query)
	return n.querier.QueryRowContext(n.hinder(ctx), query, args...)
}

func (n *noting) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	n.wrote = n.wrote || !onlyReads(query)
	return n.querier.PrepareContext(n.hinder(ctx), query)
}

func onlyReads(query string) bool { return strings.HasPrefix(strings.TrimSpace(query), "select") }

func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}
