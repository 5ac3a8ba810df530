package runner

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/limits"
)

// fleetCommands are the children of `tacho runner` that look after the server's runners.
func fleetCommands(env *cli.Env) []*cobra.Command {
	return []*cobra.Command{newRunnerList(env), newRunnerCreate(env), newRunnerRekey(env), newRunnerArchive(env), newRunnerUndrain(env),
		newRunnerSpec(env)}
}

func newRunnerList(env *cli.Env) *cobra.Command {
	return cli.List[api.Runner]{
		Use: "list", Short: "List the server's runners", Args: cobra.NoArgs,
		Example: "  tacho runner list\n  tacho runner list --json",
		Flags: func(v *pflag.FlagSet, filter *client.Page) {
			v.BoolVar(&filter.Archived, "archived", false, "only archived ones")
		},
		Rows: func(ctx context.Context, srv *cli.Session, _ []string, page client.Page) ([]api.Runner, int, error) {
			return srv.Runners(ctx, page)
		},
		Table: runnerTable,
	}.Command(env)
}

func runnerTable(rows []api.Runner) term.Table {
	t := term.Table{Titles: []string{"runner", "state", "specs", "last heard of", "job", "version", ""}}
	for _, r := range rows {
		var specs []string
		for _, s := range r.Specs {
			specs = append(specs, s.Slug)
		}
		colour := term.Plain
		switch r.State {
		case api.RunnerIdle, api.RunnerBusy:
			colour = term.Good
		case api.RunnerOffline, api.RunnerDrained:
			colour = term.Bad
		}
		job := ""
		if r.Job != nil {
			job = *r.Job
		}
		t.Add(term.Text(r.Slug), term.Cell{Text: string(r.State), Colour: colour}, term.Text(strings.Join(specs, " ")),
			term.Text(cli.Stamp(r.LastHeartbeat)), term.Text(job), term.Text(r.Version), term.Text(drainedNote(r)))
	}
	return t
}

// drainedNote says why a runner gets no jobs; "" if it does.
func drainedNote(r api.Runner) string {
	switch {
	case r.Drained == nil:
		return ""
	case r.State == api.RunnerDrained:
		return r.DrainedWhy
	}
	return "drained: " + r.DrainedWhy
}

func newRunnerCreate(env *cli.Env) *cobra.Command {
	var slug, keyFile string
	var specs []string
	var bencher bool
	cmd := keyMaker(env, "create NAME", "Register a machine and get its key", &keyFile,
		func(ctx context.Context, srv *cli.Session, name string) (api.RunnerKey, error) {
			return srv.CreateRunner(ctx, api.NewRunner{Name: name, Slug: slug, Specs: specs, Form: value.KeyForm(bencher)})
		})
	cmd.Aliases = []string{"add"}
	cmd.Example = "  tacho runner create box --spec default --key-file /etc/tacho/runner.key"
	cmd.Flags().StringVar(&slug, "slug", "", "default: made from the name")
	cmd.Flags().StringArrayVar(&specs, "spec", nil, "spec that it offers: slug or UUID (repeatable)")
	value.BencherFlag(cmd, &bencher)
	return cmd
}

func newRunnerRekey(env *cli.Env) *cobra.Command {
	var keyFile string
	var bencher bool
	cmd := keyMaker(env, "key RUNNER", "Replace a runner's key; the old one is refused from then on", &keyFile,
		func(ctx context.Context, srv *cli.Session, runner string) (api.RunnerKey, error) {
			return srv.NewRunnerKey(ctx, runner, value.KeyForm(bencher))
		})
	cmd.Example = "  tacho runner key box --key-file /etc/tacho/runner.key"
	value.BencherFlag(cmd, &bencher)
	return cmd
}

// keyMaker makes a command that gets a runner's key and writes it to --key-file, or prints it. Here --key-file is where the new key goes;
// our own comes from TACHO_KEY, --api-key-file or a login.
func keyMaker(env *cli.Env, use, short string, keyFile *string,
	do func(ctx context.Context, srv *cli.Session, name string) (api.RunnerKey, error)) *cobra.Command {
	var c cli.Call
	cmd := cli.Leaf(use, short, cli.ExitsCall, func(cmd *cobra.Command, args []string) error {
		return c.With(cmd.Context(), env, func(srv *cli.Session) error {
			var file *os.File
			if *keyFile != "" { // before the key is made: it is shown once
				var err error
				if file, err = os.OpenFile(env.Path(*keyFile), os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
					return cli.Usage("--key-file %s: %v", *keyFile, cli.BareFileError(err))
				}
				defer file.Close()
			}
			made, err := do(cmd.Context(), srv, args[0])
			if err != nil {
				return err
			}
			if file != nil {
				if err := writeKey(file, made.Key); err != nil {
					return fmt.Errorf("write the key of runner %s to %s: %w; 'tacho runner key %s' makes another", made.Slug, *keyFile, err, made.Slug)
				}
				made.Key = ""
			}
			return printRunnerKey(env, c.JSON, made, *keyFile)
		})
	})
	cmd.Args = cobra.ExactArgs(1)
	c.FlagsWith(cmd, "api-key-file")
	v := cmd.Flags()
	v.BoolVar(&c.JSON, "json", false, "print JSON")
	v.StringVar(keyFile, "key-file", "", "write the runner's key into this file, readable for its owner only, and do not print it")
	return cmd
}

