//go:build !unix

package throttle

// descriptors is how many files and connections this process may have open: here memory is the bound.
func descriptors() uint64 { return 1 << 20 }
