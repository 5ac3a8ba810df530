package job_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// fixture is a queue over a real store, with a clock that stands still until it is moved, images that all exist and pull tokens that say
// what they are for.
type fixture struct {
	t     testing.TB
	dir   string
	disk  store.Disk // nil: the real one
	store *store.Store
	race  *storetest.Race // nil: the store is on none
	url   string          // of a PostgreSQL database; empty: the run of the tests says which
	inner bool            // in a bubble, out of which nothing leads to PostgreSQL
	queue *job.Service
	log   *logBuffer
	clock *clock

	images fakeImages
	tokens *fakeTokens
	ingest job.Reports // nil: the real one
	tiers  job.Tiers
	orgs   map[string]account.Organization
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

// now is the clock's time; no clock is the time of the bubble.
func (c *clock) now() time.Time {
	if c == nil {
		return time.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	if c == nil {
		time.Sleep(d)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fakeImages knows every image but one named missing.
type fakeImages struct{ platforms []job.Platform }

var digest = "sha256:" + strings.Repeat("ab", 32)

func (f fakeImages) Resolve(_ context.Context, p project.Project, image string) (job.Image, error) {
	if image == "missing" {
		return job.Image{}, fault.Invalidf("image %q is not in the registry", image)
	}
	return job.Image{Registry: "http://here", Repository: p.Slug + "/" + image, Digest: digest, Internal: true, Platforms: f.platforms}, nil
}

type fakeTokens struct {
	mu     sync.Mutex
	minted int
	err    error
}

func (f *fakeTokens) MintPull(_ context.Context, projectID, jobID string, _ int64) (string, time.Duration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.minted++
	return "pull " + projectID + " for " + jobID, 10 * time.Minute, f.err
}

func newFixture(t testing.TB, options ...func(*fixture)) *fixture {
	t.Helper()
	h := &fixture{
		t: t, dir: t.TempDir(), clock: &clock{t: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}, tokens: &fakeTokens{}, log: &logBuffer{},
		orgs: map[string]account.Organization{}, tiers: job.Tiers{
			api.PlanUnclaimed: {Concurrency: 1, Timeout: time.Minute}, api.PlanFree: {Concurrency: 1, Timeout: 5 * time.Minute},
			api.PlanTeam: {Timeout: time.Hour}, api.PlanEnterprise: {},
		},
	}
	for _, option := range options {
		option(h)
	}
	h.open()
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	h.spec("metal")
	return h
}

// open makes the store and the service; again, after the store was closed, it is the next process.
func (h *fixture) open() {
	h.t.Helper()
	var err error
	open := func(_ context.Context, cfg store.Config) (*store.Store, error) { return testdb.Open(h.t, cfg) }
	if h.race != nil {
		open = h.race.Open
	}
	if h.inner {
		open = store.Open
	}
	cfg := store.Config{Path: filepath.Join(h.dir, "tacho.db"), URL: h.url, Now: h.clock.now, Disk: h.disk}
	if h.store, err = open(h.t.Context(), cfg); err != nil {
		h.t.Fatal(err)
	}
	blobs, err := blob.OpenDir(filepath.Join(h.dir, "blobs"), h.clock.now)
	if err != nil {
		h.t.Fatal(err)
	}
	reads := h.ingest
	if reads == nil {
		reads = report.NewJudge(h.store, nil)
	}
	h.queue = job.NewService(job.Config{
		Store: h.store, Blobs: blobs, Reports: reads, Images: h.images, Tokens: h.tokens, Tiers: h.tiers, Now: h.clock.now,
		Log: slog.New(slog.NewTextHandler(h.log, nil)), Coin: func() bool { return true },
	})
}

func (h *fixture) restart() {
	h.t.Helper()
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.open()
}

func (h *fixture) tx(f func(context.Context, *store.Tx) error) {
	h.t.Helper()
	ctx := h.t.Context()
	if err := h.store.Tx(ctx, func(tx *store.Tx) error { return f(ctx, tx) }); err != nil {
		h.t.Fatal(err)
	}
}

// spec makes a spec; the first one, metal, is the fallback.
func (h *fixture) spec(name string, change ...func(*fleet.Spec)) (s fleet.Spec) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		s = fleet.Spec{Name: name, OS: "linux", Architecture: "x86_64", Isolation: "container", CPU: 2, MemoryBytes: 1 << 30,
			DiskBytes: 1 << 30}
		if name == "metal" {
			now := tx.Now()
			s.Fallback = &now
		}
		for _, c := range change {
			c(&s)
		}
		s, err = fleet.InsertSpec(ctx, tx, s)
		return err
	})
	return s
}

// runner makes a runner that has the specs, metal if none is named, and returns its id.
func (h *fixture) runner(name string, specs ...string) (id string) {
	h.t.Helper()
	if len(specs) == 0 {
		specs = []string{"metal"}
	}
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		r, err := fleet.InsertRunner(ctx, tx, name, "", ident.HashKey(name))
		if err != nil {
			return err
		}
		id = r.ID
		for _, s := range specs {
			spec, err := fleet.SpecByRef(ctx, tx, s)
			if err != nil {
				return err
			}
			if err := fleet.AddRunnerSpec(ctx, tx, r.ID, spec.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return id
}

// order is a job to submit; what is not said is a team's job with the JSON adapter.
type order struct {
	org, plan, ip, adapter string
	testbedSpec            *string
	job                    api.NewJob
	slot                   *string
}

func (h *fixture) complete(o order) order {
	if o.plan == "" {
		o.plan = "team"
	}
	if o.org == "" {
		o.org = "acme " + o.plan
	}
	if o.ip == "" {
		o.ip = "192.0.2.1"
	}
	if o.adapter == "" {
		o.adapter = "json"
	}
	if o.job.Image == "" {
		o.job.Image = "app:v1"
	}
	return o
}

// project returns the organization's one project, made when it is asked for first.
func (h *fixture) project(o order) (org account.Organization, p project.Project) {
	h.t.Helper()
	known, ok := h.orgs[o.org]
	defer func() { h.orgs[o.org] = org }()
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		if org = known; !ok {
			if org, err = account.InsertOrganization(ctx, tx, o.org, o.plan); err != nil {
				return err
			}
			p, err = project.Insert(ctx, tx, project.Project{OrganizationID: org.ID, Name: o.org + " project", Visibility: "public"})
			return err
		}
		p, err = project.ByRef(ctx, tx, ident.Slugify(o.org+" project"))
		return err
	})
	return org, p
}

func (h *fixture) prepare(o order) (*job.Prepared, error) {
	h.t.Helper()
	o = h.complete(o)
	org, p := h.project(o)
	return h.queue.Prepare(h.t.Context(), job.PrepareParams{Project: p, Organization: org, SourceIP: o.ip, TestbedSpecID: o.testbedSpec,
		Job: o.job, SlotID: o.slot})
}

// submit puts a job into the queue and wakes a runner, as report does. Each job is a microsecond younger than the last.
func (h *fixture) submit(o order) (jobID string) {
	h.t.Helper()
	ids, prepared := h.insert(o)
	h.queue.Inserted(prepared)
	return ids[0]
}

// submitAll is submit for a measurement of several jobs.
func (h *fixture) submitAll(o order) (jobIDs []string) {
	h.t.Helper()
	ids, prepared := h.insert(o)
	h.queue.Inserted(prepared)
	return ids
}

// submitSilently puts a job into the queue and tells nobody.
func (h *fixture) submitSilently(o order) (jobID string) {
	h.t.Helper()
	ids, _ := h.insert(o)
	return ids[0]
}

func (h *fixture) insert(o order) (jobIDs []string, prepared *job.Prepared) {
	h.t.Helper()
	o = h.complete(o)
	prepared, err := h.prepare(o)
	if err != nil {
		h.t.Fatal(err)
	}
	_, p := h.project(o)
	h.clock.advance(time.Microsecond)
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		testbed, err := series.EnsureTestbed(ctx, tx, p.ID, "lab")
		if err != nil {
			return err
		}
		branch, found, err := series.BranchByName(ctx, tx, p.ID, "main")
		if err != nil {
			return err
		}
		if !found {
			if branch, _, err = series.InsertBranch(ctx, tx, p.ID, "main", ""); err != nil {
				return err
			}
		}
		version, err := series.EnsureVersion(ctx, tx, p.ID, branch.HeadID, "")
		if err != nil {
			return err
		}
		row := report.Report{
			ID: ident.NewUUID(), ProjectID: p.ID, HeadID: branch.HeadID, VersionID: version.ID, TestbedID: testbed.ID, Adapter: o.adapter,
			Settings: api.ReportSettings{Adapter: o.adapter}, Status: api.ReportPending, StartTime: tx.Now(), EndTime: tx.Now(),
		}
		head, err := report.Insert(ctx, tx, row)
		if err != nil {
			return err
		}
		base := report.Report{}
		if o.job.Base != nil {
			row.ID = ident.NewUUID()
			if base, err = report.Insert(ctx, tx, row); err != nil {
				return err
			}
		}
		jobIDs, err = h.queue.Insert(ctx, tx, prepared, head.ID, base.ID)
		return err
	})
	return jobIDs, prepared
}

