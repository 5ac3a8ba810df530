package series

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
)

// BranchView is what answers say of some branches and heads: one of each, with the head's newest version and start point.
type BranchView struct {
	branches map[string]Branch
	heads    map[string]Head
	newest   map[string]Version // by head
	starts   map[string]Version
}

// ViewBranches reads what answers say of these branches, with their current heads, and of these heads, with their branches. Doubles do no
// harm.
func ViewBranches(ctx context.Context, tx *store.Tx, branchIDs, headIDs []string) (v BranchView, err error) {
	named, err := HeadsByID(ctx, tx, headIDs)
	if err != nil {
		return v, err
	}
	for _, h := range named {
		branchIDs = append(branchIDs, h.BranchID)
	}
	if v.branches, err = BranchesByID(ctx, tx, branchIDs); err != nil {
		return v, err
	}
	for _, b := range v.branches {
		headIDs = append(headIDs, b.HeadID)
	}
	if v.heads, err = HeadsByID(ctx, tx, headIDs); err != nil {
		return v, err
	}
	var starts []string
	for _, h := range v.heads {
		if h.StartVersionID != nil {
			starts = append(starts, *h.StartVersionID)
		}
	}
	if v.starts, err = VersionsByID(ctx, tx, starts); err != nil {
		return v, err
	}
	v.newest, err = NewestVersions(ctx, tx, headIDs)
	return v, err
}

// ViewBranch returns one branch by UUID, slug or name, with its current head, or with the one that headID names.
func ViewBranch(ctx context.Context, tx *store.Tx, projectID, ref, headID string) (api.Branch, error) {
	b, err := BranchByPath(ctx, tx, projectID, ref)
	if err != nil {
		return api.Branch{}, err
	}
	if headID == "" {
		headID = b.HeadID
	}
	v, err := ViewBranches(ctx, tx, []string{b.ID}, []string{headID})
	if err != nil {
		return api.Branch{}, err
	}
	if v.heads[headID].BranchID != b.ID {
		return api.Branch{}, fault.Missingf("head %.50q does not exist in branch %q", headID, b.Name)
	}
	return v.At(headID, nil), nil
}

// Branch returns a branch with its current head at its newest version.
func (v BranchView) Branch(id string) api.Branch { return v.At(v.branches[id].HeadID, nil) }

// At returns a branch with the given head, at the given version or, if that is nil, at the head's newest.
func (v BranchView) At(headID string, at *Version) api.Branch {
	h := v.heads[headID]
	b := v.branches[h.BranchID]
	head := api.Head{UUID: h.ID, Created: h.Created, Replaced: h.Replaced}
	if newest, has := v.newest[h.ID]; at == nil && has {
		at = &newest
	}
	if at != nil {
		version := at.Wire()
		head.Version = &version
	}
	if h.StartBranchID != nil && h.StartHeadID != nil && h.StartVersionID != nil {
		if start, has := v.starts[*h.StartVersionID]; has {
			head.StartPoint = &api.HeadStartPoint{Branch: *h.StartBranchID, Head: *h.StartHeadID, Version: start.Wire()}
		}
	}
	return api.Branch{UUID: b.ID, Project: b.ProjectID, Name: b.Name, Slug: b.Slug, Head: head, Created: b.Created, Modified: b.Modified,
		Archived: b.Archived}
}
