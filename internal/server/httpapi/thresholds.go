package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/threshold"
)

type listThresholdsInput struct {
	ProjectPath
	PageInput
	Branch   string `query:"branch" maxLength:"256" doc:"UUID, slug or name"`
	Testbed  string `query:"testbed" maxLength:"64" doc:"UUID, slug or name"`
	Measure  string `query:"measure" maxLength:"64" doc:"UUID, slug or name"`
	Archived bool   `query:"archived" doc:"only those whose branch, testbed or measure is archived; otherwise only the others"`
}

type ThresholdPath struct {
	ProjectPath
	Threshold string `path:"threshold" maxLength:"36" doc:"UUID"`
}

func (a *API) registerThresholds() {
	const all, one = "/v0/projects/{project}/thresholds", "/v0/projects/{project}/thresholds/{threshold}"
	register(a, operation{http.MethodGet, all, "list-thresholds", "The project's thresholds, by creation or by sort=modified",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *listThresholdsInput) (*listOutput[api.Threshold], error) {
			rows, total, err := a.cfg.Thresholds.List(ctx, actorOf(ctx), in.Project,
				threshold.NamedFilter{Branch: in.Branch, Testbed: in.Testbed, Measure: in.Measure,
					Archived: in.Archived, Modified: in.Sort == "modified"}, in.page(false))
			return &listOutput[api.Threshold]{total, rows}, err
		})
	register(a, operation{http.MethodPost, all, "create-threshold", "Make a threshold for a branch, a testbed and a measure",
		access.EditProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.NewThreshold
		}) (*bodyOutput[api.Threshold], error) {
			return body(a.cfg.Thresholds.Create(ctx, actorOf(ctx), in.Project, in.Body))
		})
	register(a, operation{http.MethodGet, one, "get-threshold", "One threshold with its current model, or with an earlier one",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			ThresholdPath
			Model string `query:"model" maxLength:"36" doc:"UUID of one of its models"`
		}) (*bodyOutput[api.Threshold], error) {
			return body(a.cfg.Thresholds.Get(ctx, actorOf(ctx), in.Project, in.Threshold, in.Model))
		})
	register(a, operation{http.MethodPut, one, "update-threshold", "Replace a threshold's model; {\"test\": null} takes it away",
		access.EditProject, 0, 0},
		func(ctx context.Context, in *struct {
			ThresholdPath
			Body api.UpdateThreshold
		}) (*bodyOutput[api.Threshold], error) {
			return body(a.cfg.Thresholds.Update(ctx, actorOf(ctx), in.Project, in.Threshold, in.Body))
		})
	register(a, operation{http.MethodDelete, one, "delete-threshold", "Delete a threshold with its models and alerts", access.EditProject,
		http.StatusNoContent, 0},
		func(ctx context.Context, in *ThresholdPath) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Thresholds.Delete(ctx, actorOf(ctx), in.Project, in.Threshold)
		})
}
