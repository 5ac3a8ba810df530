package suites

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/suite"
)

func read(t *testing.T, name string) suite.Suite {
	t.Helper()
	text, ok := Find(name)
	if !ok {
		t.Fatalf("no suite %s in %q", name, Names())
	}
	s, err := suite.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEachSuiteIsReadAndHasItsRecipe(t *testing.T) {
	t.Parallel()
	if want := []string{"ruby-bench", "tacho-suite"}; !slices.Equal(Names(), want) {
		t.Fatalf("%q", Names())
	}
	for _, name := range Names() {
		s := read(t, name)
		folder, err := Recipe(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.Stat(folder, s.Recipe.Containerfile); err != nil || s.Name != name || s.About == "" {
			t.Errorf("%s: %q, %q, %v", name, s.Name, s.About, err)
		}
	}
	if _, ok := Find("../suites/tacho-suite"); ok {
		t.Error("a path is found as a suite")
	}
}

func TestRubyBenchAsksForItsVariant(t *testing.T) {
	t.Parallel()
	s := read(t, "ruby-bench")
	workloads, err := s.Resolve(map[string]string{"ruby": "3.4.7"})
	if err != nil {
		t.Fatal(err)
	}
	jit := workloads[1]
	if jit.Name != "yjit" || !slices.Contains(jit.Cmd, "yjit::ruby --yjit") || jit.Recipe.Args["RUBY"] != "3.4.7" ||
		jit.Adapter != "ruby_bench" ||
		len(s.Expected.Benchmarks) != 16 {
		t.Errorf("%+v", jit)
	}
	off, err := os.ReadFile("../internal/core/suite/testdata/ruby-bench/switched-off.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := jit.CheckOutput(off); err == nil || workloads[0].CheckOutput(off) != nil {
		t.Errorf("a run with the JIT switched off: %v", err)
	}
}

// TestRunSuiteKeepsWhatIsThere plays run-suite with a ruby-bench that fails in one benchmark, as the real one does: exit code 1, and the
// others in its JSON.
func TestRunSuiteKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh")
	}
	script, err := filepath.Abs("ruby-bench/run-suite")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tool     string
		fails    bool
		contains string
	}{
		"one benchmark fails": {"#!/bin/sh\necho \"$@\" >args\nfor a; do case $a in --out-path=*) d=${a#*=};; esac; done\n" +
			"echo '{\"raw_data\":{}}' >\"$d/output_001.json\"; echo t >\"$d/output_001.txt\"; exit 1\n", false, "raw_data"},
		"nothing is written": {"#!/bin/sh\nexit 1\n", true, ""},
	} {
		home, work := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(home, "run_benchmarks.rb"), []byte(c.tool), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), shell, script, "--category=all", "-e", "yjit::ruby --yjit")
		cmd.Dir, cmd.Env = work, append(os.Environ(), "RUBY_BENCH="+home)
		text, err := cmd.CombinedOutput()
		if (err != nil) != c.fails {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		got, _ := os.ReadFile(filepath.Join(work, "output.json"))
		if !strings.Contains(string(got), c.contains) {
			t.Errorf("%s: %s\n%s", name, got, text)
		}
		if args, err := os.ReadFile(filepath.Join(home, "args")); !c.fails && (err != nil || strings.Contains(string(args), "category") ||
			!strings.Contains(string(args), "-e yjit::ruby --yjit")) {
			t.Errorf("%s: called with %s", name, args)
		}
	}
}