// claim takes a job without waiting; nil when there is none.
func (h *fixture) claim(runner string) *api.ClaimedJob {
	h.t.Helper()
	got, err := h.queue.Claim(h.t.Context(), runner, nil, 0)
	if err != nil && !errors.Is(err, job.ErrDone) {
		h.t.Fatal(err)
	}
	return got
}

func (h *fixture) mustClaim(runner, jobID string) *api.ClaimedJob {
	h.t.Helper()
	job := h.claim(runner)
	if job == nil || job.UUID != jobID {
		h.t.Fatalf("claimed %+v, want job %s", job, jobID)
	}
	return job
}

// running submits, claims and starts a job.
func (h *fixture) running(runner string, o order) *api.ClaimedJob {
	h.t.Helper()
	job := h.mustClaim(runner, h.submit(o))
	h.says(runner, job, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
	return job
}

// says sends a message about a claimed job and checks the reply.
func (h *fixture) says(runner string, job *api.ClaimedJob, want api.MessageEvent, msg api.Message) {
	h.t.Helper()
	msg.Job = job.UUID
	if msg.Epoch == 0 {
		msg.Epoch = job.Epoch
	}
	if channel.Terminal(msg.Event) && msg.Seq == 0 {
		msg.Seq = channel.TerminalSeq
	}
	reply, err := h.queue.Handle(h.t.Context(), runner, msg)
	if err != nil {
		h.t.Fatalf("%s: %v", msg.Event, err)
	}
	if reply.Event != want || reply.Job != msg.Job || reply.Epoch != msg.Epoch || reply.Seq != msg.Seq {
		h.t.Fatalf("reply to %+v is %+v, want %s", msg, reply, want)
	}
}

func (h *fixture) put(runner string, job *api.ClaimedJob, kind api.ArtifactKind, path, body string) error {
	return h.queue.PutOutput(h.t.Context(), runner, job.UUID, outputParams{Epoch: job.Epoch, Kind: kind, Path: path},
		strings.NewReader(body))
}

func (h *fixture) mustPut(runner string, job *api.ClaimedJob, kind api.ArtifactKind, path, body string) {
	h.t.Helper()
	if err := h.put(runner, job, kind, path, body); err != nil {
		h.t.Fatal(err)
	}
}

func (h *fixture) row(jobID string) (row job.Job) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		row, err = job.ByID(ctx, tx, jobID)
		return err
	})
	return row
}

