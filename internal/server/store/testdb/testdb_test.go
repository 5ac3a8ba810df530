package testdb_test

import (
	"testing"

	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

func TestEachDatabaseIsOneOfItsOwn(t *testing.T) {
	t.Parallel()
	for range 2 {
		testdb.Each(t, func(t *testing.T, cfg store.Config) {
			s, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			var n int
			if err := s.Tx(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.Exec(t.Context(), `insert into account (id, name, slug, created) values ('a', 'a', 'a', 0)`); err != nil {
					return err
				}
				return tx.QueryRow(t.Context(), `select count(*) from account`).Scan(&n)
			}); err != nil || n != 1 {
				t.Errorf("%d accounts in a new database (%v), want the one", n, err)
			}
		})
	}
}
