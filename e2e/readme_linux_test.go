package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestREADMEIsPlayedAsItStands types the commands of README's "Five minutes" as a newcomer would: in its order, in an empty home, without
// any variable of ours, in a Go module that is in no repository. Each block is a terminal of its own; what does not end by itself goes on
// in it.
//
// The addresses in the text are real, so all of it happens in a network namespace, where nobody else listens.
func TestREADMEIsPlayedAsItStands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Five minutes\n")
	section, _, ends := strings.Cut(section, "\n## ")
	blocks := shellBlocks(section)
	if !found || !ends || len(blocks) < 5 {
		t.Fatalf("README.md has %d blocks under \"Five minutes\"", len(blocks))
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to have a network namespace, where README's port is free")
	}
	for _, program := range []string{"go", "sh"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	r := newReader(t)
	_, noRuntime := exec.LookPath("runc")
	for i, block := range blocks {
		if !t.Run(fmt.Sprintf("block %d", i+1), func(t *testing.T) {
			if noRuntime != nil && (strings.Contains(block, "tacho runner ") || strings.Contains(block, "--image") ||
				strings.Contains(block, "tacho sweep run")) {
				t.Skip("needs runc: apt-get install runc")
			}
			r.play(t, block)
		}) {
			return // the others stand on it
		}
	}
	said := r.said()
	for claim, want := range map[string]string{
		"the second run says what changed": "compared with ",
		"the server prints a key":          "admin key: tacho_user_",
		"the login is kept":                "logged in to http://127.0.0.1:6610",
		"who can read a project is said":   "project app was made, public",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%s: %q was not printed", claim, want)
		}
	}
	if noRuntime == nil && !strings.Contains(said, "processed") {
		t.Error("the job was not processed")
	}
	if noRuntime == nil && !strings.Contains(said, "is complete: 2 of 2 tasks done; all machines are gone") {
		t.Error("the sweep is not complete")
	}
}

// shellBlocks are the fenced blocks of Markdown that are marked as sh.
func shellBlocks(markdown string) (out []string) {
	for {
		_, rest, found := strings.Cut(markdown, "\n```sh\n")
		if !found {
			return out
		}
		block, after, _ := strings.Cut(rest, "\n```")
		out, markdown = append(out, block), after
	}
}

// reader is a person with an empty home and a Go module, who reads README.
type reader struct {
	home, dir, path string
	terminals       []*terminal
	inside          chan func() // run on the thread that is in the namespaces
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{home: t.TempDir(), inside: make(chan func())}
	r.dir = filepath.Join(r.home, "app")
	for name, text := range map[string]string{
		"go.mod": "module example.org/app\n\ngo 1.26\n",
		"mypkg/mypkg.go": "// Package mypkg adds.\npackage mypkg\n\n// Sum adds the numbers below n.\nfunc Sum(n int) (sum int) {\n\tfor " +
			"i := range n {\n\t\tsum += i\n\t}\n\treturn sum\n}\n",
		"mypkg/mypkg_test.go": "package mypkg\n\nimport \"testing\"\n\nfunc BenchmarkSum(b *testing.B) {\n\tfor b.Loop() " +
			"{\n\t\tSum(1000)\n\t}\n}\n",
	} {
		file := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	if err := os.Symlink(tachoBinary(t), filepath.Join(bin, "tacho")); err != nil {
		t.Fatal(err)
	}
	r.path = bin + string(os.PathListSeparator) + os.Getenv("PATH")
	// A runner that root starts keeps its state in this folder. The reader's has its own, whatever this machine has there.
	const state = "/var/lib/tacho"
	if _, err := os.Stat(state); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(state, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(state) })
	}
	ready := make(chan error)
	own := t.TempDir()
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and its namespaces with the last process in them
		ready <- enter(own, state)
		for f := range r.inside {
			f()
		}
	}()
	t.Cleanup(func() { close(r.inside) })
	if err := <-ready; err != nil {
		t.Skipf("needs network and mount namespaces of its own: %v", err)
	}
	t.Cleanup(func() {
		for _, term := range r.terminals {
			term.end()
		}
		if t.Failed() || testing.Verbose() {
			t.Logf("README's reader saw:\n%s", r.said())
		}
	})
	return r
}

