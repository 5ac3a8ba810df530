package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/limits"
)

// fleetCommands are the children of `tacho runner` that look after the server's runners.
func fleetCommands(env *Env) []*cobra.Command {
	return []*cobra.Command{newRunnerList(env), newRunnerCreate(env), newRunnerRekey(env), newRunnerArchive(env), newRunnerUndrain(env),
		newRunnerSpec(env)}
}

func newRunnerList(env *Env) *cobra.Command {
	var p pageFlags
	var archived bool
	cmd := asking(env, "list", "List the server's runners", cobra.NoArgs, func(ctx context.Context, c *call, srv *session, _ []string) error {
		return listed(ctx, env, c, p, client.Page{Archived: archived}, srv.Runners, runnerTable)
	})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho runner list\n  tacho runner list --json"
	p.flags(cmd)
	cmd.Flags().BoolVar(&archived, "archived", false, "only archived ones")
	return cmd
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
			term.Text(stamp(r.LastHeartbeat)), term.Text(job), term.Text(r.Version), term.Text(drainedNote(r)))
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

func newRunnerCreate(env *Env) *cobra.Command {
	var slug, keyFile string
	var specs []string
	var bencher bool
	cmd := keyMaker(env, "create NAME", "Register a machine and get its key", &keyFile,
		func(ctx context.Context, srv *session, name string) (api.RunnerKey, error) {
			return srv.CreateRunner(ctx, api.NewRunner{Name: name, Slug: slug, Specs: specs, Form: keyForm(bencher)})
		})
	cmd.Aliases = []string{"add"}
	cmd.Example = "  tacho runner create box --spec default --key-file /etc/tacho/runner.key"
	cmd.Flags().StringVar(&slug, "slug", "", "default: made from the name")
	cmd.Flags().StringArrayVar(&specs, "spec", nil, "spec that it offers: slug or UUID (repeatable)")
	bencherForm(cmd, &bencher)
	return cmd
}

func newRunnerRekey(env *Env) *cobra.Command {
	var keyFile string
	var bencher bool
	cmd := keyMaker(env, "key RUNNER", "Replace a runner's key; the old one is refused from then on", &keyFile,
		func(ctx context.Context, srv *session, runner string) (api.RunnerKey, error) {
			return srv.NewRunnerKey(ctx, runner, keyForm(bencher))
		})
	cmd.Example = "  tacho runner key box --key-file /etc/tacho/runner.key"
	bencherForm(cmd, &bencher)
	return cmd
}

// keyMaker makes a command that gets a runner's key and writes it to --key-file, or prints it. Here --key-file is where the new key goes;
// our own comes from TACHO_KEY, --api-key-file or a login.
func keyMaker(env *Env, use, short string, keyFile *string,
	do func(ctx context.Context, srv *session, name string) (api.RunnerKey, error)) *cobra.Command {
	var c call
	cmd := leaf(use, short, exitsCall, func(cmd *cobra.Command, args []string) error {
		return c.with(cmd.Context(), env, func(srv *session) error {
			var file *os.File
			if *keyFile != "" { // before the key is made: it is shown once
				var err error
				if file, err = os.OpenFile(env.path(*keyFile), os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
					return usage("--key-file %s: %v", *keyFile, bareFileError(err))
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
			return printRunnerKey(env, c.asJSON, made, *keyFile)
		})
	})
	cmd.Args = cobra.ExactArgs(1)
	v := cmd.Flags()
	v.StringVar(&c.host, "host", "", hostHelp)
	v.StringVar(&c.keyFile, "api-key-file", "", keyHelp)
	v.IntVar(&c.attempts, "attempts", limits.ClientTries, "tries of a request while the server cannot be reached")
	v.BoolVar(&c.asJSON, "json", false, "print JSON")
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

func printRunnerKey(env *Env, asJSON bool, made api.RunnerKey, file string) error {
	switch {
	case asJSON:
		return printJSON(env.Stdout, made)
	case file != "":
		_, err := fmt.Fprintf(env.Stdout, "runner %s, key in %s\n", made.Slug, file)
		return err
	}
	fmt.Fprintf(env.Stderr, "tacho: runner %s; its key is shown once:\n", made.Slug)
	_, err := fmt.Fprintln(env.Stdout, made.Key)
	return err
}

func newRunnerArchive(env *Env) *cobra.Command {
	var undo bool
	cmd := asking(env, "archive RUNNER", "Retire a runner: its key is refused", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			archived := !undo
			r, err := srv.UpdateRunner(ctx, args[0], api.UpdateRunner{Archived: &archived})
			if err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(env.Stdout, r)
			}
			state := "archived"
			if undo {
				state = "back"
			}
			_, err = fmt.Fprintf(env.Stdout, "runner %s %s\n", r.Slug, state)
			return err
		})
	cmd.Example = "  tacho runner archive box\n  tacho runner archive box --undo"
	cmd.Flags().BoolVar(&undo, "undo", false, "take it back")
	return cmd
}

func newRunnerUndrain(env *Env) *cobra.Command {
	cmd := asking(env, "undrain RUNNER", "Give a runner jobs again after its machine was repaired", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			drained := false
			r, err := srv.UpdateRunner(ctx, args[0], api.UpdateRunner{Drained: &drained})
			if err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(env.Stdout, r)
			}
			_, err = fmt.Fprintf(env.Stdout, "runner %s gets jobs again\n", r.Slug)
			return err
		})
	cmd.Long = fmt.Sprintf(`Give a drained runner jobs again, also those that it could not run before.

The server drains a runner whose machine could not run %d jobs in a row, because it made no sandbox or is not what the
spec says; 'tacho runner list' shows why. A job that a runner could not run goes to other runners only.`, limits.RunnerFailures)
	cmd.Example = "  tacho runner undrain box"
	return cmd
}

