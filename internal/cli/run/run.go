// Package run is `tacho run`: flags, variables and git become one request; the results come from a command on this machine (package local),
// from files, from stdin or, with --image, from a job (package jobs); the report is shown as package show has it. Results that could not be
// recorded are kept in a file, for --resend.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/gitctx"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/cli/run/local"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// runFlags are the flags of 'tacho run', grouped as in its help.
type runFlags struct {
	cli.Connection

	project, branch, hash, testbed string
	visibility                     string
	commitAuthor, commitSubject    string
	noCommits                      bool
	startPoint, startPointHash     string
	noStartPoint                   bool
	startPointMax                  int
	startPointClone                value.Choice
	startPointReset, specReset     bool

	adapter, average, fold string
	mapping                string
	iter                   int
	backdate               string
	allowFailure           bool
	files, fileSizes       []string
	buildTime              bool
	timeout                value.Seconds
	exec                   bool
	shell, shellFlag       string

	thresholds   value.Models
	errorOnAlert bool

	image, spec, idempotencyKey      string
	resend                           string
	given                            map[string]bool // flags of the command line, by name
	entrypoint, cmd, variables, envs []string        // --env, --env-file
	secretEnv                        []string
	detach                           bool
	jobs                             int
	baseImage, baseBranch, baseHash  string
	turns                            turns
	format                           string
	asJSON, quiet, dryRun            bool
	ignoredPollInterval              string
}

// Command is `tacho run`.
func Command(env *cli.Env) *cobra.Command {
	var f runFlags
	cmd := cli.Leaf("run [flags] [COMMAND [ARG…]]", "Measure: run a benchmark here or on a runner, keep its results, judge them",
		append(cli.ExitsRun, fault.ExitUndecided, fault.ExitNotBuilt), func(cmd *cobra.Command, args []string) error {
			f.given = map[string]bool{}
			cmd.Flags().Visit(func(flag *pflag.Flag) { f.given[flag.Name] = true })
			if err := f.checkResend(args); err != nil {
				return err
			}
			return runRun(cmd.Context(), env, f, args)
		})
	cmd.Long = `Run a benchmark, keep its results and judge them.

Locally, one argument is a line for a shell, more are a program and its arguments; without any, results are read from --file or stdin.
They are read from what the command prints: on stdout, or on stderr where only that holds results, as of time and perf stat.
Without a server (--host, or 'tacho login') they go into the store of this machine. Where no threshold judges, values
are compared with the branch's previous report, as 'tacho compare' does: "~" says that nothing was shown, and one value
a side shows nothing (go test -count 10, or --iter 5). No threshold is set by itself: a difference raises an alert only
where --threshold-… or 'tacho threshold create' says so.

With --image the benchmark runs on a runner of the server, from an OCI image. The job is followed live; Ctrl-C detaches and leaves it
running, a second Ctrl-C ends tacho at once. --jobs makes the report out of several jobs, which any runners of the spec may take.
--base-image measures a second image in turns with the first (in the order ABBA or BAAB, by chance), all on one machine.

With --ab two versions run in turns on this machine, ABBA or BAAB by chance, until each of their benchmarks is better, worse or the same
within --until, or --max-pairs or --max-time is used up. It looks after 6, 10, 15, 20, 30 and 40 pairs, and of all changes that it claims
5 % at most are false. Nothing is recorded or sent. Exit code 3 says that something is worse, 12 that nothing could be decided, 13 that a
version could not be checked out or built.

The two are commands, or what one COMMAND after the flags runs in. A git reference (main, HEAD~1, a commit) is checked out in a work tree
of its own in a temporary folder, which is removed at the end; your own work tree is left as it is. A folder (., ../other) is used where it
is, with the changes that are in it. --build runs once in each. Programs (./old, ./new) get COMMAND as their arguments.

Project, branch, thresholds, adapter and key are checked with the server before the command runs. Results that cannot be read or sent
are kept in a file, and --resend sends them later; flags given with it replace what was refused: --adapter, --project, --branch, ….

A project that is new is made, and the run says who may read it: --visibility chooses. A run that names no project goes to the one of its
repository's name; in the store of this machine, another repository of that name gets a project of its own, whose slug has a suffix.

Branch and commit come from the CI system or from git, and the first line says which. A new branch begins with the history and the
thresholds of the branch that it came from: a pull request's target, else what the branch tracks, else the default branch, at the newest
commit before it left that was measured. --start-point names another one, --no-start-point none. A detached HEAD
outside of CI has no branch: give --branch.`
	cmd.Example = `  tacho run "go test -bench . ./..."
  go test -bench . | tacho run --adapter go_bench --branch main
  tacho run --iter 3 --fold median --file results.json ./bench --out results.json
  tacho run --host https://bench.example.org --project app --threshold-measure latency --threshold-test t_test \
    --threshold-upper-boundary 0.99 --error-on-alert "go test -bench ."
  tacho run --project app --image app/bench:v1 --spec default --adapter go_bench --cmd -test.bench=. --timeout 5m
  tacho run --project app --image app/bench:pr7 --jobs 5 \
    --base-image app/bench:main --base-branch main --base-hash $(git merge-base main HEAD)
  tacho run --ab "./old -test.bench=." --ab "./new -test.bench=." --until 1%
  tacho run --ab main --ab . go test -bench Sort ./sort
  tacho run --ab main --ab HEAD --build "go build -o bench ./cmd/bench" --max-time 10m -- ./bench -n 5`
	cmd.Flags().SetInterspersed(false) // flags after the command are the command's
	f.Connection.Flags(cmd)
	f.flags(cmd)
	return cmd
}

