//go:build linux

package isolatetest

import (
	"io"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// ends compares how a command ended, but for its times.
func ends(t testing.TB, got, want isolate.Exit) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(isolate.Exit{}, "Started", "Wall")); diff != "" {
		t.Errorf("how it ended (-want +got):\n%s", diff)
	}
}

func exitCodesAreTheCommands(t *bench) {
	for _, code := range []int{0, 1, 7, 128} {
		ends(t, t.run(t.task("exit", strconv.Itoa(code)), nil).exit, isolate.Exit{Code: code})
	}
}

func aSignalCounts128AndItsNumber(t *bench) {
	ends(t, t.run(t.task("crash"), nil).exit, isolate.Exit{Code: 139, Signal: "SIGSEGV"})
}

func aCodeAbove128IsNoSignal(t *bench) {
	for _, code := range []int{137, 255} {
		ends(t, t.run(t.task("exit", strconv.Itoa(code)), nil).exit, isolate.Exit{Code: code})
	}
}

// kill kills after the command's first word.
func (t *bench) kill(grace time.Duration) func(isolate.Sandbox, *output) {
	return func(s isolate.Sandbox, o *output) {
		o.await(t)
		s.Kill(grace)
	}
}

var killed = isolate.Exit{Code: 137, Signal: "SIGKILL"}

func killAsksAndThenForces(t *bench) {
	got := t.run(t.task("polite"), t.kill(time.Minute))
	ends(t, got.exit, isolate.Exit{Code: 3})
	if got.stdout != "ready\nbye\n" {
		t.Errorf("one that listens said %q", got.stdout)
	}
	got = t.run(t.task("stubborn"), t.kill(50*time.Millisecond))
	ends(t, got.exit, killed)
	got = t.run(t.task("stubborn"), t.kill(0))
	ends(t, got.exit, killed)
	got = t.run(t.task("polite"), t.kill(0))
	ends(t, got.exit, killed)
	if got.stdout != "ready\n" {
		t.Errorf("one that was not asked said %q", got.stdout)
	}
}

// killEndsTheChildren looks for them after Close too: they carry the sandbox's id.
func killEndsTheChildren(t *bench) {
	tk := t.task("family")
	tk.Args = append(tk.Args, tk.ID)
	got := t.run(tk, t.kill(0)) // comes to its end only when no child holds a stream
	ends(t, got.exit, killed)
}

func childrenEndWithTheCommand(t *bench) {
	tk := t.task("orphans")
	tk.Args = append(tk.Args, tk.ID)
	got := t.run(tk, nil)
	ends(t, got.exit, isolate.Exit{Code: 0})
	if got.stdout != "ready\n" {
		t.Errorf("got %q %q", got.stdout, got.stderr)
	}
}

func killMayComeLateAndAgain(t *bench) {
	got, s := t.ran(t.task("stubborn"), func(s isolate.Sandbox, o *output) {
		o.await(t)
		s.Kill(time.Minute)
		s.Kill(0)
		s.Kill(0)
	})
	ends(t, got.exit, killed)
	s.Kill(0)
	s.Kill(time.Minute)
	again, err := s.Wait()
	if diff := cmp.Diff(got.exit, again); err != nil || diff != "" {
		t.Errorf("a second Wait: %v (-want +got):\n%s", err, diff)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s.Kill(0)
}

func aFailedStartLeavesNothing(t *bench) {
	for _, program := range []string{"/no/such/program", "/etc/passwd"} {
		tk := t.task()
		tk.Args = []string{program}
		s := t.prepare(tk)
		if err := s.Start(t.Context(), io.Discard, io.Discard); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s started: %v", program, err)
		}
	}
}

func closeEndsACommand(t *bench) {
	tk := t.task("family")
	tk.Args = append(tk.Args, tk.ID)
	s := t.start(tk)
	t.nothingIsLeft(s, tk.ID)
}

func closeWithoutAStartLeavesNothing(t *bench) {
	tk := t.task("exit", "0")
	t.nothingIsLeft(t.prepare(tk), tk.ID)
}

func incompleteTasksAreRefused(t *bench) {
	for name, change := range map[string]func(*isolate.Task){
		"cpu": func(k *isolate.Task) { k.CPUs = 0 }, "memory": func(k *isolate.Task) { k.MemoryBytes = 0 }, "disk": func(k *isolate.Task) { k.DiskBytes = 0 },
		"processes": func(k *isolate.Task) { k.PidsMax = 0 }, "time": func(k *isolate.Task) { k.MaxWall = 0 }, "command": func(k *isolate.Task) { k.Args = nil }, "image": func(k *isolate.Task) { k.RootFS = "" },
		"id": func(k *isolate.Task) { k.ID = "" }, "an id that is a name": func(k *isolate.Task) { k.ID = "../" + k.ID },
	} {
		tk := t.task("exit", "0")
		change(&tk)
		if _, err := t.driver.Prepare(t.Context(), tk); !fault.Is(err, fault.Invalid) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	t.noTrace("")
}

func sweepRemovesWhatWasLeft(t *bench) {
	tk := t.task("family")
	tk.Args = append(tk.Args, tk.ID)
	s := t.start(tk)
	if err := t.driver.Sweep(t.Context()); err != nil { // as the next runner does, which knows nothing of s
		t.Fatal(err)
	}
	left := processesOf(t.T, tk.ID)
	maps.DeleteFunc(left, func(pid int, _ string) bool { return isOurs(pid) }) // a helper that waits for this process or for Close
	if len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	t.noTrace(tk.ID)
	if exit, err := s.Wait(); err != nil || exit.Code != 137 {
		t.Errorf("the command ended %+v, %v", exit, err)
	}
}
