package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/gitctx"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/cli/run/grades"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/series"
)

// calibration are the flags of 'tacho calibrate' beside those of a run.
type calibration struct {
	runFlags
	runs, units int
	maxTime     value.Seconds
}

// Calibrate is `tacho calibrate`.
func Calibrate(env *cli.Env) *cobra.Command {
	c := calibration{runFlags: runFlags{iter: 1, jobs: 1, format: "human"}}
	cmd := cli.Leaf("calibrate [flags] COMMAND [ARG…]", "Run the same code many times, and grade benchmarks by what could be seen",
		[]int{fault.ExitOK, fault.ExitUsage, fault.ExitBenchmarkFailed, fault.ExitTimedOut, fault.ExitNetwork, fault.ExitServer,
			fault.ExitRefused, fault.ExitUndecided, fault.ExitInterrupted}, func(cmd *cobra.Command, args []string) error {
			return c.calibrate(cmd.Context(), env, args)
		})
	cmd.Long = `Run the same code many times, each time as a new process, and say how much each benchmark varies by itself.

Each benchmark gets a grade by the change that --units runs a side would see in 80 % of cases: A up to 1 %, B 2 %, C 5 %, D 10 %, E 25 %,
F only larger ones. A benchmark with two modes is an F whatever its spread. Fewer than 10 runs give no grade.

The table also says what twice as many runs would see, and warns of drift (neighbouring runs are alike), of iterations that depend on
each other, of warming up and of clocks that are too coarse.

The runs are recorded as one report of the project's branch, as 'tacho run --iter' does; --dry-run records nothing.

Exit code 12 says that no benchmark could be graded.`
	cmd.Example = "  tacho calibrate \"go test -bench . ./...\"\n  tacho calibrate --runs 30 --max-time 10m --units 10 ./bench -n 5\n" +
		"  tacho calibrate --dry-run --json \"go test -bench Sort\""
	cmd.Flags().SetInterspersed(false) // flags after the command are the command's
	c.Connection.Flags(cmd)
	v := cmd.Flags()
	v.IntVar(&c.runs, "runs", limits.CalibrateRuns, "how often the command runs")
	v.Var(&c.maxTime, "max-time", "begin no run after this time: seconds, or 5m (default: no limit)")
	v.IntVar(&c.units, "units", 5, "runs a side of the comparisons that you make: the grade is for them")
	c.whereFlags(v)
	c.commandFlags(v)
	v.BoolVar(&c.asJSON, "json", false, "print JSON")
	v.BoolVarP(&c.quiet, "quiet", "q", false, "print the result and errors only")
	v.BoolVar(&c.dryRun, "dry-run", false, "run and grade, record nothing")
	return cmd
}

func (c *calibration) calibrate(ctx context.Context, env *cli.Env, args []string) error {
	args = c.command(env, args)
	switch {
	case len(args) == 0:
		return cli.Usage("the command is missing, as in 'tacho calibrate \"go test -bench .\"'")
	case c.runs < 2 || c.runs > limits.CalibrateMost:
		return cli.Usage("--runs %d: want 2 to %d, and 10 at least for a grade", c.runs, limits.CalibrateMost)
	case c.units < 2 || c.units > limits.CalibrateUnits:
		return cli.Usage("--units %d: want 2 to %d", c.units, limits.CalibrateUnits)
	}
	if err := c.check(args); err != nil {
		return err
	}
	if c.dryRun {
		runs, _, err := c.measureRuns(ctx, env, args)
		return c.finish(env, runs, err)
	}
	if err := c.Connection.Check(env); err != nil {
		return err
	}
	c.visibility = env.Setting(c.visibility, "VISIBILITY")
	if err := value.CheckVisibility(c.visibility); err != nil {
		return err
	}
	source := here.Source(ctx, env)
	found := gitctx.Detect(source)
	in, err := c.newRun(env, found)
	if err != nil {
		return err
	}
	c.startFromParent(found, source, &in)
	c.identify(env, found, source, &in)
	in.Context[series.ContextIdentical], in.Context[series.ContextUnits] = "true", strconv.Itoa(c.units)
	if !c.quiet {
		fmt.Fprintf(env.Stderr, "tacho: %s\n", term.Clean(describe(found, in)))
	}
	srv, err := c.checkFirst(ctx, env, in)
	if err != nil {
		return err
	}
	defer srv.Close() //nolint:errcheck // for when something fails in between; done says what closing has met
	in.StartTime = now(env)
	runs, texts, err := c.measureRuns(ctx, env, args)
	if err != nil || runs.Ended == grades.Interrupted || len(texts) == 0 {
		return c.finish(env, runs, err)
	}
	in.Results, in.EndTime = texts, now(env)
	if c.measuresItself() {
		in.Settings = ownSettings(in.Settings)
	}
	if env.Host != nil {
		in.Host = env.Host(ctx)
	}
	report, srv, err := c.send(ctx, env, srv, in)
	if err != nil {
		c.keepUnsent(env, in)
		return errors.Join(c.finish(env, runs, nil), err)
	}
	runs.Report = report.UUID
	return srv.Done(c.finish(env, runs, nil))
}

