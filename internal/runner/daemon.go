package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Config is what an operator says about a daemon.
type Config struct {
	Host         string    // server, http(s)://host[:port]
	Runner       string    // this runner's slug or UUID
	Key          Secret    // runner key
	Transport    Transport // zero: auto
	StateDir     string    // spool, image cache and sandboxes
	Machine      MachineConfig
	PollTimeout  time.Duration // how long the server may hold a request for work; 0: limits.RunnerPoll
	MaxJobs      int           // leave after so many jobs; 0: no limit
	ExitWhenIdle bool          // leave when the server has no job
	Version      string
	Log          *slog.Logger // required

	// Enroll is asked for Runner and Key once the machine has shown that it can run a command in a sandbox; nil: they are given.
	Enroll func() (runner string, key Secret, err error)
	// Observe is told what the daemon begins to do. It must not block. nil: nobody looks.
	Observe func(Doing)
	// Turns is a file: of all runners that are given the same one, one at a time has a job. Empty: this one need not wait.
	Turns string
}

// Doing is what a daemon does.
type Doing struct {
	Phase    string // ready, running or uploading, as machines of sweeps say it
	Workload string // of the task that runs; empty: none, or a job of no sweep
}

// What a daemon does.
const (
	PhaseReady     = "ready"
	PhaseRunning   = "running"
	PhaseUploading = "uploading"
)

// ErrNoSandbox is what New returns on a machine whose runtime is installed, but that cannot run a command in a sandbox.
var ErrNoSandbox = errors.New("this machine cannot run a command in a sandbox")

// ErrAborted is what Run returns when the daemon was made to leave before its work was done.
var ErrAborted = errors.New("aborted; results that were not delivered stay in the spool")

// Daemon takes jobs from a server and runs them. Make it with New, call Run once; Drain and Abort may be called at any time from any
// goroutine.
type Daemon struct {
	cfg      Config
	endpoint *endpoint
	dialer   dialer
	machine  machine
	results  results
	executor *executor
	uploader *uploader
	clock    clock
	random   func() float64
	log      *slog.Logger

	events chan func()   // run by the loop, which alone touches everything below
	over   chan struct{} // closed when the loop has ended
	tasks  sync.WaitGroup

	m       *channel.RunnerMachine
	state   channel.RunnerState
	linkGen int // of the newest dial; what an older one says is not heard
	unlink  context.CancelFunc
	out     *outbound
	timers  map[channel.RunnerTimer]*timer
	kill    context.CancelCauseFunc // of the running job
	held    map[claimID]*heldResult
	exit    *channel.Exit
}

type claimID struct {
	job   string
	epoch int64
}

// heldResult is an entry that is not yet forgotten.
type heldResult struct {
	entry  entry // nil: nothing of it is on disk
	record record
	stop   context.CancelCauseFunc // of its upload
}

// clock is the time of day and timers; tests pass a quicker one.
type clock struct {
	now   func() time.Time
	after func(time.Duration, func()) (stop func() bool)
}

func systemClock() clock {
	return clock{time.Now, func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }}
}

type timer struct {
	stop func() bool
	gen  int
}

// newDaemon assembles a daemon from its parts.
func newDaemon(cfg Config, m machine, r results, clk clock) (*Daemon, error) {
	base, err := parseHost(cfg.Host)
	if err != nil {
		return nil, err
	}
	if cfg.Runner == "" || cfg.Key == "" {
		return nil, errors.New("a runner needs its name and its key")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, ResponseHeaderTimeout: 0, IdleConnTimeout: time.Minute}
	e := &endpoint{base: base, runner: cfg.Runner, key: cfg.Key, version: cfg.Version, client: &http.Client{Transport: transport}}
	d := &Daemon{
		cfg: cfg, endpoint: e, dialer: newDialer(cfg.Transport, e, cfg.Log), machine: m, results: r, clock: clk, random: rand.Float64, log: cfg.Log,
		events: make(chan func()), over: make(chan struct{}),
		timers: map[channel.RunnerTimer]*timer{}, held: map[claimID]*heldResult{},
	}
	d.uploader = &uploader{endpoint: e, after: clk.after, random: d.random, log: cfg.Log}
	turn := func(context.Context) (func(), error) { return func() {}, nil }
	if cfg.Turns != "" {
		turn = turns{cfg.Turns}.take
	}
	d.executor = &executor{
		turn: turn, machine: m, results: r, after: clk.after, random: d.random, log: cfg.Log,
		check: complete, source: func(job *api.ClaimedJob) imageSource {
			c := &job.Config
			source := imageSource{registry: c.Registry, repository: c.Repository, version: c.Digest, own: c.Internal, trusted: c.Internal || c.Listed}
			if c.Internal { // the server's own registry is where the server is for us, whatever it calls itself
				source.registry = e.base.Scheme + "://" + e.base.Host
				source.token = newPullToken(e, job, clk.now).get
			}
			return source
		},
	}
	return d, nil
}

