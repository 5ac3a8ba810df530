// Package server is the composition root: it opens the store and the blobs, builds the services and the edges over them, and gives one
// http.Handler for all of it. Run adds the background work and a listener.
//
// The same root serves many people on a port and one person without any: a local `tacho run` builds it over a folder and calls its handler
// in-process, as the actor Local. Nothing here is global; a process can hold as many servers as it likes.
package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/chain"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/former"
	"github.com/tachograph/tacho/internal/server/httpapi"
	"github.com/tachograph/tacho/internal/server/hub"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/metrics"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/object"
	"github.com/tachograph/tacho/internal/server/plot"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/registry"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
	"github.com/tachograph/tacho/internal/server/threshold"
	"github.com/tachograph/tacho/internal/server/throttle"
	"github.com/tachograph/tacho/internal/server/upkeep"
	"github.com/tachograph/tacho/internal/server/upstream"
	"github.com/tachograph/tacho/internal/server/web"
)

// Server is an open server. Handler serves as soon as New has returned; jobs are processed while Run runs.
type Server struct {
	cfg     Config
	log     *slog.Logger
	lock    *folderLock
	health  *health
	store   *store.Store
	gates   admit.Gates
	reports *report.Service
	queue   *job.Service
	hub     *hub.Hub
	images  *registry.Registry
	api     *httpapi.API
	handler http.Handler
	proxies request.Proxies
	guard   *throttle.Guard
	closing sync.Once

	accounts *account.Service
	changes  *event.Service
	sweeps   *sweep.Service
	former   *former.Edge // nil: no such paths
	told     *told
	events   *notify.Dispatcher

	mu    sync.Mutex
	ready bool

	rested int64 // the schema's version when others were let in
}

// New opens the data folder, makes what is missing, and builds everything. url is the address under which the server is reached; it may
// be changed by SetURL until the first request.
func New(ctx context.Context, cfg Config, log *slog.Logger) (*Server, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, cannotUse(cfg.Data, err)
	}
	lock, err := lockFolder(ctx, cfg.Data, cfg.holder(), limits.LockWait)
	if err != nil {
		return nil, err
	}
	if err := upkeep.Protect(cfg.Data); err != nil {
		return nil, errors.Join(cannotUse(cfg.Data, err), lock.Close())
	}
	db, err := openStore(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s := &Server{cfg: cfg, log: log, lock: lock, store: db, gates: admit.NewGates()}
	if err := s.build(ctx); err != nil {
		return nil, errors.Join(cannotUse(cfg.Data, err), db.Close(), lock.Close())
	}
	return s, nil
}

