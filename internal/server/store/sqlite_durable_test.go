package store

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

// gatedFlush counts the flushes of a store, and lets each one pass only when the test says so.
type gatedFlush struct {
	begun chan struct{} // receives when a flush has begun
	pass  chan error    // what the flush returns
	count atomic.Int64
}

func gate(s *Store) *gatedFlush {
	g := &gatedFlush{begun: make(chan struct{}, 100), pass: make(chan error, 100)}
	s.durable.flush = func(string) error {
		g.count.Add(1)
		g.begun <- struct{}{}
		return <-g.pass
	}
	return g
}

// countFlushes lets every flush through to the disk and counts it.
func countFlushes(s *Store) *atomic.Int64 {
	n, flush := new(atomic.Int64), s.durable.flush
	s.durable.flush = func(log string) error {
		n.Add(1)
		return flush(log)
	}
	return n
}

func addAccount(ctx context.Context, s *Store, id string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `insert into account (id, name, slug, created) values ($1, $1, $1, 0)`, id)
		return err
	})
}

func countAccounts(ctx context.Context, s *Store) (n int, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `select count(*) from account`).Scan(&n)
	})
	return n, err
}

func TestWriterReturnsOnlyAfterAFlushThatBeganAfterItsCommit(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := gate(s)
	done := make(chan error, 1)
	go func() { done <- addAccount(t.Context(), s, "a") }()
	<-g.begun
	select {
	case err := <-done:
		t.Fatalf("acknowledged during the flush: %v", err)
	default:
	}
	g.pass <- nil
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReaderReturnsOnlyWhatIsOnTheDisk(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := gate(s)
	wrote, saw := make(chan error, 1), make(chan int, 1)
	go func() { wrote <- addAccount(t.Context(), s, "a") }()
	<-g.begun
	read := make(chan struct{})
	go func() {
		n := 0
		err := s.View(t.Context(), func(tx *Tx) error {
			defer close(read)
			return tx.QueryRow(t.Context(), `select count(*) from account`).Scan(&n)
		})
		if err != nil {
			t.Error(err)
		}
		saw <- n
	}()
	<-read
	// A reader that gives up is not held by the disk.
	given, cancel := context.WithCancel(t.Context())
	if err := s.View(given, func(*Tx) error { cancel(); return nil }); err == nil {
		t.Error("a reader that gave up was told that what it saw is on the disk")
	}
	select {
	case n := <-saw:
		t.Fatalf("a reader returned %d accounts before they were on the disk", n)
	default:
	}
	g.pass <- nil
	if n := <-saw; n != 1 {
		t.Errorf("want 1 account, got %d", n)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestWritersThatWaitShareOneFlush(t *testing.T) {
	t.Parallel()
	const writers = 16
	s, _ := open(t)
	g := gate(s)
	done := make(chan error, writers)
	write := func(i int) { done <- addAccount(t.Context(), s, fmt.Sprintf("a%d", i)) }
	go write(0)
	<-g.begun // the first is being flushed while all others commit
	for i := 1; i < writers; i++ {
		go write(i)
	}
	for inLog := uint64(0); inLog < writers; runtime.Gosched() {
		s.durable.mu.Lock()
		inLog = s.durable.inLog
		s.durable.mu.Unlock()
	}
	g.pass <- nil
	g.pass <- nil
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := g.count.Load(); n != 2 {
		t.Errorf("%d writers: want 2 flushes, one of the first and one that the others share; got %d", writers, n)
	}
}

func TestEachKindOfWriteIsFlushedAndReadsAreNot(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	flushes := countFlushes(s)
	ctx := t.Context()
	for _, c := range []struct {
		name string
		want int64
		do   func(tx *Tx) error
	}{
		{"exec", 1, func(tx *Tx) error {
			_, err := tx.Exec(ctx, `insert into account (id, name, slug, created) values ('a', 'a', 'a', 0)`)
			return err
		}},
		{"query that returns what it wrote", 1, func(tx *Tx) error {
			var id string
			return tx.QueryRow(ctx, `
				insert into account (id, name, slug, created) values ('b', 'b', 'b', 0) returning id`).Scan(&id)
		}},
		{"rows of what it wrote", 1, func(tx *Tx) error {
			rows, err := tx.Query(ctx, `with old as (select 'a' as id) update account set name = 'c' where id in (select id from old) returning id`)
			ids, err := Collect(rows, err, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) })
			if len(ids) != 1 {
				t.Errorf("want 1 row, got %v", ids)
			}
			return err
		}},
		{"prepared", 1, func(tx *Tx) error {
			insert, err := tx.Prepare(ctx, `insert into account (id, name, slug, created) values ($1, $1, $1, 0)`)
			if err != nil {
				return err
			}
			defer insert.Close()
			_, err = insert.ExecContext(ctx, "d")
			return err
		}},
		{"nothing", 0, func(*Tx) error { return nil }},
		{"read", 0, func(tx *Tx) error {
			var n int
			return tx.QueryRow(ctx, `
				select count(*) from account`).Scan(&n)
		}},
		{"rolled back", 0, func(tx *Tx) error {
			if _, err := tx.Exec(ctx, `delete from account`); err != nil {
				t.Error(err)
			}
			return fault.Conflictf("no")
		}},
	} {
		before := flushes.Load()
		if err := s.Tx(ctx, c.do); err != nil && !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := flushes.Load() - before; got != c.want {
			t.Errorf("%s: want %d flushes, got %d", c.name, c.want, got)
		}
	}
	before := flushes.Load()
	if n, err := countAccounts(ctx, s); err != nil || n != 3 {
		t.Errorf("want 3 accounts, got %d, %v", n, err)
	}
	if got := flushes.Load() - before; got != 0 {
		t.Errorf("a view flushed %d times", got)
	}
}

func TestNothingIsAcknowledgedAfterAFailedFlush(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	flush := s.durable.flush
	s.durable.flush = func(string) error { return syscall.EIO }
	if err := addAccount(t.Context(), s, "a"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the flush failed: want unavailable, got %v", err)
	}
	s.durable.flush = flush // the disk says that all is well again; what it dropped is still gone
	if err := addAccount(t.Context(), s, "b"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a write afterwards: want unavailable, got %v", err)
	}
	if n, err := countAccounts(t.Context(), s); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a read afterwards: want unavailable, got %d, %v", n, err)
	}
	if err := s.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("readiness afterwards: want unavailable, got %v", err)
	}
}

