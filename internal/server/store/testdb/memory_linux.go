package testdb

import "syscall"

// inMemory is a folder in memory with room for a cluster, or "". Each test makes and drops a database, which writes ten megabytes in a
// thousand files: on a disk that takes longer than most tests.
func inMemory() string {
	const folder, room = "/dev/shm", 1 << 30
	var s syscall.Statfs_t
	if syscall.Statfs(folder, &s) != nil || s.Bavail*uint64(s.Bsize) < room {
		return ""
	}
	return folder
}
