package explore

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// Report returns one report of the project with results and alerts.
func (s *Service) Report(ctx context.Context, actor access.Actor, ref string, id string) (out api.Report, err error) {
	return s.ReportPart(ctx, actor, ref, id, 0)
}

// Receipt returns the ids of a report, from its row alone.
func (s *Service) Receipt(ctx context.Context, actor access.Actor, ref, id string) (out api.ReportReceipt, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		row, err := projectReport(ctx, tx, project, id)
		out = api.ReportReceipt{UUID: row.ID, Project: project.Slug, Job: row.JobID}
		if err != nil || row.JobID == nil {
			return err
		}
		m, err := measurementOf(ctx, tx, row)
		for _, one := range m.Jobs {
			out.Jobs = append(out.Jobs, one.UUID)
		}
		return err
	})
	return out, err
}

// ReportPart returns one report of the project with the first results and the first alerts, up to most of each; 0: all.
func (s *Service) ReportPart(ctx context.Context, actor access.Actor, ref, id string, most int) (out api.Report, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		row, err := projectReport(ctx, tx, project, id)
		if err != nil {
			return err
		}
		if out, err = single(ctx, tx, project, row); err != nil {
			return err
		}
		return expand(ctx, tx, row, &out, most)
	})
	return out, err
}

// single builds the answer for one report, without results and alerts: what reports builds, and the jobs that it waits for.
func single(ctx context.Context, tx *store.Tx, project project.Project, row report.Report) (api.Report, error) {
	built, err := reports(ctx, tx, project, []report.Report{row})
	if err != nil {
		return api.Report{}, err
	}
	out := built[0]
	if row.JobID == nil {
		return out, nil
	}
	m, err := measurementOf(ctx, tx, row)
	out.Measurement = &m
	return out, err
}

// measurementOf is what a report waits for, or waited.
func measurementOf(ctx context.Context, tx *store.Tx, row report.Report) (out api.Measurement, err error) {
	first, err := job.ByID(ctx, tx, *row.JobID)
	if err != nil {
		return out, err
	}
	jobs, err := job.OfMeasurement(ctx, tx, first.MeasurementID)
	if err != nil {
		return out, err
	}
	var runnerIDs []string
	for _, one := range jobs {
		if one.RunnerID != nil {
			runnerIDs = append(runnerIDs, *one.RunnerID)
		}
	}
	runners, err := fleet.RunnersByID(ctx, tx, runnerIDs)
	if err != nil {
		return out, err
	}
	out.UUID = first.MeasurementID
	for _, one := range jobs {
		wire := api.MeasurementJob{UUID: one.ID, Report: one.ReportID, Side: api.Side(one.Side), Status: api.JobStatus(one.State)}
		if one.RunnerID != nil && wire.Status != api.JobPending {
			slug := runners[*one.RunnerID].Slug
			wire.Runner = &slug
		}
		out.Jobs = append(out.Jobs, wire)
	}
	return out, nil
}

func projectReport(ctx context.Context, tx *store.Tx, project project.Project, id string) (report.Report, error) {
	row, err := report.ByID(ctx, tx, id)
	if err == nil && row.ProjectID != project.ID {
		err = fault.Missingf("report %q does not exist in project %q", id, project.Slug)
	}
	return row, err
}

// ReportFilter narrows a list of reports: branch and testbed by UUID, slug or name.
type ReportFilter struct {
	Branch, Testbed string
	report.Filter
}

// Reports returns a page of the project's reports, with how many there are in all, without results and alerts.
func (s *Service) Reports(ctx context.Context, actor access.Actor, ref string, f ReportFilter, page store.Page) (out []api.Report,
	total int, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
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

func listed(ctx context.Context, tx *store.Tx, project project.Project, f ReportFilter, page store.Page) ([]report.Report, int, error) {
	if f.Branch != "" {
		b, err := series.BranchByRef(ctx, tx, project.ID, f.Branch)
		if err != nil {
			return nil, 0, err
		}
		f.BranchID = b.ID
	}
	if f.Testbed != "" {
		t, err := series.TestbedByRef(ctx, tx, project.ID, f.Testbed)
		if err != nil {
			return nil, 0, err
		}
		f.TestbedID = t.ID
	}
	return report.List(ctx, tx, project.ID, f.Filter, page)
}

// reports builds the answers for rows, in their order, without results and alerts.
func reports(ctx context.Context, tx *store.Tx, project project.Project, rows []report.Report) ([]api.Report, error) {
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
	versions, err := series.VersionsByID(ctx, tx, versionIDs)
	if err != nil {
		return nil, err
	}
	alertCounts, err := threshold.CountAlerts(ctx, tx, ids)
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
			UUID: r.ID, User: c.user(r.AccountID), Project: project.Wire(), Branch: c.branches.At(r.HeadID, &at), Testbed: c.testbedOf(r),
			StartTime: r.StartTime, EndTime: r.EndTime, Adapter: r.Adapter, Created: r.Created, Job: r.JobID,
			Results: [][]api.ReportResult{}, Alerts: []api.Alert{},
			Counts: api.ReportCounts{Results: orEmpty(r.Counts), Alerts: alertCounts[r.ID]},
			Status: r.Status, Error: r.Error, Recognised: r.Recognised, Problems: r.Problems, Warnings: r.Warnings, Context: r.Context, Host: r.Host,
		}
	}
	return out, nil
}