// After a commit that the database refused, the one writing connection must take the next transaction.
func TestRefusedCommitLeavesTheWriterUsable(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	ctx := t.Context()
	err := s.Tx(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `insert into head (id, branch_id, created) values ('h', 'nobody', 0)`)
		return err
	})
	if !IsReferenced(err) {
		t.Fatalf("want a violated reference at commit, got %v", err)
	}
	if err := addAccount(ctx, s, "a"); err != nil {
		t.Error(err)
	}
}

// BenchmarkAcknowledgedWrite says what a write costs that survives a power cut, as a multiple of one that does not (x-normal), and as a
// multiple of SQLite's own flush inside of COMMIT (x-full).
func BenchmarkAcknowledgedWrite(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			perWrite := func(s *Store) float64 {
				b.StopTimer()
				b.ResetTimer()
				b.StartTimer()
				var next atomic.Int64
				var work sync.WaitGroup
				for range writers {
					work.Go(func() {
						for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
							if err := addAccount(b.Context(), s, fmt.Sprintf("account%d", i)); err != nil {
								b.Error(err)
							}
						}
					})
				}
				work.Wait()
				return float64(b.Elapsed()) / float64(b.N)
			}
			normal, _ := open(b)
			normal.durable.flush = func(string) error { return nil }
			full, _ := open(b)
			full.durable.flush = func(string) error { return nil }
			if _, err := full.writer.ExecContext(b.Context(), `pragma synchronous = full`); err != nil {
				b.Fatal(err)
			}
			ours, _ := open(b)
			flushes := countFlushes(ours)
			a, c, got := perWrite(normal), perWrite(full), perWrite(ours)
			b.ReportMetric(got/a, "x-normal")
			b.ReportMetric(got/c, "x-full")
			b.ReportMetric(float64(flushes.Load())/float64(b.N), "flushes/op")
		})
	}
}
