package project

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service is what people ask of projects. It is safe for concurrent use.
type Service struct {
	store    *store.Store
	door     *Door
	accounts *account.Service
	visible  api.Visibility
	jobs     Jobs
	keepers  []Keeper
}

// Jobs ends what runs in a project that is deleted: it would go on, and nobody could see or stop it.
type Jobs interface {
	CancelAll(ctx context.Context, projectID string) error
}

// Keeper may refuse the deletion of a project, because something of it would be lost sight of.
type Keeper interface {
	Deletable(ctx context.Context, tx *store.Tx, p Project) error
}

// NewService makes the service. visible is the visibility of projects that are made without saying; empty: public.
func NewService(s *store.Store, d *Door, accounts *account.Service, visible api.Visibility, jobs Jobs, keepers ...Keeper) *Service {
	return &Service{s, d, accounts, cmp.Or(visible, api.Public), jobs, keepers}
}

// List returns a page of the projects that the actor may see, only of one organization unless that is empty, and how many there are.
func (s *Service) List(ctx context.Context, actor access.Actor, organization string, f store.ListFilter) (out []api.Project, total int,
	err error) {
	narrowed := Filter{ListFilter: f, All: actor.Kind == access.Local || actor.Kind == access.User && actor.Admin,
		ProjectID: actor.ProjectID}
	for id := range actor.Organizations {
		narrowed.Organizations = append(narrowed.Organizations, id)
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if err := door.Authorize(ctx, actor, access.ViewServer, access.Resource{}); err != nil {
			return err
		}
		if organization != "" {
			o, err := account.OpenOrganization(ctx, tx, actor, access.ViewServer, organization)
			if err != nil {
				return err
			}
			narrowed.OrganizationID = o.ID
		}
		rows, n, err := List(ctx, tx, narrowed)
		total, out = n, store.Map(rows, Project.Wire)
		return err
	})
	return out, total, err
}

// Get returns one project.
func (s *Service) Get(ctx context.Context, actor access.Actor, ref string) (api.Project, error) {
	p, err := s.door.Find(ctx, actor, access.ViewProject, ref)
	return p.Wire(), err
}

// Create makes a project in the named organization, or in the actor's own if that is empty.
func (s *Service) Create(ctx context.Context, actor access.Actor, organization string, in api.NewProject) (api.Project, error) {
	row := Project{Name: in.Name, Slug: in.Slug, URL: address(in.URL), Visibility: string(cmp.Or(in.Visibility, s.visible))}
	if err := ident.CheckNew("project", in.Name, in.Slug, limits.ResourceNameBytes); err != nil {
		return api.Project{}, err
	}
	if err := checkURL(in.URL); err != nil {
		return api.Project{}, err
	}
	if err := s.store.View(ctx, func(tx *store.Tx) error {
		home, err := homeOf(ctx, tx, actor, organization)
		row.OrganizationID = home.ID
		return err
	}); err != nil {
		return api.Project{}, err
	}
	var made Project
	err := s.store.Tx(ctx, func(tx *store.Tx) (err error) {
		made, err = Insert(ctx, tx, row)
		return err
	})
	return made.Wire(), err
}

// homeOf returns the organization in which the actor may make a project.
func homeOf(ctx context.Context, tx *store.Tx, actor access.Actor, organization string) (account.Organization, error) {
	if organization != "" {
		return account.OpenOrganization(ctx, tx, actor, access.CreateProject, organization)
	}
	home, err := account.HomeOf(ctx, tx, actor)
	if err != nil {
		return home, err
	}
	return home, door.Authorize(ctx, actor, access.CreateProject, access.Resource{OrganizationID: home.ID, Name: home.Slug})
}

// Update changes a project. Fields that are absent stay; raw is the body in which they stood, and tells a url that is null from none.
func (s *Service) Update(ctx context.Context, actor access.Actor, ref string, in api.UpdateProject, raw []byte) (out api.Project,
	err error) {
	p, err := s.door.Find(ctx, actor, access.ManageProject, ref)
	if err != nil {
		return out, err
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return out, fault.Invalidf("the body is not a JSON object")
	}
	patch := Patch{Name: in.Name, Slug: in.Slug, Visibility: (*string)(in.Visibility), URL: address(in.URL)}
	_, patch.SetURL = given["url"]
	if err := ident.CheckPatch("project", in.Name, in.Slug, limits.ResourceNameBytes); err != nil {
		return out, err
	}
	if err := checkURL(in.URL); err != nil {
		return out, err
	}
	err = s.door.GoOn(ctx, actor, access.ManageProject, p.ID, func(tx *store.Tx, p Project) error {
		if err := Update(ctx, tx, p.ID, patch); err != nil {
			return err
		}
		p, err := ByRef(ctx, tx, p.ID)
		out = p.Wire()
		return err
	})
	return out, err
}

// Delete hides a project and cancels its jobs. A keeper may refuse that.
func (s *Service) Delete(ctx context.Context, actor access.Actor, ref string) error {
	id := ""
	if err := s.door.Change(ctx, actor, access.DeleteProject, ref, func(tx *store.Tx, p Project) error {
		id = p.ID
		for _, k := range s.keepers {
			if err := k.Deletable(ctx, tx, p); err != nil {
				return err
			}
		}
		return Delete(ctx, tx, p.ID)
	}); err != nil {
		return err
	}
	return s.jobs.CancelAll(ctx, id)
}

// Keys returns a page of a project's run keys, and how many there are.
func (s *Service) Keys(ctx context.Context, actor access.Actor, ref string, page store.Page) (out []api.Key, total int, err error) {
	p, err := s.door.Find(ctx, actor, access.ManageProject, ref)
	if err != nil {
		return nil, 0, err
	}
	return s.accounts.KeysOf(ctx, p.ID, page)
}

// CreateKey makes a key that submits to a project.
func (s *Service) CreateKey(ctx context.Context, actor access.Actor, ref string, in api.NewKey) (api.KeyCreated, error) {
	p, err := s.door.Find(ctx, actor, access.ManageProject, ref)
	if err != nil {
		return api.KeyCreated{}, err
	}
	return s.accounts.CreateKeyOf(ctx, ident.KeyRun, p.ID, in)
}

// RevokeKey ends a project's run key.
func (s *Service) RevokeKey(ctx context.Context, actor access.Actor, ref, key string) error {
	p, err := s.door.Find(ctx, actor, access.ManageProject, ref)
	if err != nil {
		return err
	}
	return s.accounts.RevokeKeyOf(ctx, p.ID, key)
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
