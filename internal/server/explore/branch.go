package explore

import (
	"context"

	"github.com/tachograph/tacho/internal/core/access"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Branches returns a page of the project's branches, with how many there are in all.
func (s *Service) Branches(ctx context.Context, actor access.Actor, ref string, f store.ListFilter) (out []api.Branch, total int,
	err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		rows, n, err := series.Branches(ctx, tx, project.ID, f)
		if err != nil {
			return err
		}
		total = n
		var w wanted
		for _, b := range rows {
			w.branches = append(w.branches, b.ID)
		}
		c, err := load(ctx, tx, w)
		if err != nil {
			return err
		}
		out = make([]api.Branch, len(rows))
		for i, b := range rows {
			out[i] = c.branch(b.ID)
		}
		return nil
	})
	return out, total, err
}

// Branch returns one branch by UUID, name or slug, with its current head, or with the head that headID names.
func (s *Service) Branch(ctx context.Context, actor access.Actor, ref, branch, headID string) (out api.Branch, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		out, err = oneBranch(ctx, tx, project, branch, headID)
		return err
	})
	return out, err
}

func oneBranch(ctx context.Context, tx *store.Tx, project project.Project, ref, headID string) (api.Branch, error) {
	b, err := series.BranchByPath(ctx, tx, project.ID, ref)
	if err != nil {
		return api.Branch{}, err
	}
	if headID == "" {
		headID = b.HeadID
	}
	c, err := load(ctx, tx, wanted{branches: []string{b.ID}, heads: []string{headID}})
	if err != nil {
		return api.Branch{}, err
	}
	if c.heads[headID].BranchID != b.ID {
		return api.Branch{}, fault.Missingf("head %.50q does not exist in branch %q", headID, b.Name)
	}
	return c.branchAt(headID, nil), nil
}

// UpdateBranch renames or archives a branch. Fields that are absent stay.
func (s *Service) UpdateBranch(ctx context.Context, actor access.Actor, ref, branch string, change api.UpdateDimension) (out api.Branch,
	err error) {
	if change.Name != nil {
		if err := ident.CheckBranchName(*change.Name); err != nil {
			return out, err
		}
	}
	if change.Slug != nil && !ident.IsSlug(*change.Slug) {
		return out, fault.Invalidf("slug %.80q: want lower-case letters, digits and single hyphens; %q would do", *change.Slug,
			ident.Slugify(*change.Slug))
	}
	if change.Units != nil || change.Direction != nil {
		return out, fault.Invalidf("branch: units and direction belong to measures")
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, project project.Project) error {
		b, err := series.BranchByPath(ctx, tx, project.ID, branch)
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
		if err := series.UpdateBranch(ctx, tx, b); err != nil {
			return err
		}
		out, err = oneBranch(ctx, tx, project, b.ID, "")
		return err
	})
	return out, err
}

// DeleteBranch removes a branch that has no reports.
func (s *Service) DeleteBranch(ctx context.Context, actor access.Actor, ref, branch string) error {
	return s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, project project.Project) error {
		b, err := series.BranchByPath(ctx, tx, project.ID, branch)
		if err != nil {
			return err
		}
		return series.DeleteBranch(ctx, tx, b)
	})
}
