package store

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// ground is a project with a branch, two testbeds, benchmarks and measures, on which the tests of this file stand. Its rows are written
// as they lie in the database, so that these tests depend on no other group of queries.
type ground struct {
	t          testing.TB
	s          *Store
	project    string
	testbeds   []string
	benchmarks []string
	measures   []string
}

func newGround(t testing.TB, s *Store, benchmarks, measures int) *ground {
	t.Helper()
	g := &ground{t: t, s: s, project: ident.NewUUID()}
	organization := ident.NewUUID()
	g.tx(func(tx *Tx) error {
		insert := func(query string, args ...any) {
			t.Helper()
			if _, err := tx.q.ExecContext(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		insert(`insert into organization (id, name, slug, created, modified) values ($1, 'o', $1, 0, 0)`, organization)
		insert(`insert into project (id, organization_id, name, slug, created, modified) values ($1, $2, 'p', $1, 0, 0)`, g.project, organization)
		named := func(table string, n int) []string {
			ids := make([]string, n)
			for i := range ids {
				ids[i] = ident.NewUUID()
				units, value := "", ""
				if table == "measure" {
					units, value = ", units", ", 'ns'"
				}
				insert(`insert into `+table+` (id, project_id, name, slug, created, modified`+units+`) values ($1, $2, $3, $3, 0, 0`+value+`)`,
					ids[i], g.project, fmt.Sprintf("%s-%d", table, i))
			}
			return ids
		}
		g.testbeds, g.benchmarks, g.measures = named("testbed", 2), named("benchmark", benchmarks), named("measure", measures)
		return nil
	})
	return g
}

func (g *ground) tx(f func(*Tx) error) {
	g.t.Helper()
	if err := g.s.Tx(g.t.Context(), f); err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) branch(name string) (Branch, Head) {
	g.t.Helper()
	var b Branch
	var h Head
	g.tx(func(tx *Tx) (err error) {
		b, h, err = tx.InsertBranch(g.t.Context(), g.project, name, "")
		return err
	})
	return b, h
}

// report makes a processed report at a version of the head with one metric for each value: values[iteration][series].
func (g *ground) report(tx *Tx, head Head, hash string, start time.Time, seriesIDs []int64, values [][]float64) (Report, Version) {
	g.t.Helper()
	ctx := g.t.Context()
	v, err := tx.EnsureVersion(ctx, g.project, head.ID, hash)
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := tx.InsertReport(ctx, Report{ID: ident.NewUUID(), ProjectID: g.project, HeadID: head.ID, VersionID: v.ID, TestbedID: g.testbeds[0],
		Adapter: "json", Status: api.ReportProcessed, StartTime: start, EndTime: start})
	if err != nil {
		g.t.Fatal(err)
	}
	var metrics []Metric
	for iteration, row := range values {
		for i, value := range row {
			if !math.IsNaN(value) {
				metrics = append(metrics, Metric{SeriesID: seriesIDs[i], ReportSeq: r.Seq, Iteration: iteration, Value: value})
			}
		}
	}
	if err := tx.InsertMetrics(ctx, metrics); err != nil {
		g.t.Fatal(err)
	}
	return r, v
}

func (g *ground) seriesIDs(tx *Tx) []int64 {
	g.t.Helper()
	var keys []SeriesKey
	for _, b := range g.benchmarks {
		for _, m := range g.measures {
			keys = append(keys, SeriesKey{b, m})
		}
	}
	found, err := tx.EnsureSeries(g.t.Context(), g.testbeds[0], keys)
	if err != nil {
		g.t.Fatal(err)
	}
	ids := make([]int64, len(keys))
	for i, k := range keys {
		ids[i] = found[k]
	}
	return ids
}

func TestEnsureSeriesMakesEachOnce(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	g := newGround(t, s, 3, 2)
	g.tx(func(tx *Tx) error {
		first, second := g.seriesIDs(tx), g.seriesIDs(tx)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
		if slices.Sort(first); len(slices.Compact(first)) != 6 {
			t.Errorf("want 6 different series, got %v", first)
		}
		k := SeriesKey{g.benchmarks[0], g.measures[0]}
		other, err := tx.EnsureSeries(t.Context(), g.testbeds[1], []SeriesKey{k, k})
		if err != nil {
			return err
		}
		if slices.Contains(first, other[k]) || len(other) != 1 {
			t.Errorf("another testbed: want one series of its own, got %v", other)
		}
		return nil
	})
}

func TestSamplesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	g := newGround(t, s, 1, 1)
	_, head := g.branch("main")
	want := []float64{3, 1, 2, math.MaxFloat64, math.SmallestNonzeroFloat64, -0.1}
	g.tx(func(tx *Tx) error {
		ids := g.seriesIDs(tx)
		r, _ := g.report(tx, head, "", clock.t, ids, nil)
		lower := 0.5
		m := []Metric{{SeriesID: ids[0], ReportSeq: r.Seq, Value: 2, Lower: &lower, Samples: want}}
		if err := tx.InsertMetrics(t.Context(), m); err != nil {
			return err
		}
		got, err := tx.MetricSamples(t.Context(), m[0].ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		stored, report, err := tx.Metric(t.Context(), g.project, m[0].ID)
		m[0].Samples = nil
		if diff := cmp.Diff(m[0], stored); diff != "" || err != nil || report.ID != r.ID {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if _, _, err := tx.Metric(t.Context(), ident.NewUUID(), m[0].ID); !fault.Is(err, fault.Missing) {
			t.Errorf("from another project: want missing, got %v", err)
		}
		return nil
	})
}
