package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

type ListProjectsInput struct {
	PageInput
	NamedInput
}

type OrganizationPath struct {
	Organization string `path:"organization" maxLength:"64" doc:"slug or UUID"`
}

func (a *API) registerProjects() {
	register(a, operation{http.MethodGet, "/v0/projects", "list-projects", "Projects that the caller may see, by name", access.ViewServer, 0, 0},
		func(ctx context.Context, in *ListProjectsInput) (*listOutput[api.Project], error) {
			if err := authorize(ctx, access.Resource{}); err != nil {
				return nil, err
			}
			return a.listProjects(ctx, visibleTo(actorOf(ctx), in.filter(in.PageInput), ""))
		})
	register(a, operation{http.MethodPost, "/v0/projects", "create-project", "Make a project in the caller's own organization", access.CreateProject, http.StatusCreated, 0},
		func(ctx context.Context, in *struct{ Body api.NewProject }) (*bodyOutput[api.Project], error) {
			return body(a.createProject(ctx, "", in.Body))
		})
	register(a, operation{http.MethodGet, "/v0/projects/{project}", "get-project", "One project", access.ViewProject, 0, 0},
		func(ctx context.Context, in *ProjectPath) (*bodyOutput[api.Project], error) {
			p, err := a.project(ctx, in.Project)
			return body(p.Wire(), err)
		})
	register(a, operation{http.MethodPatch, "/v0/projects/{project}", "update-project", "Change a project; absent fields stay, a null url is cleared", access.ManageProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body    updateProject
			RawBody []byte
		}) (*bodyOutput[api.Project], error) {
			return body(a.updateProject(ctx, in.Project, in.Body, in.RawBody))
		})
	register(a, operation{http.MethodDelete, "/v0/projects/{project}", "delete-project", "Delete a project and all in it", access.DeleteProject, http.StatusNoContent, 0},
		func(ctx context.Context, in *ProjectPath) (*emptyOutput, error) {
			p, err := a.project(ctx, in.Project)
			if err != nil {
				return nil, err
			}
			return &emptyOutput{}, a.deleteProject(ctx, p)
		})
}

// deleteProject hides a project and cancels its jobs: they would go on, and nobody could see or stop them.
func (a *API) deleteProject(ctx context.Context, p project.Project) error {
	if err := a.cfg.Store.Tx(ctx, func(tx *store.Tx) error { return project.Delete(ctx, tx, p.ID) }); err != nil {
		return err
	}
	for _, state := range []api.JobStatus{api.JobPending, api.JobClaimed, api.JobRunning} {
		var ids []string
		for total := 1; len(ids) < total; {
			jobs, n, err := a.cfg.Queue.Jobs(ctx, p, state, store.Page{Limit: limits.PageMax, Offset: len(ids)})
			if err != nil {
				return err
			}
			if total = n; len(jobs) == 0 {
				break
			}
			for _, j := range jobs {
				ids = append(ids, j.UUID)
			}
		}
		for _, id := range ids {
			if err := a.cfg.Queue.Cancel(ctx, id); err != nil && !fault.Is(err, fault.Conflict) { // it may have ended meanwhile
				return fmt.Errorf("cancel job %s of a deleted project: %w", id, err)
			}
		}
	}
	return nil
}

// visibleTo narrows a list of projects to what actor may see.
func visibleTo(actor access.Actor, f store.ListFilter, organizationID string) project.Filter {
	out := project.Filter{
		ListFilter: f, All: actor.Kind == access.Local || actor.Kind == access.User && actor.Admin,
		ProjectID: actor.ProjectID, OrganizationID: organizationID,
	}
	for id := range actor.Organizations {
		out.Organizations = append(out.Organizations, id)
	}
	return out
}

func (a *API) listProjects(ctx context.Context, f project.Filter) (*listOutput[api.Project], error) {
	var out listOutput[api.Project]
	err := a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		rows, total, err := project.List(ctx, tx, f)
		out.Body, out.Total = wires(rows, project.Project.Wire), total
		return err
	})
	return &out, err
}

