package fleet_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// garage is a fleet over a real store, with a clock that is moved by hand.
type garage struct {
	t      testing.TB
	fleet  *fleet.Service
	queue  *job.Service
	store  *store.Store
	clock  atomic.Pointer[time.Time]
	kicked []string
}

func newGarage(t testing.TB) *garage {
	t.Helper()
	return openGarage(t, func(_ context.Context, cfg store.Config) (*store.Store, error) { return testdb.Open(t, cfg) })
}

func openGarage(t testing.TB, open func(context.Context, store.Config) (*store.Store, error)) *garage {
	t.Helper()
	g := &garage{t: t}
	begin := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	g.clock.Store(&begin)
	clock := g.now
	var err error
	if g.store, err = open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "tacho.db"), Now: clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.store.Close(); err != nil {
			t.Error(err)
		}
	})
	g.queue = job.NewService(job.Config{Store: g.store, Now: clock, Log: slog.New(slog.DiscardHandler)})
	g.fleet = fleet.New(g.store, g.queue, rand.Reader, clock, func(id string) { g.kicked = append(g.kicked, id) })
	return g
}

func (g *garage) now() time.Time { return *g.clock.Load() }

func (g *garage) advance(d time.Duration) {
	at := g.now().Add(d)
	g.clock.Store(&at)
}

