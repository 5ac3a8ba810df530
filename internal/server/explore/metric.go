package explore

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// Metric returns one metric of the project with what places it and with its samples.
func (s *Service) Metric(ctx context.Context, actor access.Actor, ref string, uuid string) (out api.OneMetric, err error) {
	id, ok := ident.MetricID(uuid)
	if !ok {
		return out, fault.Missingf("metric %.50q does not exist", uuid)
	}
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		m, r, err := report.MetricByID(ctx, tx, project.ID, id)
		if err != nil {
			return err
		}
		samples, err := report.Samples(ctx, tx, id)
		if err != nil {
			return err
		}
		ids, err := series.ByID(ctx, tx, []int64{m.SeriesID})
		if err != nil {
			return err
		}
		alerts, err := threshold.AlertsByMetric(ctx, tx, []int64{id})
		if err != nil {
			return err
		}
		versions, err := series.VersionsByID(ctx, tx, []string{r.VersionID})
		if err != nil {
			return err
		}
		at, line := versions[r.VersionID], ids[m.SeriesID]
		w := wanted{heads: []string{r.HeadID}, testbeds: []string{line.TestbedID}, benchmarks: []string{line.BenchmarkID},
			measures: []string{line.MeasureID}}
		if m.ModelSeq != nil {
			w.judged = []int64{*m.ModelSeq}
		}
		c, err := load(ctx, tx, w)
		if err != nil {
			return err
		}
		out = api.OneMetric{UUID: uuid, Report: r.ID, Iteration: m.Iteration, StartTime: r.StartTime, EndTime: r.EndTime,
			Branch: c.branches.At(r.HeadID, &at), Testbed: c.testbeds[line.TestbedID].Wire(), Benchmark: c.benchmarks[line.BenchmarkID].Wire(),
			Measure: c.measures[line.MeasureID].Wire(), Metric: metric(m), Threshold: c.modelThreshold(m.ModelSeq), Boundary: boundary(m)}
		out.Metric.Samples = samples
		if a, has := alerts[id]; has {
			out.Alert = perfAlert(a)
		}
		return nil
	})
	return out, err
}