func (h *fixture) report(jobID string) (r report.Report) {
	h.t.Helper()
	id := h.row(jobID).ReportID
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		r, err = report.ByID(ctx, tx, id)
		return err
	})
	return r
}

// view is the job as its project's members see it.
func (h *fixture) view(jobID string) api.Job {
	h.t.Helper()
	out, err := h.queue.Job(h.t.Context(), access.Actor{Kind: access.Local}, h.row(jobID).ProjectID, jobID)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// expect checks where a job stands.
func (h *fixture) expect(jobID string, state api.JobStatus, reason api.Reason) {
	h.t.Helper()
	if row := h.row(jobID); row.State != string(state) || text(row.Reason) != string(reason) {
		h.t.Fatalf("the job is %s (%s: %s), want %s (%s)", row.State, text(row.Reason), text(row.Error), state, reason)
	}
}

// process reads the results of a completed job.
func (h *fixture) process(jobID string) {
	h.t.Helper()
	if err := h.queue.Process(h.t.Context(), jobID); err != nil {
		h.t.Fatal(err)
	}
}

func (h *fixture) sweep() {
	h.t.Helper()
	if err := h.queue.Sweep(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// silence lets the leases of all who have been heard of so far run out.
func (h *fixture) silence() {
	h.t.Helper()
	if err := h.queue.Flush(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.clock.advance(limits.LeaseTimeout + time.Second)
	h.sweep()
}

func (h *fixture) cancel(jobID string) {
	h.t.Helper()
	if err := h.queue.Cancel(h.t.Context(), jobID); err != nil {
		h.t.Fatal(err)
	}
}

const ten = `{"b":{"latency":{"value":10}}}`

var errBoom = errors.New("boom")

// These have names beside the jobs that tests call job.
type outputParams = job.OutputParams

const (
	logLife          = job.LogLife
	logStops         = job.LogStops
	prepareAllowance = job.PrepareAllowance
)

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
