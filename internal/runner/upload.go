package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/limits"
)

// uploader brings outputs up, one PUT each, streamed from the spool. A PUT that was cut is simply made again: the server stores an output
// under its digest, so a second one changes nothing.
type uploader struct {
	*endpoint
	after  func(time.Duration, func()) (stop func() bool)
	random func() float64
	log    *slog.Logger
}

// upload brings up all outputs of a record. It returns nil when the server has them all, a permanent *refusal when it will never take
// one, and ctx's error when ctx ends; everything else is tried again.
func (u *uploader) upload(ctx context.Context, e entry, rec record) error {
	for _, o := range rec.Outputs {
		for attempt := 0; ; attempt++ {
			err := u.put(ctx, e, rec.Terminal, o)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if r, ok := errors.AsType[*refusal](err); ok && r.permanent() {
				return err
			}
			if errors.As(err, new(*spoolError)) {
				return err
			}
			u.log.Warn("upload failed, trying again", "job", rec.Terminal.Job, "output", o.Kind, "path", o.Path, "attempt", attempt+1, "error", err)
			if err := pause(ctx, attempt, u.after, u.random); err != nil {
				return err
			}
		}
	}
	return nil
}

// spoolError is an output that cannot be read back; no repeat will help.
type spoolError struct{ cause error }

func (e *spoolError) Error() string { return "read spooled output: " + e.cause.Error() }
func (e *spoolError) Unwrap() error { return e.cause }

// pause waits for a server that is away, longer after each attempt.
func pause(ctx context.Context, attempt int, after func(time.Duration, func()) (stop func() bool), random func() float64) error {
	over := make(chan struct{})
	stop := after(min(channel.Backoff(attempt, random()), limits.UploadRetryMax), func() { close(over) })
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		stop()
		return context.Cause(ctx)
	}
}

func (u *uploader) put(ctx context.Context, e entry, terminal api.Message, o output) error {
	body, err := e.open(o)
	if err != nil {
		return &spoolError{err}
	}
	defer body.Close()
	ctx, cancel := context.WithTimeout(ctx, limits.UploadTimeout)
	defer cancel()
	at := u.at("jobs", terminal.Job, "outputs")
	query := url.Values{
		"epoch": {strconv.FormatInt(terminal.Epoch, 10)}, "iteration": {strconv.Itoa(o.Iteration)}, "kind": {string(o.Kind)},
	}
	if o.Path != "" {
		query.Set("path", o.Path)
	}
	if o.Truncated {
		query.Set("truncated", "true")
	}
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, at.String(), io.NopCloser(io.LimitReader(body, o.Size)))
	if err != nil {
		return err
	}
	req.ContentLength = o.Size
	if o.Size == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	u.authorize(req.Header)
	resp, err := u.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("put %s of job %s: %w", o.Kind, terminal.Job, refused(resp))
	}
	return nil
}

// instead returns what to report of a job whose outputs the server refused, nil if the job is not ours any more.
func instead(terminal api.Message, err error) *api.Message {
	r, refusedByServer := errors.AsType[*refusal](err)
	if refusedByServer {
		switch r.status {
		case http.StatusNotFound, http.StatusGone, http.StatusConflict, http.StatusForbidden:
			return nil
		}
	}
	msg := terminal
	if terminal.Event != api.MsgCompleted {
		return &msg // why it failed matters more than the outputs that are missing
	}
	msg.Event, msg.Reason = api.MsgFailed, api.ReasonRunnerAborted
	msg.Error = "the runner lost the stored outputs"
	if refusedByServer {
		msg.Reason, msg.Error = api.ReasonServer, "the server refused the job's outputs: "+r.message
		if r.status == http.StatusRequestEntityTooLarge {
			msg.Reason = api.ReasonLimit
		}
	}
	return &msg
}
