package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/limits"
)

const results = `{"b":{"latency":{"value":10}}}`

// finish ends a job as a Bencher runner does, with its output in the message.
func finish(job *api.ClaimedJob) api.Message {
	stdout := results
	return api.Message{Event: api.MsgCompleted, Job: job.UUID, Epoch: job.Epoch, Seq: channel.TerminalSeq,
		Results: []api.IterationOutput{{Stdout: &stdout}}}
}

func TestOneChannelServesManyJobs(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	r, key := p.runner("box")
	w := p.dial("box", key) // by its slug
	w.ask(api.Message{Event: api.MsgHello, Seq: 1, Runner: &api.RunnerMeta{OS: "linux", Arch: "x86_64", Version: "9"}}, api.MsgAck)
	for i := range 3 {
		id := p.submit()
		job := w.job()
		if job.UUID != id || job.OCIToken != "pull" || job.Config.Digest == "" {
			t.Fatalf("job %d: %+v", i, job)
		}
		about := func(event api.MessageEvent, seq int64) api.Message {
			return api.Message{Event: event, Job: job.UUID, Epoch: job.Epoch, Seq: seq}
		}
		w.ask(about(api.MsgRunning, 1), api.MsgAck)
		w.ask(about(api.MsgRunning, 1), api.MsgAck) // twice is once
		w.ask(about(api.MsgHeartbeat, 2), api.MsgAck)
		w.ask(finish(job), api.MsgAck)
		w.ask(finish(job), api.MsgAck)
		p.becomes(id, api.JobProcessed)
	}
	got, err := p.fleet.Runner(t.Context(), access.Actor{Kind: access.Local}, r)
	if err != nil || got.Version != "9" || got.State != api.RunnerIdle {
		t.Errorf("runner %+v, %v", got, err)
	}
}

func TestAWaitingChannelIsWokenAndHearsOtherThings(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	w := p.dial("box", key)
	w.send(api.Message{Event: api.MsgReady})
	w.ask(api.Message{Event: api.MsgHeartbeat, Job: "unknown", Epoch: 1, Seq: 3}, api.MsgAbandon) // while it waits
	w.send(api.Message{Event: api.MsgReady})
	if msg := w.receive(); msg.Event != api.MsgError || !strings.Contains(msg.Error, "one is waiting") {
		t.Errorf("a second ready: %+v", msg)
	}
	id := p.submit()
	if msg := w.receive(); msg.Event != api.MsgJob || msg.Job != id {
		t.Errorf("got %+v, want job %s", msg, id)
	}
}

func TestAWindowEndsWithNoJob(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	w := p.dial("box", key)
	for seconds, want := range map[int64]api.MessageEvent{0: api.MsgNoJob, -1: api.MsgError, 901: api.MsgError} {
		w.send(api.Message{Event: api.MsgReady, PollTimeout: &seconds})
		if msg := w.receive(); msg.Event != want {
			t.Errorf("a window of %d s: %+v, want %s", seconds, msg, want)
		}
	}
}

func TestNonsenseIsAnsweredAndTheChannelStays(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	w := p.dial("box", key)
	for name, send := range map[string]func(){
		"no JSON":          func() { w.sendFrame(websocket.MessageText, []byte(`{"event":`)) },
		"an unknown event": func() { w.sendFrame(websocket.MessageText, []byte(`{"event":"job"}`)) },
		"a binary frame":   func() { w.sendFrame(websocket.MessageBinary, []byte(`{"event":"ready"}`)) },
		"an empty frame":   func() { w.sendFrame(websocket.MessageText, nil) },
		"a long log":       func() { w.send(api.Message{Event: api.MsgLog, Text: strings.Repeat("x", limits.LogChunkBytes+1)}) },
	} {
		send()
		if msg := w.receive(); msg.Event != api.MsgError || msg.Error == "" {
			t.Errorf("%s: %+v", name, msg)
		}
	}
	id := p.submit()
	if job := w.job(); job.UUID != id {
		t.Errorf("after all that: %+v", job)
	}
}

func TestAFrameOverTheLimitEndsTheChannelAndNotTheJob(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	p.submit()
	w := p.dial("box", key)
	job := w.job()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_ = w.ws.Write(ctx, websocket.MessageText, make([]byte, limits.ChannelMessageBytes+1)) // the server may hang up in the middle
	if code, _ := w.closed(); code != websocket.StatusMessageTooBig {
		t.Errorf("closed with %d", code)
	}
	w = p.dial("box", key)
	w.send(api.Message{Event: api.MsgHello, Seq: 1, Held: []api.HeldJob{{Job: job.UUID, Epoch: job.Epoch}}})
	if msg := w.receive(); msg.Event != api.MsgAck || msg.Job != job.UUID {
		t.Errorf("hello: %+v", msg)
	}
	if msg := w.receive(); msg.Event != api.MsgAck || msg.Job != "" || msg.Seq != 1 {
		t.Errorf("the end of the greeting: %+v", msg)
	}
	w.ask(finish(job), api.MsgAck)
	p.becomes(job.UUID, api.JobProcessed)
}

