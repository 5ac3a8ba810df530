package store_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

func TestAnAnnouncementIsHeardOnceAfterTheCommit(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "tacho.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	heard, other := 0, 0
	s.Hear("letters", func() { heard++ })
	s.Hear("parcels", func() { other++ })
	announce := func(after error) error {
		return s.Tx(t.Context(), func(tx *store.Tx) error {
			before := heard
			if err := errors.Join(tx.Announce(t.Context(), "letters"), tx.Announce(t.Context(), "letters")); err != nil {
				return err
			}
			if heard != before {
				t.Error("it was heard before the commit")
			}
			return after
		})
	}
	undone := errors.New("undone")
	if err := announce(undone); !errors.Is(err, undone) || heard != 0 {
		t.Errorf("%v, and %d heard what was rolled back", err, heard)
	}
	if err := announce(nil); err != nil || heard != 1 || other != 0 {
		t.Errorf("%v; heard %d times, want once, and %d times another topic", err, heard, other)
	}
}

func TestAnAnnouncementIsHeardOnOtherServers(t *testing.T) {
	t.Parallel()
	cfg := testdb.PostgresConfig(t)
	var servers [2]*store.Store
	for i := range servers {
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		servers[i] = s
	}
	heard := make(chan struct{}, 10)
	servers[1].Hear("letters", func() { heard <- struct{}{} })
	<-heard // it listens from now on, and may have missed something
	if err := servers[0].Tx(t.Context(), func(tx *store.Tx) error { return tx.Announce(t.Context(), "letters") }); err != nil {
		t.Fatal(err)
	}
	<-heard
}
