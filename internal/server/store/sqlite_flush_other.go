//go:build !linux

package store

import "os"

// flushData writes a file to the disk; on macOS through the drive's own cache too.
func flushData(f *os.File) error { return f.Sync() }
