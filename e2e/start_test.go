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

// TestAStartDoesNoWorkInVain counts what a short command does beside its task: what packages make before main, by the runtime's own
// trace, and collections of a heap that will be thrown away.
func TestAStartDoesNoWorkInVain(t *testing.T) {
	t.Parallel()
	begun := regexp.MustCompile(`(?m)^init github\.com/tachograph/tacho/(\S+) .* (\d+) bytes, (\d+) allocs$`)
	dir := t.TempDir()
	cmd := exec.Command(tachoBinary(t), "run", "--quiet", "echo 'BenchmarkStart 1000 1043 ns/op'")
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "TACHO_") && !strings.HasPrefix(name, "BENCHER_") && name != "GOGC" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "TACHO_HOST=local", "TACHO_DATA="+filepath.Join(dir, "data"), "HOME="+dir, "GODEBUG=inittrace=1,gctrace=1")
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
