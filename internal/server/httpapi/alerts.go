package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/threshold"
)

type listAlertsInput struct {
	ProjectPath
	PageInput
	Status   string `query:"status" enum:"active,dismissed,silenced" doc:"only these"`
	Archived bool   `query:"archived" doc:"only those whose branch, testbed or measure is archived; otherwise only the others"`
}

type AlertPath struct {
	ProjectPath
	Alert string `path:"alert" maxLength:"36" doc:"UUID"`
}

func (a *API) registerAlerts() {
	const all, one = "/v0/projects/{project}/alerts", "/v0/projects/{project}/alerts/{alert}"
	register(a, operation{http.MethodGet, all, "list-alerts", "The project's alerts, newest first, by creation or by sort=modified",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *listAlertsInput) (*listOutput[api.Alert], error) {
			rows, total, err := a.cfg.Explore.Alerts(ctx, actorOf(ctx), in.Project,
				threshold.AlertFilter{Status: api.AlertStatus(in.Status), Archived: in.Archived,
					Modified: in.Sort == "modified"}, in.page(true))
			return &listOutput[api.Alert]{total, rows}, err
		})
	register(a, operation{http.MethodGet, one, "get-alert", "One alert", access.ViewProject, 0, 0},
		func(ctx context.Context, in *AlertPath) (*bodyOutput[api.Alert], error) {
			return body(a.cfg.Explore.Alert(ctx, actorOf(ctx), in.Project, in.Alert))
		})
	register(a, operation{http.MethodPatch, one, "update-alert", "Dismiss an alert, or make it active again", access.EditProject, 0, 0},
		func(ctx context.Context, in *struct {
			AlertPath
			Body api.UpdateAlert
		}) (*bodyOutput[api.Alert], error) {
			if in.Body.Status == nil {
				return nil, fault.Invalidf("alert: the field \"status\" is missing; want active or dismissed")
			}
			if err := a.cfg.Thresholds.SetAlertStatus(ctx, actorOf(ctx), in.Project, in.Alert, *in.Body.Status); err != nil {
				return nil, err
			}
			return body(a.cfg.Explore.Alert(ctx, actorOf(ctx), in.Project, in.Alert))
		})
}
