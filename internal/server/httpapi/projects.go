package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

type ListProjectsInput struct {
	PageInput
	NamedInput
}

type OrganizationPath struct {
	Organization string `path:"organization" maxLength:"64" doc:"slug or UUID"`
}

func (a *API) registerProjects() {
	register(a, operation{http.MethodGet, "/v0/projects", "list-projects", "Projects that the caller may see, by name", access.ViewServer, 0,
		0},
		func(ctx context.Context, in *ListProjectsInput) (*listOutput[api.Project], error) {
			return listed(a.cfg.Projects.List(ctx, actorOf(ctx), "", in.filter(in.PageInput)))
		})
	register(a, operation{http.MethodPost, "/v0/projects", "create-project", "Make a project in the caller's own organization",
		access.CreateProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct{ Body api.NewProject }) (*bodyOutput[api.Project], error) {
			return body(a.cfg.Projects.Create(ctx, actorOf(ctx), "", in.Body))
		})
	register(a, operation{http.MethodGet, "/v0/projects/{project}", "get-project", "One project", access.ViewProject, 0, 0},
		func(ctx context.Context, in *ProjectPath) (*bodyOutput[api.Project], error) {
			return body(a.cfg.Projects.Get(ctx, actorOf(ctx), in.Project))
		})
	register(a, operation{http.MethodPatch, "/v0/projects/{project}", "update-project",
		"Change a project; absent fields stay, a null url is cleared", access.ManageProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body    api.UpdateProject
			RawBody []byte
		}) (*bodyOutput[api.Project], error) {
			return body(a.cfg.Projects.Update(ctx, actorOf(ctx), in.Project, in.Body, in.RawBody))
		})
	register(a, operation{http.MethodDelete, "/v0/projects/{project}", "delete-project", "Delete a project and all in it",
		access.DeleteProject, http.StatusNoContent, 0},
		func(ctx context.Context, in *ProjectPath) (*emptyOutput, error) {
			return &emptyOutput{}, a.cfg.Projects.Delete(ctx, actorOf(ctx), in.Project)
		})
}
