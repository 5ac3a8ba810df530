package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

func (a *API) registerNoise() {
	register(a, operation{http.MethodGet, "/v0/projects/{project}/noise", "list-noise",
		"How much the project's series vary while their code stays the same, by testbed", access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			PageInput
			Testbed string `query:"testbed" maxLength:"1024" doc:"UUID, slug or name"`
		}) (*listOutput[api.SeriesNoise], error) {
			return listed(a.cfg.Explore.Noise(ctx, actorOf(ctx), in.Project, in.Testbed, in.page(false)))
		})
}
