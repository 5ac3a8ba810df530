//go:build unix

package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
)

// shell runs a line as 'tacho run' would.
func shell(t *testing.T, line string, signals <-chan os.Signal, change func(*localCommand)) outcome {
	t.Helper()
	argv, text := newCommand([]string{line}, "", "", "linux", false)
	l := localCommand{argv: argv, text: text, environ: os.Environ(), stdout: io.Discard, stderr: io.Discard, most: 1 << 20}
	if change != nil {
		change(&l)
	}
	return l.run(t.Context(), signals)
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
		if got, _ := newCommand(row.words, row.shell, row.flag, row.sys, row.direct); cmp.Diff(row.want, got) != "" {
			t.Errorf("%s: %v", name, cmp.Diff(row.want, got))
		}
	}
}

func TestOutputIsKeptWhileItIsShown(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	o := shell(t, "echo a; echo b >&2; echo c", nil, func(l *localCommand) { l.stdout, l.stderr = &out, &errs })
	if o.failure != nil || o.stdout != "a\nc\n" || out.String() != o.stdout || errs.String() != "b\n" || o.wall <= 0 {
		t.Errorf("%+v, shown %q and %q", o, out.String(), errs.String())
	}
}

func TestACommandThatASignalEndsHasFailed(t *testing.T) {
	t.Parallel()
	o := shell(t, "kill -SEGV $$", nil, nil)
	if exitCode(o.failure) != fault.ExitBenchmarkFailed || !strings.Contains(o.failure.Error(), "signal: segmentation fault") {
		t.Errorf("%v", o.failure)
	}
}

func TestEndlessOutputIsStopped(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	o := shell(t, "yes", nil, nil)
	if exitCode(o.failure) != fault.ExitBenchmarkFailed || o.allowed || !strings.Contains(o.failure.Error(), "more than 1048576 bytes") ||
		time.Since(begun) > time.Minute {
		t.Errorf("%v", o.failure)
	}
}

func TestTimeOutEndsTheWholeGroupEvenIfItIgnoresSignals(t *testing.T) {
	t.Parallel()
	o := shell(t, "trap '' INT; sleep 600 & sleep 600", nil, func(l *localCommand) { l.timeout = 50 * time.Millisecond })
	if exitCode(o.failure) != fault.ExitTimedOut || o.allowed {
		t.Errorf("%v", o.failure)
	}
}

func TestCtrlCIsPassedOnAndASecondOneKills(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	ready := writerFunc(func(p []byte) (int, error) { // told when the command has set its trap, and again when the trap ran
		signals <- os.Interrupt
		return len(p), nil
	})
	o := shell(t, "trap 'echo caught; sleep 600' INT; echo ready; while :; do sleep 0.1; done", signals,
		func(l *localCommand) { l.stdout = ready })
	if exitCode(o.failure) != fault.ExitInterrupted || o.stdout != "ready\ncaught\n" {
		t.Errorf("%q, %v", o.stdout, o.failure)
	}
}

func TestWhatACommandLeavesBehindIsEnded(t *testing.T) {
	t.Parallel()
	var pid bytes.Buffer
	o := shell(t, "sleep 600 >/dev/null 2>&1 & echo $!", nil, func(l *localCommand) { l.stdout = &pid })
	if o.failure != nil {
		t.Fatal(o.failure)
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
