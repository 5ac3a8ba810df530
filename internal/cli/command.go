package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// localCommand is a benchmark command on this machine.
type localCommand struct {
	argv           []string
	text           string // as the person wrote it
	dir            string
	environ        []string
	stdout, stderr io.Writer     // where output goes while it is kept
	timeout        time.Duration // 0: none
	most           int           // bytes of stdout, and of stderr that are kept
}

// name is the command in a sentence.
func (l localCommand) name() string { return shown(l.text) }

// shown quotes a command line as people write it, shortened.
func shown(text string) string {
	const most = 120
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return "'" + text + "'"
}

// newCommand makes a command of words: one is a line for a shell, more are program and arguments, as they are.
func newCommand(words []string, shell, shellFlag, goos string, direct bool) (argv []string, text string) {
	text = strings.Join(words, " ")
	if len(words) != 1 || direct {
		return words, text
	}
	if shell == "" {
		if shell, shellFlag = "/bin/sh", firstOf(shellFlag, "-c"); goos == "windows" {
			shell, shellFlag = "cmd", "/C"
		}
	}
	return []string{shell, firstOf(shellFlag, "-c"), words[0]}, text
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// outcome is how a command ended.
type outcome struct {
	stdout  string
	stderr  string // nothing where it was too much
	wall    time.Duration
	failure error // nil: exit code 0. An *exitError otherwise
	allowed bool  // a failure that --allow-failure lets pass: the command's own
}

// errTooMuch stops a command that prints without end.
var errTooMuch = errors.New("too much output")

// capture keeps what is written, up to a limit, and hands it on.
type capture struct {
	kept bytes.Buffer
	most int
	to   io.Writer
	over chan struct{} // closed when the limit is passed; nil: then nothing is kept
}

func (c *capture) Write(p []byte) (int, error) {
	switch {
	case c.kept.Len()+len(p) <= c.most:
		c.kept.Write(p)
	case c.over == nil:
		c.kept, c.most = bytes.Buffer{}, 0
	default:
		select {
		case <-c.over:
		default:
			close(c.over)
		}
		return 0, errTooMuch
	}
	if _, err := c.to.Write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// run runs the command to its end. It is in a process group of its own: a signal on signals is passed on to the group, a second one kills
// it, and so do a passed limit and the end of ctx.
func (l localCommand) run(ctx context.Context, signals <-chan os.Signal) outcome {
	cmd := exec.Command(l.argv[0], l.argv[1:]...)
	out := &capture{most: l.most, to: l.stdout, over: make(chan struct{})}
	errs := &capture{most: l.most, to: l.stderr}
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = out, errs, l.dir, l.environ
	cmd.WaitDelay = limits.OutputDrain
	group := ownGroup(cmd)
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return outcome{failure: failWith(fault.ExitBenchmarkFailed, "the command %s cannot be started: %v", l.name(), startError(err))}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var deadline, grace <-chan time.Time
	if l.timeout > 0 {
		timer := time.NewTimer(l.timeout)
		defer timer.Stop()
		deadline = timer.C
	}
	var stopped error // why we stopped it
	stop := func(why error) {
		if stopped == nil {
			stopped = why
			group.interrupt()
			grace = time.After(limits.InterruptGrace)
		}
	}
	over, done := out.over, ctx.Done()
	for {
		select {
		case <-signals:
			if stopped != nil {
				group.kill()
			}
			stop(failWith(fault.ExitInterrupted, "interrupted; nothing was recorded"))
		case <-deadline:
			stop(failWith(fault.ExitTimedOut, "the command %s ran longer than %s", l.name(), l.timeout))
		case <-over:
			over = nil
			stop(failWith(fault.ExitBenchmarkFailed, "the command %s printed more than %d bytes; write results to a file and give --file", l.name(),
				l.most))
			group.kill()
		case <-done:
			done = nil
			stop(failWith(fault.ExitInterrupted, "interrupted; nothing was recorded"))
		case <-grace:
			group.kill()
		case err := <-ended:
			group.kill() // what it left behind would disturb the next iteration
			o := outcome{stdout: out.kept.String(), stderr: errs.kept.String(), wall: time.Since(begun), failure: stopped}
			if stopped == nil {
				o.failure, o.allowed = l.exit(err), true
			}
			return o
		}
	}
}

// exit says how the command ended by itself. One that a signal ended has failed, whatever else it left.
func (l localCommand) exit(err error) error {
	if err == nil || errors.Is(err, exec.ErrWaitDelay) { // it ended well, and something that it started still holds its output
		return nil
	}
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		if code := ended.ExitCode(); code >= 0 {
			return failWith(fault.ExitBenchmarkFailed, "the command %s ended with exit code %d", l.name(), code)
		}
		return failWith(fault.ExitBenchmarkFailed, "the command %s was ended by %s", l.name(), ended.ProcessState)
	}
	return failWith(fault.ExitBenchmarkFailed, "the command %s: %v", l.name(), err)
}

func startError(err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	return bareFileError(err)
}

// readStdin reads stdin, which must not be a keyboard. What is too much for a report is kept in a file, named after key: nobody can pipe it
// again.
func readStdin(env *Env, key string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(env.Stdin, limits.ReportBodyBytes+1))
	if err != nil {
		return "", fmt.Errorf("read stdin: %w", err)
	}
	if len(text) > limits.ReportBodyBytes {
		keepOutputs(env, key, io.MultiReader(bytes.NewReader(text), env.Stdin))
		return "", usage("stdin has more than %d bytes, the limit of one report; submit it in parts", limits.ReportBodyBytes)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return "", failWith(fault.ExitBenchmarkFailed, "stdin is empty; pipe a benchmark's output into 'tacho run', give a command or --file")
	}
	return string(text), nil
}
