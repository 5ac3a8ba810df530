package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
)

// fakeMachine runs functions in place of images.
type fakeMachine struct {
	has     offer
	command func(ctx context.Context, p iterationParams) iterationEnd
	pull    func(ctx context.Context, p prepareParams) error
}

func (m *fakeMachine) offer() offer { return m.has }

func (m *fakeMachine) prove(context.Context) error { return nil }

func (m *fakeMachine) prepare(ctx context.Context, p prepareParams) (prepared, error) {
	p.report("unpack", "1 of 1 layers")
	if m.pull != nil {
		if err := m.pull(ctx, p); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *fakeMachine) close() error { return nil }

func (m *fakeMachine) run(ctx context.Context, p iterationParams) (iterationEnd, error) {
	p.started()
	end := m.command(ctx, p)
	end.argv, end.level, end.host = append(p.entrypoint, p.cmd...), "container", m.has.facts
	if end.wall == 0 {
		end.wall = 1500 * time.Millisecond
	}
	return end, nil
}

func aMachine(command func(ctx context.Context, p iterationParams) iterationEnd) *fakeMachine {
	return &fakeMachine{command: command, has: offer{
		levels: []string{"container"}, cpus: 4, memory: 8 << 30, disk: 100 << 30,
		facts: api.HostFacts{OS: "linux", Architecture: "x86_64", Kernel: "6.1"},
	}}
}

func prints(text string) func(context.Context, iterationParams) iterationEnd {
	return func(_ context.Context, p iterationParams) iterationEnd {
		io.WriteString(p.stdout, text)
		return iterationEnd{}
	}
}

// untilKilled says that it runs and goes on until its context ends.
func untilKilled(running chan<- struct{}) func(context.Context, iterationParams) iterationEnd {
	return func(ctx context.Context, p iterationParams) iterationEnd {
		io.WriteString(p.stdout, "begun\n")
		running <- struct{}{}
		<-ctx.Done()
		return iterationEnd{exitCode: 137, signal: "SIGKILL"}
	}
}

// memoryResults is a spool in memory that outlives daemons.
type memoryResults struct {
	mu      sync.Mutex // guards entries and their contents
	entries map[claimID]*memoryEntry
	order   []claimID
}

func (m *memoryResults) begin(job string, epoch int64) (entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := claimID{job, epoch}
	if m.entries == nil {
		m.entries = map[claimID]*memoryEntry{}
	}
	e := &memoryEntry{of: m, id: id, files: map[string]*bytes.Buffer{}}
	m.entries[id] = e
	m.order = append(m.order, id)
	return e, nil
}

func (m *memoryResults) leftovers() ([]leftover, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []leftover
	for _, id := range m.order {
		if e := m.entries[id]; e != nil {
			out = append(out, leftover{job: id.job, epoch: id.epoch, entry: e, record: e.record})
		}
	}
	return out, nil
}

func (m *memoryResults) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

type memoryEntry struct {
	of     *memoryResults
	id     claimID
	files  map[string]*bytes.Buffer
	record *record
}

func (e *memoryEntry) create(kind api.ArtifactKind, iteration int, path string) (io.WriteCloser, error) {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	b := &bytes.Buffer{}
	e.files[fmt.Sprint(kind, iteration, path)] = b
	return writeNopCloser{b}, nil
}

type writeNopCloser struct{ io.Writer }

func (writeNopCloser) Close() error { return nil }

func (e *memoryEntry) finish(r record) error {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	e.record = &r
	return nil
}

func (e *memoryEntry) open(o output) (io.ReadCloser, error) {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	b := e.files[fmt.Sprint(o.Kind, o.Iteration, o.Path)]
	if b == nil {
		return nil, errors.New("no such output")
	}
	return io.NopCloser(bytes.NewReader(b.Bytes())), nil
}

func (e *memoryEntry) remove() error {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	delete(e.of.entries, e.id)
	return nil
}

// fakeHub is a server that speaks the protocol: one queue, leases without time, and everything that it heard.
type fakeHub struct {
	*httptest.Server
	t        *testing.T
	noSocket bool                   // refuse upgrades
	onPut    func(n int) int        // status of the n-th upload, 0: store it
	deaf     func(api.Message) bool // messages that arrive and get no answer

	mu      sync.Mutex // guards all below
	queue   []*api.ClaimedJob
	held    map[claimID]bool
	ended   map[claimID]api.Message
	doubles int // terminal messages after the first
	cancel  map[string]bool
	abandon map[string]bool
	heard   []api.Message
	outputs map[string]string
	puts    int
	tokens  int
	conns   []*websocket.Conn
	changed chan struct{} // closed and renewed at every change
}

func newFakeHub(t *testing.T, jobs ...*api.ClaimedJob) *fakeHub {
	h := &fakeHub{
		t: t, queue: jobs, held: map[claimID]bool{}, ended: map[claimID]api.Message{}, cancel: map[string]bool{}, abandon: map[string]bool{},
		outputs: map[string]string{}, changed: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v0/runners/r1/channel", h.channel)
	mux.HandleFunc("POST /v0/runners/r1/jobs", h.claim)
	mux.HandleFunc("POST /v0/runners/r1/jobs/{job}/events", h.event)
	mux.HandleFunc("PUT /v0/runners/r1/jobs/{job}/outputs", h.put)
	mux.HandleFunc("POST /v0/runners/r1/jobs/{job}/token", h.token)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer the-key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { h.cut(); h.Server.CloseClientConnections(); h.Server.Close() })
	return h
}

// change runs f under the lock and wakes whoever waits for a change.
func (h *fakeHub) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

// await blocks until cond, which is called under the lock, holds.
func (h *fakeHub) await(what string, cond func() bool) {
	h.t.Helper()
	for {
		h.mu.Lock()
		ok, changed := cond(), h.changed
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-h.t.Context().Done():
			h.t.Fatalf("never came: %s", what)
		case <-time.After(20 * time.Second): // a guard; the expected time is milliseconds
			h.t.Fatalf("never came: %s; heard %v", what, h.events())
		}
	}
}

