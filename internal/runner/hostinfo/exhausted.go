package hostinfo

import (
	"errors"
	"slices"
	"syscall"
)

// exhausted are the errors of a machine that is full, out of something or broken, whatever was asked of it.
var exhausted = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.ENOMEM, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.EIO, syscall.EROFS, syscall.EINTR,
}

// Exhausted reports whether an error of a system call is this machine's fault, and not that of what it was called with.
func Exhausted(err error) bool {
	no, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(exhausted, no)
}
