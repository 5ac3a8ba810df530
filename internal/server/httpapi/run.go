package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/intake"
)

// reportOutput is a report with 201, or 200 when an idempotency key found one that was there.
type reportOutput struct {
	Status int
	Body   api.Report
}

func submitted(report api.Report, created bool) *reportOutput {
	if created {
		return &reportOutput{http.StatusCreated, report}
	}
	return &reportOutput{http.StatusOK, report}
}

func (a *API) registerRun() {
	register(a, operation{http.MethodPost, "/v0/run/check", "check-run",
		"What POST /v0/run would say of the same run, before there are results; nothing is written", access.Submit, 0, 0},
		func(ctx context.Context, in *struct{ Body api.NewRun }) (*bodyOutput[api.RunCheck], error) {
			actor := actorOf(ctx)
			project, check, err := a.cfg.Intake.Check(ctx, intake.Request{Actor: actor, SourceIP: actor.SourceIP, New: in.Body})
			if err != nil {
				return nil, err
			}
			return body(check, authorize(ctx, projectResource(project))) // of a new project it asks for who would own it
		})
	register(a, operation{http.MethodPost, "/v0/run", "run", "Submit results, or a job that makes them; the project is made when it is new",
		access.Submit, http.StatusCreated, limits.ReportBodyBytes},
		func(ctx context.Context, in *struct{ Body api.NewRun }) (*reportOutput, error) {
			actor := actorOf(ctx)
			in.Body.Results = resultsOf(ctx, in.Body.Results)
			report, created, err := a.cfg.Intake.Submit(ctx, intake.Request{Actor: actor, SourceIP: actor.SourceIP, New: in.Body})
			if err != nil {
				return nil, err
			}
			// Intake finds or makes the project, so it has authorized before it wrote. Here the same question is asked of the answer.
			err = authorize(ctx, access.Resource{ProjectID: report.Project.UUID, OrganizationID: report.Project.Organization,
				Public: report.Project.Visibility == api.Public, Name: report.Project.Slug})
			return submitted(report, created), err
		})
}
