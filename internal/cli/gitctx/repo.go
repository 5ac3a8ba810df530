package gitctx

import (
	"bufio"
	"errors"
	"path"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
)

// repo is what git's files say.
type repo struct {
	root   string // top folder of the work tree
	branch string // empty: HEAD is detached
	hash   string // empty: no commit yet
	remote string // address of origin
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
	if text, err := s.read(path.Join(common, "config")); err == nil {
		r.remote = originOf(text)
	}
	ref, symbolic := strings.CutPrefix(head, "ref:")
	ref = strings.TrimSpace(ref)
	switch {
	case ref == "refs/heads/.invalid": // reftable: git's files hold no references
		return s.askGit(r)
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
	if err != nil {
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

// originOf returns the address of the remote "origin" in a git config file.
func originOf(config string) string {
	inside := false
	lines := bufio.NewScanner(strings.NewReader(config))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			inside = line == `[remote "origin"]`
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if inside && ok && strings.EqualFold(strings.TrimSpace(key), "url") {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}
