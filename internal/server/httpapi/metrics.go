package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

func (a *API) registerMetrics() {
	register(a, operation{http.MethodGet, "/v0/projects/{project}/metrics/{metric}", "get-metric",
		"One metric with what places it and every sample", access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Metric string `path:"metric" maxLength:"36" doc:"UUID"`
		}) (*bodyOutput[api.OneMetric], error) {
			return body(a.cfg.Explore.Metric(ctx, actorOf(ctx), in.Project, in.Metric))
		})
}
