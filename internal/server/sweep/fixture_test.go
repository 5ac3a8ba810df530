package sweep_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/fault"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/sweep"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// server is one of those on a database.
type server struct {
	store  *store.Store
	queue  *job.Service
	fleet  *fleet.Service
	sweeps *sweep.Service
}

// fixture is two servers on one database with a project and its member, and images that all exist but one named missing.
type fixture struct {
	t       testing.TB
	clock   *clock
	servers [2]server
	server  // the first
	org     account.Organization
	project project.Project
	member  access.Actor
	begin   func() // opens the database, and starts the servers

	mu     sync.Mutex
	tokens map[string]string // enrol tokens, by machine
	keys   map[string]string // runners, by machine
}

type images struct{}

func (images) Resolve(_ context.Context, p project.Project, image string) (job.Image, error) {
	if image == "missing" {
		return job.Image{}, fault.Invalidf("image %q is not in the registry", image)
	}
	return job.Image{Registry: "http://here", Repository: p.Slug + "/" + image, Digest: "sha256:" + strings.Repeat("ab", 32),
		Platforms: []job.Platform{{OS: "linux", Arch: "arm64"}, {OS: "linux", Arch: "amd64"}}}, nil
}

type tokens struct{}

func (tokens) MintPull(context.Context, string, string, int64) (string, time.Duration, error) {
	return "pull", time.Minute, nil
}

// newFixture is on the database that the run of the tests asks for.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	return openFixture(t, testdb.Config(t, store.Config{Path: filepath.Join(t.TempDir(), "tacho.db")}))
}

// openFixture opens the database once for each server; a SQLite database is one process's, whose services share it.
func openFixture(t testing.TB, cfg store.Config) *fixture {
	t.Helper()
	return fixtureOn(t, cfg, func(cfg store.Config) (*store.Store, error) { return testdb.Open(t, cfg) })
}

func fixtureOn(t testing.TB, cfg store.Config, open func(store.Config) (*store.Store, error)) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: &clock{t: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)}, tokens: map[string]string{},
		keys: map[string]string{}}
	cfg.Now = f.clock.now
	blobs, err := blob.OpenDir(filepath.Join(t.TempDir(), "blobs"), f.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	f.begin = func() {
		for i := range f.servers {
			if i == 1 && cfg.URL == "" {
				f.servers[1] = f.serve(f.servers[0].store, blobs)
				continue
			}
			s, err := open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			f.servers[i] = f.serve(s, blobs)
		}
		f.server = f.servers[0]
	}
	f.begin()
	t.Cleanup(f.end)
	var ann account.Account
	f.tx(func(tx *store.Tx) (err error) {
		if ann, err = account.Insert(t.Context(), tx, "ann", false); err != nil {
			return err
		}
		if f.org, err = account.InsertOrganization(t.Context(), tx, "acme", "team"); err != nil {
			return err
		}
		f.project, err = project.Insert(t.Context(), tx, project.Project{OrganizationID: f.org.ID, Name: "shop", Visibility: "public"})
		return err
	})
	f.member = access.Actor{Kind: access.User, AccountID: ann.ID, Organizations: map[string]string{f.org.ID: "member"},
		SourceIP: "192.0.2.1"}
	return f
}

// end stops the servers and closes the database.
func (f *fixture) end() {
	for i, s := range f.servers {
		if i == 1 && s.store == f.servers[0].store {
			continue
		}
		if err := s.store.Close(); err != nil {
			f.t.Error(err)
		}
	}
}

// restart is the next process on the same database.
func (f *fixture) restart() {
	f.t.Helper()
	f.end()
	f.begin()
}

func (f *fixture) serve(s *store.Store, blobs blob.Store) server {
	log := slog.New(slog.DiscardHandler)
	door := project.NewDoor(s, nil)
	reading := &tasks{}
	out := server{store: s, queue: job.NewService(job.Config{Store: s, Door: door, Blobs: blobs, Reports: report.NewJudge(s, nil),
		Tasks: reading, Images: images{}, Tokens: tokens{}, Tiers: job.Tiers{api.PlanTeam: {Timeout: time.Hour}}, Now: f.clock.now,
		Log: log})}
	out.fleet = fleet.New(s, out.queue, rand.Reader, f.clock.now, nil)
	out.sweeps = sweep.NewService(sweep.Config{Store: s, Door: door, Jobs: out.queue, Runners: out.fleet, Random: rand.Reader, Log: log,
		Branches: series.NewBranches(door, threshold.Following{}), Now: f.clock.now})
	reading.sweeps = out.sweeps
	return out
}

