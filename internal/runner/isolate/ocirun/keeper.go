//go:build linux

package ocirun

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// A keeper is a small process beside each sandbox. It waits for the end of a pipe that this process holds: when this process is killed, the
// kernel closes the pipe, and the keeper ends and removes the sandbox and itself. It also ends a command that is over its time while this
// process hangs. A signal at the parent's death would not do: the kernel ties it to the thread that forked, and nothing would remove what
// is left.

// What the keeper is told, one word a line, and what it says when it is there.
const (
	orderRun    = "run" // and how long the command may run from now
	orderEnd    = "end" // the sandbox is gone
	keeperReady = "ready"
)

// runnerFD is where a keeper finds the descriptor of the process that it watches.
const runnerFD = 3

// keeper is this process's end of a keeper.
type keeper struct {
	orders    io.WriteCloser
	ready     chan struct{} // closed when it watches
	ended     chan struct{} // closed when its process has ended
	dismissed atomic.Bool
}

// newKeeper starts the keeper of a sandbox whose folder is there.
func (d *Driver) newKeeper(id string) (*keeper, error) {
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the kernel has no file descriptors for processes; Linux 5.3 or newer is needed")
	}
	runner := os.NewFile(uintptr(self), "runner")
	defer runner.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: slices.Concat(os.Args[:1], d.keeper, []string{d.dir, id}), Dir: "/", Env: []string{searchPath},
		ExtraFiles: []*os.File{runner}, SysProcAttr: &syscall.SysProcAttr{Setsid: true}, // a terminal's signals are not for it
	}
	orders, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, orders.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start keeper of sandbox %s: %w", id, err)
	}
	k := &keeper{orders: orders, ready: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(k.ended)
		if line, err := bufio.NewReader(said).ReadString('\n'); err == nil && line == keeperReady+"\n" {
			close(k.ready)
		}
		_ = cmd.Wait() // how it ended tells nothing more
	}()
	return k, nil
}

// run waits until the keeper watches, and starts the command's time.
func (k *keeper) run(limit time.Duration) error {
	select {
	case <-k.ready:
	case <-k.ended:
		return errors.New("the sandbox's keeper did not start")
	}
	if _, err := fmt.Fprintln(k.orders, orderRun, limit); err != nil {
		return fmt.Errorf("tell the sandbox's keeper: %w", err)
	}
	return nil
}

// dismiss ends the keeper of a sandbox that is gone.
func (k *keeper) dismiss() {
	k.dismissed.Store(true)
	_, _ = fmt.Fprintln(k.orders, orderEnd) // one that is dead needs no order
	<-k.ended
}

// Keep is the work of a keeper: the process that New's Config.Keeper leads to calls it with the words that follow, and ends with it.
func Keep(words []string) error {
	if len(words) != 2 || !filepath.IsAbs(words[0]) || !isolate.IsID(words[1]) {
		return fault.Invalidf("a keeper is started by the runner; there is nothing to do by hand")
	}
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM) // a runner that drains still needs it
	leaveGroups(cgroupRoot)
	d, id := &Driver{dir: words[0]}, words[1]
	orders := make(chan string)
	go func() {
		defer close(orders)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			orders <- in.Text()
		}
	}()
	if _, err := fmt.Println(keeperReady); err != nil {
		return err
	}
	var limit <-chan time.Time
	for {
		select {
		case order, ok := <-orders:
			word, rest, _ := strings.Cut(order, " ")
			switch {
			case !ok:
				return d.bury(id)
			case word == orderEnd:
				return nil
			case word == orderRun:
				after, err := time.ParseDuration(rest)
				if err != nil {
					return fmt.Errorf("order %q: %w", order, err)
				}
				limit = time.After(after)
			}
		case <-limit:
			limit = nil
			s, err := d.leftover(id)
			if err != nil {
				return err
			}
			s.groups.kill()
		}
	}
}

// bury removes a sandbox whose process is dying. It first waits for its death, after which no helper of that process forks any more.
func (d *Driver) bury(id string) error {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: runnerFD, Events: unix.POLLIN}}, -1)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for the runner's end: %w", err)
		}
	}
	release, err := d.alone()
	if err != nil {
		return err
	}
	defer release()
	if _, err := os.Stat(d.folder(id)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s, err := d.leftover(id)
	if err != nil {
		return err
	}
	return s.Close()
}

// alone takes the folder for removing what a dead process left: a keeper and the next runner may be about to at the same time.
func (d *Driver) alone() (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(d.dir, "sweep.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take the folder for sandboxes: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return func() {
				_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // a child between fork and exec holds the file too
				_ = f.Close()
			}, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("take the folder for sandboxes: %w", err), f.Close())
		}
	}
}

// leaveGroups moves this process to the top of the hierarchy by which a service manager finds and kills the runner's processes: the
// sandbox is not in the runner's group there, so its keeper must not be either. Where that is not allowed it stays.
func leaveGroups(root string) {
	tops := []string{filepath.Join(root, "systemd"), filepath.Join(root, "unified")}
	if unified() {
		tops = []string{root}
	}
	for _, top := range tops {
		_ = setGroup(top, "cgroup.procs", "0")
	}
}

// runTied runs a helper that dies with this process. The kernel sends the signal when the forking thread ends, so the thread is held
// meanwhile.
func runTied(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd.Run()
}
