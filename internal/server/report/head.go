package report

import (
	"context"
	"fmt"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// branchAsk is what a request says of its branch.
type branchAsk struct {
	projectID string
	branch    string // name or UUID
	slug      string // of a new branch; empty: made from the name
	start     *api.StartPoint
}

// ensureHead returns the branch and the head that a request goes to, makes them if they are new, and replaces the head if the request asks
// for another history. Then the branch has the thresholds of its start point, unless it was told not to. warnings are sentences for the
// report.
func ensureHead(ctx context.Context, tx *store.Tx, ask branchAsk) (branch series.Branch, head series.Head, warnings []string, err error) {
	branch, head, warnings, err = moveHead(ctx, tx, ask)
	if err == nil {
		head, err = inherit(ctx, tx, ask, branch, head)
	}
	return branch, head, warnings, err
}

// inherit gives the branch the thresholds of the branch that its head starts from. It is done with each submission and not only with the
// first: a start point may get its thresholds later, and what is inherited follows it.
func inherit(ctx context.Context, tx *store.Tx, ask branchAsk, branch series.Branch, head series.Head) (series.Head, error) {
	if ask.start != nil && ask.start.CloneThresholds != nil && *ask.start.CloneThresholds != head.Inherits {
		var err error
		if head, err = series.SetInherits(ctx, tx, head, *ask.start.CloneThresholds); err != nil {
			return head, err
		}
	}
	if !head.Inherits || head.StartBranchID == nil || *head.StartBranchID == branch.ID {
		return head, nil
	}
	found, err := series.BranchesByID(ctx, tx, []string{*head.StartBranchID})
	if err != nil {
		return head, err
	}
	from, exists := found[*head.StartBranchID]
	if !exists { // deleted: what was inherited stays
		return head, nil
	}
	return head, threshold.Inherit(ctx, tx, from, branch)
}

// moveHead is ensureHead but for the thresholds that are inherited.
func moveHead(ctx context.Context, tx *store.Tx, ask branchAsk) (branch series.Branch, head series.Head, warnings []string, err error) {
	branch, found, err := findBranch(ctx, tx, ask)
	if err != nil {
		return branch, head, nil, err
	}
	start, err := findStart(ctx, tx, ask, branch, found)
	if err != nil {
		return branch, head, nil, err
	}
	wish := coreseries.Wish{Reset: ask.start != nil && isTrue(ask.start.Reset), Detected: ask.start != nil && isTrue(ask.start.Detected)}
	if start != nil {
		wish.Start = &coreseries.Start{BranchID: start.branch.ID, Hash: start.hash}
	}
	var current *coreseries.Current
	if found {
		if head, err = series.HeadByID(ctx, tx, branch.HeadID); err != nil {
			return branch, head, nil, err
		}
		if current, err = currentHead(ctx, tx, head); err != nil {
			return branch, head, nil, err
		}
	}
	move := coreseries.NextHead(current, wish)
	if move == coreseries.Copy {
		has, err := start.resolve(ctx, tx)
		if err != nil {
			return branch, head, nil, err
		}
		if !has { // nothing to copy yet: ask again as if no start point were named
			if !wish.Detected {
				warnings = append(warnings, fmt.Sprintf("start point: branch %q has no versions yet, so no history was copied", start.branch.Name))
			}
			wish.Start = nil
			move = coreseries.NextHead(current, wish)
		}
	}
	if move == coreseries.Keep {
		branch, err = unarchive(ctx, tx, branch)
		return branch, head, warnings, err
	}
	if found {
		if branch, err = unarchive(ctx, tx, branch); err == nil {
			inherits := head.Inherits
			if branch, head, err = series.ReplaceHead(ctx, tx, branch); err == nil && !inherits { // told once is enough
				head, err = series.SetInherits(ctx, tx, head, false)
			}
		}
	} else {
		branch, head, err = series.InsertBranch(ctx, tx, ask.projectID, ask.branch, ask.slug)
	}
	if err != nil || move == coreseries.Fresh {
		return branch, head, warnings, err
	}
	head, err = series.StartAt(ctx, tx, head, start.head, start.version, start.maxVersions)
	if err == nil && start.cloneThresholds && start.branch.ID != branch.ID {
		err = threshold.Clone(ctx, tx, start.branch, branch)
	}
	return branch, head, warnings, err
}

// findBranch looks for the branch that a request names: a UUID must exist, a name may be new. A slug is not looked for: git's "a-b" is
// not "a/b".
func findBranch(ctx context.Context, tx *store.Tx, ask branchAsk) (series.Branch, bool, error) {
	if ident.IsUUID(ask.branch) {
		b, err := series.BranchByRef(ctx, tx, ask.projectID, ask.branch)
		return b, err == nil, err
	}
	return series.BranchByName(ctx, tx, ask.projectID, ask.branch)
}

// startPoint is a start point whose branch was found.
type startPoint struct {
	branch          series.Branch
	hash            string
	commits         []string // of a detected one: where to start, the best first
	maxVersions     int
	cloneThresholds bool

	head    series.Head    // set by resolve
	version series.Version // set by resolve
}

// findStart returns the start point that a request asks for, nil for none. A branch that does not exist is an Invalid fault, but for
// the branch itself when it is about to be made: then there is nothing to start from, and everything is as if it had not been named. So it
// is for a start point that was only detected, when it does not exist or is the branch itself.
func findStart(ctx context.Context, tx *store.Tx, ask branchAsk, branch series.Branch, found bool) (*startPoint, error) {
	if ask.start == nil || ask.start.Branch == "" {
		return nil, nil
	}
	if !found && ask.start.Branch == ask.branch && ask.start.Hash == "" {
		return nil, nil
	}
	b, err := series.BranchByRef(ctx, tx, ask.projectID, ask.start.Branch)
	detected := isTrue(ask.start.Detected)
	if detected && (fault.Is(err, fault.Missing) || err == nil && found && b.ID == branch.ID) {
		return nil, nil
	}
	if fault.Is(err, fault.Missing) {
		return nil, fault.Invalidf("start point: branch %.100q does not exist in this project; submit a run on it first, or leave the start "+
			"point out",
			ask.start.Branch)
	}
	if err != nil {
		return nil, err
	}
	if found && b.ID == branch.ID {
		b = branch
	}
	p := &startPoint{branch: b, hash: strings.ToLower(ask.start.Hash), commits: ask.start.Commits, maxVersions: limits.StartPointVersions,
		cloneThresholds: isTrue(ask.start.CloneThresholds)}
	if ask.start.MaxVersions != nil {
		p.maxVersions = *ask.start.MaxVersions
	}
	return p, nil
}

// resolve finds the head and the version to start at. Without a commit it is the newest version; has is false if there is none. A
// commit that the branch has no version of is an Invalid fault: another one would be another history. Of the commits of a detected start
// point it is the first that has a version: the one before the branch left that was measured.
func (p *startPoint) resolve(ctx context.Context, tx *store.Tx) (has bool, err error) {
	if p.head, err = series.HeadByID(ctx, tx, p.branch.HeadID); err != nil {
		return false, err
	}
	for _, commit := range p.commits {
		if p.version, has, err = series.VersionByHash(ctx, tx, p.branch.ProjectID, p.head.ID, strings.ToLower(commit)); err != nil || has {
			return has, err
		}
	}
	if p.hash == "" {
		p.version, has, err = series.NewestVersion(ctx, tx, p.head.ID)
		return has, err
	}
	p.version, has, err = series.VersionByHash(ctx, tx, p.branch.ProjectID, p.head.ID, p.hash)
	if err == nil && !has {
		err = fault.Invalidf("start point: branch %q has no version with hash %s; submit a run of that commit first, name another commit, "+
			"or leave the hash out to start at the newest", p.branch.Name, p.hash)
	}
	return has, err
}

func currentHead(ctx context.Context, tx *store.Tx, head series.Head) (*coreseries.Current, error) {
	current := &coreseries.Current{BranchID: head.BranchID}
	if head.StartBranchID == nil || head.StartVersionID == nil {
		return current, nil
	}
	versions, err := series.VersionsByID(ctx, tx, []string{*head.StartVersionID})
	if err != nil {
		return nil, err
	}
	current.Start = &coreseries.Start{BranchID: *head.StartBranchID}
	if v, ok := versions[*head.StartVersionID]; ok && v.Hash != nil {
		current.Start.Hash = *v.Hash
	}
	return current, nil
}

// unarchive takes a branch that gets a new report back from the archive: hidden reports help nobody.
func unarchive(ctx context.Context, tx *store.Tx, b series.Branch) (series.Branch, error) {
	if b.Archived == nil {
		return b, nil
	}
	b.Archived = nil
	return b, series.UpdateBranch(ctx, tx, b)
}