// createProject makes a project in the named organization, or in the actor's own.
func (a *API) createProject(ctx context.Context, organization string, in api.NewProject) (api.Project, error) {
	row := project.Project{Name: in.Name, Slug: in.Slug, URL: address(in.URL), Visibility: string(in.Visibility)}
	if row.Visibility == "" {
		row.Visibility = string(cmp.Or(a.cfg.Visibility, api.Public))
	}
	if err := checkNew("project", in.Name, in.Slug, limits.ResourceNameBytes); err != nil {
		return api.Project{}, err
	}
	if err := checkURL(in.URL); err != nil {
		return api.Project{}, err
	}
	home, err := a.home(ctx, organization)
	if err != nil {
		return api.Project{}, err
	}
	row.OrganizationID = home.ID
	err = a.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		row, err = project.Insert(ctx, tx, row)
		return err
	})
	return row.Wire(), err
}

// home loads the named organization, or the actor's own, and authorizes the operation's action on it.
func (a *API) home(ctx context.Context, organization string) (account.Organization, error) {
	if organization != "" {
		return a.organization(ctx, organization)
	}
	var home account.Organization
	err := a.cfg.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		home, err = account.HomeOf(ctx, tx, actorOf(ctx))
		return err
	})
	if err != nil {
		return home, err
	}
	return home, authorize(ctx, access.Resource{OrganizationID: home.ID, Name: home.Slug})
}

// updateProject is the body of PATCH.
type updateProject struct {
	Name       *string         `json:"name,omitempty" minLength:"1" maxLength:"64"`
	Slug       *string         `json:"slug,omitempty" maxLength:"64"`
	URL        *string         `json:"url,omitempty" nullable:"true"`
	Visibility *api.Visibility `json:"visibility,omitempty" enum:"public,private"`
	_          struct{}        `additionalProperties:"true"`
}

func (a *API) updateProject(ctx context.Context, ref string, in updateProject, raw []byte) (api.Project, error) {
	p, err := a.project(ctx, ref)
	if err != nil {
		return api.Project{}, err
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return api.Project{}, fault.Invalidf("the body is not a JSON object")
	}
	patch := project.Patch{Name: in.Name, Slug: in.Slug, Visibility: (*string)(in.Visibility), URL: address(in.URL)}
	_, patch.SetURL = given["url"]
	if err := checkPatch("project", in.Name, in.Slug, limits.ResourceNameBytes); err != nil {
		return api.Project{}, err
	}
	if err := checkURL(in.URL); err != nil {
		return api.Project{}, err
	}
	err = a.cfg.Store.Tx(ctx, func(tx *store.Tx) error {
		if err := project.Update(ctx, tx, p.ID, patch); err != nil {
			return err
		}
		p, err = project.ByRef(ctx, tx, p.ID)
		return err
	})
	return p.Wire(), err
}

// checkNew checks the name and the optional slug of a thing that is to be made.
func checkNew(what, name, slug string, nameBytes int) error {
	if err := ident.CheckName(what, name, nameBytes); err != nil {
		return err
	}
	if slug != "" && !ident.IsSlug(slug) {
		return fault.Invalidf("%s %q: %q is not a slug; one is lower-case letters, digits and single hyphens, for example %q", what, name, slug, ident.Slugify(slug))
	}
	return nil
}

// checkPatch checks a name and a slug that may be absent.
func checkPatch(what string, name, slug *string, nameBytes int) error {
	if name != nil {
		if err := ident.CheckName(what, *name, nameBytes); err != nil {
			return err
		}
	}
	if slug != nil && !ident.IsSlug(*slug) {
		return fault.Invalidf("%s: %q is not a slug; one is lower-case letters, digits and single hyphens", what, *slug)
	}
	return nil
}

// address is a URL that was given; an empty one is none.
func address(text *string) *string {
	if text == nil || *text == "" {
		return nil
	}
	return text
}

// checkURL lets only addresses of pages through: the page shows it as a link.
func checkURL(text *string) error {
	if text == nil || *text == "" {
		return nil
	}
	u, err := url.Parse(*text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(*text) > 2048 {
		return fault.Invalidf("url %.100q: want an http or https address", *text)
	}
	return nil
}
