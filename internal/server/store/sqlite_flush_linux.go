package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// flushData writes a file's bytes, and its size where that has changed, to the disk. The log is mostly overwritten in place, and then
// there is no size to write: half the work of a full flush.
func flushData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}
