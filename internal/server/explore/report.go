package explore

import (
	"cmp"
	"context"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/present"
	"github.com/tachograph/tacho/internal/server/store"
)

// Report returns one report of the project with results and alerts.
func (s *Service) Report(ctx context.Context, project store.Project, id string) (out api.Report, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		row, err := projectReport(ctx, tx, project, id)
		if err != nil {
			return err
		}
		rows := []store.Report{row}
		built, err := reports(ctx, tx, project, rows)
		if err != nil {
			return err
		}
		err = expand(ctx, tx, rows, built)
		out = built[0]
		return err
	})
	return out, err
}

func projectReport(ctx context.Context, tx *store.Tx, project store.Project, id string) (store.Report, error) {
	row, err := tx.Report(ctx, id)
	if err == nil && row.ProjectID != project.ID {
		err = fault.Missingf("report %q does not exist in project %q", id, project.Slug)
	}
	return row, err
}

// ReportFilter narrows a list of reports: branch and testbed by UUID, slug or name.
type ReportFilter struct {
	Branch, Testbed string
	store.ReportFilter
}

// Reports returns a page of the project's reports, with how many there are in all, without results and alerts.
func (s *Service) Reports(ctx context.Context, project store.Project, f ReportFilter, page store.Page) (out []api.Report, total int, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		rows, n, err := listed(ctx, tx, project, f, page)
		if err != nil {
			return err
		}
		total = n
		out, err = reports(ctx, tx, project, rows)
		return err
	})
	return out, total, err
}

func listed(ctx context.Context, tx *store.Tx, project store.Project, f ReportFilter, page store.Page) ([]store.Report, int, error) {
	if f.Branch != "" {
		b, err := tx.BranchByRef(ctx, project.ID, f.Branch)
		if err != nil {
			return nil, 0, err
		}
		f.BranchID = b.ID
	}
	if f.Testbed != "" {
		t, err := tx.TestbedByRef(ctx, project.ID, f.Testbed)
		if err != nil {
			return nil, 0, err
		}
		f.TestbedID = t.ID
	}
	return tx.Reports(ctx, project.ID, f.ReportFilter, page)
}

// DeleteReport removes a report with its results and alerts. One whose job is not over is a Conflict.
func (s *Service) DeleteReport(ctx context.Context, project store.Project, id string) error {
	return s.store.Tx(ctx, func(tx *store.Tx) error {
		row, err := projectReport(ctx, tx, project, id)
		if err != nil {
			return err
		}
		if row.Status == api.ReportPending {
			return fault.Conflictf("report %s is pending: cancel its job first", id)
		}
		return tx.DeleteReport(ctx, id)
	})
}

