package image

import (
	"context"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service asks who may do what with the images of a project. It is safe for concurrent use.
type Service struct {
	store   *store.Store
	visible api.Visibility // of projects that a push makes
}

// NewService makes one over a database.
func NewService(s *store.Store, visible api.Visibility) *Service { return &Service{s, visible} }

// Allowed returns the project that ref names (slug or UUID), and which of the wanted actions the actor may do there: access.ViewProject is
// a pull, access.Submit a push, access.EditProject a deletion. None is no error. If a push is wanted, the project does not exist and the
// actor has a home, it is made there: also when two ask at once. A project that does not exist or must not be known to is Missing.
func (s *Service) Allowed(ctx context.Context, actor access.Actor, ref string, want []access.Action) (p project.Project,
	may []access.Action, err error) {
	if p, err = s.find(ctx, actor, ref, slices.Contains(want, access.Submit)); err != nil {
		return project.Project{}, nil, err
	}
	var refused error
	for _, action := range want {
		if err := door.Authorize(ctx, actor, action, p.Resource()); err != nil {
			refused = err
			continue
		}
		may = append(may, action)
	}
	if len(may) == 0 && fault.Is(refused, fault.Missing) {
		return project.Project{}, nil, refused
	}
	return p, may, nil
}

// find loads the project; a push by somebody who has a home makes a new one there.
func (s *Service) find(ctx context.Context, actor access.Actor, ref string, push bool) (p project.Project, err error) {
	look := func(tx *store.Tx) (err error) {
		p, err = project.ByRef(ctx, tx, ref)
		return err
	}
	err = s.store.View(ctx, look)
	if !fault.Is(err, fault.Missing) || !push || actor.Kind != access.User && actor.Kind != access.Local {
		return p, err
	}
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.NewProjects); err != nil {
			return err
		}
		if err := look(tx); !fault.Is(err, fault.Missing) {
			return err // another push was faster
		}
		home, err := account.HomeOf(ctx, tx, actor)
		if err != nil {
			return err
		}
		create := access.Resource{OrganizationID: home.ID, Name: home.Slug}
		if err := door.Authorize(ctx, actor, access.CreateProject, create); err != nil {
			return err
		}
		p, err = project.Insert(ctx, tx, project.Project{OrganizationID: home.ID, Name: ref, Slug: ref, Visibility: string(s.visible)})
		return err
	})
	return p, err
}
