package report

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// CreateBranch makes a branch, with the history of its start point if it asks for one, and returns its id. A name or slug that is taken is
// a Conflict; a start point without history to copy is an Invalid fault here, because nothing else was asked for.
func (s *Service) CreateBranch(ctx context.Context, actor access.Actor, ref string, asked api.NewBranch) (id string, err error) {
	if err := ident.CheckBranchName(asked.Name); err != nil {
		return "", err
	}
	if ident.IsUUID(asked.Name) {
		return "", fault.Invalidf("branch %q: a name must not be a UUID, which would name a branch by its id", asked.Name)
	}
	if asked.Slug != "" && !ident.IsSlug(asked.Slug) {
		return "", fault.Invalidf("slug %.80q: want lower-case letters, digits and single hyphens; %q would do", asked.Slug,
			ident.Slugify(asked.Slug))
	}
	if err := checkStartPoint(asked.StartPoint); err != nil {
		return "", err
	}
	err = s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, project project.Project) error {
		if _, found, err := series.BranchByName(ctx, tx, project.ID, asked.Name); err != nil || found {
			if found {
				err = fault.Conflictf("branch %q exists already", asked.Name)
			}
			return err
		}
		ask := branchAsk{project.ID, asked.Name, asked.Slug, asked.StartPoint}
		branch, head, warnings, err := ensureHead(ctx, tx, ask)
		if err != nil {
			return err
		}
		if len(warnings) > 0 {
			return fault.Invalidf("%s; leave the start point out", warnings[0])
		}
		if asked.StartPoint != nil && asked.StartPoint.Branch != "" && head.StartVersionID == nil {
			return fault.Invalidf("start point: branch %q cannot start from itself", asked.Name)
		}
		id = branch.ID
		return nil
	})
	return id, err
}
