package fleet_test

import (
	"context"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

var keeper = access.Actor{Kind: access.Local}

func TestTwoServersThatStartMakeOneDefaultSpec(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		g := openGarage(t, race.Open)
		start := func(ctx context.Context) error { return g.fleet.EnsureDefaultSpec(ctx, 1, 1<<30, 1<<30, "x86_64") }
		if of1, of2 := race.Run(1, start, start); of1 != nil || of2 != nil {
			t.Errorf("the first: %v; the second: %v", of1, of2)
		}
	})
}

func newSpec(name string) api.NewSpec {
	return api.NewSpec{Name: name, Architecture: "x86_64", CPU: 1, Memory: 1 << 30, Disk: 1 << 30, Fallback: true}
}

func TestTheLastFallbackSpecIsTheOne(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		g := openGarage(t, race.Open)
		create := func(name string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := g.fleet.CreateSpec(ctx, keeper, newSpec(name))
				return err
			}
		}
		if of1, of2 := race.Run(1, create("a"), create("b")); of1 != nil || of2 != nil {
			t.Errorf("the first: %v; the second: %v", of1, of2)
		}
		storetest.Do(t, g.store, func(tx *store.Tx) error {
			s, err := fleet.FallbackSpec(t.Context(), tx)
			if s.Name != "b" {
				t.Errorf("the fallback is %q, want b, the last", s.Name)
			}
			return err
		})
	})
}

func TestASpecThatIsArchivedMeanwhileIsNotGivenToARunner(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		g := openGarage(t, race.Open)
		if _, err := g.fleet.CreateSpec(t.Context(), keeper, newSpec("a")); err != nil {
			t.Fatal(err)
		}
		if _, err := g.fleet.CreateRunner(t.Context(), keeper, api.NewRunner{Name: "box"}); err != nil {
			t.Fatal(err)
		}
		yes := true
		of1, of2 := race.Run(1, func(ctx context.Context) error {
			_, err := g.fleet.UpdateSpec(ctx, keeper, "a", api.UpdateSpec{Archived: &yes})
			return err
		}, func(ctx context.Context) error {
			_, err := g.fleet.AddSpec(ctx, keeper, "box", "a")
			return err
		})
		if of1 != nil || !fault.Is(of2, fault.Conflict) {
			t.Errorf("archive: %v; add: %v, want a Conflict", of1, of2)
		}
	})
}

// TestANewKeyOfARunnerStays while somebody else gives it another name.
func TestANewKeyOfARunnerStays(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		g := openGarage(t, race.Open)
		if _, err := g.fleet.CreateRunner(t.Context(), keeper, api.NewRunner{Name: "box"}); err != nil {
			t.Fatal(err)
		}
		var key api.RunnerKey
		name := "bigger box"
		of1, of2 := race.Run(1, func(ctx context.Context) (err error) {
			key, err = g.fleet.RotateKey(ctx, keeper, "box", "")
			return err
		}, func(ctx context.Context) error {
			_, err := g.fleet.UpdateRunner(ctx, keeper, "box", api.UpdateRunner{Name: &name})
			return err
		})
		if of1 != nil || of2 != nil {
			t.Errorf("new key: %v; new name: %v", of1, of2)
		}
		storetest.Do(t, g.store, func(tx *store.Tx) error {
			r, err := fleet.RunnerByKeyHash(t.Context(), tx, ident.HashKey(key.Key))
			if err != nil || r.Name != name {
				t.Errorf("the runner of the new key is called %q (%v), want %q", r.Name, err, name)
			}
			return nil
		})
	})
}
