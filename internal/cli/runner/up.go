package runner

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner"
)

type runnerUpFlags struct {
	host, runner, keyFile, transport, stateDir, runtime, logFormat string
	allowNetwork, exitWhenIdle, verbose                            bool
	maxJobs, slots                                                 int
	pollTimeout                                                    int64
	turns                                                          string

	enroll                  bool
	tokenFile, instanceType string
}

func newRunnerUp(env *cli.Env) *cobra.Command {
	var f runnerUpFlags
	cmd := cli.Leaf("up", "Take jobs from a server and run them, until told to stop",
		[]int{fault.ExitOK, fault.ExitUsage, fault.ExitNetwork, fault.ExitRefused, fault.ExitInfrastructure, fault.ExitInterrupted},
		func(cmd *cobra.Command, _ []string) error {
			if f.enroll {
				return f.asMachine(cmd.Context(), env)
			}
			return runRunnerUp(cmd.Context(), env, f)
		})
	cmd.Aliases, cmd.Args = []string{"daemon"}, cobra.NoArgs
	cmd.Long = `Take jobs from a server and run them, one at a time, each in a fresh sandbox.

The runner's key comes from TACHO_RUNNER_KEY (or BENCHER_RUNNER_KEY) or from a file, never from the command line.
SIGTERM or Ctrl-C drains: the running job is finished and delivered, then the runner leaves. A second signal kills
the job and tells the server why. A result that cannot be delivered stays in the state directory; the next start
delivers it. Allow for the longest job when a service manager stops the runner (systemd: TimeoutStopSec).

Jobs run in containers of runc (1.1.12 or later, or Debian 12's patched 1.1.5) or crun (1.4.4 or later). With
--runtime runsc they run under gVisor, in a kernel of their own in user space. That is never chosen by itself, because
system calls cost more there: such a runner is a testbed of its own. It also takes jobs whose spec asks for isolation
container; those that ask for gvisor need it.

Jobs have no network. The host's own is never shared, because its loopback, private and cloud metadata addresses would
answer to the benchmark. A job whose spec has a network is refused as host_unfit, with --allow-network too, until jobs
can have a network of their own. Put what a benchmark needs into its image.

Before it takes jobs the runner tries a command in a sandbox. Where that fails it says why and ends.

With --enroll this is a machine of a sweep: it buys its runner's key with the token that its machine was made with (in
TACHO_ENROLL_TOKEN or a file, never on the command line), says how far it is, takes the tasks of its slot, and ends when
nothing is left there, when nobody wants it any more, or when its time is over. Started again it goes on with the key
that it has.`
	cmd.Example = `  tacho runner up --host https://bench.example.org --runner box-1 --key-file /etc/tacho/runner.key
  TACHO_RUNNER_KEY=… tacho runner up --host http://127.0.0.1:6610 --runner box-1 --exit-when-idle
  tacho runner up --host https://bench.example.org --runner box-2 --key-file /etc/tacho/runner.key --runtime runsc
  TACHO_ENROLL_TOKEN=… tacho runner up --enroll --host https://bench.example.org --instance-type c8g.medium`
	flags := cmd.Flags()
	flags.StringVar(&f.host, "host", env.Lookup("TACHO_HOST", "BENCHER_HOST"), "server's address ($TACHO_HOST)")
	flags.StringVar(&f.runner, "runner", env.Lookup("TACHO_RUNNER", "BENCHER_RUNNER"), "this runner's slug or UUID ($TACHO_RUNNER)")
	flags.StringVar(&f.keyFile, "key-file", "", "file with the runner's key (else $TACHO_RUNNER_KEY)")
	flags.StringVar(&f.transport, "transport", "auto", "ws, http (long-poll), or auto: WebSocket, and long-poll where it is refused")
	flags.StringVar(&f.stateDir, "state-dir", defaultRunnerState(env), "results that wait for delivery, image cache, sandboxes")
	flags.StringVar(&f.runtime, "runtime", "", "OCI runtime: runc, crun, or runsc for gVisor (default: the first of runc and crun that works)")
	flags.BoolVar(&f.allowNetwork, "allow-network", false, "no effect yet: jobs whose spec has a network are refused, see above")
	flags.IntVar(&f.slots, "slots", 1, "jobs at a time; only 1, because neighbours disturb a measurement")
	flags.IntVar(&f.maxJobs, "max-jobs", 0, "leave after so many jobs (0: never)")
	flags.BoolVar(&f.exitWhenIdle, "exit-when-idle", false, "leave when the server has no job")
	flags.Int64Var(&f.pollTimeout, "poll-timeout", int64(limits.RunnerPoll/time.Second),
		"seconds that the server may hold a request for work, 1 to 900")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json")
	flags.StringVar(&f.turns, "turns", "", "`file` that several runners of one machine share: one of them at a time has a job")
	flags.BoolVar(&f.enroll, "enroll", false, "be the machine of a sweep's slot, see above; instead of --runner and its key")
	flags.StringVar(&f.tokenFile, "token-file", "", "with --enroll: `file` with the token (else $"+enrollVariable+")")
	flags.StringVar(&f.instanceType, "instance-type", "", "with --enroll: what the provider calls this machine's type")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log details")
	return cmd
}

