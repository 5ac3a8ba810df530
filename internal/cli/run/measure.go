package run

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/run/local"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// readStdin reads stdin, which must not be a keyboard. What is too much for a report is kept in a file, named after key: nobody can pipe it
// again.
func readStdin(env *cli.Env, key string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(env.Stdin, limits.ReportBodyBytes+1))
	if err != nil {
		return "", fmt.Errorf("read stdin: %w", err)
	}
	if len(text) > limits.ReportBodyBytes {
		keepOutputs(env, key, io.MultiReader(bytes.NewReader(text), env.Stdin))
		return "", cli.Usage("stdin has more than %d bytes, the limit of one report; submit it in parts", limits.ReportBodyBytes)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return "", cli.Fail(fault.ExitBenchmarkFailed, "stdin is empty; pipe a benchmark's output into 'tacho run', give a command or --file")
	}
	return string(text), nil
}

// measure gets the results of a local run: from the command, from files, or from stdin. When it fails, in has those that there are.
func (f *runFlags) measure(ctx context.Context, env *cli.Env, args []string, in *api.NewRun) error {
	begun := now(env)
	failure := f.collect(ctx, env, args, in)
	size := 0
	for i, text := range in.Results {
		in.Results[i] = string(adapter.UTF8([]byte(text))) // a request is JSON, which has no other text
		size += len(in.Results[i])
	}
	if in.StartTime == nil {
		in.StartTime, in.EndTime = begun, now(env)
	}
	if env.Host != nil {
		in.Host = env.Host(ctx)
	}
	if failure == nil && size > limits.ReportBodyBytes {
		failure = cli.Usage("the results have %d bytes, the limit of one report is %d; submit them in parts", size, limits.ReportBodyBytes)
	}
	return failure
}

// collect puts the results into in, as they are.
func (f *runFlags) collect(ctx context.Context, env *cli.Env, args []string, in *api.NewRun) error {
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
		return cli.Usage("nothing to measure: give a command, --file or --image, or pipe a benchmark's output into 'tacho run'")
	}
	text, err := readStdin(env, in.IdempotencyKey)
	if err == nil {
		in.Results = []string{text}
	}
	return err
}

// repeat runs the command for each iteration and collects what it leaves.
func (f *runFlags) repeat(ctx context.Context, env *cli.Env, args []string, in *api.NewRun) error {
	signals, stop := env.Signals()
	defer stop()
	argv, text := local.Argv(args, f.shell, f.shellFlag, env.OS, f.exec)
	stdout, stderr := f.outputs(env)
	command := local.Command{
		Argv: argv, Text: text, Dir: env.Dir, Environ: env.Environ(), Stdout: stdout, Stderr: stderr,
		Timeout: time.Duration(f.timeout), Most: limits.ReportBodyBytes,
	}
	if f.measuresItself() {
		in.Settings = ownSettings(in.Settings)
	}
	for i := range f.iter {
		if f.iter > 1 && !f.quiet {
			fmt.Fprintf(env.Stderr, "tacho: iteration %d of %d\n", i+1, f.iter)
		}
		o := command.Run(ctx, signals)
		if o.Failure != nil {
			if (!o.Allowed || !f.allowFailure) && !f.measuresItself() && len(f.files) == 0 {
				in.Results = append(in.Results, readableOf(o, in.Settings)...)
			}
			switch {
			case !o.Allowed:
				return o.Failure
			case !f.allowFailure:
				return cli.Fail(fault.ExitBenchmarkFailed, "%w; nothing was recorded (--allow-failure records nevertheless)", o.Failure)
			}
			fmt.Fprintf(env.Stderr, "tacho: allowed: %s\n", term.Clean(o.Failure.Error()))
		}
		if err := f.harvest(env, text, o, in); err != nil {
			return err
		}
	}
	return nil
}

// harvest takes the results of a run that has ended well, from where they are.
func (f *runFlags) harvest(env *cli.Env, text string, o local.Outcome, in *api.NewRun) error {
	switch {
	case f.measuresItself():
		own, err := f.ownResults(env, text, o.Wall)
		if err != nil {
			return err
		}
		in.Results = append(in.Results, own)
	case len(f.files) > 0:
		if err := f.readFiles(env, in); err != nil {
			return err
		}
	case isOnStderr(o, in.Settings):
		if !f.quiet {
			fmt.Fprintln(env.Stderr, "tacho: the results are on stderr")
		}
		in.Results = append(in.Results, o.Stderr)
	case strings.TrimSpace(o.Stdout) == "":
		if strings.TrimSpace(o.Stderr) != "" {
			in.Results = append(in.Results, o.Stderr) // it cannot be read, and may be all that there is
		}
		return cli.Fail(fault.ExitBenchmarkFailed, "the command %s printed nothing to stdout; if its results are in a file, give --file",
			local.Quoted(text))
	default:
		in.Results = append(in.Results, o.Stdout)
	}
	return nil
}

func (f *runFlags) readFiles(env *cli.Env, in *api.NewRun) error {
	for _, name := range f.files {
		text, err := cli.ReadFile(env, name, limits.ReportBodyBytes)
		if err != nil {
			return cli.Fail(fault.ExitBenchmarkFailed, "--file %s: %v", name, err)
		}
		if strings.TrimSpace(text) == "" {
			return cli.Fail(fault.ExitBenchmarkFailed, "--file %s: it is empty", name)
		}
		in.Results = append(in.Results, text)
	}
	return nil
}
