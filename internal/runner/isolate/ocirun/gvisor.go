//go:build linux

package ocirun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/runner/isolate"
)

// gVisor's runsc differs from runc in three things. Its kernel is a program of ours, so control groups are made here and runsc is started
// inside of them: kernel, file server and command are then limited as one, which runsc's own use of them does not give on every host. The
// command is no process that could be waited for, and its exit status is gone with its kernel: runsc stays in the foreground and ends as
// the command does. And the processes of the sandbox are threads of its kernel: the limit of processes bounds them together with the
// kernel's own.
//
// runsc reads the same configuration; system call filters and masked paths in it are not needed, because nothing of the host's kernel is
// reached.

const (
	gvisorName    = "runsc"
	gvisorRunning = "running"
)

// gvisorThreads is how many threads gVisor's kernel and file server need beside the command's.
const gvisorThreads = 160

func (d *Driver) gvisor() bool { return d.name == gvisorName }

// gvisorFlags stand before runsc's command.
var gvisorFlags = []string{"--ignore-cgroups", "--overlay2=none", "--platform=systrap", "--network=none"}

// gvisorGroups makes the control groups of the sandbox, noted before they are there, and the folder for runsc's state.
func (s *sandbox) gvisorGroups(t isolate.Task, cpus string) error {
	s.groups = placeGroups(cgroupRoot, cgroupsOf(os.Getpid()), unified(), s.id)
	if err := s.groups.write(s.groupsFile()); err != nil {
		return err
	}
	if err := s.groups.make(groupLimits{t.MemoryBytes, t.PidsMax + gvisorThreads, cpus, swapLimit()}); err != nil {
		return err
	}
	s.cgroups = s.groups
	return os.Mkdir(s.gvisorState(), 0o711)
}

// gvisorLog is where runsc says why it failed; what the command itself says goes to the streams.
func (s *sandbox) gvisorLog() string { return filepath.Join(s.dir, "runtime.log") }

// startGVisor starts the command with runsc in the foreground, and returns when it runs or has ended. The files are runsc's to close.
func (s *sandbox) startGVisor(stdout, stderr *os.File) error {
	args := slices.Concat([]string{"--log", s.gvisorLog()}, gvisorFlags, []string{"run", "--bundle", s.dir, s.id})
	cmd := s.command(context.Background(), args...) // it lives as long as the command, whatever becomes of the caller
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := s.keeper.run(s.limit); err != nil {
		return err
	}
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
				go s.watchKeeper()
				return nil
			}
			now := time.Now()
			begun.Store(&now)
		}
	}
}

// gvisorMounts are what gVisor needs beside the usual ones: it would put a disk of its own over an empty /tmp, whose files nobody
// could collect and whose size nobody limits. It does not start with a /tmp that is a link.
func (s *sandbox) gvisorMounts() ([]specs.Mount, error) {
	root, err := os.OpenRoot(s.merged())
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if info, err := root.Lstat("tmp"); err != nil || !info.IsDir() {
		if err := errors.Join(root.RemoveAll("tmp"), root.Mkdir("tmp", 0o777), root.Chmod("tmp", 0o777|fs.ModeSticky)); err != nil {
			return nil, fmt.Errorf("make /tmp of sandbox %s: %w", s.id, err)
		}
	}
	return []specs.Mount{{
		Destination: "/tmp", Type: "bind", Source: filepath.Join(s.merged(), "tmp"), Options: []string{"bind", "rw", "nosuid", "nodev"},
	}}, nil
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
	oom := s.cgroups.oomKills() > 0
	if said, _ := os.ReadFile(s.gvisorLog()); s.exit.Code == 128 && len(said) > 0 && !oom && !s.killed.Load() {
		s.startErr = &refusal{fmt.Sprintf("%s: %s", gvisorName, gvisorError(said))}
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
