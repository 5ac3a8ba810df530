package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

func (a *API) registerPolicy() {
	const one = "/v0/projects/{project}/policy"
	register(a, operation{http.MethodGet, one, "get-policy", "How the lines of the project are judged", access.ViewProject, 0, 0},
		func(ctx context.Context, in *ProjectPath) (*bodyOutput[api.Policy], error) {
			return body(a.cfg.Policies.Get(ctx, actorOf(ctx), in.Project))
		})
	register(a, operation{http.MethodPut, one, "set-policy",
		"Replace how the lines of the project are judged; its history is looked at again", access.EditProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.SetPolicy
		}) (*bodyOutput[api.Policy], error) {
			return body(a.cfg.Policies.Set(ctx, actorOf(ctx), in.Project, in.Body))
		})
	register(a, operation{http.MethodPost, one + "/check", "check-policy",
		"What would become of the project's events if a policy was set; nothing is changed", access.Submit, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.CheckPolicy
		}) (*bodyOutput[api.CheckedPolicy], error) {
			return body(a.cfg.Events.CheckPolicy(ctx, actorOf(ctx), in.Project, in.Body))
		})
}
