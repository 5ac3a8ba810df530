package explore

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
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
		built, err := reports(ctx, tx, project, []store.Report{row}, true)
		if err == nil {
			out = built[0]
		}
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

// Reports returns a page of the project's reports, with how many there are in all. Results and alerts are left out unless expand asks for
// them.
func (s *Service) Reports(ctx context.Context, project store.Project, f ReportFilter, page store.Page, expand bool) (out []api.Report, total int, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if f.Branch != "" {
			b, err := tx.BranchByRef(ctx, project.ID, f.Branch)
			if err != nil {
				return err
			}
			f.BranchID = b.ID
		}
		if f.Testbed != "" {
			t, err := tx.TestbedByRef(ctx, project.ID, f.Testbed)
			if err != nil {
				return err
			}
			f.TestbedID = t.ID
		}
		rows, n, err := tx.Reports(ctx, project.ID, f.ReportFilter, page)
		if err != nil {
			return err
		}
		total = n
		out, err = reports(ctx, tx, project, rows, expand)
		return err
	})
	return out, total, err
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

// reports builds the answers for rows, in their order.
func reports(ctx context.Context, tx *store.Tx, project store.Project, rows []store.Report, expand bool) ([]api.Report, error) {
	w := wanted{fullThresholds: true}
	var ids, versionIDs []string
	var seqs []int64
	for _, r := range rows {
		versionIDs = append(versionIDs, r.VersionID)
		if r.Status == api.ReportProcessed { // half a report is none
			ids, seqs = append(ids, r.ID), append(seqs, r.Seq)
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
	var d details
	if expand {
		if d, err = loadDetails(ctx, tx, ids, seqs, &w); err != nil {
			return nil, err
		}
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
			Results: d.results(c, r), Alerts: d.alertsOf(c, r),
			Counts: api.ReportCounts{Results: orEmpty(r.Counts), Alerts: alertCounts[r.ID]},
			Status: r.Status, Error: r.Error, Recognised: r.Recognised, Problems: r.Problems, Warnings: r.Warnings, Context: r.Context, Host: r.Host,
		}
	}
	return out, nil
}

// details are the metrics and alerts of reports.
type details struct {
	metrics map[int64][]store.Metric // by report
	byID    map[int64]store.Metric
	series  map[int64]store.Series
	alerts  map[string][]store.Alert // by report
}

func loadDetails(ctx context.Context, tx *store.Tx, ids []string, seqs []int64, w *wanted) (d details, err error) {
	n, err := tx.CountMetrics(ctx, seqs...)
	if err != nil {
		return d, err
	}
	if n > limits.PerfPointsMax {
		return d, fault.Invalidf("reports: these %d have %d metrics together, the limit of one answer is %d; ask for a smaller page or leave expand out",
			len(ids), n, limits.PerfPointsMax)
	}
	metrics, err := tx.ReportMetrics(ctx, seqs...)
	if err != nil {
		return d, err
	}
	d.metrics, d.byID = map[int64][]store.Metric{}, make(map[int64]store.Metric, len(metrics))
	seriesIDs := make([]int64, len(metrics))
	models := map[string]bool{}
	for i, m := range metrics {
		d.metrics[m.ReportSeq] = append(d.metrics[m.ReportSeq], m)
		d.byID[m.ID], seriesIDs[i] = m, m.SeriesID
		if m.ModelID != nil && !models[*m.ModelID] {
			models[*m.ModelID] = true
			w.models = append(w.models, *m.ModelID)
		}
	}
	if d.series, err = tx.SeriesByID(ctx, seriesIDs); err != nil {
		return d, err
	}
	for _, s := range d.series {
		w.benchmarks, w.measures = append(w.benchmarks, s.BenchmarkID), append(w.measures, s.MeasureID)
	}
	d.alerts, err = tx.ReportAlerts(ctx, ids)
	for _, list := range d.alerts {
		for _, a := range list {
			w.models, w.thresholds = append(w.models, a.ModelID), append(w.thresholds, a.ThresholdID)
		}
	}
	return d, err
}

// results groups a report's metrics by iteration and benchmark, both in the order in which they were written.
func (d details) results(c catalogue, r store.Report) [][]api.ReportResult {
	out := [][]api.ReportResult{}
	iteration := -1
	place := map[string]int{} // benchmark → index in the last iteration
	for _, m := range d.metrics[r.Seq] {
		if m.Iteration != iteration {
			iteration = m.Iteration
			out = append(out, []api.ReportResult{})
			clear(place)
		}
		last := &out[len(out)-1]
		s := d.series[m.SeriesID]
		at, seen := place[s.BenchmarkID]
		if !seen {
			at = len(*last)
			place[s.BenchmarkID] = at
			*last = append(*last, api.ReportResult{Iteration: m.Iteration, Benchmark: present.Benchmark(c.benchmarks[s.BenchmarkID])})
		}
		(*last)[at].Measures = append((*last)[at].Measures, api.ReportMeasure{
			Measure: present.Measure(c.measures[s.MeasureID]), Metric: metric(m), Threshold: c.modelThreshold(m.ModelID), Boundary: boundary(m)})
	}
	return out
}

func (d details) alertsOf(c catalogue, r store.Report) []api.Alert {
	out := make([]api.Alert, 0, len(d.alerts[r.ID]))
	for _, a := range d.alerts[r.ID] {
		m := d.byID[a.MetricID]
		out = append(out, c.alert(a, m, d.series[m.SeriesID]))
	}
	return out
}

// orEmpty is list, never nil, so that JSON has [] and not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