func (s *Server) build(ctx context.Context) error {
	openBlobs := blob.OpenDir
	if s.cfg.Database != "" {
		openBlobs = blob.OpenShared
	}
	blobs, err := openBlobs(filepath.Join(s.cfg.Data, upkeep.Blobs), s.cfg.Now)
	if err != nil {
		return err
	}
	s.health = &health{looks: []func(context.Context) error{s.store.Ping, blobs.Writable}, now: s.cfg.Now, log: s.log}
	accounts := account.New(s.store, rand.Reader, fleet.RunnerIDByKeyHash)
	if err := accounts.EnsureAdmin(ctx); err != nil {
		return err
	}
	s.accounts = accounts
	if err := s.cfg.claimObjects(ctx, s.store); err != nil {
		return err
	}
	visible, err := s.cfg.visible()
	if err != nil {
		return err
	}
	if s.proxies, err = request.ParseProxies(s.cfg.TrustedProxies); err != nil {
		return err
	}
	bounds := throttle.Defaults()
	bounds.Now = s.cfg.Now
	if s.cfg.Throttle != nil {
		bounds = *s.cfg.Throttle
	}
	s.guard = throttle.New(bounds)
	accounts.Report(s.guard)
	publicURL := s.publicURL()
	asks := &gate{accounts, image.NewService(s.store, visible)}
	s.images = registry.New(registry.Config{BaseURL: publicURL, Log: s.log}, s.store, blobs, asks)
	judge := report.NewJudge(s.store, s.gates.Work)
	door := project.NewDoor(s.store, s.guard.Project)
	s.queue = job.NewService(job.Config{
		Store: s.store, Door: door, Blobs: blobs, Reports: judge, Tokens: s.images, Tiers: s.cfg.tiers(), Log: s.log, Now: s.cfg.Now,
		KeepEnv: s.cfg.RetentionEnvironments, Tasks: tasks{s},
		Images: &images{s.images, upstream.New(upstream.Config{Allowed: s.cfg.Registries, Log: s.log}), s.cfg.URL},
	})
	var machines *fleet.Service
	s.hub = hub.New(s.queue, func(ctx context.Context, actor access.Actor, ref string) (string, error) {
		return machines.Serving(ctx, actor, ref)
	}, s.log)
	s.store.Listen(fleet.Look, s.queue.Kick)
	s.store.Listen(fleet.Kicked, func(runnerID string) {
		if runnerID == "" { // some may have been missed
			s.hub.Recheck()
			return
		}
		s.hub.Kick(runnerID)
	})
	machines = fleet.New(s.store, s.queue, rand.Reader, s.cfg.Now, s.hub.Kick)
	cpu, memory, disk, architecture := defaultSpec()
	if err := machines.EnsureDefaultSpec(ctx, cpu, memory, disk, architecture); err != nil {
		return fmt.Errorf("make the default spec: %w", err)
	}
	reads := explore.New(door, s.gates.Reads)
	s.changes = event.NewService(event.Config{Store: s.store, Door: door, OnDemand: s.cfg.Local, Queue: s.queue})
	s.reports = report.NewService(report.Config{Store: s.store, Door: door, Blobs: blobs, Queue: s.queue, Judge: judge, Work: s.gates.Work,
		Visibility: visible, Now: s.cfg.Now})
	branches := series.NewBranches(door, threshold.Following{})
	s.sweeps = sweep.NewService(sweep.Config{Store: s.store, Door: door, Jobs: s.queue, Runners: machines, Branches: branches,
		Random: rand.Reader, Log: s.log, Now: s.cfg.Now})
	services := httpapi.Services{
		Projects: project.NewService(s.store, door, accounts, visible, s.queue, s.sweeps),
		Branches: branches,
		Testbeds: series.NewTestbeds(door), Benchmarks: series.NewBenchmarks(door), Measures: series.NewMeasures(door),
		Plots:      plot.NewService(door),
		Thresholds: threshold.NewService(door),
		Reports:    s.reports,
		Explore:    reads, Events: s.changes, Policies: policy.NewService(door), Queue: s.queue, Fleet: machines,
		Sweeps: s.sweeps,
	}
	s.api = httpapi.New(httpapi.Config{
		Accounts: accounts, Gates: s.gates, Guard: s.guard, Version: s.cfg.Version, Commit: s.cfg.Commit, URL: publicURL, Log: s.log,
		Scratch: s.cfg.Data, OnDemand: s.cfg.Local, Routes: s.hub.Routes(),
		Services: services,
	})
	if s.cfg.Local { // a command has no background that would do so
		if err := notify.Forget(ctx, s.store, s.cfg.Now()); err != nil {
			return err
		}
	}
	s.told = newTold(s.log)
	s.events = notify.New(notify.Config{Store: s.store, Subscribers: []notify.Subscriber{s.told.subscriber(), s.lookout(),
		s.sweeps.Subscriber()},
		Log: s.log, Now: s.cfg.Now})
	s.handler = s.routes(web.Services{Accounts: accounts, AllProjects: services.Projects, KeptPlots: services.Plots, Explore: reads,
		AllSweeps: s.sweeps, Happened: s.changes, Policies: services.Policies, Queue: s.queue, Fleet: machines, Thresholds: services.Thresholds,
		Branches: services.Branches, Testbeds: services.Testbeds, Benchmarks: services.Benchmarks, Measures: services.Measures})
	return nil
}

// tasks asks the room of sweeps, which is built after the queue.
type tasks struct{ s *Server }

func (t tasks) Reading(ctx context.Context, jobID string) (job.Reading, error) {
	return t.s.sweeps.Reading(ctx, jobID)
}

// publicURL is the address that the operator has given; "": clients know it better.
func (s *Server) publicURL() string {
	if s.cfg.Public {
		return s.cfg.URL
	}
	return ""
}

// defaultSpec describes a modest part of this machine, which any runner like it can offer.
func defaultSpec() (cpu int, memory, disk int64, architecture string) {
	return max(1, runtime.NumCPU()-1), 1 * limits.GiB, 1 * limits.GiB, host.Architecture(runtime.GOARCH)
}

// visible is the visibility of projects that are made without saying.
func (c Config) visible() (api.Visibility, error) {
	switch v := api.Visibility(c.Visibility); v {
	case "", api.Public:
		return api.Public, nil
	case api.Private:
		return v, nil
	}
	return "", fault.Invalidf("projects.visibility %.40q: want public or private", c.Visibility)
}

func (c Config) tiers() job.Tiers {
	return job.Tiers{
		api.PlanUnclaimed:  {Concurrency: c.UnclaimedConcurrency, Timeout: c.UnclaimedTimeout},
		api.PlanFree:       {Concurrency: c.FreeConcurrency, Timeout: c.FreeTimeout},
		api.PlanTeam:       {Concurrency: c.TeamConcurrency, Timeout: c.TeamTimeout},
		api.PlanEnterprise: {Timeout: c.EnterpriseTimeout},
	}
}

