package store

import (
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/series"
)

// filled is a head with reports of n series, one value each.
func filled(b *testing.B, benchmarks, reports int) (*ground, Head, []int64) {
	b.Helper()
	s, clock := open(b)
	g := newGround(b, s, benchmarks, 1)
	_, head := g.branch("main")
	var ids []int64
	values := make([]float64, benchmarks)
	g.tx(func(tx *Tx) error {
		ids = g.seriesIDs(tx)
		for i := range reports {
			for j := range values {
				values[j] = float64(100 + (i*7919+j)%13)
			}
			g.report(tx, head, "", clock.t.Add(time.Duration(i)*time.Minute), ids, [][]float64{values})
		}
		return nil
	})
	return g, head, ids
}

func BenchmarkLine10x10000(b *testing.B) {
	g, head, ids := filled(b, 10, 10_000)
	for b.Loop() {
		if err := g.s.View(b.Context(), func(tx *Tx) error {
			reports, err := tx.LineReports(b.Context(), LineParams{HeadID: head.ID, TestbedID: g.testbeds[0], Limit: 1_000_000})
			if err != nil {
				return err
			}
			n := len(reports)
			for _, id := range ids {
				if err := tx.SeriesMetrics(b.Context(), id, func(Metric) bool { n++; return true }); err != nil {
					return err
				}
			}
			if n != 110_000 {
				b.Fatalf("%d rows", n)
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"10", 10}, {"1000", 1000}} {
		b.Run(size.name, func(b *testing.B) {
			g, head, ids := filled(b, size.n, 80)
			p := HistoryParams{HeadID: head.ID, TestbedID: g.testbeds[0], Limit: 64, SeriesIDs: ids,
				Horizon: series.NewHorizon(series.Point{Version: 1 << 40, Start: 1 << 60}, 0)}
			for b.Loop() {
				if err := g.s.View(b.Context(), func(tx *Tx) error {
					found, err := tx.History(b.Context(), p)
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
	s, clock := open(b)
	g := newGround(b, s, 1000, 1)
	_, head := g.branch("main")
	var ids []int64
	g.tx(func(tx *Tx) error { ids = g.seriesIDs(tx); return nil })
	samples := make([]float64, 10)
	for b.Loop() {
		g.tx(func(tx *Tx) error {
			r, _ := g.report(tx, head, "", clock.t, ids, nil)
			metrics := make([]Metric, len(ids))
			for i, id := range ids {
				metrics[i] = Metric{SeriesID: id, ReportSeq: r.Seq, Value: 1, Samples: samples}
			}
			return tx.InsertMetrics(b.Context(), metrics)
		})
	}
}
