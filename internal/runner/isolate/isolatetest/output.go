//go:build linux

package isolatetest

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"
)

// output collects and tells when something came.
type output struct {
	got chan struct{} // one token: something came

	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func newOutput() *output { return &output{got: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.got <- struct{}{}:
	default:
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// await waits for the command's first word.
func (o *output) await(t testing.TB) {
	t.Helper()
	select {
	case <-o.got:
	case <-time.After(time.Minute):
		t.Fatal("the command says nothing")
	}
}

// closedPipe is a writer that takes nothing and counts how often it was asked.
type closedPipe struct {
	asked int
}

func (c *closedPipe) Write([]byte) (int, error) {
	c.asked++
	return 0, errors.New("nobody listens")
}