// routes puts the edges side by side: the registry parses its own paths, pages and probes have theirs, everything else is the API.
func (s *Server) routes(source web.Source) http.Handler {
	operations := s.api.Handler()
	drawn := sync.OnceValue(func() *web.Pages {
		return web.New(web.Config{Source: source, Version: s.cfg.Version, Now: s.cfg.Now, Log: s.log, Gate: s.gates.Pages})
	})
	if !s.cfg.Local { // a command shows no pages
		drawn()
	}
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { drawn().ServeHTTP(w, r) })
	mux := http.NewServeMux()
	mux.Handle("/v2/", s.images)
	mux.Handle("/v2", s.images)
	mux.Handle(registry.TokenPath, s.images.TokenHandler())
	for _, pattern := range web.Patterns {
		mux.Handle(pattern, pages)
	}
	signer := object.NewSigner(account.NewSigningKeys(s.store, rand.Reader, s.cfg.Now), s.cfg.Now)
	mux.Handle(object.Prefix, object.Handler(signer, s.sweeps, s.log))
	if s.cfg.CompatSweep != "" {
		s.former = former.New(former.Config{Sweeps: s.sweeps, Signer: signer, Project: s.cfg.CompatSweep, URL: s.publicURL(), Log: s.log,
			Now: s.cfg.Now})
		for _, pattern := range former.Patterns {
			mux.Handle(pattern, s.former)
		}
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("/", operations)
	refuse := func(w http.ResponseWriter, r *http.Request, err error) {
		_, pattern := mux.Handler(r)
		s.turnAway(w, r, pattern, drawn, err)
	}
	open := func(r *http.Request) bool {
		_, pattern := mux.Handler(r)
		return slices.Contains([]string{"/v2/", "/v2", registry.TokenPath, object.Prefix, "GET /metrics", "GET /healthz", "GET /readyz"}, pattern)
	}
	whole := chain.Chain{
		Accounts: s.accounts, Log: s.log, Refuse: refuse, Forms: web.IsForm,
		Limits: func(next http.Handler) http.Handler { return s.guarded(next, refuse) },
		// the registry knows its clients in its own way, a signed address is its own credential; probes and numbers ask nobody
		Open: open,
		// A registry's answers are bytes with a digest, or tokens; objects are packed; numbers are compressed by their handler.
		Compress: func(r *http.Request) bool { return !open(r) },
	}
	if s.cfg.Local { // nobody asks a command how it is
		return whole.Wrap(mux)
	}
	numbers := s.numbers()
	mux.Handle("GET /metrics", numbers.Handler())
	return numbers.Middleware(whole.Wrap(mux))
}

// numbers are what GET /metrics shows.
func (s *Server) numbers() *metrics.Metrics {
	numbers := metrics.New(s.cfg.Version, s.cfg.Commit)
	numbers.Gauge("runners_waiting", "Runners that wait for a job.", func() float64 { return float64(s.queue.WaitingRunners()) })
	numbers.Gauge("channels_open", "Runner channels that are open.", func() float64 { return float64(s.hub.Connected()) })
	numbers.Gauge("jobs_pending", "Jobs in the queue.", func() float64 { return float64(s.counts(true)) })
	numbers.Gauge("jobs_in_flight", "Jobs that a runner holds.", func() float64 { return float64(s.counts(false)) })
	for _, limit := range throttle.Limits {
		numbers.Counter("limit_hits_total", "How often a limit of callers was hit.", "limit", string(limit),
			func() float64 { return float64(s.guard.Hits(limit)) })
	}
	for _, kind := range notify.Kinds {
		numbers.Counter("events_total", "Events that were committed, as this server was told of them.", "kind", string(kind),
			func() float64 { return float64(s.told.count(kind)) })
	}
	return numbers
}

// guarded is what all edges have in common: where a request came from, how slow it may be, and whether its sender has asked too often. A
// request in the same process passes as it is.
func (s *Server) guarded(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		probe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz" // whoever watches over the server must not be refused
		if !probe {
			if err := s.guard.Request(r, registry.TokenPath, w.Header()); err != nil {
				refuse(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, inside := request.ActorOf(r.Context()); inside {
			next.ServeHTTP(w, r)
			return
		}
		inner := s.proxies.Located(r)
		defer func() { r.Pattern = inner.Pattern }() // for who counts outside
		s.guard.Paced(counted, w, inner)
	})
}

// turnAway answers in the way of the edge that was asked: the one that pattern belongs to.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, pattern string, pages func() *web.Pages, err error) {
	switch {
	case pattern == "/v2" || pattern == "/v2/" || pattern == registry.TokenPath:
		s.images.Refuse(w, r, err)
	case s.former != nil && slices.Contains(former.Patterns, pattern):
		s.former.Refuse(w, r, err)
	case slices.Contains(web.Patterns, pattern):
		pages().Refuse(w, r, err)
	default:
		s.api.Refuse(w, r, err)
	}
}

