package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/series"
)

func (a *API) registerDimensions() {
	registerDimension(a, "testbed", "testbeds", a.cfg.Testbeds)
	registerDimension(a, "benchmark", "benchmarks", a.cfg.Benchmarks)
	registerDimension(a, "measure", "measures", a.cfg.Measures)
}

// DimensionPath names one of a project's things.
type DimensionPath struct {
	ProjectPath
	Ref string `path:"ref" maxLength:"1024" doc:"UUID or slug"`
}

func registerDimension[R, W, N any](a *API, one, many string, named *series.Named[R, W, N]) {
	base := "/v0/projects/{project}/" + many
	register(a, operation{http.MethodGet, base, "list-" + many, "The project's " + many + ", by name", access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			PageInput
			NamedInput
		}) (*listOutput[W], error) {
			return listed(named.List(ctx, actorOf(ctx), in.Project, in.filter(in.PageInput)))
		})
	register(a, operation{http.MethodPost, base, "create-" + one, "Make a " + one, access.EditProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body N
		}) (*bodyOutput[W], error) {
			return body(named.Create(ctx, actorOf(ctx), in.Project, in.Body))
		})
	register(a, operation{http.MethodGet, base + "/{ref}", "get-" + one, "One " + one, access.ViewProject, 0, 0},
		func(ctx context.Context, in *DimensionPath) (*bodyOutput[W], error) {
			return body(named.Get(ctx, actorOf(ctx), in.Project, in.Ref))
		})
	register(a, operation{http.MethodPatch, base + "/{ref}", "update-" + one, "Change a " + one + "; absent fields stay", access.EditProject,
		0, 0},
		func(ctx context.Context, in *struct {
			DimensionPath
			Body api.UpdateDimension
		}) (*bodyOutput[W], error) {
			return body(named.Update(ctx, actorOf(ctx), in.Project, in.Ref, in.Body))
		})
	register(a, operation{http.MethodDelete, base + "/{ref}", "delete-" + one, "Delete a " + one + " that nothing uses", access.EditProject,
		http.StatusNoContent, 0},
		func(ctx context.Context, in *DimensionPath) (*emptyOutput, error) {
			return &emptyOutput{}, named.Delete(ctx, actorOf(ctx), in.Project, in.Ref)
		})
}
