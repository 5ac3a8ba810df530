package series_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/threshold"
)

func TestMeasureRoundTrip(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	p := storetest.NewProject(t, s, project.Project{OrganizationID: storetest.Home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	storetest.Do(t, s, func(tx *store.Tx) error {
		made, err := series.InsertMeasure(ctx, tx, series.Measure{ProjectID: p.ID, Name: "Peak Memory", Units: "bytes (B)", Direction: "lower",
			Exact: true})
		if err != nil {
			return err
		}
		want := series.Measure{ID: made.ID, ProjectID: p.ID, Name: "Peak Memory", Slug: "peak-memory", Units: "bytes (B)", Direction: "lower",
			Exact: true, Created: clock.T, Modified: clock.T}
		for _, ref := range []string{made.ID, strings.ToUpper(made.ID), "Peak Memory", "peak-memory"} {
			got, err := series.MeasureByRef(ctx, tx, p.ID, ref)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("by %s: %v (-want +got):\n%s", ref, err, diff)
			}
		}
		byID, err := series.MeasuresByID(ctx, tx, []string{made.ID, ident.NewUUID()})
		if diff := cmp.Diff(map[string]series.Measure{made.ID: want}, byID); diff != "" {
			t.Errorf("by ids (-want +got):\n%s", diff)
		}
		return err
	})
	other := storetest.NewProject(t, s, project.Project{OrganizationID: storetest.Home(t, s, "o2").ID, Name: "other"})
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
		_, err := series.MeasureByRef(ctx, tx, other.ID, "peak-memory")
		return err
	})
}

// TestNamesAndSlugsThatMeetStayApart: "a/b" was first and has the slug "a-b", which is the name of another.
func TestNamesAndSlugsThatMeetStayApart(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	p := storetest.NewProject(t, s, project.Project{OrganizationID: storetest.Home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	storetest.Do(t, s, func(tx *store.Tx) error {
		slash, err := series.InsertBenchmark(ctx, tx, series.Benchmark{ProjectID: p.ID, Name: "a/b"})
		if err != nil {
			return err
		}
		hyphen, err := series.InsertBenchmark(ctx, tx, series.Benchmark{ProjectID: p.ID, Name: "a-b"})
		if err != nil {
			return err
		}
		if slash.Slug != "a-b" || !strings.HasPrefix(hyphen.Slug, "a-b-") {
			t.Errorf("slugs %q and %q", slash.Slug, hyphen.Slug)
		}
		for _, tc := range []struct {
			claim string
			find  func(*store.Tx, string) (series.Benchmark, error)
			ref   string
			want  series.Benchmark
		}{
			{"a reference in a body is a name first", func(tx *store.Tx, ref string) (series.Benchmark, error) {
				return series.BenchmarkByRef(ctx, tx, p.ID, ref)
			}, "a-b", hyphen},
			{"one in a path is a slug first", func(tx *store.Tx, ref string) (series.Benchmark, error) {
				return series.BenchmarkByPath(ctx, tx, p.ID, ref)
			}, "a-b", slash},
			{"each by its own slug", func(tx *store.Tx, ref string) (series.Benchmark, error) {
				return series.BenchmarkByPath(ctx, tx, p.ID, ref)
			}, hyphen.Slug, hyphen},
			{"each by its own name", func(tx *store.Tx, ref string) (series.Benchmark, error) {
				return series.BenchmarkByPath(ctx, tx, p.ID, ref)
			}, "a/b", slash},
			{"each by UUID", func(tx *store.Tx, ref string) (series.Benchmark, error) {
				return series.BenchmarkByPath(ctx, tx, p.ID, ref)
			}, slash.ID, slash},
		} {
			got, err := tc.find(tx, tc.ref)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tc.claim, err, diff)
			}
		}
		return nil
	})
	for name, b := range map[string]series.Benchmark{"the name is taken": {Name: "a/b"}, "the slug is taken": {Name: "c", Slug: "a-b"}} {
		t.Run(name, func(t *testing.T) {
			b.ProjectID = p.ID
			storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error {
				_, err := series.InsertBenchmark(ctx, tx, b)
				return err
			})
		})
	}
}

