// Package checkout prepares the two sides of `tacho run --ab BASE --ab HEAD COMMAND`: a git reference is checked out in a work tree of its
// own in a temporary folder, a folder is used where it is, and a program is only found.
//
// The work trees are detached, no hook runs, and the person's tree, index, branches and stash are not touched. They are removed by Close.
// What a killed process left is found in git's list of work trees and removed by the next Prepare: the folder of a living one has a
// lock, which the operating system frees when its process ends, however that happens.
package checkout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/filelock"
)

// Git runs the git program in a folder and returns what it prints, without the last line end. Its error says what git said.
type Git func(ctx context.Context, dir string, args ...string) (string, error)

// Side is one version.
type Side struct {
	Name      string // as the person wrote it
	Program   string // the side is this executable file, and Dir is where it runs
	Dir       string // absolute
	Commit    string // full object name; empty: a program, or a folder in no repository
	InPlace   bool   // a folder of the person's own
	Dirty     bool   // tracked files there are changed
	Untracked bool   // git does not know some files there

	reference string
	parts     bool // it has submodules, and they are not checked out
}

// Sides are both of them. Close removes what was made for them.
type Sides struct {
	Both [2]Side

	git    Git
	root   string // top folder of the repository that references are of
	folder string // temporary
	lock   *os.File
	trees  []string
}

const (
	folderPrefix = "tacho-ab-"
	lockName     = "lock"
)

// treeNames have the same length, because the length of a path moves the memory of a program, and so its time.
var treeNames = [2]string{"base", "head"}

// Prepare finds both sides and checks out what are references. dir is the working directory. Errors about what was asked for are Invalid
// faults; those of git have exit code ExitNotBuilt. The caller closes what is returned, also beside an error.
func Prepare(ctx context.Context, git Git, dir string, names [2]string) (*Sides, error) {
	s := &Sides{git: git}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return s, err
	}
	for i, name := range names {
		if s.Both[i], err = find(dir, name); err != nil {
			return s, err
		}
	}
	if (s.Both[0].Program == "") != (s.Both[1].Program == "") {
		return s, cli.Usage("--ab %s is a program and --ab %s is not: give two programs, or two references or folders", names[0], names[1])
	}
	prefix, err := s.resolve(ctx, dir)
	if err != nil {
		return s, err
	}
	return s, s.checkOut(ctx, prefix)
}

// find tells by its form whether a name is one of a file or of a reference.
func find(dir, name string) (Side, error) {
	side := Side{Name: name, Dir: dir}
	if !isPath(name) {
		if strings.HasPrefix(name, "-") {
			return side, cli.Usage("--ab %q: no reference begins with a dash", name)
		}
		side.reference = name
		return side, nil
	}
	full := name
	if !filepath.IsAbs(name) {
		full = filepath.Join(dir, name)
	}
	info, err := os.Stat(full)
	switch {
	case err != nil:
		return side, cli.Usage("--ab %s: %v", name, cli.BareFileError(err))
	case info.IsDir():
		side.Dir, side.InPlace = filepath.Clean(full), true
	case info.Mode()&0o111 == 0 && filepath.Separator == '/':
		return side, cli.Usage("--ab %s: it is no program: it may not be executed", name)
	default:
		side.Program = full
	}
	return side, nil
}

// isPath reports whether a name is one of a file: "." or one with a slash at its beginning. References have none there.
func isPath(name string) bool {
	slashed := filepath.ToSlash(name)
	return name == "." || name == ".." || filepath.IsAbs(name) || strings.HasPrefix(slashed, "./") || strings.HasPrefix(slashed, "../")
}

// resolve finds the commits of both sides, and where in the repository the working directory is.
func (s *Sides) resolve(ctx context.Context, dir string) (prefix string, err error) {
	if s.Both[0].reference != "" || s.Both[1].reference != "" {
		if prefix, err = s.open(ctx, dir); err != nil {
			return "", err
		}
	}
	for i := range s.Both {
		side := &s.Both[i]
		switch {
		case side.reference != "":
			if side.Commit, err = s.commit(ctx, dir, side.reference); err != nil {
				return "", err
			}
		case side.InPlace:
			s.describe(ctx, side)
		}
	}
	return prefix, nil
}

