package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/run/ab"
	"github.com/tachograph/tacho/internal/cli/run/local"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/paired"
)

// turns are the flags of a comparison in turns.
type turns struct {
	sides    []string // of --ab: the base and the head
	build    string
	until    string
	min, max int
	time     value.Seconds
	seed     string
}

func (t *turns) flags(v *pflag.FlagSet) {
	v.StringArrayVar(&t.sides, "ab", nil,
		"the base, and again the head: run both in turns and compare them, nothing is recorded. Each is a command, or, with COMMAND, "+
			"a git reference, a folder (., ./x, ../x) or a program (./old)")
	v.StringVar(&t.build, "build", "", "with --ab and COMMAND: run this once in the folder of each side before")
	v.StringVar(&t.until, "until", "2%", `with --ab: the largest change that still counts as "same"`)
	v.IntVar(&t.min, "min-pairs", limits.ABPairsMin, "with --ab: pairs before anything is decided")
	v.IntVar(&t.max, "max-pairs", limits.ABPairs, "with --ab: pairs after which it ends undecided")
	v.Var(&t.time, "max-time", "with --ab: begin no run after this time: seconds, or 5m (default: no limit)")
	v.StringVar(&t.seed, "seed", "", "with --ab: repeat the order of an earlier comparison")
}

// Flags that only --ab has, and those that have a meaning beside it. The others are of a run that is recorded.
var (
	turnsOnly   = []string{"build", "until", "min-pairs", "max-pairs", "max-time", "seed"}
	turnsBeside = []string{"ab", "adapter", "map", "average", "file", "file-size", "build-time", "timeout", "job-timeout", "exec", "shell",
		"flag", "format", "json", "quiet"}
)

// inTurns reports whether versions are compared in turns, and finds flags that do not belong to what is done.
func (f *runFlags) inTurns(args []string) (bool, error) {
	if !f.given["ab"] {
		for _, name := range turnsOnly {
			if f.given[name] {
				return false, cli.Usage("--%s is for a comparison in turns; give --ab BASE --ab HEAD too", name)
			}
		}
		return false, nil
	}
	for name := range f.given {
		if !slices.Contains(turnsOnly, name) && !slices.Contains(turnsBeside, name) {
			return false, cli.Usage("--%s is for a run that is recorded, and --ab records nothing; leave one of them out", name)
		}
	}
	switch {
	case len(f.turns.sides) != 2:
		return false, cli.Usage("--ab is given once for the base and once for the head, as in 'tacho run --ab ./old --ab ./new'; "+
			"it is given %d times", len(f.turns.sides))
	case strings.TrimSpace(f.turns.sides[0]) == "" || strings.TrimSpace(f.turns.sides[1]) == "":
		return false, cli.Usage("--ab: a side is empty")
	case len(args) == 0 && f.given["build"]:
		return false, cli.Usage("--build is for two versions that run one command: give it after them, as in " +
			"'tacho run --ab main --ab HEAD --build \"make bench\" -- ./bench -n 5'")
	case f.turns.min < limits.ABPairsMin || f.turns.min > limits.ABPairsMax:
		return false, cli.Usage("--min-pairs %d: want %d to %d", f.turns.min, limits.ABPairsMin, limits.ABPairsMax)
	case f.turns.max < f.turns.min || f.turns.max > limits.ABPairsMax:
		return false, cli.Usage("--max-pairs %d: want %d (--min-pairs) to %d", f.turns.max, f.turns.min, limits.ABPairsMax)
	}
	return true, nil
}

// options are those of the comparison.
func (t *turns) options(now func() time.Time) (ab.Options, error) {
	effect, err := value.ParsePart(t.until)
	if err != nil {
		return ab.Options{}, cli.Usage("--until %q: %v", t.until, err)
	}
	seed := uint64(rand.Uint32())
	if t.seed != "" {
		if seed, err = strconv.ParseUint(t.seed, 10, 64); err != nil {
			return ab.Options{}, cli.Usage("--seed %q: want a whole number, 0 or more", t.seed)
		}
	}
	return ab.Options{Plan: paired.Plan{Effect: effect, Pairs: t.max, Min: t.min}, MaxTime: time.Duration(t.time), Seed: seed, Now: now}, nil
}