// countMetrics is how many metrics the answer for rows with results has.
func countMetrics(ctx context.Context, tx *store.Tx, rows []report.Report) (int, error) {
	var seqs []int64
	for _, r := range rows {
		if r.Status == api.ReportProcessed {
			seqs = append(seqs, r.Seq)
		}
	}
	n, err := report.CountMetrics(ctx, tx, seqs...)
	if err == nil && n > limits.PerfPointsMax {
		err = fault.Invalidf("reports: these %d have %d metrics together, the limit of one answer is %d; ask for a smaller page or leave "+
			"expand out",
			len(rows), n, limits.PerfPointsMax)
	}
	return n, err
}

// expand adds the first results and alerts of a report, up to most of each; 0: all.
func expand(ctx context.Context, tx *store.Tx, row report.Report, out *api.Report, most int) error {
	err := eachResult(ctx, tx, row, false, upTo(most, func(r api.ReportResult) error {
		if n := len(out.Results); n == 0 || out.Results[n-1][0].Iteration != r.Iteration {
			out.Results = append(out.Results, nil)
		}
		last := &out.Results[len(out.Results)-1]
		*last = append(*last, r)
		return nil
	}))
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	err = eachAlert(ctx, tx, row, upTo(most, func(a api.Alert) error {
		out.Alerts = append(out.Alerts, a)
		return nil
	}))
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// severitiesOf are those of a report's lines.
func severitiesOf(ctx context.Context, tx *store.Tx, row report.Report) (policy.Severities, error) {
	testbeds, err := series.TestbedsByID(ctx, tx, []string{row.TestbedID})
	if err != nil {
		return policy.Severities{}, err
	}
	return policy.SeveritiesAt(ctx, tx, row.ProjectID, row.HeadID, testbeds[row.TestbedID])
}

// eachResult calls f with a report's metrics by iteration and benchmark, both in the order in which they were written. A report that is not
// processed has none. Metrics have their samples if those are asked for.
func eachResult(ctx context.Context, tx *store.Tx, row report.Report, samples bool, f func(api.ReportResult) error) error {
	var last *api.ReportResult
	benchmark := "" // of last
	severities, err := severitiesOf(ctx, tx, row)
	if err != nil {
		return err
	}
	err = eachChunk(ctx, tx, row, func(metrics []report.Metric, series map[int64]series.Series) error {
		var w wanted
		models := map[int64]*api.Threshold{} // shared by the metrics
		for _, m := range metrics {
			s := series[m.SeriesID]
			w.benchmarks, w.measures = append(w.benchmarks, s.BenchmarkID), append(w.measures, s.MeasureID)
			if m.ModelSeq != nil {
				models[*m.ModelSeq] = nil
			}
		}
		for id := range models {
			w.judged = append(w.judged, id)
		}
		c, err := load(ctx, tx, w)
		if err != nil {
			return err
		}
		for id := range models {
			models[id] = c.modelThreshold(&id)
		}
		noise, err := report.NoiseOf(ctx, tx, slices.Collect(maps.Keys(series)))
		if err != nil {
			return err
		}
		if samples {
			if err := report.LoadSamples(ctx, tx, metrics, limits.SamplesShown); err != nil {
				return err
			}
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
				last = &api.ReportResult{Iteration: m.Iteration, Benchmark: c.benchmarks[benchmark].Wire()}
			}
			made := api.ReportMeasure{Measure: c.measures[s.MeasureID].Wire(), Metric: metric(m), Boundary: boundary(m)}
			if m.ModelSeq != nil {
				made.Threshold = models[*m.ModelSeq]
			}
			if is := severities.Of(c.benchmarks[s.BenchmarkID], c.measures[s.MeasureID]); is != corepolicy.Warn {
				made.Severity = string(is)
			}
			if n, has := noise[m.SeriesID]; has {
				made.Grade, made.Identical = string(n.Grade()), n.Units
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
func eachAlert(ctx context.Context, tx *store.Tx, row report.Report, f func(api.Alert) error) error {
	counts, err := threshold.CountAlerts(ctx, tx, []string{row.ID})
	if err != nil || counts[row.ID].Total == 0 {
		return err
	}
	return eachChunk(ctx, tx, row, func(metrics []report.Metric, series map[int64]series.Series) error {
		ids := outside(metrics)
		if len(ids) == 0 {
			return nil
		}
		alerts, err := threshold.AlertsByMetric(ctx, tx, ids)
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
func seriesOf(metrics []report.Metric, id int64) int64 {
	at, _ := slices.BinarySearchFunc(metrics, id, func(m report.Metric, id int64) int { return cmp.Compare(m.ID, id) })
	return metrics[at].SeriesID
}

// outside are the ids of the metrics that are outside of their boundary: only these can have an alert.
func outside(metrics []report.Metric) (ids []int64) {
	for _, m := range metrics {
		if _, broken := (judge.Boundary{Lower: m.LowerLimit, Upper: m.UpperLimit}).Broken(m.Value); broken {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// eachChunk calls f with the metrics of a report in the order in which they were written, by iteration, and with their series.
func eachChunk(ctx context.Context, tx *store.Tx, row report.Report, f func([]report.Metric, map[int64]series.Series) error) error {
	if row.Status != api.ReportProcessed {
		return nil
	}
	after := int64(0)
	for {
		metrics, err := report.Metrics(ctx, tx, row.Seq, after, limits.ReadChunk)
		if err != nil || len(metrics) == 0 {
			return err
		}
		ids := make([]int64, len(metrics))
		for i, m := range metrics {
			ids[i] = m.SeriesID
		}
		series, err := series.ByID(ctx, tx, ids)
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
