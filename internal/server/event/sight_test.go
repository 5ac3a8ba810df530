package event

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

var local = access.Actor{Kind: access.Local}

func TestWhatCouldHaveBeenSeen(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 6, 2)
	b, head := g.Branch("main")
	var ids []int64 // of each benchmark the first measure, then the second
	g.Tx(func(tx *store.Tx) error {
		ids = g.SeriesIDs(tx)
		if _, err := tx.Exec(t.Context(), `update measure set exact = (1 = 1) where id = $1`, g.Measures[1]); err != nil {
			return err
		}
		add := func(series int64, low, detectable *float64) error {
			_, err := tx.Exec(t.Context(), `insert into line (head_id, testbed_id, spec_id, series_id, frozen, seen, due, low, detectable)
				values ($1, $2, '', $3, -1, 1, 1, $4, $5)`, head.ID, g.Testbeds[0], series, low, detectable)
			return err
		}
		number := func(v float64) *float64 { return &v }
		for i, detectable := range []float64{0.02, 0.03, 0.5} {
			if err := add(ids[2*i], number(1), number(detectable)); err != nil {
				return err
			}
		}
		if err := add(ids[6], nil, nil); err != nil { // it learns
			return err
		}
		if err := add(ids[8], number(-3), number(7)); err != nil { // no ratio
			return err
		}
		return add(ids[1], nil, nil) // counted
	})
	events := NewService(Config{Store: s, Door: project.NewDoor(s, nil)})
	got, err := events.Sight(t.Context(), local, g.Project, b.ID, g.Testbeds[0], g.Measures[0], g.Benchmarks)
	if err != nil {
		t.Fatal(err)
	}
	half := 0.03
	want := Sight{Lines: 6, Exact: 1, Learning: 2, Half: &half, Detectable: map[string]float64{g.Benchmarks[0]: 0.02, g.Benchmarks[1]: 0.03,
		g.Benchmarks[2]: 0.5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err = events.Sight(t.Context(), local, g.Project, b.ID, g.Testbeds[1], g.Measures[0], g.Benchmarks)
	if diff := cmp.Diff(Sight{Detectable: map[string]float64{}}, got); diff != "" || err != nil {
		t.Errorf("nothing was looked at there: %v (-want +got):\n%s", err, diff)
	}
	if _, err = events.Sight(t.Context(), access.Actor{Kind: access.Anonymous}, "nothing", b.ID, g.Testbeds[0], g.Measures[0],
		nil); !fault.Is(err, fault.Missing) {
		t.Errorf("a project that is not there: %v", err)
	}
}

func TestChangesOfLines(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 2, 1)
	b, head := g.Branch("main")
	var ids []int64
	g.Tx(func(tx *store.Tx) error {
		ids = g.SeriesIDs(tx)
		e, err := insert(t.Context(), tx, Event{ProjectID: g.Project, BranchID: b.ID, HeadID: head.ID, TestbedID: g.Testbeds[0], Kind: Machine,
			State: coreevent.Accepted, Significant: true, First: 2, Last: 3})
		if err != nil {
			return err
		}
		for i, p := range []Point{{Number: 3, Significant: true, EventID: &e.ID}, {Number: 9, EventID: &e.ID}, {Number: 5, Significant: true},
			{Number: 7, SeriesID: ids[1], Significant: true, EventID: &e.ID}} {
			p.ProjectID, p.HeadID, p.TestbedID, p.Scale, p.Before, p.After = g.Project, head.ID, g.Testbeds[0], "log", 1, float64(i)
			if p.SeriesID == 0 {
				p.SeriesID = ids[0]
			}
			if err := savePoint(t.Context(), tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	events := NewService(Config{Store: s, Door: project.NewDoor(s, nil)})
	for pattern, want := range map[string]int{"": 1, "benchmark-1": 1, "BENCH*-?": 1, "*": 1, "benchmark": 0,
		"benchmark_1": 0, "%": 0, `\*`: 0, "benchmark-?-": 0} {
		_, n, err := events.List(t.Context(), local, g.Project, NamedFilter{Benchmark: pattern}, store.Page{Limit: 9})
		if err != nil || n != want {
			t.Errorf("events of %q: %d, want %d, %v", pattern, n, want, err)
		}
	}
	if _, _, err := events.List(t.Context(), local, g.Project, NamedFilter{Benchmark: strings.Repeat("*", 2_000)},
		store.Page{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a long pattern: %v", err)
	}
	other := storetest.NewProject(t, s, project.Project{Name: "Other", Slug: "other", OrganizationID: storetest.Home(t, s, "acme").ID})
	if found, err := events.Changes(t.Context(), local, other.ID, []string{b.ID}, g.Testbeds, g.Benchmarks, g.Measures); !fault.Is(err,
		fault.Missing) || len(found) > 0 {
		t.Errorf("asked of another project: %v, %v", found, err)
	}
	for benchmarks, want := range map[int][]string{1: {"machine accepted benchmark-0 3"}, 2: {"machine accepted benchmark-1 7",
		"machine accepted benchmark-0 3"}} {
		found, err := events.Changes(t.Context(), local, g.Project, []string{b.ID}, g.Testbeds, g.Benchmarks[:benchmarks], g.Measures)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range found {
			got = append(got, fmt.Sprintf("%s %s %s %d", c.Kind, c.State, c.Benchmark.Name, c.Number))
			if c.Branch != b.ID || c.Testbed != g.Testbeds[0] || c.State != api.EventAccepted {
				t.Errorf("%+v", c)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d benchmarks (-want +got):\n%s", benchmarks, diff)
		}
	}
}
