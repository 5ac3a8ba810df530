package server

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
)

// TestAFolderIsClaimedByOneDatabase lets servers of two databases begin on an empty folder at the same moment: the objects are one's.
func TestAFolderIsClaimedByOneDatabase(t *testing.T) {
	t.Parallel()
	var databases [2]*store.Store
	for i := range databases {
		db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "tacho.db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if err := account.New(db, rand.Reader, fleet.RunnerIDByKeyHash).EnsureAdmin(t.Context()); err != nil {
			t.Fatal(err)
		}
		databases[i] = db
	}
	for range 50 {
		cfg := Config{Data: t.TempDir(), Database: "postgres://127.0.0.1/tacho"}
		var got [2]error
		var both sync.WaitGroup
		for i, db := range databases {
			both.Go(func() { got[i] = cfg.claimObjects(t.Context(), db) })
		}
		both.Wait()
		if (got[0] == nil) == (got[1] == nil) || !fault.Is(errors.Join(got[0], got[1]), fault.Conflict) {
			t.Fatalf("the first: %v; the second: %v; want one of them refused", got[0], got[1])
		}
		for i, db := range databases {
			if again := cfg.claimObjects(t.Context(), db); (again == nil) != (got[i] == nil) {
				t.Fatalf("database %d: first %v, then %v", i, got[i], again)
			}
		}
	}
}
