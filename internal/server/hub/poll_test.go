package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
)

func (p *port) lease(jobID string) (at time.Time) {
	p.t.Helper()
	p.tx(func(ctx context.Context, tx *store.Tx) error {
		row, err := job.ByID(ctx, tx, jobID)
		if row.LeaseExpires != nil {
			at = *row.LeaseExpires
		}
		return err
	})
	return at
}

// poll asks for work over HTTP.
func (p *port) poll(runner, key string, seconds int64) (int, *api.ClaimedJob) {
	p.t.Helper()
	status, body := p.do(http.MethodPost, "/v0/runners/"+runner+"/jobs", key, api.ClaimJob{PollTimeout: &seconds})
	if status != http.StatusOK {
		return status, nil
	}
	job := new(api.ClaimedJob)
	if err := json.Unmarshal(body, job); err != nil {
		p.t.Fatal(err)
	}
	return status, job
}

// event posts a message and returns the reply's event.
func (p *port) event(runner, key string, msg api.Message) api.MessageEvent {
	p.t.Helper()
	status, body := p.do(http.MethodPost, "/v0/runners/"+runner+"/jobs/"+msg.Job+"/events", key, msg)
	if status != http.StatusOK {
		p.t.Fatalf("%s: %d %s", msg.Event, status, body)
	}
	var reply api.Message
	if err := json.Unmarshal(body, &reply); err != nil {
		p.t.Fatal(err)
	}
	if reply.Job != msg.Job || reply.Epoch != msg.Epoch || reply.Seq != msg.Seq {
		p.t.Errorf("the reply to %+v is about something else: %+v", msg, reply)
	}
	return reply.Event
}

func (p *port) upload(runner, key string, job *api.ClaimedJob, query, body string) int {
	p.t.Helper()
	status, _ := p.do(http.MethodPut, fmt.Sprintf("/v0/runners/%s/jobs/%s/outputs?epoch=%d&%s", runner, job.UUID, job.Epoch, query), key,
		body)
	return status
}

