package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

func TestACommandOpensItsDatabaseOnce(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "tacho.db"), OnePool: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	accounts := func(tx *Tx) (n int, err error) {
		return n, tx.QueryRow(t.Context(), `select count(*) from account`).Scan(&n)
	}
	insert := func(tx *Tx) error {
		_, err := tx.Exec(t.Context(), `insert into account (id, name, slug, created) values ('a', 'a', 'a', 0)`)
		return err
	}
	if err := s.Tx(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	if err := s.View(t.Context(), func(tx *Tx) error {
		if n, err := accounts(tx); err != nil || n != 1 {
			t.Errorf("a view has %d accounts (%v), want the one that was written", n, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n := s.reader.Stats().OpenConnections; s.reader != s.writer || n != 1 {
		t.Errorf("one after the other, a transaction and a view have opened %d connections, want 1 for both", n)
	}
	if err := s.View(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec(t.Context(), `delete from account`)
		return err
	}); err == nil {
		t.Error("a view has written")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Tx(ctx, func(tx *Tx) error { // what neither may wait for
		if _, err := tx.Exec(ctx, `delete from account`); err != nil {
			return err
		}
		return s.View(ctx, func(tx *Tx) error {
			if n, err := accounts(tx); err != nil || n != 1 {
				t.Errorf("beside a writer a view has %d accounts (%v), want the committed one", n, err)
			}
			return nil
		})
	}); err != nil {
		t.Error(err)
	}
}
