package runner

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/mask"
	"github.com/tachograph/tacho/internal/runner"
)

type runnerRunFlags struct {
	image, outputDir, isolation, runtime, stateDir string
	vcpus, iter                                    int
	memory, disk                                   value.Bytes
	timeout                                        value.Seconds
	network, allowFailure, json, verbose           bool
	env, secretEnv, entrypoint, cmd, output        []string
}

func newRunnerRun(env *cli.Env) *cobra.Command {
	f := runnerRunFlags{memory: 512 * limits.MiB, disk: limits.GiB, timeout: value.Seconds(300 * time.Second)}
	cmd := cli.Leaf("run --image IMAGE [flags] [-- CMD…]", "Run a benchmark image once on this machine, without a server",
		[]int{fault.ExitOK, fault.ExitUsage, fault.ExitBenchmarkFailed, fault.ExitTimedOut, fault.ExitInfrastructure, fault.ExitInterrupted},
		func(cmd *cobra.Command, args []string) error {
			f.cmd = append(f.cmd, args...)
			return runRunnerRun(cmd.Context(), env, f)
		})
	cmd.Long = `Run a benchmark image on this machine exactly as a job would be run, without a server.

The image is an OCI layout directory, an image archive (docker save, skopeo copy oci-archive:), or a name in a
registry such as ghcr.io/org/bench:v1 (TACHO_OCI_TOKEN: bearer token for it). Words after -- replace the image's
command. The command's stdout and stderr come live; the last line, on stderr, says how it ended and how it was isolated.
With --runtime runsc it runs under gVisor; --isolation gvisor insists on that.`
	cmd.Example = `  tacho runner run --image ./layout --vcpus 2 --memory 2GiB
  tacho runner run --image ghcr.io/org/bench:v1 --iter 3 --output /out/result.json --output-dir results -- bench -all`
	flags := cmd.Flags()
	flags.StringVar(&f.image, "image", "", "OCI layout directory, image archive or registry name")
	flags.IntVar(&f.vcpus, "vcpus", 1, "CPUs")
	flags.IntVar(&f.vcpus, "cpu", 1, "the same")
	_ = flags.MarkHidden("cpu")
	flags.Var(&f.memory, "memory", "memory; a bare number is MiB")
	flags.Var(&f.disk, "disk", "disk for the image and what the command writes; a bare number is MiB")
	flags.Var(&f.timeout, "timeout", "of one iteration; a bare number is seconds")
	flags.BoolVar(&f.network, "network", false, "no effect yet but a refusal: the host's network is never shared, and sandboxes have no other")
	flags.StringArrayVar(&f.env, "env", nil, "NAME=VALUE, or NAME to pass it on (repeatable)")
	flags.StringArrayVar(&f.secretEnv, "secret-env", nil, value.SecretEnvHelp)
	flags.StringArrayVar(&f.entrypoint, "entrypoint", nil, "replaces the image's entrypoint (repeatable: one word each)")
	flags.StringArrayVar(&f.cmd, "cmd", nil, "replaces the image's command (repeatable: one word each); or words after --")
	flags.StringArrayVar(&f.output, "output", nil, "file to collect from the sandbox (repeatable)")
	flags.StringArrayVar(&f.output, "file", nil, "the same")
	_ = flags.MarkHidden("file")
	flags.StringVar(&f.outputDir, "output-dir", "tacho-output", "collected files go to DIR/<iteration>/<path>")
	flags.IntVar(&f.iter, "iter", 1, "iterations, each in a fresh sandbox")
	flags.StringVar(&f.isolation, "isolation", "container", "least level: container, gvisor or microvm")
	flags.StringVar(&f.runtime, "runtime", "", "OCI runtime: runc, crun, or runsc for gVisor (default: the first of runc and crun that works)")
	flags.BoolVar(&f.allowFailure, "allow-failure", false, "go on when an iteration ends with a code other than 0")
	flags.BoolVar(&f.json, "json", false, "print one JSON summary, with the texts in it, instead of the live output")
	flags.StringVar(&f.stateDir, "state-dir", defaultRunnerState(env)+"-once", "image cache and sandboxes")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log details")
	return cmd
}

