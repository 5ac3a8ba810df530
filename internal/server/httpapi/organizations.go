package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

func (a *API) registerOrganizations() {
	register(a, operation{http.MethodGet, "/v0/organizations", "list-organizations", "The caller's organizations; an admin's are all",
		access.ViewServer, 0, 0},
		func(ctx context.Context, in *PageInput) (*listOutput[api.Organization], error) {
			return listed(a.cfg.Accounts.Organizations(ctx, actorOf(ctx), in.page(false)))
		})
	register(a, operation{http.MethodGet, "/v0/organizations/{organization}", "get-organization", "One organization", access.CreateProject, 0,
		0},
		func(ctx context.Context, in *OrganizationPath) (*bodyOutput[api.Organization], error) {
			return body(a.cfg.Accounts.Organization(ctx, actorOf(ctx), in.Organization))
		})
	register(a, operation{http.MethodPatch, "/v0/organizations/{organization}", "update-organization", "Change an organization's plan",
		access.ManageServer, 0, 0},
		func(ctx context.Context, in *struct {
			OrganizationPath
			Body updateOrganization
		}) (*bodyOutput[api.Organization], error) {
			return body(a.cfg.Accounts.SetPlan(ctx, actorOf(ctx), in.Organization, in.Body.Plan))
		})
	register(a, operation{http.MethodGet, "/v0/organizations/{organization}/projects", "list-organization-projects",
		"An organization's projects that the caller may see", access.ViewServer, 0, 0},
		func(ctx context.Context, in *struct {
			OrganizationPath
			ListProjectsInput
		}) (*listOutput[api.Project], error) {
			return listed(a.cfg.Projects.List(ctx, actorOf(ctx), in.Organization, in.filter(in.PageInput)))
		})
	register(a, operation{http.MethodPost, "/v0/organizations/{organization}/projects", "create-organization-project",
		"Make a project in an organization", access.CreateProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			OrganizationPath
			Body api.NewProject
		}) (*bodyOutput[api.Project], error) {
			return body(a.cfg.Projects.Create(ctx, actorOf(ctx), in.Organization, in.Body))
		})
}

// updateOrganization is the body of PATCH.
type updateOrganization struct {
	Plan api.Plan `json:"plan" enum:"unclaimed,free,team,enterprise"`
	_    struct{} `additionalProperties:"true"`
}
