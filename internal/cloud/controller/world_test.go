package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// world is a sweep with all that is around it, on a clock that only pass moves: the ledger, a cloud, and a small model of the queue and of
// runners, which claim the tasks of their slot and do one after the other. No call takes time.
type world struct {
	now    time.Time
	ledger *ledger.Memory
	cloud  *fake.Cloud
	tasks  []*task
	next   atomic.Int64 // token

	expires time.Time
	budget  sweep.Micros
	takes   time.Duration // a task
	silent  bool          // the server is down: nothing is claimed, told or heard
	checked bool          // invariants are looked at; not before something happened, if it did not happen in a run that was
	fails   string        // what each task says that fails; "": they are done
	unread  int           // of each slot's last tasks, while nobody reads
	skew    time.Duration // how far the provider's clock is before everybody else's
	invalid []string      // what must never be, and was
	calls   int           // creates that were checked
}

type task struct {
	slot    string
	machine string // that has it; "": nobody
	since   time.Time
	done    int // how often a result was counted
	failed  bool
}

const (
	worldSweep = "nightly"
	worldOwner = "installation-1"
	worldTTL   = 40 * time.Minute
	worldSlack = 3 * time.Minute
	worldPools = 3
	worldHosts = 2
	worldTasks = 2 // of a slot
)

var worldPrices = map[string]sweep.Micros{"c6.medium": 34_000, "c7.medium": 36_250, "c8.medium": 39_880}

// newWorld has a sweep of 3 pools × 2 slots with 2 tasks each; each pool may be tried in three zones of two regions.
func newWorld(budget sweep.Micros, shape fake.Shape) *world {
	w := &world{now: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC), checked: true, takes: 3 * time.Minute, budget: budget}
	clock := func() time.Time { return w.now }
	shape.Regions, shape.Prices, shape.MinBill, shape.Slack = []string{"r1", "r2"}, worldPrices, time.Minute, worldSlack
	w.expires = w.now.Add(worldTTL)
	w.ledger, w.cloud = ledger.NewMemory(clock), fake.New(w.providers, shape)
	var pools []ledger.Pool
	var slots []ledger.Slot
	for i := range worldPools {
		typ := fmt.Sprintf("c%d.medium", i+6)
		price := sweep.Price{PerHour: worldPrices[typ], Known: true, MinBilled: time.Minute}
		p := ledger.Pool{ID: fmt.Sprint("pool-", i), Slack: worldSlack, OnDemand: price, Deadline: w.now.Add(20 * time.Minute),
			Pool: sweep.Pool{Provider: "fake", Regions: []string{"r1", "r2"}, Zones: []string{"r1a", "r1b"}, Type: typ, Alias: typ,
				Market: sweep.Spot, Hosts: worldHosts, Price: price}}
		pools = append(pools, p)
		for j := range worldHosts {
			s := ledger.Slot{ID: fmt.Sprintf("%s/%d", p.ID, j+1), Pool: p.ID, Ordinal: j + 1, State: sweep.SlotWaiting, Left: worldTasks}
			slots = append(slots, s)
			for range worldTasks {
				w.tasks = append(w.tasks, &task{slot: s.ID})
			}
		}
	}
	w.ledger.Add(ledger.Sweep{ID: worldSweep, State: sweep.Active, Budget: budget, Expires: w.expires}, pools, slots)
	return w
}

// providers is the provider's clock.
func (w *world) providers() time.Time { return w.now.Add(w.skew) }

func (w *world) read() ledger.Snapshot {
	s, err := w.ledger.Read(context.Background(), worldSweep)
	if err != nil {
		panic(err)
	}
	return s
}

// peek is read between the steps of a controller, when nobody writes: it copies nothing.
func (w *world) peek() ledger.Snapshot {
	s, err := w.ledger.Peek(worldSweep)
	if err != nil {
		panic(err)
	}
	return s
}

// pass lets time pass, and in it machines boot, enrol, beat and work.
func (w *world) pass(d time.Duration) {
	const grain = 5 * time.Second
	for ; d > 0; d -= grain {
		w.now = w.now.Add(min(d, grain))
		if !w.silent {
			w.work()
		}
	}
}