func TestNoJobComesAfterADrain(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	r, key := p.runner("box")
	w := p.dial("box", key)
	w.send(api.Message{Event: api.MsgReady})
	w.send(api.Message{Event: api.MsgDrain, Seq: 7})
	if msg := w.receive(); msg.Event != api.MsgNoJob {
		t.Errorf("the claim that waited: %+v", msg)
	}
	if msg := w.receive(); msg.Event != api.MsgAck || msg.Seq != 7 {
		t.Errorf("the drain: %+v", msg)
	}
	id := p.submit()
	w.send(api.Message{Event: api.MsgReady})
	if msg := w.receive(); msg.Event != api.MsgNoJob {
		t.Errorf("after the drain: %+v", msg)
	}
	p.becomes(id, api.JobPending)
	if got, err := p.fleet.Runner(t.Context(), access.Actor{Kind: access.Local}, r); err != nil || got.State != api.RunnerDraining {
		t.Errorf("state %s, %v", got.State, err)
	}
}

func TestCancelReachesARunnerThatSaysNothing(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	p.submit()
	w := p.dial("box", key)
	job := w.job()
	if err := p.queue.Cancel(t.Context(), job.UUID); err != nil {
		t.Fatal(err)
	}
	if msg := w.receive(); msg.Event != api.MsgCancel || msg.Job != job.UUID || msg.Epoch != job.Epoch {
		t.Errorf("got %+v, want a cancel", msg)
	}
	w.ask(api.Message{Event: api.MsgCanceled, Job: job.UUID, Epoch: job.Epoch, Seq: channel.TerminalSeq}, api.MsgAck)
	p.becomes(job.UUID, api.JobCanceled)
}

func TestCancelReachesARunnerThatCameBack(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	p.submit()
	job := p.dial("box", key).job()
	w := p.dial("box", key)
	w.send(api.Message{Event: api.MsgHello, Seq: 1, Held: []api.HeldJob{{Job: job.UUID, Epoch: job.Epoch}}})
	for range 2 { // for the job, and the end of the greeting
		if msg := w.receive(); msg.Event != api.MsgAck {
			t.Fatalf("hello: %+v", msg)
		}
	}
	if err := p.queue.Cancel(t.Context(), job.UUID); err != nil {
		t.Fatal(err)
	}
	if msg := w.receive(); msg.Event != api.MsgCancel || msg.Job != job.UUID {
		t.Errorf("got %+v, want a cancel", msg)
	}
}

func TestCancelReachesTheRunnerWithItsNextMessage(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	p.submit()
	w := p.dial("box", key)
	job := w.job()
	if err := p.queue.Cancel(t.Context(), job.UUID); err != nil {
		t.Fatal(err)
	}
	if msg := w.receive(); msg.Event != api.MsgCancel {
		t.Fatalf("got %+v, want a cancel", msg)
	}
	// said again to who lost the first
	w.ask(api.Message{Event: api.MsgHeartbeat, Job: job.UUID, Epoch: job.Epoch, Seq: 1}, api.MsgCancel)
	// with two l
	w.sendFrame(websocket.MessageText, []byte(fmt.Sprintf(`{"event":"cancelled","job":%q,"epoch":1,"seq":1099511627776}`, job.UUID)))
	if msg := w.receive(); msg.Event != api.MsgAck {
		t.Errorf("canceled: %+v", msg)
	}
	p.becomes(job.UUID, api.JobCanceled)
}

func TestARunnerThatNamesNoJobSpeaksForTheOneItGotHere(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	id := p.submit()
	w := p.dial("box", key)
	w.job()
	stdout := results
	for _, msg := range []api.Message{{Event: api.MsgRunning}, {Event: api.MsgHeartbeat},
		{Event: api.MsgCompleted, Results: []api.IterationOutput{{Stdout: &stdout}}}} {
		w.send(msg)
		if got := w.receive(); got.Event != api.MsgAck || got.Job != id {
			t.Errorf("%s: %+v", msg.Event, got)
		}
	}
	p.becomes(id, api.JobProcessed)
}

func TestShutdownSaysSoAndTheJobGoesOn(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	id := p.submit()
	w := p.dial("box", key)
	w.ask(api.Message{Event: api.MsgHello, Seq: 1}, api.MsgAck)
	job := w.job()
	w.ask(api.Message{Event: api.MsgRunning, Job: job.UUID, Epoch: 1, Seq: 1}, api.MsgAck)
	idle, idleKey := p.runner("idle")
	second := p.dial(idle, idleKey)
	second.send(api.Message{Event: api.MsgReady})
	done := make(chan struct{})
	go func() { p.hub.Close(); close(done) }()
	for _, w := range []*wire{w, second} {
		if code, reason := w.closed(); code != websocket.StatusGoingAway || reason != "server shutting down" {
			t.Errorf("closed with %d %q", code, reason)
		}
	}
	<-done
	if n := p.hub.Connected(); n != 0 {
		t.Errorf("%d channels are left", n)
	}
	p.becomes(id, api.JobRunning)
	if code, _ := p.dial(idle, idleKey).closed(); code != websocket.StatusGoingAway {
		t.Errorf("a new channel was closed with %d", code)
	}
}