func (h *fakeHub) events() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, m := range h.heard {
		if m.Event != api.MsgHeartbeat && m.Event != api.MsgReady {
			out = append(out, strings.TrimSpace(string(m.Event)+" "+m.Phase))
		}
	}
	return out
}

func (h *fakeHub) end(job string, epoch int64) (api.Message, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, ok := h.ended[claimID{job, epoch}]
	return m, ok
}

func (h *fakeHub) awaitEnd(job string, epoch int64) api.Message {
	h.t.Helper()
	h.await("end of "+job, func() bool { _, ok := h.ended[claimID{job, epoch}]; return ok })
	m, _ := h.end(job, epoch)
	return m
}

// cut breaks all connections.
func (h *fakeHub) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.CloseNow()
	}
	h.conns = nil
}

func (h *fakeHub) channel(w http.ResponseWriter, r *http.Request) {
	if h.noSocket {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	h.change(func() { h.conns = append(h.conns, conn) })
	for {
		_, frame, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		var msg api.Message
		if err := json.Unmarshal(frame, &msg); err != nil {
			h.t.Errorf("bad frame: %v", err)
			return
		}
		for _, answer := range h.answer(r.Context(), msg) {
			out, _ := json.Marshal(answer)
			if conn.Write(r.Context(), websocket.MessageText, out) != nil {
				return
			}
		}
	}
}

func (h *fakeHub) claim(w http.ResponseWriter, r *http.Request) {
	var body api.ClaimJob
	json.NewDecoder(r.Body).Decode(&body)
	for _, answer := range h.answer(r.Context(), api.Message{Event: api.MsgReady, Runner: body.Runner, PollTimeout: body.PollTimeout}) {
		if answer.Event == api.MsgJob {
			json.NewEncoder(w).Encode(answer.Claimed)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *fakeHub) event(w http.ResponseWriter, r *http.Request) {
	var msg api.Message
	json.NewDecoder(r.Body).Decode(&msg)
	for _, answer := range h.answer(r.Context(), msg) {
		json.NewEncoder(w).Encode(answer)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

func (h *fakeHub) token(w http.ResponseWriter, _ *http.Request) {
	h.change(func() { h.tokens++ })
	json.NewEncoder(w).Encode(api.PullToken{Token: "fresh-token", TTL: 600})
}

func (h *fakeHub) put(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.puts++
	n := h.puts
	h.mu.Unlock()
	if h.onPut != nil {
		if status := h.onPut(n); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	q := r.URL.Query()
	name := strings.TrimSpace(r.PathValue("job") + " " + q.Get("iteration") + " " + q.Get("kind") + " " + q.Get("path"))
	h.change(func() { h.outputs[name] = string(body) })
}

// answer is the hub's whole mind.
func (h *fakeHub) answer(ctx context.Context, msg api.Message) []api.Message {
	h.change(func() { h.heard = append(h.heard, msg) })
	if h.deaf != nil && h.deaf(msg) {
		return nil
	}
	ack := api.Message{Event: api.MsgAck, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}
	switch msg.Event {
	case api.MsgReady:
		return []api.Message{h.wait(ctx, *msg.PollTimeout)}
	case api.MsgDrain:
		return []api.Message{ack}
	case api.MsgHello:
		var out []api.Message
		for _, held := range msg.Held {
			out = append(out, h.about(api.Message{Job: held.Job, Epoch: held.Epoch}))
		}
		return append(out, ack)
	case api.MsgCompleted, api.MsgFailed, api.MsgCanceled:
		h.change(func() {
			id := claimID{msg.Job, msg.Epoch}
			if _, ok := h.ended[id]; ok {
				h.doubles++
			} else {
				h.ended[id] = msg
			}
			delete(h.held, id)
		})
		return []api.Message{ack}
	}
	return []api.Message{h.about(msg)}
}

func (h *fakeHub) about(msg api.Message) api.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer := api.Message{Event: api.MsgAck, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}
	switch {
	case h.abandon[msg.Job]:
		answer.Event = api.MsgAbandon
	case h.cancel[msg.Job]:
		answer.Event = api.MsgCancel
	}
	return answer
}

// wait answers a ready: a job as soon as there is one. A short window means a runner that leaves when idle.
func (h *fakeHub) wait(ctx context.Context, window int64) api.Message {
	for {
		h.mu.Lock()
		changed := h.changed
		if len(h.queue) > 0 {
			job := h.queue[0]
			h.queue = h.queue[1:]
			h.held[claimID{job.UUID, job.Epoch}] = true
			h.mu.Unlock()
			return api.Message{Event: api.MsgJob, Claimed: job}
		}
		drained := len(h.heard) > 0 && h.heard[len(h.heard)-1].Event == api.MsgDrain
		h.mu.Unlock()
		if window <= 1 || drained {
			return api.Message{Event: api.MsgNoJob}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return api.Message{Event: api.MsgNoJob}
		case <-time.After(50 * time.Millisecond): // a quick clock's poll window
			return api.Message{Event: api.MsgNoJob}
		}
	}
}

func aJob(id string, change ...func(*api.ClaimedJob)) *api.ClaimedJob {
	j := &api.ClaimedJob{
		UUID: id, Epoch: 1, Attempt: 1, OCIToken: "first-token", TokenTTL: 600, Lease: 30, Timeout: 60,
		Spec: api.Spec{Slug: "small", OS: "linux", Architecture: "x86_64", Isolation: "container", CPU: 1, Memory: 64 << 20, Disk: 1 << 30},
		Config: api.JobConfig{
			Registry: "registry.example.org", Repository: "p/app", Digest: "sha256:" + strings.Repeat("a", 64), Internal: true, Image: "app:v1",
			Cmd: []string{"bench", "-all"}, Iter: 1, Timeout: 60,
		},
	}
	for _, f := range change {
		f(j)
	}
	return j
}

// quick runs the machine's timers a hundred times faster, but only ten times those that end in a connection that counts as dead: a machine
// with much else to do may well be still for a tenth of a second.
func quick() clock {
	return clock{time.Now, func(d time.Duration, f func()) func() bool {
		faster := time.Duration(100)
		if d >= channel.AnswerTimeout {
			faster = 10
		}
		return time.AfterFunc(d/faster, f).Stop
	}}
}

type rig struct {
	*Daemon
	hub  *fakeHub
	done chan error
}

// start runs a daemon against hub; change may set the configuration.
func start(t *testing.T, hub *fakeHub, m machine, r results, change ...func(*Config)) *rig {
	t.Helper()
	cfg := Config{Host: hub.URL, Runner: "r1", Key: "the-key", Version: "test", Log: slog.New(slog.NewTextHandler(testLog{t}, nil))}
	for _, f := range change {
		f(&cfg)
	}
	d, err := newDaemon(cfg, m, r, quick())
	if err != nil {
		t.Fatal(err)
	}
	rg := &rig{d, hub, make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		rg.done <- d.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-finished })
	return rg
}

func (r *rig) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(20 * time.Second): // a guard
		t.Fatal("the daemon does not end")
		return nil
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Log(strconv.Quote(strings.TrimSpace(string(p))))
	}
	return len(p), nil
}
