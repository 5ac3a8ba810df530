//go:build !windows

package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Try takes the lock on f alone, or returns ErrHeld at once.
func Try(f *os.File) error { return try(f, unix.LOCK_EX) }

// TryShare is Share, but returns ErrHeld at once while somebody has the lock alone.
func TryShare(f *os.File) error { return try(f, unix.LOCK_SH) }

func try(f *os.File, how int) error {
	err := lock(f, how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}

// Take is Try, but waits while somebody else has the lock.
func Take(f *os.File) error { return lock(f, unix.LOCK_EX) }

// Share takes the lock on f together with all who share it. It waits while somebody has it alone.
func Share(f *os.File) error { return lock(f, unix.LOCK_SH) }

func lock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) { // a signal says nothing about the lock
			return err
		}
	}
}