func writeKey(file *os.File, key string) error {
	if err := file.Chmod(0o600); err != nil && runtime.GOOS != "windows" {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	if _, err := file.WriteString(key + "\n"); err != nil {
		return err
	}
	return file.Sync()
}

func printRunnerKey(env *cli.Env, asJSON bool, made api.RunnerKey, file string) error {
	switch {
	case asJSON:
		return cli.PrintJSON(env.Stdout, made)
	case file != "":
		_, err := fmt.Fprintf(env.Stdout, "runner %s, key in %s\n", made.Slug, file)
		return err
	}
	fmt.Fprintf(env.Stderr, "tacho: runner %s; its key is shown once:\n", made.Slug)
	_, err := fmt.Fprintln(env.Stdout, made.Key)
	return err
}

func newRunnerArchive(env *cli.Env) *cobra.Command {
	var undo bool
	return cli.One[api.Runner]{
		Use: "archive RUNNER", Short: "Retire a runner: its key is refused", Args: cobra.ExactArgs(1),
		Example: "  tacho runner archive box\n  tacho runner archive box --undo",
		Flags:   func(v *pflag.FlagSet) { v.BoolVar(&undo, "undo", false, "take it back") },
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Runner, error) {
			archived := !undo
			return srv.UpdateRunner(ctx, args[0], api.UpdateRunner{Archived: &archived})
		},
		Print: func(_ *cli.Session, _ []string, r api.Runner) error {
			state := "archived"
			if undo {
				state = "back"
			}
			_, err := fmt.Fprintf(env.Stdout, "runner %s %s\n", r.Slug, state)
			return err
		},
	}.Command(env)
}

func newRunnerUndrain(env *cli.Env) *cobra.Command {
	return cli.One[api.Runner]{
		Use: "undrain RUNNER", Short: "Give a runner jobs again after its machine was repaired", Args: cobra.ExactArgs(1),
		Long: fmt.Sprintf(`Give a drained runner jobs again, also those that it could not run before.

The server drains a runner whose machine could not run %d jobs in a row, because it made no sandbox or is not what the
spec says; 'tacho runner list' shows why. A job that a runner could not run goes to other runners only.`, limits.RunnerFailures),
		Example: "  tacho runner undrain box",
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Runner, error) {
			drained := false
			return srv.UpdateRunner(ctx, args[0], api.UpdateRunner{Drained: &drained})
		},
		Print: func(_ *cli.Session, _ []string, r api.Runner) error {
			_, err := fmt.Fprintf(env.Stdout, "runner %s gets jobs again\n", r.Slug)
			return err
		},
	}.Command(env)
}

func newRunnerSpec(env *cli.Env) *cobra.Command {
	list := cli.List[api.Spec]{
		Use: "list RUNNER", Short: "List the specs that a runner offers", Args: cobra.ExactArgs(1), Whole: true,
		Example: "  tacho runner spec list box",
		Rows: func(ctx context.Context, srv *cli.Session, args []string, page client.Page) ([]api.Spec, int, error) {
			return srv.RunnerSpecs(ctx, args[0], page)
		},
		Table: specTable,
	}.Command(env)
	change := func(verb, short, done string, do func(ctx context.Context, srv *cli.Session, runner, spec string) error) *cobra.Command {
		cmd := cli.Asking(env, verb+" RUNNER SPEC", short, cobra.ExactArgs(2),
			func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
				if err := do(ctx, srv, args[0], args[1]); err != nil {
					return err
				}
				if c.JSON {
					r, err := srv.Runner(ctx, args[0])
					if err != nil {
						return err
					}
					return cli.PrintJSON(env.Stdout, r)
				}
				_, err := fmt.Fprintf(env.Stdout, "runner %s %s spec %s\n", args[0], done, args[1])
				return err
			})
		cmd.Example = "  tacho runner spec " + verb + " box default"
		return cmd
	}
	add := change("add", "Let a runner take jobs of a spec", "offers", func(ctx context.Context, srv *cli.Session, runner, spec string) error {
		return srv.AddRunnerSpec(ctx, runner, spec)
	})
	remove := change("remove", "Take a spec away from a runner", "no longer offers",
		func(ctx context.Context, srv *cli.Session, runner, spec string) error {
			return srv.RemoveRunnerSpec(ctx, runner, spec)
		})
	remove.Aliases = []string{"rm"}
	return cli.Family("spec", "Say which specs a runner offers", list, add, remove)
}
