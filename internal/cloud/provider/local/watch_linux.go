package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// grace is how long a machine's processes have between being told to end and being killed.
const grace = 3 * time.Second

// Watch is the guard of the machine in a folder: it starts the machine's command in a process group of its own, and ends the group when
// the time is over, when it gets SIGTERM or SIGINT, or when the command ends. It writes a byte to ready as soon as the machine runs. If the
// folder has a guard already it returns at once.
func Watch(dir string, ttl time.Duration, ready io.Writer) error {
	runtime.LockOSThread() // the kernel kills the child when the thread that started it ends
	over := time.NewTimer(ttl)
	defer over.Stop()
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	} else if err != nil {
		return err
	}
	var t tags
	if err := readJSON(dir, tagsFile, &t); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, startedFile)); err == nil {
		return fmt.Errorf("machine %s was started before: a token is used once", t.Token)
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(told)

	log, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s := started{PID: os.Getpid(), Start: startOf(os.Getpid()), Launched: time.Now().UTC()}
	if err := writeJSON(dir, startedFile, s); err != nil { // before there is a process that nobody knows
		return err
	}
	cmd := exec.Command(t.Command[0], t.Command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start machine %s: %w", t.Token, err), writeJSON(dir, endedFile, ended{time.Now().UTC()}))
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	if _, err := ready.Write([]byte{1}); err != nil {
		fmt.Fprintln(log, "whoever made this machine is gone:", err) // it may live until its time is over
	}
	select {
	case <-exited:
	case <-told:
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(grace):
		case <-over.C:
		}
	case <-over.C:
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what is left of the group
	if err := wipe(filepath.Join(dir, Disk)); err != nil {
		fmt.Fprintln(log, "the disk of this machine stays:", err)
	}
	return writeJSON(dir, endedFile, ended{time.Now().UTC()})
}

// wipe removes the disk of a machine that is over. What something is mounted on stays: its files could be another's.
func wipe(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if at := mountedIn(string(mounts), dir); at != "" {
		return fmt.Errorf("%s is mounted", at)
	}
	return os.RemoveAll(dir)
}

// mountedIn is a place in dir, or dir itself, on which something is mounted, by the text of mountinfo (proc(5)); "": none. Its names have
// spaces as \040, which no folder of ours has.
func mountedIn(mountinfo, dir string) string {
	for line := range strings.Lines(mountinfo) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4]+"/", dir+"/") {
			return fields[4]
		}
	}
	return ""
}