// whereFlags say where results belong.
func (f *runFlags) whereFlags(v *pflag.FlagSet) {
	v.StringVar(&f.project, "project", "", "slug or UUID; made when it is new (default $TACHO_PROJECT, the image's, or the repository's name)")
	v.StringVar(&f.visibility, "visibility", "", "of a project that is new: public or private (default $TACHO_VISIBILITY, or the server's)")
	v.StringVar(&f.branch, "branch", "", "default $TACHO_BRANCH, or what CI or git say")
	v.StringVar(&f.hash, "hash", "", "full commit (default: what CI or git say)")
	v.StringVar(&f.commitAuthor, "commit-author", "", "name of who wrote it (default: what git says)")
	v.StringVar(&f.commitSubject, "commit-subject", "", "first line of its message (default: what git says)")
	v.BoolVar(&f.noCommits, "no-commits", false,
		fmt.Sprintf("send no authors and subjects of commits; they are sent of this one and the %d before it", limits.ReportCommits-1))
	v.StringVar(&f.testbed, "testbed", "", "default $TACHO_TESTBED, the spec's name, or the operating system")
}

// commandFlags say how a command is run and its results are read.
func (f *runFlags) commandFlags(v *pflag.FlagSet) {
	v.StringVar(&f.adapter, "adapter", "", "format of the results (default $TACHO_ADAPTER, or magic, which recognises it)")
	v.StringVar(&f.mapping, "map", "",
		"where names and values stand in CSV or JSON: name=COLUMN,value=COLUMN:UNIT:lower ('tacho adapters --help')")
	v.StringVar(&f.average, "average", "", "mean or median, where a tool gives both")
	v.StringArrayVar(&f.files, "file", nil, "read results from this file after the command (repeatable)")
	v.StringArrayVar(&f.fileSizes, "file-size", nil, "record the size of this file (repeatable)")
	v.BoolVar(&f.buildTime, "build-time", false, "record how long the command takes")
	v.VarP(&f.timeout, "timeout", "", "longest iteration: seconds, or 5m (default: none here, the server's for a job)")
	v.Var(&f.timeout, "job-timeout", "the same")
	v.BoolVar(&f.exec, "exec", false, "run a single argument as a program, without a shell")
	v.StringVar(&f.shell, "shell", "", "shell for a single argument (default /bin/sh)")
	v.StringVar(&f.shellFlag, "flag", "", "flag of that shell (default -c)")
	_ = v.MarkHidden("job-timeout")
	_ = v.MarkHidden("flag")
}

