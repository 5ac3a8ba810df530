package run

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/run/ab"
	"github.com/tachograph/tacho/internal/cli/run/checkout"
	"github.com/tachograph/tacho/internal/cli/run/local"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// side is a version with the command that measures it, and the environment whose folder it runs in.
type side struct {
	ab.Side
	command local.Command
	env     *cli.Env
}

// prepare makes both sides ready to run: commands as they are, or the command of args in checked out and built versions. done removes what
// was made for them. What is known of the versions goes into opts.
func (f *runFlags) prepare(ctx context.Context, env *cli.Env, signals <-chan os.Signal, args []string, opts *ab.Options) (
	sides [2]side, done func(context.Context) error, err error) {
	if len(args) == 0 {
		for i, line := range f.turns.sides {
			sides[i] = side{ab.Side{Name: line}, f.turnCommand(env, []string{line}), env}
		}
		return sides, func(context.Context) error { return nil }, nil
	}
	listens := signals
	git := func(ctx context.Context, dir string, args ...string) (string, error) {
		return turnGit(ctx, env, listens, dir, args)
	}
	versions, err := checkout.Prepare(ctx, git, env.WorkDir(), [2]string(f.turns.sides))
	done = func(ctx context.Context) error {
		listens = nil // one more Ctrl-C must not leave half of it there
		return versions.Close(context.WithoutCancel(ctx))
	}
	defer func() {
		if err != nil {
			if left := done(ctx); left != nil {
				err = fmt.Errorf("%w; %v", err, left)
			}
		}
	}()
	if err != nil {
		return sides, done, err
	}
	for i, v := range versions.Both {
		own := *env
		own.Dir = v.Dir
		own.Environ = func() []string { return v.Environ(env.Environ()) }
		sides[i] = side{ab.Side{Name: v.Label(), Commit: v.Commit, Dirty: v.Dirty || v.Untracked}, f.turnCommand(&own, args), &own}
		if v.Program != "" {
			words := append([]string{v.Program}, args...)
			sides[i].command.Argv, sides[i].command.Text = words, strings.Join(words, " ")
		}
	}
	opts.Command, opts.Same, opts.Notes = strings.Join(args, " "), versions.Identical(), versions.Notes()
	return sides, done, f.build(ctx, env, signals, versions, sides)
}

// turnCommand is the command of a side.
func (f *runFlags) turnCommand(env *cli.Env, words []string) local.Command {
	argv, text := local.Argv(words, f.shell, f.shellFlag, env.OS, f.exec)
	return local.Command{Argv: argv, Text: text, Dir: env.Dir, Environ: env.Environ(), Stdout: io.Discard, Stderr: io.Discard,
		Timeout: time.Duration(f.timeout), Most: limits.ReportBodyBytes}
}

// build runs --build in the folders of both sides. What a failed one has printed goes to stderr.
func (f *runFlags) build(ctx context.Context, env *cli.Env, signals <-chan os.Signal, versions *checkout.Sides, sides [2]side) error {
	if f.turns.build == "" {
		return nil
	}
	for i, s := range sides {
		switch {
		case versions.Both[i].Program != "":
			return cli.Usage("--build is for references and folders; %s is a program", s.Name)
		case i == 1 && s.env.Dir == sides[0].env.Dir:
			return nil // the same folder
		}
		name := [2]string{"base", "head"}[i]
		if !f.quiet {
			fmt.Fprintf(env.Stderr, "tacho: building the %s (%s)\n", name, term.Clean(s.Name))
		}
		argv, text := local.Argv([]string{f.turns.build}, f.shell, f.shellFlag, env.OS, false)
		command := local.Command{Argv: argv, Text: text, Dir: s.env.Dir, Environ: s.env.Environ(), Stdout: io.Discard, Stderr: io.Discard,
			Most: limits.ABBuildBytes}
		o := command.Run(ctx, signals)
		if o.Failure == nil {
			continue
		}
		if cli.ExitCode(o.Failure) == fault.ExitInterrupted {
			return o.Failure
		}
		for _, stream := range []string{o.Stdout, o.Stderr} {
			if stream = strings.TrimRight(stream, "\n "); stream != "" {
				lines := strings.Split(stream, "\n")
				if cut := len(lines) - limits.ABBuildLines; cut > 0 {
					fmt.Fprintf(env.Stderr, "… %d lines before\n", cut)
					lines = lines[cut:]
				}
				for _, line := range lines {
					fmt.Fprintln(env.Stderr, term.Clean(line))
				}
			}
		}
		return cli.Fail(fault.ExitNotBuilt, "the %s (%s) could not be built: %w", name, s.Name, o.Failure)
	}
	return nil
}

// turnGit runs git so that Ctrl-C ends it and what it made is removed.
func turnGit(ctx context.Context, env *cli.Env, signals <-chan os.Signal, dir string, args []string) (string, error) {
	command := local.Command{Argv: append([]string{"git"}, args...), Text: "git " + strings.Join(args, " "), Dir: dir,
		Environ: checkout.Side{Dir: dir}.Environ(env.Environ()), Stdout: io.Discard, Stderr: io.Discard, Most: limits.ReportBodyBytes}
	o := command.Run(ctx, signals)
	if o.Failure != nil {
		return "", withLastLines(o)
	}
	return strings.TrimRight(o.Stdout, "\r\n"), nil
}
