package explore_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestEnsureSeriesMakesEachOnce(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 3, 2)
	g.Tx(func(tx *store.Tx) error {
		first, second := g.SeriesIDs(tx), g.SeriesIDs(tx)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
		if slices.Sort(first); len(slices.Compact(first)) != 6 {
			t.Errorf("want 6 different series, got %v", first)
		}
		k := series.Key{BenchmarkID: g.Benchmarks[0], MeasureID: g.Measures[0]}
		other, err := series.Ensure(t.Context(), tx, g.Testbeds[1], []series.Key{k, k})
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
	s, clock := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	_, head := g.Branch("main")
	want := []float64{3, 1, 2, math.MaxFloat64, math.SmallestNonzeroFloat64, -0.1}
	g.Tx(func(tx *store.Tx) error {
		ids := g.SeriesIDs(tx)
		r, _ := g.Report(tx, head, "", clock.T, ids, nil)
		lower := 0.5
		m := []report.Metric{{SeriesID: ids[0], ReportSeq: r.Seq, Value: 2, Lower: &lower, Samples: want}}
		if err := report.InsertMetrics(t.Context(), tx, m); err != nil {
			return err
		}
		got, err := report.Samples(t.Context(), tx, m[0].ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		stored, rep, err := report.MetricByID(t.Context(), tx, g.Project, m[0].ID)
		m[0].Samples = nil
		if diff := cmp.Diff(m[0], stored); diff != "" || err != nil || rep.ID != r.ID {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if _, _, err := report.MetricByID(t.Context(), tx, ident.NewUUID(), m[0].ID); !fault.Is(err, fault.Missing) {
			t.Errorf("from another project: want missing, got %v", err)
		}
		return nil
	})
}

func TestHotQueriesReadByIndex(t *testing.T) {
	t.Parallel()
	storetest.ReadsByIndex(t, map[string]string{
		"line":   explore.LineReportsQuery,
		"series": explore.SeriesPointsQuery,
		"places": explore.LinePlacesQuery,
		"spots":  explore.SeriesSpotsQuery,
	})
}
