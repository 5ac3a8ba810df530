package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

type RunnerPath struct {
	Runner string `path:"runner" maxLength:"64" doc:"slug or UUID"`
}

type SpecPath struct {
	Spec string `path:"spec" maxLength:"64" doc:"slug or UUID"`
}

type listNamedInput struct {
	PageInput
	NamedInput
}

func (a *API) registerRunners() {
	register(a, operation{http.MethodGet, "/v0/runners", "list-runners", "The runners and whether they live, by name", access.ViewFleet, 0, 0},
		func(ctx context.Context, in *listNamedInput) (*listOutput[api.Runner], error) {
			return listed(a.cfg.Fleet.Runners(ctx, actorOf(ctx), in.filter(in.PageInput)))
		})
	register(a, operation{http.MethodPost, "/v0/runners", "create-runner", "Make a runner; its key is shown once", access.ManageServer,
		http.StatusCreated, 0},
		func(ctx context.Context, in *struct{ Body api.NewRunner }) (*bodyOutput[api.RunnerKey], error) {
			return body(a.cfg.Fleet.CreateRunner(ctx, actorOf(ctx), in.Body))
		})
	register(a, operation{http.MethodGet, "/v0/runners/{runner}", "get-runner", "One runner", access.ViewFleet, 0, 0},
		func(ctx context.Context, in *RunnerPath) (*bodyOutput[api.Runner], error) {
			return body(a.cfg.Fleet.Runner(ctx, actorOf(ctx), in.Runner))
		})
	register(a, operation{http.MethodPatch, "/v0/runners/{runner}", "update-runner",
		"Rename or archive a runner, which ends its connections, or give a drained one jobs again", access.ManageServer, 0, 0},
		func(ctx context.Context, in *struct {
			RunnerPath
			Body api.UpdateRunner
		}) (*bodyOutput[api.Runner], error) {
			return body(a.cfg.Fleet.UpdateRunner(ctx, actorOf(ctx), in.Runner, in.Body))
		})
	register(a, operation{http.MethodPost, "/v0/runners/{runner}/key", "rotate-runner-key",
		"Give a runner a new key; the old one opens nothing any more", access.ManageServer, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			RunnerPath
			Form string `query:"form" enum:"tacho,bencher" doc:"how the key is written; default tacho"`
		}) (*bodyOutput[api.RunnerKey], error) {
			return body(a.cfg.Fleet.RotateKey(ctx, actorOf(ctx), in.Runner, in.Form))
		})
	register(a, operation{http.MethodGet, "/v0/runners/{runner}/specs", "list-runner-specs", "The specs that a runner offers",
		access.ViewFleet, 0, 0},
		func(ctx context.Context, in *RunnerPath) (*listOutput[api.Spec], error) {
			r, err := a.cfg.Fleet.Runner(ctx, actorOf(ctx), in.Runner)
			return &listOutput[api.Spec]{len(r.Specs), r.Specs}, err
		})
	register(a, operation{http.MethodPost, "/v0/runners/{runner}/specs", "add-runner-spec", "Let a runner take a spec's jobs",
		access.ManageServer, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			RunnerPath
			Body api.AddRunnerSpec
		}) (*bodyOutput[api.Spec], error) {
			return body(a.cfg.Fleet.AddSpec(ctx, actorOf(ctx), in.Runner, in.Body.Spec))
		})
	register(a, operation{http.MethodDelete, "/v0/runners/{runner}/specs/{spec}", "remove-runner-spec", "Take a spec from a runner",
		access.ManageServer, http.StatusNoContent, 0},
		func(ctx context.Context, in *struct {
			RunnerPath
			SpecPath
		}) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Fleet.RemoveSpec(ctx, actorOf(ctx), in.Runner, in.Spec)
		})
}

func (a *API) registerSpecs() {
	register(a, operation{http.MethodGet, "/v0/specs", "list-specs", "The hardware specs, by name", access.ViewFleet, 0, 0},
		func(ctx context.Context, in *listNamedInput) (*listOutput[api.Spec], error) {
			return listed(a.cfg.Fleet.Specs(ctx, actorOf(ctx), in.filter(in.PageInput)))
		})
	register(a, operation{http.MethodPost, "/v0/specs", "create-spec", "Make a spec; its resources never change", access.ManageServer,
		http.StatusCreated, 0},
		func(ctx context.Context, in *struct{ Body api.NewSpec }) (*bodyOutput[api.Spec], error) {
			return body(a.cfg.Fleet.CreateSpec(ctx, actorOf(ctx), in.Body))
		})
	register(a, operation{http.MethodGet, "/v0/specs/{spec}", "get-spec", "One spec", access.ViewFleet, 0, 0},
		func(ctx context.Context, in *SpecPath) (*bodyOutput[api.Spec], error) {
			return body(a.cfg.Fleet.Spec(ctx, actorOf(ctx), in.Spec))
		})
	register(a, operation{http.MethodPatch, "/v0/specs/{spec}", "update-spec", "Rename or archive a spec, or make it the fallback",
		access.ManageServer, 0, 0},
		func(ctx context.Context, in *struct {
			SpecPath
			Body api.UpdateSpec
		}) (*bodyOutput[api.Spec], error) {
			return body(a.cfg.Fleet.UpdateSpec(ctx, actorOf(ctx), in.Spec, in.Body))
		})
	register(a, operation{http.MethodDelete, "/v0/specs/{spec}", "delete-spec", "Delete a spec that no job and no runner names",
		access.ManageServer, http.StatusNoContent, 0},
		func(ctx context.Context, in *SpecPath) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Fleet.DeleteSpec(ctx, actorOf(ctx), in.Spec)
		})
}