// reports builds the answers for rows, in their order, without results and alerts.
func reports(ctx context.Context, tx *store.Tx, project store.Project, rows []store.Report) ([]api.Report, error) {
	w := wanted{fullThresholds: true}
	var ids, versionIDs []string
	for _, r := range rows {
		versionIDs = append(versionIDs, r.VersionID)
		if r.Status == api.ReportProcessed { // half a report is none
			ids = append(ids, r.ID)
		}
		w.heads, w.testbeds = append(w.heads, r.HeadID), append(w.testbeds, r.TestbedID)
		if r.AccountID != nil {
			w.accounts = append(w.accounts, *r.AccountID)
		}
		if r.SpecID != nil {
			w.specs = append(w.specs, *r.SpecID)
		}
	}
	versions, err := tx.VersionsByID(ctx, versionIDs)
	if err != nil {
		return nil, err
	}
	alertCounts, err := tx.CountAlerts(ctx, ids)
	if err != nil {
		return nil, err
	}
	c, err := load(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	out := make([]api.Report, len(rows))
	for i, r := range rows {
		at := versions[r.VersionID]
		out[i] = api.Report{
			UUID: r.ID, User: c.user(r.AccountID), Project: present.Project(project), Branch: c.branchAt(r.HeadID, &at), Testbed: c.testbedOf(r),
			StartTime: r.StartTime, EndTime: r.EndTime, Adapter: r.Adapter, Created: r.Created, Job: r.JobID,
			Results: [][]api.ReportResult{}, Alerts: []api.Alert{},
			Counts: api.ReportCounts{Results: orEmpty(r.Counts), Alerts: alertCounts[r.ID]},
			Status: r.Status, Error: r.Error, Recognised: r.Recognised, Problems: r.Problems, Warnings: r.Warnings, Context: r.Context, Host: r.Host,
		}
	}
	return out, nil
}

// countMetrics is how many metrics the answer for rows with results has.
func countMetrics(ctx context.Context, tx *store.Tx, rows []store.Report) (int, error) {
	var seqs []int64
	for _, r := range rows {
		if r.Status == api.ReportProcessed {
			seqs = append(seqs, r.Seq)
		}
	}
	n, err := tx.CountMetrics(ctx, seqs...)
	if err == nil && n > limits.PerfPointsMax {
		err = fault.Invalidf("reports: these %d have %d metrics together, the limit of one answer is %d; ask for a smaller page or leave expand out",
			len(rows), n, limits.PerfPointsMax)
	}
	return n, err
}

// expand adds results and alerts.
func expand(ctx context.Context, tx *store.Tx, rows []store.Report, built []api.Report) error {
	for i, row := range rows {
		out := &built[i]
		if err := eachResult(ctx, tx, row, func(r api.ReportResult) error {
			if n := len(out.Results); n == 0 || out.Results[n-1][0].Iteration != r.Iteration {
				out.Results = append(out.Results, nil)
			}
			last := &out.Results[len(out.Results)-1]
			*last = append(*last, r)
			return nil
		}); err != nil {
			return err
		}
		if err := eachAlert(ctx, tx, row, func(a api.Alert) error {
			out.Alerts = append(out.Alerts, a)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// eachResult calls f with a report's metrics by iteration and benchmark, both in the order in which they were written. A report that is not
// processed has none.
func eachResult(ctx context.Context, tx *store.Tx, row store.Report, f func(api.ReportResult) error) error {
	var last *api.ReportResult
	benchmark := "" // of last
	err := eachChunk(ctx, tx, row, func(metrics []store.Metric, series map[int64]store.Series) error {
		var w wanted
		models := map[string]*api.Threshold{} // shared by the metrics
		for _, m := range metrics {
			s := series[m.SeriesID]
			w.benchmarks, w.measures = append(w.benchmarks, s.BenchmarkID), append(w.measures, s.MeasureID)
			if m.ModelID != nil {
				models[*m.ModelID] = nil
			}
		}
		for id := range models {
			w.models = append(w.models, id)
		}
		c, err := load(ctx, tx, w)
		if err != nil {
			return err
		}
		for id := range models {
			models[id] = c.modelThreshold(&id)
		}
		for _, m := range metrics {
			s := series[m.SeriesID]
			if last == nil || last.Iteration != m.Iteration || benchmark != s.BenchmarkID {
				if last != nil {
					if err := f(*last); err != nil {
						return err
					}
				}
				benchmark = s.BenchmarkID
				last = &api.ReportResult{Iteration: m.Iteration, Benchmark: present.Benchmark(c.benchmarks[benchmark])}
			}
			made := api.ReportMeasure{Measure: present.Measure(c.measures[s.MeasureID]), Metric: metric(m), Boundary: boundary(m)}
			if m.ModelID != nil {
				made.Threshold = models[*m.ModelID]
			}
			last.Measures = append(last.Measures, made)
		}
		return nil
	})
	if err != nil || last == nil {
		return err
	}
	return f(*last)
}

// eachAlert calls f with a report's alerts in the order of the metrics.
func eachAlert(ctx context.Context, tx *store.Tx, row store.Report, f func(api.Alert) error) error {
	counts, err := tx.CountAlerts(ctx, []string{row.ID})
	if err != nil || counts[row.ID].Total == 0 {
		return err
	}
	return eachChunk(ctx, tx, row, func(metrics []store.Metric, series map[int64]store.Series) error {
		ids := outside(metrics)
		if len(ids) == 0 {
			return nil
		}
		alerts, err := tx.AlertsByMetric(ctx, ids)
		if err != nil {
			return err
		}
		w := wanted{fullThresholds: true}
		for _, a := range alerts {
			w.models, w.thresholds = append(w.models, a.ModelID), append(w.thresholds, a.ThresholdID)
			w.benchmarks = append(w.benchmarks, series[seriesOf(metrics, a.MetricID)].BenchmarkID)
		}
		c, err := load(ctx, tx, w)
		if err != nil {
			return err
		}
		for _, m := range metrics {
			if a, has := alerts[m.ID]; has {
				if err := f(c.alert(a, m, series[m.SeriesID])); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// seriesOf is the series of the metric with this id.
func seriesOf(metrics []store.Metric, id int64) int64 {
	at, _ := slices.BinarySearchFunc(metrics, id, func(m store.Metric, id int64) int { return cmp.Compare(m.ID, id) })
	return metrics[at].SeriesID
}

// outside are the ids of the metrics that are outside of their boundary: only these can have an alert.
func outside(metrics []store.Metric) (ids []int64) {
	for _, m := range metrics {
		if _, broken := (judge.Boundary{Lower: m.LowerLimit, Upper: m.UpperLimit}).Broken(m.Value); broken {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// eachChunk calls f with the metrics of a report in the order in which they were written, by iteration, and with their series.
func eachChunk(ctx context.Context, tx *store.Tx, row store.Report, f func([]store.Metric, map[int64]store.Series) error) error {
	if row.Status != api.ReportProcessed {
		return nil
	}
	after := int64(0)
	for {
		metrics, err := tx.ReportMetrics(ctx, row.Seq, after, limits.ReadChunk)
		if err != nil || len(metrics) == 0 {
			return err
		}
		ids := make([]int64, len(metrics))
		for i, m := range metrics {
			ids[i] = m.SeriesID
		}
		series, err := tx.SeriesByID(ctx, ids)
		if err != nil {
			return err
		}
		if err := f(metrics, series); err != nil {
			return err
		}
		if len(metrics) < limits.ReadChunk {
			return nil
		}
		after = metrics[len(metrics)-1].ID
	}
}

// orEmpty is list, never nil, so that JSON has [] and not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
