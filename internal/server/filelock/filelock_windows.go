package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Try takes the lock on f alone, or returns ErrHeld at once.
func Try(f *os.File) error { return try(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// TryShare is Share, but returns ErrHeld at once while somebody has the lock alone.
func TryShare(f *os.File) error { return try(f, 0) }

func try(f *os.File, how uint32) error {
	err := lock(f, how|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrHeld
	}
	return err
}

// Take is Try, but waits while somebody else has the lock.
func Take(f *os.File) error { return lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// Share takes the lock on f together with all who share it. It waits while somebody has it alone.
func Share(f *os.File) error { return lock(f, 0) }

// lock locks one byte far behind the file's text, because others could not read what is locked.
func lock(f *os.File, flags uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
}
