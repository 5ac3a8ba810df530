package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/unit"
)

type reportRow struct {
	Href, Branch, Version, Testbed, Benchmarks string
	When                                       moment
	Status, Alerts                             pill
}

func (p *Pages) reportRow(project api.Project, r api.Report) reportRow {
	benchmarks := 0
	for _, c := range r.Counts.Results {
		benchmarks = max(benchmarks, c.Benchmarks)
	}
	alerts := pill{"none", ""} // it may be that nothing was judged
	switch {
	case r.Counts.Alerts.Active > 0:
		alerts = pill{strconv.Itoa(r.Counts.Alerts.Active) + " active", "bad"}
	case r.Counts.Alerts.Total > 0:
		alerts = pill{strconv.Itoa(r.Counts.Alerts.Total) + " closed", ""}
	case r.Status != api.ReportProcessed:
		alerts = pill{"–", ""}
	}
	return reportRow{
		Href:   reportHref(project, r.UUID),
		Branch: r.Branch.Name, Version: versionText(r.Branch.Head.Version), Testbed: r.Testbed.Name,
		Benchmarks: strconv.Itoa(benchmarks), When: p.when(r.StartTime), Status: reportStatus(r.Status), Alerts: alerts,
	}
}

func reportHref(project api.Project, uuid string) string {
	return "/projects/" + url.PathEscape(project.Slug) + "/reports/" + url.PathEscape(uuid)
}

func jobHref(project api.Project, uuid string) string {
	return "/projects/" + url.PathEscape(project.Slug) + "/jobs/" + url.PathEscape(uuid)
}

func reportStatus(s api.ReportStatus) pill {
	switch s {
	case api.ReportProcessed:
		return pill{"processed", "good"}
	case api.ReportFailed:
		return pill{"failed", "bad"}
	}
	return pill{string(s), "info"}
}

type reportsView struct {
	Rows  []reportRow
	Pages pager
}

func (p *Pages) reports(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	rows, total, err := p.cfg.Source.Reports(r.Context(), reader(r), project.UUID, window(r))
	if err != nil {
		return page{}, err
	}
	view := reportsView{Pages: pagesOf(r, total)}
	for _, row := range rows {
		view.Rows = append(view.Rows, p.reportRow(project, row))
	}
	return page{template: "reports", title: "Reports", section: "projects", crumbs: projectCrumbs(project),
		tabs: projectTabs(project.Slug, "Reports"), view: view}, nil
}

type reportView struct {
	Verdict                                  pill // Tone is the note's
	Error, Branch, Version, Testbed, Adapter string
	Recognised, JobHref, Duration            string
	Warnings                                 []string
	Status                                   pill
	Start                                    moment
	Host                                     []fact
	Alerts                                   []alertRow
	Problems                                 []problemRow
	Iterations                               []iterationView
	Jobs                                     []measurementRow // where it waits for several, or is compared
}

// measurementRow is a job of the measurement that a report waits for.
type measurementRow struct {
	Href, Title, ReportHref, Runner string
	Status                          pill
}

type problemRow struct{ Benchmark, Message, Line string }

type iterationView struct {
	Title string
	Rows  []resultRow
}

type resultRow struct {
	Benchmark, Measure, Value, Spread, Baseline, Change, ChangeClass, Limits, PlotHref, Grade string

	Verdict pill
	Alert   bool
}

// resultsPerPage are the results, and the alerts, that the page of a report shows. More is for programs, which ask the API.
const resultsPerPage = 2_000

func (p *Pages) report(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	report, err := p.cfg.Source.Report(r.Context(), reader(r), project.UUID, r.PathValue("uuid"), resultsPerPage)
	if err != nil {
		return page{}, err
	}
	title := "Report on " + report.Branch.Name
	if v := report.Branch.Head.Version; v != nil {
		title += " " + versionText(v)
	}
	return page{
		template: "report", title: title, section: "projects",
		crumbs: projectCrumbs(project, link{"/projects/" + url.PathEscape(project.Slug) + "/reports", "Reports", false}),
		tabs:   projectTabs(project.Slug, "Reports"), view: p.reportView(project, report),
	}, nil
}

func (p *Pages) reportView(project api.Project, r api.Report) reportView {
	view := reportView{
		Error: r.Error, Branch: r.Branch.Name, Version: versionText(r.Branch.Head.Version), Testbed: r.Testbed.Name, Adapter: r.Adapter,
		Recognised: r.Recognised, Warnings: r.Warnings, Status: reportStatus(r.Status), Start: p.when(r.StartTime),
		Duration: duration(r.EndTime.Sub(r.StartTime)), Host: hostFacts(r.Host), Verdict: reportVerdict(r),
	}
	if shown, all := resultCount(r); shown < all {
		view.Warnings = append(slices.Clip(view.Warnings), fmt.Sprintf("Showing the first %d of %d results; the API has all of them.", shown,
			all))
	}
	if r.Job != nil {
		view.JobHref = jobHref(project, *r.Job)
	}
	view.Jobs = measurementRows(project, r)
	alerted := map[string]api.AlertStatus{}
	for _, a := range r.Alerts {
		alerted[a.Metric.UUID] = a.Status
		view.Alerts = append(view.Alerts, p.alertRow(project, a))
	}
	for _, q := range r.Problems {
		line := "–"
		if q.Line > 0 {
			line = strconv.Itoa(q.Line)
		}
		view.Problems = append(view.Problems, problemRow{q.Benchmark, q.Message, line})
	}
	for i, iteration := range r.Results {
		one := iterationView{Title: "Results"}
		if len(r.Results) > 1 {
			one.Title = fmt.Sprintf("Results of iteration %d of %d", i+1, len(r.Results))
		}
		if i < len(r.Counts.Results) && r.Counts.Results[i].Job != "" {
			one.Title += fmt.Sprintf(", job %d", numberOf(r, r.Counts.Results[i].Job))
		}
		for _, result := range iteration {
			for _, m := range result.Measures {
				one.Rows = append(one.Rows, resultRowOf(project, r, result.Benchmark, m, alerted))
			}
		}
		view.Iterations = append(view.Iterations, one)
	}
	return view
}

