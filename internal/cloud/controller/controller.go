// Package controller looks after the machines of one sweep: every few seconds, and when woken, it compares the slots that want a machine
// with the ledger and with what providers list, and makes up the difference.
//
// It keeps nothing in memory that it needs. Whatever it does is decided by a pure function (decide) of the ledger's rows and fresh lists,
// so when it dies at any step, the next one goes on, whoever starts it. A sweep has one controller at a time, by a lease with an epoch;
// nothing that an older one writes is taken, and a machine that it made is found by its token. When nobody looks after a sweep, its
// machines still end at their expiry.
//
// A server runs it with its own credentials, and so does 'tacho sweep run' on the operator's machine, with the same code.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Config is what a controller needs.
type Config struct {
	Ledger    ledger.Ledger
	Providers map[string]provider.Provider // by name
	Sweep     string
	Owner     string // the installation, for the tag
	Holder    string // of the lease: unique to this process, and readable
	Policy    Policy
	// Token makes the id of a machine, unique everywhere. Many goroutines call it.
	Token func() string
	// UserData is what a machine is started with; nil: nothing. What it writes to the ledger it writes with this epoch, the controller's own.
	UserData func(ctx context.Context, epoch int64, m ledger.Machine) ([]byte, error)
	// Ask is asked before each look while a workload fails in the same way on each kind of machine, what is to be done about it. It does
	// not wait for people: Later, until they have said. No machine is asked for meanwhile. nil: Stop.
	Ask func(what string) Answer
	Log *slog.Logger     // nil: none
	Now func() time.Time // only how far it goes counts, and not what it says; nil: the clock
}

// ErrNoSweep is why a controller ends whose sweep the ledger does not have: it was deleted, and so were its machines' rows.
var ErrNoSweep = errors.New("nobody knows this sweep any more")

// Answer is what people want done about a sweep that comes to nothing.
type Answer string

// The answers.
const (
	Later Answer = "later" // they have not said yet
	GoOn  Answer = "go on"
	Stop  Answer = "stop" // finish what runs, and say why
)

// Interval is how often Run looks without being woken, and half of it the most that a tick is late by chance.
const Interval = 5 * time.Second

// Controller looks after one sweep. Tick and Run are for one goroutine at a time.
type Controller struct {
	cfg    Config
	lease  ledger.Lease
	paused map[string]time.Time // providers that asked for patience: forgetting it costs one more refusal
	rounds map[string]int       // of patience in a row
	seen   map[thing]time.Time  // strays, since when they are listed: forgetting it costs a grace
	mu     sync.Mutex           // of paused and rounds, while calls run side by side
}

// New returns a controller that has not taken its sweep yet.
func New(cfg Config) *Controller {
	cfg.Policy = cfg.Policy.withDefaults()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Controller{cfg: cfg, paused: map[string]time.Time{}, rounds: map[string]int{}}
}

// Run ticks until the sweep has ended and all of its machines are gone, ctx ends, another controller has the sweep (ledger.ErrStale,
// ledger.ErrHeld), or the sweep is not there any more (ErrNoSweep). Errors of the ledger and of providers are logged, and it goes on. When
// ctx ends the lease is given back.
func (c *Controller) Run(ctx context.Context, wake <-chan struct{}) error {
	failures := 0
	for {
		done, err := c.tickRenewing(ctx)
		switch {
		case errors.Is(err, ledger.ErrStale) || errors.Is(err, ledger.ErrHeld) || errors.Is(err, ErrNoSweep):
			return err
		case ctx.Err() != nil:
			c.giveBack(context.WithoutCancel(ctx))
			return context.Cause(ctx)
		case err != nil:
			failures++
			c.cfg.Log.Warn("look after sweep", "sweep", c.cfg.Sweep, "error", err)
		case done:
			c.giveBack(ctx)
			return nil
		default:
			failures = 0
		}
		wait := Interval << min(failures, 3)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-time.After(wait + rand.N(wait/2)):
		}
	}
}

// tickRenewing ticks, and renews the lease beside it: calls to a slow provider may take longer than a lease.
func (c *Controller) tickRenewing(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel(nil)
	if err := c.hold(ctx); err != nil {
		return false, err
	}
	epoch := c.lease.Epoch
	wait.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(ledger.LeaseTime / 3):
			}
			if _, err := c.cfg.Ledger.Renew(ctx, c.cfg.Sweep, epoch); errors.Is(err, ledger.ErrStale) {
				cancel(err)
			}
		}
	})
	done, err := c.Tick(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, ledger.ErrStale) {
		return false, cause
	}
	return done, err
}

func (c *Controller) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // leaving does not hang on the ledger; the lease runs out by itself
	defer cancel()
	if c.lease.Epoch == 0 {
		return
	}
	if err := c.cfg.Ledger.Release(ctx, c.cfg.Sweep, c.lease.Epoch); err != nil {
		c.cfg.Log.Debug("give the lease back", "sweep", c.cfg.Sweep, "error", err)
	}
}

