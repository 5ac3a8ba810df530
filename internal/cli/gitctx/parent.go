package gitctx

import (
	"path"
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
	var here repo
	if c.Root != "" {
		here, _ = openRepo(s) // what it cannot read is asked of git
	}
	if p.Branch == "" && c.Root != "" {
		p.Branch = c.tracked(s, here)
	}
	if p.Branch == "" {
		p.Branch = c.defaultBranch(s, here)
	}
	if p.Branch == "" || p.Branch == c.Branch {
		return Parent{}
	}
	p.Commits = c.commitsBefore(s, here, p.Branch)
	return p
}

// tracked is the branch that git has this one track, empty if it is of the same name: that is where it is pushed, not where it came from.
func (c Context) tracked(s Source, here repo) string {
	upstream := here.upstream(c.Branch)
	if here.common == "" {
		var err error
		if upstream, err = s.git("for-each-ref", "--format=%(upstream)", "refs/heads/"+c.Branch); err != nil {
			return ""
		}
	}
	if name := branchOf(upstream); name != c.Branch {
		return name
	}
	return ""
}

// upstream is the reference that a branch tracks, as the settings of the repository have it: git writes them there. It is the one that is
// fetched, or a branch of this repository.
func (r repo) upstream(branch string) string {
	section := `branch "` + strings.ReplaceAll(branch, `"`, `\"`) + `"`
	merge, remote := first(settings(r.config, section, "merge")), first(settings(r.config, section, "remote"))
	if remote == "." {
		return merge
	}
	for _, fetched := range settings(r.config, `remote "`+remote+`"`, "fetch") {
		if from, to, ok := strings.Cut(strings.TrimPrefix(fetched, "+"), ":"); ok && merge != "" {
			if from == merge {
				return to
			}
			prefix, all := strings.CutSuffix(from, "*")
			if name, ours := strings.CutPrefix(merge, prefix); all && ours {
				return strings.Replace(to, "*", name, 1)
			}
		}
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
func (c Context) defaultBranch(s Source, here repo) string {
	if c.Default != "" || c.Root == "" {
		return c.Default
	}
	if name := branchOf(s.originHead(here)); name != "" {
		return name
	}
	names := []string{"main", "master", "trunk"}
	if name, err := s.git("config", "init.defaultBranch"); err == nil && ident.CheckBranchName(name) == nil {
		names = slices.Insert(names, 0, name)
	}
	refs := s.tips(here, names...)
	for _, name := range names {
		if slices.ContainsFunc(refs, func(t tip) bool { return branchOf(t.ref) == name }) {
			return name
		}
	}
	return ""
}

// originHead is the reference that origin's HEAD stands for. A symbolic reference is always in a file of its own.
func (s Source) originHead(here repo) string {
	const head = "refs/remotes/origin/HEAD"
	if here.common == "" {
		ref, err := s.git("symbolic-ref", "--quiet", head)
		if err != nil {
			return ""
		}
		return ref
	}
	text, err := s.read(path.Join(here.common, head))
	ref, symbolic := strings.CutPrefix(strings.TrimSpace(text), "ref:")
	if err != nil || !symbolic {
		return ""
	}
	return strings.TrimSpace(ref)
}

// tip is a reference and its commit.
type tip struct{ ref, commit string }

// tips are the references here that are a branch of one of these names, our own and origin's. Starting git is most of what a short command
// costs, so it is asked only for what its files do not say.
func (s Source) tips(here repo, branches ...string) (found []tip) {
	var refs []string
	for _, branch := range branches {
		refs = append(refs, "refs/heads/"+branch, "refs/remotes/origin/"+branch)
	}
	if here.common != "" {
		for _, ref := range refs {
			if commit := s.resolve(here.common, ref); commit != "" {
				found = append(found, tip{ref, commit})
			}
		}
		return found
	}
	out, err := s.git(append([]string{"for-each-ref", "--format=%(refname) %(objectname)"}, refs...)...)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(out) {
		ref, commit, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains(refs, ref) { // git takes a name for a folder, too
			found = append(found, tip{ref, commit})
		}
	}
	return found
}

// commitsBefore are the commit of the parent at which the branch left it and those before it, newest first. In a shallow checkout it is
// only what the CI system knows.
func (c Context) commitsBefore(s Source, here repo, parent string) []string {
	if tips := s.tips(here, parent); c.Root != "" && len(tips) > 0 {
		for _, from := range []string{c.Hash, "HEAD"} { // of a merge that a CI system made, the head that people mean
			if from == "" {
				continue
			}
			left := from
			if !slices.ContainsFunc(tips, func(t tip) bool { return t.commit == from }) { // else it has no commits of its own
				args := []string{"merge-base", from}
				for _, t := range tips {
					args = append(args, t.ref)
				}
				var err error
				if left, err = s.git(args...); err != nil || !ident.IsGitHash(left) {
					continue
				}
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
