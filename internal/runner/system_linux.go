package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/hostinfo"
	"github.com/tachograph/tacho/internal/runner/image"
	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/ocirun"
)

// linuxMachine runs images in containers of this host.
type linuxMachine struct {
	driver  isolate.Driver
	images  *image.Store
	has     isolate.Capabilities
	network bool
	dir     string
	root    *os.Root
}

// processes is how many processes and threads a benchmark may have: enough for thread pools, few enough that a fork bomb hurts nobody.
const processes = 4096

// openMachine finds a container runtime and removes what a killed runner left.
func openMachine(stateDir string, cfg MachineConfig, log *slog.Logger) (machine, func(), error) {
	driver, err := ocirun.New(ocirun.Config{Runtime: cfg.Runtime, Dir: filepath.Join(stateDir, "isolate")})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	has, err := driver.Probe(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := driver.Sweep(ctx); err != nil {
		return nil, nil, fmt.Errorf("remove what an earlier runner left: %w", err)
	}
	images, err := image.Open(filepath.Join(stateDir, "images"))
	if err != nil {
		return nil, nil, err
	}
	root, err := os.OpenRoot("/")
	if err != nil {
		return nil, nil, err
	}
	log.Info("isolation is ready", "runtime", has.Name, "version", has.Version, "level", string(has.Level), "notes", has.Notes)
	m := &linuxMachine{driver: driver, images: images, has: has, network: cfg.AllowNetwork, dir: stateDir, root: root}
	return m, func() { _ = root.Close() }, nil
}

// facts are the host's, read now.
func (m *linuxMachine) facts() api.HostFacts {
	f := hostinfo.Read(os.DirFS("/"))
	f.OS = "linux"
	f.Architecture = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	if name, err := os.Hostname(); err == nil {
		f.Hostname = name
	}
	f.Isolation, f.IsolationNotes = string(m.has.Level), m.has.Notes
	return f
}

func (m *linuxMachine) offer() offer {
	o := offer{levels: []string{string(m.has.Level)}, network: m.network, cpus: runtime.NumCPU(), facts: m.facts()}
	if m.has.Level != isolate.Container && m.has.Level.AtLeast(isolate.Container) {
		o.levels = append(o.levels, string(isolate.Container))
	}
	if o.facts.MemoryBytes != nil {
		o.memory = *o.facts.MemoryBytes
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(m.dir, &disk); err == nil {
		o.disk = int64(disk.Bavail) * disk.Bsize //nolint:gosec // no disk has 8 EiB
	}
	return o
}

func (m *linuxMachine) prepare(ctx context.Context, p prepareParams) (prepared, error) {
	source := image.Source{Local: p.source.local, Registry: p.source.registry, Repository: p.source.repository, Version: p.source.version}
	if p.source.token != nil {
		source.Token = func(ctx context.Context) (string, error) {
			secret, err := p.source.token(ctx)
			return string(secret), err
		}
	}
	img, err := m.images.Prepare(ctx, image.Params{Source: source, MaxBytes: p.disk, Progress: p.report})
	if err != nil {
		return nil, imageFailure(err)
	}
	return &linuxImage{m, img}, nil
}

// imageFailure says whether trying again may help.
func imageFailure(err error) error {
	switch fault.Of(err) {
	case fault.Invalid, fault.TooLarge, fault.Missing:
		return failWith(api.ReasonImageInvalid, err, "%s", fault.Message(err))
	case fault.Unauthorized, fault.Forbidden, fault.Unavailable, fault.TooMany:
		return failWith(api.ReasonImagePull, err, "%s", fault.Message(err))
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return failWith(api.ReasonImagePull, err, "the image could not be fetched or unpacked")
}

// linuxImage is an unpacked image.
type linuxImage struct {
	m   *linuxMachine
	img *image.Image
}

func (i *linuxImage) close() error { return i.img.Release() }

func (i *linuxImage) run(ctx context.Context, p iterationParams) (end iterationEnd, err error) {
	end.argv, err = image.Command(i.img.Config, p.entrypoint, p.cmd)
	if err != nil {
		return end, failWith(api.ReasonImageInvalid, err, "%s", fault.Message(err))
	}
	sandbox, err := i.m.driver.Prepare(ctx, isolate.Task{
		ID: p.name, RootFS: i.img.RootFS, Args: end.argv, Env: environment(i.img.Config.Env, p.env), WorkDir: i.img.Config.WorkDir, User: i.img.Config.User,
		CPUs: p.cpu, MemoryBytes: p.memory, DiskBytes: p.disk, PidsMax: processes, Network: p.network,
	})
	if err != nil {
		return end, sandboxFailure(err)
	}
	defer func() {
		if closed := sandbox.Close(); closed != nil && err == nil {
			err = failWith(api.ReasonSandbox, closed, "the sandbox could not be taken away")
		}
	}()
	before, haveBefore := hostinfo.ReadCPUTime(i.m.root.FS())
	p.started()
	if err := sandbox.Start(ctx, p.stdout, p.stderr); err != nil {
		return end, sandboxFailure(err)
	}
	exit, timedOut, err := wait(ctx, sandbox, p.timeout, p.grace)
	if err != nil {
		return end, sandboxFailure(err)
	}
	end.exitCode, end.signal, end.oom, end.timedOut = exit.Code, exit.Signal, exit.OOMKilled, timedOut
	end.start, end.wall, end.level, end.notes = exit.Started, exit.Wall, string(i.m.has.Level), append(slices.Clone(i.m.has.Notes), sandbox.Notes()...)
	end.host = i.m.facts()
	if after, ok := hostinfo.ReadCPUTime(i.m.root.FS()); ok && haveBefore {
		end.host.StealRatio = hostinfo.Stolen(before, after)
	}
	return end, collectFiles(sandbox, p, &end)
}

// wait waits for the command, and ends it when its time is over or ctx is done.
func wait(ctx context.Context, s isolate.Sandbox, timeout, grace time.Duration) (exit isolate.Exit, timedOut bool, err error) {
	ended := make(chan struct{})
	go func() {
		exit, err = s.Wait()
		close(ended)
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		timedOut = true
		s.Kill(grace)
		select {
		case <-ended:
		case <-ctx.Done(): // no grace for a job that nobody wants any more
			s.Kill(0)
		}
	case <-ctx.Done():
		s.Kill(0)
	}
	<-ended
	return exit, timedOut, err
}

// sandboxFailure tells a command that the image cannot run from isolation that does not work.
func sandboxFailure(err error) error {
	switch fault.Of(err) {
	case fault.Invalid:
		return failWith(api.ReasonImageInvalid, err, "%s", fault.Message(err))
	case fault.Unavailable:
		return failWith(api.ReasonHostUnfit, err, "%s", fault.Message(err))
	}
	return failWith(api.ReasonSandbox, err, "the sandbox could not be set up")
}

// environment is the image's with the job's over it.
func environment(base []string, over map[string]string) []string {
	var out []string
	for _, entry := range base {
		key := entry
		for j := range entry {
			if entry[j] == '=' {
				key = entry[:j]
				break
			}
		}
		if _, replaced := over[key]; !replaced {
			out = append(out, entry)
		}
	}
	for key, value := range over {
		out = append(out, key+"="+value)
	}
	slices.Sort(out)
	return out
}

// collectFiles copies the asked files out of the sandbox, each up to its limit.
func collectFiles(s isolate.Sandbox, p iterationParams, end *iterationEnd) error {
	for _, path := range p.filePaths {
		r, size, err := s.Open(path)
		if fault.Is(err, fault.Missing) || fault.Is(err, fault.Invalid) {
			end.missing = append(end.missing, path)
			continue
		}
		if err != nil {
			return failWith(api.ReasonSandbox, err, "the file %q could not be collected", path)
		}
		one, err := collectFile(r, size, path, p)
		if err != nil {
			return failWith(api.ReasonSandbox, err, "the file %q could not be collected", path)
		}
		end.files = append(end.files, one)
	}
	return nil
}

func collectFile(r io.ReadCloser, size int64, path string, p iterationParams) (one collected, err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	one = collected{path: path, size: size}
	w, err := p.file(path)
	if err != nil || w == nil {
		return one, err
	}
	one.size, err = io.Copy(w, io.LimitReader(r, p.fileLimit))
	one.truncated = size > p.fileLimit
	return one, errors.Join(err, w.Close())
}