// hold takes the sweep, or renews the lease that it has.
func (c *Controller) hold(ctx context.Context) (err error) {
	var lease ledger.Lease
	if c.lease.Epoch == 0 {
		lease, err = c.cfg.Ledger.Take(ctx, c.cfg.Sweep, c.cfg.Holder)
	} else {
		lease, err = c.cfg.Ledger.Renew(ctx, c.cfg.Sweep, c.lease.Epoch)
	}
	if err == nil {
		c.lease = lease
	}
	return gone(err)
}

// gone makes the answer that there is no such sweep one to end with.
func gone(err error) error {
	if fault.Is(err, fault.Missing) {
		return fmt.Errorf("%w: %w", ErrNoSweep, err)
	}
	return err
}

// Tick looks once and does what is to be done. It reports whether the sweep has ended with all of its machines gone. What fails is in the
// error, and does not keep the rest from being done.
func (c *Controller) Tick(ctx context.Context) (done bool, err error) {
	if err := c.hold(ctx); err != nil {
		return false, err
	}
	asked := c.cfg.Now() // the ledger's answer is younger than this
	rows, err := c.cfg.Ledger.Read(ctx, c.cfg.Sweep)
	if err != nil {
		return false, gone(err)
	}
	v := view{Snapshot: rows, lists: c.list(ctx, rows), paused: c.pauses(), policy: c.cfg.Policy}
	v.seen = c.see(v)
	if v.broken = rows.SameError(); v.broken != "" && rows.Sweep.State == sweep.Active {
		if v.answer = Stop; c.cfg.Ask != nil {
			v.answer = c.cfg.Ask(v.broken)
		}
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if rows.Sweep.State == sweep.Ended && (&decider{view: v}).empty() {
		return true, nil
	}
	acts := decide(v)
	t := tick{Controller: c, id: rows.Sweep.ID, rows: map[string]ledger.Machine{}, asked: asked, read: rows.Now}
	for _, m := range rows.Machines {
		t.rows[m.ID] = m
	}
	err = t.do(ctx, acts)
	for at, l := range v.lists {
		if l.err != nil {
			err = errors.Join(err, fmt.Errorf("list %s %s: %w", at.provider, at.region, l.err))
		}
	}
	return false, err
}

// see remembers since when strays are listed, by the ledger's clock: when a provider says that something was made is by a clock that may be
// wrong.
func (c *Controller) see(v view) map[thing]time.Time {
	now := map[thing]time.Time{}
	mayRun := map[string]bool{}
	for _, m := range v.Machines {
		mayRun[m.ID] = m.State.MayRun()
	}
	strays, _ := v.strays(mayRun)
	for _, stray := range strays {
		now[stray] = v.Now
		if since, before := c.seen[stray]; before {
			now[stray] = since
		}
	}
	c.seen = now
	return now
}

func (c *Controller) pauses() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]time.Time{}
	for name, until := range c.paused {
		out[name] = until
	}
	return out
}

// list asks each provider for what it has of the sweep in each region that pools and machines name.
func (c *Controller) list(ctx context.Context, rows ledger.Snapshot) map[place]listing {
	lists := map[place]listing{}
	for _, p := range rows.Pools {
		if p.Skipped != nil { // machines of it name their places themselves
			continue
		}
		if len(p.Regions) == 0 {
			lists[place{p.Provider, ""}] = listing{}
		}
		for _, r := range p.Regions {
			lists[place{p.Provider, r}] = listing{}
		}
	}
	for _, m := range rows.Machines {
		lists[place{m.Provider, m.Region}] = listing{}
	}
	places := make([]place, 0, len(lists))
	for at := range lists {
		places = append(places, at)
	}
	sortPlaces(places)
	answers := make([]listing, len(places))
	sideBySide(c.cfg.Policy.Parallel, len(places), func(i int) {
		answers[i] = c.listOne(ctx, places[i], provider.Filter{Owner: c.cfg.Owner, Sweep: rows.Sweep.ID})
	})
	for i, at := range places {
		lists[at] = answers[i]
		c.heed(at.provider, answers[i].err, rows.Now)
	}
	return lists
}

func (c *Controller) listOne(ctx context.Context, at place, f provider.Filter) (l listing) {
	p := c.cfg.Providers[at.provider]
	if p == nil {
		return listing{err: fmt.Errorf("no provider %q here", at.provider)}
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Policy.CallTime)
	defer cancel()
	l.machines, l.leftovers, l.err = p.List(ctx, at.region, f)
	return l
}

// heed remembers that a provider asked for patience: as long as it says, else twice as long each time, up to BackOffMost.
func (c *Controller) heed(name string, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		if !now.Before(c.paused[name]) {
			delete(c.rounds, name)
		}
		return
	}
	e := provider.Of(err)
	if e.Class != provider.Throttled {
		return
	}
	wait := e.RetryAfter
	if wait == 0 {
		wait = min(c.cfg.Policy.BackOffMost, Interval<<min(c.rounds[name], 10))
		wait += rand.N(wait/4 + 1)
	}
	c.rounds[name]++
	if until := now.Add(wait); until.After(c.paused[name]) {
		c.paused[name] = until
	}
}

// sideBySide runs do for 0 … n-1, at most limit of them at once, and waits for all.
func sideBySide(limit, n int, do func(int)) {
	var wait sync.WaitGroup
	next := make(chan int)
	for range min(limit, n) {
		wait.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}
