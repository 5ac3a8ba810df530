package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
)

// testClock stands still.
type testClock struct{ t time.Time }

func (c *testClock) now() time.Time { return c.t }

// open returns a fresh store in a temporary folder, with a clock that stands still until it is moved.
func open(t testing.TB) (*Store, *testClock) {
	t.Helper()
	clock := &testClock{t: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "tacho.db"), Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, clock
}

func TestOpenTwiceKeepsTheSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "with space", "tacho.db")
	for range 2 {
		s, err := Open(t.Context(), Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTxRollsBackOnErrorAndOnPanic(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	insert := func(tx *Tx) error {
		_, err := tx.Exec(t.Context(), `insert into account (id, name, slug, created) values ('a', 'a', 'a', 0)`)
		return err
	}
	boom := errors.New("boom")
	if err := s.Tx(t.Context(), func(tx *Tx) error { return errors.Join(insert(tx), boom) }); !errors.Is(err, boom) {
		t.Fatalf("Tx = %v, want boom", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Tx(t.Context(), func(tx *Tx) error {
			if err := insert(tx); err != nil {
				t.Error(err)
			}
			panic("boom")
		})
	}()
	var n int
	if err := s.View(t.Context(), func(tx *Tx) error {
		return tx.QueryRow(t.Context(), `select count(*) from account`).Scan(&n)
	}); err != nil || n != 0 {
		t.Errorf("%d accounts after two failed transactions (%v), want 0", n, err)
	}
}

func TestViewCannotWrite(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	err := s.View(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec(t.Context(), `insert into account (id, name, slug, created) values ('a', 'a', 'a', 0)`)
		return err
	})
	if err == nil {
		t.Error("a write in View succeeded")
	}
}

func TestPlaceholdersAreNumbers(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	var a, b, c int
	if err := s.View(t.Context(), func(tx *Tx) error {
		return tx.QueryRow(t.Context(), `select $2, $1, $2`, 1, 2).Scan(&a, &b, &c)
	}); err != nil || a != 2 || b != 1 || c != 2 {
		t.Errorf("select $2, $1, $2 with 1, 2 = %d, %d, %d (%v), want 2, 1, 2", a, b, c, err)
	}
}

func TestMissingRowIsAMissingFault(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	var n int
	err := s.View(t.Context(), func(tx *Tx) error {
		return OneRow(tx.QueryRow(context.Background(), `select 1 where 1 = 0`).Scan(&n), "branch", "dev")
	})
	if !fault.Is(err, fault.Missing) {
		t.Errorf("error = %v, want a missing fault", err)
	}
}
