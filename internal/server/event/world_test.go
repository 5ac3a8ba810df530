package event_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// local is the person at the keyboard, who may do all.
var local = access.Actor{Kind: access.Local}

// world is a project with the services over it.
type world struct {
	t       testing.TB
	store   *store.Store
	clock   *storetest.Clock
	project project.Project
	reports *report.Service
	events  *event.Service
	noise   *rand.Rand
	models  *api.ReportThresholds // of each report
	commits []api.Commit          // that each report tells of
}

type noQueue struct{ report.Queue }

func newWorld(t testing.TB) *world {
	t.Helper()
	s, clock := storetest.Open(t)
	return worldOn(t, s, clock)
}

func worldOn(t testing.TB, s *store.Store, clock *storetest.Clock) *world {
	t.Helper()
	blobs, err := blob.OpenDir(t.TempDir(), clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	door := project.NewDoor(s, nil)
	w := &world{t: t, store: s, clock: clock, noise: rand.New(rand.NewPCG(1, 2)),
		reports: report.NewService(report.Config{Store: s, Door: door, Blobs: blobs, Queue: noQueue{}, Now: clock.Now}),
		events:  event.NewService(event.Config{Store: s, Door: door})}
	home := storetest.Home(t, s, "acme")
	w.project = storetest.NewProject(t, s, project.Project{Name: "Shop", Slug: "shop", OrganizationID: home.ID})
	return w
}

// run submits a report of main on a testbed: of each benchmark its latency, or of a name like "b/instructions" that measure.
func (w *world) run(testbed, commit string, results map[string]float64) string {
	w.t.Helper()
	return w.runOn("main", testbed, commit, nil, results)
}

func (w *world) runOn(branch, testbed, commit string, start *api.StartPoint, results map[string]float64) string {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	text := map[string]map[string]map[string]float64{}
	for name, value := range results {
		benchmark, measure, _ := strings.Cut(name, "/")
		if text[benchmark] == nil {
			text[benchmark] = map[string]map[string]float64{}
		}
		text[benchmark][cmp.Or(measure, "latency")] = map[string]float64{"value": value}
	}
	body, err := json.Marshal(text)
	if err != nil {
		w.t.Fatal(err)
	}
	taken, err := w.reports.Submit(w.t.Context(), report.Request{Actor: local, New: api.NewRun{Project: "shop", Branch: branch,
		Testbed: testbed, Hash: commitHash(commit), Commits: w.commits, StartPoint: start, Settings: &api.ReportSettings{Adapter: "json"},
		Thresholds: w.models, Results: []string{string(body)}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return taken.Report
}

// commitHash is the hash of a commit that tests name by a word.
func commitHash(word string) string {
	if word == "" {
		return ""
	}
	return fmt.Sprintf("%040x", word)[:40]
}

// near is a value with noise of 1 %.
func (w *world) near(x float64) float64 { return x * math.Exp(0.01*w.noise.NormFloat64()) }

// runs submits n reports of these benchmarks, each with its level and noise, at versions of their own.
func (w *world) runs(testbed string, n int, levels map[string]float64) {
	w.t.Helper()
	for range n {
		results := map[string]float64{}
		for _, name := range slices.Sorted(maps.Keys(levels)) {
			results[name] = w.near(levels[name])
		}
		w.run(testbed, "", results)
	}
}

// look brings everything up to date.
func (w *world) look() {
	w.t.Helper()
	if _, err := w.events.CatchUp(w.t.Context(), w.project.ID, math.MaxInt); err != nil {
		w.t.Fatal(err)
	}
}

// list is what people see.
func (w *world) list(f event.NamedFilter) []api.Event {
	w.t.Helper()
	out, _, err := w.events.List(w.t.Context(), local, "shop", f, store.Page{Limit: 255, Desc: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// say writes an event in a line: kind, state, place, and its changes.
func say(e api.Event) string {
	var changes []string
	for _, c := range e.Changes {
		effect := "new"
		if c.Effect != nil {
			effect = fmt.Sprintf("%+.0f%%", 5*math.Round(20**c.Effect)) // noise aside
		}
		changes = append(changes, fmt.Sprintf("%s %s %s", c.Benchmark.Name, effect, c.Direction))
	}
	slices.Sort(changes)
	return fmt.Sprintf("%s %s %s: %s", e.Kind, e.State, e.Testbed.Name, strings.Join(changes, ", "))
}

// want checks what people see, in any order.
func (w *world) want(f event.NamedFilter, want ...string) []api.Event {
	w.t.Helper()
	got := w.list(f)
	var lines []string
	for _, e := range got {
		lines = append(lines, say(e))
	}
	slices.Sort(lines)
	slices.Sort(want)
	if !slices.Equal(lines, want) {
		w.t.Fatalf("events:\n  %s\nwant:\n  %s", strings.Join(lines, "\n  "), strings.Join(want, "\n  "))
	}
	return got
}

func (w *world) in(f func(ctx context.Context, tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Tx(w.t.Context(), func(tx *store.Tx) error { return f(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// step submits n reports of main on testbed lab, of commits that begin with a prefix, as c0, c1, …: the level of a is 100, and another one
// from version at on; b stays.
func (w *world) step(prefix string, n, at int, a, b float64) {
	w.t.Helper()
	for i := range n {
		level := 100.0
		if i >= at {
			level = a
		}
		w.run("lab", fmt.Sprint(prefix, i), map[string]float64{"a": w.near(level), "b": w.near(b)})
	}
	w.look()
}

// stepped is a world with one confirmed event: a is 20 % slower from version 20 on, of commits c0 … c29.
func stepped(t *testing.T) (*world, api.Event) {
	t.Helper()
	w := newWorld(t)
	w.step("c", 30, 20, 120, 7)
	return w, w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse")[0]
}

func (w *world) do(id string, u api.UpdateEvent) (api.Event, error) {
	return w.events.Update(w.t.Context(), local, "shop", id, u)
}
