//go:build !unix

package local

import "os/exec"

// group is a command; what it starts is its own affair on this system.
type group struct{ cmd *exec.Cmd }

func ownGroup(cmd *exec.Cmd) group { return group{cmd} }

func (g group) interrupt() { g.kill() }
func (g group) kill()      { _ = g.cmd.Process.Kill() }
