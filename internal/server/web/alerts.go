package web

import (
	"net/http"
	"net/url"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/threshold"
)

type alertRow struct {
	Benchmark, Measure, Value, Baseline, Change, ChangeClass, Limit, PlotHref, ReportHref string
	Status                                                                                pill
	Act                                                                                   *button
	When                                                                                  moment
}

func alertStatus(s api.AlertStatus) pill {
	if s == api.AlertActive {
		return pill{"alert", "bad"}
	}
	return pill{string(s), ""}
}

func (p *Pages) alertRow(project api.Project, a api.Alert) alertRow {
	row := alertRow{
		Benchmark: a.Benchmark.Name, ReportHref: reportHref(project, a.Report), Status: alertStatus(a.Status), When: p.when(a.Created),
		Baseline: "–", Limit: "–", Value: "–", Change: "–",
	}
	m := a.Threshold.Measure
	if m == nil {
		return row
	}
	row.Measure, row.Value, row.Baseline = m.Name, unit.Format(a.Metric.Value, m.Units), valueOf(a.Boundary.Baseline, m.Units)
	row.Change, row.ChangeClass = change(a.Metric.Value, a.Boundary.Baseline, m.Direction)
	row.Limit = valueOf(a.Boundary.UpperLimit, m.Units)
	if a.Limit == "lower" {
		row.Limit = valueOf(a.Boundary.LowerLimit, m.Units)
	}
	if a.Threshold.Branch != nil && a.Threshold.Testbed != nil {
		row.PlotHref = plotHref(project, *a.Threshold.Branch, *a.Threshold.Testbed, a.Benchmark, *m)
	}
	return row
}

type alertsView struct {
	Filters []link
	Rows    []alertRow
	Pages   pager
}

func (p *Pages) alerts(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	status := r.URL.Query().Get("status")
	rows, total, err := p.cfg.Source.Alerts(r.Context(), reader(r), project.UUID, threshold.AlertFilter{Status: api.AlertStatus(status)},
		window(r))
	if err != nil {
		return page{}, err
	}
	view := alertsView{Pages: pagesOf(r, total), Filters: filters(r.URL.Path, status, "", "active", "dismissed", "silenced")}
	for _, a := range rows {
		row := p.alertRow(project, a)
		row.Act = alertButton(r, project, a)
		view.Rows = append(view.Rows, row)
	}
	return page{template: "alerts", title: "Alerts", section: "projects", crumbs: projectCrumbs(project),
		tabs: projectTabs(project.Slug, "Alerts"), view: view}, nil
}

// filters are the tabs over a list: one for each status, "" being all.
func filters(path, current string, statuses ...string) []link {
	var out []link
	for _, s := range statuses {
		href, text := path, "all"
		if s != "" {
			href, text = path+"?status="+url.QueryEscape(s), s
		}
		out = append(out, link{href, text, s == current})
	}
	return out
}
