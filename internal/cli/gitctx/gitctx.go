// Package gitctx finds out what is measured: branch, commit and repository, from the CI system's variables or from the git folder.
//
// CI systems check out a detached HEAD, and for a pull request often a merge commit that exists nowhere else. The branch and the commit
// that people mean are in variables and event files that differ with each system; this package knows them. It never guesses: without a
// branch it says so, and the caller asks for --branch. A pull request from a fork gets the branch "pull/<number>/<its branch>", because a
// fork's "main" is not main.
//
// It is a pure function over three readers (environment, files, the git program), so that every system is a row in a test's table. Git's
// files are read directly: in containers there is often no git program, or it refuses a folder that another user owns.
package gitctx

import (
	"errors"
	"path"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Source is where things are read.
type Source struct {
	Getenv   func(string) string
	ReadFile func(string) ([]byte, error)
	Open     func(string) (File, error)
	List     func(string) ([]string, error)       // names of the files in a folder
	Git      func(args ...string) (string, error) // runs git in Dir and returns its output without the last line end
	Dir      string                               // absolute, with forward slashes
}

// Context is what was found. Empty fields were not.
type Context struct {
	CI         string // name of the CI system
	Branch     string
	BranchFrom string // the variable or file that said so
	Hash       string // full object name
	HashFrom   string
	Repository string // short name
	Root       string // top folder of the work tree
	Pull       string // number of the pull or merge request
	Fork       bool   // the pull request comes from another repository
	Base       string // branch that the pull request wants to go to
	BaseHash   string // a commit of that branch that the CI system knows
	Default    string // the repository's default branch, as far as the CI system says
	Link       string // page of the CI run
	Detached   bool   // git's HEAD is on no branch
	Dirty      bool   // tracked files are changed
	Tag        string // what is built is a tag and no branch
	Notes      []string
}

// Detect reads the context of a run. It has no error of its own: what cannot be read is absent; see NeedBranch.
func Detect(s Source) Context {
	var c Context
	if s.Getenv == nil {
		s.Getenv = func(string) string { return "" }
	}
	if name, found, ok := detectCI(s); ok {
		c = found.context(name)
	}
	repo, err := openRepo(s)
	if err != nil {
		if !errors.Is(err, errNoRepo) {
			c.Notes = append(c.Notes, err.Error())
		}
		return c
	}
	c.Root, c.Detached = repo.root, repo.branch == ""
	if c.Branch == "" && c.Tag == "" && c.Pull == "" && repo.branch != "" {
		c.Branch, c.BranchFrom = repo.branch, "git"
	}
	if c.Hash == "" && c.Pull == "" && repo.hash != "" {
		c.Hash, c.HashFrom = repo.hash, "git"
	}
	if c.Hash == "" && c.Pull != "" {
		c.pullHash(s, repo)
	}
	if c.Repository == "" {
		c.Repository = repo.name()
	}
	if out, err := s.git("status", "--porcelain", "--untracked-files=no"); err == nil {
		c.Dirty = out != ""
	}
	return c
}

// pullHash finds the commit of a pull request when the CI system did not say: HEAD, or HEAD's second parent where HEAD is the merge that
// the CI system made.
func (c *Context) pullHash(s Source, repo repo) {
	parents, err := s.git("rev-list", "--parents", "-n", "1", "HEAD")
	words := strings.Fields(parents)
	switch {
	case err == nil && len(words) == 2:
		c.Hash, c.HashFrom = repo.hash, "git"
	case err == nil && len(words) == 3 && ident.IsGitHash(words[2]):
		c.Hash, c.HashFrom = words[2], "git, second parent of the merge"
	default:
		c.Notes = append(c.Notes, "the commit of the pull request is not known (a shallow checkout of a merge); give --hash")
	}
}

// NeedBranch returns the branch, or an Invalid fault that says why there is none and what to do.
func (c Context) NeedBranch() (string, error) {
	switch {
	case c.Branch != "":
		return c.Branch, nil
	case c.Tag != "":
		return "", fault.Invalidf("%s builds the tag %q, which is no branch; give --branch", c.where(), c.Tag)
	case c.Pull != "":
		return "", fault.Invalidf("%s does not say the branch of pull request %s; give --branch", c.where(), c.Pull)
	case c.Detached:
		return "", fault.Invalidf("HEAD is detached; give --branch")
	case c.CI != "":
		return "", fault.Invalidf("%s does not say a branch; give --branch", c.where())
	}
	return "", fault.Invalidf("this folder is in no git repository; give --branch")
}

func (c Context) where() string {
	if c.CI != "" {
		return c.CI
	}
	return "git"
}

// Keys of a run's context. Those of Bencher keep its domain, so that other servers understand them.
const (
	keyRepository = "bencher.dev/v0/repo/name"
	keyBranch     = "bencher.dev/v0/branch/ref/name"
	keyRef        = "bencher.dev/v0/branch/ref"
	keyHash       = "bencher.dev/v0/branch/hash"
	keyCI         = "tachograph.dev/v0/ci/name"
	keyLink       = "tachograph.dev/v0/ci/link"
	keyPull       = "tachograph.dev/v0/ci/pull_request"
	keyBase       = "tachograph.dev/v0/branch/base"
	keyDirty      = "tachograph.dev/v0/branch/dirty"
)

// Map is the context as it goes into a report.
func (c Context) Map() map[string]string {
	m := map[string]string{}
	for key, value := range map[string]string{
		keyRepository: c.Repository, keyBranch: c.Branch, keyHash: c.Hash, keyCI: c.CI, keyLink: c.Link, keyPull: c.Pull, keyBase: c.Base,
	} {
		if value != "" {
			m[key] = value
		}
	}
	if c.Branch != "" {
		m[keyRef] = "refs/heads/" + c.Branch
	}
	if c.Dirty {
		m[keyDirty] = "true"
	}
	return m
}

// Describe says in one line what was detected and where, for the reader of a CI log.
func (c Context) Describe() string {
	var parts []string
	if c.CI != "" {
		parts = append(parts, c.CI)
	}
	if c.Pull != "" {
		pull := "pull request " + c.Pull
		if c.Fork {
			pull += " from a fork"
		}
		parts = append(parts, pull)
	}
	if c.Branch != "" {
		parts = append(parts, "branch "+c.Branch+from(c.BranchFrom))
	}
	if c.Hash != "" {
		hash := "commit " + c.Hash[:min(12, len(c.Hash))] + from(c.HashFrom)
		if c.Dirty {
			hash += " with uncommitted changes"
		}
		parts = append(parts, hash)
	}
	if len(parts) == 0 {
		return "no git repository and no CI system"
	}
	return strings.Join(parts, ", ")
}

func from(source string) string {
	if source == "" || source == "git" {
		return ""
	}
	return " (" + source + ")"
}

func (s Source) git(args ...string) (string, error) {
	if s.Git == nil {
		return "", errors.New("no git program")
	}
	return s.Git(args...)
}

func (s Source) read(file string) (string, error) {
	if s.ReadFile == nil {
		return "", errors.New("no files")
	}
	b, err := s.ReadFile(file)
	return string(b), err
}

func (s Source) open(file string) (File, error) {
	if s.Open == nil {
		return nil, errors.New("no files")
	}
	return s.Open(file)
}

func (s Source) list(folder string) ([]string, error) {
	if s.List == nil {
		return nil, errors.New("no files")
	}
	return s.List(folder)
}

// repositoryName is the short name in "git@host:org/repo.git", "https://host/org/repo" or "org/repo".
func repositoryName(address string) string {
	address = strings.TrimSuffix(strings.TrimRight(strings.TrimSpace(address), "/"), ".git")
	if address == "" {
		return ""
	}
	name := path.Base(strings.ReplaceAll(address, ":", "/"))
	if name == "." || name == "/" {
		return ""
	}
	return name
}