func TestANewKeyEndsTheOldOnesChannel(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	r, key := p.runner("box")
	w := p.dial("box", key)
	w.ask(api.Message{Event: api.MsgHello, Seq: 1}, api.MsgAck)
	w.send(api.Message{Event: api.MsgReady})
	made, err := p.fleet.RotateKey(t.Context(), access.Actor{Kind: access.Local}, r, "")
	if err != nil {
		t.Fatal(err)
	}
	if code, reason := w.closed(); code != websocket.StatusPolicyViolation || reason != "key no longer valid" {
		t.Errorf("closed with %d %q", code, reason)
	}
	if status, _ := p.do(http.MethodPost, "/v0/runners/box/jobs", key, api.ClaimJob{}); status != http.StatusUnauthorized {
		t.Errorf("the old key: %d", status)
	}
	w = p.dial("box", made.Key)
	w.ask(api.Message{Event: api.MsgHello, Seq: 1}, api.MsgAck)
	yes := true
	if _, err := p.fleet.UpdateRunner(t.Context(), access.Actor{Kind: access.Local}, r, api.UpdateRunner{Archived: &yes}); err != nil {
		t.Fatal(err)
	}
	if code, _ := w.closed(); code != websocket.StatusPolicyViolation {
		t.Errorf("archived: closed with %d", code)
	}
	if status, _ := p.do(http.MethodPost, "/v0/runners/box/jobs", made.Key, api.ClaimJob{}); status != http.StatusUnauthorized {
		t.Errorf("an archived runner's key: %d", status)
	}
}

// TestANewChannelReplacesTheOld is about one that died without a word: a job must not be given to it.
func TestANewChannelReplacesTheOld(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	old := p.dial("box", key)
	old.ask(api.Message{Event: api.MsgHello, Seq: 1}, api.MsgAck)
	old.send(api.Message{Event: api.MsgReady})
	w := p.dial("box", key)
	w.ask(api.Message{Event: api.MsgHello, Seq: 1}, api.MsgAck)
	id := p.submit()
	if job := w.job(); job.UUID != id || job.Epoch != 1 {
		t.Errorf("job %+v", job)
	}
	if code, reason := old.closed(); code != websocket.StatusPolicyViolation || reason != "replaced by a newer connection" {
		t.Errorf("closed with %d %q", code, reason)
	}
	p.until("the old one is forgotten", func() bool { return p.hub.Connected() == 1 })
}

func TestPingsAreAnsweredAndRenewNothing(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	id := p.submit()
	w := p.dial("box", key)
	w.job()
	before := p.lease(id)
	reading := w.ws.CloseRead(t.Context())
	if err := w.ws.Ping(reading); err != nil {
		t.Error(err)
	}
	if after := p.lease(id); !after.Equal(before) {
		t.Errorf("the lease went from %s to %s", before, after)
	}
}

func TestOnlyTheRunnersOwnKeyOpensItsDoor(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	_, other := p.runner("other")
	p.submit()
	forged := key[:len(key)-1] + map[bool]string{true: "1", false: "0"}[strings.HasSuffix(key, "0")]
	job := "00000000-0000-0000-0000-000000000000"
	for _, route := range []struct{ method, path string }{
		{http.MethodGet, "/channel"}, {http.MethodPost, "/jobs"}, {http.MethodPost, "/jobs/" + job + "/events"},
		{http.MethodPut, "/jobs/" + job + "/outputs?epoch=1&iteration=0&kind=stdout"},
		{http.MethodPost, "/jobs/" + job + "/token"},
	} {
		for name, row := range map[string]struct {
			runner, key string
			want        int
		}{
			"no key":                    {"box", "", http.StatusUnauthorized},
			"a forged key":              {"box", forged, http.StatusUnauthorized},
			"a key of another kind":     {"box", "bencher_runner_" + strings.Repeat("a", 30), http.StatusUnauthorized},
			"another runner's":          {"box", other, http.StatusForbidden},
			"an admin's":                {"box", p.admin, http.StatusForbidden},
			"for one that is not there": {"nobody", key, http.StatusForbidden},
		} {
			status, body := p.do(route.method, "/v0/runners/"+row.runner+route.path, row.key, nil)
			if status != row.want {
				t.Errorf("%s on %s: %d %s, want %d", name, route.path, status, body, row.want)
			}
			if row.key != "" && strings.Contains(string(body), row.key) {
				t.Errorf("%s on %s: the answer repeats the key", name, route.path)
			}
		}
	}
}
