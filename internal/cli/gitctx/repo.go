package gitctx

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
)

// repo is what git's files say.
type repo struct {
	root    string // top folder of the work tree
	branch  string // empty: HEAD is detached
	hash    string // empty: no commit yet
	remote  string // address of origin
	common  string // folder of the references and settings, which work trees share; empty: only the git program reads the references
	objects string // folder in which the folder of objects is
	config  string // content of its settings
}

func (r repo) name() string {
	if name := repositoryName(r.remote); name != "" {
		return name
	}
	return repositoryName(r.root)
}

var errNoRepo = errors.New("no git repository")

// openRepo walks up from the working directory to the first ".git" and reads it: a folder, or in work trees and submodules a file that
// names one.
func openRepo(s Source) (repo, error) {
	for dir := path.Clean(s.Dir); ; dir = path.Dir(dir) {
		gitDir, head, ok := s.findHead(path.Join(dir, ".git"))
		if ok {
			r := repo{root: dir}
			err := s.readRepo(&r, gitDir, head)
			return r, err
		}
		if parent := path.Dir(dir); parent == dir || dir == "." || dir == "" {
			return repo{}, errNoRepo
		}
	}
}

// findHead returns the git folder at dotGit and the content of its HEAD.
func (s Source) findHead(dotGit string) (gitDir, head string, ok bool) {
	if head, err := s.read(path.Join(dotGit, "HEAD")); err == nil {
		return dotGit, strings.TrimSpace(head), true
	}
	link, err := s.read(dotGit)
	if err != nil {
		return "", "", false
	}
	target, ok := strings.CutPrefix(strings.TrimSpace(link), "gitdir:")
	if !ok {
		return "", "", false
	}
	gitDir = absolute(path.Dir(dotGit), strings.TrimSpace(target))
	head, err = s.read(path.Join(gitDir, "HEAD"))
	return gitDir, strings.TrimSpace(head), err == nil
}

// absolute resolves target against dir, unless it begins at a root or a drive.
func absolute(dir, target string) string {
	target = strings.ReplaceAll(target, `\`, "/")
	if path.IsAbs(target) || len(target) > 2 && target[1] == ':' {
		return path.Clean(target)
	}
	return path.Join(dir, target)
}

func (s Source) readRepo(r *repo, gitDir, head string) error {
	common := gitDir // a work tree shares branches and settings with the main one
	if text, err := s.read(path.Join(gitDir, "commondir")); err == nil {
		common = absolute(gitDir, strings.TrimSpace(text))
	}
	r.objects = common
	if text, err := s.read(path.Join(common, "config")); err == nil {
		r.config = text
		r.remote = first(settings(text, `remote "origin"`, "url"))
	}
	ref, symbolic := strings.CutPrefix(head, "ref:")
	ref = strings.TrimSpace(ref)
	if ref == "refs/heads/.invalid" { // reftable: git's files hold no references
		return s.askGit(r)
	}
	r.common = common
	switch {
	case !symbolic && ident.IsGitHash(head):
		r.hash = head
		return nil
	case !symbolic:
		return errors.New("git's HEAD is neither a reference nor a commit; give --branch and --hash")
	}
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		r.branch = branch
	}
	r.hash = s.resolve(common, ref)
	return nil
}

// resolve finds the commit of a reference: in a file of its own, or among the packed ones.
func (s Source) resolve(common, ref string) string {
	if text, err := s.read(path.Join(common, ref)); err == nil {
		if hash := strings.TrimSpace(text); ident.IsGitHash(hash) {
			return hash
		}
	}
	packed, err := s.read(path.Join(common, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil { // tens of thousands of references
		if hash, err := s.git("rev-parse", "--quiet", "--verify", ref); err == nil && ident.IsGitHash(hash) {
			return hash
		}
		return ""
	}
	for line := range strings.Lines(packed) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == ref && ident.IsGitHash(hash) {
			return hash
		}
	}
	return ""
}

func (s Source) askGit(r *repo) error {
	hash, err := s.git("rev-parse", "HEAD")
	if err != nil {
		return errors.New("git's references are in a format that only the git program reads, and it does not run here; give --branch and --hash")
	}
	r.hash = hash
	if branch, err := s.git("symbolic-ref", "--quiet", "--short", "HEAD"); err == nil {
		r.branch = branch
	}
	return nil
}

// settings are the values of a key in a section of a git config file.
func settings(config, section, key string) (values []string) {
	inside := false
	for line := range strings.Lines(config) {
		line := strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inside = line == "["+section+"]"
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if inside && ok && strings.EqualFold(strings.TrimSpace(name), key) {
			values = append(values, strings.Trim(strings.TrimSpace(value), `"`))
		}
	}
	return values
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