// enter gives the thread a network in which only loopback is there, and own in place of state.
func enter(own, state string) error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount(own, state, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", state, err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	loopback.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback); err != nil {
		return fmt.Errorf("set up lo: %w", err)
	}
	return nil
}

// terminal is a shell in which a block was typed.
type terminal struct {
	cmd      *exec.Cmd
	block    string
	out      safeBuffer
	keyboard *os.File // the reader's side of the terminal
	done     chan struct{}
	err      error
}

// goesOn is what a block prints when it is as far as it gets without being stopped; empty for one that ends by itself.
func goesOn(block string) string {
	lines := strings.Split(strings.TrimSpace(block), "\n")
	switch last := lines[len(lines)-1]; {
	case last == "tacho server" || strings.HasPrefix(last, "tacho server "):
		return "Tachograph serves "
	case strings.HasPrefix(last, "tacho runner up "):
		return "to=waiting"
	}
	return ""
}

// play types a block into a new terminal and waits until it has ended, or goes on by itself.
func (r *reader) play(t *testing.T, block string) {
	t.Helper()
	term, err := r.open(block)
	if err != nil {
		t.Fatalf("%v\n%s", err, block)
	}
	r.terminals = append(r.terminals, term)
	sign := goesOn(block)
	typed := !strings.Contains(block, "tacho login")
	until(t, "the end of a block of README:\n"+block, func() bool {
		if !typed && strings.Contains(term.out.String(), "API key") {
			_, said, _ := strings.Cut(r.said(), "admin key: ")
			key, _, _ := strings.Cut(said, "\n")
			_, err := term.keyboard.WriteString(key + "\n")
			typed = err == nil
		}
		select {
		case <-term.done:
			if term.err != nil || sign != "" {
				t.Fatalf("it ended with %v:\n%s", term.err, block)
			}
			return true
		default:
			return sign != "" && strings.Contains(term.out.String(), sign)
		}
	})
}

func (r *reader) open(block string) (*terminal, error) {
	keyboard, tty, err := pseudoTerminal()
	if err != nil {
		return nil, err
	}
	defer tty.Close()
	term := &terminal{cmd: exec.Command("sh", "-e", "-c", block), block: block, keyboard: keyboard, done: make(chan struct{})}
	term.cmd.Dir, term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = r.dir, tty, &term.out, &term.out
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	term.cmd.Env = []string{"HOME=" + r.home, "PATH=" + r.path, "LANG=C.UTF-8", "GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOTOOLCHAIN=local"}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOROOT"} { // Go's own, so that it does not compile its library again
		if dir, err := exec.Command("go", "env", name).Output(); err == nil {
			term.cmd.Env = append(term.cmd.Env, name+"="+string(bytes.TrimSpace(dir)))
		}
	}
	started := make(chan error)
	r.inside <- func() { started <- term.cmd.Start() } // a child is in the namespaces of the thread that starts it
	if err := <-started; err != nil {
		return nil, errors.Join(err, keyboard.Close())
	}
	go func() {
		term.err = term.cmd.Wait()
		close(term.done)
	}()
	return term, nil
}

// end stops what goes on in the terminal as Ctrl-C does, and whatever does not listen to that.
func (t *terminal) end() {
	defer t.keyboard.Close()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		select {
		case <-t.done:
			return
		default:
			_ = syscall.Kill(-t.cmd.Process.Pid, signal)
		}
		select {
		case <-t.done:
			return
		case <-time.After(patience / 3):
		}
	}
}

// said is what all terminals show, in the order in which they were opened.
func (r *reader) said() string {
	var b strings.Builder
	for _, term := range r.terminals {
		fmt.Fprintf(&b, "--- %s\n%s", strings.ReplaceAll(term.block, "\n", "\n    "), term.out.String())
	}
	return b.String()
}

// pseudoTerminal returns both sides of a new terminal.
func pseudoTerminal() (keyboard, tty *os.File, err error) {
	if keyboard, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	if err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err == nil {
		var number int
		if number, err = unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN); err == nil {
			tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, keyboard.Close())
	}
	return keyboard, tty, nil
}