func (w *world) work() {
	rows := w.peek()
	slots, machines := map[string]ledger.Slot{}, map[string]ledger.Machine{}
	for _, s := range rows.Slots {
		slots[s.ID] = s
	}
	for _, m := range rows.Machines {
		machines[m.ID] = m
	}
	for _, t := range w.tasks { // a lost machine's tasks are queued again: its claim is fenced off
		if t.machine != "" && slots[t.slot].Machine != t.machine {
			t.machine = ""
		}
	}
	for _, live := range w.cloud.Live() {
		w.run(live, machines[live.Token], slots, rows.Sweep.State)
	}
	for _, s := range rows.Slots {
		left, running, done, failed := 0, 0, 0, 0
		for _, t := range w.tasks {
			switch {
			case t.slot != s.ID:
			case t.done > 0:
				done++
			case t.failed:
				failed++
			case t.machine != "":
				left, running = left+1, running+1
			default:
				left++
			}
		}
		if err := w.ledger.Tasks(worldSweep, s.ID, left, running, done, failed); err != nil {
			panic(err)
		}
		if err := w.ledger.Unread(worldSweep, s.ID, min(w.unread, done)); err != nil {
			panic(err)
		}
	}
}

// run is what the runner of a live machine does now.
func (w *world) run(live fake.Live, row ledger.Machine, slots map[string]ledger.Slot, state sweep.State) {
	age := w.providers().Sub(live.Launched)
	dead := live.Fate.DiesAfter > 0 && age >= live.Fate.DiesAfter || live.Fate.HangsAfter > 0 && age >= live.Fate.HangsAfter
	if w.providers().Before(live.Boots) || live.Fate.NeverEnrols || dead {
		return
	}
	if row.Contact.IsZero() {
		if w.ledger.Contact(worldSweep, live.Token) != nil {
			return // no row, or it is to go: no key for it
		}
		row.Contact, row.State = w.now, sweep.MachineWorking
	}
	_ = w.ledger.Beat(worldSweep, live.Token)
	mine := slots[row.Slot].Machine == live.Token
	busy := slices.IndexFunc(w.tasks, func(t *task) bool { return t.machine == live.Token })
	if busy >= 0 {
		if t := w.tasks[busy]; w.now.Sub(t.since) >= w.takes {
			t.machine = ""
			if w.fails != "" {
				t.failed = true
				if err := w.ledger.Fail(worldSweep, ledger.Failure{Workload: "interp", Slot: t.slot, Error: w.fails}); err != nil {
					panic(err)
				}
			} else if t.done++; t.done > 1 {
				w.invalid = append(w.invalid, fmt.Sprintf("a result of %s counted %d times", t.slot, t.done))
			}
		}
		return
	}
	if !mine || state != sweep.Active || row.State != sweep.MachineWorking {
		return
	}
	i := slices.IndexFunc(w.tasks, func(t *task) bool { return t.slot == row.Slot && t.done == 0 && !t.failed && t.machine == "" })
	if i >= 0 {
		w.tasks[i].machine, w.tasks[i].since = live.Token, w.now
	}
}

// controller is a new one, whose calls go through the wire.
func (w *world) controller(holder string, parallel int, on *wire) *Controller {
	on.world = w
	return New(Config{Ledger: wiredLedger{on, w.ledger}, Providers: map[string]provider.Provider{"fake": wiredCloud{on, w.cloud}},
		Sweep: worldSweep, Owner: worldOwner, Holder: holder, Policy: Policy{Parallel: parallel},
		Now: func() time.Time { return w.now }, Token: func() string { return fmt.Sprintf("m%03d", w.next.Add(1)) }})
}

// errKilled is what a controller sees after its end, if it could; errDown is what it sees of a server that is away.
var (
	errKilled = errors.New("killed")
	errDown   = fault.New(fault.Unavailable, "the server is away")
)

// kill is who dies at a boundary.
type kill struct {
	name               string
	controller, server bool
}

var kills = []kill{{"the controller", true, false}, {"the server", false, true}, {"both", true, true}}

