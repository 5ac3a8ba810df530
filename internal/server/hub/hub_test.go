package hub

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// port is a hub behind a real listener, with authentication, and the services under it.
type port struct {
	t        testing.TB
	url      string
	hub      *Hub
	store    *store.Store
	queue    *job.Service
	fleet    *fleet.Service
	admin    string // a person's key
	testbed  series.Testbed
	project  project.Project
	org      account.Organization
	branch   series.Branch
	version  series.Version
	stopLife func()
}

// patience is how long a test waits for a frame on a slow machine.
const patience = 30 * time.Second

type images struct{}

func (images) Resolve(_ context.Context, p project.Project, image string) (job.Image, error) {
	return job.Image{Registry: "http://here", Repository: p.Slug + "/" + image, Digest: "sha256:" + strings.Repeat("0", 64),
		Internal: true}, nil
}

type tokens struct{}

func (tokens) MintPull(context.Context, string, string, int64) (string, time.Duration, error) {
	return "pull", time.Minute, nil
}

func newPort(t testing.TB) *port {
	t.Helper()
	p := &port{t: t}
	var err error
	if p.store, err = testdb.Open(t, store.Config{Path: filepath.Join(t.TempDir(), "tacho.db")}); err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDir(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.New(p.store, rand.Reader, fleet.RunnerIDByKeyHash)
	if err := accounts.EnsureAdmin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.admin, err = accounts.FirstKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	p.queue = job.NewService(job.Config{
		Store: p.store, Blobs: blobs, Reports: report.NewJudge(p.store, nil), Images: images{}, Tokens: tokens{}, Tiers: job.Tiers{}, Log: log,
		Now: time.Now,
	})
	p.hub = New(p.queue, func(ctx context.Context, actor access.Actor, ref string) (string, error) {
		return p.fleet.Serving(ctx, actor, ref)
	}, log)
	p.fleet = fleet.New(p.store, p.queue, rand.Reader, time.Now, p.hub.Kick)
	mux := http.NewServeMux()
	for _, r := range p.hub.Routes() {
		mux.HandleFunc(r.Method+" "+r.Path, r.Handle)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, err := accounts.Authenticate(r.Context(), request.Bearer(r), request.SourceIP(r))
		if err != nil {
			request.WriteError(w, r, log, err)
			return
		}
		mux.ServeHTTP(w, r.WithContext(request.WithActor(r.Context(), actor)))
	}))
	p.url = server.URL
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.queue.Run(ctx) }()
	p.stopLife = func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(func() {
		p.hub.Close()
		p.stopLife()
		server.Close()
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := p.fleet.EnsureDefaultSpec(t.Context(), 1, limits.GiB, limits.GiB, "x86_64"); err != nil {
		t.Fatal(err)
	}
	p.tx(func(ctx context.Context, tx *store.Tx) error {
		if p.org, err = account.InsertOrganization(ctx, tx, "Acme", "team"); err != nil {
			return err
		}
		if p.project, err = project.Insert(ctx, tx, project.Project{OrganizationID: p.org.ID, Name: "shop", Visibility: "public"}); err != nil {
			return err
		}
		if p.testbed, err = series.EnsureTestbed(ctx, tx, p.project.ID, "lab"); err != nil {
			return err
		}
		if p.branch, _, err = series.InsertBranch(ctx, tx, p.project.ID, "main", ""); err != nil {
			return err
		}
		p.version, err = series.EnsureVersion(ctx, tx, p.project.ID, p.branch.HeadID, "")
		return err
	})
	return p
}

func (p *port) tx(f func(context.Context, *store.Tx) error) {
	p.t.Helper()
	if err := p.store.Tx(p.t.Context(), func(tx *store.Tx) error { return f(p.t.Context(), tx) }); err != nil {
		p.t.Fatal(err)
	}
}

func (p *port) runner(name string) (id, key string) {
	p.t.Helper()
	made, err := p.fleet.CreateRunner(p.t.Context(), access.Actor{Kind: access.Local}, api.NewRunner{Name: name, Specs: []string{"default"}})
	if err != nil {
		p.t.Fatal(err)
	}
	return made.UUID, made.Key
}

func (p *port) submit() (jobID string) {
	p.t.Helper()
	prepared, err := p.queue.Prepare(p.t.Context(), job.PrepareParams{Project: p.project, Organization: p.org, SourceIP: "192.0.2.1",
		Job: api.NewJob{Image: "app:v1"}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.tx(func(ctx context.Context, tx *store.Tx) error {
		report, err := report.Insert(ctx, tx, report.Report{ID: ident.NewUUID(), ProjectID: p.project.ID, HeadID: p.branch.HeadID,
			VersionID: p.version.ID, TestbedID: p.testbed.ID,
			Adapter: "json", Settings: api.ReportSettings{Adapter: "json"}, Status: api.ReportPending, StartTime: tx.Now(), EndTime: tx.Now()})
		if err != nil {
			return err
		}
		ids, err := p.queue.Insert(ctx, tx, prepared, report.ID, "")
		jobID = ids[0]
		return err
	})
	p.queue.Inserted(prepared)
	return jobID
}

// becomes waits until a job is in a state; what reads results works on its own.
func (p *port) becomes(jobID string, want api.JobStatus) {
	p.t.Helper()
	changed, unsubscribe := p.queue.Subscribe(jobID)
	defer unsubscribe()
	end := time.After(patience)
	for {
		job, err := p.queue.Brief(p.t.Context(), access.Actor{Kind: access.Local}, p.project.ID, jobID)
		if err != nil {
			p.t.Fatal(err)
		}
		if job.Status == want {
			return
		}
		select {
		case <-changed:
		case <-end:
			p.t.Fatalf("the job is %s (%s: %s), want %s", job.Status, job.Reason, job.Error, want)
		}
	}
}

// do sends a request and returns the status and the body.
func (p *port) do(method, path, key string, body any) (int, []byte) {
	p.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			p.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, r)
	if err != nil {
		p.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, raw
}

// wire is a runner's end of a channel.
type wire struct {
	t  testing.TB
	ws *websocket.Conn
}

func (p *port) dial(runner, key string) *wire {
	p.t.Helper()
	ws, _, err := websocket.Dial(p.t.Context(), p.url+"/v0/runners/"+runner+"/channel",
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + key}}})
	if err != nil {
		p.t.Fatal(err)
	}
	ws.SetReadLimit(limits.ChannelMessageBytes)
	p.t.Cleanup(func() { _ = ws.CloseNow() })
	return &wire{p.t, ws}
}

