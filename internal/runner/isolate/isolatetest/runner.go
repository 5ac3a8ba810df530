//go:build linux

package isolatetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/runner/isolate"
)

// RunTask is the whole of a runner process for the claims about runners: it runs a task, written as JSON, hands on the command's output and
// prints how the command ended.
func RunTask(d isolate.Driver, task string) error {
	var tk isolate.Task
	if err := json.Unmarshal([]byte(task), &tk); err != nil {
		return err
	}
	s, err := d.Prepare(context.Background(), tk)
	if err != nil {
		return err
	}
	if err := s.Start(context.Background(), os.Stdout, io.Discard); err != nil {
		return errors.Join(err, s.Close())
	}
	exit, err := s.Wait()
	fmt.Println("ended", exit.Code, err)
	return s.Close()
}

// runnerProcess is a runner that is about to be hurt.
type runnerProcess struct {
	*os.Process
	said *bufio.Reader
}

// runner starts a process that runs the task, and returns when the command has said its first word.
func (t *bench) runner(tk isolate.Task) runnerProcess {
	t.Helper()
	cmd := t.options.Runner(t.driver, tk)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, or something failed
		_, _ = cmd.Process.Wait()
	})
	r := runnerProcess{cmd.Process, bufio.NewReader(out)}
	if got := r.line(t.T); got != "ready" {
		t.Fatalf("the runner said %q", got)
	}
	return r
}

// line is what the runner or its command says next.
func (r runnerProcess) line(t *testing.T) string {
	t.Helper()
	text, err := r.said.ReadString('\n')
	if err != nil {
		t.Fatalf("the runner said %q and then: %v", text, err)
	}
	return strings.TrimSpace(text)
}

// isOurs reports whether a process runs this very program, as runners and their helpers do.
func isOurs(pid int) bool {
	here, err := os.Readlink("/proc/self/exe")
	there, err2 := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	return err == nil && err2 == nil && here == there
}

// deaths watches processes; the function it returns waits until all of them have ended.
func deaths(t *testing.T, pids []int) (await func()) {
	t.Helper()
	if len(pids) == 0 {
		t.Fatal("there is no process to wait for")
	}
	var watched []unix.PollFd
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatalf("watch process %d: %v", pid, err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		watched = append(watched, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	return func() {
		t.Helper()
		giveUp := time.Now().Add(time.Minute)
		for len(watched) > 0 {
			n, err := unix.Poll(watched, int(time.Until(giveUp).Milliseconds()))
			if err != nil && !errors.Is(err, unix.EINTR) {
				t.Fatal(err)
			}
			if n == 0 && time.Now().After(giveUp) {
				t.Fatalf("%d of %d processes do not end", len(watched), len(pids))
			}
			watched = slices.DeleteFunc(watched, func(fd unix.PollFd) bool { return fd.Revents != 0 })
		}
	}
}

func theTimeLimitHoldsByItself(t *bench) {
	tk := t.task("stubborn")
	tk.MaxWall = time.Second
	ends(t, t.run(tk, nil).exit, killed)
}

// aSandboxDiesWithItsRunner kills the runner, and nobody starts another one. What the runner started ends, and removes the rest before.
func aSandboxDiesWithItsRunner(t *bench) {
	tk := t.task("family")
	tk.Args = append(tk.Args, tk.ID)
	r := t.runner(tk)
	all := processesOf(t.T, tk.ID)
	delete(all, r.Pid)
	gone := deaths(t.T, slices.Collect(maps.Keys(all)))
	if len(t.options.Left(t.driver, tk.ID)) == 0 {
		t.Error("a sandbox that runs leaves no trace: the claim would hold by itself")
	}
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	gone()
	if left := processesOf(t.T, tk.ID); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	t.noTrace(tk.ID)
}

// theTimeLimitHoldsWhenTheRunnerHangs stops the runner before the limit. One that goes on afterwards finds its command ended, and closes
// as ever.
func theTimeLimitHoldsWhenTheRunnerHangs(t *bench) {
	tk := t.task("family")
	tk.Args = append(tk.Args, tk.ID)
	tk.MaxWall = 2 * time.Second
	r := t.runner(tk)
	if err := r.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	sandbox := processesOf(t.T, tk.ID)
	maps.DeleteFunc(sandbox, func(pid int, _ string) bool { return isOurs(pid) })
	deaths(t.T, slices.Collect(maps.Keys(sandbox)))()
	if err := r.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if got := r.line(t.T); got != "ended 137 <nil>" {
		t.Errorf("the runner said %q", got)
	}
	if state, err := r.Wait(); err != nil || !state.Success() {
		t.Errorf("the runner ended %v, %v", state, err)
	}
	if left := processesOf(t.T, tk.ID); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	t.noTrace(tk.ID)
}
