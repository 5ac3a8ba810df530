package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes one with a commit and returns its folder.
func repository(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the git program is not installed")
	}
	dir := t.TempDir()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"commit", "-q", "--allow-empty", "-m", "one"}} {
		if _, err := git(t.Context(), dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	cmd.Env = Side{Dir: dir}.Environ(os.Environ())
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, errs.String())
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

func trees(t *testing.T, dir string) int {
	t.Helper()
	out, err := git(t.Context(), dir, "worktree", "list", "--porcelain")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(out, "worktree ")
}

func TestOnlyTheTreesOfDeadProcessesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := repository(t)
	living, err := Prepare(t.Context(), git, dir, [2]string{"main", "HEAD"})
	if err != nil {
		t.Fatal(err)
	}
	dead, err := Prepare(t.Context(), git, dir, [2]string{"main", "HEAD"})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := Prepare(t.Context(), git, dir, [2]string{"main", "HEAD"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(dead.lock.Close(), gone.lock.Close(), os.RemoveAll(gone.folder)); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "base")
	if _, err := git(t.Context(), dir, "worktree", "add", "-q", "--detach", own); err != nil {
		t.Fatal(err)
	}
	next, err := Prepare(t.Context(), git, dir, [2]string{"main", "HEAD"})
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{living.folder: true, dead.folder: false, own: true, next.folder: true} {
		if _, err := os.Stat(folder); (err == nil) != want {
			t.Errorf("%s: there is %v, want %v", folder, err == nil, want)
		}
	}
	if n := trees(t, dir); n != 1+1+2+2 {
		t.Errorf("git lists %d work trees, want the repository's, the person's and those of two living ones", n)
	}
	if err := errors.Join(living.Close(t.Context()), next.Close(t.Context())); err != nil || trees(t, dir) != 2 {
		t.Errorf("%v, %d trees are left", err, trees(t, dir))
	}
}

func TestATreeBesideAFolderHasAPathOfItsLength(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(repository(t), strings.Repeat("long/", 30)+"sub")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"add", "."}, {"commit", "-q", "-m", "two"}} {
		if _, err := git(t.Context(), dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, names := range [][2]string{{"main", "HEAD"}, {"main", "."}, {"..", "main~0"}} {
		s, err := Prepare(t.Context(), git, dir, names)
		if err != nil {
			t.Fatal(err)
		}
		a, b := s.Both[0].Dir, s.Both[1].Dir
		if len(a) != len(b) || len(s.Notes()) != 0 && !s.Identical() {
			t.Errorf("%v: %d and %d characters: %s, %s", names, len(a), len(b), a, b)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestPathsAreToldFromReferencesByTheirForm(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{".": true, "..": true, "./x": true, "../x": true, "/x": true, "main": false, "feature/x": false,
		"HEAD~1": false, ".x": false, "v1..2": false} {
		if got := isPath(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestNothingOfARepositoryIsHandedOn(t *testing.T) {
	t.Parallel()
	got := Side{Dir: "/x"}.Environ([]string{"A=1", "GIT_DIR=/y", "PWD=/z", "OLDPWD=/", "GIT_AUTHOR_NAME=a", "GIT_INDEX_FILE=i"})
	if want := "A=1 GIT_AUTHOR_NAME=a PWD=/x"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
