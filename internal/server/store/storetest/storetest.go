// Package storetest has what tests of the noun rooms stand on: a fresh database with a clock that stands still, and rows to begin with.
package storetest

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// Clock stands still until it is moved.
type Clock struct{ T time.Time }

// Now is the time.
func (c *Clock) Now() time.Time { return c.T }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.T = c.T.Add(d) }

// Open returns a fresh database of the kind that the run of the tests asks for (testdb), with a clock that stands still until it is moved.
func Open(t testing.TB) (*store.Store, *Clock) {
	t.Helper()
	return open(t, func(_ context.Context, cfg store.Config) (*store.Store, error) { return testdb.Open(t, cfg) })
}

func open(t testing.TB, with func(context.Context, store.Config) (*store.Store, error)) (*store.Store, *Clock) {
	t.Helper()
	clock := &Clock{T: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s, err := with(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "tacho.db"), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, clock
}

// OpenSQLite is Open for what there is in SQLite alone.
func OpenSQLite(t testing.TB) (*store.Store, *Clock) {
	t.Helper()
	return open(t, store.Open)
}

// Do runs f in a transaction that must succeed.
func Do(t testing.TB, s *store.Store, f func(*store.Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// Refused checks that f fails with kind and leaves nothing behind.
func Refused(t testing.TB, s *store.Store, kind fault.Kind, f func(*store.Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), f); !fault.Is(err, kind) {
		t.Errorf("want a fault of kind %v, got %v", kind, err)
	}
}

// Home makes an organization to put projects in.
func Home(t testing.TB, s *store.Store, name string) account.Organization {
	t.Helper()
	var o account.Organization
	Do(t, s, func(tx *store.Tx) (err error) {
		o, err = account.InsertOrganization(t.Context(), tx, name, "free")
		return err
	})
	return o
}

// NewProject makes a project, a public one unless it says otherwise.
func NewProject(t testing.TB, s *store.Store, p project.Project) project.Project {
	t.Helper()
	if p.Visibility == "" {
		p.Visibility = "public"
	}
	Do(t, s, func(tx *store.Tx) (err error) {
		p, err = project.Insert(t.Context(), tx, p)
		return err
	})
	return p
}

// Commit runs f in a transaction that must succeed.
func Commit(t *testing.T, s *store.Store, f func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// WantFault runs f in a transaction that must fail with the kind.
func WantFault(t *testing.T, s *store.Store, want fault.Kind, f func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) }); err == nil || fault.Of(err) != want {
		t.Fatalf("want %v, got %v", want, err)
	}
}

// Ground is a project with a branch, two testbeds, benchmarks and measures, on which tests stand. Its rows are written
// as they lie in the database, so that these tests depend on no other group of queries.
type Ground struct {
	T          testing.TB
	Store      *store.Store
	Project    string
	Testbeds   []string
	Benchmarks []string
	Measures   []string
}

// NewGround makes a ground with so many benchmarks and measures.
func NewGround(t testing.TB, s *store.Store, benchmarks, measures int) *Ground {
	t.Helper()
	g := &Ground{T: t, Store: s, Project: ident.NewUUID()}
	organization := ident.NewUUID()
	g.Tx(func(tx *store.Tx) error {
		insert := func(query string, args ...any) {
			t.Helper()
			if _, err := tx.Exec(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		insert(`insert into organization (id, name, slug, created, modified) values ($1, 'o', $1, 0, 0)`, organization)
		insert(`insert into project (id, organization_id, name, slug, created, modified) values ($1, $2, 'p', $1, 0, 0)`, g.Project, organization)
		named := func(table string, n int) []string {
			ids := make([]string, n)
			for i := range ids {
				ids[i] = ident.NewUUID()
				units, value := "", ""
				if table == "measure" {
					units, value = ", units", ", 'ns'"
				}
				insert(`insert into `+table+` (id, project_id, name, slug, created, modified`+units+`) values ($1, $2, $3, $3, 0, 0`+value+`)`,
					ids[i], g.Project, fmt.Sprintf("%s-%d", table, i))
			}
			return ids
		}
		g.Testbeds, g.Benchmarks, g.Measures = named("testbed", 2), named("benchmark", benchmarks), named("measure", measures)
		return nil
	})
	return g
}

// Tx runs f in a transaction that must succeed.
func (g *Ground) Tx(f func(*store.Tx) error) {
	g.T.Helper()
	if err := g.Store.Tx(g.T.Context(), f); err != nil {
		g.T.Fatal(err)
	}
}

// Branch makes a branch.
func (g *Ground) Branch(name string) (series.Branch, series.Head) {
	g.T.Helper()
	var b series.Branch
	var h series.Head
	g.Tx(func(tx *store.Tx) (err error) {
		b, h, err = series.InsertBranch(g.T.Context(), tx, g.Project, name, "")
		return err
	})
	return b, h
}

// Report makes a processed report at a version of the head with one metric for each value: values[iteration][series].
func (g *Ground) Report(tx *store.Tx, head series.Head, hash string, start time.Time, seriesIDs []int64,
	values [][]float64) (report.Report, series.Version) {
	g.T.Helper()
	ctx := g.T.Context()
	v, err := series.EnsureVersion(ctx, tx, g.Project, head.ID, hash)
	if err != nil {
		g.T.Fatal(err)
	}
	r, err := report.Insert(ctx, tx, report.Report{ID: ident.NewUUID(), ProjectID: g.Project, HeadID: head.ID, VersionID: v.ID,
		TestbedID: g.Testbeds[0],
		Adapter:   "json", Status: api.ReportProcessed, StartTime: start, EndTime: start})
	if err != nil {
		g.T.Fatal(err)
	}
	var metrics []report.Metric
	for iteration, row := range values {
		for i, value := range row {
			if !math.IsNaN(value) {
				metrics = append(metrics, report.Metric{SeriesID: seriesIDs[i], ReportSeq: r.Seq, Iteration: iteration, Value: value})
			}
		}
	}
	if err := report.InsertMetrics(ctx, tx, metrics); err != nil {
		g.T.Fatal(err)
	}
	return r, v
}

// SeriesIDs returns the series of all benchmarks and measures on the first testbed, and makes them.
func (g *Ground) SeriesIDs(tx *store.Tx) []int64 {
	g.T.Helper()
	var keys []series.Key
	for _, b := range g.Benchmarks {
		for _, m := range g.Measures {
			keys = append(keys, series.Key{BenchmarkID: b, MeasureID: m})
		}
	}
	found, err := series.Ensure(g.T.Context(), tx, g.Testbeds[0], keys)
	if err != nil {
		g.T.Fatal(err)
	}
	ids := make([]int64, len(keys))
	for i, k := range keys {
		ids[i] = found[k]
	}
	return ids
}