// New returns a daemon on this machine. It holds the state directory until close is called; a second daemon on it is refused, and so is a
// machine that cannot run a command in a sandbox (ErrNoSandbox): it would take jobs only to fail them.
func New(cfg Config) (d *Daemon, close func(), err error) {
	cfg.Machine.Version = cfg.Version
	m, release, err := openMachine(cfg.StateDir, cfg.Machine, cfg.Log)
	if err != nil {
		return nil, nil, err
	}
	if err := proven(m); err != nil {
		release()
		return nil, nil, err
	}
	if cfg.Enroll != nil {
		if cfg.Runner, cfg.Key, err = cfg.Enroll(); err != nil {
			release()
			return nil, nil, err
		}
	}
	r, err := openResults(cfg.StateDir)
	if err != nil {
		release()
		return nil, nil, err
	}
	if d, err = newDaemon(cfg, m, r, systemClock()); err != nil {
		release()
		return nil, nil, err
	}
	return d, release, nil
}

func proven(m machine) error {
	ctx, cancel := context.WithTimeout(context.Background(), limits.ProofTimeout)
	defer cancel()
	if err := m.prove(ctx); err != nil {
		return fmt.Errorf("%w: %w; repair that and start the runner again", ErrNoSandbox, err)
	}
	return nil
}

// Drain lets the running job finish and its result be delivered; then Run returns nil.
func (d *Daemon) Drain() { d.post(func() { d.step(channel.Drain{}) }) }

// Abort kills the running job, tells the server so if it can be reached at once, and makes Run return ErrAborted.
func (d *Daemon) Abort() { d.post(func() { d.step(channel.Abort{}) }) }

// post hands f to the loop; after the loop's end it does nothing.
func (d *Daemon) post(f func()) {
	select {
	case d.events <- f:
	case <-d.over:
	}
}

// Run works until it is drained or aborted, or its configured end is reached. A ctx that ends aborts. Results that cannot be delivered
// stay in the spool; the next Run on the same state directory delivers them.
func (d *Daemon) Run(ctx context.Context) error {
	restored, err := d.restore()
	if err != nil {
		return err
	}
	has := d.machine.offer()
	facts := has.facts
	d.m = channel.NewRunnerMachine(channel.RunnerConfig{
		Meta: api.RunnerMeta{
			OS: facts.OS, Arch: facts.Architecture, Version: d.cfg.Version, Isolation: has.levels, Network: has.network, Host: &facts,
		},
		PollTimeout: d.cfg.PollTimeout, MaxJobs: d.cfg.MaxJobs, ExitWhenIdle: d.cfg.ExitWhenIdle, Restored: restored,
	})
	d.log.Info("runner starts", "runner", d.cfg.Runner, "host", d.cfg.Host, "isolation", has.levels, "cpus", has.cpus, "undelivered", len(restored))
	unhook := context.AfterFunc(ctx, d.Abort)
	defer unhook()
	d.loop()
	d.tasks.Wait()
	d.endpoint.client.CloseIdleConnections()
	d.log.Info("runner ends", "runner", d.cfg.Runner, "aborted", d.exit.Aborted, "undelivered", d.exit.Undelivered)
	if d.exit.Aborted {
		return ErrAborted
	}
	return nil
}

func (d *Daemon) loop() {
	d.step(channel.Started{})
	for d.exit == nil {
		(<-d.events)()
	}
	for _, t := range d.timers {
		t.stop()
	}
	for _, h := range d.held {
		if h.stop != nil {
			h.stop(ErrAborted)
		}
	}
	if d.kill != nil {
		d.kill(killed{channel.KillAbort})
	}
	close(d.over)
}

