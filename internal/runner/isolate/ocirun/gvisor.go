//go:build linux

package ocirun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/runner/isolate"
)

// gVisor's runsc differs from runc in three things. Its kernel is a program of ours, so control groups are made here and runsc is started inside
// of them: kernel, file server and command are then limited as one, which runsc's own use of them does not give on every host. The command is no
// process that could be waited for, and its exit status is gone with its kernel: runsc stays in the foreground and ends as the command does. And
// the processes of the sandbox are threads of its kernel: the limit of processes bounds them together with the kernel's own.
//
// runsc reads the same configuration; system call filters and masked paths in it are not needed, because nothing of the host's kernel is reached.

const (
	gvisorName    = "runsc"
	gvisorRunning = "running"
)

// gvisorThreads is how many threads gVisor's kernel and file server need beside the command's.
const gvisorThreads = 160

func (d *Driver) gvisor() bool { return d.name == gvisorName }

// gvisorFlags stand before runsc's command.
func gvisorFlags(network bool) []string {
	net := "none"
	if network {
		net = "host"
	}
	return []string{"--ignore-cgroups", "--overlay2=none", "--platform=systrap", "--network=" + net}
}

// groups are the control groups of one sandbox: one folder for each hierarchy, or a single one where there is only one hierarchy.
type groups struct {
	dirs map[string]string // controller → folder; "" is the unified one
}

const cgroupRoot = "/sys/fs/cgroup"

// groupDirs are the folders that a sandbox's groups have.
func groupDirs(id string) map[string]string {
	name := "tacho-" + id
	if unified() {
		return map[string]string{"": filepath.Join(cgroupRoot, name)}
	}
	out := map[string]string{}
	for _, controller := range []string{"memory", "pids", "cpuset"} {
		out[controller] = filepath.Join(cgroupRoot, controller, name)
	}
	return out
}

// makeGroups makes a sandbox's groups with the task's limits. A limit that cannot be set is an error: a runner that cannot hold a benchmark
// must not run it.
func makeGroups(t isolate.Task, cpus string) (groups, error) {
	g := groups{groupDirs(t.ID)}
	memory, pids := strconv.FormatInt(t.MemoryBytes, 10), strconv.Itoa(t.PidsMax+gvisorThreads)
	settings := map[string][][2]string{
		"memory": {{"memory.limit_in_bytes", memory}},
		"pids":   {{"pids.max", pids}},
		"cpuset": {{"cpuset.cpus", cpus}},
		"":       {{"memory.max", memory}, {"memory.swap.max", "0"}, {"pids.max", pids}, {"cpuset.cpus", cpus}},
	}
	if swapLimit() {
		settings["memory"] = append(settings["memory"], [2]string{"memory.memsw.limit_in_bytes", memory})
	}
	for controller, dir := range g.dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return g, fmt.Errorf("make control group: %w", err)
		}
		if controller == "cpuset" { // it has no memory nodes until it is told
			mems, err := os.ReadFile(filepath.Join(cgroupRoot, "cpuset", "cpuset.mems"))
			if err != nil {
				return g, fmt.Errorf("read memory nodes: %w", err)
			}
			settings[controller] = append(settings[controller], [2]string{"cpuset.mems", strings.TrimSpace(string(mems))})
		}
		for _, s := range settings[controller] {
			err := os.WriteFile(filepath.Join(dir, s[0]), []byte(s[1]), 0o644)
			if s[0] == "memory.swap.max" && errors.Is(err, fs.ErrNotExist) {
				continue // no swap to limit
			}
			if err != nil {
				return g, fmt.Errorf("limit %s: %w", s[0], err)
			}
		}
	}
	return g, nil
}

// start starts a command inside the groups, with all that it starts. On a unified hierarchy the kernel puts it there; on the older ones, where
// single threads may be in a group, it inherits the groups of the thread that forks it, which ends with the call.
func (g groups) start(cmd *exec.Cmd) error {
	if dir, ok := g.dirs[""]; ok {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}
		return cmd.Start()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: a thread that could not leave the groups must not go on
		home := cgroupsOf(unix.Gettid())
		err := g.enter(unix.Gettid())
		if err == nil {
			err = cmd.Start()
		}
		for controller := range g.dirs {
			if back := home[controller]; back != "" {
				err = errors.Join(err, writeTask(back, unix.Gettid()))
			}
		}
		done <- err
	}()
	return <-done
}

// enter moves a thread into the groups.
func (g groups) enter(tid int) error {
	for _, dir := range g.dirs {
		if err := writeTask(dir, tid); err != nil {
			return err
		}
	}
	return nil
}

func writeTask(dir string, tid int) error {
	if err := os.WriteFile(filepath.Join(dir, "tasks"), []byte(strconv.Itoa(tid)), 0o644); err != nil {
		return fmt.Errorf("enter control group: %w", err)
	}
	return nil
}

