// Package fake is an isolate.Driver in memory, for tests of whoever runs sandboxes. Its programs are functions.
//
// It isolates nothing and is part of no binary: a program can do what the test can. What it does keep is the contract: order of calls,
// streams, exit, Kill with and without grace, files within the task's disk, Close and Sweep. It passes the part of isolatetest that has a
// meaning without a kernel. Time is the time package's, so that it works in a bubble of testing/synctest.
package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// Program is a command. It returns how it ended; the driver fills in the times. It must return soon after Killed is closed.
type Program func(p *Process) isolate.Exit

// Driver makes sandboxes in memory. Its fields are set before the first call; the methods may be called from any goroutine.
type Driver struct {
	Capabilities isolate.Capabilities
	Programs     map[string]Program                        // by the command's first word
	Notes        []string                                  // of each sandbox
	Fail         func(method Method, t isolate.Task) error // nil: nothing fails

	mu    sync.Mutex // guards what follows
	open  map[string]*sandbox
	tasks []isolate.Task
}

// Method is one that Driver.Fail can let fail.
type Method string

// The methods that can fail. A Close that fails has closed all the same.
const (
	Prepare Method = "prepare"
	Start   Method = "start"
	Wait    Method = "wait"
	Close   Method = "close"
)

var _ isolate.Driver = (*Driver)(nil)

func (d *Driver) fail(m Method, t isolate.Task) error {
	if d.Fail == nil {
		return nil
	}
	return d.Fail(m, t)
}

// Probe implements isolate.Driver.
func (d *Driver) Probe(context.Context) (isolate.Capabilities, error) { return d.Capabilities, nil }

// Sweep implements isolate.Driver. It ends all sandboxes, as if their process had been killed.
func (d *Driver) Sweep(context.Context) error {
	d.mu.Lock()
	left := slices.Collect(maps.Values(d.open))
	d.mu.Unlock()
	for _, s := range left {
		s.end()
	}
	return nil
}

// Prepare implements isolate.Driver.
func (d *Driver) Prepare(ctx context.Context, t isolate.Task) (isolate.Sandbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.tasks = append(d.tasks, t)
	d.mu.Unlock()
	if err := d.fail(Prepare, t); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[t.ID] != nil {
		return nil, fmt.Errorf("prepare sandbox %s: there is one already", t.ID)
	}
	if d.open == nil {
		d.open = map[string]*sandbox{}
	}
	s := &sandbox{
		driver: d, task: t, terminated: make(chan struct{}), killed: make(chan struct{}), done: make(chan struct{}), returned: make(chan struct{}),
		files: map[string][]byte{},
	}
	d.open[t.ID] = s
	return s, nil
}

// Sandboxes returns the ids of the sandboxes that are not closed, sorted.
func (d *Driver) Sandboxes() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.open))
}

// Tasks returns all tasks that were to be prepared, in their order.
func (d *Driver) Tasks() []isolate.Task {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.tasks)
}

type sandbox struct {
	driver     *Driver
	task       isolate.Task
	terminated chan struct{} // closed when it is asked to end
	killed     chan struct{} // closed when it is forced to
	done       chan struct{} // closed when it has ended, by itself or by force
	returned   chan struct{} // closed when the program has returned as well
	asking     sync.Once
	forcing    sync.Once
	writers    sync.WaitGroup // that were let write before it ended

	mu      sync.Mutex // guards what follows
	started bool
	ended   bool
	exit    isolate.Exit
	files   map[string][]byte
}

// Start implements isolate.Sandbox.
func (s *sandbox) Start(ctx context.Context, stdout, stderr io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.driver.fail(Start, s.task); err != nil {
		return err
	}
	program := s.driver.Programs[s.task.Args[0]]
	if program == nil {
		return fault.Invalidf("the command cannot be run in this image: there is no %s", s.task.Args[0])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.ended {
		return fmt.Errorf("start sandbox %s: it was started or closed before", s.task.ID)
	}
	s.started, s.exit.Started = true, time.Now()
	p := &Process{
		Args: slices.Clone(s.task.Args), Env: slices.Clone(s.task.Env), WorkDir: path.Join("/", s.task.WorkDir),
		Stdout: &stream{of: s, w: stdout}, Stderr: &stream{of: s, w: stderr}, Terminated: s.terminated, Killed: s.killed, of: s,
	}
	limit := time.AfterFunc(s.task.MaxWall, s.force)
	go func() {
		defer close(s.returned)
		defer limit.Stop()
		s.finish(program(p))
	}()
	return nil
}

// finish notes how the command ended, unless it has ended already.
func (s *sandbox) finish(how isolate.Exit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	how.Started, how.Wall = s.exit.Started, max(time.Since(s.exit.Started), time.Nanosecond)
	s.exit = how
	close(s.done)
}

// Wait implements isolate.Sandbox.
func (s *sandbox) Wait() (isolate.Exit, error) {
	<-s.done
	s.writers.Wait()
	return s.exit, s.driver.fail(Wait, s.task)
}

// Kill implements isolate.Sandbox.
func (s *sandbox) Kill(grace time.Duration) {
	if grace <= 0 {
		s.force()
		return
	}
	s.asking.Do(func() { close(s.terminated) })
	go func() {
		limit := time.NewTimer(grace)
		defer limit.Stop()
		select {
		case <-s.done:
		case <-limit.C:
			s.force()
		}
	}()
}

func (s *sandbox) force() {
	s.finish(isolate.Exit{Code: 137, Signal: "SIGKILL"})
	s.forcing.Do(func() { close(s.killed) })
}

// writing lets a stream write, unless the command has ended.
func (s *sandbox) writing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.writers.Add(1)
	}
	return !s.ended
}

// Open implements isolate.Sandbox.
func (s *sandbox) Open(name string) (io.ReadCloser, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clean := path.Join("/", name)
	if body, ok := s.files[clean]; ok {
		return io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	}
	for file := range s.files {
		if path.Dir(file) == clean || clean == "/" {
			return nil, 0, fault.Invalidf("%s is no regular file", name)
		}
	}
	return nil, 0, fault.Missingf("the command left no file %s", name)
}

// Notes implements isolate.Sandbox.
func (s *sandbox) Notes() []string { return slices.Clone(s.driver.Notes) }

// Close implements isolate.Sandbox. It waits for the program to return.
func (s *sandbox) Close() error {
	if !s.end() {
		return nil
	}
	return s.driver.fail(Close, s.task)
}

// end ends the command and forgets the sandbox, once.
func (s *sandbox) end() (first bool) {
	s.force()
	s.mu.Lock()
	started := s.started
	s.mu.Unlock()
	if started {
		<-s.returned
	}
	d := s.driver
	d.mu.Lock()
	defer d.mu.Unlock()
	first = d.open[s.task.ID] == s
	if first {
		delete(d.open, s.task.ID)
	}
	return first
}
