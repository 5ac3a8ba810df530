package store_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

func openPostgres(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestOneIsAloneOnAllServers(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, cfg store.Config) {
		servers := []*store.Store{openPostgres(t, cfg)}
		if cfg.URL != "" {
			servers = append(servers, openPostgres(t, cfg))
		}
		var inside, runs atomic.Int32
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				if err := servers[i%len(servers)].Alone(t.Context(), "x", func(context.Context) error {
					if inside.Add(1) != 1 {
						t.Error("two are alone at once")
					}
					for range 100 {
						runtime.Gosched()
					}
					inside.Add(-1)
					runs.Add(1)
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if runs.Load() != 6 {
			t.Errorf("%d runs, want 6", runs.Load())
		}
	})
}

// TestWhoLosesItsConnectionWritesNoMore: by then another may be alone with the name.
func TestWhoLosesItsConnectionWritesNoMore(t *testing.T) {
	t.Parallel()
	cfg := testdb.PostgresConfig(t)
	s, other := openPostgres(t, cfg), openPostgres(t, cfg)
	err := s.Alone(t.Context(), "x", func(ctx context.Context) error {
		testdb.Exec(t, cfg.URL, `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
			and database = (select oid from pg_database where datname = current_database())`)
		if err := other.Alone(t.Context(), "x", func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
		return s.Tx(ctx, func(tx *store.Tx) error { return addAccount(ctx, tx) })
	})
	if !fault.Is(err, fault.Unavailable) || countAccounts(t, other) != 0 {
		t.Errorf("%v, want an Unavailable fault and nothing written", err)
	}
	if err := s.Alone(t.Context(), "x", func(ctx context.Context) error {
		return s.Tx(ctx, func(tx *store.Tx) error { return addAccount(ctx, tx) })
	}); err != nil {
		t.Errorf("with a new connection: %v", err)
	}
}