func runRunnerUp(ctx context.Context, env *cli.Env, f runnerUpFlags) error {
	cfg, err := f.config(env)
	if err != nil {
		return cli.ExitWith(fault.ExitUsage, err)
	}
	var d *runner.Daemon
	ready := make(chan struct{}) // trying the sandbox takes a moment, in which a signal must not end us with a command of ours running
	stop := onSignals(env, cfg.Log, ready, func() {}, func() { d.Drain() }, func() { d.Abort() })
	defer stop()
	var release func()
	d, release, err = runner.New(cfg)
	if errors.Is(err, runner.ErrNoSandbox) {
		return cli.ExitWith(fault.ExitInfrastructure, err)
	}
	if err != nil {
		return cli.ExitWith(fault.ExitUsage, err)
	}
	defer release()
	close(ready)
	if err := d.Run(ctx); err != nil {
		return cli.ExitWith(fault.ExitInterrupted, err)
	}
	return nil
}

func (f runnerUpFlags) config(env *cli.Env) (runner.Config, error) {
	var key runner.Secret
	var err error
	if !f.enroll {
		if key, err = runnerKey(env, f.keyFile); err != nil {
			return runner.Config{}, err
		}
	}
	transport, err := runner.ParseTransport(f.transport)
	if err != nil {
		return runner.Config{}, fault.Invalidf("--%v", err)
	}
	log, err := runnerLog(env.Stderr, f.logFormat, f.verbose)
	if err != nil {
		return runner.Config{}, err
	}
	switch {
	case f.host == "":
		return runner.Config{}, fault.Invalidf("--host is missing: the server's address, as in https://bench.example.org")
	case f.runner == "" && !f.enroll:
		return runner.Config{}, fault.Invalidf("--runner is missing: the name that 'tacho runner create' gave this machine")
	case f.slots != 1:
		return runner.Config{}, fault.Invalidf("--slots %d: a runner runs one job at a time; start one per machine", f.slots)
	case f.maxJobs < 0:
		return runner.Config{}, fault.Invalidf("--max-jobs %d: want 0 or more", f.maxJobs)
	case f.pollTimeout < 1 || f.pollTimeout > int64(limits.PollMax/time.Second):
		return runner.Config{}, fault.Invalidf("--poll-timeout %d: want 1 to %d seconds", f.pollTimeout, int64(limits.PollMax/time.Second))
	}
	return runner.Config{
		Host: f.host, Runner: f.runner, Key: key, Transport: transport, StateDir: f.stateDir,
		Machine:     runner.MachineConfig{Runtime: f.runtime, Keeper: keeperWords, AllowNetwork: f.allowNetwork},
		PollTimeout: time.Duration(f.pollTimeout) * time.Second, Turns: f.turns,
		MaxJobs: f.maxJobs, ExitWhenIdle: f.exitWhenIdle, Version: env.Version, Log: log,
	}, nil
}

// onSignals calls at once and drain at the first signal and abort at the second, the last two not before ready is closed. A third one ends
// the process as if nobody had listened.
func onSignals(env *cli.Env, log *slog.Logger, ready <-chan struct{}, atOnce, drain, abort func()) (stop func()) {
	signals, release := env.Signals()
	done := make(chan struct{})
	soon := func(f func()) {
		go func() {
			select {
			case <-ready:
				f()
			case <-done:
			}
		}()
	}
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case got := <-signals:
				if n == 0 {
					log.Info("draining; a second signal aborts the job", "signal", got.String())
					atOnce()
					soon(drain)
				} else {
					log.Warn("aborting", "signal", got.String())
					release()
					soon(abort)
				}
			}
		}
	}()
	return func() { release(); close(done) }
}

// runnerKey reads the key from its file or the environment.
func runnerKey(env *cli.Env, file string) (runner.Secret, error) {
	key := env.Lookup("TACHO_RUNNER_KEY", "BENCHER_RUNNER_KEY")
	if file != "" {
		var err error
		if key, err = readSecret("--key-file", file); err != nil {
			return "", err
		}
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", fault.Invalidf("the runner's key is missing: set TACHO_RUNNER_KEY or give --key-file; 'tacho runner create' printed it once")
	}
	if strings.ContainsAny(key, " \t\r\n") {
		return "", fault.Invalidf("the runner's key holds white space: it is one word, tacho_runner_…")
	}
	return runner.Secret(key), nil
}

// readSecret reads the file that a flag names.
func readSecret(flag, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s %s: cannot be read", flag, file)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4*limits.KiB))
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s %s: cannot be read", flag, file)
	}
	return string(text), nil
}

func runnerLog(w io.Writer, format string, verbose bool) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		options.Level = slog.LevelDebug
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fault.Invalidf("--log-format %q: want text or json", format)
}
