//go:build linux

// Package ocirun isolates by an OCI runtime: runc or crun, or gVisor's runsc where it is asked for.
//
// A sandbox has namespaces of its own for users where the host can (see Driver.Probe), processes, mounts, IPC, host name, control groups
// and network; no capabilities, no new privileges, a system call filter, a read-only view of the kernel's interfaces; limits on CPUs,
// memory without swap, and processes. Its files are the image, which stays as it is, under a layer of its own on a disk of exactly the
// task's size: a sparse ext4 file in a loop device, or a tmpfs where that does not work, which counts as memory then and is noted. The
// runtime creates, starts and deletes; the command itself is waited for by this process, which becomes its reaper, so that the exit
// status is the real one.
package ocirun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// Config says which runtime and where it works.
type Config struct {
	Runtime string   // "runc", "crun" or "runsc", or the path of one; empty: the first of runc and crun that is there and works
	Dir     string   // folder for sandboxes; made
	Keeper  []string // words after this program's name that make it call Keep with the words that follow; required
}

// Driver makes containers.
type Driver struct {
	runtime string // path
	name    string
	dir     string
	keeper  []string
	rootID  uint32 // the host's id of root in sandboxes; 0: they have no user namespace
}

var _ isolate.Driver = (*Driver)(nil)

// New finds the runtime. Errors say what to install.
func New(cfg Config) (*Driver, error) {
	if len(cfg.Keeper) == 0 {
		return nil, errors.New("isolate by an OCI runtime: no command line for keepers")
	}
	names := []string{"runc", "crun"}
	if cfg.Runtime != "" {
		if base := filepath.Base(cfg.Runtime); base != "runc" && base != "crun" && base != gvisorName {
			return nil, fault.Invalidf("runtime %q is not supported; use runc, crun where cgroup v2 is unified, or runsc (gVisor)", cfg.Runtime)
		}
		names = []string{cfg.Runtime}
	}
	if os.Geteuid() != 0 {
		return nil, fault.New(fault.Unavailable, "containers need root here; run the runner as root")
	}
	var why []string
	for _, name := range names {
		file, err := exec.LookPath(name)
		if err != nil {
			why = append(why, name+" is not installed")
			continue
		}
		if filepath.Base(name) == "crun" && !unified() {
			why = append(why, "crun needs a unified cgroup v2 hierarchy, which this host does not have")
			continue
		}
		dir, err := filepath.Abs(cfg.Dir)
		if err == nil {
			file, err = filepath.Abs(file)
		}
		if err != nil {
			return nil, err
		}
		for _, d := range []string{"sandboxes", "state"} {
			if err := os.MkdirAll(filepath.Join(dir, d), 0o711); err != nil {
				return nil, fmt.Errorf("make folder for sandboxes: %w", err)
			}
		}
		for _, folder := range []string{dir, filepath.Join(dir, "sandboxes")} { // a service's umask may have closed them
			if err := os.Chmod(folder, 0o711); err != nil {
				return nil, fmt.Errorf("open folder for sandboxes: %w", err)
			}
		}
		// The command is no child of ours: the runtime starts it and leaves. As its reaper we still get its exit status.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("become the reaper of containers: %w", err)
		}
		d := &Driver{runtime: file, name: filepath.Base(name), dir: dir, keeper: cfg.Keeper}
		if !d.gvisor() {
			d.rootID = rangeStart(os.DirFS("/etc"))
		}
		return d, nil
	}
	way := "apt-get install runc"
	if filepath.Base(cfg.Runtime) == gvisorName {
		way = "install gVisor's runsc, or leave --runtime out"
	}
	return nil, fault.New(fault.Unavailable, "no container runtime works here: %s; %s", strings.Join(why, "; "), way)
}

