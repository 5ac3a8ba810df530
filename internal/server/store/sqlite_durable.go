package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/tachograph/tacho/internal/core/fault"
)

// durability makes commits survive a power cut, several of them with one flush.
//
// Every commit gets a number while its writer holds the only writing connection: commits are numbered in the order in which they enter the
// log, and when n is given out, all before n are in it. After COMMIT the writer lets the next one in and waits until a flush that began
// later has ended; whoever finds no flush running begins one for all that are in the log by then. It is safe for concurrent use. nil has
// nothing to do: PostgreSQL's COMMIT returns when the commit is on its disk, and nobody sees it before.
type durability struct {
	log   string                 // path of SQLite's write-ahead log
	flush func(log string) error // flushLog, but for tests that count or stop it

	mu       sync.Mutex
	numbered uint64        // commits that have begun
	inLog    uint64        // all up to here are in the log, or have failed
	kept     uint64        // all up to here are on the disk
	flushing bool          // a goroutine is inside flush
	turn     chan struct{} // closed and renewed at the end of each flush
	failed   error         // of the first flush that failed; nothing is acknowledged after it
}

func newDurability(path string) *durability {
	return &durability{log: path + "-wal", flush: new(logFlusher).flush, turn: make(chan struct{})}
}

// number announces a commit. The caller holds the writing connection, and calls keep with the number after COMMIT, whatever became of it.
func (d *durability) number() uint64 {
	if d == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inLog = max(d.inLog, d.numbered)
	d.numbered++
	return d.numbered
}

// keep returns when commit n is on the disk, or with the reason why it is not. It is not given up early: the commit has happened.
func (d *durability) keep(n uint64) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inLog = max(d.inLog, n)
	for d.kept < n && d.failed == nil {
		if d.flushing {
			turn := d.turn
			d.mu.Unlock()
			<-turn
			d.mu.Lock()
			continue
		}
		d.flushing = true
		upTo := d.inLog
		d.mu.Unlock()
		err := d.flush(d.log)
		d.mu.Lock()
		d.flushing = false
		if err != nil {
			d.failed = err
		} else {
			d.kept = upTo
		}
		close(d.turn)
		d.turn = make(chan struct{})
	}
	return d.refusal()
}

// seen returns when all that its caller may have read is on the disk. It never flushes: the writer of each commit does.
func (d *durability) seen(ctx context.Context) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := d.numbered; d.kept < n && d.failed == nil; {
		turn := d.turn
		d.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			d.mu.Lock()
			return fmt.Errorf("wait for the disk: %w", context.Cause(ctx))
		}
		d.mu.Lock()
	}
	return d.refusal()
}

// check returns the failure of an earlier flush.
func (d *durability) check() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refusal()
}

// refusal is what everybody gets after a flush has failed. A second flush would succeed without having written anything, because the
// operating system forgets what it could not write; only reading the log anew, at the next start, shows what is there. The caller holds mu.
func (d *durability) refusal() error {
	if d.failed == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, d.failed,
		"the disk of the data folder did not take what was written to the database; mend or free it, then restart the server")
}

// logFlusher flushes the log, and once for each file that bears its name the folder, so that the name survives too. One call at a time.
type logFlusher struct{ known fs.FileInfo }

func (l *logFlusher) flush(path string) error {
	// A handle of our own is safe: SQLite's locks, which closing any handle of their file would drop, are not on the log.
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err // also when somebody removed it: SQLite writes on into a file without a name
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := flushData(f); err != nil {
		return fmt.Errorf("flush %s: %w", filepath.Base(path), err)
	}
	if l.known != nil && os.SameFile(l.known, info) {
		return nil
	}
	if err := flushFolder(filepath.Dir(path)); err != nil {
		return err
	}
	l.known = info
	return nil
}

// flushFolder makes the names in a folder durable. Systems that cannot flush a folder do not need it.
func flushFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if err == nil || errors.Is(err, syscall.EINVAL) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return fmt.Errorf("flush folder %s: %w", path, err)
}
