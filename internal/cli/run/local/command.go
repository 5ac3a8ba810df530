// Package local runs a benchmark command on this machine, in a process group of its own, and keeps what it prints.
package local

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Command is a benchmark command on this machine.
type Command struct {
	Argv           []string
	Text           string // as the person wrote it
	Dir            string
	Environ        []string
	Stdout, Stderr io.Writer     // where output goes while it is kept
	Timeout        time.Duration // 0: none
	Most           int           // bytes of stdout, and of stderr that are kept
}

// name is the command in a sentence.
func (l Command) name() string { return Quoted(l.Text) }

// Quoted quotes a command line as people write it, shortened.
func Quoted(text string) string {
	const most = 120
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return "'" + text + "'"
}

// Argv makes a command of words: one is a line for a shell, more are program and arguments, as they are.
func Argv(words []string, shell, shellFlag, goos string, direct bool) (argv []string, text string) {
	text = strings.Join(words, " ")
	if len(words) != 1 || direct {
		return words, text
	}
	if shell == "" {
		if shell, shellFlag = "/bin/sh", either(shellFlag, "-c"); goos == "windows" {
			shell, shellFlag = "cmd", "/C"
		}
	}
	return []string{shell, either(shellFlag, "-c"), words[0]}, text
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Outcome is how a command ended.
type Outcome struct {
	Stdout  string
	Stderr  string // nothing where it was too much
	Wall    time.Duration
	Failure error // nil: exit code 0. An *exitError otherwise
	Allowed bool  // a failure that --allow-failure lets pass: the command's own
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

// Run runs the command to its end. It is in a process group of its own: a signal on signals is passed on to the group, a second one kills
// it, and so do a passed limit and the end of ctx.
func (l Command) Run(ctx context.Context, signals <-chan os.Signal) Outcome {
	cmd := exec.Command(l.Argv[0], l.Argv[1:]...)
	out := &capture{most: l.Most, to: l.Stdout, over: make(chan struct{})}
	errs := &capture{most: l.Most, to: l.Stderr}
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = out, errs, l.Dir, l.Environ
	cmd.WaitDelay = limits.OutputDrain
	group := ownGroup(cmd)
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return Outcome{Failure: cli.Fail(fault.ExitBenchmarkFailed, "the command %s cannot be started: %v", l.name(), startError(err))}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var deadline, grace <-chan time.Time
	if l.Timeout > 0 {
		timer := time.NewTimer(l.Timeout)
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
			stop(cli.Fail(fault.ExitInterrupted, "interrupted; nothing was recorded"))
		case <-deadline:
			stop(cli.Fail(fault.ExitTimedOut, "the command %s ran longer than %s", l.name(), l.Timeout))
		case <-over:
			over = nil
			stop(cli.Fail(fault.ExitBenchmarkFailed, "the command %s printed more than %d bytes; write results to a file and give --file", l.name(),
				l.Most))
			group.kill()
		case <-done:
			done = nil
			stop(cli.Fail(fault.ExitInterrupted, "interrupted; nothing was recorded"))
		case <-grace:
			group.kill()
		case err := <-ended:
			group.kill() // what it left behind would disturb the next iteration
			o := Outcome{Stdout: out.kept.String(), Stderr: errs.kept.String(), Wall: time.Since(begun), Failure: stopped}
			if stopped == nil {
				o.Failure, o.Allowed = l.exit(err), true
			}
			return o
		}
	}
}

// exit says how the command ended by itself. One that a signal ended has failed, whatever else it left.
func (l Command) exit(err error) error {
	if err == nil || errors.Is(err, exec.ErrWaitDelay) { // it ended well, and something that it started still holds its output
		return nil
	}
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		if code := ended.ExitCode(); code >= 0 {
			return cli.Fail(fault.ExitBenchmarkFailed, "the command %s ended with exit code %d", l.name(), code)
		}
		return cli.Fail(fault.ExitBenchmarkFailed, "the command %s was ended by %s", l.name(), ended.ProcessState)
	}
	return cli.Fail(fault.ExitBenchmarkFailed, "the command %s: %v", l.name(), err)
}

func startError(err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	return cli.BareFileError(err)
}