func TestEnsureBenchmarksMakesEachOnceAndBringsArchivedOnesBack(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	p := storetest.NewProject(t, s, project.Project{OrganizationID: storetest.Home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	names := []string{"a/b", "a b", "a-b", "<script>", "a/b", strings.Repeat("n", 1024), ident.NewUUID()}
	for i := range store.IDsPerQuery + 3 { // more than one statement's worth
		names = append(names, fmt.Sprintf("Benchmark/%d", i))
	}
	ensure := func(names []string) (out map[string]series.Benchmark) {
		t.Helper()
		storetest.Do(t, s, func(tx *store.Tx) (err error) {
			out, err = series.EnsureBenchmarks(ctx, tx, p.ID, names)
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
	storetest.Do(t, s, func(tx *store.Tx) error {
		return series.UpdateBenchmark(ctx, tx, first["a b"].ID, series.DimensionPatch{Archived: &yes})
	})
	clock.Advance(time.Hour)
	second := ensure(names)
	want := first["a b"]
	want.Modified = clock.T
	if diff := cmp.Diff(want, second["a b"]); diff != "" {
		t.Errorf("the archived one (-want +got):\n%s", diff)
	}
	first["a b"], second["a b"] = series.Benchmark{}, series.Benchmark{}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second report has others (-first +second):\n%s", diff)
	}
	id := first["<script>"].ID
	if got := ensure([]string{id, "new"}); got[id].Name != "<script>" || got["new"].Name != "new" {
		t.Errorf("by UUID: %+v", got)
	}
	for _, twice := range [][]string{{"<script>", id}, {id, strings.ToUpper(id)}} {
		storetest.Refused(t, s, fault.Invalid, func(tx *store.Tx) error {
			_, err := series.EnsureBenchmarks(ctx, tx, p.ID, twice)
			return err
		})
	}
	elsewhere := storetest.NewProject(t, s, project.Project{OrganizationID: p.OrganizationID, Name: "elsewhere"})
	storetest.Do(t, s, func(tx *store.Tx) error {
		got, err := series.EnsureBenchmarks(ctx, tx, elsewhere.ID, []string{id})
		if got[id].ID == id {
			t.Error("a UUID reached into another project")
		}
		return err
	})
}

func TestEnsureMeasuresKeepsUnitsOfTheOneThatExists(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	p := storetest.NewProject(t, s, project.Project{OrganizationID: storetest.Home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	var latency series.Measure
	yes := true
	storetest.Do(t, s, func(tx *store.Tx) (err error) {
		if latency, err = series.InsertMeasure(ctx, tx, series.Measure{ProjectID: p.ID, Name: "Latency", Slug: "latency",
			Units: "nanoseconds (ns)", Direction: "lower"}); err != nil {
			return err
		}
		return series.UpdateMeasure(ctx, tx, latency.ID, series.DimensionPatch{Archived: &yes})
	})
	clock.Advance(time.Second)
	latency.Modified = clock.T
	storetest.Do(t, s, func(tx *store.Tx) error {
		got, err := series.EnsureMeasures(ctx, tx, p.ID, []series.Measure{
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
		want := series.Measure{ID: got["Throughput"].ID, ProjectID: p.ID, Name: "Throughput", Slug: "throughput", Units: "operations/s",
			Direction: "higher", Created: clock.T, Modified: clock.T}
		if diff := cmp.Diff(map[string]series.Measure{"latency": latency, "Throughput": want}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		byID, err := series.EnsureMeasures(ctx, tx, p.ID, []series.Measure{{Name: want.ID}})
		if diff := cmp.Diff(map[string]series.Measure{want.ID: want}, byID); diff != "" {
			t.Errorf("by UUID (-want +got):\n%s", diff)
		}
		return err
	})
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
		_, err := series.EnsureMeasures(ctx, tx, p.ID, []series.Measure{{Name: ident.NewUUID(), Units: "x", Direction: "lower"}})
		return err
	})
}

func TestEnsureTestbedBySlugNameAndUUID(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	p := storetest.NewProject(t, s, project.Project{OrganizationID: storetest.Home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	var made series.Testbed
	yes, spec := true, ident.NewUUID()
	storetest.Do(t, s, func(tx *store.Tx) (err error) {
		made, err = series.EnsureTestbed(ctx, tx, p.ID, "Intel Lab")
		return err
	})
	for _, ref := range []string{"Intel Lab", "intel-lab", made.ID} {
		storetest.Do(t, s, func(tx *store.Tx) error {
			if err := series.UpdateTestbed(ctx, tx, made.ID, series.DimensionPatch{Archived: &yes}); err != nil {
				return err
			}
			got, err := series.EnsureTestbed(ctx, tx, p.ID, ref)
			if diff := cmp.Diff(made, got); diff != "" {
				t.Errorf("by %s, archived before (-want +got):\n%s", ref, diff)
			}
			return err
		})
	}
	storetest.Do(t, s, func(tx *store.Tx) error {
		if err := series.SetTestbedSpec(ctx, tx, made.ID, &spec); err != nil {
			return err
		}
		got, err := series.TestbedByPath(ctx, tx, p.ID, "intel-lab")
		if got.SpecID == nil || *got.SpecID != spec {
			t.Errorf("spec: %v", got.SpecID)
		}
		return err
	})
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
		_, err := series.EnsureTestbed(ctx, tx, p.ID, ident.NewUUID())
		return err
	})
}

func TestDimensionListFiltersAndPages(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	p := storetest.NewProject(t, s, project.Project{OrganizationID: storetest.Home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	yes := true
	var old series.Testbed
	storetest.Do(t, s, func(tx *store.Tx) (err error) {
		for _, name := range []string{"ci", "Ärger", "lab 1", "lab 2"} {
			if _, err := series.InsertTestbed(ctx, tx, series.Testbed{ProjectID: p.ID, Name: name}); err != nil {
				return err
			}
		}
		if old, err = series.InsertTestbed(ctx, tx, series.Testbed{ProjectID: p.ID, Name: "lab 0"}); err != nil {
			return err
		}
		return series.UpdateTestbed(ctx, tx, old.ID, series.DimensionPatch{Archived: &yes})
	})
	for _, tc := range []struct {
		claim string
		f     store.ListFilter
		want  []string
		total int
	}{
		{"by name, without archived ones", store.ListFilter{Page: store.Page{Limit: 9}}, []string{"ci", "lab 1", "lab 2", "Ärger"}, 4},
		{"backwards", store.ListFilter{Page: store.Page{Limit: 2, Desc: true}}, []string{"Ärger", "lab 2"}, 4},
		{"a page", store.ListFilter{Page: store.Page{Limit: 2, Offset: 2}}, []string{"lab 2", "Ärger"}, 4},
		{"only archived ones", store.ListFilter{Archived: true, Page: store.Page{Limit: 9}}, []string{"lab 0"}, 1},
		{"search", store.ListFilter{Search: "LAB", Page: store.Page{Limit: 9}}, []string{"lab 1", "lab 2"}, 2},
		{"search by slug", store.ListFilter{Search: "lab-2", Page: store.Page{Limit: 9}}, []string{"lab 2"}, 1},
		{"search by a text as it stands", store.ListFilter{Search: "Ärger", Page: store.Page{Limit: 9}}, []string{"Ärger"}, 1},
		{"search by UUID, archived", store.ListFilter{Search: old.ID, Archived: true, Page: store.Page{Limit: 9}}, []string{"lab 0"}, 1},
		{"name", store.ListFilter{Name: "lab 1", Page: store.Page{Limit: 9}}, []string{"lab 1"}, 1},
		{"name and search that do not meet", store.ListFilter{Name: "lab 1", Search: "ci", Page: store.Page{Limit: 9}}, []string{}, 0},
	} {
		storetest.Do(t, s, func(tx *store.Tx) error {
			rows, total, err := series.ListTestbeds(ctx, tx, p.ID, tc.f)
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
	s, clock := storetest.Open(t)
	p := storetest.NewProject(t, s, project.Project{OrganizationID: storetest.Home(t, s, "o").ID, Name: "p"})
	ctx := t.Context()
	var m series.Measure
	storetest.Do(t, s, func(tx *store.Tx) (err error) {
		if _, err = series.InsertMeasure(ctx, tx, series.Measure{ProjectID: p.ID, Name: "taken", Units: "x", Direction: "lower"}); err != nil {
			return err
		}
		m, err = series.InsertMeasure(ctx, tx, series.Measure{ProjectID: p.ID, Name: "m", Units: "x", Direction: "lower"})
		return err
	})
	name, slug, units, direction, yes, no := "M", "em", "y", "higher", true, false
	for _, tc := range []struct {
		claim string
		patch series.DimensionPatch
		want  func(*series.Measure)
	}{
		{"nothing", series.DimensionPatch{}, func(*series.Measure) {}},
		{"name: the slug stays", series.DimensionPatch{Name: &name}, func(m *series.Measure) { m.Name = name }},
		{"slug", series.DimensionPatch{Slug: &slug}, func(m *series.Measure) { m.Slug = slug }},
		{"units and direction", series.DimensionPatch{Units: &units, Direction: &direction},
			func(m *series.Measure) { m.Units, m.Direction = units, direction }},
		{"archive", series.DimensionPatch{Archived: &yes}, func(m *series.Measure) { at := clock.T; m.Archived = &at }},
		{"bring back", series.DimensionPatch{Archived: &no}, func(m *series.Measure) { m.Archived = nil }},
	} {
		clock.Advance(time.Second)
		tc.want(&m)
		m.Modified = clock.T
		storetest.Do(t, s, func(tx *store.Tx) error {
			if err := series.UpdateMeasure(ctx, tx, m.ID, tc.patch); err != nil {
				return err
			}
			got, err := series.MeasureByRef(ctx, tx, p.ID, m.ID)
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.claim, diff)
			}
			return err
		})
	}
	taken := "taken"
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error {
		return series.UpdateMeasure(ctx, tx, m.ID, series.DimensionPatch{Name: &taken})
	})
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error {
		return series.UpdateMeasure(ctx, tx, m.ID, series.DimensionPatch{Slug: &taken})
	})
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
		return series.UpdateMeasure(ctx, tx, ident.NewUUID(), series.DimensionPatch{Name: &name})
	})
}

func TestDeleteDimensionThatIsUsedIsAConflict(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	g := storetest.NewGround(t, s, 2, 2)
	ctx := t.Context()
	branch, head := g.Branch("main")
	g.Tx(func(tx *store.Tx) error {
		ids := g.SeriesIDs(tx)
		// One metric: the first benchmark, measure and testbed are used, the second ones only have a series, or not even that.
		g.Report(tx, head, "", clock.T, ids[:1], [][]float64{{1}})
		return nil
	})
	for name, remove := range map[string]func(*store.Tx, int) error{
		"testbed":   func(tx *store.Tx, i int) error { return series.DeleteTestbed(ctx, tx, g.Testbeds[i]) },
		"benchmark": func(tx *store.Tx, i int) error { return series.DeleteBenchmark(ctx, tx, g.Benchmarks[i]) },
		"measure":   func(tx *store.Tx, i int) error { return series.DeleteMeasure(ctx, tx, g.Measures[i]) },
	} {
		err := s.Tx(ctx, func(tx *store.Tx) error { return remove(tx, 0) })
		if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "delete these first, or archive it") {
			t.Errorf("a %s that is used: %v", name, err)
		}
	}
	// A threshold holds its measure and testbed, not a benchmark.
	g.Tx(func(tx *store.Tx) error {
		_, err := threshold.Insert(ctx, tx, g.Project, branch.ID, g.Testbeds[1], g.Measures[1])
		return err
	})
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error { return series.DeleteTestbed(ctx, tx, g.Testbeds[1]) })
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error { return series.DeleteMeasure(ctx, tx, g.Measures[1]) })
	g.Tx(func(tx *store.Tx) error { return series.DeleteBenchmark(ctx, tx, g.Benchmarks[1]) })
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error { return series.DeleteBenchmark(ctx, tx, g.Benchmarks[1]) })
}
