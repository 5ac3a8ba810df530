package runner

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner/hostinfo"
	"github.com/tachograph/tacho/internal/runner/image"
	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/ocirun"
	"github.com/tachograph/tacho/internal/runner/isolate/tiny"
)

// linuxMachine is this computer: image store, isolation driver, facts.
type linuxMachine struct {
	dir     string
	images  *image.Store
	driver  isolate.Driver
	caps    isolate.Capabilities
	root    fs.FS // "/"
	version string
	log     *slog.Logger
}

// Keep is the work of the process that MachineConfig.Keeper leads to: it outlives a killed runner just long enough to end its sandbox.
func Keep(words []string) error { return ocirun.Keep(words) }

// openMachine takes the state directory for this process, finds a driver that works, and removes what a killed process left behind.
func openMachine(dir string, cfg MachineConfig, log *slog.Logger) (machine, func(), error) {
	if err := os.MkdirAll(dir, 0o711); err != nil { // the benchmark's user walks through it to its files
		return nil, nil, fault.Wrap(fault.Unavailable, err, "state directory %s cannot be made: %v", dir, err)
	}
	release, err := lockState(dir)
	if err != nil {
		return nil, nil, err
	}
	m := &linuxMachine{dir: dir, root: os.DirFS("/"), version: cfg.Version, log: log}
	if cfg.AllowNetwork {
		log.Warn("jobs with a network are refused: this version has no network that keeps them from the host and its private addresses")
	}
	if err := m.open(cfg); err != nil {
		release()
		return nil, nil, err
	}
	return m, release, nil
}

func (m *linuxMachine) open(cfg MachineConfig) error {
	driver, err := ocirun.New(ocirun.Config{Runtime: cfg.Runtime, Dir: filepath.Join(m.dir, "isolate"), Keeper: cfg.Keeper})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if m.caps, err = driver.Probe(ctx); err != nil {
		return err
	}
	if err := driver.Sweep(ctx); err != nil {
		return fmt.Errorf("remove what an earlier process left: %w", err)
	}
	m.driver = driver
	m.log.Debug("isolation works", "runtime", m.caps.Name, "version", m.caps.Version, "level", string(m.caps.Level), "notes", m.caps.Notes)
	for _, note := range m.caps.Notes {
		m.log.Warn("isolation is weaker than it could be", "runtime", m.caps.Name, "note", note)
	}
	m.images, err = image.Open(filepath.Join(m.dir, "images"), m.caps.RootID)
	return err
}

// lockState makes sure that one process uses a state directory; the kernel frees the lock when the process dies.
func lockState(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "state directory %s cannot be used: %v", dir, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fault.New(fault.Unavailable, "state directory %s is in use by another runner; give --state-dir", dir)
	}
	return func() {
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // a child between fork and exec holds the file too; closing alone would leave it the lock
		_ = f.Close()
	}, nil
}

func (m *linuxMachine) facts() api.HostFacts {
	f := hostinfo.Read(m.root)
	f.OS, f.Architecture, f.Tacho = runtime.GOOS, host.Architecture(runtime.GOARCH), m.version
	if name, err := os.Hostname(); err == nil {
		f.Hostname = name
	}
	return f
}

