package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/filelock"
)

// A data folder belongs to one process at a time: two would each have a queue that does not wake the other's runners, and a collector that
// does not know what the other is storing. The lock is the operating system's, on the file lock in the folder, and ends with the process
// however that ends; the file's text only says who it is. Commands on the store of this machine hold it for their few requests and wait for
// each other; a server holds it for its life, and nobody waits for that. Servers on one PostgreSQL database have what they tell each other
// there: they share the lock, and keep all others out.

// holder is who has a data folder, as the lock's file says it.
type holder struct {
	PID    int    `json:"pid"`
	Serves bool   `json:"serves"`           // a server, and no command
	Shares bool   `json:"shares,omitempty"` // a server on PostgreSQL, which others of that database may stand beside
	URL    string `json:"url,omitempty"`
}

// folderLock is a data folder that is ours until the first Close.
type folderLock struct {
	file   *os.File
	shared bool
	closed bool
}

// lockFolder takes a data folder for this process. It waits, at most for wait, while a command has it.
func lockFolder(ctx context.Context, folder string, us holder, wait time.Duration) (*folderLock, error) {
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, cannotUse(folder, err)
	}
	take := filelock.Try
	if us.Shares {
		take = filelock.TryShare
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	again := time.NewTicker(limits.LockRetry)
	defer again.Stop()
	for {
		err := take(f)
		if err == nil {
			break
		}
		if !errors.Is(err, filelock.ErrHeld) {
			return nil, errors.Join(fault.Wrap(fault.Invalid, err,
				"data folder %s: its file system has no locks (%v); choose a folder on a local disk", folder, err), f.Close())
		}
		them := readHolder(f)
		if !them.Serves && ctx.Err() == nil {
			select {
			case <-again.C:
				continue
			case <-ctx.Done():
			}
		}
		return nil, errors.Join(inUse(folder, us, them), f.Close())
	}
	lock := &folderLock{file: f, shared: us.Shares}
	text, err := json.Marshal(us)
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(text, 0)
	}
	if err != nil {
		return nil, errors.Join(cannotUse(folder, err), lock.Close())
	}
	return lock, nil
}

// inUse is the sentence for who comes second.
func inUse(folder string, us, them holder) error {
	by := "another process"
	if them.PID != 0 {
		by = fmt.Sprintf("process %d", them.PID)
	}
	switch {
	case them.Shares:
		return fault.Conflictf("data folder %s: in use by servers on a PostgreSQL database, the last of them at %s; choose another folder "+
			"with --data", folder, them.URL)
	case !them.Serves:
		return fault.New(fault.Unavailable, "data folder %s: still in use by %s, a tacho command; try again when it has ended", folder, by)
	case !us.Serves:
		return fault.Conflictf("data folder %s: in use by the server of %s at %s; use that one with --host %s, or stop it",
			folder, by, them.URL, them.URL)
	}
	return fault.Conflictf("data folder %s: in use by the server of %s at %s; stop that one first, or choose another folder with --data",
		folder, by, them.URL)
}

// readHolder returns what the lock's file says; nothing while its owner is writing it.
func readHolder(f *os.File) (h holder) {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 4*limits.KiB))
	if err != nil || json.Unmarshal(text, &h) != nil {
		return holder{}
	}
	return h
}

// Close gives the folder free. The file stays: removing it could take it from under who has just opened it.
func (l *folderLock) Close() error {
	if l.closed {
		return nil
	}
	l.closed = true
	if l.shared { // the text is that of whoever came last
		return l.file.Close()
	}
	return errors.Join(l.file.Truncate(0), l.file.Close())
}
