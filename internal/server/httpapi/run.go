package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/report"
)

// submitted is a report with 201, or 200 when an idempotency key found one that was there. Nothing of the body is held while it is written.
func (a *API) submitted(ctx context.Context, taken report.Taken, prefer Preference) (*streamed, error) {
	release(ctx)
	status := http.StatusOK
	if taken.Created {
		status = http.StatusCreated
	}
	out, err := a.showChanged(ctx, taken.Project.ID, taken.Report, prefer)
	if err != nil {
		return nil, err
	}
	out.status = status
	return out, nil
}

type runInput struct {
	Preference
	Body api.NewRun
}

func (a *API) registerRun() {
	if a.together([]string{"POST /v0/run/check", "POST /v0/run"}, (*API).registerRun) {
		return
	}
	register(a, operation{http.MethodPost, "/v0/run/check", "check-run",
		"What POST /v0/run would say of the same run, before there are results; nothing is written", access.Submit, 0, 0},
		func(ctx context.Context, in *struct{ Body api.NewRun }) (*bodyOutput[api.RunCheck], error) {
			actor := actorOf(ctx)
			return body(a.cfg.Reports.Check(ctx, report.Request{Actor: actor, SourceIP: actor.SourceIP, New: in.Body}))
		})
	registerChange(a, operation{http.MethodPost, "/v0/run", "run",
		"Submit results, or a job that makes them; the project is made when it is new",
		access.Submit, http.StatusCreated, limits.ReportBodyBytes},
		func(ctx context.Context, in *runInput) (*streamed, error) {
			actor := actorOf(ctx)
			in.Body.Results = resultsOf(ctx, in.Body.Results)
			taken, err := a.cfg.Reports.Submit(ctx, report.Request{Actor: actor, SourceIP: actor.SourceIP, New: in.Body})
			in.Body.Results = nil
			if err != nil {
				return nil, err
			}
			return a.submitted(ctx, taken, in.Preference)
		})
}