func (m *linuxMachine) offer() offer {
	o := offer{levels: []string{string(m.caps.Level)}, cpus: runtime.NumCPU(), facts: m.facts()}
	if o.facts.MemoryBytes != nil {
		o.memory = *o.facts.MemoryBytes
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(m.dir, &disk); err == nil {
		o.disk = int64(disk.Bavail) * disk.Bsize //nolint:gosec // no disk has 2^63 blocks
	}
	return o
}

// prove implements machine: what a runtime says of itself is no proof that it can make a sandbox here.
func (m *linuxMachine) prove(ctx context.Context) (err error) {
	program := tiny.Proof(runtime.GOARCH)
	if program == nil {
		m.log.Warn("sandboxes are not tried: there is no program for this architecture", "architecture", runtime.GOARCH)
		return nil
	}
	const command = "/try"
	root := filepath.Join(m.dir, "proof")
	if err := errors.Join(os.RemoveAll(root), os.Mkdir(root, 0o755)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	if err := os.WriteFile(filepath.Join(root, command), program, 0o755); err != nil {
		return err
	}
	var stdout, file bytes.Buffer
	img := &linuxImage{machine: m, image: &image.Image{RootFS: root, Config: image.Config{Entrypoint: []string{command}}}}
	end, err := img.run(ctx, iterationParams{
		name: "proof-" + rand.Text(), cpu: 1, memory: limits.ProofMemory, disk: limits.ProofDisk, timeout: limits.ProofTimeout, grace: limits.KillGrace,
		stdout: &stdout, stderr: io.Discard, started: func() {},
		filePaths: []string{"/" + tiny.File}, fileLimit: limits.KiB, file: func(string) (io.WriteCloser, error) { return keepOpen{&file}, nil },
	})
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil || end.timedOut:
		return fmt.Errorf("a command that does next to nothing did not end within %s", limits.ProofTimeout)
	case end.exitCode != 0:
		return fmt.Errorf("a command that prints a word and writes it into a file ended with exit code %d", end.exitCode)
	case stdout.String() != tiny.Word || file.String() != tiny.Word:
		return fmt.Errorf("of a word that a command wrote, %q came by its stdout and %q by its file", stdout.String(), file.String())
	}
	return nil
}

func (m *linuxMachine) prepare(ctx context.Context, p prepareParams) (prepared, error) {
	source := image.Source{
		Local: p.source.local, Registry: p.source.registry, Repository: p.source.repository, Version: p.source.version, Trusted: p.source.trusted,
	}
	if token := p.source.token; token != nil {
		source.Token = func(ctx context.Context) (string, error) {
			t, err := token(ctx)
			return string(t), err
		}
	}
	img, err := m.images.Prepare(ctx, image.Params{Source: source, MaxBytes: p.disk, Progress: p.report})
	if err != nil {
		return nil, imageFailure(err)
	}
	return &linuxImage{machine: m, image: img}, nil
}

// sandboxFailure tells a command that the image cannot run from a sandbox that this machine cannot make.
func sandboxFailure(err error) error {
	switch fault.Of(err) {
	case fault.Invalid, fault.TooLarge, fault.Missing:
		return failWith(api.ReasonImageInvalid, err, "%s", fault.Message(err))
	case fault.Unavailable:
		return failWith(api.ReasonHostUnfit, err, "%s", fault.Message(err))
	}
	return err
}

type linuxImage struct {
	machine *linuxMachine
	image   *image.Image
}

func (i *linuxImage) close() error { return i.image.Release() }

func (i *linuxImage) run(ctx context.Context, p iterationParams) (end iterationEnd, err error) {
	m := i.machine
	if end.argv, err = image.Command(i.image.Config, p.entrypoint, p.cmd); err != nil {
		return end, sandboxFailure(err)
	}
	box, err := m.driver.Prepare(ctx, isolate.Task{
		ID: p.name, RootFS: i.image.RootFS, Args: end.argv, Env: environment(i.image.Config.Env, p.env), WorkDir: i.image.Config.WorkDir,
		User: i.image.Config.User, CPUs: p.cpu, MemoryBytes: p.memory, DiskBytes: p.disk, PidsMax: limits.SandboxProcesses, Network: p.network,
		MaxWall: p.timeout + p.grace + limits.HangMargin,
	})
	if err != nil {
		return end, sandboxFailure(err)
	}
	defer func() {
		if closeErr := box.Close(); closeErr != nil {
			m.log.Error("sandbox was not removed", "sandbox", p.name, "error", closeErr)
		}
	}()
	before, readBefore := hostinfo.ReadCPUTime(m.root)
	p.started()
	if err := box.Start(ctx, p.stdout, p.stderr); err != nil {
		if ctx.Err() != nil {
			return killedEnd(end), nil
		}
		return end, sandboxFailure(err)
	}
	exit, timedOut, err := await(ctx, box, p)
	if err != nil {
		return end, sandboxFailure(err)
	}
	end.exitCode, end.signal, end.oom, end.timedOut = exit.Code, exit.Signal, exit.OOMKilled, timedOut
	end.start, end.wall = exit.Started, exit.Wall
	end.level, end.notes = string(m.caps.Level), slices.Concat(m.caps.Notes, box.Notes())
	end.host = m.facts()
	if after, ok := hostinfo.ReadCPUTime(m.root); ok && readBefore {
		end.host.StealRatio = hostinfo.Stolen(before, after)
	}
	if ctx.Err() == nil {
		err = collect(box, p, &end)
	}
	return end, err
}

// killedEnd is the end of a command that was stopped before it began.
func killedEnd(end iterationEnd) iterationEnd {
	end.exitCode, end.signal = 128+int(unix.SIGKILL), "SIGKILL"
	return end
}

// await waits for the command. Over its timeout it is asked to end and then killed; when ctx ends it is killed at once.
func await(ctx context.Context, box isolate.Sandbox, p iterationParams) (exit isolate.Exit, timedOut bool, err error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		exit, err = box.Wait()
	}()
	limit := time.NewTimer(p.timeout)
	defer limit.Stop()
	select {
	case <-ended:
		return exit, false, err
	case <-limit.C:
		timedOut = true
		box.Kill(p.grace)
	case <-ctx.Done():
		box.Kill(0)
	}
	select {
	case <-ended:
	case <-ctx.Done(): // also while the grace runs
		box.Kill(0)
		<-ended
	}
	return exit, timedOut, err
}

// collect copies the files that the job names out of the sandbox, within limits.
func collect(box isolate.Sandbox, p iterationParams, end *iterationEnd) error {
	for _, path := range p.filePaths {
		got, err := collectOne(box, p, path)
		switch {
		case fault.Is(err, fault.Missing), fault.Is(err, fault.Invalid):
			end.missing = append(end.missing, path)
		case err != nil:
			return fmt.Errorf("collect %s: %w", path, err)
		default:
			end.files = append(end.files, got)
		}
	}
	return nil
}

func collectOne(box isolate.Sandbox, p iterationParams, path string) (got collected, err error) {
	r, size, err := box.Open(path)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	got = collected{path: path, size: size}
	w, err := p.file(path)
	if err != nil || w == nil {
		return got, err
	}
	got.size, err = io.Copy(w, io.LimitReader(r, p.fileLimit))
	got.truncated = size > p.fileLimit
	return got, errors.Join(err, w.Close())
}

// environment is the image's, changed by the job's, in a fixed order.
func environment(fromImage []string, job map[string]string) []string {
	env := slices.DeleteFunc(slices.Clone(fromImage), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		_, replaced := job[name]
		return replaced
	})
	for _, name := range slices.Sorted(maps.Keys(job)) {
		env = append(env, name+"="+job[name])
	}
	return env
}