// TestARunnerOfAnEmptySlotIsToldToLeave, over HTTP and on the channel; an ordinary one is told that there is nothing just now.
func TestARunnerOfAnEmptySlotIsToldToLeave(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	id, key := p.runner("box")
	ask := func() (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v0/runners/box/jobs",
			strings.NewReader(`{"poll_timeout":0}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode, res.Header.Get(api.DoneHeader)
	}
	if status, done := ask(); status != http.StatusNoContent || done != "" {
		t.Errorf("an ordinary runner: %d, done %q", status, done)
	}
	p.tx(func(ctx context.Context, tx *store.Tx) error { return fleet.SetRunnerSlot(ctx, tx, id, new("slot")) })
	if status, done := ask(); status != http.StatusNoContent || done != "true" {
		t.Errorf("over HTTP: %d, done %q", status, done)
	}
	c := p.dial("box", key)
	c.send(api.Message{Event: api.MsgHello, Seq: 1})
	c.receive()
	c.send(api.Message{Event: api.MsgReady})
	if got := c.receive(); got.Event != api.MsgNoJob || !got.Done {
		t.Errorf("on the channel: %+v", got)
	}
}

func TestPlainHTTPDoesAllThatTheChannelDoes(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	if status, job := p.poll("box", key, 0); status != http.StatusNoContent || job != nil {
		t.Errorf("an empty queue: %d, %+v", status, job)
	}
	for _, seconds := range []int64{-1, 901} {
		if status, _ := p.poll("box", key, seconds); status != http.StatusBadRequest {
			t.Errorf("a window of %d s: %d", seconds, status)
		}
	}
	id := p.submit()
	status, job := p.poll("box", key, 30)
	if status != http.StatusOK || job.UUID != id || job.Lease != 30 || job.TokenTTL != 60 {
		t.Fatalf("claim: %d, %+v", status, job)
	}
	about := func(event api.MessageEvent, seq int64) api.Message {
		return api.Message{Event: event, Job: id, Epoch: job.Epoch, Seq: seq}
	}
	if got := p.event("box", key, about(api.MsgRunning, 1)); got != api.MsgAck {
		t.Errorf("running: %s", got)
	}
	for query, want := range map[string]int{
		"iteration=0&kind=stdout":                                   http.StatusNoContent,
		"iteration=0&kind=file&path=%2Fout%2Fr.json&truncated=true": http.StatusNoContent,
		"iteration=1&kind=stdout":                                   http.StatusBadRequest,
		"iteration=x&kind=stdout":                                   http.StatusBadRequest,
		"iteration=0&kind=secrets":                                  http.StatusBadRequest,
	} {
		if got := p.upload("box", key, job, query, results); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	if status, _ := p.do(http.MethodPut, "/v0/runners/box/jobs/"+id+"/outputs?iteration=0&kind=stdout", key,
		results); status != http.StatusBadRequest {
		t.Errorf("an upload without an epoch: %d", status)
	}
	status, body := p.do(http.MethodPost, "/v0/runners/box/jobs/"+id+"/token?epoch=1", key, nil)
	if status != http.StatusOK || string(body) != `{"token":"pull","ttl":60}`+"\n" {
		t.Errorf("token: %d %s", status, body)
	}
	if status, _ := p.do(http.MethodPost, "/v0/runners/box/jobs/"+id+"/token?epoch=2", key, nil); status != http.StatusConflict {
		t.Errorf("a token of another claim: %d", status)
	}
	if got := p.event("box", key, about(api.MsgCompleted, channel.TerminalSeq)); got != api.MsgAck {
		t.Errorf("completed: %s", got)
	}
	p.becomes(id, api.JobProcessed)
	out, err := p.queue.Job(t.Context(), access.Actor{Kind: access.Local}, p.project.ID, id)
	if err != nil || len(out.Outputs) != 2 || out.Outputs[0].Path != "/out/r.json" || !out.Outputs[0].Truncated {
		t.Errorf("outputs %+v, %v", out.Outputs, err)
	}
}

func TestARunnerCannotAnswerForAnothersJob(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	_, other := p.runner("other")
	id := p.submit()
	_, job := p.poll("box", key, 0)
	if got := p.event("other", other, api.Message{Event: api.MsgCompleted, Job: id, Epoch: 1, Seq: 1}); got != api.MsgAbandon {
		t.Errorf("completed: %s", got)
	}
	if got := p.upload("other", other, job, "iteration=0&kind=stdout", "forged"); got != http.StatusConflict {
		t.Errorf("upload: %d", got)
	}
	if status, _ := p.do(http.MethodPost, "/v0/runners/other/jobs/"+id+"/token", other, nil); status != http.StatusConflict {
		t.Errorf("token: %d", status)
	}
	if got := p.event("box", key, api.Message{Event: api.MsgRunning, Job: id, Epoch: 1, Seq: 1}); got != api.MsgAck {
		t.Errorf("its own: %s", got)
	}
	p.becomes(id, api.JobRunning)
}

func TestWhatIsNotAboutAJobIsSaidElsewhere(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	for body, want := range map[string]int{
		`{"event":"hello"}`: http.StatusBadRequest, `{"event":"ready"}`: http.StatusBadRequest, `{"event":"drain"}`: http.StatusBadRequest,
		`{`:                     http.StatusBadRequest,
		`{"event":"heartbeat"}`: http.StatusOK, // of a job that nobody knows: abandon
		`{"event":"log","text":"` + strings.Repeat("x", limits.ChannelMessageBytes) + `"}`: http.StatusRequestEntityTooLarge,
	} {
		if status, answer := p.do(http.MethodPost, "/v0/runners/box/jobs/unknown/events", key, body); status != want {
			t.Errorf("%.60s: %d %s, want %d", body, status, answer, want)
		}
	}
	if status, _ := p.do(http.MethodPost, "/v0/runners/box/jobs", key,
		strings.Repeat(" ", limits.ChannelMessageBytes+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a claim of a megabyte: %d", status)
	}
	if status, _ := p.do(http.MethodPost, "/v0/runners/box/jobs", key, "[1]"); status != http.StatusBadRequest {
		t.Errorf("a claim that is a list: %d", status)
	}
}

// TestAPollThatHungUpGetsNoJob hangs up while it waits: the job that comes then is for the next one.
func TestAPollThatHungUpGetsNoJob(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	_, key := p.runner("box")
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v0/runners/box/jobs", strings.NewReader(`{"poll_timeout":900}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	gone := make(chan error, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		gone <- err
	}()
	p.until("it waits", func() bool { return p.queue.WaitingRunners() == 1 })
	hangUp()
	if err := <-gone; err == nil {
		t.Error("it was answered")
	}
	p.until("it has left", func() bool { return p.queue.WaitingRunners() == 0 })
	id := p.submit()
	if _, job := p.poll("box", key, 0); job == nil || job.UUID != id || job.Epoch != 1 {
		t.Errorf("claimed %+v", job)
	}
}

// until polls what another goroutine of the server does, which has no event of its own.
func (p *port) until(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

func TestUploadsOverTheLimitAreRefusedWhole(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("sends 512 MiB; leave out -short")
	}
	p := newPort(t)
	_, key := p.runner("box")
	p.submit()
	_, job := p.poll("box", key, 0)
	body := io.LimitReader(endless{}, limits.UploadBodyBytes+1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.url+"/v0/runners/box/jobs/"+job.UUID+
		"/outputs?epoch=1&iteration=0&kind=stdout", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", res.StatusCode)
	}
	if out, err := p.queue.Job(t.Context(), access.Actor{Kind: access.Local}, p.project.ID, job.UUID); err != nil || len(out.Outputs) != 0 {
		t.Errorf("outputs %+v, %v", out.Outputs, err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }
