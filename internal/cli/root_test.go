package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/core/fault"
)

// world is a process that a test looks into.
type world struct {
	Env
	stdout, stderr bytes.Buffer
	vars           map[string]string
}

func newWorld() *world {
	w := &world{vars: map[string]string{}}
	w.Env = Env{
		Stdin: strings.NewReader(""), Stdout: &w.stdout, Stderr: &w.stderr, OS: "linux", Version: "v1.2.3", Commit: "0123456789abcdef",
		Getenv: func(name string) string { return w.vars[name] }, Environ: func() []string { return nil },
		Now:     func() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) },
		NewUUID: func() string { return "01960000-0000-7000-8000-000000000001" },
	}
	return w
}

// tacho runs a command line in the world.
func (w *world) tacho(t *testing.T, args ...string) (code int) {
	t.Helper()
	w.stdout.Reset()
	w.stderr.Reset()
	return run(t.Context(), args, &w.Env)
}

func TestVersionNamesTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld()
	if code := w.tacho(t, "version"); code != 0 || !strings.HasPrefix(w.stdout.String(), "tacho v1.2.3 (commit 0123456789abcdef") {
		t.Errorf("exit code %d, %q", code, w.stdout.String())
	}
	var v buildVersion
	if code := w.tacho(t, "version", "--json"); code != 0 || json.Unmarshal(w.stdout.Bytes(), &v) != nil || v.Version != "v1.2.3" {
		t.Errorf("exit code %d, %q", code, w.stdout.String())
	}
}

func TestWrongCommandLinesAreUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"nonsense"}, {"version", "--nonsense"}, {"version", "extra"}, {"runner"}, {"runner", "nonsense"}} {
		w := newWorld()
		if code := w.tacho(t, args...); code != fault.ExitUsage || !strings.HasPrefix(w.stderr.String(), "tacho: ") || w.stdout.Len() != 0 {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", args, code, w.stdout.String(), w.stderr.String())
		}
	}
}

func TestCompletionForFourShells(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		w := newWorld()
		if code := w.tacho(t, "completion", shell); code != 0 || w.stdout.Len() < 1000 {
			t.Errorf("%s: exit code %d, %d bytes", shell, code, w.stdout.Len())
		}
	}
}

// ours are the commands that are not cobra's own.
func ours(cmd *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range cmd.Commands() {
		if c.Name() == "completion" || c.Name() == "help" {
			continue
		}
		out = append(append(out, c), ours(c)...)
	}
	return out
}

func TestEveryHelpHasAnExampleAndItsExitCodes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for _, c := range ours(newRootCommand(&w.Env)) {
		if c.HasSubCommands() {
			continue
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		w := newWorld()
		if code := w.tacho(t, append(strings.Fields(c.CommandPath())[1:], "--help")...); code != 0 {
			t.Errorf("%s --help: exit code %d", c.CommandPath(), code)
		}
		if help := w.stdout.String(); !strings.Contains(help, "Exit codes:") || strings.Contains(help, "<no value>") {
			t.Errorf("%s --help has no exit codes:\n%s", c.CommandPath(), help)
		}
	}
}