// tasks are the sweeps that a queue asks, which is made before them.
type tasks struct{ sweeps *sweep.Service }

func (t *tasks) Reading(ctx context.Context, id string) (job.Reading, error) {
	return t.sweeps.Reading(ctx, id)
}

func (f *fixture) tx(do func(*store.Tx) error) {
	f.t.Helper()
	if err := f.servers[0].store.Tx(f.t.Context(), do); err != nil {
		f.t.Fatal(err)
	}
}

// count is the answer of a query to a number.
func (f *fixture) count(query string, args ...any) (n int) {
	f.t.Helper()
	if err := f.store.View(f.t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(f.t.Context(), query,
			args...).Scan(&n)
	}); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// free is a pool of machines that nobody bills.
func free(typ string, hosts int) api.NewPool {
	return api.NewPool{Provider: "local", Regions: []string{"r1"}, Type: typ, Arch: "arm64", VCPUs: 2, Memory: 1 << 30, Hosts: hosts,
		Price: api.SweepPrice{Known: true, Source: "free"}}
}

// paid is a pool of machines at 4 cents an hour.
func paid(typ string, hosts int) api.NewPool {
	p := free(typ, hosts)
	p.Provider, p.Price = "fake", api.SweepPrice{PerHour: 40_000, Known: true, Source: "test"}
	return p
}

// ask is a sweep of two workloads once each on the pools.
func ask(id string, pools ...api.NewPool) api.NewSweep {
	return api.NewSweep{ID: id, Repeats: 1, TTL: 3600, Budget: 10_000_000, Pools: pools, Workloads: []api.SweepWorkload{
		{Name: "interp", Image: "ruby:v1", Cmd: []string{"bench"}, Adapter: "json", Timeout: 60},
		{Name: "yjit", Image: "ruby:v1", Cmd: []string{"bench", "--yjit"}, Adapter: "json", Timeout: 60}}}
}

func (f *fixture) create(in api.NewSweep) (api.Sweep, bool, error) {
	return f.sweeps.Create(f.t.Context(), "shop", sweep.Request{Actor: f.member, SourceIP: "192.0.2.1", New: in})
}

func (f *fixture) mustCreate(in api.NewSweep) api.Sweep {
	f.t.Helper()
	out, created, err := f.create(in)
	if err != nil || !created {
		f.t.Fatalf("created %v, %v", created, err)
	}
	return out
}