func (w *wire) send(msg api.Message) {
	w.t.Helper()
	frame, err := channel.Encode(msg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.sendFrame(websocket.MessageText, frame)
}

func (w *wire) sendFrame(kind websocket.MessageType, frame []byte) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.ws.Write(ctx, kind, frame); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) receive() (msg api.Message) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	_, frame, err := w.ws.Read(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(frame, &msg); err != nil {
		w.t.Fatal(err)
	}
	return msg
}

// ask sends a message and checks the reply's event.
func (w *wire) ask(msg api.Message, want api.MessageEvent) api.Message {
	w.t.Helper()
	w.send(msg)
	got := w.receive()
	if got.Event != want || got.Job != msg.Job || got.Epoch != msg.Epoch || got.Seq != msg.Seq {
		w.t.Fatalf("reply to %+v is %+v, want %s", msg, got, want)
	}
	return got
}

// job asks for work and gets it.
func (w *wire) job() *api.ClaimedJob {
	w.t.Helper()
	w.send(api.Message{Event: api.MsgReady})
	msg := w.receive()
	if msg.Event != api.MsgJob || msg.Claimed == nil || msg.Job != msg.Claimed.UUID {
		w.t.Fatalf("asked for work and got %+v", msg)
	}
	return msg.Claimed
}

// closed waits for the end of the channel and returns its code and reason.
func (w *wire) closed() (websocket.StatusCode, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for {
		_, _, err := w.ws.Read(ctx)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			w.t.Fatal("the channel stays open")
		}
		if e, ok := errors.AsType[websocket.CloseError](err); ok {
			return e.Code, e.Reason
		}
		return -1, err.Error()
	}
}