// wire is what stands between a controller and the rest. It counts the boundaries of steps, before and after each write to the ledger and
// each call to a provider. At one of them the controller is killed: from then on nothing reaches the other side; or the server is: from
// then on no call to the ledger is answered, and the call that is on its way was carried out or not.
type wire struct {
	mu     sync.Mutex // of all below, and of the world while it is looked at: calls run side by side
	world  *world
	passed int
	killAt int  // 0: never
	kills  kill // the zero value: the controller
	dead   bool
	down   bool // the server is away
	names  []string
	tick   int    // of the controller
	ticks  []int  // of each boundary
	stall  func() // runs once, while a create is on its way
}

func (x *wire) boundary(name string, ledger bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.dead {
		return errKilled
	}
	x.passed++
	x.names, x.ticks = append(x.names, name), append(x.ticks, x.tick)
	if x.passed == x.killAt {
		x.dead, x.down = x.kills.controller || !x.kills.server, x.kills.server
		x.world.silent, x.world.checked = x.world.silent || x.down, true
	}
	switch {
	case x.dead:
		return errKilled
	case x.down && ledger:
		return errDown
	}
	return nil
}

// back is a server that was started again.
func (x *wire) back() {
	x.down, x.world.silent = false, false
	x.world.ledger.Restart()
}

// busy are the ticks that did more than renew and list.
func (x *wire) busy() map[int]bool {
	out := map[int]bool{}
	for i, name := range x.names {
		if !strings.HasSuffix(name, " renew") && !strings.HasSuffix(name, " list") {
			out[x.ticks[i]] = true
		}
	}
	return out
}

// across runs a call between two boundaries.
func across[T any](x *wire, name string, ledger bool, call func() (T, error)) (T, error) {
	var none T
	if err := x.boundary("before "+name, ledger); err != nil {
		return none, err
	}
	out, err := call()
	if err := x.boundary("after "+name, ledger); err != nil {
		return none, err
	}
	return out, err
}

