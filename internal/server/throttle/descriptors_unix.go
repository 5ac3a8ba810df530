//go:build unix

package throttle

import "syscall"

// descriptors is how many files and connections this process may have open.
func descriptors() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1_024
	}
	return uint64(limit.Cur) //nolint:unconvert // it is signed on some systems
}