func (f *runFlags) flags(cmd *cobra.Command) {
	v := cmd.Flags()
	f.whereFlags(v)
	f.commandFlags(v)
	v.StringVar(&f.startPoint, "start-point", "",
		"branch whose history a new branch begins with (default: the one that it came from, by CI or git)")
	v.BoolVar(&f.noStartPoint, "no-start-point", false, "begin a new branch without history")
	v.StringVar(&f.startPointHash, "start-point-hash", "", "commit of that branch to begin at (default: its newest)")
	v.IntVar(&f.startPointMax, "start-point-max-versions", 0, fmt.Sprintf("versions to begin with (default %d)", limits.StartPointVersions))
	v.Var(&f.startPointClone, "start-point-clone-thresholds",
		"its thresholds: =true these and no others, =false none (default: these, but for those set on the branch itself)")
	v.Lookup("start-point-clone-thresholds").NoOptDefVal = "true"
	v.BoolVar(&f.startPointReset, "start-point-reset", false, "begin anew even when nothing changed")
	v.BoolVar(&f.specReset, "spec-reset", false, "let the testbed stand for another spec than before")

	v.IntVar(&f.iter, "iter", 1, "run the command so often")
	v.StringVar(&f.fold, "fold", "", "make one iteration of all: min, max, mean or median")
	v.StringVar(&f.backdate, "backdate", "", "when it was measured: Unix seconds or 2026-03-04T12:00:00Z")
	v.BoolVar(&f.allowFailure, "allow-failure", false, "record what there is although the command failed")

	f.turns.flags(v)

	f.thresholds.Flags(cmd)
	v.BoolVar(&f.errorOnAlert, "error-on-alert", false, show.ErrorOnAlertHelp)
	v.BoolVar(&f.errorOnAlert, "err", false, "the same")

	v.StringVar(&f.image, "image", "", "run this image on a runner: app:v1, project/app:v1, ghcr.io/org/app:v1, …@sha256:…")
	v.IntVar(&f.jobs, "jobs", 1, "jobs that make the report, each claimed and prepared anew; --iter repeats within one")
	v.StringVar(&f.baseImage, "base-image", "",
		"image to compare with: its jobs run in turns with those of --image, on the same machine, and make a report of their own")
	v.StringVar(&f.baseBranch, "base-branch", "", "branch that the results of --base-image belong to (default: the start point's)")
	v.StringVar(&f.baseHash, "base-hash", "", "commit that --base-image was built from (default: the start point's)")
	v.StringVar(&f.spec, "spec", "", "hardware spec of the runner (default: the testbed's, or the server's)")
	v.StringArrayVar(&f.entrypoint, "entrypoint", nil, "replaces the image's (repeatable: one word each)")
	v.StringArrayVar(&f.cmd, "cmd", nil, "replaces the image's command (repeatable: one word each), or words at the end")
	v.StringArrayVar(&f.variables, "env", nil, "NAME=VALUE, or NAME to pass it on (repeatable)")
	v.StringArrayVar(&f.envs, "env-file", nil, "file of such lines (repeatable)")
	v.StringArrayVar(&f.secretEnv, "secret-env", nil, value.SecretEnvHelp)
	v.BoolVar(&f.detach, "detach", false, "submit the job and leave")
	v.StringVar(&f.idempotencyKey, "idempotency-key", "", "UUID; the same one again returns the first report (default: a fresh one)")

	v.StringVar(&f.resend, "resend", "",
		"send the results of an earlier run, kept in this file; flags given with it replace what the file says")
	v.StringVar(&f.format, "format", "human", "human or json")
	v.BoolVar(&f.asJSON, "json", false, "the same as --format json")
	v.BoolVarP(&f.quiet, "quiet", "q", false, "print the report and errors only")
	v.BoolVar(&f.dryRun, "dry-run", false, "run, print the request, send nothing")

	v.StringVar(&f.ignoredPollInterval, "job-poll-interval", "", "not needed: jobs are followed live")
	v.StringVar(&f.ignoredPollInterval, "poll-interval", "", "not needed: jobs are followed live")
	for _, name := range []string{"err", "job-poll-interval", "poll-interval"} {
		_ = v.MarkHidden(name)
	}
}

