package checkout

import (
	"fmt"
	"strings"

	"github.com/tachograph/tacho/internal/cli/show"
)

// Label is a side in a line: its name, its commit, and what is not of that commit.
func (s Side) Label() string {
	label := s.Name
	if s.Commit != "" && !strings.HasPrefix(s.Commit, s.Name) {
		label += " " + show.ShortHash(s.Commit)
	}
	switch {
	case s.Dirty:
		label += " with uncommitted changes"
	case s.Untracked:
		label += " with untracked files"
	}
	return label
}

// Identical reports whether both sides are the same code: the same commit without changes, the same folder or the same program.
func (s *Sides) Identical() bool {
	a, b := s.Both[0], s.Both[1]
	switch {
	case a.Program != "" || b.Program != "":
		return a.Program == b.Program
	case a.InPlace && b.InPlace && a.Dir == b.Dir:
		return true
	}
	for _, side := range s.Both {
		if side.Commit == "" || side.Dirty || side.Untracked {
			return false
		}
	}
	return a.Commit == b.Commit
}

// Notes are what a reader of the comparison should know of its sides.
func (s *Sides) Notes() (notes []string) {
	a, b := s.Both[0], s.Both[1]
	if s.Identical() {
		what := "the same code"
		if a.Commit == b.Commit && a.Commit != "" && !a.Dirty && !a.Untracked {
			what = "commit " + show.ShortHash(a.Commit)
		}
		notes = append(notes, "both sides are "+what+": an A/A run, which shows the noise")
	}
	for i, side := range s.Both {
		if side.Dirty || side.Untracked {
			notes = append(notes, fmt.Sprintf("the %s is measured in place, %s, so it is no commit's", treeNames[i],
				map[bool]string{true: "with uncommitted changes", false: "with untracked files"}[side.Dirty]))
		}
		if side.parts {
			notes = append(notes, fmt.Sprintf("the %s has submodules, which are not checked out; --build can run 'git submodule update --init'",
				treeNames[i]))
		}
	}
	from, other := a.Dir, b.Dir
	if a.Program != "" {
		from, other = a.Program, b.Program
	}
	if len(from) != len(other) {
		notes = append(notes, fmt.Sprintf("the paths of both sides have different lengths (%d and %d characters), which moves a program's "+
			"memory and can change its time; two commits have paths of the same length", len(from), len(other)))
	}
	return notes
}

// Environ is an environment for a side's commands. PWD says where they run, and no variable of git names another repository. Between the
// sides it differs by their folders only.
func (s Side) Environ(environ []string) (out []string) {
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if name != "PWD" && name != "OLDPWD" && !ofARepository[name] {
			out = append(out, variable)
		}
	}
	return append(out, "PWD="+s.Dir)
}

// ofARepository are the variables of 'git rev-parse --local-env-vars' that name a place: a hook has them.
var ofARepository = map[string]bool{"GIT_ALTERNATE_OBJECT_DIRECTORIES": true, "GIT_OBJECT_DIRECTORY": true, "GIT_DIR": true,
	"GIT_WORK_TREE": true, "GIT_IMPLICIT_WORK_TREE": true, "GIT_GRAFT_FILE": true, "GIT_INDEX_FILE": true, "GIT_PREFIX": true,
	"GIT_INTERNAL_SUPER_PREFIX": true, "GIT_SHALLOW_FILE": true, "GIT_COMMON_DIR": true, "GIT_NAMESPACE": true}
