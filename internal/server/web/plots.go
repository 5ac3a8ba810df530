package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/plot"
	"github.com/tachograph/tacho/internal/server/store"
)

// plotsPerPage is how many kept plots a page draws.
const plotsPerPage = 6

// logFrom is the ratio of the highest to the lowest value from which an axis that nobody chose is logarithmic, as Bencher has it.
const logFrom = 10

// PlotSource is what the page of kept plots asks and does.
type PlotSource interface {
	Plots(ctx context.Context, actor access.Actor, project string, page store.Page) ([]api.Plot, int, error)
	KeepPlot(ctx context.Context, actor access.Actor, project string, in api.NewPlot) error
	MovePlot(ctx context.Context, actor access.Actor, project, id string, index int) error
	DropPlot(ctx context.Context, actor access.Actor, project, id string) error
}

// Plots is described in PlotSource, like the methods below.
func (s Services) Plots(ctx context.Context, actor access.Actor, project string, page store.Page) ([]api.Plot, int, error) {
	return s.KeptPlots.List(ctx, actor, project, plot.Filter{}, page)
}

// KeepPlot is described in PlotSource.
func (s Services) KeepPlot(ctx context.Context, actor access.Actor, project string, in api.NewPlot) error {
	_, err := s.KeptPlots.Create(ctx, actor, project, in)
	return err
}

// MovePlot is described in PlotSource.
func (s Services) MovePlot(ctx context.Context, actor access.Actor, project, id string, index int) error {
	_, err := s.KeptPlots.Update(ctx, actor, project, id, api.UpdatePlot{Index: &index}, []byte(`{}`))
	return err
}

// DropPlot is described in PlotSource.
func (s Services) DropPlot(ctx context.Context, actor access.Actor, project, id string) error {
	return s.KeptPlots.Delete(ctx, actor, project, id)
}

type plotsView struct {
	Plots []keptPlot
	Pages pager
}

type keptPlot struct {
	Title, Href, Empty string
	Charts             []figure
	Acts               []button
}

// plots is the page of the plots that the project keeps.
func (p *Pages) plots(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	at := store.Page{Limit: plotsPerPage, Offset: (pageOf(r) - 1) * plotsPerPage}
	rows, total, err := p.cfg.Source.Plots(r.Context(), reader(r), project.UUID, at)
	if err != nil {
		return page{}, err
	}
	view := plotsView{Pages: pagesBy(r, total, plotsPerPage)}
	for i, row := range rows {
		kept, err := p.keptPlot(r, project, row, at.Offset+i, total)
		if err != nil {
			return page{}, err
		}
		view.Plots = append(view.Plots, kept)
	}
	return page{template: "plots", title: "Plots", section: "projects", crumbs: projectCrumbs(project),
		tabs: projectTabs(project.Slug, "Plots"), view: view}, nil
}

// keptPlot draws the plot at a place of so many.
func (p *Pages) keptPlot(r *http.Request, project api.Project, row api.Plot, place, of int) (keptPlot, error) {
	chosen := selection{branches: row.Branches, testbeds: row.Testbeds, benchmarks: row.Benchmarks, measures: row.Measures}
	opts := drawOptions{boundaries: row.LowerBoundary || row.UpperBoundary, log: row.YAxis == api.PlotAxisLog,
		time: row.XAxis == api.PlotAxisDateTime}
	from := p.cfg.Now().Add(-time.Duration(row.Window) * time.Second)
	opts.since = &from
	made := keptPlot{Title: "Plot " + strconv.Itoa(place+1), Href: chosen.href(project, opts)}
	if row.Title != nil {
		made.Title = *row.Title
	}
	picture, err := p.pictureOf(r, project, chosen, opts, overviewColumns)
	if err != nil {
		return made, err
	}
	if row.YAxis == api.PlotAxisAuto {
		opts.log = valueRatio(picture) >= logFrom
	}
	made.Charts = drawCharts(project, picture, opts)
	switch {
	case !chosen.complete():
		made.Empty = "What this plot showed was deleted."
	case len(made.Charts) == 0:
		made.Empty = "Nothing was measured in the last " + span(row.Window) + "."
	}
	if acts(r) {
		action := "/projects/" + url.PathEscape(project.Slug) + "/plots/" + url.PathEscape(row.UUID)
		if place > 0 {
			made.Acts = append(made.Acts, button{Action: action, Status: strconv.Itoa(place - 1), Text: "Move up", Back: with(r)})
		}
		if place+1 < of {
			made.Acts = append(made.Acts, button{Action: action, Status: strconv.Itoa(place + 1), Text: "Move down", Back: with(r)})
		}
		made.Acts = append(made.Acts, button{Action: action, Status: "delete", Text: "Delete", Back: with(r)})
	}
	return made, nil
}