// Probe implements isolate.Driver. Where a sandbox with a user namespace does not work, later ones have none, and a note says why.
// Nothing is tried for gVisor, which gets none.
func (d *Driver) Probe(ctx context.Context) (isolate.Capabilities, error) {
	out, err := exec.CommandContext(ctx, d.runtime, "--version").Output()
	if err != nil {
		return isolate.Capabilities{}, fault.Wrap(fault.Unavailable, err, "%s does not run: %v", d.name, err)
	}
	if why := outdated(d.name, string(out)); why != "" {
		return isolate.Capabilities{}, fault.New(fault.Unavailable, "%s", why)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	c := isolate.Capabilities{Name: d.name, Version: strings.TrimPrefix(line, d.name+" version "), Level: host.Container}
	if d.gvisor() {
		c.Level = host.GVisor
	}
	if !unified() && !swapLimit() {
		c.Notes = append(c.Notes, "swap is not limited: the kernel does not account for it")
	}
	if d.rootID != 0 {
		err := d.tryUserNamespace(ctx)
		if ctx.Err() != nil {
			return isolate.Capabilities{}, fmt.Errorf("try a user namespace: %w", context.Cause(ctx))
		}
		if err != nil {
			d.rootID = 0
			why := strings.ReplaceAll(err.Error(), "\n", "; ")
			note := "no user namespace (root in the sandbox is this machine's, without capabilities): %.300s"
			c.Notes = append(c.Notes, fmt.Sprintf(note, why))
		}
	}
	c.RootID = d.rootID
	return c, nil
}

// Sweep implements isolate.Driver.
func (d *Driver) Sweep(ctx context.Context) error {
	release, err := d.alone()
	if err != nil {
		return err
	}
	defer release()
	left, err := os.ReadDir(filepath.Join(d.dir, "sandboxes"))
	if err != nil {
		return fmt.Errorf("look for old sandboxes: %w", err)
	}
	var all error
	for _, e := range left {
		s, err := d.leftover(e.Name())
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		all = errors.Join(all, s.Close())
	}
	return all
}

// folder is a sandbox's own.
func (d *Driver) folder(id string) string { return filepath.Join(d.dir, "sandboxes", id) }

// leftover is a sandbox of an earlier process, with the runtime that it was made for, which need not be this driver's.
func (d *Driver) leftover(id string) (*sandbox, error) {
	s := &sandbox{driver: d, id: id, dir: d.folder(id)}
	switch made, err := os.ReadFile(s.runtimeFile()); {
	case err == nil && len(made) > 0:
		s.driver = &Driver{runtime: string(made), name: filepath.Base(string(made)), dir: d.dir}
	case err != nil && !errors.Is(err, fs.ErrNotExist): // without it nothing was made yet
		return nil, fmt.Errorf("read runtime of sandbox %s: %w", id, err)
	}
	var err error
	s.groups, err = readGroups(s.groupsFile())
	return s, err
}

// runtimeFile says which runtime the sandbox is made for.
func (s *sandbox) runtimeFile() string { return filepath.Join(s.dir, "runtime") }

// groupsFile says which control groups we made for the sandbox.
func (s *sandbox) groupsFile() string { return filepath.Join(s.dir, "groups.json") }

// run runs the runtime with a command for the sandbox.
func (s *sandbox) run(ctx context.Context, args ...string) error {
	cmd := s.command(ctx, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := runTied(cmd); err != nil {
		return fmt.Errorf("%s %s: %w: %s", s.driver.name, args[0], err, lastLine(errs.String()))
	}
	return nil
}

func (s *sandbox) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.driver.runtime, append([]string{"--root", s.stateRoot()}, args...)...)
	cmd.Env = []string{searchPath} // nothing of ours goes near the benchmark
	return cmd
}

// searchPath is the environment of runtimes and keepers.
const searchPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

