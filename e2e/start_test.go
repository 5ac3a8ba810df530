package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// allocsAtStart is how much a package of ours may allocate before main: a table of names, no compiled expression or template.
const allocsAtStart = 250

// Adapters keep a table of all tools.
const allocsOfAdapters = 900

// shortRun is `tacho run` of a line of shell, in a folder of its own and with a store of its own.
func shortRun(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(tachoBinary(t), "run", "--quiet", "echo 'BenchmarkStart 1000 1043 ns/op'")
	cmd.Dir = dir
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "TACHO_") && !strings.HasPrefix(name, "BENCHER_") && name != "GOGC" && name != "CI" &&
			!strings.HasPrefix(name, "GITHUB_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "TACHO_HOST=local", "TACHO_DATA="+filepath.Join(home, "data"), "HOME="+home)
	return cmd
}

// TestAShortRunAsksGitFewTimes counts how often git is started in a clone: starting it costs as much as a twentieth of the whole.
func TestAShortRunAsksGitFewTimes(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("git")
	if err != nil {
		t.Skip("there is no git")
	}
	work, bin := t.TempDir(), t.TempDir()
	git := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.Command(real, append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		cmd.Dir = dir
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, said)
		}
	}
	clone := filepath.Join(work, "clone")
	git(work, "init", "-q", "-b", "main", "origin")
	git(filepath.Join(work, "origin"), "commit", "-q", "--allow-empty", "-m", "first")
	git(work, "clone", "-q", "origin", clone)
	log := filepath.Join(bin, "log")
	shim := "#!/bin/sh\necho \"$@\" >>" + log + "\nexec " + real + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(shim), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	for _, row := range []struct {
		branch string
		most   int // what changed, and the first commit; on a branch, the commits that it came from
	}{{"main", 2}, {"topic", 3}} {
		if row.branch != "main" {
			git(clone, "checkout", "-q", "-b", row.branch)
		}
		_ = os.Remove(log)
		cmd := shortRun(t, clone)
		cmd.Env = append(cmd.Env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("on %s: %v\n%s", row.branch, err, said)
		}
		asked, err := os.ReadFile(log)
		if n := strings.Count(string(asked), "\n"); err != nil || n == 0 || n > row.most {
			t.Errorf("on %s git was started %d times (%v), want %d at most:\n%s", row.branch, n, err, row.most, asked)
		}
	}
}

// TestAStartDoesNoWorkInVain counts what a short command does beside its task: what packages make before main, by the runtime's own
// trace, and collections of a heap that will be thrown away.
func TestAStartDoesNoWorkInVain(t *testing.T) {
	t.Parallel()
	begun := regexp.MustCompile(`(?m)^init github\.com/tachograph/tacho/(\S+) .* (\d+) bytes, (\d+) allocs$`)
	cmd := shortRun(t, t.TempDir())
	cmd.Env = append(cmd.Env, "GODEBUG=inittrace=1,gctrace=1")
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	ours := begun.FindAllStringSubmatch(string(said), -1)
	if len(ours) == 0 {
		t.Fatalf("the trace names no package of ours:\n%s", said)
	}
	for _, of := range ours {
		limit := allocsAtStart
		if of[1] == "internal/core/adapter" {
			limit = allocsOfAdapters
		}
		if n, err := strconv.Atoi(of[3]); err != nil || n > limit {
			t.Errorf("%s allocates %s times before main, want %d at most: make what not every command uses at its first use", of[1], of[3], limit)
		}
		if n, err := strconv.Atoi(of[2]); err != nil || n > 256<<10 {
			t.Errorf("%s allocates %s bytes before main", of[1], of[2])
		}
	}
	if n := len(regexp.MustCompile(`(?m)^gc \d+ @`).FindAll(said, -1)); n != 0 {
		t.Errorf("a short command collects its heap %d times", n)
	}
}
