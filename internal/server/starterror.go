package server

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/tachograph/tacho/internal/core/fault"
)

// cannotUse says in our words why a data folder cannot be used.
func cannotUse(folder string, err error) error {
	say := func(kind fault.Kind, sentence string) error {
		return fault.Wrap(kind, err, "data folder %s: %s", folder, sentence)
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return say(f.Kind, f.Message)
	}
	switch {
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return say(fault.Invalid, "it is a file, or lies below one; choose a folder with --data or TACHO_DATA")
	case errors.Is(err, fs.ErrPermission):
		return say(fault.Invalid, "it cannot be written by this user; change its owner, or choose another folder with --data or TACHO_DATA")
	case errors.Is(err, syscall.EROFS):
		return say(fault.Invalid, "its file system is read-only; choose another folder with --data or TACHO_DATA")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return say(fault.Unavailable, "its disk is full; free space and start again")
	}
	return fault.Wrap(fault.Internal, err, "data folder %s", folder)
}