func (s *Server) counts(pending bool) int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	waiting, running, err := s.queue.Counts(ctx)
	if err != nil {
		return -1
	}
	if pending {
		return waiting
	}
	return running
}

// FirstKey returns the administrator's key at the first start of a server on this folder, and "" at every later one. It is shown once, so
// only who shows it calls this: a local run does not.
func (s *Server) FirstKey(ctx context.Context) (string, error) { return s.accounts.FirstKey(ctx) }

// Handler serves everything.
func (s *Server) Handler() http.Handler { return s.handler }

// Local lets a request in the same process speak for the person at the keyboard.
func Local(r *http.Request) *http.Request {
	return r.WithContext(request.WithActor(r.Context(), access.Actor{Kind: access.Local, SourceIP: "127.0.0.1"}))
}

// OpenAPI returns the document of the API as JSON, for the copy in docs.
func (s *Server) OpenAPI() ([]byte, error) { return s.api.OpenAPI().MarshalJSON() }

// Run does the background work until ctx ends; Serve calls it, an embedded server need not.
func (s *Server) Run(ctx context.Context) error {
	s.setReady(true)
	defer s.setReady(false)
	var work sync.WaitGroup
	work.Go(func() { s.collect(ctx) })
	work.Go(func() { s.resume(ctx) })
	work.Go(func() { s.lookAround(ctx) })
	work.Go(func() { s.sweeps.Run(ctx) })
	var told error
	work.Go(func() { told = s.events.Run(ctx) })
	err := s.queue.Run(ctx)
	work.Wait()
	return errors.Join(err, told)
}

func (s *Server) setReady(ready bool) {
	s.mu.Lock()
	s.ready = ready
	s.mu.Unlock()
}

// resumeEvery is how often half written reports are looked for whose finishing failed for a reason of ours.
const resumeEvery = time.Minute

func (s *Server) resume(ctx context.Context) {
	tick := time.NewTicker(resumeEvery)
	defer tick.Stop()
	for {
		if err := s.reports.Resume(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "finish half written reports", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Serve answers on l until ctx ends, then stops: no new requests, runner channels are told to come back, running requests get the grace
// that is configured.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	bounded := s.guard.Listen(l, s.proxies)
	web := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: limits.HeaderReadTimeout, IdleTimeout: limits.IdleTimeout, MaxHeaderBytes: 64 * limits.KiB,
		ErrorLog: throttle.ErrorLog(s.log, s.cfg.Now), ConnState: bounded.State,
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s.setReady(true) // Run says so too, but the first request may come before it has begun
	var work sync.WaitGroup
	work.Go(func() {
		if err := s.Run(background); err != nil {
			s.log.Error("background work ended", "error", err)
		}
	})
	failed := make(chan error, 1)
	work.Go(func() { failed <- web.Serve(bounded) })
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.log.Info("shutting down")
		s.setReady(false)
		s.hub.Close()
		stop() // ends claims and event streams, which would hold the shutdown
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(s.cfg.Grace, 20*time.Second))
		defer cancel()
		if err = web.Shutdown(grace); err != nil {
			err = errors.Join(fmt.Errorf("requests were still running after %s: %w", s.cfg.Grace, err), web.Close())
		}
	}
	stop()
	work.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// Rest lets other commands have the data folder until Wake, without closing what is open. In between the handler must not be called.
func (s *Server) Rest(ctx context.Context) (err error) {
	if s.rested, err = s.store.Schema(ctx); err != nil {
		return err
	}
	return s.lock.Close()
}

// Wake takes the data folder again. It answers false where another process has put another database there, or brought its schema up to
// date: this server is then of no use, and is to be closed.
func (s *Server) Wake(ctx context.Context) (bool, error) {
	lock, err := lockFolder(ctx, s.cfg.Data, s.cfg.holder(), limits.LockWait)
	if err != nil {
		return false, err
	}
	s.lock = lock
	if same, err := s.store.Same(); err != nil || !same {
		return false, nil //nolint:nilerr // opening it anew says what is wrong
	}
	schema, err := s.store.Schema(ctx)
	return err == nil && schema == s.rested, nil
}

// Close closes the database and gives the data folder free. The handler must not be called any more.
func (s *Server) Close() (err error) {
	s.closing.Do(func() {
		s.hub.Close()
		err = errors.Join(s.store.Close(), s.lock.Close())
	})
	return err
}

func (c Config) holder() holder {
	return holder{PID: os.Getpid(), Serves: !c.Local, Shares: c.Database != "", URL: c.URL}
}

// URLOf is the address that is printed and given to runners when none is configured.
func URLOf(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(strings.TrimSuffix(host, "%"), port)
}
