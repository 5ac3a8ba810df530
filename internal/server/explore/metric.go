package explore

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/present"
	"github.com/tachograph/tacho/internal/server/store"
)

// Metric returns one metric of the project with what places it and with its samples.
func (s *Service) Metric(ctx context.Context, project store.Project, uuid string) (out api.OneMetric, err error) {
	id, ok := ident.MetricID(uuid)
	if !ok {
		return out, fault.Missingf("metric %.50q does not exist", uuid)
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		m, report, err := tx.Metric(ctx, project.ID, id)
		if err != nil {
			return err
		}
		samples, err := tx.MetricSamples(ctx, id)
		if err != nil {
			return err
		}
		series, err := tx.SeriesByID(ctx, []int64{m.SeriesID})
		if err != nil {
			return err
		}
		alerts, err := tx.AlertsByMetric(ctx, []int64{id})
		if err != nil {
			return err
		}
		versions, err := tx.VersionsByID(ctx, []string{report.VersionID})
		if err != nil {
			return err
		}
		at, line := versions[report.VersionID], series[m.SeriesID]
		w := wanted{heads: []string{report.HeadID}, testbeds: []string{line.TestbedID}, benchmarks: []string{line.BenchmarkID}, measures: []string{line.MeasureID}}
		if m.ModelID != nil {
			w.models = []string{*m.ModelID}
		}
		c, err := load(ctx, tx, w)
		if err != nil {
			return err
		}
		out = api.OneMetric{UUID: uuid, Report: report.ID, Iteration: m.Iteration, StartTime: report.StartTime, EndTime: report.EndTime,
			Branch: c.branchAt(report.HeadID, &at), Testbed: present.Testbed(c.testbeds[line.TestbedID]), Benchmark: present.Benchmark(c.benchmarks[line.BenchmarkID]),
			Measure: present.Measure(c.measures[line.MeasureID]), Metric: metric(m), Threshold: c.modelThreshold(m.ModelID), Boundary: boundary(m)}
		out.Metric.Samples = samples
		if a, has := alerts[id]; has {
			out.Alert = perfAlert(a)
		}
		return nil
	})
	return out, err
}
