// Package isolate is how a command is kept apart from the host and from other jobs: the contract that container runtimes and microVMs
// implement.
//
// Order of calls: Probe once, Sweep once before the first Prepare, then for each command Prepare, Start, Wait, Collect as often as wanted,
// Close. Kill may come at any time after Start, from another goroutine, more than once; Wait then returns. Close may come at any time, more
// than once, also after a failed Prepare or Start: it leaves no process, mount, control group or file behind. The same holds, within
// moments, when the process that made the sandbox is killed. A Sandbox is used by one goroutine except for Kill. A driver makes many
// sandboxes at the same time.
//
// Every resource is given in the Task; a missing one is an error, because a runner has no defaults. What a driver cannot enforce it
// refuses, or says so in Notes: a weaker isolation is never silent. The level that was really reached is part of each result.
package isolate

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
)

// Capabilities are what a driver found on this host.
type Capabilities struct {
	Name    string // "runc"
	Version string
	Level   host.Isolation
	Notes   []string // what it cannot do here
	// RootID is this host's id of root in sandboxes; the others of limits.SandboxIDs follow it, and the files of a Task's RootFS have their
	// owners among them. 0: there is no user namespace, root is the host's.
	RootID uint32
}

// Task is one command and everything that it may use.
type Task struct {
	ID          string // unique; 1 to 128 letters, digits, '-', '_': it becomes part of names of files and control groups
	RootFS      string // folder of the unpacked image; never written to
	Args        []string
	Env         []string // K=V; the only environment it has
	WorkDir     string   // "" is "/"
	User        string   // as in an image: "", "1000", "name", "user:group"
	CPUs        int
	MemoryBytes int64
	DiskBytes   int64 // that it may write
	PidsMax     int
	MaxWall     time.Duration // after which the command is ended by force, even when the process that started it hangs
	Network     bool          // one that reaches nothing of the host or its private networks; a driver without one refuses the task
}

// idBytes keeps names that are made of an id below the 255 bytes that a file name may have.
const idBytes = 128

// IsID reports whether a task may have the id: it can be part of any name and path.
func IsID(id string) bool {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return id != "" && len(id) <= idBytes
}

// Check returns an Invalid fault for a task that does not name all its resources.
func (t Task) Check() error {
	switch {
	case t.ID != "" && !IsID(t.ID):
		return fault.Invalidf("task %.40q: an id has 1 to %d letters, digits, '-' and '_'", t.ID, idBytes)
	case t.ID == "" || t.RootFS == "" || len(t.Args) == 0:
		return fault.Invalidf("task: id, root file system and command are needed")
	case slices.ContainsFunc(t.Args, func(word string) bool { return strings.ContainsRune(word, 0) }):
		return fault.Invalidf("task %s: a word of the command holds a NUL", t.ID)
	case slices.ContainsFunc(t.Env, func(entry string) bool { return strings.IndexByte(entry, '=') < 1 || strings.ContainsRune(entry, 0) }):
		return fault.Invalidf("task %s: an environment entry is not NAME=value, or holds a NUL", t.ID)
	case t.CPUs < 1:
		return fault.Invalidf("task %s: the number of CPUs is missing", t.ID)
	case t.MemoryBytes < 1:
		return fault.Invalidf("task %s: the memory is missing", t.ID)
	case t.DiskBytes < 1:
		return fault.Invalidf("task %s: the disk is missing", t.ID)
	case t.PidsMax < 1:
		return fault.Invalidf("task %s: the number of processes is missing", t.ID)
	case t.MaxWall <= 0:
		return fault.Invalidf("task %s: the time limit is missing", t.ID)
	}
	return nil
}

// Exit is how a command ended.
type Exit struct {
	Code      int    // 128 + n when a signal ended it
	Signal    string // "SIGKILL"; empty when it ended by itself
	OOMKilled bool
	Started   time.Time // just before its first instruction
	Wall      time.Duration
}

// Driver makes sandboxes.
type Driver interface {
	// Probe says what the driver can do here, or why it cannot work at all and what to install.
	Probe(ctx context.Context) (Capabilities, error)
	// Sweep removes what a killed process left behind.
	Sweep(ctx context.Context) error
	// Prepare makes everything that the command needs, but starts nothing.
	Prepare(ctx context.Context, t Task) (Sandbox, error)
}

// Sandbox is one prepared command.
type Sandbox interface {
	// Start lets the command run. Its output goes to stdout and stderr until it ends; a writer that fails ends nothing, but no more is
	// written to it.
	Start(ctx context.Context, stdout, stderr io.Writer) error
	// Wait returns how the command ended, after its last output was written.
	Wait() (Exit, error)
	// Kill ends the command and all its children: a request first, if grace is not zero, then by force. It returns at once.
	Kill(grace time.Duration)
	// Open opens a file that the command left; links are followed inside the sandbox only. A missing one is a Missing fault.
	Open(path string) (io.ReadCloser, int64, error)
	// Notes are what the isolation could not do for this task.
	Notes() []string
	Close() error
}
