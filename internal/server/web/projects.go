package web

import (
	"net/http"
	"net/url"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
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
	at := window(r)
	at.Desc = false // by name
	rows, total, err := p.cfg.Source.Projects(r.Context(), reader(r), store.ListFilter{Search: search, Page: at})
	if err != nil {
		return page{}, err
	}
	view := projectsView{Search: search, Pages: pagesOf(r, total)}
	for _, row := range rows {
		view.Rows = append(view.Rows, projectRow{"/projects/" + url.PathEscape(row.Slug), row.Name, string(row.Visibility), p.when(row.Modified)})
	}
	return page{template: "projects", title: "Projects", section: "projects", view: view}, nil
}

// overviewColumns is how finely the overview's plot is drawn, in columns: 4 points in each at most. The page of plots has one for each
// pixel.
const overviewColumns = 200

type projectView struct {
	Alerts  []alertRow
	Chart   *figure
	Reports []reportRow
}

// project is the overview: active alerts, a plot of what the newest report measured, the newest reports.
func (p *Pages) project(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	var view projectView
	active, _, err := p.cfg.Source.Alerts(r.Context(), reader(r), project.UUID, threshold.AlertFilter{Status: api.AlertActive}, newest(10))
	if err != nil {
		return page{}, err
	}
	for _, a := range active {
		row := p.alertRow(project, a)
		row.Act = alertButton(r, project, a)
		view.Alerts = append(view.Alerts, row)
	}
	reports, _, err := p.cfg.Source.Reports(r.Context(), reader(r), project.UUID, newest(10))
	if err != nil {
		return page{}, err
	}
	for _, report := range reports {
		view.Reports = append(view.Reports, p.reportRow(project, report))
	}
	if len(reports) > 0 {
		selection, err := p.defaultSelection(r, project, reports)
		if err != nil {
			return page{}, err
		}
		opts := drawOptions{boundaries: true}
		picture, err := p.pictureOf(r, project, selection, opts, overviewColumns)
		if err != nil {
			return page{}, err
		}
		if charts := drawCharts(project, picture, opts); len(charts) > 0 {
			view.Chart = &charts[0]
		}
	}
	return page{
		template: "project", title: project.Name, section: "projects",
		crumbs: []link{{"/projects", "Projects", false}}, tabs: projectTabs(project.Slug, "Overview"), view: view,
	}, nil
}