// stateRoot is the folder in which the runtime keeps its own state.
func (s *sandbox) stateRoot() string {
	if s.driver.gvisor() {
		return s.gvisorState()
	}
	return filepath.Join(s.driver.dir, "state")
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// Prepare implements isolate.Driver.
func (d *Driver) Prepare(ctx context.Context, t isolate.Task) (isolate.Sandbox, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	if t.Network { // the host's own would open its loopback, its private networks, its abstract sockets and its cloud's metadata to the command
		return nil, fault.New(fault.Unavailable, "this machine's sandboxes have no network; put what the benchmark needs into its image, and use a spec without network")
	}
	s := &sandbox{driver: d, id: t.ID, dir: d.folder(t.ID), task: t, pids: t.PidsMax, limit: t.MaxWall}
	if err := os.Mkdir(s.dir, 0o711); err != nil {
		return nil, fmt.Errorf("make folder of sandbox %s: %w", t.ID, err)
	}
	if err := errors.Join(os.Chmod(s.dir, 0o711), s.prepare(ctx, t)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// sandbox is one container.
type sandbox struct {
	driver *Driver
	id     string
	dir    string
	task   isolate.Task
	pids   int
	notes  []string

	limit  time.Duration
	mounts []specs.Mount // places that were made for the runtime
	killed atomic.Bool   // by force
	keeper *keeper       // nil: of an earlier process, or a keeper itself
	unkept atomic.Bool   // the keeper was gone before the command

	groups   groups // all that may hold a process of it, to kill and remove; of gVisor also made by us
	startErr error  // of gVisor: why the command never began

	pid     int
	said    head // the first that came by stderr: the runtime's own words if the command never began
	unbegun bool // the kernel did not run the command; the runtime's process ended in its place
	blamed  sync.Once
	cgroups groups // that the command is in, to read
	started time.Time
	streams sync.WaitGroup
	done    chan struct{} // closed when the command has ended
	exit    isolate.Exit
	waitErr error
	closing sync.Once
	err     error
}

func (s *sandbox) merged() string { return filepath.Join(s.dir, "rootfs") }

func (s *sandbox) prepare(ctx context.Context, t isolate.Task) error {
	if err := os.WriteFile(s.runtimeFile(), []byte(s.driver.runtime), 0o600); err != nil {
		return err
	}
	if !s.driver.gvisor() {
		s.groups = runtimeGroups(cgroupRoot, unified(), s.id)
		if err := s.groups.write(s.groupsFile()); err != nil {
			return err
		}
	}
	var err error
	if s.keeper, err = s.driver.newKeeper(s.id); err != nil { // before there is anything that it would have to remove
		return err
	}
	if err := s.disk(ctx, t); err != nil {
		return err
	}
	uid, gid, err := lookupUser(s.merged(), t.User)
	if err != nil {
		return err
	}
	if max(uid, gid) >= limits.SandboxIDs { // also without a user namespace: an image is not to depend on the machine
		return fault.Invalidf("image: it wants to run as user %d, group %d, but sandboxes have the ids 0 to %d; use lower ones",
			uid, gid, limits.SandboxIDs-1)
	}
	spec, err := s.spec(t, uid, gid)
	if err != nil {
		return err
	}
	if s.driver.gvisor() {
		tmp, err := s.gvisorMounts()
		if err != nil {
			return err
		}
		spec.Mounts = append(spec.Mounts, tmp...)
		s.notes = append(s.notes, "gVisor's own kernel is part of the benchmark's memory, and its threads of the limit of processes")
		if err := s.gvisorGroups(t, spec.Linux.Resources.CPU.Cpus); err != nil {
			return err
		}
	}
	if err := s.layOut(spec); err != nil {
		return err
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, "config.json"), raw, 0o600)
}

// disk mounts the image under a writable layer of the task's size.
func (s *sandbox) disk(ctx context.Context, t isolate.Task) error {
	scratch := filepath.Join(s.dir, "disk")
	for _, d := range []string{scratch, s.merged()} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	if err := s.loopDisk(ctx, t.DiskBytes, scratch); err != nil {
		if err := unix.Mount("tmpfs", scratch, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d,mode=0755", t.DiskBytes)); err != nil {
			return fmt.Errorf("mount disk of sandbox %s: %w", s.id, err)
		}
		s.notes = append(s.notes, "what the benchmark writes lies in memory and counts as such: no loop device")
	}
	upper, work := filepath.Join(scratch, "upper"), filepath.Join(scratch, "work")
	owner := int(s.driver.rootID)
	for _, d := range []string{upper, work} {
		if err := errors.Join(os.Mkdir(d, 0o755), os.Chmod(d, 0o755), os.Lchown(d, owner, owner)); err != nil {
			return err
		}
	}
	options := "lowerdir=" + t.RootFS + ",upperdir=" + upper + ",workdir=" + work
	if strings.ContainsAny(t.RootFS+upper, ",:\\") {
		return fault.Invalidf("the runner's state folder %s must not have a comma, a colon or a backslash in its name", s.driver.dir)
	}
	if err := unix.Mount("overlay", s.merged(), "overlay", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("mount files of sandbox %s: %w", s.id, err)
	}
	return nil
}

// smallestDisk is what an ext4 file system needs for itself.
const smallestDisk = 8 << 20

// loopDisk makes a file system of the given size in a sparse file.
func (s *sandbox) loopDisk(ctx context.Context, size int64, at string) error {
	file := at + ".img"
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(max(size, smallestDisk)), f.Close()); err != nil {
		return err
	}
	// No journal: a sandbox that is cut off is thrown away, not recovered.
	if out, err := output(exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "nodiscard,lazy_itable_init=1", file)); err != nil {
		return errors.Join(fmt.Errorf("make file system: %w: %s", err, lastLine(out)), os.Remove(file))
	}
	if out, err := output(exec.CommandContext(ctx, "mount", "-t", "ext4", "-o", "loop,nosuid,nodev,noatime", file, at)); err != nil {
		return errors.Join(fmt.Errorf("mount file system: %w: %s", err, lastLine(out)), os.Remove(file))
	}
	return nil
}

