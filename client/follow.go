package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Event is one thing that happened to a job that is followed. Kind is api.EventStatus or api.EventEnd, with Job, or api.EventLog, with Log.
type Event struct {
	Kind string
	Job  *api.Job
	Log  *api.JobLog
}

// Follow calls handle for each event of a job until the job has ended; the last event is api.EventEnd. A lost connection is made again and
// goes on behind the last line of output that was seen, so that none comes twice; a status may. It returns handle's error, ctx's, the
// server's refusal, or a NetworkError after limits.FollowTries failures in a row.
func (c *Client) Follow(ctx context.Context, project, job string, handle func(Event) error) error {
	f := follower{client: c, path: at("projects", project, "jobs", job, "events"), handle: handle}
	for failures := 1; ; failures++ {
		progress, err := f.connect(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if stop, ok := errors.AsType[*stopped](err); ok {
			return stop.err
		}
		if progress {
			failures = 1
		}
		pause := backoff(failures, c.cfg.Random())
		if refused, ok := errors.AsType[*APIError](err); ok {
			if refused.Status != http.StatusTooManyRequests && fault.Of(refused) != fault.Unavailable ||
				refused.retryAfter > limits.ClientRetryAfterMax {
				return err
			}
			pause = max(pause, refused.retryAfter)
		}
		if failures >= limits.FollowTries {
			return err
		}
		if c.cfg.OnRetry != nil {
			c.cfg.OnRetry(Retry{Err: err, Try: failures, Pause: pause})
		}
		if c.cfg.Wait(ctx, pause) != nil {
			return context.Cause(ctx)
		}
	}
}

// stopped is an error after which following makes no sense.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }

type follower struct {
	client *Client
	path   string
	handle func(Event) error

	lastID string // of the last event that had one
	epoch  int64  // of the last output that was handed on
	seq    int64
}

var errSilent = errors.New("the connection was silent for too long")

// connect follows over one connection. It returns nil after the end event; progress says whether anything came.
func (f *follower) connect(ctx context.Context) (progress bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	op := call{method: http.MethodGet, path: f.path, header: http.Header{"Accept": {"text/event-stream"}}}
	if f.lastID != "" {
		op.header.Set("Last-Event-ID", f.lastID)
	}
	if f.client.err != nil {
		return false, &stopped{f.client.err}
	}
	res, err := f.client.once(ctx, op, nil)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	// A peer that vanished without a word leaves the connection open for hours: the server writes at least a comment every
	// limits.EventKeepAlive.
	silence := time.AfterFunc(limits.FollowSilence, func() { cancel(errSilent) })
	defer silence.Stop()
	events := newEventReader(&touching{res.Body, func() { silence.Reset(limits.FollowSilence) }})
	for {
		e, err := events.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			if context.Cause(ctx) == errSilent {
				err = errSilent
			}
			return progress, &NetworkError{Host: f.client.base.Host, Err: err}
		}
		progress = true
		end, err := f.take(e)
		if err != nil {
			return progress, &stopped{err}
		}
		if end {
			return progress, nil
		}
	}
}

// take hands an event on. Unknown kinds are left out: a newer server may have more.
func (f *follower) take(e event) (end bool, err error) {
	if e.id != "" {
		f.lastID = e.id
	}
	switch e.name {
	case api.EventStatus, api.EventEnd:
		var job api.Job
		if err := json.Unmarshal(e.data, &job); err != nil {
			return false, fault.Wrap(fault.Unavailable, err, "%s: the server sent an event that is not a job", f.path)
		}
		return e.name == api.EventEnd, f.handle(Event{Kind: e.name, Job: &job})
	case api.EventRefused:
		var said api.Error
		if err := json.Unmarshal(e.data, &said); err != nil {
			return false, fault.Wrap(fault.Unavailable, err, "%s: the server ended the stream without a reason", f.path)
		}
		return false, refused(said)
	case api.EventLog:
		var log api.JobLog
		if err := json.Unmarshal(e.data, &log); err != nil {
			return false, fault.Wrap(fault.Unavailable, err, "%s: the server sent an event that is not output", f.path)
		}
		if log.Epoch < f.epoch || log.Epoch == f.epoch && log.Seq <= f.seq {
			return false, nil // a server that has forgotten where we were begins again
		}
		f.epoch, f.seq = log.Epoch, log.Seq
		return false, f.handle(Event{Kind: e.name, Log: &log})
	}
	return false, nil
}

// touching calls touch whenever bytes came.
type touching struct {
	r     io.Reader
	touch func()
}

func (t *touching) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 {
		t.touch()
	}
	return n, err
}
