package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/tachograph/tacho/api"
)

type projectsView struct {
	Search string
	Rows   []projectRow
	Pages  pager
}

type projectRow struct {
	Href, Name, Visibility string
	Modified               moment
}

func (p *Pages) projects(r *http.Request) (page, error) {
	search := r.URL.Query().Get("search")
	q := query("per_page", strconv.Itoa(rowsPerPage), "page", strconv.Itoa(pageOf(r)))
	if search != "" {
		q.Set("search", search)
	}
	var rows []api.Project
	total, err := p.cfg.Get(r, "/v0/projects", q, &rows)
	if err != nil {
		return page{}, err
	}
	view := projectsView{Search: search, Pages: pagesOf(r, total)}
	for _, row := range rows {
		view.Rows = append(view.Rows, projectRow{"/projects/" + url.PathEscape(row.Slug), row.Name, string(row.Visibility), p.when(row.Modified)})
	}
	return page{template: "projects", title: "Projects", section: "projects", view: view}, nil
}

// overviewColumns is how finely the overview's plot is drawn, in columns: 4 points in each at most. The page of plots has all points.
const overviewColumns = 200

type projectView struct {
	Alerts  []alertRow
	Chart   *chart
	Reports []reportRow
}

// project is the overview: active alerts, a plot of what the newest report measured, the newest reports.
func (p *Pages) project(r *http.Request) (page, error) {
	project, base, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	var view projectView
	var active []api.Alert
	if _, err := p.cfg.Get(r, base+"/alerts", query("status", "active", "per_page", "10", "sort", "created", "direction", "desc"),
		&active); err != nil {
		return page{}, err
	}
	for _, a := range active {
		view.Alerts = append(view.Alerts, p.alertRow(project, a))
	}
	var reports []api.Report
	if _, err := p.cfg.Get(r, base+"/reports", query("per_page", "10", "sort", "date_time", "direction", "desc"), &reports); err != nil {
		return page{}, err
	}
	for _, report := range reports {
		view.Reports = append(view.Reports, p.reportRow(project, report))
	}
	if len(reports) > 0 {
		selection, err := p.defaultSelection(r, base, reports)
		if err != nil {
			return page{}, err
		}
		perf, err := p.perfOf(r, base, selection, overviewColumns)
		if err != nil {
			return page{}, err
		}
		if charts := drawCharts(project, perf, drawOptions{boundaries: true}); len(charts) > 0 {
			view.Chart = &charts[0]
		}
	}
	return page{
		template: "project", title: project.Name, section: "projects",
		crumbs: []link{{"/projects", "Projects", false}}, tabs: projectTabs(project.Slug, "Overview"), view: view,
	}, nil
}