func (f *fixture) get(id string) api.Sweep {
	f.t.Helper()
	out, err := f.sweeps.Get(f.t.Context(), f.member, "shop", id)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// slots are the ids of a sweep's slots, by pool and number.
func (f *fixture) slots(id string) (out []string) {
	f.t.Helper()
	pools, err := f.sweeps.Pools(f.t.Context(), f.member, "shop", id)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, p := range pools {
		for _, s := range p.Slots {
			out = append(out, s.UUID)
		}
	}
	return out
}

// book is the ledger of the first server; it remembers the tokens of machines.
func (f *fixture) book() remembering { return remembering{f.sweeps.Book(f.member, "shop"), f} }

// remembering is a ledger that keeps the tokens which machines enrol with.
type remembering struct {
	sweep.Book
	f *fixture
}

func (r remembering) Intend(ctx context.Context, ref string, epoch int64, in ledger.Intent) (ledger.Machine, error) {
	m, token, err := r.IntendWithToken(ctx, ref, epoch, in)
	if err == nil && token != "" {
		r.f.mu.Lock()
		r.f.tokens[m.ID] = token
		r.f.mu.Unlock()
	}
	return m.Machine, err
}

// taken takes a sweep for a controller and returns the epoch.
func (f *fixture) taken(id string) int64 {
	f.t.Helper()
	lease, err := f.book().Take(f.t.Context(), id, "laptop")
	if err != nil {
		f.t.Fatal(err)
	}
	return lease.Epoch
}

func (f *fixture) intend(id string, epoch int64, token, slot string) {
	f.t.Helper()
	in := ledger.Intent{Token: token, Slot: slot, Region: "r1", Market: core.OnDemand}
	if _, err := f.book().Intend(f.t.Context(), id, epoch, in); err != nil {
		f.t.Fatal(err)
	}
}

// up intends a machine for a slot, and says that the provider has it.
func (f *fixture) up(id string, epoch int64, token, slot string) {
	f.t.Helper()
	f.intend(id, epoch, token, slot)
	f.record(id, epoch, token, ledger.Change{Verb: core.Launch, NativeID: "i-" + token, Launched: f.clock.now()})
}

func (f *fixture) record(id string, epoch int64, token string, c ledger.Change) {
	f.t.Helper()
	if _, err := f.book().Record(f.t.Context(), id, epoch, token, c); err != nil {
		f.t.Fatalf("%s: %v", c.Verb, err)
	}
}

// enroll buys the runner of a machine and returns its id.
func (f *fixture) enroll(token string) (runner string, err error) {
	f.mu.Lock()
	secret := f.tokens[token]
	f.mu.Unlock()
	out, err := f.sweeps.Enroll(f.t.Context(), access.Actor{Kind: access.Anonymous}, api.EnrollMachine{Token: secret,
		Facts: api.MachineFacts{Arch: "aarch64", CPUs: 2}})
	return out.Runner, err
}

func (f *fixture) mustEnroll(token string) (runner string) {
	f.t.Helper()
	runner, err := f.enroll(token)
	if err != nil {
		f.t.Fatal(err)
	}
	return runner
}

// claim asks for a job; done: nothing is left in the runner's slot.
func (s server) claim(ctx context.Context, runner string) (got *api.ClaimedJob, done bool, err error) {
	got, err = s.queue.Claim(ctx, runner, nil, 0)
	if errors.Is(err, job.ErrDone) {
		return nil, true, nil
	}
	return got, false, err
}

// says is a word of a runner about its job that is acknowledged.
func (s server) says(ctx context.Context, runner string, got *api.ClaimedJob, msg api.Message) error {
	msg.Job, msg.Epoch = got.UUID, got.Epoch
	if channel.Terminal(msg.Event) {
		msg.Seq = channel.TerminalSeq
	}
	reply, err := s.queue.Handle(ctx, runner, msg)
	if err == nil && reply.Event != api.MsgAck {
		err = fmt.Errorf("reply to %s: %+v", msg.Event, reply)
	}
	return err
}

// works lets a runner run a job of its slot and hand over its results.
func (s server) works(ctx context.Context, runner string, got *api.ClaimedJob) error {
	if err := s.says(ctx, runner, got, api.Message{Event: api.MsgRunning, Seq: 1}); err != nil {
		return err
	}
	return s.delivers(ctx, runner, got)
}

func (s server) delivers(ctx context.Context, runner string, got *api.ClaimedJob) error {
	if err := s.puts(ctx, runner, got, api.ArtifactStdout, "", `{"b":{"latency":{"value":1}}}`); err != nil {
		return err
	}
	return s.completes(ctx, runner, got)
}

// puts lets a runner hand over an output.
func (s server) puts(ctx context.Context, runner string, got *api.ClaimedJob, kind api.ArtifactKind, path, text string) error {
	return s.queue.PutOutput(ctx, runner, got.UUID, job.OutputParams{Epoch: got.Epoch, Kind: kind, Path: path}, strings.NewReader(text))
}

func (s server) completes(ctx context.Context, runner string, got *api.ClaimedJob) error {
	return s.says(ctx, runner, got, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}})
}

// mustWork claims a job and runs it.
func (f *fixture) mustWork(runner string) *api.ClaimedJob {
	f.t.Helper()
	got, done, err := f.claim(f.t.Context(), runner)
	if err != nil || got == nil {
		f.t.Fatalf("claimed %+v, done %v, %v", got, done, err)
	}
	if err := f.works(f.t.Context(), runner, got); err != nil {
		f.t.Fatal(err)
	}
	return got
}

// told tells the room of what was committed.
func (f *fixture) told() {
	f.t.Helper()
	if err := notify.New(notify.Config{Store: f.store, Subscribers: []notify.Subscriber{f.sweeps.Subscriber()},
		Log: slog.New(slog.DiscardHandler), Now: f.clock.now}).Turn(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// read lets the second server read what was delivered, until jobs are processed. It hands out none afterwards: the first does.
func (f *fixture) read(jobs ...string) {
	f.t.Helper()
	queue := f.servers[1].queue
	ctx, stop := context.WithCancel(f.t.Context())
	var work sync.WaitGroup
	work.Go(func() { _ = queue.Run(ctx) })
	defer work.Wait()
	defer stop()
	for _, id := range jobs {
		changed, unsubscribe := queue.Subscribe(id)
		for f.count(`select count(*) from job where id = $1 and state = 'processed'`, id) == 0 {
			select {
			case <-changed:
			case <-time.After(20 * time.Second):
				f.t.Fatalf("job %s was not read", id)
			}
		}
		unsubscribe()
	}
}
