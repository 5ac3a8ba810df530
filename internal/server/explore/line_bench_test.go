package explore_test

import (
	"testing"
	"time"

	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/report/history"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// filled is a head with reports of n series, one value each.
func filled(b *testing.B, benchmarks, reports int) (*storetest.Ground, series.Head, []int64) {
	b.Helper()
	s, clock := storetest.Open(b)
	g := storetest.NewGround(b, s, benchmarks, 1)
	_, head := g.Branch("main")
	var ids []int64
	values := make([]float64, benchmarks)
	g.Tx(func(tx *store.Tx) error {
		ids = g.SeriesIDs(tx)
		for i := range reports {
			for j := range values {
				values[j] = float64(100 + (i*7919+j)%13)
			}
			g.Report(tx, head, "", clock.T.Add(time.Duration(i)*time.Minute), ids, [][]float64{values})
		}
		return nil
	})
	return g, head, ids
}

func BenchmarkHistory(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"10", 10}, {"1000", 1000}} {
		b.Run(size.name, func(b *testing.B) {
			g, head, ids := filled(b, size.n, 80)
			p := history.Params{HeadID: head.ID, TestbedID: g.Testbeds[0], Limit: 64, SeriesIDs: ids,
				Horizon: coreseries.NewHorizon(coreseries.Point{Version: 1 << 40, Start: 1 << 60}, 0)}
			for b.Loop() {
				if err := g.Store.View(b.Context(), func(tx *store.Tx) error {
					found, err := history.Values(b.Context(), tx, p)
					if len(found) != size.n || len(found[ids[0]]) != 64 {
						b.Fatalf("%d series", len(found))
					}
					return err
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkInsertMetrics1000(b *testing.B) {
	s, clock := storetest.Open(b)
	g := storetest.NewGround(b, s, 1000, 1)
	_, head := g.Branch("main")
	var ids []int64
	g.Tx(func(tx *store.Tx) error { ids = g.SeriesIDs(tx); return nil })
	samples := make([]float64, 10)
	for b.Loop() {
		g.Tx(func(tx *store.Tx) error {
			r, _ := g.Report(tx, head, "", clock.T, ids, nil)
			metrics := make([]report.Metric, len(ids))
			for i, id := range ids {
				metrics[i] = report.Metric{SeriesID: id, ReportSeq: r.Seq, Value: 1, Samples: samples}
			}
			return report.InsertMetrics(b.Context(), tx, metrics)
		})
	}
}