// check finds what flags cannot be together. args are the words of the command.
func (f *runFlags) check(args []string) error {
	if f.asJSON {
		f.format = "json"
	}
	remoteOnly := len(f.entrypoint) > 0 || len(f.cmd) > 0 || len(f.variables) > 0 || len(f.envs) > 0 || len(f.secretEnv) > 0 || f.detach ||
		f.spec != "" || f.jobs != 1 || f.baseImage != ""
	switch {
	case f.baseImage == "" && (f.baseBranch != "" || f.baseHash != ""):
		return cli.Usage("--base-branch and --base-hash say where --base-image belongs; give that too")
	case f.jobs < 1 || f.jobs > limits.JobsPerReport:
		return cli.Usage("--jobs %d: want 1 to %d", f.jobs, limits.JobsPerReport)
	case f.noStartPoint && f.startPoint != "":
		return cli.Usage("--start-point and --no-start-point are opposites; give one of them")
	case f.format != "human" && f.format != "json":
		return cli.Usage("--format %q: want human or json", f.format)
	case f.iter < 1 || f.iter > limits.IterationsPerJob:
		return cli.Usage("--iter %d: want 1 to %d", f.iter, limits.IterationsPerJob)
	case f.image == "" && remoteOnly:
		return cli.Usage("--entrypoint, --cmd, --env, --env-file, --spec, --jobs, --base-image and --detach are for a job; give --image too")
	case f.image != "" && (f.exec || f.shell != ""):
		return cli.Usage("--exec and --shell are for a command on this machine, not for --image")
	case len(f.files) > 0 && (f.buildTime || len(f.fileSizes) > 0):
		return cli.Usage("--file reads results, --build-time and --file-size make them; give one of both")
	case f.image == "" && f.buildTime && len(args) == 0 && !f.given["ab"]:
		return cli.Usage("--build-time needs a command")
	case f.image == "" && f.iter > 1 && len(args) == 0:
		return cli.Usage("--iter needs a command to repeat")
	case f.mapping != "" && f.measuresItself():
		return cli.Usage("--map is for results that are read; --build-time and --file-size make their own")
	case f.measuresItself() && f.image == "" && f.adapter != "" && f.adapter != string(adapter.JSON) && f.adapter != string(adapter.Magic):
		return cli.Usage("--build-time and --file-size record their own results; leave --adapter out")
	}
	if err := adapter.CheckMapping(adapter.Name(f.adapter), f.mapping); err != nil {
		return cli.Usage("--map: %v", err)
	}
	return nil
}

// measuresItself says whether results are made here and not by the command.
func (f *runFlags) measuresItself() bool { return f.buildTime || len(f.fileSizes) > 0 }

func runRun(ctx context.Context, env *cli.Env, f runFlags, args []string) error {
	if err := f.check(args); err != nil {
		return err
	}
	if both, err := f.inTurns(args); both || err != nil {
		if err != nil {
			return err
		}
		return f.runTurns(ctx, env, args)
	}
	if err := f.Connection.Check(env); err != nil && !f.dryRun {
		return err
	}
	f.visibility = env.Setting(f.visibility, "VISIBILITY")
	if err := value.CheckVisibility(f.visibility); err != nil {
		return err
	}
	if f.resend != "" {
		return f.sendAgain(ctx, env)
	}
	found := gitctx.Detect(here.Source(ctx, env))
	in, err := f.newRun(env, found)
	if err != nil {
		return err
	}
	source := here.Source(ctx, env)
	f.startFromParent(found, source, &in)
	f.identify(env, found, source, &in)
	if err := f.tellCommits(found, source, &in); err != nil {
		return err
	}
	if !f.quiet {
		fmt.Fprintf(env.Stderr, "tacho: %s\n", term.Clean(describe(found, in)))
		for _, note := range found.Notes {
			fmt.Fprintf(env.Stderr, "tacho: %s\n", term.Clean(note))
		}
	}
	if f.image != "" {
		if in.Job, err = f.newJob(env, args); err != nil {
			return err
		}
		return f.runRemote(ctx, env, in)
	}
	args = f.command(env, args)
	var srv *cli.Session
	if len(args) > 0 && !f.dryRun {
		if srv, err = f.checkFirst(ctx, env, in); err != nil {
			return err
		}
		defer srv.Close() //nolint:errcheck // for when something fails in between; done says what closing has met
	}
	made := len(args) > 0 || len(f.files) == 0 // not read from files, which are still there
	if err := f.measure(ctx, env, args, &in); err != nil {
		if made && len(in.Results) > 0 {
			f.keepUnsent(env, in)
		}
		return err
	}
	if f.dryRun {
		return cli.PrintJSON(env.Stdout, in)
	}
	report, srv, err := f.send(ctx, env, srv, in)
	if err != nil {
		if made {
			f.keepUnsent(env, in)
		}
		return err
	}
	return srv.Done(f.showing().Report(ctx, env, srv, report))
}

// command are the words of the command on this machine: of the command line, else of a variable.
func (f *runFlags) command(env *cli.Env, args []string) []string {
	if line := env.Lookup("TACHO_CMD", "BENCHER_CMD"); len(args) == 0 && line != "" {
		return []string{line}
	}
	return args
}

