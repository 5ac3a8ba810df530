//go:build linux

package ocirun

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/isolatetest"
)

// First words of this program's command line when it is not to run tests.
const (
	wordKeep   = "keep-for-test"
	wordRunner = "runner-for-test" // runtime, folder and task follow
	wordWithin = "within-for-test" // folder and task follow
)

var testKeeper = []string{wordKeep}

func TestMain(m *testing.M) {
	end := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	switch word := append(os.Args, "")[1]; word {
	case wordKeep:
		end(Keep(os.Args[2:]))
	case wordRunner:
		d, err := New(Config{Runtime: os.Args[2], Dir: os.Args[3], Keeper: testKeeper})
		if err == nil {
			_, err = d.Probe(context.Background())
		}
		if err == nil {
			err = isolatetest.RunTask(d, os.Args[4])
		}
		end(err)
	case wordWithin:
		end(withoutNamespaces(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

// runnerProcess is a process that runs a task in a driver's folder and with its runtime.
func runnerProcess(d isolate.Driver, tk isolate.Task) *exec.Cmd {
	task, err := json.Marshal(tk)
	if err != nil {
		panic(err)
	}
	of := d.(*Driver)
	return exec.Command(os.Args[0], wordRunner, of.runtime, of.dir, string(task))
}

// TestSweepAfterAKilledRunner sweeps with the runtime that the killed one had, and with the other one.
func TestSweepAfterAKilledRunner(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, killed, sweeper string }{
		{"runc by runc", "", ""}, {"runsc by runsc", testRunsc(), testRunsc()}, {"runsc by runc", testRunsc(), ""}, {"runc by runsc", "", testRunsc()},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			works(row.killed)(t)
			works(row.sweeper)(t)
			dir := t.TempDir()
			sleeper(t, filepath.Join(dir, "image"))
			id := "victim" + strconv.FormatInt(time.Now().UnixNano(), 36)
			killed, err := New(Config{Runtime: row.killed, Dir: dir, Keeper: testKeeper})
			if err != nil {
				t.Fatal(err)
			}
			cmd := runnerProcess(killed, isolate.Task{
				ID: id, RootFS: filepath.Join(dir, "image"), Args: []string{"/sleep", id}, CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64,
				MaxWall: time.Hour,
			})
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said, err := bufio.NewReader(out).ReadString('\n')
			if err != nil || said != "ready\n" {
				t.Errorf("the runner said %q, %v", said, err)
			}
			killAtOnce(t, cmd.Process)
			d, err := New(Config{Runtime: row.sweeper, Dir: dir, Keeper: testKeeper})
			if err != nil {
				t.Fatal(err)
			}
			if len(left(d, id)) == 0 {
				t.Fatal("the killed process left nothing to sweep")
			}
			for range 2 {
				if err := d.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if found := left(d, id); len(found) > 0 {
				t.Errorf("left behind: %v", found)
			}
			if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), id) {
				t.Errorf("a mount is left, %v", err)
			}
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, name := range lines {
				if line, err := os.ReadFile(name); err == nil && strings.Contains(string(line), id) {
					t.Errorf("a process is left: %q", line)
				}
			}
		})
	}
}

// killAtOnce kills a runner together with its keepers, so that neither sees the other's end.
func killAtOnce(t *testing.T, runner *os.Process) {
	t.Helper()
	if err := runner.Signal(unix.SIGSTOP); err != nil {
		t.Error(err)
	}
	for _, pid := range children(t, runner.Pid, wordKeep) {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	if err := runner.Kill(); err != nil {
		t.Error(err)
	}
	_, _ = runner.Wait() // not cmd.Wait: the command may hold the pipe
}

// children are the children of a process that have a word in their command line. There is at least one.
func children(t *testing.T, pid int, word string) (found []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		raw, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, number := range strings.Fields(string(raw)) {
			line, err := os.ReadFile(filepath.Join("/proc", number, "cmdline"))
			if err != nil || !strings.Contains(string(line), word) {
				continue
			}
			child, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, child)
		}
	}
	if len(found) == 0 {
		t.Fatalf("process %d has no child %s", pid, word)
	}
	return found
}

// sleeper makes an image that holds one program, which says a word and does nothing for an hour.
func sleeper(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "sleep.go")
	if err := os.WriteFile(source, []byte("package main\n\nimport (\n\"os\"\n\"time\"\n)\n\nfunc main() { os.Stdout.WriteString(\"ready\\n\"); time.Sleep(time.Hour) }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "sleep"), source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// TestAKeeperIsNotInItsRunnersGroup has a runner in a group of its own, as a service manager has it, and kills the whole group: the keeper
// must be left to end the command, which is in another group.
func TestAKeeperIsNotInItsRunnersGroup(t *testing.T) {
	t.Parallel()
	driver := works("")(t)
	hierarchy := filepath.Join(cgroupRoot, "systemd")
	if unified() {
		hierarchy = cgroupRoot
	}
	group, err := os.MkdirTemp(hierarchy, "tacho-test-")
	if err != nil {
		t.Skipf("no control groups that we may write: %v", err)
	}
	service := groups{"": group}
	t.Cleanup(func() {
		if err := service.end(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	sleeper(t, dir)
	id := "service" + strconv.FormatInt(time.Now().UnixNano(), 36)
	cmd := runnerProcess(driver, isolate.Task{
		ID: id, RootFS: dir, Args: []string{"/sleep", id}, CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64, MaxWall: time.Hour,
	})
	cmd.Args = slices.Concat([]string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(group, "cgroup.procs")}, cmd.Args)
	cmd.Path = "/bin/sh"
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Wait() }) // not cmd.Wait: the command may hold the pipe
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewReader(out)
	if said, err := lines.ReadString('\n'); err != nil || said != "ready\n" {
		t.Fatalf("the runner said %q, %v", said, err)
	}
	keeper := children(t, cmd.Process.Pid, wordKeep)[0]
	if in, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", keeper)); err != nil || strings.Contains(string(in), filepath.Base(group)) {
		t.Fatalf("the keeper is in its runner's group: %v\n%s", err, in)
	}
	keeperFD, err := unix.PidfdOpen(keeper, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(keeperFD) })
	service.kill()
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 { // ends when the command has ended, which holds the pipe
		t.Errorf("the runner said %q, %v", rest, err)
	}
	for {
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(keeperFD), Events: unix.POLLIN}}, 60_000); !errors.Is(err, unix.EINTR) {
			if n != 1 || err != nil {
				t.Fatalf("the keeper does not end: %v", err)
			}
			break
		}
	}
	if found := left(driver, id); len(found) > 0 {
		t.Errorf("left behind: %v", found)
	}
}
