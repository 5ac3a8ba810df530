package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// pollDialer makes links of plain HTTP requests: a claim is a long-poll, every other message is a POST whose answer is the reply.
type pollDialer struct{ *endpoint }

func (d pollDialer) dial(context.Context) (link, error) {
	return &pollLink{endpoint: d.endpoint, replies: make(chan api.Message, 64), broken: make(chan error, 1), gone: make(chan struct{})}, nil
}

type pollLink struct {
	*endpoint
	replies chan api.Message
	broken  chan error // a claim that failed
	gone    chan struct{}
	once    sync.Once

	claims      sync.WaitGroup
	cancelClaim context.CancelFunc // of the claim that waits; only send touches it
}

func (l *pollLink) send(ctx context.Context, msg api.Message) error {
	switch msg.Event {
	case api.MsgReady:
		l.claim(ctx, msg)
		return nil
	case api.MsgHello:
		return l.greet(ctx, msg)
	case api.MsgDrain:
		if l.cancelClaim != nil {
			l.cancelClaim()
			l.claims.Wait() // a job that came in the last moment is told before the ack
		}
		return l.reply(ctx, api.Message{Event: api.MsgAck, Seq: msg.Seq})
	}
	answer, err := l.post(ctx, msg)
	if err != nil {
		return err
	}
	return l.reply(ctx, answer)
}

// greet does without hello: a heartbeat for the job that runs tells whether it is still ours. Results are told by their own message.
func (l *pollLink) greet(ctx context.Context, hello api.Message) error {
	for _, held := range hello.Held {
		if held.Finished {
			continue
		}
		answer, err := l.post(ctx, api.Message{Event: api.MsgHeartbeat, Job: held.Job, Epoch: held.Epoch})
		if err != nil {
			return err
		}
		if err := l.reply(ctx, answer); err != nil {
			return err
		}
	}
	return l.reply(ctx, api.Message{Event: api.MsgAck, Seq: hello.Seq})
}

func (l *pollLink) reply(ctx context.Context, msg api.Message) error {
	select {
	case l.replies <- msg:
		return nil
	case <-l.gone:
		return errLinkClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// post sends one message about a job. A job that the server does not know, or not as ours, is abandoned.
func (l *pollLink) post(ctx context.Context, msg api.Message) (api.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	body, err := encodeMessage(msg)
	if err != nil {
		return api.Message{}, err
	}
	resp, err := l.do(ctx, body, "jobs", msg.Job, "events")
	if err != nil {
		return api.Message{}, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted:
	case http.StatusNotFound, http.StatusGone, http.StatusConflict:
		return api.Message{Event: api.MsgAbandon, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}, nil
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return api.Message{Event: api.MsgError, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq, Error: refused(resp).message}, nil
	default:
		return api.Message{}, refused(resp)
	}
	frame, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, limits.ChannelMessageBytes))
	if err != nil {
		return api.Message{}, fmt.Errorf("read reply: %w", err)
	}
	return decodeMessage(frame)
}

func (l *pollLink) do(ctx context.Context, body []byte, parts ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.at(parts...).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	l.authorize(req.Header)
	return l.client.Do(req)
}

// claim long-polls beside the other messages, so that a drain need not wait for the window.
func (l *pollLink) claim(ctx context.Context, ready api.Message) {
	l.claims.Wait()
	window := limits.PollDefault
	if ready.PollTimeout != nil {
		window = time.Duration(*ready.PollTimeout) * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, window+sendTimeout)
	l.cancelClaim = cancel
	l.claims.Go(func() {
		defer cancel()
		msg, err := l.awaitJob(ctx, ready)
		if err != nil {
			select {
			case l.broken <- err:
			default:
			}
			return
		}
		_ = l.reply(ctx, msg) // a link that is gone has no reader
	})
}

func (l *pollLink) awaitJob(ctx context.Context, ready api.Message) (api.Message, error) {
	body, err := json.Marshal(api.ClaimJob{PollTimeout: ready.PollTimeout, Runner: ready.Runner})
	if err != nil {
		return api.Message{}, err
	}
	resp, err := l.do(ctx, body, "jobs")
	if err != nil {
		return api.Message{}, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNoContent:
		return api.Message{Event: api.MsgNoJob, Done: resp.Header.Get(api.DoneHeader) == "true"}, nil
	case http.StatusOK:
	default:
		return api.Message{}, fmt.Errorf("claim a job: %w", refused(resp))
	}
	var job api.ClaimedJob
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, limits.ChannelMessageBytes)).Decode(&job); err != nil {
		return api.Message{}, fmt.Errorf("read claimed job: %w", err)
	}
	return api.Message{Event: api.MsgJob, Job: job.UUID, Epoch: job.Epoch, Claimed: &job}, nil
}

func (l *pollLink) receive(ctx context.Context) (api.Message, error) {
	select {
	case msg := <-l.replies:
		return msg, nil
	case err := <-l.broken:
		return api.Message{}, err
	case <-l.gone:
		return api.Message{}, errLinkClosed
	case <-ctx.Done():
		return api.Message{}, context.Cause(ctx)
	}
}

func (l *pollLink) close() { l.once.Do(func() { close(l.gone) }) }