// checkFirst asks whether the results will be taken, before a benchmark runs for an hour: the server is there, the key is good, the project
// may be submitted to, and so on. A server that cannot say is tolerated. The session that it returns rests.
func (f *runFlags) checkFirst(ctx context.Context, env *cli.Env, in api.NewRun) (*cli.Session, error) {
	srv, err := f.Open(ctx, env)
	if err == nil {
		if _, _, err = srv.CheckRun(ctx, in); err == nil {
			err = srv.Rest(ctx)
		}
		if err == nil {
			return srv, nil
		}
		err = srv.Done(err)
	}
	fmt.Fprintln(env.Stderr, "tacho: nothing was run, because the results could not be recorded")
	if _, away := errors.AsType[*client.NetworkError](err); away {
		fmt.Fprintln(env.Stderr, "tacho: to measure without the server: tacho run --dry-run … >FILE, and later tacho run --resend FILE")
	}
	return nil, err
}

// describe is the line that says what was detected, and what flags say instead.
func describe(found gitctx.Context, in api.NewRun) string {
	line := found.Describe()
	if in.Branch != found.Branch {
		line += "; recorded on branch " + in.Branch
	}
	if start := in.StartPoint; start != nil && start.Detected != nil {
		line += ", from " + start.Branch
		if len(start.Commits) > 0 {
			line += "@" + show.ShortHash(start.Commits[0])
		}
	}
	return line
}

// send sends results that are there, over a session that rests or, if srv is nil, over a new one. The session that it returns with the
// report is open.
func (f *runFlags) send(ctx context.Context, env *cli.Env, srv *cli.Session, in api.NewRun) (_ api.Report, _ *cli.Session, err error) {
	if srv == nil {
		srv, err = f.Open(ctx, env)
	} else {
		srv, err = f.Wake(ctx, env, srv)
	}
	if err != nil {
		return api.Report{}, nil, err
	}
	report, err := srv.Run(ctx, in)
	if err != nil {
		if fault.Is(err, fault.Invalid) && unreadable(in) {
			err = cli.ExitWith(fault.ExitBenchmarkFailed, err)
		}
		return report, nil, srv.Done(err)
	}
	if !f.quiet && madeProject(report) {
		show.Visibility(env, srv, report.Project)
	}
	return report, srv, nil
}

// madeProject says whether a report's project was made with it: all rows of one submission carry the same time.
func madeProject(report api.Report) bool {
	return !report.Created.IsZero() && report.Project.Created.Equal(report.Created)
}

// unreadable tells results that no adapter can read from other things that a server refuses, by reading them here.
func unreadable(in api.NewRun) bool {
	return slices.ContainsFunc(in.Results, func(text string) bool { return !readable(text, in.Settings, true) })
}

// readable reports whether the adapter of the settings reads the text; unknown is the answer where it is not known here.
func readable(text string, settings *api.ReportSettings, unknown bool) bool {
	name, opts := adapter.Magic, adapter.Options{}
	if settings != nil {
		var err error
		if name, err = adapter.ParseName(settings.Adapter); err != nil {
			return unknown
		}
		opts = adapter.Options{Average: adapter.Average(settings.Average), Mapping: settings.Mapping}
	}
	_, err := adapter.Parse(name, []byte(text), opts)
	return err == nil
}

// isOnStderr reports whether the results are there, as time and perf print them: stdout is the program's, which has none.
func isOnStderr(o local.Outcome, settings *api.ReportSettings) bool {
	return strings.TrimSpace(o.Stderr) != "" && !readable(o.Stdout, settings, true) && readable(o.Stderr, settings, false)
}

// readableOf is what a command printed that holds results.
func readableOf(o local.Outcome, settings *api.ReportSettings) []string {
	for _, text := range []string{o.Stdout, o.Stderr} {
		if strings.TrimSpace(text) != "" && readable(text, settings, true) {
			return []string{text}
		}
	}
	return nil
}

// showing is how the report is shown at the end.
func (f *runFlags) showing() show.Options {
	return show.Options{JSON: f.format == "json", Quiet: f.quiet, ErrorOnAlert: f.errorOnAlert}
}

// outputs are where a benchmark's own output goes.
func (f *runFlags) outputs(env *cli.Env) (stdout, stderr io.Writer) {
	switch {
	case f.quiet:
		return io.Discard, io.Discard
	case f.format == "json":
		return env.Stderr, env.Stderr
	}
	return env.Stdout, env.Stderr
}

// now is the time of the run as it goes over the wire.
func now(env *cli.Env) *time.Time {
	t := env.Now().UTC()
	return &t
}