// restore reads what earlier processes left. A job that ran when its process died is told as aborted, so that it is queued again at once
// instead of when its lease has run out. Not as runner_lost: that is the server's word for a runner that may yet come back with a result.
func (d *Daemon) restore() ([]channel.Restored, error) {
	left, err := d.results.leftovers()
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	var out []channel.Restored
	for _, l := range left {
		rec := record{Terminal: api.Message{
			Event: api.MsgFailed, Job: l.job, Epoch: l.epoch, Reason: api.ReasonRunnerAborted, Error: "the runner's process ended while the job ran",
		}}
		if l.record != nil {
			rec = *l.record
		}
		d.held[claimID{l.job, l.epoch}] = &heldResult{entry: l.entry, record: rec}
		out = append(out, channel.Restored{Terminal: rec.Terminal, Uploaded: len(rec.Outputs) == 0})
	}
	return out, nil
}

// step feeds the machine and carries out what it says, in order.
func (d *Daemon) step(in channel.RunnerInput) {
	if d.exit != nil {
		return
	}
	if got, ok := in.(channel.Received); ok && got.Message.Event == api.MsgError {
		d.log.Warn("server refused a message", "job", got.Message.Job, "seq", got.Message.Seq, "error", got.Message.Error)
	}
	effects := d.m.Step(in)
	if state := d.m.State(); state != d.state {
		d.log.Info("runner state changes", "from", d.state, "to", state)
		d.state = state
	}
	for _, e := range effects {
		d.do(e)
	}
}

func (d *Daemon) do(e channel.RunnerEffect) {
	switch e := e.(type) {
	case channel.Dial:
		d.dial()
	case channel.HangUp:
		d.hangUp()
	case channel.Redial:
		d.hangUp()
		d.setTimer(channel.TimerRedial, channel.Backoff(e.Attempt, d.random()))
	case channel.Send:
		if d.out != nil {
			d.out.put(e.Message)
		}
	case channel.SetTimer:
		d.setTimer(e.Timer, e.After)
	case channel.StopTimer:
		if t := d.timers[e.Timer]; t != nil {
			t.stop()
			t.gen++
		}
	case channel.Execute:
		d.execute(e.Job)
	case channel.Kill:
		d.log.Info("job is stopped", "job", e.Job, "why", e.Why.String())
		if d.kill != nil {
			d.kill(killed{e.Why})
		}
	case channel.Keep:
		d.keep(e.Terminal)
	case channel.Upload:
		d.upload(claimID{e.Job, e.Epoch})
	case channel.Forget:
		d.forget(e)
	case channel.Exit:
		d.hangUp()
		d.exit = &e
	}
}

func (d *Daemon) setTimer(name channel.RunnerTimer, after time.Duration) {
	t := d.timers[name]
	if t == nil {
		t = &timer{}
		d.timers[name] = t
	} else {
		t.stop()
	}
	t.gen++
	gen := t.gen
	t.stop = d.clock.after(after, func() {
		d.post(func() {
			if t.gen == gen {
				d.step(channel.Fired{Timer: name})
			}
		})
	})
}

// dial connects beside the loop; the reader and the writer of the link live as long as the link's context.
func (d *Daemon) dial() {
	d.linkGen++
	gen := d.linkGen
	ctx, cancel := context.WithCancel(context.Background())
	out := newOutbound()
	d.unlink, d.out = cancel, out
	current := func(in channel.RunnerInput) {
		d.post(func() {
			if gen == d.linkGen {
				d.step(in)
			}
		})
	}
	d.tasks.Go(func() {
		l, err := d.dialer.dial(ctx)
		if err != nil {
			if ctx.Err() == nil {
				d.log.Warn("server cannot be reached", "host", d.cfg.Host, "error", err)
			}
			current(channel.Disconnected{})
			return
		}
		defer l.close()
		current(channel.Connected{})
		var both sync.WaitGroup
		fail := func(what string, err error) {
			if ctx.Err() == nil {
				d.log.Warn("link is lost", "host", d.cfg.Host, "while", what, "error", err)
			}
			current(channel.Disconnected{})
			cancel()
		}
		both.Go(func() {
			if err := out.drainTo(ctx, l); err != nil {
				fail("sending", err)
			}
		})
		both.Go(func() {
			for {
				msg, err := l.receive(ctx)
				if err != nil {
					fail("receiving", err)
					return
				}
				current(channel.Received{Message: msg})
			}
		})
		both.Wait()
	})
}