// killGroup kills what is in a group.
func killGroup(dir string) {
	raw, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return // there is none
	}
	for word := range strings.FieldsSeq(string(raw)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 1 && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// endGroups kills what is left in the groups and removes them.
func endGroups(id string) error {
	var all error
	for _, dir := range groupDirs(id) {
		for range 100 {
			killGroup(dir)
			if err := os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
				break
			}
			time.Sleep(10 * time.Millisecond) // the kernel needs a moment to bury what was killed
		}
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, fmt.Errorf("remove control group: %w", err))
		}
	}
	return all
}

// gvisorLog is where runsc says why it failed; what the command itself says goes to the streams.
func (s *sandbox) gvisorLog() string { return filepath.Join(s.dir, "runtime.log") }

// startGVisor starts the command with runsc in the foreground, and returns when it runs or has ended. The files are runsc's to close.
func (s *sandbox) startGVisor(stdout, stderr *os.File) error {
	args := slices.Concat([]string{"--log", s.gvisorLog()}, gvisorFlags(s.network), []string{"run", "--bundle", s.dir, s.id})
	cmd := s.command(context.Background(), args...) // it lives as long as the command, whatever becomes of the caller
	cmd.Stdout, cmd.Stderr = stdout, stderr
	var begun atomic.Pointer[time.Time]
	now := time.Now()
	begun.Store(&now)
	if err := s.groups.start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", gvisorName, err)
	}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		err := cmd.Wait()
		s.endedGVisor(*begun.Load(), cmd.ProcessState, err)
	}()
	// runsc tells nobody that the command has begun; its state file shows it.
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-s.done:
			return s.startErr
		case <-look.C:
			if s.runsInGVisor() {
				return nil
			}
			now := time.Now()
			begun.Store(&now)
		}
	}
}

// gvisorMounts are what gVisor needs beside the usual ones: it would put a disk of its own over an empty /tmp, whose files nobody could collect
// and whose size nobody limits.
func (s *sandbox) gvisorMounts() []specs.Mount {
	tmp := filepath.Join(s.merged(), "tmp")
	if info, err := os.Lstat(tmp); err != nil || !info.IsDir() {
		return nil
	}
	return []specs.Mount{{Destination: "/tmp", Type: "bind", Source: tmp, Options: []string{"bind", "rw", "nosuid", "nodev"}}}
}

// gvisorState is the sandbox's own state folder: what runsc mounts into it goes with the sandbox.
func (s *sandbox) gvisorState() string { return filepath.Join(s.dir, "state") }

// runsInGVisor reports whether runsc has noted that the command began.
func (s *sandbox) runsInGVisor() bool {
	files, err := filepath.Glob(filepath.Join(s.gvisorState(), "*.state"))
	if err != nil || len(files) != 1 {
		return false
	}
	var state struct {
		Status string `json:"status"`
	}
	raw, err := os.ReadFile(files[0])
	return err == nil && json.Unmarshal(raw, &state) == nil && state.Status == gvisorRunning
}

// endedGVisor keeps how runsc, and with it the command, ended.
func (s *sandbox) endedGVisor(begun time.Time, state *os.ProcessState, err error) {
	s.exit = isolate.Exit{Started: begun, Wall: time.Since(begun)}
	if state == nil {
		s.waitErr = fmt.Errorf("wait for sandbox %s: %w", s.id, err)
		return
	}
	status, _ := state.Sys().(syscall.WaitStatus)
	s.exit.Code = status.ExitStatus()
	if status.Signaled() {
		s.exit.Code = 128 + int(status.Signal())
	}
	oom := s.oomKills() > 0
	if said, _ := os.ReadFile(s.gvisorLog()); s.exit.Code == 128 && len(said) > 0 && !oom && !s.killed.Load() {
		s.startErr = startFault(fmt.Errorf("%s: %s", gvisorName, gvisorError(said)))
		s.waitErr = s.startErr
		return
	}
	if s.exit.Code != 0 && (oom || s.killed.Load()) { // its kernel is gone with it, and what code runsc makes of that says nothing
		s.exit.Code, s.exit.OOMKilled = 128+int(syscall.SIGKILL), oom
	}
	if s.exit.Code > 128 {
		s.exit.Signal = unix.SignalName(syscall.Signal(s.exit.Code - 128))
	}
}

// gvisorError is the last error in runsc's log.
func gvisorError(log []byte) string {
	last := lastLine(string(log))
	var entry struct {
		Msg string `json:"msg"`
	}
	if json.Unmarshal([]byte(last), &entry) == nil && entry.Msg != "" {
		return entry.Msg
	}
	return last
}