func (g *garage) spec(in api.NewSpec) api.Spec {
	g.t.Helper()
	if in.Architecture == "" {
		in.Architecture, in.CPU, in.Memory, in.Disk = "x86_64", 1, limits.GiB, limits.GiB
	}
	out, err := g.fleet.CreateSpec(g.t.Context(), access.Actor{Kind: access.Local}, in)
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

func (g *garage) runner(name string, specs ...string) api.RunnerKey {
	g.t.Helper()
	out, err := g.fleet.CreateRunner(g.t.Context(), access.Actor{Kind: access.Local}, api.NewRunner{Name: name, Specs: specs})
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

// opens returns the runner that a key opens, "" for none.
func (g *garage) opens(key string) (id string) {
	g.t.Helper()
	err := g.store.View(g.t.Context(), func(tx *store.Tx) error {
		r, err := fleet.RunnerByKeyHash(g.t.Context(), tx, ident.HashKey(key))
		id = r.ID
		return err
	})
	if err != nil && !fault.Is(err, fault.Missing) {
		g.t.Fatal(err)
	}
	return id
}

func TestAKeyIsShownOnceAndItsHashIsKept(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	made := g.runner("Big Box")
	if kind, ok := ident.ParseKey(made.Key); !ok || kind != ident.KeyRunner || made.Slug != "big-box" || g.opens(made.Key) != made.UUID {
		t.Errorf("made %+v", made)
	}
	err := g.store.View(t.Context(), func(tx *store.Tx) error {
		row, err := fleet.RunnerByRef(t.Context(), tx, made.UUID)
		if strings.Contains(row.KeyHash, made.Key) || row.KeyHash == "" {
			t.Errorf("stored as %q", row.KeyHash)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	next, err := g.fleet.RotateKey(t.Context(), access.Actor{Kind: access.Local}, "big-box", "")
	if err != nil || next.Key == made.Key || next.UUID != made.UUID {
		t.Errorf("rotated: %+v, %v", next, err)
	}
	if g.opens(made.Key) != "" || g.opens(next.Key) != made.UUID {
		t.Error("the wrong key opens")
	}
	if diff := cmp.Diff([]string{made.UUID}, g.kicked); diff != "" {
		t.Errorf("whose connections ended (-want +got):\n%s", diff)
	}
	yes := true
	if _, err := g.fleet.UpdateRunner(t.Context(), access.Actor{Kind: access.Local}, "big-box", api.UpdateRunner{Archived: &yes}); err != nil {
		t.Fatal(err)
	}
	if g.opens(next.Key) != "" || len(g.kicked) != 2 {
		t.Error("an archived runner's key opens, or its connections stay")
	}
}

func TestWithoutRandomnessThereIsNoRunner(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	g.fleet.SetRandom(broken{})
	if made, err := g.fleet.CreateRunner(t.Context(), access.Actor{Kind: access.Local}, api.NewRunner{Name: "box"}); err == nil ||
		made.Key != "" {
		t.Errorf("made %+v", made)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

func TestARunnersStateIsWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	g.spec(api.NewSpec{Name: "metal"})
	made := g.runner("box", "metal")
	ctx := t.Context()
	expect := func(want api.RunnerState) api.Runner {
		t.Helper()
		got, err := g.fleet.Runner(ctx, access.Actor{Kind: access.Local}, "box")
		if err != nil || got.State != want {
			t.Errorf("state %s, want %s; %v", got.State, want, err)
		}
		return got
	}
	if got := expect(api.RunnerNever); got.LastHeartbeat != nil || len(got.Specs) != 1 || got.Host != nil {
		t.Errorf("a new one: %+v", got)
	}
	meta := &api.RunnerMeta{Version: "3", Host: &api.HostFacts{Kernel: "6.1"}}
	if _, err := g.queue.Claim(ctx, made.UUID, meta, 0); err != nil {
		t.Fatal(err)
	}
	if got := expect(api.RunnerIdle); got.Version != "3" || got.Host.Kernel != "6.1" || !got.LastHeartbeat.Equal(g.now()) {
		t.Errorf("a seen one: %+v", got)
	}
	g.advance(fleet.Silence)
	expect(api.RunnerOffline)
	waiting, leave := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = g.queue.Claim(waiting, made.UUID, meta, time.Hour) // it has nothing to take
	}()
	for !g.queue.Waiting(made.UUID) {
		time.Sleep(time.Millisecond) // another goroutine's step, which has no event
	}
	g.advance(time.Hour)
	expect(api.RunnerIdle) // it waits, however long ago it said so
	leave()
	<-done
	expect(api.RunnerOffline)
	if err := g.queue.Draining(ctx, made.UUID); err != nil {
		t.Fatal(err)
	}
	expect(api.RunnerDraining)
}

func TestSpecsOfARunnerComeAndGo(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	g.spec(api.NewSpec{Name: "a"})
	old := g.spec(api.NewSpec{Name: "old"})
	yes := true
	if _, err := g.fleet.UpdateSpec(t.Context(), access.Actor{Kind: access.Local}, "old", api.UpdateSpec{Archived: &yes}); err != nil {
		t.Fatal(err)
	}
	g.runner("box")
	for range 2 { // twice is once
		if got, err := g.fleet.AddSpec(t.Context(), access.Actor{Kind: access.Local}, "box", "a"); err != nil || got.Name != "a" {
			t.Errorf("add: %+v, %v", got, err)
		}
	}
	names := func() (out []string) {
		r, err := g.fleet.Runner(t.Context(), access.Actor{Kind: access.Local}, "box")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Specs {
			out = append(out, s.Name)
		}
		return out
	}
	if diff := cmp.Diff([]string{"a"}, names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for ref, want := range map[string]fault.Kind{"nothing": fault.Missing, old.UUID: fault.Conflict} {
		if _, err := g.fleet.AddSpec(t.Context(), access.Actor{Kind: access.Local}, "box", ref); !fault.Is(err, want) {
			t.Errorf("add %s: %v", ref, err)
		}
		if made, err := g.fleet.CreateRunner(t.Context(), access.Actor{Kind: access.Local},
			api.NewRunner{Name: "second", Specs: []string{"a", ref}}); !fault.Is(err, want) || made.Key != "" {
			t.Errorf("make one with %s: %+v, %v", ref, made, err)
		}
	}
	if err := g.fleet.RemoveSpec(t.Context(), access.Actor{Kind: access.Local}, "box", "a"); err != nil {
		t.Fatal(err)
	}
	if err := g.fleet.RemoveSpec(t.Context(), access.Actor{Kind: access.Local}, "box", "a"); !fault.Is(err, fault.Missing) {
		t.Errorf("a second time: %v", err)
	}
	if len(names()) != 0 {
		t.Errorf("left: %v", names())
	}
}

func TestASpecIsCheckedAndItsResourcesStay(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	good := api.NewSpec{Name: "good", Architecture: "x86_64", CPU: 2, Memory: limits.GiB, Disk: limits.GiB}
	for name, change := range map[string]func(*api.NewSpec){
		"no name":              func(s *api.NewSpec) { s.Name = "" },
		"a name without end":   func(s *api.NewSpec) { s.Name = strings.Repeat("x", limits.ResourceNameBytes+1) },
		"a slug that is none":  func(s *api.NewSpec) { s.Slug = "No Slug" },
		"an unknown isolation": func(s *api.NewSpec) { s.Isolation = "hope" },
		"next to no memory":    func(s *api.NewSpec) { s.Memory = limits.MiB },
		"next to no disk":      func(s *api.NewSpec) { s.Disk = 1 },
	} {
		in := good
		change(&in)
		if _, err := g.fleet.CreateSpec(t.Context(), access.Actor{Kind: access.Local}, in); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	made := g.spec(good)
	if made.OS != "linux" || made.Isolation != "container" || made.Slug != "good" || made.Fallback != nil {
		t.Errorf("made %+v", made)
	}
	if _, err := g.fleet.CreateSpec(t.Context(), access.Actor{Kind: access.Local}, good); !fault.Is(err, fault.Conflict) {
		t.Errorf("the same again: %v", err)
	}
	name, slug := "better", "better"
	got, err := g.fleet.UpdateSpec(t.Context(), access.Actor{Kind: access.Local}, made.UUID, api.UpdateSpec{Name: &name, Slug: &slug})
	made.Name, made.Slug, made.Modified = name, slug, got.Modified
	if diff := cmp.Diff(made, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	bad := "Not A Slug"
	if _, err := g.fleet.UpdateSpec(t.Context(), access.Actor{Kind: access.Local}, "better", api.UpdateSpec{Slug: &bad}); !fault.Is(err,
		fault.Invalid) {
		t.Errorf("a bad slug: %v", err)
	}
	if err := g.fleet.DeleteSpec(t.Context(), access.Actor{Kind: access.Local}, "better"); err != nil {
		t.Error(err)
	}
}

func TestThereIsOneFallback(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	ctx := t.Context()
	if err := g.fleet.EnsureDefaultSpec(ctx, 2, limits.GiB, limits.GiB, "x86_64"); err != nil {
		t.Fatal(err)
	}
	if err := g.fleet.EnsureDefaultSpec(ctx, 9, limits.GiB, limits.GiB, "aarch64"); err != nil {
		t.Fatal(err)
	}
	fallbacks := func() (out []string) {
		t.Helper()
		rows, _, err := g.fleet.Specs(ctx, access.Actor{Kind: access.Local}, store.ListFilter{Page: store.Page{Limit: 10}})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range rows {
			if s.Fallback != nil {
				out = append(out, s.Name)
			}
		}
		return out
	}
	check := func(when string, want ...string) {
		t.Helper()
		if got := fallbacks(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	check("at the first start", "default")
	g.spec(api.NewSpec{Name: "second", Architecture: "x86_64", CPU: 1, Memory: limits.GiB, Disk: limits.GiB, Fallback: true})
	check("a new one takes it", "second")
	yes, no := true, false
	update := func(ref string, in api.UpdateSpec) error {
		_, err := g.fleet.UpdateSpec(ctx, access.Actor{Kind: access.Local}, ref, in)
		return err
	}
	if err := update("default", api.UpdateSpec{Fallback: &yes}); err != nil {
		t.Fatal(err)
	}
	check("given back", "default")
	if err := update("default", api.UpdateSpec{Archived: &yes}); err != nil {
		t.Fatal(err)
	}
	check("archived")
	if err := update("default", api.UpdateSpec{Fallback: &yes}); !fault.Is(err, fault.Conflict) {
		t.Errorf("an archived one: %v", err)
	}
	if err := update("second", api.UpdateSpec{Fallback: &yes}); err != nil {
		t.Fatal(err)
	}
	if err := update("second", api.UpdateSpec{Fallback: &no}); err != nil {
		t.Fatal(err)
	}
	check("taken away")
	if err := g.fleet.DeleteSpec(ctx, access.Actor{Kind: access.Local}, "second"); err != nil {
		t.Fatal(err)
	}
	if err := g.fleet.EnsureDefaultSpec(ctx, 2, limits.GiB, limits.GiB, "x86_64"); err != nil {
		t.Fatal(err)
	}
	check("an archived spec is one that somebody decided on")
}
