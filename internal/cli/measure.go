package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// measure gets the results of a local run: from the command, from files, or from stdin. When it fails, in has those that there are.
func (f *runFlags) measure(ctx context.Context, env *Env, args []string, in *api.NewRun) error {
	begun := env.now()
	failure := f.collect(ctx, env, args, in)
	size := 0
	for i, text := range in.Results {
		in.Results[i] = string(adapter.UTF8([]byte(text))) // a request is JSON, which has no other text
		size += len(in.Results[i])
	}
	if in.StartTime == nil {
		in.StartTime, in.EndTime = begun, env.now()
	}
	if env.Host != nil {
		in.Host = env.Host(ctx)
	}
	if failure == nil && size > limits.ReportBodyBytes {
		failure = usage("the results have %d bytes, the limit of one report is %d; submit them in parts", size, limits.ReportBodyBytes)
	}
	return failure
}

// collect puts the results into in, as they are.
func (f *runFlags) collect(ctx context.Context, env *Env, args []string, in *api.NewRun) error {
	switch {
	case len(args) > 0:
		return f.repeat(ctx, env, args, in)
	case f.measuresItself():
		text, err := f.ownResults(env, "", 0)
		if err != nil {
			return err
		}
		in.Results, in.Settings = []string{text}, ownSettings(in.Settings)
		return nil
	case len(f.files) > 0:
		return f.readFiles(env, in)
	case term.IsTerminal(env.Stdin):
		return usage("nothing to measure: give a command, --file or --image, or pipe a benchmark's output into 'tacho run'")
	}
	text, err := readStdin(env, in.IdempotencyKey)
	if err == nil {
		in.Results = []string{text}
	}
	return err
}

// repeat runs the command for each iteration and collects what it leaves.
func (f *runFlags) repeat(ctx context.Context, env *Env, args []string, in *api.NewRun) error {
	signals, stop := env.interrupts()
	defer stop()
	argv, text := newCommand(args, f.shell, f.shellFlag, env.OS, f.exec)
	stdout, stderr := f.outputs(env)
	command := localCommand{
		argv: argv, text: text, dir: env.Dir, environ: env.Environ(), stdout: stdout, stderr: stderr,
		timeout: time.Duration(f.timeout), most: limits.ReportBodyBytes,
	}
	if f.measuresItself() {
		in.Settings = ownSettings(in.Settings)
	}
	for i := range f.iter {
		if f.iter > 1 && !f.quiet {
			fmt.Fprintf(env.Stderr, "tacho: iteration %d of %d\n", i+1, f.iter)
		}
		o := command.run(ctx, signals)
		if o.failure != nil {
			if (!o.allowed || !f.allowFailure) && !f.measuresItself() && len(f.files) == 0 {
				in.Results = append(in.Results, o.readable(in.Settings)...)
			}
			switch {
			case !o.allowed:
				return o.failure
			case !f.allowFailure:
				return failWith(fault.ExitBenchmarkFailed, "%w; nothing was recorded (--allow-failure records nevertheless)", o.failure)
			}
			fmt.Fprintf(env.Stderr, "tacho: allowed: %s\n", term.Clean(o.failure.Error()))
		}
		switch {
		case f.measuresItself():
			own, err := f.ownResults(env, text, o.wall)
			if err != nil {
				return err
			}
			in.Results = append(in.Results, own)
		case len(f.files) > 0:
			if err := f.readFiles(env, in); err != nil {
				return err
			}
		case o.isOnStderr(in.Settings):
			if !f.quiet {
				fmt.Fprintln(env.Stderr, "tacho: the results are on stderr")
			}
			in.Results = append(in.Results, o.stderr)
		case strings.TrimSpace(o.stdout) == "":
			if strings.TrimSpace(o.stderr) != "" {
				in.Results = append(in.Results, o.stderr) // it cannot be read, and may be all that there is
			}
			return failWith(fault.ExitBenchmarkFailed, "the command %s printed nothing to stdout; if its results are in a file, give --file",
				shown(text))
		default:
			in.Results = append(in.Results, o.stdout)
		}
	}
	return nil
}

func (f *runFlags) readFiles(env *Env, in *api.NewRun) error {
	for _, name := range f.files {
		text, err := readFile(env, name, limits.ReportBodyBytes)
		if err != nil {
			return failWith(fault.ExitBenchmarkFailed, "--file %s: %v", name, err)
		}
		if strings.TrimSpace(text) == "" {
			return failWith(fault.ExitBenchmarkFailed, "--file %s: it is empty", name)
		}
		in.Results = append(in.Results, text)
	}
	return nil
}

// interrupts is Interrupts, or one that never comes.
func (e *Env) interrupts() (<-chan os.Signal, func()) {
	if e.Interrupts == nil {
		return nil, func() {}
	}
	return e.Interrupts()
}

// runGit runs the git program.
func runGit(ctx context.Context, dir string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout = dir, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimRight(out.String(), "\r\n"), nil
}
