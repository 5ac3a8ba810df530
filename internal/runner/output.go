package runner

import (
	"fmt"
	"io"
	"sync"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// budget is what a job's outputs may have together: limits.JobOutputTotal. Safe for concurrent use.
type budget struct {
	mu   sync.Mutex // guards left
	left int64
}

func newBudget() *budget { return &budget{left: limits.JobOutputTotal} }

// take grants at most n bytes.
func (b *budget) take(n int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, b.left)
	b.left -= n
	return n
}

// capped writes one output up to its limit and the job's, and then swallows: the command must not hang on a full pipe while it is being
// killed. over is called once, at the first byte that did not fit. A write of w that fails (a full disk) is told to failed, once, and
// swallowed as well. Used by one goroutine.
type capped struct {
	w      io.Writer
	name   string
	left   int64
	job    *budget
	over   func(sentence string)
	failed func(error)

	size      int64
	truncated bool
	broken    bool
}

func (c *capped) Write(p []byte) (int, error) {
	n := len(p)
	if c.truncated || c.broken {
		return n, nil
	}
	room := c.job.take(min(int64(len(p)), c.left))
	if _, err := c.w.Write(p[:room]); err != nil {
		c.broken = true
		c.failed(fmt.Errorf("write %s: %w", c.name, err))
		return n, nil
	}
	c.left -= room
	c.size += room
	if room < int64(n) {
		c.truncated = true
		if c.left == 0 {
			c.over(fmt.Sprintf("%s is larger than the limit of %s", c.name, unit.SizeText(limits.JobOutputBytes)))
		} else {
			c.over(fmt.Sprintf("the outputs of the job are together larger than the limit of %s", unit.SizeText(limits.JobOutputTotal)))
		}
	}
	return n, nil
}