func runRunnerRun(ctx context.Context, env *cli.Env, f runnerRunFlags) error {
	shot, err := f.oneShot(env)
	if err != nil {
		return cli.ExitWith(fault.ExitUsage, err)
	}
	progress := newPullProgress(env.Stderr)
	if !f.json {
		shot.Progress = progress.show
		shot.Stdout, shot.Stderr = progress.before(env.Stdout), progress.before(env.Stderr)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals, stop := env.Signals()
	defer stop() // not before the end: a second Ctrl-C does not keep the sandbox from being removed
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	summary, err := runner.RunOnce(ctx, shot)
	progress.clear()
	if err != nil {
		if fault.Of(err) == fault.Internal {
			return cli.ExitWith(fault.ExitInfrastructure, err)
		}
		return cli.ExitWith(fault.ExitUsage, err)
	}
	if f.json {
		if err := cli.PrintJSON(env.Stdout, summary); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(env.Stderr, summaryLine(summary))
	}
	if code := summary.Exit(); code != fault.ExitOK {
		return cli.ExitWith(code, nil)
	}
	return nil
}

func (f runnerRunFlags) oneShot(env *cli.Env) (runner.OneShot, error) {
	switch {
	case f.image == "":
		return runner.OneShot{},
			fault.Invalidf("--image is missing: an OCI layout directory, an image archive or a name such as ghcr.io/org/bench:v1")
	case f.vcpus < 1:
		return runner.OneShot{}, fault.Invalidf("--vcpus %d: want 1 or more", f.vcpus)
	case f.iter < 1 || f.iter > limits.IterationsPerJob:
		return runner.OneShot{}, fault.Invalidf("--iter %d: want 1 to %d", f.iter, limits.IterationsPerJob)
	}
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelDebug
	}
	vars := map[string]string{}
	for _, entry := range f.env {
		name, value, given := strings.Cut(entry, "=")
		if name == "" {
			return runner.OneShot{}, fault.Invalidf("--env %q: want NAME=VALUE or NAME", entry)
		}
		if !given {
			value = env.Getenv(name)
		}
		vars[name] = value
	}
	for _, name := range f.secretEnv {
		if _, given := vars[name]; !given {
			vars[name] = env.Getenv(name)
		}
		if len(vars[name]) < mask.LeastBytes {
			return runner.OneShot{}, fault.Invalidf("--secret-env %s: its value has fewer than %d bytes and cannot be hidden", name, mask.LeastBytes)
		}
	}
	return runner.OneShot{
		Image: f.image, Token: runner.Secret(env.Getenv("TACHO_OCI_TOKEN")), CPU: f.vcpus, MemoryBytes: int64(f.memory), DiskBytes: int64(f.disk),
		Timeout: time.Duration(f.timeout), Network: f.network, Env: vars, SecretEnv: f.secretEnv, Entrypoint: f.entrypoint, Cmd: f.cmd,
		Files:     f.output,
		OutputDir: f.outputDir, Iterations: f.iter, Isolation: f.isolation, AllowFailure: f.allowFailure,
		StateDir: f.stateDir, Machine: runner.MachineConfig{Runtime: f.runtime, Keeper: keeperWords, AllowNetwork: f.network},
		Log: slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: level})),
	}, nil
}

// summaryLine is the last line of a run, for people.
func summaryLine(s runner.Summary) string {
	var wall time.Duration
	for _, r := range s.Results {
		wall += time.Duration(r.WallNS)
	}
	parts := []string{fmt.Sprintf("%d iteration", len(s.Results))}
	if len(s.Results) != 1 {
		parts[0] += "s"
	}
	if len(s.Results) > 0 {
		parts = append(parts, wall.Round(time.Millisecond).String())
	}
	if s.Host != nil && s.Host.Isolation != "" {
		parts = append(parts, "isolation "+s.Host.Isolation)
	}
	if len(s.Files) > 0 {
		parts = append(parts, "files "+strings.Join(s.Files, " "))
	}
	line := "tacho: done"
	if s.Reason != "" {
		line = fmt.Sprintf("tacho: %s: %s", s.Reason, s.Error)
		if s.Error == "" {
			line = fmt.Sprintf("tacho: %s", s.Reason)
		}
	}
	return line + " (" + strings.Join(parts, ", ") + ")"
}

// pullProgress shows one line that is written over on a terminal, and a line per phase elsewhere. It is gone before the command's first
// output. Safe for concurrent use: the two streams of a command are written by two goroutines.
type pullProgress struct {
	w        io.Writer
	terminal bool

	mu    sync.Mutex // guards what follows
	phase string
	dirty bool
}

func newPullProgress(w io.Writer) *pullProgress {
	f, ok := w.(*os.File)
	return &pullProgress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *pullProgress) show(phase, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s %s", phase, detail)
		p.dirty = true
		return
	}
	if phase != p.phase {
		fmt.Fprintf(p.w, "tacho: %s %s\n", phase, detail)
	}
	p.phase = phase
}

func (p *pullProgress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirty {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.dirty = false
	}
}

// before returns w, with the progress line taken away when something is written.
func (p *pullProgress) before(w io.Writer) io.Writer { return &afterProgress{p, w} }

type afterProgress struct {
	progress *pullProgress
	w        io.Writer
}

func (a *afterProgress) Write(b []byte) (int, error) {
	a.progress.clear()
	return a.w.Write(b)
}
