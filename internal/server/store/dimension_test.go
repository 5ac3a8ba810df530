package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

func TestMeasureRoundTrip(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	p := newProject(t, s, Project{OrganizationID: home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	do(t, s, func(tx *Tx) error {
		made, err := tx.InsertMeasure(ctx, Measure{ProjectID: p.ID, Name: "Peak Memory", Units: "bytes (B)", Direction: "lower", Exact: true})
		if err != nil {
			return err
		}
		want := Measure{ID: made.ID, ProjectID: p.ID, Name: "Peak Memory", Slug: "peak-memory", Units: "bytes (B)", Direction: "lower", Exact: true, Created: clock.t, Modified: clock.t}
		for _, ref := range []string{made.ID, strings.ToUpper(made.ID), "Peak Memory", "peak-memory"} {
			got, err := tx.MeasureByRef(ctx, p.ID, ref)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("by %s: %v (-want +got):\n%s", ref, err, diff)
			}
		}
		byID, err := tx.MeasuresByID(ctx, []string{made.ID, ident.NewUUID()})
		if diff := cmp.Diff(map[string]Measure{made.ID: want}, byID); diff != "" {
			t.Errorf("by ids (-want +got):\n%s", diff)
		}
		return err
	})
	other := newProject(t, s, Project{OrganizationID: home(t, s, "o2").ID, Name: "other"})
	refused(t, s, fault.Missing, func(tx *Tx) error {
		_, err := tx.MeasureByRef(ctx, other.ID, "peak-memory")
		return err
	})
}

// TestNamesAndSlugsThatMeetStayApart: "a/b" was first and has the slug "a-b", which is the name of another.
func TestNamesAndSlugsThatMeetStayApart(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	p := newProject(t, s, Project{OrganizationID: home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	do(t, s, func(tx *Tx) error {
		slash, err := tx.InsertBenchmark(ctx, Benchmark{ProjectID: p.ID, Name: "a/b"})
		if err != nil {
			return err
		}
		hyphen, err := tx.InsertBenchmark(ctx, Benchmark{ProjectID: p.ID, Name: "a-b"})
		if err != nil {
			return err
		}
		if slash.Slug != "a-b" || !strings.HasPrefix(hyphen.Slug, "a-b-") {
			t.Errorf("slugs %q and %q", slash.Slug, hyphen.Slug)
		}
		for _, tc := range []struct {
			claim string
			find  func(*Tx, string) (Benchmark, error)
			ref   string
			want  Benchmark
		}{
			{"a reference in a body is a name first", func(tx *Tx, ref string) (Benchmark, error) { return tx.BenchmarkByRef(ctx, p.ID, ref) }, "a-b", hyphen},
			{"one in a path is a slug first", func(tx *Tx, ref string) (Benchmark, error) { return tx.BenchmarkByPath(ctx, p.ID, ref) }, "a-b", slash},
			{"each by its own slug", func(tx *Tx, ref string) (Benchmark, error) { return tx.BenchmarkByPath(ctx, p.ID, ref) }, hyphen.Slug, hyphen},
			{"each by its own name", func(tx *Tx, ref string) (Benchmark, error) { return tx.BenchmarkByPath(ctx, p.ID, ref) }, "a/b", slash},
			{"each by UUID", func(tx *Tx, ref string) (Benchmark, error) { return tx.BenchmarkByPath(ctx, p.ID, ref) }, slash.ID, slash},
		} {
			got, err := tc.find(tx, tc.ref)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tc.claim, err, diff)
			}
		}
		return nil
	})
	for name, b := range map[string]Benchmark{"the name is taken": {Name: "a/b"}, "the slug is taken": {Name: "c", Slug: "a-b"}} {
		t.Run(name, func(t *testing.T) {
			b.ProjectID = p.ID
			refused(t, s, fault.Conflict, func(tx *Tx) error {
				_, err := tx.InsertBenchmark(ctx, b)
				return err
			})
		})
	}
}

func TestEnsureBenchmarksMakesEachOnceAndBringsArchivedOnesBack(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	p := newProject(t, s, Project{OrganizationID: home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	names := []string{"a/b", "a b", "a-b", "<script>", "a/b", strings.Repeat("n", 1024), ident.NewUUID()}
	for i := range idsPerQuery + 3 { // more than one statement's worth
		names = append(names, fmt.Sprintf("Benchmark/%d", i))
	}
	ensure := func(names []string) (out map[string]Benchmark) {
		t.Helper()
		do(t, s, func(tx *Tx) (err error) {
			out, err = tx.EnsureBenchmarks(ctx, p.ID, names)
			return err
		})
		return out
	}
	first := ensure(names)
	ids, slugs := map[string]bool{}, map[string]bool{}
	for _, name := range names {
		b := first[name]
		if b.Name != name || b.ProjectID != p.ID || !ident.IsSlug(b.Slug) {
			t.Fatalf("%.40q: %+v", name, b)
		}
		ids[b.ID], slugs[b.Slug] = true, true
	}
	if len(ids) != len(names)-1 || len(slugs) != len(ids) {
		t.Errorf("%d names with one repeated made %d benchmarks with %d slugs", len(names), len(ids), len(slugs))
	}
	yes := true
	do(t, s, func(tx *Tx) error { return tx.UpdateBenchmark(ctx, first["a b"].ID, DimensionPatch{Archived: &yes}) })
	clock.advance(time.Hour)
	second := ensure(names)
	want := first["a b"]
	want.Modified = clock.t
	if diff := cmp.Diff(want, second["a b"]); diff != "" {
		t.Errorf("the archived one (-want +got):\n%s", diff)
	}
	first["a b"], second["a b"] = Benchmark{}, Benchmark{}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second report has others (-first +second):\n%s", diff)
	}
	id := first["<script>"].ID
	if got := ensure([]string{id, "new"}); got[id].Name != "<script>" || got["new"].Name != "new" {
		t.Errorf("by UUID: %+v", got)
	}
	for _, twice := range [][]string{{"<script>", id}, {id, strings.ToUpper(id)}} {
		refused(t, s, fault.Invalid, func(tx *Tx) error {
			_, err := tx.EnsureBenchmarks(ctx, p.ID, twice)
			return err
		})
	}
	elsewhere := newProject(t, s, Project{OrganizationID: p.OrganizationID, Name: "elsewhere"})
	do(t, s, func(tx *Tx) error {
		got, err := tx.EnsureBenchmarks(ctx, elsewhere.ID, []string{id})
		if got[id].ID == id {
			t.Error("a UUID reached into another project")
		}
		return err
	})
}

func TestEnsureMeasuresKeepsUnitsOfTheOneThatExists(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	p := newProject(t, s, Project{OrganizationID: home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	var latency Measure
	yes := true
	do(t, s, func(tx *Tx) (err error) {
		if latency, err = tx.InsertMeasure(ctx, Measure{ProjectID: p.ID, Name: "Latency", Slug: "latency", Units: "nanoseconds (ns)", Direction: "lower"}); err != nil {
			return err
		}
		return tx.UpdateMeasure(ctx, latency.ID, DimensionPatch{Archived: &yes})
	})
	clock.advance(time.Second)
	latency.Modified = clock.t
	do(t, s, func(tx *Tx) error {
		got, err := tx.EnsureMeasures(ctx, p.ID, []Measure{
			{Name: "latency", Units: "seconds", Direction: "higher"},                             // the slug of one that exists
			{Name: "Throughput", Slug: "throughput", Units: "operations/s", Direction: "higher"}, // new
			{Name: "Throughput", Slug: "throughput", Units: "again", Direction: "lower"},         // met before
		})
		if err != nil {
			return err
		}
		if diff := cmp.Diff(latency, got["latency"]); diff != "" {
			t.Errorf("one that exists (-want +got):\n%s", diff)
		}
		want := Measure{ID: got["Throughput"].ID, ProjectID: p.ID, Name: "Throughput", Slug: "throughput", Units: "operations/s", Direction: "higher", Created: clock.t, Modified: clock.t}
		if diff := cmp.Diff(map[string]Measure{"latency": latency, "Throughput": want}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		byID, err := tx.EnsureMeasures(ctx, p.ID, []Measure{{Name: want.ID}})
		if diff := cmp.Diff(map[string]Measure{want.ID: want}, byID); diff != "" {
			t.Errorf("by UUID (-want +got):\n%s", diff)
		}
		return err
	})
	refused(t, s, fault.Missing, func(tx *Tx) error {
		_, err := tx.EnsureMeasures(ctx, p.ID, []Measure{{Name: ident.NewUUID(), Units: "x", Direction: "lower"}})
		return err
	})
}

func TestEnsureTestbedBySlugNameAndUUID(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	p := newProject(t, s, Project{OrganizationID: home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	var made Testbed
	yes, spec := true, ident.NewUUID()
	do(t, s, func(tx *Tx) (err error) {
		made, err = tx.EnsureTestbed(ctx, p.ID, "Intel Lab")
		return err
	})
	for _, ref := range []string{"Intel Lab", "intel-lab", made.ID} {
		do(t, s, func(tx *Tx) error {
			if err := tx.UpdateTestbed(ctx, made.ID, DimensionPatch{Archived: &yes}); err != nil {
				return err
			}
			got, err := tx.EnsureTestbed(ctx, p.ID, ref)
			if diff := cmp.Diff(made, got); diff != "" {
				t.Errorf("by %s, archived before (-want +got):\n%s", ref, diff)
			}
			return err
		})
	}
	do(t, s, func(tx *Tx) error {
		if err := tx.SetTestbedSpec(ctx, made.ID, &spec); err != nil {
			return err
		}
		got, err := tx.TestbedByPath(ctx, p.ID, "intel-lab")
		if got.SpecID == nil || *got.SpecID != spec {
			t.Errorf("spec: %v", got.SpecID)
		}
		return err
	})
	refused(t, s, fault.Missing, func(tx *Tx) error {
		_, err := tx.EnsureTestbed(ctx, p.ID, ident.NewUUID())
		return err
	})
}

func TestDimensionListFiltersAndPages(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	p := newProject(t, s, Project{OrganizationID: home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	yes := true
	var old Testbed
	do(t, s, func(tx *Tx) (err error) {
		for _, name := range []string{"ci", "Ärger", "lab 1", "lab 2"} {
			if _, err := tx.InsertTestbed(ctx, Testbed{ProjectID: p.ID, Name: name}); err != nil {
				return err
			}
		}
		if old, err = tx.InsertTestbed(ctx, Testbed{ProjectID: p.ID, Name: "lab 0"}); err != nil {
			return err
		}
		return tx.UpdateTestbed(ctx, old.ID, DimensionPatch{Archived: &yes})
	})
	for _, tc := range []struct {
		claim string
		f     ListFilter
		want  []string
		total int
	}{
		{"by name, without archived ones", ListFilter{Page: Page{Limit: 9}}, []string{"ci", "lab 1", "lab 2", "Ärger"}, 4},
		{"backwards", ListFilter{Page: Page{Limit: 2, Desc: true}}, []string{"Ärger", "lab 2"}, 4},
		{"a page", ListFilter{Page: Page{Limit: 2, Offset: 2}}, []string{"lab 2", "Ärger"}, 4},
		{"only archived ones", ListFilter{Archived: true, Page: Page{Limit: 9}}, []string{"lab 0"}, 1},
		{"search", ListFilter{Search: "LAB", Page: Page{Limit: 9}}, []string{"lab 1", "lab 2"}, 2},
		{"search by slug", ListFilter{Search: "lab-2", Page: Page{Limit: 9}}, []string{"lab 2"}, 1},
		{"search by a text as it stands", ListFilter{Search: "Ärger", Page: Page{Limit: 9}}, []string{"Ärger"}, 1},
		{"search by UUID, archived", ListFilter{Search: old.ID, Archived: true, Page: Page{Limit: 9}}, []string{"lab 0"}, 1},
		{"name", ListFilter{Name: "lab 1", Page: Page{Limit: 9}}, []string{"lab 1"}, 1},
		{"name and search that do not meet", ListFilter{Name: "lab 1", Search: "ci", Page: Page{Limit: 9}}, []string{}, 0},
	} {
		do(t, s, func(tx *Tx) error {
			rows, total, err := tx.ListTestbeds(ctx, p.ID, tc.f)
			got := []string{}
			for _, r := range rows {
				got = append(got, r.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || total != tc.total {
				t.Errorf("%s: want %d in all, got %d (-want +got):\n%s", tc.claim, tc.total, total, diff)
			}
			return err
		})
	}
}

func TestUpdateDimensionChangesWhatIsNamed(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	p := newProject(t, s, Project{OrganizationID: home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	var m Measure
	do(t, s, func(tx *Tx) (err error) {
		if _, err = tx.InsertMeasure(ctx, Measure{ProjectID: p.ID, Name: "taken", Units: "x", Direction: "lower"}); err != nil {
			return err
		}
		m, err = tx.InsertMeasure(ctx, Measure{ProjectID: p.ID, Name: "m", Units: "x", Direction: "lower"})
		return err
	})
	name, slug, units, direction, yes, no := "M", "em", "y", "higher", true, false
	for _, tc := range []struct {
		claim string
		patch DimensionPatch
		want  func(*Measure)
	}{
		{"nothing", DimensionPatch{}, func(*Measure) {}},
		{"name: the slug stays", DimensionPatch{Name: &name}, func(m *Measure) { m.Name = name }},
		{"slug", DimensionPatch{Slug: &slug}, func(m *Measure) { m.Slug = slug }},
		{"units and direction", DimensionPatch{Units: &units, Direction: &direction}, func(m *Measure) { m.Units, m.Direction = units, direction }},
		{"archive", DimensionPatch{Archived: &yes}, func(m *Measure) { at := clock.t; m.Archived = &at }},
		{"bring back", DimensionPatch{Archived: &no}, func(m *Measure) { m.Archived = nil }},
	} {
		clock.advance(time.Second)
		tc.want(&m)
		m.Modified = clock.t
		do(t, s, func(tx *Tx) error {
			if err := tx.UpdateMeasure(ctx, m.ID, tc.patch); err != nil {
				return err
			}
			got, err := tx.MeasureByRef(ctx, p.ID, m.ID)
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.claim, diff)
			}
			return err
		})
	}
	taken := "taken"
	refused(t, s, fault.Conflict, func(tx *Tx) error { return tx.UpdateMeasure(ctx, m.ID, DimensionPatch{Name: &taken}) })
	refused(t, s, fault.Conflict, func(tx *Tx) error { return tx.UpdateMeasure(ctx, m.ID, DimensionPatch{Slug: &taken}) })
	refused(t, s, fault.Missing, func(tx *Tx) error { return tx.UpdateMeasure(ctx, ident.NewUUID(), DimensionPatch{Name: &name}) })
}

func TestDeleteDimensionThatIsUsedIsAConflict(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	g := newGround(t, s, 2, 2)
	ctx := t.Context()
	branch, head := g.branch("main")
	g.tx(func(tx *Tx) error {
		ids := g.seriesIDs(tx)
		// One metric: the first benchmark, measure and testbed are used, the second ones only have a series, or not even that.
		g.report(tx, head, "", clock.t, ids[:1], [][]float64{{1}})
		return nil
	})
	for name, remove := range map[string]func(*Tx, int) error{
		"testbed":   func(tx *Tx, i int) error { return tx.DeleteTestbed(ctx, g.testbeds[i]) },
		"benchmark": func(tx *Tx, i int) error { return tx.DeleteBenchmark(ctx, g.benchmarks[i]) },
		"measure":   func(tx *Tx, i int) error { return tx.DeleteMeasure(ctx, g.measures[i]) },
	} {
		err := s.Tx(ctx, func(tx *Tx) error { return remove(tx, 0) })
		if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "delete these first, or archive it") {
			t.Errorf("a %s that is used: %v", name, err)
		}
	}
	// A threshold holds its measure and testbed, not a benchmark.
	g.tx(func(tx *Tx) error {
		_, err := tx.InsertThreshold(ctx, g.project, branch.ID, g.testbeds[1], g.measures[1])
		return err
	})
	refused(t, s, fault.Conflict, func(tx *Tx) error { return tx.DeleteTestbed(ctx, g.testbeds[1]) })
	refused(t, s, fault.Conflict, func(tx *Tx) error { return tx.DeleteMeasure(ctx, g.measures[1]) })
	g.tx(func(tx *Tx) error { return tx.DeleteBenchmark(ctx, g.benchmarks[1]) })
	refused(t, s, fault.Missing, func(tx *Tx) error { return tx.DeleteBenchmark(ctx, g.benchmarks[1]) })
}
