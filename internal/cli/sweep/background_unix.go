//go:build unix

package sweep

import (
	"os/exec"
	"syscall"
)

// alone gives a command a session of its own: neither our terminal's signals nor our end are its.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
