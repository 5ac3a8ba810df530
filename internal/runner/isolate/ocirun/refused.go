//go:build linux

package ocirun

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/tiny"
)

// refusal is what the runtime said when it did not start a command.
type refusal struct{ said string }

func (r *refusal) Error() string { return r.said }

// machineSigns are what a runtime says when the machine is full or out of something, whatever the image.
var machineSigns = []string{
	"cannot allocate memory", "resource temporarily unavailable", "no space left", "too many open files", "input/output error", "OOM", "disk quota",
}

// blame says whose fault it is that the runtime refused to start a command. Its words differ between runtimes and versions, and "no such
// file" may be about the host. So a program of ours is started with the same resources: where that works the image is at fault, and no
// other machine need try it.
func (s *sandbox) blame(ctx context.Context, err error) error {
	r, ok := errors.AsType[*refusal](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	for _, sign := range machineSigns {
		if strings.Contains(r.said, sign) {
			return err
		}
	}
	if own := s.startOwn(ctx); own != nil {
		return fmt.Errorf("%w; a program of ours does not start either: %w", err, own)
	}
	said := r.said
	for _, prefix := range []string{"unable to start container process: ", "starting sandbox: ", "creating process: ", "error during container init: "} {
		if _, rest, ok := strings.Cut(said, prefix); ok {
			said = rest
		}
	}
	return fault.Wrap(fault.Invalid, err, "the command cannot be run in this image: %.300s", said)
}

// neverBegan waits until a process of the runtime has ended, and reports whether it ended before it became the command. The kernel looks
// at a command only when the runtime hands over to it, after all that the runtime itself reports. The process is a fork of the runtime,
// and the kernel marks forks until they run a program; the command cannot set the mark again.
func neverBegan(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return false
		}
		break
	}
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	const flags = 6 // of the words after the name, which ends at the last parenthesis
	words := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(words) <= flags {
		return false
	}
	n, err := strconv.ParseUint(words[flags], 10, 32)
	return err == nil && n&forkedOnly != 0
}

// forkedOnly is PF_FORKNOEXEC of the kernel's include/linux/sched.h.
const forkedOnly = 0x40

// blameTimeout is how long it may take to find out whose fault it is that a command did not begin.
const blameTimeout = time.Minute

// blameUnbegun says whose fault it is that the kernel did not run a command which the runtime had let pass: a program for another
// processor, a loader or a script's interpreter that is missing.
func (s *sandbox) blameUnbegun() error {
	ctx, cancel := context.WithTimeout(context.Background(), blameTimeout)
	defer cancel()
	return s.blame(ctx, &refusal{fmt.Sprintf("%s start: %s", s.driver.name, lastLine(string(s.said)))})
}

// head keeps the first bytes that are written to it.
type head []byte

const headBytes = 4096

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), headBytes-len(*h))]...)
	return len(p), nil
}

// startOwn starts a program that does nothing, with the sandbox's resources.
func (s *sandbox) startOwn(ctx context.Context) error {
	t := s.task
	t.RootFS = filepath.Join(s.dir, "own")
	return s.driver.runOwn(ctx, tiny.Nothing(runtime.GOARCH), t)
}

// runOwn runs a program of ours with a task's resources, in an image that holds nothing else and is made where the task has its own.
func (d *Driver) runOwn(ctx context.Context, program []byte, t isolate.Task) (err error) {
	if program == nil {
		return fmt.Errorf("there is no program to try it with on %s", runtime.GOARCH)
	}
	t.ID, t.Args, t.Env, t.WorkDir, t.User = "own-"+rand.Text(), []string{"/own"}, nil, "", ""
	if err := os.Mkdir(t.RootFS, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(t.RootFS, "own"), program, 0o755); err != nil {
		return err
	}
	box, err := d.Prepare(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	own := box.(*sandbox)
	if err := own.start(ctx, io.Discard, io.Discard); err != nil {
		return err
	}
	exit, err := own.Wait()
	if err == nil && exit.Code != 0 {
		err = fmt.Errorf("it ended with code %d", exit.Code)
	}
	return err
}