func across0(x *wire, name string, ledger bool, call func() error) error {
	_, err := across(x, name, ledger, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

type wiredLedger struct {
	x *wire
	l *ledger.Memory
}

func (w wiredLedger) Take(ctx context.Context, id, holder string) (ledger.Lease, error) {
	return across(w.x, "take", true, func() (ledger.Lease, error) { return w.l.Take(ctx, id, holder) })
}

func (w wiredLedger) Renew(ctx context.Context, id string, epoch int64) (ledger.Lease, error) {
	return across(w.x, "renew", true, func() (ledger.Lease, error) { return w.l.Renew(ctx, id, epoch) })
}

func (w wiredLedger) Release(ctx context.Context, id string, epoch int64) error {
	return across0(w.x, "release", true, func() error { return w.l.Release(ctx, id, epoch) })
}

// Read changes nothing: a death beside it is a death before or after it.
func (w wiredLedger) Read(ctx context.Context, id string) (ledger.Snapshot, error) {
	w.x.mu.Lock()
	dead, down := w.x.dead, w.x.down
	w.x.mu.Unlock()
	switch {
	case dead:
		return ledger.Snapshot{}, errKilled
	case down:
		return ledger.Snapshot{}, errDown
	}
	return w.l.Read(ctx, id)
}

func (w wiredLedger) Intend(ctx context.Context, id string, epoch int64, in ledger.Intent) (ledger.Machine, error) {
	return across(w.x, "intend", true, func() (ledger.Machine, error) { return w.l.Intend(ctx, id, epoch, in) })
}

func (w wiredLedger) Record(ctx context.Context, id string, epoch int64, m string, c ledger.Change) (ledger.Machine, error) {
	return across(w.x, "record "+string(c.Verb), true, func() (ledger.Machine, error) { return w.l.Record(ctx, id, epoch, m, c) })
}

func (w wiredLedger) MoveSlot(ctx context.Context, id string, epoch int64, slot string, m ledger.SlotMove) error {
	return across0(w.x, "slot "+string(m.Verb), true, func() error { return w.l.MoveSlot(ctx, id, epoch, slot, m) })
}

func (w wiredLedger) SkipPool(ctx context.Context, id string, epoch int64, pool string, s sweep.Skip) error {
	return across0(w.x, "skip", true, func() error { return w.l.SkipPool(ctx, id, epoch, pool, s) })
}

func (w wiredLedger) MoveSweep(ctx context.Context, id string, epoch int64, m ledger.SweepMove) (ledger.Sweep, error) {
	return across(w.x, "sweep "+string(m.Verb), true, func() (ledger.Sweep, error) { return w.l.MoveSweep(ctx, id, epoch, m) })
}

type wiredCloud struct {
	x *wire
	*fake.Cloud
}

// Create checks, as the call goes out: I1, its row is committed, and I3, all that may run fits into the budget.
func (w wiredCloud) Create(ctx context.Context, want provider.Want) (provider.Machine, error) {
	return across(w.x, "create", false, func() (provider.Machine, error) {
		w.x.mu.Lock()
		w.x.world.checkCreate(want)
		stall := w.x.stall
		w.x.stall = nil
		w.x.mu.Unlock()
		if stall != nil {
			stall()
		}
		return w.Cloud.Create(ctx, want)
	})
}

func (w wiredCloud) List(ctx context.Context, region string, f provider.Filter) ([]provider.Machine, []provider.Leftover, error) {
	var left []provider.Leftover
	ms, err := across(w.x, "list", false, func() (ms []provider.Machine, err error) {
		ms, left, err = w.Cloud.List(ctx, region, f)
		return ms, err
	})
	if err != nil {
		return nil, nil, err
	}
	return ms, left, nil
}

func (w wiredCloud) Destroy(ctx context.Context, region string, refs []provider.Ref) error {
	return across0(w.x, "destroy", false, func() error { return w.Cloud.Destroy(ctx, region, refs) })
}

func (w *world) checkCreate(want provider.Want) {
	w.calls++
	rows := w.read()
	i := slices.IndexFunc(rows.Machines, func(m ledger.Machine) bool { return m.ID == want.Token && m.State.MayRun() })
	if i < 0 {
		w.invalid = append(w.invalid, "I1: a create without a committed row: "+want.Token)
	}
	if sum := sweep.Committed(rows.Outlays()); sum > w.budget {
		w.invalid = append(w.invalid, fmt.Sprintf("I3: %s of %s are committed at a create", sum, w.budget))
	}
	if want.TTL <= 0 || want.TTL > w.expires.Sub(w.now) || !want.Expires.Equal(w.expires) {
		w.invalid = append(w.invalid, fmt.Sprintf("a machine is to live until %s and for %s", want.Expires, want.TTL))
	}
}

// check looks at what must always hold: I2, what exists is in the ledger as something that may run; I4, the bill is within the budget; I6,
// a sweep that has ended clean left nothing.
func (w *world) check() {
	if !w.checked {
		return
	}
	rows := w.peek()
	for _, live := range w.cloud.Live() {
		if !slices.ContainsFunc(rows.Machines, func(m ledger.Machine) bool { return m.ID == live.Token && m.State.MayRun() }) {
			w.invalid = append(w.invalid, fmt.Sprintf("I2 at %s: %s exists and is not in the ledger", w.now.Format(time.TimeOnly),
				live.Token))
		}
	}
	if bill := w.cloud.Bill(); bill > w.budget {
		w.invalid = append(w.invalid, fmt.Sprintf("I4: billed %s of %s", bill, w.budget))
	}
	if machines, disks := w.cloud.Left(); rows.Sweep.State == sweep.Ended && rows.Clean() && machines+disks > 0 {
		w.invalid = append(w.invalid, fmt.Sprintf("I6: ended and clean, and %d machines and %d disks are left", machines, disks))
	}
}

func (w *world) undone() (n int) {
	for _, t := range w.tasks {
		if t.done == 0 {
			n++
		}
	}
	return n
}

// tend ticks every five seconds until the sweep is over or the time is, and returns whether it is over.
func (w *world) tend(t *testing.T, c *Controller, until time.Time, each func()) bool {
	t.Helper()
	for w.now.Before(until) {
		if x, ok := c.cfg.Ledger.(wiredLedger); ok {
			x.x.tick++
		}
		done, err := c.Tick(t.Context())
		w.check()
		if errors.Is(err, errKilled) || done {
			return done
		}
		if each != nil {
			each()
		}
		w.pass(Interval)
		w.check()
	}
	return false
}

func isHeld(err error) bool  { return errors.Is(err, ledger.ErrHeld) }
func isStale(err error) bool { return errors.Is(err, ledger.ErrStale) }
