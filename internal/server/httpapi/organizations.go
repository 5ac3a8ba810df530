package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/store"
)

func (a *API) registerOrganizations() {
	register(a, operation{http.MethodGet, "/v0/organizations", "list-organizations", "The caller's organizations; an admin's are all", access.ViewServer, 0, 0},
		func(ctx context.Context, in *PageInput) (*listOutput[api.Organization], error) {
			return a.listOrganizations(ctx, in.page(false))
		})
	register(a, operation{http.MethodGet, "/v0/organizations/{organization}", "get-organization", "One organization", access.CreateProject, 0, 0},
		func(ctx context.Context, in *OrganizationPath) (*bodyOutput[api.Organization], error) {
			o, err := a.organization(ctx, in.Organization)
			return body(o.Wire(), err)
		})
	register(a, operation{http.MethodPatch, "/v0/organizations/{organization}", "update-organization", "Change an organization's plan", access.ManageServer, 0, 0},
		func(ctx context.Context, in *struct {
			OrganizationPath
			Body updateOrganization
		}) (*bodyOutput[api.Organization], error) {
			o, err := a.organization(ctx, in.Organization)
			if err != nil {
				return nil, err
			}
			err = a.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
				if err := account.SetPlan(ctx, tx, o.ID, string(in.Body.Plan)); err != nil {
					return err
				}
				o, err = account.OrganizationByRef(ctx, tx, o.ID)
				return err
			})
			return body(o.Wire(), err)
		})
	register(a, operation{http.MethodGet, "/v0/organizations/{organization}/projects", "list-organization-projects", "An organization's projects that the caller may see", access.ViewServer, 0, 0},
		func(ctx context.Context, in *struct {
			OrganizationPath
			ListProjectsInput
		}) (*listOutput[api.Project], error) {
			o, err := a.organization(ctx, in.Organization)
			if err != nil {
				return nil, err
			}
			return a.listProjects(ctx, visibleTo(actorOf(ctx), in.filter(in.PageInput), o.ID))
		})
	register(a, operation{http.MethodPost, "/v0/organizations/{organization}/projects", "create-organization-project", "Make a project in an organization", access.CreateProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct {
			OrganizationPath
			Body api.NewProject
		}) (*bodyOutput[api.Project], error) {
			return body(a.createProject(ctx, in.Organization, in.Body))
		})
}

// updateOrganization is the body of PATCH.
type updateOrganization struct {
	Plan api.Plan `json:"plan" enum:"unclaimed,free,team,enterprise"`
	_    struct{} `additionalProperties:"true"`
}

func (a *API) listOrganizations(ctx context.Context, page store.Page) (*listOutput[api.Organization], error) {
	if err := authorize(ctx, access.Resource{}); err != nil {
		return nil, err
	}
	actor := actorOf(ctx)
	accountID := actor.AccountID
	switch {
	case actor.Kind == access.Local, actor.Kind == access.User && actor.Admin:
		accountID = "" // all
	case actor.Kind != access.User:
		return &listOutput[api.Organization]{Body: []api.Organization{}}, nil
	}
	var out listOutput[api.Organization]
	err := a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		rows, total, err := account.ListOrganizations(ctx, tx, accountID, page)
		out.Body, out.Total = wires(rows, account.Organization.Wire), total
		return err
	})
	return &out, err
}

// organization loads an organization and authorizes the operation's action on it. Who may not see it learns nothing.
func (a *API) organization(ctx context.Context, ref string) (account.Organization, error) {
	var o account.Organization
	err := a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		o, err = account.OrganizationByRef(ctx, tx, ref)
		return err
	})
	if err != nil && !fault.Is(err, fault.Missing) {
		return o, err
	}
	if refused := authorize(ctx, access.Resource{OrganizationID: o.ID, Name: ref}); refused != nil {
		return account.Organization{}, refused
	}
	return o, err
}
