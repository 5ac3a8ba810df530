package series

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Branches are the use cases of branches.
type Branches struct {
	door       *project.Door
	thresholds Thresholds
}

// Thresholds is what branches need of the room of thresholds, which is above this one.
type Thresholds interface {
	// Clone gives the branch to the models of the branch from; thresholds of to that from does not have lose theirs.
	Clone(ctx context.Context, tx *store.Tx, from, to Branch) error
	// Inherit is Clone but for thresholds that were set on the branch to.
	Inherit(ctx context.Context, tx *store.Tx, from, to Branch) error
}

// NewBranches makes them.
func NewBranches(door *project.Door, thresholds Thresholds) *Branches {
	return &Branches{door, thresholds}
}

// List returns a page of the project's branches by name, and how many there are.
func (s *Branches) List(ctx context.Context, actor access.Actor, ref string, f store.ListFilter) (out []api.Branch, total int, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		rows, n, err := ListBranches(ctx, tx, p.ID, f)
		if err != nil {
			return err
		}
		total = n
		ids := make([]string, len(rows))
		for i, b := range rows {
			ids[i] = b.ID
		}
		view, err := ViewBranches(ctx, tx, ids, nil)
		if err != nil {
			return err
		}
		out = store.Map(ids, view.Branch)
		return tellCommits(ctx, tx, p.ID, out)
	})
	return out, total, err
}

// Get returns one branch by UUID, slug or name, with its current head, or with the head that headID names.
func (s *Branches) Get(ctx context.Context, actor access.Actor, ref, branch, headID string) (out api.Branch, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		found, err := ViewBranch(ctx, tx, p.ID, branch, headID)
		if err != nil {
			return err
		}
		one := []api.Branch{found}
		err = tellCommits(ctx, tx, p.ID, one)
		out = one[0]
		return err
	})
	return out, err
}

// tellCommits says of branches what is known of their newest commits.
func tellCommits(ctx context.Context, tx *store.Tx, projectID string, branches []api.Branch) error {
	var hashes []string
	for _, b := range branches {
		if v := b.Head.Version; v != nil && v.Hash != nil {
			hashes = append(hashes, *v.Hash)
		}
	}
	known, err := CommitsOf(ctx, tx, projectID, hashes)
	for i := range branches {
		if v := branches[i].Head.Version; v != nil {
			branches[i].Head.Commit = CommitWire(known, v.Hash)
		}
	}
	return err
}

// Create makes a branch, with the history of its start point if it asks for one. A name or slug that is taken is a Conflict; a start point
// without history to copy is an Invalid fault here, because nothing else was asked for.
func (s *Branches) Create(ctx context.Context, actor access.Actor, ref string, asked api.NewBranch) (out api.Branch, err error) {
	if err := ident.CheckBranchName(asked.Name); err != nil {
		return out, err
	}
	if ident.IsUUID(asked.Name) {
		return out, fault.Invalidf("branch %q: a name must not be a UUID, which would name a branch by its id", asked.Name)
	}
	if asked.Slug != "" {
		if err := checkBranchSlug(asked.Slug); err != nil {
			return out, err
		}
	}
	if err := CheckStartPoint(asked.StartPoint); err != nil {
		return out, err
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		if _, found, err := BranchByName(ctx, tx, p.ID, asked.Name); err != nil || found {
			if found {
				err = fault.Conflictf("branch %q exists already", asked.Name)
			}
			return err
		}
		branch, head, warnings, err := s.EnsureHead(ctx, tx, Ask{p.ID, asked.Name, asked.Slug, asked.StartPoint})
		if err != nil {
			return err
		}
		if len(warnings) > 0 {
			return fault.Invalidf("%s; leave the start point out", warnings[0])
		}
		if asked.StartPoint != nil && asked.StartPoint.Branch != "" && head.StartVersionID == nil {
			return fault.Invalidf("start point: branch %q cannot start from itself", asked.Name)
		}
		out, err = ViewBranch(ctx, tx, p.ID, branch.ID, "")
		return err
	})
	return out, err
}

func checkBranchSlug(slug string) error {
	if !ident.IsSlug(slug) {
		return fault.Invalidf("slug %.80q: want lower-case letters, digits and single hyphens; %q would do", slug, ident.Slugify(slug))
	}
	return nil
}

// Update renames or archives a branch. Fields that are absent stay.
func (s *Branches) Update(ctx context.Context, actor access.Actor, ref, branch string, change api.UpdateDimension) (out api.Branch,
	err error) {
	if change.Name != nil {
		if err := ident.CheckBranchName(*change.Name); err != nil {
			return out, err
		}
	}
	if change.Slug != nil {
		if err := checkBranchSlug(*change.Slug); err != nil {
			return out, err
		}
	}
	if change.Units != nil || change.Direction != nil {
		return out, fault.Invalidf("branch: units and direction belong to measures")
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		b, err := BranchByPath(ctx, tx, p.ID, branch)
		if err != nil {
			return err
		}
		if change.Name != nil {
			b.Name = *change.Name
		}
		if change.Slug != nil {
			b.Slug = *change.Slug
		}
		if change.Archived != nil {
			switch {
			case !*change.Archived:
				b.Archived = nil
			case b.Archived == nil:
				now := tx.Now()
				b.Archived = &now
			}
		}
		if err := UpdateBranch(ctx, tx, b); err != nil {
			return err
		}
		out, err = ViewBranch(ctx, tx, p.ID, b.ID, "")
		return err
	})
	return out, err
}

// Delete removes a branch that has no reports.
func (s *Branches) Delete(ctx context.Context, actor access.Actor, ref, branch string) error {
	return s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) error {
		b, err := BranchByPath(ctx, tx, p.ID, branch)
		if err != nil {
			return err
		}
		return DeleteBranch(ctx, tx, b)
	})
}
