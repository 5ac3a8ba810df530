package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cli/verbs"
	"github.com/tachograph/tacho/internal/core/fault"
)

func TestVersionNamesTheCommit(t *testing.T) {
	t.Parallel()
	w := clitest.New(verbs.All)
	if code := w.Tacho(t, "version"); code != 0 || !strings.HasPrefix(w.OutText.String(), "tacho v1.2.3 (commit 0123456789abcdef") {
		t.Errorf("exit code %d, %q", code, w.OutText.String())
	}
	var v cli.Build
	if code := w.Tacho(t, "version", "--json"); code != 0 || json.Unmarshal(w.OutText.Bytes(), &v) != nil || v.Version != "v1.2.3" {
		t.Errorf("exit code %d, %q", code, w.OutText.String())
	}
}

func TestWrongCommandLinesAreUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"nonsense"}, {"version", "--nonsense"}, {"version", "extra"}, {"runner"}, {"runner", "nonsense"}} {
		w := clitest.New(verbs.All)
		if code := w.Tacho(t, args...); code != fault.ExitUsage || !strings.HasPrefix(w.ErrText.String(), "tacho: ") || w.OutText.Len() != 0 {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", args, code, w.OutText.String(), w.ErrText.String())
		}
	}
}

func TestCompletionForFourShells(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		w := clitest.New(verbs.All)
		if code := w.Tacho(t, "completion", shell); code != 0 || w.OutText.Len() < 1000 {
			t.Errorf("%s: exit code %d, %d bytes", shell, code, w.OutText.Len())
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
	w := clitest.New(verbs.All)
	for _, c := range ours(cli.Root(&w.Env, verbs.All)) {
		if c.HasSubCommands() {
			continue
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		w := clitest.New(verbs.All)
		if code := w.Tacho(t, append(strings.Fields(c.CommandPath())[1:], "--help")...); code != 0 {
			t.Errorf("%s --help: exit code %d", c.CommandPath(), code)
		}
		if help := w.OutText.String(); !strings.Contains(help, "\nExit codes:\n") || strings.Contains(help, "<no value>") {
			t.Errorf("%s --help has no exit codes of the one table:\n%s", c.CommandPath(), help)
		}
	}
}

func TestACommandLineMakesTheCommandThatItNames(t *testing.T) {
	t.Parallel()
	made := 0
	var counted cli.Commands
	for _, verb := range verbs.All {
		inner := verb
		verb.Make = func(env *cli.Env) *cobra.Command {
			made++
			cmd := inner.Make(env)
			if cmd.Name() != inner.Name || len(cmd.Aliases) > 0 {
				t.Errorf("%s is called %s %v", inner.Name, cmd.Name(), cmd.Aliases)
			}
			return cmd
		}
		counted = append(counted, verb)
	}
	for _, row := range []struct {
		args []string
		want int
	}{
		{[]string{"run", "--help"}, 1}, {[]string{"key", "list", "--help"}, 1}, {[]string{"--help"}, len(verbs.All)},
		{[]string{"help", "run"}, len(verbs.All)}, {[]string{"__complete", ""}, len(verbs.All)},
	} {
		made = 0
		if code := clitest.New(counted).Tacho(t, row.args...); code != 0 || made != row.want {
			t.Errorf("%v: exit code %d, %d commands were made, want %d", row.args, code, made, row.want)
		}
	}
}

func TestKeysWithSpacesAreRefusedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	w := clitest.New(verbs.All)
	w.Vars["TACHO_HOST"], w.Vars["TACHO_KEY"] = "http://127.0.0.1:1", "two words"
	if code := w.Tacho(t, "project", "list"); code != fault.ExitUsage || strings.Contains(w.ErrText.String(), "two words") {
		t.Errorf("exit code %d, %q", code, w.ErrText.String())
	}
}