// open finds the repository of the references.
func (s *Sides) open(ctx context.Context, dir string) (prefix string, err error) {
	reference := s.Both[0].reference
	if reference == "" {
		reference = s.Both[1].reference
	}
	out, err := s.git(ctx, dir, "rev-parse", "--is-bare-repository")
	switch {
	case cli.ExitCode(err) == fault.ExitInterrupted:
		return "", err
	case err != nil && exists(dir, reference):
		return "", cli.Usage("--ab %s: this folder is in no git repository; for the file of that name write ./%s", reference, reference)
	case err != nil:
		return "", cli.Usage("--ab %s: a reference is of a git repository, and git finds none here: %v", reference, err)
	case out == "true":
		return "", cli.Usage("--ab %s: this repository is bare, it has no work tree; run it in a clone", reference)
	}
	out, err = s.git(ctx, dir, "rev-parse", "--show-toplevel", "--show-prefix")
	top, prefix, _ := strings.Cut(out, "\n")
	if err != nil || top == "" {
		return "", cli.Usage("--ab %s: this folder is in no work tree of a git repository", reference)
	}
	s.root = filepath.FromSlash(top)
	return filepath.FromSlash(strings.TrimSuffix(prefix, "/")), nil
}

// exists reports whether a name that is no reference is that of a file.
func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// commit is what a reference names.
func (s *Sides) commit(ctx context.Context, dir, reference string) (string, error) {
	out, err := s.git(ctx, s.root, "rev-parse", "--verify", "--quiet", "--end-of-options", reference+"^{commit}")
	if err == nil && ident.IsGitHash(out) {
		return out, nil
	}
	if cli.ExitCode(err) == fault.ExitInterrupted {
		return "", err
	}
	hint := "is it fetched?"
	if shallow, err := s.git(ctx, s.root, "rev-parse", "--is-shallow-repository"); err == nil && shallow == "true" {
		hint = "this is a shallow clone, which lacks older commits: 'git fetch --unshallow'"
	} else if exists(dir, reference) {
		hint = "for the file or folder of that name write ./" + reference
	}
	return "", cli.Usage("--ab %s: git knows no commit of that name; %s", reference, hint)
}

// describe says what is in a folder that is used in place, as far as git knows.
func (s *Sides) describe(ctx context.Context, side *Side) {
	if hash, err := s.git(ctx, side.Dir, "rev-parse", "--verify", "--quiet", "HEAD"); err == nil && ident.IsGitHash(hash) {
		side.Commit = hash
	}
	out, err := s.git(ctx, side.Dir, "--no-optional-locks", "status", "--porcelain") // which would write the index otherwise
	if err != nil {
		return
	}
	for line := range strings.Lines(out) {
		unknown := strings.HasPrefix(line, "??")
		side.Untracked, side.Dirty = side.Untracked || unknown, side.Dirty || !unknown
	}
	if top, err := s.git(ctx, side.Dir, "rev-parse", "--show-toplevel"); err == nil && top != "" {
		side.Dir = underTop(filepath.FromSlash(top), side.Dir)
	}
}

// underTop is dir by the name that git has for the top folder above it, which has no symbolic links.
func underTop(top, dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		if rest, err := filepath.Rel(top, real); err == nil && filepath.IsLocal(rest) {
			return filepath.Join(top, rest)
		}
	}
	return dir
}

// checkOut makes the work trees of references.
func (s *Sides) checkOut(ctx context.Context, prefix string) error {
	if s.root == "" {
		return nil
	}
	s.sweep(ctx)
	if err := s.makeFolder(); err != nil {
		return cli.Fail(fault.ExitNotBuilt, "the temporary folder for work trees: %v", cli.BareFileError(err))
	}
	for i := range s.Both {
		side := &s.Both[i]
		if side.reference == "" {
			continue
		}
		tree := filepath.Join(s.folder, padded(treeNames[i], s.folder, s.lengthOf(s.Both[1-i], prefix)))
		s.trees = append(s.trees, tree)
		if _, err := s.git(ctx, s.root, "-c", "core.hooksPath="+os.DevNull, "worktree", "add", "--quiet", "--detach", tree,
			side.Commit); err != nil {
			if cli.ExitCode(err) == fault.ExitInterrupted {
				return err
			}
			return cli.Fail(fault.ExitNotBuilt, "the %s (%s) cannot be checked out: %w", treeNames[i], side.Name, err)
		}
		side.Dir = filepath.Join(tree, prefix)
		if info, err := os.Stat(side.Dir); err != nil || !info.IsDir() {
			return cli.Usage("--ab %s: there is no folder %s in that commit", side.Name, prefix)
		}
		_, err := os.Stat(filepath.Join(tree, ".gitmodules"))
		side.parts = err == nil
	}
	return nil
}