func newRunnerSpec(env *Env) *cobra.Command {
	list := asking(env, "list RUNNER", "List the specs that a runner offers", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			specs := func(ctx context.Context, p client.Page) ([]api.Spec, int, error) {
				return srv.RunnerSpecs(ctx, args[0], p)
			}
			return listed(ctx, env, c, pageFlags{all: true, page: 1, perPage: 1}, client.Page{}, specs, specTable)
		})
	list.Aliases, list.Example = []string{"ls"}, "  tacho runner spec list box"
	change := func(verb, short, done string, do func(ctx context.Context, srv *session, runner, spec string) error) *cobra.Command {
		cmd := asking(env, verb+" RUNNER SPEC", short, cobra.ExactArgs(2), func(ctx context.Context, c *call, srv *session, args []string) error {
			if err := do(ctx, srv, args[0], args[1]); err != nil {
				return err
			}
			if c.asJSON {
				r, err := srv.Runner(ctx, args[0])
				if err != nil {
					return err
				}
				return printJSON(env.Stdout, r)
			}
			_, err := fmt.Fprintf(env.Stdout, "runner %s %s spec %s\n", args[0], done, args[1])
			return err
		})
		cmd.Example = "  tacho runner spec " + verb + " box default"
		return cmd
	}
	add := change("add", "Let a runner take jobs of a spec", "offers", func(ctx context.Context, srv *session, runner, spec string) error {
		return srv.AddRunnerSpec(ctx, runner, spec)
	})
	remove := change("remove", "Take a spec away from a runner", "no longer offers",
		func(ctx context.Context, srv *session, runner, spec string) error {
			return srv.RemoveRunnerSpec(ctx, runner, spec)
		})
	remove.Aliases = []string{"rm"}
	return family("spec", "Say which specs a runner offers", list, add, remove)
}

// newSpecCommand is `tacho spec`: the hardware that jobs can ask for.
func newSpecCommand(env *Env) *cobra.Command {
	return family("spec", "Look at hardware specs and make them", newSpecList(env), newSpecCreate(env))
}

func newSpecList(env *Env) *cobra.Command {
	var p pageFlags
	cmd := asking(env, "list", "List the hardware specs that jobs can ask for", cobra.NoArgs,
		func(ctx context.Context, c *call, srv *session, _ []string) error {
			return listed(ctx, env, c, p, client.Page{}, srv.Specs, specTable)
		})
	cmd.Aliases = []string{"ls"}
	cmd.Example = "  tacho spec list"
	p.flags(cmd)
	return cmd
}

func specTable(rows []api.Spec) term.Table {
	t := term.Table{Titles: []string{"spec", "system", "isolation", "cpu", "memory", "disk", "network", ""},
		Right: []bool{false, false, false, true, true, true, false, false}}
	for _, s := range rows {
		memory, disk, network, note := byteSize(s.Memory), byteSize(s.Disk), "no", ""
		if s.Network {
			network = "yes"
		}
		if s.Fallback != nil {
			note = "fallback"
		}
		t.Add(term.Text(s.Slug), term.Text(s.OS+"/"+s.Architecture), term.Text(s.Isolation), term.Text(fmt.Sprint(s.CPU)),
			term.Text(memory.String()), term.Text(disk.String()), term.Text(network), term.Text(note))
	}
	return t
}

func newSpecCreate(env *Env) *cobra.Command {
	in := api.NewSpec{}
	memory, disk := byteSize(0), byteSize(0)
	cmd := asking(env, "create NAME", "Make a hardware spec; its resources never change", cobra.ExactArgs(1),
		func(ctx context.Context, c *call, srv *session, args []string) error {
			if in.CPU < 1 || memory < 1 || disk < 1 {
				return usage("--cpu, --memory and --disk say what a job gets; give all three")
			}
			in.Name, in.Memory, in.Disk = args[0], int64(memory), int64(disk)
			in.Architecture = architecture(in.Architecture)
			made, err := srv.CreateSpec(ctx, in)
			if err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(env.Stdout, made)
			}
			_, err = fmt.Fprintln(env.Stdout, made.Slug)
			return err
		})
	cmd.Aliases = []string{"add"}
	cmd.Example = "  tacho spec create intel-v1 --architecture x86_64 --cpu 2 --memory 4GiB --disk 10GiB"
	v := cmd.Flags()
	v.StringVar(&in.Slug, "slug", "", "default: made from the name")
	v.StringVar(&in.OS, "os", "linux", "operating system")
	v.StringVar(&in.Architecture, "architecture", runtime.GOARCH, "x86_64 or aarch64 (amd64 and arm64 are understood)")
	v.StringVar(&in.Isolation, "isolation", "container", "least level: container, gvisor or microvm")
	v.IntVar(&in.CPU, "cpu", 0, "virtual CPUs")
	v.Var(&memory, "memory", "memory; a bare number is MiB")
	v.Var(&disk, "disk", "disk; a bare number is MiB")
	v.BoolVar(&in.Network, "network", false, "jobs get a network")
	v.BoolVar(&in.Fallback, "fallback", false, "for jobs that ask for no spec")
	return cmd
}

// architecture translates Go's names.
func architecture(s string) string {
	switch s {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return s
}