func (d *Daemon) hangUp() {
	d.linkGen++
	if d.unlink != nil {
		d.unlink()
	}
	d.unlink, d.out = nil, nil
}

// execute runs a job beside the loop.
func (d *Daemon) execute(job api.ClaimedJob) {
	d.log.Info("job begins", "job", job.UUID, "epoch", job.Epoch, "image", job.Config.Image, "spec", job.Spec.Slug)
	d.observe(Doing{Phase: PhaseRunning, Workload: job.Config.Env[api.EnvWorkload]})
	ctx, kill := context.WithCancelCause(context.Background())
	d.kill = kill
	d.tasks.Go(func() {
		defer kill(nil)
		done := d.executor.execute(ctx, &job, func(msg api.Message) {
			d.post(func() { d.step(channel.Progress{Message: msg}) })
		})
		d.post(func() {
			d.kill = nil
			d.held[claimID{job.UUID, job.Epoch}] = &heldResult{entry: done.entry, record: done.record}
			end := done.record.Terminal
			d.observe(Doing{Phase: PhaseUploading})
			d.log.Info("job ends", "job", job.UUID, "epoch", job.Epoch, "event", end.Event, "reason", end.Reason)
			d.step(channel.Finished{Terminal: end, Upload: len(done.record.Outputs) > 0 && end.Reason != api.ReasonRunnerAborted})
		})
	})
}

func (d *Daemon) observe(what Doing) {
	if d.cfg.Observe != nil {
		d.cfg.Observe(what)
	}
}

// keep makes a result durable before it is sent. A disk that refuses it does not stop the delivery: it only would not survive a crash.
func (d *Daemon) keep(terminal api.Message) {
	id := claimID{terminal.Job, terminal.Epoch}
	h := d.held[id]
	if h == nil {
		h = &heldResult{}
		d.held[id] = h
	}
	h.record.Terminal = terminal
	if h.entry == nil {
		e, err := d.results.begin(terminal.Job, terminal.Epoch)
		if err != nil {
			d.log.Error("result is not spooled", "job", terminal.Job, "error", err)
			return
		}
		h.entry = e
	}
	if err := h.entry.finish(h.record); err != nil {
		d.log.Error("result is not spooled", "job", terminal.Job, "error", err)
	}
}

func (d *Daemon) upload(id claimID) {
	h := d.held[id]
	if h == nil || h.entry == nil {
		d.tasks.Go(func() { d.post(func() { d.step(channel.Uploaded{Job: id.job, Epoch: id.epoch}) }) })
		return
	}
	ctx, stop := context.WithCancelCause(context.Background())
	h.stop = stop
	rec := h.record
	d.tasks.Go(func() {
		defer stop(nil)
		err := d.uploader.upload(ctx, h.entry, rec)
		if ctx.Err() != nil {
			return
		}
		var in channel.RunnerInput = channel.Uploaded{Job: id.job, Epoch: id.epoch}
		if err != nil {
			d.log.Warn("outputs were refused", "job", id.job, "error", err)
			in = channel.UploadRefused{Job: id.job, Epoch: id.epoch, Instead: instead(rec.Terminal, err)}
		}
		d.post(func() { d.step(in) })
	})
}

func (d *Daemon) forget(e channel.Forget) {
	id := claimID{e.Job, e.Epoch}
	h := d.held[id]
	delete(d.held, id)
	d.observe(Doing{Phase: PhaseReady})
	d.log.Info("job is done here", "job", e.Job, "epoch", e.Epoch, "delivered", e.Delivered)
	if h == nil {
		return
	}
	if h.stop != nil {
		h.stop(errors.New("the result is not wanted any more"))
	}
	if h.entry == nil {
		return
	}
	if err := h.entry.remove(); err != nil {
		d.log.Error("spool entry was not removed", "job", e.Job, "error", err)
	}
}
