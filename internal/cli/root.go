package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/core/fault"
)

// exits is the annotation that carries a command's exit codes to its help.
const exits = "exits"

// helpTemplate is cobra's, with the exit codes after the flags.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}{{with index .Annotations "exits"}}
Exit codes:
{{.}}
{{end}}`

// Main runs the command line with args (without the program's name) and returns the exit code.
func Main(args []string, env Env, commands Commands) int {
	return Run(context.Background(), args, &env, commands)
}

// Verb is a command below the root.
type Verb struct {
	Name  string // as it is called
	Group string // of the root's help
	Make  func(*Env) *cobra.Command
}

// Commands are those below the root, in the order of its help.
type Commands []Verb

// called are the commands that a command line needs: the one that it names, else all. Making a command with its flags is a part of what a
// short one costs, and there are sixty.
func (c Commands) called(args []string) (needed Commands, one bool) {
	for i, verb := range c {
		if len(args) > 0 && args[0] == verb.Name {
			return c[i : i+1], true
		}
	}
	return c, false
}

// Run is Main with a context, for tests.
func Run(ctx context.Context, args []string, env *Env, commands Commands) int {
	needed, one := commands.called(args)
	root := Root(env, needed)
	root.CompletionOptions.DisableDefaultCmd = one
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return fault.ExitOK
	}
	if cmd == nil {
		cmd = root
	}
	if !began(err) {
		err = ExitWith(fault.ExitUsage, fmt.Errorf("%w (see '%s --help')", err, cmd.CommandPath()))
	}
	code := ExitCode(unmarked(err))
	report(env, unmarked(err))
	return code
}

// report says what went wrong, unless it has been said.
func report(env *Env, err error) {
	if own, ok := errors.AsType[*exitError](err); ok {
		if own.err == nil {
			return
		}
	}
	screen := env.Errs()
	text, hint := Sentence(err)
	fmt.Fprintf(env.Stderr, "%s %s\n", screen.Red("tacho:"), text)
	if hint != "" {
		fmt.Fprintf(env.Stderr, "%s %s\n", screen.Dim("hint:"), hint)
	}
}

// begunError marks an error of a command that ran, to tell it from a wrong flag, which cobra found before.
type begunError struct{ error }

func (b begunError) Unwrap() error { return b.error }

func began(err error) bool { _, ok := errors.AsType[begunError](err); return ok }

func unmarked(err error) error {
	if b, ok := errors.AsType[begunError](err); ok {
		return b.error
	}
	return err
}

// Root is `tacho` with the commands below it.
func Root(env *Env, commands Commands) *cobra.Command {
	root := &cobra.Command{
		Use:   "tacho",
		Short: "Continuous benchmarking: run, record, compare, catch regressions",
		Long: `Tachograph runs benchmarks, keeps every sample, and reports every change together with the limit it was compared with.

Commands use the store of this machine, with no server running, until 'tacho login' keeps the address and key of a server for them.
--host and --key-file, then TACHO_HOST and TACHO_KEY, win over a login; --host local is the store of this machine. Variables named
BENCHER_… are understood where TACHO_… are not set.`,
		Example: `  tacho run "go test -bench . ./..."           # measure here, compare with the last time
  tacho server                                 # dashboard, API, registry
  tacho login                                  # keep its address and key
  tacho run --image app:v1 --adapter go_bench  # measure on a runner`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetHelpTemplate(helpTemplate)
	root.AddGroup(&cobra.Group{ID: GroupMeasure, Title: "Measure:"}, &cobra.Group{ID: GroupLook, Title: "Look:"},
		&cobra.Group{ID: GroupOperate, Title: "Operate:"})
	for _, verb := range commands {
		cmd := verb.Make(env)
		cmd.GroupID = verb.Group
		root.AddCommand(cmd)
	}
	root.AddCommand(newVersionCommand(env))
	markErrors(root)
	return root
}

// Groups of the root's help.
const (
	GroupMeasure = "measure"
	GroupLook    = "look"
	GroupOperate = "operate"
)

// markErrors marks the errors of all commands that run, and gives each command that has none of its own the exit codes of a local one.
func markErrors(cmd *cobra.Command) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(c *cobra.Command, args []string) error {
			if err := inner(c, args); err != nil {
				return begunError{err}
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		markErrors(child)
	}
}

// PrintJSON writes v as people and scripts read it.
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