// awaitDisk waits until the kernel lets go of the disk's file: mounts of processes that have just died go a moment after them,
// and the space is taken until then.
func (s *sandbox) awaitDisk() {
	for range 200 {
		held := false
		disks, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // the pattern is good
		for _, disk := range disks {
			file, err := os.ReadFile(disk)
			held = held || err == nil && strings.HasPrefix(string(file), s.dir+"/")
		}
		if !held {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// output runs a helper and returns what it said.
func output(cmd *exec.Cmd) (string, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := runTied(cmd)
	return said.String(), err
}

// Start implements isolate.Sandbox.
func (s *sandbox) Start(ctx context.Context, stdout, stderr io.Writer) error {
	return s.blame(ctx, s.start(ctx, stdout, stderr))
}

func (s *sandbox) start(ctx context.Context, stdout, stderr io.Writer) error {
	if err := s.stillLaidOut(); err != nil {
		return err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return errors.Join(err, outR.Close(), outW.Close())
	}
	if s.driver.gvisor() {
		s.streams.Go(func() { pump(outR, stdout) })
		s.streams.Go(func() { pump(errR, stderr) })
		err := s.startGVisor(outW, errW)
		return errors.Join(err, outW.Close(), errW.Close())
	}
	pidFile := filepath.Join(s.dir, "pid")
	cmd := s.command(ctx, "create", "--bundle", s.dir, "--pid-file", pidFile, s.id)
	logFile := filepath.Join(s.dir, "runtime.log")
	cmd.Args = append(cmd.Args[:1:1], append([]string{"--log", logFile}, cmd.Args[1:]...)...)
	cmd.Stdout, cmd.Stderr = outW, errW
	err = runTied(cmd)
	err = errors.Join(err, outW.Close(), errW.Close())
	if err != nil {
		text, _ := io.ReadAll(io.LimitReader(errR, 4096))
		log, _ := os.ReadFile(logFile)
		_ = outR.Close()
		_ = errR.Close()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
			err = &refusal{fmt.Sprintf("%s create: %s", s.driver.name, lastLine(string(log)+"\n"+string(text)))}
		}
		return err
	}
	s.streams.Go(func() { pump(outR, stdout) })
	s.streams.Go(func() { pump(errR, io.MultiWriter(&s.said, stderr)) })
	raw, err := os.ReadFile(pidFile)
	if err != nil {
		return err
	}
	if s.pid, err = strconv.Atoi(strings.TrimSpace(string(raw))); err != nil {
		return fmt.Errorf("read pid of sandbox %s: %w", s.id, err)
	}
	s.cgroups = cgroupsOf(s.pid)
	s.done = make(chan struct{})
	err = s.checkIDs()
	if err == nil {
		err = s.keeper.run(s.limit)
	}
	s.started = time.Now()
	if err == nil {
		err = s.run(ctx, "start", s.id)
	}
	go s.reap()
	if err != nil {
		s.Kill(0)
		return err
	}
	go s.watchKeeper()
	return nil
}

// watchKeeper ends a command that has lost its keeper: nobody would end it if this process were killed.
func (s *sandbox) watchKeeper() {
	select {
	case <-s.done:
	case <-s.keeper.ended:
		if !s.keeper.dismissed.Load() {
			s.unkept.Store(true)
			s.force()
		}
	}
}

// pump copies until the last holder of the pipe is gone. When the writer fails the rest is read and dropped, so that the command does not
// hang on a full pipe before it is killed.
func pump(r *os.File, w io.Writer) {
	defer r.Close()
	if _, err := io.Copy(w, r); err != nil {
		_, _ = io.Copy(io.Discard, r)
	}
}

// reap waits for the command and keeps how it ended.
func (s *sandbox) reap() {
	defer close(s.done)
	s.unbegun = neverBegan(s.pid)
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(s.pid, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			s.waitErr = fmt.Errorf("wait for sandbox %s: %w", s.id, err)
		}
		break
	}
	s.exit = isolate.Exit{Started: s.started, Wall: time.Since(s.started)}
	switch {
	case status.Signaled():
		s.exit.Code, s.exit.Signal = 128+int(status.Signal()), unix.SignalName(status.Signal())
	default:
		s.exit.Code = status.ExitStatus()
	}
	s.unbegun = s.unbegun && !status.Signaled() && !s.killed.Load()
	s.exit.OOMKilled = s.exit.Code != 0 && s.cgroups.oomKills() > 0
}

// Wait implements isolate.Sandbox.
func (s *sandbox) Wait() (isolate.Exit, error) {
	<-s.done
	s.streams.Wait()
	if s.unkept.Load() {
		return s.exit, fmt.Errorf("wait for sandbox %s: its keeper was killed, and the command with it", s.id)
	}
	if s.unbegun {
		s.blamed.Do(func() { s.waitErr = s.blameUnbegun() })
	}
	return s.exit, s.waitErr
}

// Kill implements isolate.Sandbox. Only SIGKILL ends the first process of a namespace that has no handler, and with it all others.
func (s *sandbox) Kill(grace time.Duration) {
	if grace <= 0 {
		s.force()
		return
	}
	go func() { // ends with the command
		limit := time.NewTimer(grace)
		defer limit.Stop()
		asking, stop := context.WithCancel(context.Background())
		defer stop()
		go func() { _ = s.run(asking, "kill", s.id, "TERM") }() // a kernel in user space may not answer
		select {
		case <-s.done:
		case <-limit.C:
			s.force()
		}
	}()
}

func (s *sandbox) force() {
	select {
	case <-s.done: // its number may be another process's by now
		return
	default:
	}
	s.killed.Store(true)
	if s.driver.gvisor() {
		s.groups.kill()
		return
	}
	if err := s.run(context.Background(), "kill", s.id, "KILL"); err != nil {
		select {
		case <-s.done:
		default:
			_ = syscall.Kill(s.pid, syscall.SIGKILL)
		}
	}
}

// Notes implements isolate.Sandbox.
func (s *sandbox) Notes() []string { return s.notes }

// Close implements isolate.Sandbox.
func (s *sandbox) Close() error {
	s.closing.Do(func() {
		if s.done != nil {
			select {
			case <-s.done:
			default:
				s.force()
				<-s.done
			}
			s.streams.Wait()
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.groups.kill() // also what a runtime that was killed half-way does not know of
		if _, err := os.Stat(filepath.Join(s.stateRoot(), s.id)); err == nil && !s.driver.gvisor() {
			s.err = s.run(ctx, "delete", "--force", s.id)
		}
		s.err = errors.Join(s.err, s.groups.end())
		for _, at := range []string{filepath.Join(s.gvisorState(), "null-netns"), s.merged(), filepath.Join(s.dir, "disk")} {
			if err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
				s.err = errors.Join(s.err, fmt.Errorf("unmount %s: %w", at, err))
			}
		}
		s.awaitDisk()
		if s.err == nil { // never remove through a mount that is still there
			s.err = os.RemoveAll(s.dir)
		}
		if s.keeper != nil {
			s.keeper.dismiss()
		}
	})
	return s.err
}
