package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

var (
	errShutdown = errors.New("server shutting down")
	errKicked   = errors.New("key no longer valid")
	errReplaced = errors.New("replaced by a newer connection")
)

const (
	pingEvery = 20 * time.Second // keeps proxies from cutting an idle channel, and finds a dead one
	sendTime  = 20 * time.Second // for one frame
)

// channel serves one WebSocket until it ends. Its one reader handles messages in their order; a claim waits beside it, so that heartbeats
// and a drain are heard meanwhile.
func (h *Hub) channel(w http.ResponseWriter, r *http.Request) {
	runner, err := h.authorize(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered
	}
	ws.SetReadLimit(limits.ChannelMessageBytes)
	ctx, cancel := context.WithCancelCause(r.Context())
	s := &session{hub: h, connection: &connection{runner: runner, ws: ws, cancel: cancel, quiet: make(chan struct{})}}
	if !h.add(ctx, s.connection) {
		cancel(errShutdown)
		hangUp(ws, errShutdown)
		return
	}
	defer h.remove(s.connection)
	context.AfterFunc(ctx, func() {
		s.awaitClaim()
		close(s.quiet)
	})
	var beside sync.WaitGroup
	// A context that ends while Read waits would cut the connection before the reason is said, so Read has one that does not.
	beside.Go(func() {
		<-ctx.Done()
		hangUp(ws, context.Cause(ctx))
	})
	beside.Go(func() { s.keepAlive(ctx) })
	defer func() {
		cancel(nil) // also when serve panics
		s.awaitClaim()
		s.watches.Wait()
		beside.Wait()
	}()
	cancel(s.serve(ctx))
}

// hangUp ends a connection, with a word on why where the runner can make something of it.
func hangUp(ws *websocket.Conn, cause error) {
	switch {
	case errors.Is(cause, errShutdown):
		_ = ws.Close(websocket.StatusGoingAway, cause.Error())
	case errors.Is(cause, errKicked), errors.Is(cause, errReplaced):
		_ = ws.Close(websocket.StatusPolicyViolation, cause.Error())
	}
	_ = ws.CloseNow()
}

// session is the state of one channel.
type session struct {
	hub *Hub
	*connection
	mu       sync.Mutex  // guards what follows
	current  api.HeldJob // what this connection claimed, for a runner that names no epoch
	draining bool
	stopWait context.CancelFunc // ends the claim that waits; nil when none does
	claim    chan struct{}      // closed when the last claim is over; nil before the first
	watched  map[api.HeldJob]bool

	watches sync.WaitGroup
}

// awaitClaim waits until no claim waits for a job or is handing one over.
func (s *session) awaitClaim() {
	s.mu.Lock()
	claim := s.claim
	s.mu.Unlock()
	if claim != nil {
		<-claim
	}
}

// serve reads until the connection ends. What is being handled then is finished: the runner may be gone, its word counts.
func (s *session) serve(ctx context.Context) error {
	lasting := context.WithoutCancel(ctx)
	for {
		kind, frame, err := s.ws.Read(lasting)
		if err != nil {
			return err
		}
		if kind != websocket.MessageText {
			if err := s.say(ctx, api.Message{Event: api.MsgError, Error: "a message is a text frame"}); err != nil {
				return err
			}
			continue
		}
		msg, err := channel.Decode(frame)
		if err == nil {
			err = s.handle(ctx, msg)
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		reply := api.Message{Event: api.MsgError, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq, Error: fault.Message(err)}
		if fault.Of(err) == fault.Internal {
			s.hub.log.ErrorContext(ctx, "runner message failed", "runner", s.runner, "event", string(msg.Event), "job", msg.Job, "error",
				err)
			return err // the runner comes back and says it again
		}
		if err := s.say(ctx, reply); err != nil {
			return err
		}
	}
}

// say sends one frame. A frame that is on its way is finished when ctx ends: to break it off would cut the connection before the reason of
// its end is said.
func (s *session) say(ctx context.Context, msg api.Message) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	frame, err := channel.Encode(msg)
	if err != nil {
		return err
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	return s.ws.Write(sending, websocket.MessageText, frame)
}

func (s *session) handle(ctx context.Context, msg api.Message) error {
	switch msg.Event {
	case api.MsgHello:
		replies, err := s.hub.queue.Hello(ctx, s.runner, msg)
		for _, reply := range replies {
			if err := s.say(ctx, reply); err != nil {
				return err
			}
			if reply.Event == api.MsgAck && reply.Job != "" {
				s.watch(ctx, api.HeldJob{Job: reply.Job, Epoch: reply.Epoch})
			}
		}
		return err
	case api.MsgReady:
		return s.ready(ctx, msg)
	case api.MsgDrain:
		return s.drain(ctx, msg)
	}
	s.mu.Lock()
	if msg.Job == "" {
		msg.Job = s.current.Job
	}
	if msg.Epoch == 0 && msg.Job == s.current.Job {
		msg.Epoch = s.current.Epoch
	}
	s.mu.Unlock()
	reply, err := s.hub.queue.Handle(context.WithoutCancel(ctx), s.runner, msg)
	if err != nil {
		return err
	}
	return s.say(ctx, reply)
}

// ready waits for a job beside the reader. A second ready while one waits is an error of the runner.
func (s *session) ready(ctx context.Context, msg api.Message) error {
	wait, err := window(msg.PollTimeout)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.stopWait != nil:
		return fault.Conflictf("ready: one is waiting already")
	case s.draining:
		return s.say(ctx, api.Message{Event: api.MsgNoJob})
	}
	waitCtx, stop := context.WithCancel(ctx)
	over := make(chan struct{})
	s.stopWait, s.claim = stop, over
	go func() {
		defer close(over)
		defer stop()
		err := s.offer(ctx, waitCtx, msg.Runner, wait)
		if err == nil || ctx.Err() != nil {
			return
		}
		switch fault.Of(err) {
		case fault.Unavailable:
			s.cancel(errShutdown)
		case fault.Unauthorized, fault.Missing:
			s.cancel(errKicked)
		default:
			s.hub.log.ErrorContext(ctx, "claim failed", "runner", s.runner, "error", err)
			s.cancel(err)
		}
	}()
	return nil
}

