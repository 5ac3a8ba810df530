// Package local makes machines of this machine: one is a process group, started by a guard process that ends it at its expiry.
//
// Each machine has a folder in the state directory, with the tags in a file that is there before anything is started, so that a list needs
// nothing else. The guard holds a lock on its folder for as long as it lives: whether a machine exists is whether the lock is held, which
// no crash and no reused process id can make wrong. A process is killed by its id only if it started when the file says.
//
// The guard counts the time that was left when the machine was made, and needs neither the provider nor a server. When it is killed itself
// the kernel kills the machine's command, but not what the command has started: a runner's own keepers end that. Sweeps on this machine and
// their tests use it; it needs Linux.
package local

import (
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
)

// Disk is the folder in a machine's folder that goes when the machine does, as a disk would.
const Disk = "disk"

// UserData is the file in a machine's folder that has what it was made with.
const UserData = "user-data"

// Config is where machines are kept and what they run.
type Config struct {
	Dir string // state directory; made if it is not there
	// Guard is the command that runs Watch with the arguments that are appended to it.
	Guard []string
	// Command is what a machine runs: a runner. Its environment is the guard's, and its folder the machine's, where UserData has
	// Want.UserData: a command line is no place for a secret.
	Command func(provider.Want) []string
	Env     []string         // of guards, and so of machines; nil: this process's
	Now     func() time.Time // nil: the clock
}
