package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/tachograph/tacho/api"
)

// Version returns the server's version.
func (c *Client) Version(ctx context.Context) (api.ServerVersion, error) {
	return get[api.ServerVersion](ctx, c, at("server", "version"), nil)
}

// Projects returns a page of the projects that the caller may see.
func (c *Client) Projects(ctx context.Context, p Page) ([]api.Project, int, error) {
	return list[api.Project](ctx, c, at("projects"), p.query())
}

// CreateProject makes a project in the caller's own organization, or in the named one (slug or UUID) if it is not empty.
func (c *Client) CreateProject(ctx context.Context, organization string, in api.NewProject) (api.Project, error) {
	path := at("projects")
	if organization != "" {
		path = at("organizations", organization, "projects")
	}
	return send[api.Project](ctx, c, call{method: http.MethodPost, path: path, body: in})
}

// Project returns one project by slug or UUID.
func (c *Client) Project(ctx context.Context, project string) (api.Project, error) {
	return get[api.Project](ctx, c, at("projects", project), nil)
}

// ProjectPatch changes a project. Nil fields stay; ClearURL takes the address away.
type ProjectPatch struct {
	Name, Slug, URL *string
	Visibility      *api.Visibility
	ClearURL        bool
}

// UpdateProject changes a project.
func (c *Client) UpdateProject(ctx context.Context, project string, p ProjectPatch) (api.Project, error) {
	body := map[string]any{} // absent and null mean different things
	if p.Name != nil {
		body["name"] = *p.Name
	}
	if p.Slug != nil {
		body["slug"] = *p.Slug
	}
	if p.Visibility != nil {
		body["visibility"] = *p.Visibility
	}
	switch {
	case p.ClearURL:
		body["url"] = nil
	case p.URL != nil:
		body["url"] = *p.URL
	}
	return send[api.Project](ctx, c, call{method: http.MethodPatch, path: at("projects", project), body: body})
}

// DeleteProject deletes a project and all in it.
func (c *Client) DeleteProject(ctx context.Context, project string) error {
	return c.remove(ctx, at("projects", project))
}

// Organizations returns a page of the caller's organizations.
func (c *Client) Organizations(ctx context.Context, p Page) ([]api.Organization, int, error) {
	return list[api.Organization](ctx, c, at("organizations"), p.query())
}

// Organization returns one organization by slug or UUID.
func (c *Client) Organization(ctx context.Context, organization string) (api.Organization, error) {
	return get[api.Organization](ctx, c, at("organizations", organization), nil)
}

// SetPlan changes an organization's plan.
func (c *Client) SetPlan(ctx context.Context, organization string, plan api.Plan) (api.Organization, error) {
	body := map[string]api.Plan{"plan": plan}
	return send[api.Organization](ctx, c, call{method: http.MethodPatch, path: at("organizations", organization), body: body})
}

// OrganizationProjects returns a page of an organization's projects.
func (c *Client) OrganizationProjects(ctx context.Context, organization string, p Page) ([]api.Project, int, error) {
	return list[api.Project](ctx, c, at("organizations", organization, "projects"), p.query())
}

// User returns one person by slug or UUID.
func (c *Client) User(ctx context.Context, user string) (api.User, error) {
	return get[api.User](ctx, c, at("users", user), nil)
}

// KeyOwner is whose keys are meant: a person's, which act for the person, or a project's, which submit to it.
type KeyOwner struct {
	user, project string
}

// OfUser means the keys of a person, by slug or UUID.
func OfUser(user string) KeyOwner { return KeyOwner{user: user} }

// OfProject means the run keys of a project, by slug or UUID.
func OfProject(project string) KeyOwner { return KeyOwner{project: project} }

func (o KeyOwner) path(rest ...string) string {
	if o.project != "" {
		return at(append([]string{"projects", o.project, "keys"}, rest...)...)
	}
	return at(append([]string{"users", o.user, "keys"}, rest...)...)
}

// Keys returns a page of keys, newest first, without their secrets.
func (c *Client) Keys(ctx context.Context, of KeyOwner, p Page) ([]api.Key, int, error) {
	return list[api.Key](ctx, c, of.path(), p.query())
}

// CreateKey makes a key. Its secret is in this answer and nowhere else.
func (c *Client) CreateKey(ctx context.Context, of KeyOwner, in api.NewKey) (api.KeyCreated, error) {
	return send[api.KeyCreated](ctx, c, call{method: http.MethodPost, path: of.path(), body: in})
}

// RevokeKey revokes the key with this UUID.
func (c *Client) RevokeKey(ctx context.Context, of KeyOwner, key string) error {
	return c.remove(ctx, of.path(key))
}

// Branches returns a page of the project's branches, by name.
func (c *Client) Branches(ctx context.Context, project string, p Page) ([]api.Branch, int, error) {
	return list[api.Branch](ctx, c, at("projects", project, "branches"), p.query())
}

// CreateBranch makes a branch.
func (c *Client) CreateBranch(ctx context.Context, project string, in api.NewBranch) (api.Branch, error) {
	return send[api.Branch](ctx, c, call{method: http.MethodPost, path: at("projects", project, "branches"), body: in})
}

// Branch returns a branch by slug or UUID, with its current head, or with the head of that UUID if it is not empty.
func (c *Client) Branch(ctx context.Context, project, branch, head string) (api.Branch, error) {
	var query url.Values
	if head != "" {
		query = url.Values{"head": {head}}
	}
	return get[api.Branch](ctx, c, at("projects", project, "branches", branch), query)
}

// UpdateBranch changes a branch.
func (c *Client) UpdateBranch(ctx context.Context, project, branch string, in api.UpdateDimension) (api.Branch, error) {
	return send[api.Branch](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "branches", branch), body: in})
}

// DeleteBranch deletes a branch that nothing uses.
func (c *Client) DeleteBranch(ctx context.Context, project, branch string) error {
	return c.remove(ctx, at("projects", project, "branches", branch))
}
