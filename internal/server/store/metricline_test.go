package store_test

import (
	"database/sql"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// written is all that a store says of the metrics of some reports, each found by its id alone.
type written struct {
	Metrics map[int64][]report.Metric // by report
	Samples map[int64][]float64       // by metric, as the next
	Alerts  map[int64]threshold.Alert
	Models  map[int64]string // the model's id
}

func metricsOf(t *testing.T, s *store.Store, project string, reports []report.Report) written {
	t.Helper()
	out := written{map[int64][]report.Metric{}, map[int64][]float64{}, nil, map[int64]string{}}
	ctx := t.Context()
	if err := s.View(ctx, func(tx *store.Tx) (err error) {
		var ids []int64
		for _, r := range reports {
			if out.Metrics[r.Seq], err = report.Metrics(ctx, tx, r.Seq, 0, limits.MetricsPerReport); err != nil {
				return err
			}
			for _, m := range out.Metrics[r.Seq] {
				ids = append(ids, m.ID)
				byID, at, err := report.MetricByID(ctx, tx, project, m.ID)
				if diff := cmp.Diff(m, byID); diff != "" || at.ID != r.ID || err != nil {
					t.Errorf("metric %d in report %s, %v (-in its report +by its id):\n%s", m.ID, at.ID, err, diff)
				}
				if samples, err := report.Samples(ctx, tx, m.ID); err != nil {
					return err
				} else if samples != nil {
					out.Samples[m.ID] = samples
				}
				if m.ModelSeq == nil {
					continue
				}
				models, err := threshold.ModelsBySeq(ctx, tx, []int64{*m.ModelSeq})
				if err != nil {
					return err
				}
				out.Models[m.ID] = models[*m.ModelSeq].ID
			}
		}
		out.Alerts, err = threshold.AlertsByMetric(ctx, tx, ids)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// filledWithMetrics is a store with what a year brings: reports of several iterations, two that were written in slices at the same time,
// tools whose order is not that of the series, samples, alerts, a model that was replaced and one that went with its threshold.
func filledWithMetrics(t *testing.T) (*storetest.Ground, []report.Report) {
	t.Helper()
	s, clock := storetest.OpenSQLite(t)
	g := storetest.NewGround(t, s, 7, 2)
	b, head := g.Branch("main")
	ctx := t.Context()
	var reports []report.Report
	var ids []int64
	g.Tx(func(tx *store.Tx) error { ids = g.SeriesIDs(tx); return nil })
	for i := range 4 {
		g.Tx(func(tx *store.Tx) error {
			values := [][]float64{make([]float64, len(ids)), make([]float64, len(ids))}
			for j := range ids {
				values[0][j], values[1][j] = float64(i*100+j)+0.25, float64(-i*100-j)
			}
			values[1][3] = math.NaN()
			order := slices.Clone(ids)
			if i%2 == 1 {
				slices.Reverse(order)
			}
			r, _ := g.Report(tx, head, "", clock.T.Add(time.Duration(i)*time.Minute), order, values)
			reports = append(reports, r)
			return nil
		})
	}
	g.Tx(func(tx *store.Tx) error { // two at once, slice by slice
		first, _ := g.Report(tx, head, "", clock.T.Add(time.Hour), nil, nil)
		second, _ := g.Report(tx, head, "", clock.T.Add(time.Hour), nil, nil)
		reports = append(reports, first, second)
		for from := 0; from < len(ids); from += 5 {
			for _, r := range []report.Report{first, second} {
				var slice []report.Metric
				for _, id := range ids[from:min(from+5, len(ids))] {
					slice = append(slice, report.Metric{SeriesID: id, ReportSeq: r.Seq, Value: float64(id), Samples: []float64{1, float64(id), 0.1}})
				}
				if err := report.InsertMetrics(ctx, tx, slice); err != nil {
					return err
				}
			}
		}
		return nil
	})
	g.Tx(func(tx *store.Tx) error {
		for i, measure := range g.Measures {
			th, err := threshold.Insert(ctx, tx, g.Project, b.ID, g.Testbeds[0], measure)
			if err != nil {
				return err
			}
			for n := range 2 {
				upper := 0.9 + float64(n)/100
				if th, err = threshold.SetModel(ctx, tx, th, &threshold.Model{Test: "percentage", UpperBoundary: &upper}); err != nil {
					return err
				}
				models, err := threshold.ModelsByID(ctx, tx, []string{*th.ModelID})
				if err != nil {
					return err
				}
				r, _ := g.Report(tx, head, "", clock.T.Add(time.Duration(2+i)*time.Hour), nil, nil)
				reports = append(reports, r)
				seq, limit, low := models[*th.ModelID].Seq, 10.5, 2.25
				metrics := []report.Metric{{SeriesID: ids[i], ReportSeq: r.Seq, Value: 11, ModelSeq: &seq, Baseline: &limit, UpperLimit: &limit,
					Lower: &low},
					{SeriesID: ids[i+2], ReportSeq: r.Seq, Value: 1, ModelSeq: &seq, LowerLimit: &low, Upper: &limit}}
				if err := report.InsertMetrics(ctx, tx, metrics); err != nil {
					return err
				}
				for j, m := range metrics {
					if err := threshold.InsertAlerts(ctx, tx, []threshold.Alert{{ID: ident.NewUUID(), ProjectID: g.Project, MetricID: m.ID, ReportID: r.ID,
						ThresholdID: th.ID, ModelID: *th.ModelID, HeadID: head.ID, Limit: []string{"upper", "lower"}[j],
						Status: api.AlertActive}}); err != nil {
						return err
					}
				}
			}
			if i == 1 {
				return threshold.Delete(ctx, tx, th.ID)
			}
		}
		return nil
	})
	return g, reports
}

func TestMetricsOfAnOlderStoreKeepTheirNames(t *testing.T) {
	t.Parallel()
	g, reports := filledWithMetrics(t)
	want := metricsOf(t, g.Store, g.Project, reports)
	if len(want.Alerts) != 4 || len(want.Samples) != 28 || len(want.Models) != 8 {
		t.Fatalf("the store has %d alerts, %d samples, %d judged metrics", len(want.Alerts), len(want.Samples), len(want.Models))
	}
	store.DownThen(t, g.Store, 62, func(older *sql.DB) {
		var n int
		if err := older.QueryRowContext(t.Context(), `select count(*) from metric where id > 0 and model_id is not null`).Scan(&n); err != nil ||
			n != 8 {
			t.Errorf("the older store has %d judged metrics, %v", n, err)
		}
	})
	got := metricsOf(t, g.Store, g.Project, reports)
	for _, w := range []written{want, got} { // a model's number is the store's own affair, and 0 is one that nobody has
		for _, metrics := range w.Metrics {
			for i := range metrics {
				if metrics[i].ModelSeq != nil {
					metrics[i].ModelSeq = new(int64)
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	g.Tx(func(tx *store.Tx) error {
		rows, err := tx.Query(t.Context(), `pragma foreign_key_check`)
		broken, err := store.Collect(rows, err, func(rows *sql.Rows) (table string, err error) {
			var skip any
			return table, rows.Scan(&table, &skip, &skip, &skip)
		})
		if err != nil || len(broken) > 0 {
			t.Errorf("references that lead nowhere: %v, %v", broken, err)
		}
		next := []report.Metric{{SeriesID: got.Metrics[reports[0].Seq][0].SeriesID, ReportSeq: reports[0].Seq, Iteration: 9, Value: 1}}
		if err := report.InsertMetrics(t.Context(), tx, next); err != nil {
			return err
		}
		for id := range want.Models {
			if next[0].ID <= id {
				t.Errorf("a new metric has the id %d, an old one %d", next[0].ID, id)
			}
		}
		return nil
	})
}

func TestANumberOfAModelIsNotGivenAgain(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	b, _ := g.Branch("main")
	seq := func() (seq int64) {
		g.Tx(func(tx *store.Tx) error {
			th, err := threshold.Insert(t.Context(), tx, g.Project, b.ID, g.Testbeds[0], g.Measures[0])
			if err != nil {
				return err
			}
			if th, err = threshold.SetModel(t.Context(), tx, th, &threshold.Model{Test: "static"}); err != nil {
				return err
			}
			models, err := threshold.ModelsByID(t.Context(), tx, []string{*th.ModelID})
			if err != nil {
				return err
			}
			seq = models[*th.ModelID].Seq
			return threshold.Delete(t.Context(), tx, th.ID)
		})
		return seq
	}
	first, second := seq(), seq()
	if first == second {
		t.Errorf("the model of a deleted threshold and a new one have the number %d: metrics of the first would name the second", first)
	}
}
