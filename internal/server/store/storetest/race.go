package storetest

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// Race lets two writers meet at the worst moment: the first has read, decided and written, and stands before its commit when the second
// begins. It goes on once the second waits for it, or is through. So what a function reads before it writes is out of date for the second
// unless it is locked.
type Race struct {
	Store *store.Store // set by Open

	t     testing.TB
	where store.Config
	stuck func() bool // whether a writer waits; nil: nobody can see
	meet  func()      // at the commit of the first writer
}

type firstWriter struct{}

// EachRace runs f with a race on SQLite and with one on PostgreSQL, which is skipped where it is not installed.
func EachRace(t *testing.T, f func(t *testing.T, race *Race)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, cfg store.Config) {
		race := &Race{t: t, where: cfg}
		if cfg.URL != "" {
			race.stuck = testdb.Waits(t, cfg.URL)
		}
		f(t, race)
	})
}

// Open opens the empty database that the race is on. Of cfg only what does not say where it is counts.
func (r *Race) Open(ctx context.Context, cfg store.Config) (s *store.Store, err error) {
	cfg.Path, cfg.URL, cfg.Hindrance = r.where.Path, r.where.URL, r.commits
	r.Store, err = store.Open(ctx, cfg)
	return r.Store, err
}

// Fresh is Open with a clock that stands still until it is moved. The database is closed at the end of the test.
func (r *Race) Fresh() (*store.Store, *Clock) {
	r.t.Helper()
	return open(r.t, r.Open)
}

// ManyWriters says whether the database has more than one.
func (r *Race) ManyWriters() bool { return r.stuck != nil }

func (r *Race) commits(ctx context.Context) error {
	if ctx.Value(firstWriter{}) != nil && r.meet != nil {
		r.meet()
	}
	return nil
}

// Run lets first and second meet at a commit of the first, 1 being its first one, and returns what became of both.
func (r *Race) Run(at int, first, second func(context.Context) error) (of1, of2 error) {
	r.t.Helper()
	done := make(chan error, 1)
	commits := 0
	r.meet = func() {
		if commits++; commits != at {
			return
		}
		begun := r.Store.Transactions()
		go func() {
			err := errors.New("it gave up its test")
			defer func() { done <- err }()
			err = second(r.t.Context())
		}()
		for len(done) == 0 && !r.waits(begun) {
			runtime.Gosched()
		}
	}
	of1 = first(context.WithValue(r.t.Context(), firstWriter{}, true))
	if commits < at {
		r.t.Fatalf("the first writer ended (%v) after %d commits, want %d", of1, commits, at)
	}
	return of1, <-done
}

// waits reports whether the second writer waits. In SQLite it does as soon as it has asked for a transaction: the first has the only one.
func (r *Race) waits(begun int64) bool {
	if r.stuck != nil {
		return r.stuck()
	}
	return r.Store.Transactions() > begun
}

// Tx is Run for two functions of one transaction each. Both must succeed.
func (r *Race) Tx(first, second func(*store.Tx) error) {
	r.t.Helper()
	in := func(f func(*store.Tx) error) func(context.Context) error {
		return func(ctx context.Context) error { return r.Store.Tx(ctx, f) }
	}
	of1, of2 := r.Run(1, in(first), in(second))
	if of1 != nil || of2 != nil {
		r.t.Errorf("the first writer: %v; the second: %v", of1, of2)
	}
}
