// Package filelock takes the operating system's locks on files. A lock belongs to the open file and ends with it: also when the process
// dies, however that happens. It says nothing to who does not ask for it. Called by the server, for its data folder, and by upkeep, for
// what a collector and a backup must not do at once.
package filelock

import "errors"

// ErrHeld says that somebody else has the lock.
var ErrHeld = errors.New("locked by somebody else")