// measureRuns runs the command until the runs or the time are used up, and returns what it printed too.
func (c *calibration) measureRuns(ctx context.Context, env *cli.Env, args []string) (*grades.Runs, []string, error) {
	name, err := adapter.ParseName(env.Setting(c.adapter, "ADAPTER"))
	if err != nil {
		return nil, nil, cli.Usage("--adapter: %s", fault.Message(err))
	}
	average, err := adapter.ParseAverage(c.average)
	if err != nil {
		return nil, nil, cli.Usage("--average: %s", fault.Message(err))
	}
	signals, stop := env.Signals()
	defer stop()
	command := c.turnCommand(env, args)
	runs := grades.New(command.Text, c.units)
	runs.Ended = grades.AllRuns
	progress := term.NewProgress(env.Errs())
	defer progress.Done()
	begun, size := env.Now(), 0
	var all []string
	for runs.Count() < c.runs {
		if c.maxTime > 0 && env.Now().Sub(begun) >= time.Duration(c.maxTime) {
			runs.Ended = grades.MaxTime
			break
		}
		var results adapter.Results
		var texts []string
		err := c.age(env)
		if err == nil {
			if o := command.Run(ctx, signals); o.Failure != nil {
				err = withLastLines(o)
			} else {
				results, texts, err = c.readTexts(env, command.Text, o, name, average)
			}
		}
		if cli.ExitCode(err) == fault.ExitInterrupted && runs.Count() > 0 {
			runs.Ended = grades.Interrupted
			break
		}
		if err != nil {
			return runs, nil, cli.Fail(cli.ExitCode(err), "run %d: %w", runs.Count()+1, err)
		}
		runs.Take(results)
		for _, text := range texts {
			size += len(text)
		}
		if all = append(all, texts...); size > limits.ReportBodyBytes && !c.dryRun {
			return runs, nil, cli.Usage("the results of %d runs have more than %d bytes, the limit of one report; give fewer --runs, or --dry-run",
				runs.Count(), limits.ReportBodyBytes)
		}
		switch {
		case c.quiet:
		case env.Errs().Terminal:
			progress.Show(runs.Live(c.runs))
		case runs.Count()%limits.CalibrateSaid == 0:
			progress.Say("tacho: " + runs.Live(c.runs))
		}
	}
	return runs, all, nil
}

// finish prints what is known and returns what the exit code says of it.
func (c *calibration) finish(env *cli.Env, runs *grades.Runs, failure error) error {
	if failure != nil {
		return failure
	}
	var err error
	switch {
	case runs.Count() == 0:
		return cli.ExitWith(fault.ExitUndecided, errors.New("--max-time was over before the first run; nothing is known"))
	case c.format == "json":
		err = runs.WriteJSON(env.Stdout, env.Now())
	default:
		err = runs.WriteText(env.Out())
	}
	switch {
	case err != nil:
		return err
	case runs.Ended == grades.Interrupted:
		return cli.ExitWith(fault.ExitInterrupted, nil)
	case runs.Graded() == 0:
		return cli.ExitWith(fault.ExitUndecided, nil)
	}
	return nil
}
