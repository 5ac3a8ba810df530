package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// addAccount reads how many there are and makes one more, which two at once must not do without a lock.
func addAccount(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, `insert into account (id, name, slug, created)
		select cast(count(*) as text), 'a', cast(count(*) as text), 0 from account`)
	return err
}

func countAccounts(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `select count(*) from account`).Scan(&n)
	}); err != nil {
		t.Error(err)
	}
	return n
}

func TestALockedNameIsOneWritersAtATime(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		add := func(names ...string) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				if err := tx.Lock(t.Context(), names...); err != nil {
					return err
				}
				return addAccount(t.Context(), tx)
			}
		}
		race.Tx(add("a", "b"), add("b", "a"))
		if n := countAccounts(t, s); n != 2 {
			t.Errorf("%d accounts, want 2", n)
		}
	})
}

func TestARowInHandIsWaitedForOrSkipped(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		storetest.Do(t, s, func(tx *store.Tx) error { return addAccount(t.Context(), tx) })
		rename := func(tx *store.Tx) error {
			var name string
			if err := tx.QueryRow(t.Context(), `select a.name from account a where a.id = '0'`+tx.ForUpdate("a")).Scan(&name); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `update account set name = $1 where id = '0'`, name+"a")
			return err
		}
		race.Tx(rename, rename)
		var name string
		skipped := false
		race.Tx(rename, func(tx *store.Tx) error {
			rows, err := tx.Query(t.Context(), `select a.name from account a where a.id = '0'`+tx.SkipLocked("a"))
			names, err := store.Collect(rows, err, store.ScanText)
			skipped = len(names) == 0
			return err
		})
		if err := s.View(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `select name from account where id = '0'`).Scan(&name)
		}); err != nil || name != "aaaa" {
			t.Errorf("name %q (%v), want aaaa: each change stands on the one before", name, err)
		}
		if many := race.ManyWriters(); skipped != many {
			t.Errorf("the row in another's hand was skipped: %v, want %v", skipped, many)
		}
	})
}

// TestATransactionThatOthersHinderedIsRunAgain: whichever of its tries comes through, what it wrote is there once.
func TestATransactionThatOthersHinderedIsRunAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"40001", "40P01"} {
		var times int
		cfg := testdb.PostgresConfig(t)
		cfg.Hindrance = func(context.Context) error {
			if times--; times < 0 {
				return nil
			}
			return &pgconn.PgError{Code: code}
		}
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		before := countAccounts(t, s)
		add := func(tx *store.Tx) error { return addAccount(t.Context(), tx) }
		times = 3
		if err := s.Tx(t.Context(), add); err != nil {
			t.Errorf("%s three times: %v", code, err)
		}
		if n := countAccounts(t, s); n != before+1 {
			t.Errorf("%s: %d accounts more, want 1", code, n-before)
		}
		times = 100
		if err := s.Tx(t.Context(), add); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s a hundred times: %v, want an Unavailable fault", code, err)
		}
	}
}

func TestTwoThatWaitForEachOtherBothComeThrough(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), testdb.PostgresConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lock := func(first, second string, met chan<- bool, meet <-chan bool) error {
		once := false
		return s.Tx(t.Context(), func(tx *store.Tx) error {
			if err := tx.Lock(t.Context(), first); err != nil {
				return err
			}
			if !once {
				once = true
				met <- true
				<-meet
			}
			if err := tx.Lock(t.Context(), second); err != nil {
				return err
			}
			return addAccount(t.Context(), tx)
		})
	}
	a, b, done := make(chan bool, 1), make(chan bool, 1), make(chan error, 1)
	go func() { done <- lock("x", "y", a, b) }()
	if err := errors.Join(lock("y", "x", b, a), <-done); err != nil {
		t.Error(err)
	}
	if n := countAccounts(t, s); n != 2 {
		t.Errorf("%d accounts, want 2", n)
	}
}

func TestAnEmptyListHasNothingInIt(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		storetest.Do(t, s, func(tx *store.Tx) error { return addAccount(t.Context(), tx) })
		var texts, numbers int
		if err := s.View(t.Context(), func(tx *store.Tx) error {
			return errors.Join(tx.QueryRow(t.Context(), `select count(*) from account where id in `+store.Places(1, 0)).Scan(&texts),
				tx.QueryRow(t.Context(), `select count(*) from account where created in `+store.Integers(nil)).Scan(&numbers))
		}); err != nil || texts+numbers != 0 {
			t.Errorf("%d and %d rows are in an empty list (%v)", texts, numbers, err)
		}
	})
}

// TestARehearsalFindsWhatCannotBeRepeated: a function that appends to what it hands out, and one that goes on after a failure.
func TestARehearsalFindsWhatCannotBeRepeated(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, cfg store.Config) {
		cfg.Rehearse = store.AtStatements
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var appended, set []int
		if err := s.Tx(t.Context(), func(tx *store.Tx) error {
			appended, set = append(appended, 1), []int{1}
			return addAccount(t.Context(), tx)
		}); err != nil || len(appended) != 3 || len(set) != 1 {
			t.Errorf("appended %d, set %d (%v), want 3 and 1", len(appended), len(set), err)
		}
		if n := countAccounts(t, s); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
		if err := s.Tx(t.Context(), testdb.Careless(t.Context(), `delete from account`)); err == nil || countAccounts(t, s) != 1 {
			t.Errorf("a function that goes on after a statement has failed passed the rehearsal (%v)", err)
		}
		if err := s.Tx(t.Context(), func(tx *store.Tx) error {
			if err := addAccount(t.Context(), tx); err != nil {
				t.Errorf("a test's function was given the error of a rehearsal: %v", err)
			}
			return nil
		}); err != nil {
			t.Errorf("a test's function that looks at its errors itself: %v", err)
		}
	})
}
