package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

type BranchPath struct {
	ProjectPath
	Branch string `path:"branch" maxLength:"256" doc:"UUID or slug"`
}

func (a *API) registerBranches() {
	const all, one = "/v0/projects/{project}/branches", "/v0/projects/{project}/branches/{branch}"
	register(a, operation{http.MethodGet, all, "list-branches", "The project's branches, by name", access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			PageInput
			NamedInput
		}) (*listOutput[api.Branch], error) {
			rows, total, err := a.cfg.Branches.List(ctx, actorOf(ctx), in.Project, in.filter(in.PageInput))
			return &listOutput[api.Branch]{total, rows}, err
		})
	register(a, operation{http.MethodPost, all, "create-branch", "Make a branch, with the history of its start point", access.EditProject,
		http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.NewBranch
		}) (*bodyOutput[api.Branch], error) {
			return body(a.cfg.Branches.Create(ctx, actorOf(ctx), in.Project, in.Body))
		})
	register(a, operation{http.MethodGet, one, "get-branch", "One branch with its current head, or with the one that is asked for",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			BranchPath
			Head string `query:"head" maxLength:"36" doc:"UUID of one of its heads"`
		}) (*bodyOutput[api.Branch], error) {
			return body(a.cfg.Branches.Get(ctx, actorOf(ctx), in.Project, in.Branch, in.Head))
		})
	register(a, operation{http.MethodPatch, one, "update-branch", "Rename or archive a branch; absent fields stay", access.EditProject, 0, 0},
		func(ctx context.Context, in *struct {
			BranchPath
			Body api.UpdateDimension
		}) (*bodyOutput[api.Branch], error) {
			return body(a.cfg.Branches.Update(ctx, actorOf(ctx), in.Project, in.Branch, in.Body))
		})
	register(a, operation{http.MethodDelete, one, "delete-branch", "Delete a branch that has no reports", access.EditProject,
		http.StatusNoContent, 0},
		func(ctx context.Context, in *BranchPath) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Branches.Delete(ctx, actorOf(ctx), in.Project, in.Branch)
		})
}
