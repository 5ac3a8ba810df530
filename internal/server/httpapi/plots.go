package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/plot"
)

type listPlotsInput struct {
	ProjectPath
	PageInput
	Title  string `query:"title" maxLength:"64" doc:"exactly this title"`
	Search string `query:"search" maxLength:"256" doc:"part of the title, or a UUID"`
}

type PlotPath struct {
	ProjectPath
	Plot string `path:"plot" maxLength:"36" doc:"UUID"`
}

func (a *API) registerPlots() {
	const all, one = "/v0/projects/{project}/plots", "/v0/projects/{project}/plots/{plot}"
	register(a, operation{http.MethodGet, all, "list-plots", "The plots that the project keeps, in their order or by sort=title",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *listPlotsInput) (*listOutput[api.Plot], error) {
			return listed(a.cfg.Plots.List(ctx, actorOf(ctx), in.Project,
				plot.Filter{Title: in.Title, Search: in.Search, ByTitle: in.Sort == "title"}, in.page(false)))
		})
	register(a, operation{http.MethodPost, all, "create-plot", "Keep a plot", access.EditProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.NewPlot
		}) (*bodyOutput[api.Plot], error) {
			return body(a.cfg.Plots.Create(ctx, actorOf(ctx), in.Project, in.Body))
		})
	register(a, operation{http.MethodGet, one, "get-plot", "One plot", access.ViewProject, 0, 0},
		func(ctx context.Context, in *PlotPath) (*bodyOutput[api.Plot], error) {
			return body(a.cfg.Plots.Get(ctx, actorOf(ctx), in.Project, in.Plot))
		})
	register(a, operation{http.MethodPatch, one, "update-plot",
		"Change a plot; absent fields stay, lists are replaced, a null title is cleared", access.EditProject, 0, 0},
		func(ctx context.Context, in *struct {
			PlotPath
			Body    api.UpdatePlot
			RawBody []byte
		}) (*bodyOutput[api.Plot], error) {
			return body(a.cfg.Plots.Update(ctx, actorOf(ctx), in.Project, in.Plot, in.Body, in.RawBody))
		})
	register(a, operation{http.MethodDelete, one, "delete-plot", "Delete a plot; what it shows stays", access.EditProject,
		http.StatusNoContent, 0},
		func(ctx context.Context, in *PlotPath) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Plots.Delete(ctx, actorOf(ctx), in.Project, in.Plot)
		})
}
