//go:build unix

package local

import (
	"os/exec"
	"syscall"
)

// group is a command with everything that it starts.
type group struct{ cmd *exec.Cmd }

// ownGroup puts a command that is not yet started into a process group of its own.
func ownGroup(cmd *exec.Cmd) group {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return group{cmd}
}

func (g group) interrupt() { g.signal(syscall.SIGINT) }

func (g group) kill() { g.signal(syscall.SIGKILL) }

// signal reaches the whole group; it is no error that nobody is left.
func (g group) signal(s syscall.Signal) { _ = syscall.Kill(-g.cmd.Process.Pid, s) }
