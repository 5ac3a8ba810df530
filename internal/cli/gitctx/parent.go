package gitctx

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Parent is the branch that another one came from.
type Parent struct {
	Branch  string   // empty: not known, or the branch is the one that others come from
	Commits []string // where it left, and the commits before that on the parent, newest first; empty: not known
}

// FindParent returns the branch that the branch of c came from: what the CI system says a pull request wants to go to, else the branch that
// git has it track, if that is one of another name, else the repository's default branch.
func (c Context) FindParent(s Source) Parent {
	if c.Branch == "" || c.Tag != "" {
		return Parent{}
	}
	p := Parent{Branch: c.Base}
	if p.Branch == "" && c.Root != "" {
		p.Branch = c.tracked(s)
	}
	if p.Branch == "" {
		p.Branch = c.defaultBranch(s)
	}
	if p.Branch == "" || p.Branch == c.Branch {
		return Parent{}
	}
	p.Commits = c.commitsBefore(s, p.Branch)
	return p
}

// tracked is the branch that git has this one track, empty if it is of the same name: that is where it is pushed, not where it came from.
func (c Context) tracked(s Source) string {
	upstream, err := s.git("for-each-ref", "--format=%(upstream)", "refs/heads/"+c.Branch)
	if err != nil {
		return ""
	}
	if name := branchOf(upstream); name != c.Branch {
		return name
	}
	return ""
}

// branchOf is the branch of "refs/heads/x" and "refs/remotes/origin/x".
func branchOf(ref string) string {
	if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return name
	}
	if rest, ok := strings.CutPrefix(ref, "refs/remotes/"); ok {
		_, name, _ := strings.Cut(rest, "/")
		return name
	}
	return ""
}

// defaultBranch is the repository's default branch: what the CI system says, what origin says, or a usual name that exists here.
func (c Context) defaultBranch(s Source) string {
	if c.Default != "" || c.Root == "" {
		return c.Default
	}
	if ref, err := s.git("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"); err == nil {
		if name := branchOf(ref); name != "" {
			return name
		}
	}
	names := []string{"main", "master", "trunk"}
	if name, err := s.git("config", "init.defaultBranch"); err == nil && ident.CheckBranchName(name) == nil {
		names = slices.Insert(names, 0, name)
	}
	refs := refsOf(s, names...)
	for _, name := range names {
		if slices.ContainsFunc(refs, func(ref string) bool { return branchOf(ref) == name }) {
			return name
		}
	}
	return ""
}

// refsOf are the references here that are a branch of one of these names, our own and origin's. It asks git once: starting it is most of
// what a short command costs.
func refsOf(s Source, branches ...string) []string {
	args := []string{"for-each-ref", "--format=%(refname)"}
	for _, branch := range branches {
		args = append(args, "refs/heads/"+branch, "refs/remotes/origin/"+branch)
	}
	out, err := s.git(args...)
	if err != nil {
		return nil
	}
	// git takes a name for a folder, too
	return slices.DeleteFunc(strings.Fields(out), func(ref string) bool { return !slices.Contains(branches, branchOf(ref)) })
}

// commitsBefore are the commit of the parent at which the branch left it and those before it, newest first. In a shallow checkout it is
// only what the CI system knows.
func (c Context) commitsBefore(s Source, parent string) []string {
	if refs := refsOf(s, parent); c.Root != "" && len(refs) > 0 {
		for _, tip := range []string{c.Hash, "HEAD"} { // of a merge that a CI system made, the head that people mean
			if tip == "" {
				continue
			}
			left, err := s.git(append([]string{"merge-base", tip}, refs...)...)
			if err != nil || !ident.IsGitHash(left) {
				continue
			}
			out, err := s.git("rev-list", "--first-parent", "-n", strconv.Itoa(limits.StartPointCommits), left)
			if commits := strings.Fields(out); err == nil && len(commits) > 0 {
				return commits
			}
			return []string{left}
		}
	}
	if c.BaseHash != "" {
		return []string{c.BaseHash}
	}
	return nil
}
