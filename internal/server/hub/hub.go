// Package hub is where runners connect: the WebSocket channel, the long poll that does the same over plain HTTP, the upload of outputs and
// the renewal of pull tokens.
//
// It carries messages and decides nothing: package job answers them, whichever way they came. A connection that ends ends nothing else;
// jobs live by their leases.
//
// It is an edge: the server root mounts it, and no room calls it.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/request"
)

// Hub is safe for concurrent use.
type Hub struct {
	queue   *job.Service
	serving Serving
	log     *slog.Logger

	mu     sync.Mutex
	open   map[string][]*connection // by runner
	closed bool
	served sync.WaitGroup // channels that were added and not removed
}

type connection struct {
	runner string
	ws     *websocket.Conn
	cancel context.CancelCauseFunc
	quiet  chan struct{} // closed when it has ended and takes no job any more
}

// Serving returns the id of the runner that ref names, if actor is that machine.
type Serving func(ctx context.Context, actor access.Actor, ref string) (id string, err error)

// New makes a hub.
func New(q *job.Service, serving Serving, log *slog.Logger) *Hub {
	return &Hub{queue: q, serving: serving, log: log, open: map[string][]*connection{}}
}

// authorize returns the id of the runner that the path names, if the request's key is that runner's.
func (h *Hub) authorize(r *http.Request) (string, error) {
	actor, _ := request.ActorOf(r.Context())
	return h.serving(r.Context(), actor, r.PathValue("runner"))
}

func (h *Hub) fail(w http.ResponseWriter, r *http.Request, err error) {
	request.WriteError(w, r, h.log, err)
}

func (h *Hub) decode(w http.ResponseWriter, r *http.Request, out any) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limits.ChannelMessageBytes))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return fault.TooLargef("the body is over %d bytes; outputs go up by PUT", limits.ChannelMessageBytes)
		}
		return fault.Wrap(fault.Invalid, err, "the body could not be read")
	}
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fault.Wrap(fault.Invalid, err, "the body is not valid JSON for this request")
	}
	return nil
}

// window is how long a claim waits, within its limits.
func window(asked *int64) (time.Duration, error) {
	if asked == nil {
		return limits.PollDefault, nil
	}
	if *asked < 0 || *asked > int64(limits.PollMax/time.Second) {
		return 0, fault.Invalidf("poll_timeout %d: want 0 to %d seconds", *asked, int64(limits.PollMax/time.Second))
	}
	return time.Duration(*asked) * time.Second, nil
}

// claim is the long poll: 200 with a job, or 204 after the window.
func (h *Hub) claim(w http.ResponseWriter, r *http.Request) {
	runner, err := h.authorize(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	var body api.ClaimJob
	if err := h.decode(w, r, &body); err != nil {
		h.fail(w, r, err)
		return
	}
	wait, err := window(body.PollTimeout)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + time.Minute))
	job, err := h.queue.Claim(r.Context(), runner, body.Runner, wait)
	switch {
	case errors.Is(err, errDone):
		w.Header().Set(api.DoneHeader, "true")
		w.WriteHeader(http.StatusNoContent)
	case err != nil:
		h.fail(w, r, err)
	case job == nil:
		w.WriteHeader(http.StatusNoContent)
	case r.Context().Err() != nil: // it asked and hung up
		h.giveBack(r.Context(), runner, job)
	default:
		request.WriteJSON(w, http.StatusOK, job)
	}
}

var errDone = job.ErrDone // job is also the name of what was claimed

// giveBack returns a job that could not be handed over. What did arrive after all is told by the runner's next word.
func (h *Hub) giveBack(ctx context.Context, runner string, job *api.ClaimedJob) {
	if err := h.queue.GiveBack(ctx, runner, job.UUID, job.Epoch); err != nil {
		h.log.ErrorContext(ctx, "job could not be given back", "runner", runner, "job", job.UUID, "error", err)
	}
}

