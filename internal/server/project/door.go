package project

import (
	"context"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/store"
)

// Door lets actors to what is in projects. The rooms above have one, and their use cases have no other way to a project that somebody
// names.
type Door struct {
	store *store.Store
	limit func(projectID string) error
}

// NewDoor makes the door. limit is asked before each change of a project, and may refuse it; nil: none is.
func NewDoor(s *store.Store, limit func(projectID string) error) *Door {
	if limit == nil {
		limit = func(string) error { return nil }
	}
	return &Door{s, limit}
}

// Open loads the project that ref names and asks whether actor may do action in it. What the actor may not see is Missing like what does
// not exist, in the same words.
func (d *Door) Open(ctx context.Context, tx *store.Tx, actor access.Actor, action access.Action, ref string) (Project, error) {
	p, err := ByRef(ctx, tx, ref)
	if fault.Is(err, fault.Missing) {
		return p, fault.Missingf("project %q does not exist, or these credentials may not see it", ref)
	}
	if err != nil {
		return p, err
	}
	return p, door.Authorize(ctx, actor, action, p.Resource())
}

// Find is Open in a view of its own, for a use case that does more than one transaction. If it is to change something, it is counted.
func (d *Door) Find(ctx context.Context, actor access.Actor, action access.Action, ref string) (p Project, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		p, err = d.Open(ctx, tx, actor, action, ref)
		return err
	})
	if err == nil && action != access.ViewProject {
		err = d.Count(p.ID)
	}
	return p, err
}

// Count counts a change of a project that the caller has found open by itself.
func (d *Door) Count(projectID string) error { return d.limit(projectID) }

// View runs f on a snapshot with the project, if actor may see it.
func (d *Door) View(ctx context.Context, actor access.Actor, ref string, f func(*store.Tx, Project) error) error {
	return d.store.View(ctx, func(tx *store.Tx) error {
		p, err := d.Open(ctx, tx, actor, access.ViewProject, ref)
		if err != nil {
			return err
		}
		return f(tx, p)
	})
}

// Change runs f in a transaction with the project, if actor may do action in it. A stranger is refused before there is a transaction that
// others would wait for; inside of it the question is asked again.
func (d *Door) Change(ctx context.Context, actor access.Actor, action access.Action, ref string, f func(*store.Tx, Project) error) error {
	if _, err := d.Find(ctx, actor, action, ref); err != nil {
		return err
	}
	return d.GoOn(ctx, actor, action, ref, f)
}

// GoOn is Change for a further step of a change that was counted. What stands in the project is f's alone until it ends.
func (d *Door) GoOn(ctx context.Context, actor access.Actor, action access.Action, ref string, f func(*store.Tx, Project) error) error {
	return d.store.Tx(ctx, func(tx *store.Tx) error {
		p, err := d.Open(ctx, tx, actor, action, ref)
		if err != nil {
			return err
		}
		if err := tx.Lock(ctx, store.InProject(p.ID)); err != nil {
			return err
		}
		if p, err = d.Open(ctx, tx, actor, action, p.ID); err != nil { // as it is now that nobody else changes it
			return err
		}
		return f(tx, p)
	})
}

// Resource is the project as core/access looks at it.
func (p Project) Resource() access.Resource {
	return access.Resource{ProjectID: p.ID, OrganizationID: p.OrganizationID, Public: p.Visibility == "public", Name: p.Slug}
}
