package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/intake"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// submitted is a report with 201, or 200 when an idempotency key found one that was there. Nothing of the body is held while it is written.
func (a *API) submitted(ctx context.Context, taken intake.Taken) *streamed {
	release(ctx)
	status := http.StatusOK
	if taken.Created {
		status = http.StatusCreated
	}
	out := a.shown(taken.Project, taken.Report, explore.Showing{Committed: true})
	out.status = status
	return out
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
	registerStream[struct{ Body api.NewRun }, api.Report](a, operation{http.MethodPost, "/v0/run", "run", "Submit results, or a job that makes them; the project is made when it is new",
		access.Submit, http.StatusCreated, limits.ReportBodyBytes},
		func(ctx context.Context, in *struct{ Body api.NewRun }) (*streamed, error) {
			actor := actorOf(ctx)
			if err := a.countRun(ctx, actor, in.Body.Project); err != nil {
				return nil, err
			}
			in.Body.Results = resultsOf(ctx, in.Body.Results)
			taken, err := a.cfg.Intake.Submit(ctx, intake.Request{Actor: actor, SourceIP: actor.SourceIP, New: in.Body})
			in.Body.Results = nil
			if err != nil {
				return nil, err
			}
			// Intake finds or makes the project, so it has authorized before it wrote. Here the same question is asked of the answer.
			return a.submitted(ctx, taken), authorize(ctx, projectResource(taken.Project))
		})
}

// countRun counts a run for its project before anything is done with it: for the one that exists and that the actor may submit to, so that
// strangers cannot use up what a project may send.
func (a *API) countRun(ctx context.Context, actor access.Actor, ref string) error {
	if ref == "" {
		ref = actor.ProjectID // of a run key; a new project has no id yet
	}
	if ref == "" || a.cfg.Guard == nil {
		return nil
	}
	var p project.Project
	err := a.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = project.ByRef(ctx, tx, ref)
		return err
	})
	if fault.Is(err, fault.Missing) || err == nil && access.Authorize(actor, access.Submit, projectResource(p)) != nil {
		return nil // intake says so
	}
	if err != nil {
		return err
	}
	return a.cfg.Guard.Project(p.ID)
}
