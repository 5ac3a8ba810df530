//go:build unix

package local

import (
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
)

// shell runs a line as 'tacho run' would.
func shell(t *testing.T, line string, signals <-chan os.Signal, change func(*Command)) Outcome {
	t.Helper()
	argv, text := Argv([]string{line}, "", "", "linux", false)
	l := Command{Argv: argv, Text: text, Environ: os.Environ(), Stdout: io.Discard, Stderr: io.Discard, Most: 1 << 20}
	if change != nil {
		change(&l)
	}
	return l.Run(t.Context(), signals)
}

func TestWordsBecomeAProgramOrALineForAShell(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		words            []string
		shell, flag, sys string
		direct           bool
		want             []string
	}{
		"a line":            {words: []string{"a b | c"}, sys: "linux", want: []string{"/bin/sh", "-c", "a b | c"}},
		"a line, Windows":   {words: []string{"a b"}, sys: "windows", want: []string{"cmd", "/C", "a b"}},
		"a line, own shell": {words: []string{"a b"}, shell: "bash", flag: "-lc", sys: "linux", want: []string{"bash", "-lc", "a b"}},
		"words":             {words: []string{"a", "b c"}, sys: "linux", want: []string{"a", "b c"}},
		"one word, direct":  {words: []string{"a b"}, sys: "linux", direct: true, want: []string{"a b"}},
	} {
		if got, _ := Argv(row.words, row.shell, row.flag, row.sys, row.direct); cmp.Diff(row.want, got) != "" {
			t.Errorf("%s: %v", name, cmp.Diff(row.want, got))
		}
	}
}

func TestOutputIsKeptWhileItIsShown(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	o := shell(t, "echo a; echo b >&2; echo c", nil, func(l *Command) { l.Stdout, l.Stderr = &out, &errs })
	if o.Failure != nil || o.Stdout != "a\nc\n" || out.String() != o.Stdout || errs.String() != "b\n" || o.Wall <= 0 {
		t.Errorf("%+v, shown %q and %q", o, out.String(), errs.String())
	}
}

func TestACommandThatASignalEndsHasFailed(t *testing.T) {
	t.Parallel()
	o := shell(t, "kill -SEGV $$", nil, nil)
	if cli.ExitCode(o.Failure) != fault.ExitBenchmarkFailed || !strings.Contains(o.Failure.Error(), "signal: segmentation fault") {
		t.Errorf("%v", o.Failure)
	}
}

func TestEndlessOutputIsStopped(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	o := shell(t, "yes", nil, nil)
	if cli.ExitCode(o.Failure) != fault.ExitBenchmarkFailed || o.Allowed || !strings.Contains(o.Failure.Error(), "more than 1048576 bytes") ||
		time.Since(begun) > time.Minute {
		t.Errorf("%v", o.Failure)
	}
}

func TestTimeOutEndsTheWholeGroupEvenIfItIgnoresSignals(t *testing.T) {
	t.Parallel()
	o := shell(t, "trap '' INT; sleep 600 & sleep 600", nil, func(l *Command) { l.Timeout = 50 * time.Millisecond })
	if cli.ExitCode(o.Failure) != fault.ExitTimedOut || o.Allowed {
		t.Errorf("%v", o.Failure)
	}
}

func TestCtrlCIsPassedOnAndASecondOneKills(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	ready := watching(func(p []byte) (int, error) { // told when the command has set its trap, and again when the trap ran
		signals <- os.Interrupt
		return len(p), nil
	})
	o := shell(t, "trap 'echo caught; sleep 600' INT; echo ready; while :; do sleep 0.1; done", signals,
		func(l *Command) { l.Stdout = ready })
	if cli.ExitCode(o.Failure) != fault.ExitInterrupted || o.Stdout != "ready\ncaught\n" {
		t.Errorf("%q, %v", o.Stdout, o.Failure)
	}
}

func TestWhatACommandLeavesBehindIsEnded(t *testing.T) {
	t.Parallel()
	var pid bytes.Buffer
	o := shell(t, "sleep 600 >/dev/null 2>&1 & echo $!", nil, func(l *Command) { l.Stdout = &pid })
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	left := 0
	for _, digit := range strings.TrimSpace(pid.String()) {
		left = left*10 + int(digit-'0')
	}
	// another process: there is no event to wait for
	for end := time.Now().Add(time.Minute); syscall.Kill(left, 0) == nil && time.Now().Before(end); {
		if stat, err := os.ReadFile("/proc/" + strings.TrimSpace(pid.String()) + "/stat"); err == nil && strings.Contains(string(stat), ") Z ") {
			return // dead, and nobody has read its exit code yet
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := syscall.Kill(left, 0); err == nil {
		t.Errorf("process %d is still there", left)
	}
}

// watching is a writer that is told of each write.
type watching func([]byte) (int, error)

func (f watching) Write(p []byte) (int, error) { return f(p) }
