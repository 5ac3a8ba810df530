package series

import (
	"context"
	"fmt"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Ask is what a request says of its branch.
type Ask struct {
	ProjectID string
	Branch    string // name or UUID
	Slug      string // of a new branch; empty: made from the name
	Start     *api.StartPoint
}

// EnsureHead returns the branch and the head that a request goes to, makes them if they are new, and replaces the head if the request asks
// for another history. Then the branch has the thresholds of its start point, unless it was told not to. warnings are sentences for the
// report.
func (s *Branches) EnsureHead(ctx context.Context, tx *store.Tx, ask Ask) (branch Branch, head Head, warnings []string, err error) {
	branch, head, warnings, err = s.moveHead(ctx, tx, ask)
	if err == nil {
		head, err = s.inherit(ctx, tx, ask, branch, head)
	}
	return branch, head, warnings, err
}

// inherit gives the branch the thresholds of the branch that its head starts from. It is done with each submission and not only with the
// first: a start point may get its thresholds later, and what is inherited follows it.
func (s *Branches) inherit(ctx context.Context, tx *store.Tx, ask Ask, branch Branch, head Head) (Head, error) {
	if ask.Start != nil && ask.Start.CloneThresholds != nil && *ask.Start.CloneThresholds != head.Inherits {
		var err error
		if head, err = SetInherits(ctx, tx, head, *ask.Start.CloneThresholds); err != nil {
			return head, err
		}
	}
	if !head.Inherits || head.StartBranchID == nil || *head.StartBranchID == branch.ID {
		return head, nil
	}
	found, err := BranchesByID(ctx, tx, []string{*head.StartBranchID})
	if err != nil {
		return head, err
	}
	from, exists := found[*head.StartBranchID]
	if !exists { // deleted: what was inherited stays
		return head, nil
	}
	return head, s.thresholds.Inherit(ctx, tx, from, branch)
}

// moveHead is EnsureHead but for the thresholds that are inherited.
func (s *Branches) moveHead(ctx context.Context, tx *store.Tx, ask Ask) (branch Branch, head Head, warnings []string, err error) {
	branch, found, err := askedBranch(ctx, tx, ask)
	if err != nil {
		return branch, head, nil, err
	}
	start, err := findStart(ctx, tx, ask, branch, found)
	if err != nil {
		return branch, head, nil, err
	}
	wish := coreseries.Wish{Reset: ask.Start != nil && isTrue(ask.Start.Reset), Detected: ask.Start != nil && isTrue(ask.Start.Detected)}
	if start != nil {
		wish.Start = &coreseries.Start{BranchID: start.branch.ID, Hash: start.hash}
	}
	var current *coreseries.Current
	if found {
		if head, err = HeadByID(ctx, tx, branch.HeadID); err != nil {
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
			if branch, head, err = ReplaceHead(ctx, tx, branch); err == nil && !inherits { // told once is enough
				head, err = SetInherits(ctx, tx, head, false)
			}
		}
	} else {
		branch, head, err = InsertBranch(ctx, tx, ask.ProjectID, ask.Branch, ask.Slug)
	}
	if err != nil || move == coreseries.Fresh {
		return branch, head, warnings, err
	}
	head, err = StartAt(ctx, tx, head, start.head, start.version, start.maxVersions)
	if err == nil && start.cloneThresholds && start.branch.ID != branch.ID {
		err = s.thresholds.Clone(ctx, tx, start.branch, branch)
	}
	return branch, head, warnings, err
}

// askedBranch looks for the branch that a request names: a UUID must exist, a name may be new. A slug is not looked for: git's "a-b" is
// not "a/b".
func askedBranch(ctx context.Context, tx *store.Tx, ask Ask) (Branch, bool, error) {
	if ident.IsUUID(ask.Branch) {
		b, err := BranchByRef(ctx, tx, ask.ProjectID, ask.Branch)
		return b, err == nil, err
	}
	return BranchByName(ctx, tx, ask.ProjectID, ask.Branch)
}

// startPoint is a start point whose branch was found.
type startPoint struct {
	branch          Branch
	hash            string
	commits         []string // of a detected one: where to start, the best first
	maxVersions     int
	cloneThresholds bool

	head    Head    // set by resolve
	version Version // set by resolve
}

// findStart returns the start point that a request asks for, nil for none. A branch that does not exist is an Invalid fault, but for
// the branch itself when it is about to be made: then there is nothing to start from, and everything is as if it had not been named. So it
// is for a start point that was only detected, when it does not exist or is the branch itself.
func findStart(ctx context.Context, tx *store.Tx, ask Ask, branch Branch, found bool) (*startPoint, error) {
	if ask.Start == nil || ask.Start.Branch == "" {
		return nil, nil
	}
	if !found && ask.Start.Branch == ask.Branch && ask.Start.Hash == "" {
		return nil, nil
	}
	b, err := BranchByRef(ctx, tx, ask.ProjectID, ask.Start.Branch)
	detected := isTrue(ask.Start.Detected)
	if detected && (fault.Is(err, fault.Missing) || err == nil && found && b.ID == branch.ID) {
		return nil, nil
	}
	if fault.Is(err, fault.Missing) {
		return nil, fault.Invalidf("start point: branch %.100q does not exist in this project; submit a run on it first, or leave the start "+
			"point out",
			ask.Start.Branch)
	}
	if err != nil {
		return nil, err
	}
	if found && b.ID == branch.ID {
		b = branch
	}
	p := &startPoint{branch: b, hash: strings.ToLower(ask.Start.Hash), commits: ask.Start.Commits, maxVersions: limits.StartPointVersions,
		cloneThresholds: isTrue(ask.Start.CloneThresholds)}
	if ask.Start.MaxVersions != nil {
		p.maxVersions = *ask.Start.MaxVersions
	}
	return p, nil
}

// resolve finds the head and the version to start at. Without a commit it is the newest version; has is false if there is none. A
// commit that the branch has no version of is an Invalid fault: another one would be another history. Of the commits of a detected start
// point it is the first that has a version: the one before the branch left that was measured.
func (p *startPoint) resolve(ctx context.Context, tx *store.Tx) (has bool, err error) {
	if p.head, err = HeadByID(ctx, tx, p.branch.HeadID); err != nil {
		return false, err
	}
	for _, commit := range p.commits {
		if p.version, has, err = VersionByHash(ctx, tx, p.branch.ProjectID, p.head.ID, strings.ToLower(commit)); err != nil || has {
			return has, err
		}
	}
	if p.hash == "" {
		p.version, has, err = NewestVersion(ctx, tx, p.head.ID)
		return has, err
	}
	p.version, has, err = VersionByHash(ctx, tx, p.branch.ProjectID, p.head.ID, p.hash)
	if err == nil && !has {
		err = fault.Invalidf("start point: branch %q has no version with hash %s; submit a run of that commit first, name another commit, "+
			"or leave the hash out to start at the newest", p.branch.Name, p.hash)
	}
	return has, err
}

func currentHead(ctx context.Context, tx *store.Tx, head Head) (*coreseries.Current, error) {
	current := &coreseries.Current{BranchID: head.BranchID}
	if head.StartBranchID == nil || head.StartVersionID == nil {
		return current, nil
	}
	versions, err := VersionsByID(ctx, tx, []string{*head.StartVersionID})
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
func unarchive(ctx context.Context, tx *store.Tx, b Branch) (Branch, error) {
	if b.Archived == nil {
		return b, nil
	}
	b.Archived = nil
	return b, UpdateBranch(ctx, tx, b)
}

// CheckStartPoint refuses a start point that says nothing, or two things. Errors are Invalid faults.
func CheckStartPoint(p *api.StartPoint) error {
	switch {
	case p == nil:
		return nil
	case p.Branch == "" && (p.Hash != "" || p.MaxVersions != nil || isTrue(p.CloneThresholds)):
		return fault.Invalidf("start point: it names no branch to start from; give \"branch\" too")
	case len(p.Commits) > 0 && !isTrue(p.Detected), p.Hash != "" && isTrue(p.Detected):
		return fault.Invalidf("start point: \"commits\" goes with \"detected\", \"hash\" with a start point that was asked for")
	case len(p.Commits) > limits.StartPointCommits:
		return fault.Invalidf("start point: %d commits, the limit is %d", len(p.Commits), limits.StartPointCommits)
	case p.MaxVersions != nil && (*p.MaxVersions < 1 || *p.MaxVersions > limits.StartPointMax):
		return fault.Invalidf("start point: max_versions is %d, want 1 to %d", *p.MaxVersions, limits.StartPointMax)
	case p.Hash != "":
		return coreseries.CheckHash("start point: hash", strings.ToLower(p.Hash))
	}
	for _, commit := range p.Commits {
		if err := coreseries.CheckHash("start point: commit", strings.ToLower(commit)); err != nil {
			return err
		}
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }
