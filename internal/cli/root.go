package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/core/fault"
)

// exits is the annotation that carries a command's exit codes to its help.
const exits = "exits"

// helpTemplate is cobra's, with the exit codes behind the flags.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}{{with index .Annotations "exits"}}
Exit codes:
{{.}}
{{end}}`

// Main runs the command line with args (without the program's name) and returns the exit code.
func Main(args []string, env Env) int {
	return run(context.Background(), args, &env)
}

func run(ctx context.Context, args []string, env *Env) int {
	root := newRootCommand(env)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return fault.ExitOK
	}
	if cmd == nil {
		cmd = root
	}
	if !began(err) {
		err = &exitError{fault.ExitUsage, fmt.Errorf("%w (see '%s --help')", err, cmd.CommandPath())}
	}
	code := exitCode(unmarked(err))
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
	if own, ok := errors.AsType[*runnerExit](err); ok && own.err == nil {
		return
	}
	screen := env.errs()
	text, hint := sentence(err)
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

func newRootCommand(env *Env) *cobra.Command {
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
	root.AddGroup(&cobra.Group{ID: "measure", Title: "Measure:"}, &cobra.Group{ID: "look", Title: "Look:"},
		&cobra.Group{ID: "operate", Title: "Operate:"})
	runner := NewRunnerCommand(RunnerEnv{Stdout: env.Stdout, Stderr: env.Stderr, Getenv: env.Getenv, Version: env.Version})
	runner.AddCommand(fleetCommands(env)...)
	needsChild(runner)
	add(root, "measure", newRunCommand(env), newJobCommand(env), newAdaptersCommand(env))
	add(root, "look", newReportCommand(env), newPerfCommand(env), newAlertCommand(env), newThresholdCommand(env), newPlotCommand(env),
		newProjectCommand(env))
	add(root, "operate", newServerCommand(env), runner, newImageCommand(env), newSpecCommand(env), newKeyCommand(env))
	add(root, "operate", newLoginCommand(env), newLogoutCommand(env))
	root.AddCommand(newVersionCommand(env))
	markErrors(root)
	root.InitDefaultCompletionCmd()
	return root
}

// add puts commands into a group of the root's help.
func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

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

// leaf makes a command that calls run and whose help lists codes.
func leaf(use, short string, codes []int, run func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: run, Annotations: map[string]string{exits: exitHelp(codes)}}
}

// family makes a command that only has children.
func family(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.AddCommand(children...)
	needsChild(cmd)
	return cmd
}

// needsChild makes a command that only has children say so. cobra would print its help and end with 0.
func needsChild(cmd *cobra.Command) {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		return usage("'%s' needs one of its commands; see '%s --help'", c.CommandPath(), c.CommandPath())
	}
}

func newVersionCommand(env *Env) *cobra.Command {
	var asJSON bool
	cmd := leaf("version", "Print version and commit", exitsLocal, func(*cobra.Command, []string) error {
		v := env.version()
		if asJSON {
			return printJSON(env.Stdout, v)
		}
		_, err := fmt.Fprintf(env.Stdout, "tacho %s", v.Version)
		if v.Commit != "" {
			fmt.Fprintf(env.Stdout, " (commit %s)", v.Commit)
		}
		fmt.Fprintf(env.Stdout, " %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	})
	cmd.Args = cobra.NoArgs
	cmd.Example = "  tacho version\n  tacho version --json"
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// buildVersion is what 'tacho version --json' prints.
type buildVersion struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
}

// version is what the build was told, or what the go command wrote into it.
func (e *Env) version() buildVersion {
	v := buildVersion{Version: e.Version, Commit: e.Commit}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			if e.Commit == "" {
				v.Commit = s.Value
			}
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+dirty"
			}
		}
	}
	if v.Commit != "" {
		v.Commit += dirty
	}
	return v
}

// printJSON writes v as people and scripts read it.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