// lengthOf is how long the path of a work tree should be that runs beside other; 0: it does not matter.
func (s *Sides) lengthOf(other Side, prefix string) int {
	if !other.InPlace {
		return 0
	}
	if prefix != "" {
		prefix = string(filepath.Separator) + prefix
	}
	return len(other.Dir) - len(prefix)
}

// padded is a name in a folder that makes a path of the length, if that is long enough.
func padded(name, folder string, length int) string {
	const longest = 200 // of a file's name
	missing := length - len(folder) - 1 - len(name)
	return name + strings.Repeat("-", min(max(missing, 0), longest))
}

// makeFolder makes the temporary folder with its lock.
func (s *Sides) makeFolder() error {
	folder, err := os.MkdirTemp("", folderPrefix)
	if err != nil {
		return err
	}
	s.folder = folder
	if folder, err = filepath.Abs(folder); err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err != nil {
		return err
	}
	s.folder = folder
	if s.lock, err = os.OpenFile(filepath.Join(s.folder, lockName), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	return filelock.Try(s.lock)
}

// sweep removes the work trees of processes that were killed. What cannot be removed stays: it costs disk and nothing else.
func (s *Sides) sweep(ctx context.Context) {
	out, err := s.git(ctx, s.root, "worktree", "list", "--porcelain")
	if err != nil {
		return
	}
	left := map[string][]string{}
	for line := range strings.Lines(out) {
		tree, is := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "worktree ")
		tree = filepath.FromSlash(tree)
		folder := filepath.Dir(tree)
		if is && strings.HasPrefix(filepath.Base(folder), folderPrefix) && slices.ContainsFunc(treeNames[:], func(name string) bool {
			return strings.TrimRight(filepath.Base(tree), "-") == name
		}) {
			left[folder] = append(left[folder], tree)
		}
	}
	for folder, trees := range left {
		lock, dead := abandoned(folder)
		if dead {
			_ = s.remove(ctx, trees, folder)
		}
		if lock != nil {
			_ = lock.Close()
		}
	}
}

// abandoned reports whether nobody uses a folder of work trees any more: it is gone, or its lock is free. It returns the lock, taken.
func abandoned(folder string) (*os.File, bool) {
	lock, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR, 0)
	if err != nil {
		_, err = os.Stat(folder)
		return nil, errors.Is(err, fs.ErrNotExist)
	}
	return lock, filelock.Try(lock) == nil
}

// remove takes work trees away, from the disk and from git's list.
func (s *Sides) remove(ctx context.Context, trees []string, folder string) error {
	var failed []error
	for _, tree := range trees {
		writable(tree)
		failed = append(failed, os.RemoveAll(tree))
		if _, err := s.git(ctx, s.root, "worktree", "remove", "--force", tree); err != nil {
			listed, err := s.git(ctx, s.root, "worktree", "list", "--porcelain")
			if err == nil && strings.Contains(listed, "worktree "+filepath.ToSlash(tree)+"\n") {
				failed = append(failed, fmt.Errorf("git still lists the work tree %s", tree))
			}
		}
	}
	return errors.Join(append(failed, os.RemoveAll(folder))...)
}

// writable makes folders writable that a build has made unwritable, as Go's module cache does.
func writable(tree string) {
	_ = filepath.WalkDir(tree, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			if info, err := entry.Info(); err == nil && info.Mode().Perm()&0o200 == 0 {
				_ = os.Chmod(name, info.Mode().Perm()|0o700)
			}
		}
		return nil // what cannot be changed is said when it cannot be removed
	})
}

// Close removes the work trees. What it cannot remove is its error, with the folder.
func (s *Sides) Close(ctx context.Context) error {
	if s.folder == "" {
		return nil
	}
	err := s.remove(ctx, s.trees, s.folder)
	if s.lock != nil {
		_ = s.lock.Close()
	}
	folder := s.folder
	s.folder, s.trees, s.lock = "", nil, nil
	if err != nil {
		return fmt.Errorf("the work trees in %s could not be removed: %w", folder, err)
	}
	return nil
}