// event is one message over plain HTTP.
func (h *Hub) event(w http.ResponseWriter, r *http.Request) {
	runner, err := h.authorize(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	frame, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limits.ChannelMessageBytes))
	if err != nil {
		h.fail(w, r, fault.TooLargef("the message is over %d bytes", limits.ChannelMessageBytes))
		return
	}
	msg, err := channel.Decode(frame)
	if err == nil && (msg.Event == api.MsgHello || msg.Event == api.MsgReady || msg.Event == api.MsgDrain) {
		err = fault.Invalidf("message: %s is said on the channel; over HTTP, POST …/jobs asks for a job", msg.Event)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	msg.Job = r.PathValue("job")
	reply, err := h.queue.Handle(r.Context(), runner, msg)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	request.WriteJSON(w, http.StatusOK, reply)
}

// upload stores one output, streamed.
func (h *Hub) upload(w http.ResponseWriter, r *http.Request) {
	runner, err := h.authorize(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	q := r.URL.Query()
	epoch, err := strconv.ParseInt(q.Get("epoch"), 10, 64)
	if err != nil || epoch < 1 {
		h.fail(w, r, fault.Invalidf("epoch %.20q: want the number of the claim", q.Get("epoch")))
		return
	}
	iteration, err := strconv.Atoi(q.Get("iteration"))
	if err != nil {
		h.fail(w, r, fault.Invalidf("iteration %.20q: want a number from 0", q.Get("iteration")))
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTime))
	err = h.queue.PutOutput(r.Context(), runner, r.PathValue("job"), job.OutputParams{
		Epoch: epoch, Iteration: iteration, Kind: api.ArtifactKind(q.Get("kind")), Path: q.Get("path"),
		Truncated: q.Get("truncated") == "true",
	}, r.Body)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// uploadTime is how long one upload may take: limits.UploadBodyBytes over a slow line.
const uploadTime = 30 * time.Minute

// token renews the pull token of a job that the runner holds.
func (h *Hub) token(w http.ResponseWriter, r *http.Request) {
	runner, err := h.authorize(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	var epoch int64
	if text := r.URL.Query().Get("epoch"); text != "" {
		if epoch, err = strconv.ParseInt(text, 10, 64); err != nil {
			h.fail(w, r, fault.Invalidf("epoch %.20q: want a number", text))
			return
		}
	}
	token, err := h.queue.Refresh(r.Context(), runner, r.PathValue("job"), epoch)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	request.WriteJSON(w, http.StatusOK, token)
}

// Kick ends a runner's connections, because its key no longer opens anything.
func (h *Hub) Kick(runnerID string) {
	h.mu.Lock()
	mine := slices.Clone(h.open[runnerID])
	h.mu.Unlock()
	for _, c := range mine {
		c.cancel(errKicked)
	}
	h.queue.Kick(runnerID)
}

// Recheck ends all connections, so that their runners come back and show their keys again.
func (h *Hub) Recheck() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, list := range h.open {
		for _, c := range list {
			c.cancel(errShutdown)
		}
	}
}

// Close ends all connections with "going away", and returns when what they were saying is stored; runners come back to the next server.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	var all []*connection
	for _, list := range h.open {
		all = append(all, list...)
	}
	h.mu.Unlock()
	for _, c := range all {
		c.cancel(errShutdown)
	}
	h.served.Wait()
}

// Connected is how many channels are open.
func (h *Hub) Connected() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, list := range h.open {
		n += len(list)
	}
	return n
}

// add takes a connection in. A runner has one: the others, of which it may not know yet that they are dead, end before this one says a
// word, so that no job is given to them meanwhile. It returns false at shutdown.
func (h *Hub) add(ctx context.Context, c *connection) bool {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return false
	}
	others := slices.Clone(h.open[c.runner])
	h.open[c.runner] = append(h.open[c.runner], c)
	h.served.Add(1)
	h.mu.Unlock()
	for _, other := range others {
		h.log.WarnContext(ctx, "runner connected again; its older channel ends", "runner", c.runner)
		other.cancel(errReplaced)
		select {
		case <-other.quiet:
		case <-ctx.Done():
		}
	}
	return true
}

func (h *Hub) remove(c *connection) {
	defer h.served.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[c.runner] = slices.DeleteFunc(h.open[c.runner], func(other *connection) bool { return other == c })
	if len(h.open[c.runner]) == 0 {
		delete(h.open, c.runner)
	}
}
