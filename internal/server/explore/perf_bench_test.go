package explore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// BenchmarkPerf10x10000 answers a query for 10 lines of 10,000 judged points, from rows to the wire types.
func BenchmarkPerf10x10000(b *testing.B) {
	const lines, points = 10, 10_000
	g := newGallery(b)
	q := explore.PerfQuery{Branches: []string{"main"}, Testbeds: []string{"lab"}, Measures: []string{"latency"}}
	first := ""
	for i := range lines {
		name := fmt.Sprintf("b%d", i)
		q.Benchmarks = append(q.Benchmarks, name)
		first += fmt.Sprintf(`,"%s":{"latency":{"value":1}}`, name)
	}
	r := g.run(guarded, "{"+first[1:]+"}")
	ctx := b.Context()
	if err := g.store.Tx(ctx, func(tx *store.Tx) error {
		row, err := report.ByID(ctx, tx, r.UUID)
		if err != nil {
			return err
		}
		metrics, err := report.Metrics(ctx, tx, row.Seq, 0, limits.MetricsPerReport)
		if err != nil {
			return err
		}
		for n := range points - 1 {
			v, err := series.EnsureVersion(ctx, tx, row.ProjectID, row.HeadID, fmt.Sprintf("%040x", n))
			if err != nil {
				return err
			}
			next := row
			next.ID, next.VersionID, next.Status = ident.NewUUID(), v.ID, api.ReportProcessed
			next.StartTime, next.EndTime = row.StartTime.Add(time.Duration(n)*time.Minute), row.EndTime.Add(time.Duration(n)*time.Minute)
			if next, err = report.Insert(ctx, tx, next); err != nil {
				return err
			}
			batch := make([]report.Metric, len(metrics))
			for i, m := range metrics {
				m.ReportSeq, m.Value = next.Seq, float64(n%17)
				m.Baseline, m.UpperLimit = ptr(8.0), ptr(15.5) // every 17th point is outside
				batch[i] = m
			}
			if err := report.InsertMetrics(ctx, tx, batch); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	project := g.project()
	for b.Loop() {
		perf, err := g.explore.Perf(ctx, local, project.ID, q)
		if err != nil || len(perf.Results) != lines || len(perf.Results[0].Metrics) != points {
			b.Fatalf("%d lines, %v", len(perf.Results), err)
		}
	}
}
