package fake

import (
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"sync"
	"syscall"
)

// Process is what a program sees of its sandbox.
type Process struct {
	Args       []string
	Env        []string
	WorkDir    string
	Stdout     io.Writer
	Stderr     io.Writer
	Terminated <-chan struct{} // closed when it is asked to end
	Killed     <-chan struct{} // closed when it has been ended by force; whatever it still does has no effect

	of *sandbox
}

// ErrKilled is what a program gets that was ended by force and goes on.
var ErrKilled = errors.New("the process has been killed")

// WriteFile leaves a file. Beyond the task's disk it is ENOSPC and the file stays as it was.
func (p *Process) WriteFile(name string, body []byte) error {
	s := p.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return ErrKilled
	}
	if !path.IsAbs(name) {
		name = path.Join(p.WorkDir, name)
	}
	name = path.Clean(name)
	used := int64(len(body))
	for other, has := range s.files {
		if other != name {
			used += int64(len(has))
		}
	}
	if used > s.task.DiskBytes {
		return syscall.ENOSPC
	}
	s.files[name] = slices.Clone(body)
	return nil
}

// Files returns the names of the files that it has left so far, sorted.
func (p *Process) Files() []string {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return slices.Sorted(maps.Keys(p.of.files))
}

// stream is a command's stream: as with a pipe, a reader that is gone stops nothing. After the command's end nothing is written any more:
// Wait has returned by then, and the writer is its owner's.
type stream struct {
	of *sandbox
	w  io.Writer

	mu   sync.Mutex // guards deaf and the writer
	deaf bool       // the writer has failed
}

// Write implements io.Writer.
func (o *stream) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.of.writing() {
		return 0, ErrKilled
	}
	defer o.of.writers.Done()
	if !o.deaf {
		if _, err := o.w.Write(b); err != nil {
			o.deaf = true
		}
	}
	return len(b), nil
}