// span is a number of seconds in words.
func span(seconds int64) string {
	if days := seconds / 86_400; days > 1 {
		return strconv.FormatInt(days, 10) + " days"
	}
	return duration(time.Duration(seconds) * time.Second)
}

// valueRatio is the ratio of the highest to the lowest value in a picture; 0 where there is none, or one that has no logarithm.
func valueRatio(picture explore.Picture) float64 {
	lowest, highest := 0.0, 0.0
	for _, line := range picture.Lines {
		for _, point := range line.Points {
			if point.Value <= 0 {
				return 0
			}
			if lowest == 0 || point.Value < lowest {
				lowest = point.Value
			}
			highest = max(highest, point.Value)
		}
	}
	if lowest == 0 {
		return 0
	}
	return highest / lowest
}

// href is the page on which a selection can be looked at closely and changed.
func (s selection) href(project api.Project, opts drawOptions) string {
	q := url.Values{"branch": s.branches, "testbed": s.testbeds, "benchmark": s.benchmarks, "measure": s.measures}
	if opts.time {
		q.Set("x", "time")
		if opts.since != nil {
			q.Set("from", strconv.FormatInt(opts.since.UnixMilli(), 10))
		}
	}
	if opts.log {
		q.Set("log", "1")
	}
	if !opts.boundaries {
		q.Set("limits", "0")
	}
	return "/projects/" + url.PathEscape(project.Slug) + "/perf?" + q.Encode()
}

// plotForms registers what can be done with plots: keep what is shown, move a plot, and delete one.
func (p *Pages) plotForms() {
	p.handle("POST /projects/{project}/plots", p.form(func(_ http.ResponseWriter, r *http.Request) error {
		in := api.NewPlot{XAxis: api.PlotAxisVersion, Window: int64(limits.PlotWindowDefault / time.Second), Branches: r.PostForm["branch"],
			Testbeds: r.PostForm["testbed"], Benchmarks: r.PostForm["benchmark"], Measures: r.PostForm["measure"]}
		if title := r.PostFormValue("title"); title != "" {
			in.Title = &title
		}
		if r.PostFormValue("x") == "time" {
			in.XAxis = api.PlotAxisDateTime
		}
		if y := api.PlotAxisLog; r.PostFormValue("log") == "1" {
			in.YAxis = &y
		}
		in.LowerBoundary = r.PostFormValue("limits") != "0"
		in.UpperBoundary = in.LowerBoundary
		return p.cfg.Source.KeepPlot(r.Context(), reader(r), r.PathValue("project"), in)
	}))
	p.handle("POST /projects/{project}/plots/{plot}", p.form(func(_ http.ResponseWriter, r *http.Request) error {
		wish := r.PostFormValue("status")
		if wish == "delete" {
			return p.cfg.Source.DropPlot(r.Context(), reader(r), r.PathValue("project"), r.PathValue("plot"))
		}
		index, err := strconv.Atoi(wish)
		if err != nil {
			return fault.Invalidf("status %.40q: want a place among the plots, or delete", wish)
		}
		return p.cfg.Source.MovePlot(r.Context(), reader(r), r.PathValue("project"), r.PathValue("plot"), index)
	}))
}