// runTurns is `tacho run --ab BASE --ab HEAD [COMMAND]`.
func (f *runFlags) runTurns(ctx context.Context, env *cli.Env, args []string) error {
	opts, err := f.turns.options(env.Now)
	if err != nil {
		return err
	}
	name, err := adapter.ParseName(env.Setting(f.adapter, "ADAPTER"))
	if err != nil {
		return cli.Usage("--adapter: %s", fault.Message(err))
	}
	average, err := adapter.ParseAverage(f.average)
	if err != nil {
		return cli.Usage("--average: %s", fault.Message(err))
	}
	signals, stop := env.Signals()
	defer stop()
	runs, done, err := f.prepare(ctx, env, signals, args, &opts)
	if err != nil {
		return err
	}
	defer func() {
		if left := done(ctx); left != nil {
			fmt.Fprintln(env.Stderr, "tacho: warning: "+term.Clean(left.Error()))
		}
	}()
	var sides [2]ab.Side
	for i, side := range runs {
		sides[i] = side.Side
		sides[i].Measure = func(ctx context.Context) (adapter.Results, error) {
			if err := f.age(side.env); err != nil {
				return adapter.Results{}, err
			}
			o := side.command.Run(ctx, signals)
			if o.Failure != nil {
				return adapter.Results{}, withLastLines(o)
			}
			return f.readRun(side.env, side.command.Text, o, name, average)
		}
	}
	c, err := ab.New(sides[0], sides[1], opts)
	if err != nil {
		return err
	}
	progress := term.NewProgress(env.Errs())
	failure := c.Run(ctx, func(c *ab.Comparison) {
		switch {
		case f.quiet:
		case env.Errs().Terminal:
			progress.Show(c.Live())
		case c.AtLook():
			progress.Say("tacho: " + c.Live())
		}
	})
	progress.Done()
	if c.Pairs() > 0 {
		if f.asJSON || f.format == "json" {
			err = c.WriteJSON(env.Stdout)
		} else {
			err = c.WriteText(env.Out())
		}
	}
	switch {
	case failure != nil:
		return failure
	case err != nil:
		return err
	case c.Ended() == ab.Interrupted && c.Pairs() == 0:
		return cli.Fail(fault.ExitInterrupted, "interrupted before the first pair; nothing is known")
	case c.Ended() == ab.Interrupted:
		return cli.ExitWith(fault.ExitInterrupted, nil)
	case c.Pairs() == 0:
		return cli.ExitWith(fault.ExitUndecided, fmt.Errorf("--max-time was over before the first pair; nothing is known"))
	case c.Verdict() == judge.Worse:
		return cli.ExitWith(fault.ExitAlert, nil)
	case c.Verdict() == judge.Undecided:
		return cli.ExitWith(fault.ExitUndecided, nil)
	}
	return nil
}

// readRun reads the results of a run where a run that is recorded has them.
func (f *runFlags) readRun(env *cli.Env, line string, o local.Outcome, name adapter.Name, average adapter.Average) (
	adapter.Results, error) {
	results, _, err := f.readTexts(env, line, o, name, average)
	return results, err
}

// readTexts is readRun, and returns the texts too.
func (f *runFlags) readTexts(env *cli.Env, line string, o local.Outcome, name adapter.Name, average adapter.Average) (
	all adapter.Results, texts []string, err error) {
	in := api.NewRun{Settings: &api.ReportSettings{Adapter: string(name), Average: f.average, Mapping: f.mapping}}
	if f.measuresItself() {
		name, line = adapter.JSON, "command" // its own text would be another benchmark on each side
	}
	if err := f.fresh(env); err != nil {
		return all, nil, err
	}
	quiet := *f
	quiet.quiet = true // what is said of one run would be said of each
	if err := quiet.harvest(env, line, o, &in); err != nil {
		return all, nil, err
	}
	for i, text := range in.Results {
		in.Results[i] = string(adapter.UTF8([]byte(text)))
		results, err := adapter.Parse(name, []byte(in.Results[i]), adapter.Options{Average: average, Mapping: f.mapping})
		if err != nil {
			return results, nil, cli.Fail(fault.ExitBenchmarkFailed, "%s", fault.Message(err))
		}
		all.Adapter = results.Adapter
		all.Benchmarks = append(all.Benchmarks, results.Benchmarks...)
	}
	return all, in.Results, nil
}

// longAgo is the time that result files get before a run, so that those that the run has not written are not taken for its own: they
// would be the other side's.
var longAgo = time.Unix(1, 0)

// age makes the result files old that are there before a run.
func (f *runFlags) age(env *cli.Env) error {
	for _, name := range f.files {
		if err := os.Chtimes(env.Path(name), longAgo, longAgo); err != nil && !errors.Is(err, os.ErrNotExist) {
			return cli.Usage("--file %s: %v", name, cli.BareFileError(err))
		}
	}
	return nil
}

// fresh refuses result files that a run has not written.
func (f *runFlags) fresh(env *cli.Env) error {
	for _, name := range f.files {
		if info, err := os.Stat(env.Path(name)); err == nil && info.ModTime().Equal(longAgo) {
			return cli.Fail(fault.ExitBenchmarkFailed, "--file %s: the command did not write it", name)
		}
	}
	return nil
}

// withLastLines is why a command failed, with the end of what it said on stderr.
func withLastLines(o local.Outcome) error {
	lines := strings.Split(strings.TrimRight(o.Stderr, "\n "), "\n")
	if cut := len(lines) - limits.ABFailureLines; cut > 0 {
		lines = lines[cut:]
	}
	text := term.Clean(strings.Join(lines, " | "))
	if text == "" || !o.Allowed {
		return o.Failure
	}
	return cli.ExitWith(cli.ExitCode(o.Failure), fmt.Errorf("%w: %s", o.Failure, text))
}