// measurementRows are the jobs of a report's measurement in the order in which they run; none for a single one, which JobHref names.
func measurementRows(project api.Project, r api.Report) []measurementRow {
	if r.Measurement == nil || len(r.Measurement.Jobs) < 2 {
		return nil
	}
	rows := make([]measurementRow, len(r.Measurement.Jobs))
	for i, job := range r.Measurement.Jobs {
		rows[i] = measurementRow{Href: jobHref(project, job.UUID), Title: fmt.Sprintf("job %d, %s", i+1, job.Side), Runner: "–",
			Status: jobStatus(job.Status)}
		if job.Report != r.UUID {
			rows[i].ReportHref = reportHref(project, job.Report)
		}
		if job.Runner != nil {
			rows[i].Runner = *job.Runner
		}
	}
	return rows
}

// numberOf is a job's number in its measurement, from 1; 0 for one that is not known.
func numberOf(r api.Report, job string) int {
	if r.Measurement == nil {
		return 0
	}
	return 1 + slices.IndexFunc(r.Measurement.Jobs, func(one api.MeasurementJob) bool { return one.UUID == job })
}

// resultCount is how many results (a benchmark in an iteration) of a report are here, and how many it has.
func resultCount(r api.Report) (shown, all int) {
	for _, iteration := range r.Results {
		shown += len(iteration)
	}
	for _, c := range r.Counts.Results {
		all += c.Benchmarks
	}
	return shown, all
}

// reportVerdict is the one sentence that a reader wants first.
func reportVerdict(r api.Report) pill {
	if r.Status != api.ReportProcessed {
		return pill{}
	}
	names := map[string]bool{}
	for _, a := range r.Alerts {
		if a.Status == api.AlertActive {
			names[a.Benchmark.Name] = true
		}
	}
	judged := 0
	shown, all := resultCount(r)
	for _, iteration := range r.Results {
		for _, result := range iteration {
			for _, m := range result.Measures {
				if m.Boundary != nil && (m.Boundary.LowerLimit != nil || m.Boundary.UpperLimit != nil) {
					judged++
				}
			}
		}
	}
	switch {
	case len(names) > 0:
		return pill{plural(len(names), "benchmark is", "benchmarks are") + " outside the boundary.", "bad"}
	case r.Counts.Alerts.Active > 0: // further down than what is here
		return pill{plural(r.Counts.Alerts.Active, "alert is", "alerts are") + " active.", "bad"}
	case shown < all:
		return pill{"No alert is active.", "good"}
	case judged == 0:
		return pill{"Nothing was judged: no threshold applies, or there is not enough history yet.", "warn"}
	}
	return pill{"All " + plural(judged, "metric with a boundary is", "metrics with a boundary are") + " inside it.", "good"}
}

func resultRowOf(project api.Project, r api.Report, b api.Benchmark, m api.ReportMeasure, alerted map[string]api.AlertStatus) resultRow {
	units := m.Measure.Units
	row := resultRow{
		Benchmark: b.Name, Measure: m.Measure.Name, Value: unit.Format(m.Metric.Value, units), Spread: spread(m.Metric, units),
		Baseline: "–", Change: "–", Limits: "–", PlotHref: plotHref(project, r.Branch, r.Testbed, b, m.Measure), Verdict: pill{"not judged", ""},
		Grade: gradeText(m.Grade, m.Identical),
	}
	if bound := m.Boundary; bound != nil {
		row.Baseline = valueOf(bound.Baseline, units)
		row.Change, row.ChangeClass = change(m.Metric.Value, bound.Baseline, m.Measure.Direction)
		row.Limits = limitsText(bound, units)
		if bound.LowerLimit != nil || bound.UpperLimit != nil {
			row.Verdict = pill{"inside", "good"}
		}
	}
	if status, ok := alerted[m.Metric.UUID]; ok {
		row.Verdict, row.Alert = alertStatus(status), status == api.AlertActive
	}
	return row
}

func spread(m api.Metric, units string) string {
	if m.LowerValue == nil || m.UpperValue == nil {
		return "–"
	}
	return unit.Format(*m.LowerValue, units) + " … " + unit.Format(*m.UpperValue, units)
}

func limitsText(b *api.Boundary, units string) string {
	var parts []string
	if b.LowerLimit != nil {
		parts = append(parts, "≥ "+unit.Format(*b.LowerLimit, units))
	}
	if b.UpperLimit != nil {
		parts = append(parts, "≤ "+unit.Format(*b.UpperLimit, units))
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}