// offer claims a job and sends it. If it cannot be sent it goes back to the queue at once.
func (s *session) offer(ctx, waitCtx context.Context, meta *api.RunnerMeta, wait time.Duration) error {
	job, err := s.hub.queue.Claim(waitCtx, s.runner, meta, wait)
	s.mu.Lock()
	s.stopWait = nil
	if job != nil {
		s.current = api.HeldJob{Job: job.UUID, Epoch: job.Epoch}
	}
	s.mu.Unlock()
	switch {
	case errors.Is(err, errDone):
		return s.say(ctx, api.Message{Event: api.MsgNoJob, Done: true})
	case err != nil:
		return fmt.Errorf("claim for runner %s: %w", s.runner, err)
	case job == nil && ctx.Err() != nil:
		return nil
	case job == nil:
		return s.say(ctx, api.Message{Event: api.MsgNoJob})
	}
	err = s.say(ctx, api.Message{Event: api.MsgJob, Job: job.UUID, Epoch: job.Epoch, Claimed: job})
	if err != nil {
		s.hub.giveBack(ctx, s.runner, job)
		return err
	}
	s.watch(ctx, api.HeldJob{Job: job.UUID, Epoch: job.Epoch})
	return nil
}

// watch tells the runner at once when somebody cancels the job that it holds; without it, a benchmark that prints nothing would run on
// until the next heartbeat is answered. It ends with the job or the connection.
func (s *session) watch(ctx context.Context, held api.HeldJob) {
	s.mu.Lock()
	if s.watched[held] || len(s.watched) >= watchedJobs {
		s.mu.Unlock()
		return
	}
	if s.watched == nil {
		s.watched = map[api.HeldJob]bool{}
	}
	s.watched[held] = true
	s.mu.Unlock()
	changed, unsubscribe := s.hub.queue.Subscribe(held.Job)
	s.watches.Go(func() {
		defer func() {
			unsubscribe()
			s.mu.Lock()
			delete(s.watched, held)
			s.mu.Unlock()
		}()
		for {
			holds, asked, err := s.hub.queue.CancelAsked(ctx, s.runner, held.Job, held.Epoch)
			switch {
			case err != nil && ctx.Err() == nil:
				s.hub.log.ErrorContext(ctx, "job could not be watched", "runner", s.runner, "job", held.Job, "error", err)
				return // its heartbeats hear of a cancel
			case asked:
				_ = s.say(ctx, api.Message{Event: api.MsgCancel, Job: held.Job, Epoch: held.Epoch}) // as above
				return
			case !holds:
				return
			}
			select {
			case <-ctx.Done():
				return
			case _, open := <-changed:
				if !open {
					return
				}
			}
		}
	})
}

// watchedJobs of one connection: a runner runs one job at a time, and may still have results of others to deliver.
const watchedJobs = 16

// drain ends a waiting claim and acknowledges: no job comes after the ack.
func (s *session) drain(ctx context.Context, msg api.Message) error {
	s.mu.Lock()
	s.draining = true
	if s.stopWait != nil {
		s.stopWait()
	}
	s.mu.Unlock()
	s.awaitClaim()
	if err := s.hub.queue.Draining(ctx, s.runner); err != nil {
		return err
	}
	return s.say(ctx, api.Message{Event: api.MsgAck, Seq: msg.Seq})
}

// keepAlive pings until ctx ends; a peer that does not answer ends the channel.
func (s *session) keepAlive(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			pingCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime) // as in say; the end of the connection ends it
			err := s.ws.Ping(pingCtx)
			cancel()
			if err != nil {
				s.cancel(err)
				return
			}
		}
	}
}
