// Package fake is a cloud in memory, on a clock that the test moves, with every fault that a real one has shown. It bills as a cloud does:
// by the second from launch to end, with a minimum, whatever anybody's ledger says.
package fake

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Op is a call that a fault may hit.
type Op string

// The calls.
const (
	Create  Op = "create"
	List    Op = "list"
	Destroy Op = "destroy"
)

// Fault is what goes wrong with calls that match: an empty field matches all.
type Fault struct {
	Op     Op
	Region string
	Zone   string
	Type   string

	Class      provider.Class
	Happens    bool          // the call is carried out, and its answer is lost
	LandsAfter time.Duration // with Happens: the machine comes up so much later
	RetryAfter time.Duration
	Times      int // how often; 0: until it is cleared
}

// Fate is what becomes of a machine once it runs. The zero value is a good machine. What a machine's runner does is the test's to play;
// here is only what the cloud sees.
type Fate struct {
	NeverEnrols bool
	DiesAfter   time.Duration // its agent dies; the machine lives on
	HangsAfter  time.Duration // all of it but its power-off timer hangs
	TakenAfter  time.Duration // the provider takes it back
	ClockOff    time.Duration // how far its wall clock is wrong
	KeepsDisk   bool          // its disk outlives it
}

// Shape is how the cloud behaves.
type Shape struct {
	Regions  []string                // default: one, r1
	Prices   map[string]sweep.Micros // by type, an hour; others are not supported
	Lag      time.Duration           // lists show what was so much earlier
	Boot     time.Duration           // from launch until the machine's programs run
	Quota    int                     // machines a region that may exist at once; 0: any number
	Fate     func(provider.Want) Fate
	MinBill  time.Duration
	Slack    time.Duration // what Traits says
	Remember time.Duration // how long ended machines are listed; default: one hour
}

// Cloud is the cloud.
type Cloud struct {
	now   func() time.Time
	shape Shape

	mu       sync.Mutex
	faults   []Fault
	machines []*machine
	disks    []*disk
	creates  int
}

type machine struct {
	provider.Machine
	fate   Fate
	timer  time.Time // when it powers itself off
	asked  time.Time // to go; zero: nobody did
	ticket provider.Want
}

type disk struct {
	provider.Leftover
	of   *machine
	kept bool
	gone bool
}

var _ provider.Provider = (*Cloud)(nil)

// New returns an empty cloud that reads the clock now.
func New(now func() time.Time, s Shape) *Cloud {
	if len(s.Regions) == 0 {
		s.Regions = []string{"r1"}
	}
	if s.Remember == 0 {
		s.Remember = time.Hour
	}
	return &Cloud{now: now, shape: s}
}

// Break adds a fault; the first that matches a call hits it.
func (c *Cloud) Break(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, f)
}

// Mend clears all faults.
func (c *Cloud) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// SetLag changes by how much lists are late.
func (c *Cloud) SetLag(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shape.Lag = d
}

// SetQuota changes how many machines a region may have.
func (c *Cloud) SetQuota(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shape.Quota = n
}

// Traits implements provider.Provider.
func (c *Cloud) Traits() provider.Traits {
	return provider.Traits{Name: "fake", PowerOffEndsBilling: true, Destroys: true, Zones: true, Spot: true, MinBilled: c.shape.MinBill,
		Slack: c.shape.Slack}
}

// Doctor implements provider.Provider.
func (c *Cloud) Doctor(context.Context) []provider.Check {
	return []provider.Check{{Name: "credentials", OK: true, Sentence: "a cloud in memory needs none"}}
}

// Regions implements provider.Provider.
func (c *Cloud) Regions(context.Context) ([]string, error) { return slices.Clone(c.shape.Regions), nil }

// Types implements provider.Provider.
func (c *Cloud) Types(context.Context, string) (types []provider.Type, err error) {
	for name := range c.shape.Prices {
		types = append(types, provider.Type{Name: name, Arch: "amd64", VCPUs: 1, Cores: 1, MemoryMB: 2048})
	}
	return types, nil
}

// Price implements provider.Provider.
func (c *Cloud) Price(_ context.Context, _, typ string, _ sweep.Market) (sweep.Price, error) {
	hourly, ok := c.shape.Prices[typ]
	if !ok {
		return sweep.Price{}, &provider.Error{Class: provider.Unsupported, Err: fmt.Errorf("no type %q", typ)}
	}
	return sweep.Price{PerHour: hourly, Known: true, Source: "fake", MinBilled: c.shape.MinBill}, nil
}

// Create implements provider.Provider.
func (c *Cloud) Create(ctx context.Context, w provider.Want) (provider.Machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.settle()
	if err := ctx.Err(); err != nil {
		return provider.Machine{}, &provider.Error{Class: provider.Unknown, MayHaveHappened: true, Err: err}
	}
	c.creates++
	for _, m := range c.machines {
		if m.Token == w.Token {
			if m.Region != w.Region || m.Type != w.Type || m.ticket.Zone != w.Zone {
				return provider.Machine{}, &provider.Error{Class: provider.Invalid, Err: errors.New("a used token with other parameters")}
			}
			if f := c.hit(Create, w.Region, w.Zone, w.Type); f != nil {
				return provider.Machine{}, f.error()
			}
			return m.Machine, nil
		}
	}
	f := c.hit(Create, w.Region, w.Zone, w.Type)
	if f != nil && !f.Happens {
		return provider.Machine{}, f.error()
	}
	if err := c.refuses(w, now); err != nil {
		return provider.Machine{}, err
	}
	launched := now
	if f != nil {
		launched = now.Add(f.LandsAfter)
	}
	m := c.launch(w, launched)
	if f != nil {
		return provider.Machine{}, f.error()
	}
	return m.Machine, nil
}

func (c *Cloud) refuses(w provider.Want, now time.Time) error {
	switch _, offered := c.shape.Prices[w.Type]; {
	case !slices.Contains(c.shape.Regions, w.Region):
		return &provider.Error{Class: provider.Invalid, Err: fmt.Errorf("no region %q", w.Region)}
	case !offered:
		return &provider.Error{Class: provider.Unsupported, Err: fmt.Errorf("no type %q", w.Type)}
	case w.TTL < 0 || w.TTL == 0 && !w.Expires.After(now):
		return &provider.Error{Class: provider.Invalid, Err: errors.New("the machine would be over already")}
	case w.Token == "" || w.Owner == "" || w.Sweep == "":
		return &provider.Error{Class: provider.Invalid, Err: errors.New("a tag is missing")}
	}
	if c.shape.Quota > 0 {
		running := 0
		for _, m := range c.machines {
			if m.Region == w.Region && m.Ended.IsZero() {
				running++
			}
		}
		if running >= c.shape.Quota {
			return &provider.Error{Class: provider.Quota, Err: fmt.Errorf("%d machines are allowed", c.shape.Quota)}
		}
	}
	return nil
}

func (c *Cloud) launch(w provider.Want, at time.Time) *machine {
	id := fmt.Sprintf("i-%04d", len(c.machines)+1)
	zone := w.Zone
	if zone == "" {
		zone = w.Region + "a"
	}
	m := &machine{ticket: w, Machine: provider.Machine{Token: w.Token, NativeID: id, Owner: w.Owner, Sweep: w.Sweep, Region: w.Region,
		Zone: zone, Type: w.Type, Market: w.Market, State: provider.Pending, Launched: at, Expires: w.Expires}}
	if c.shape.Fate != nil {
		m.fate = c.shape.Fate(w)
	}
	m.timer = at.Add(c.shape.Boot + w.TTL) // the machine counts what is left; what its wall clock says does not matter
	if w.TTL == 0 {
		m.timer = w.Expires.Add(-m.fate.ClockOff)
	}
	c.machines = append(c.machines, m)
	c.disks = append(c.disks, &disk{of: m, kept: m.fate.KeepsDisk, Leftover: provider.Leftover{
		Ref: provider.Ref{Kind: provider.KindDisk, ID: "vol-" + id[2:]}, Owner: w.Owner, Sweep: w.Sweep, Token: w.Token, Region: w.Region,
		Made: at, Expires: w.Expires}})
	return m
}

// settle lets happen what has happened since the last call, and returns the time.
func (c *Cloud) settle() time.Time {
	now := c.now()
	for _, m := range c.machines {
		if !m.Ended.IsZero() {
			continue
		}
		end := m.timer
		if m.fate.TakenAfter > 0 && m.Launched.Add(m.fate.TakenAfter).Before(end) {
			end = m.Launched.Add(m.fate.TakenAfter)
			m.Taken = !end.After(now)
		}
		if !m.asked.IsZero() && m.asked.Before(end) {
			end, m.Taken = m.asked, false
		}
		switch {
		case !end.After(now):
			m.Ended, m.State = end, provider.Ended
			for _, d := range c.disks {
				d.gone = d.gone || d.of == m && !d.kept
			}
		case !m.Launched.Add(c.shape.Boot).After(now):
			m.State = provider.Running
		}
	}
	return now
}

// List implements provider.Provider.
func (c *Cloud) List(ctx context.Context, region string, f provider.Filter) (ms []provider.Machine, ls []provider.Leftover, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.settle()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if fault := c.hit(List, region, "", ""); fault != nil {
		return nil, nil, fault.error()
	}
	if !slices.Contains(c.shape.Regions, region) {
		return nil, nil, &provider.Error{Class: provider.Invalid, Err: fmt.Errorf("no region %q", region)}
	}
	seen := now.Add(-c.shape.Lag)
	for _, m := range c.machines {
		if m.Region != region || !f.Matches(m.Owner, m.Sweep, m.Token) || m.Launched.After(seen) {
			continue
		}
		shown := m.Machine
		if !shown.Ended.IsZero() && shown.Ended.After(seen) {
			shown.State, shown.Ended, shown.Taken = provider.Running, time.Time{}, false
		}
		if shown.Ended.IsZero() || seen.Sub(shown.Ended) < c.shape.Remember {
			ms = append(ms, shown)
		}
	}
	for _, d := range c.disks {
		if d.Region == region && !d.gone && f.Matches(d.Owner, d.Sweep, d.Token) && !d.Made.After(seen) {
			ls = append(ls, d.Leftover)
		}
	}
	return ms, ls, nil
}

// Destroy implements provider.Provider.
func (c *Cloud) Destroy(ctx context.Context, region string, refs []provider.Ref) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.settle()
	if err := ctx.Err(); err != nil {
		return err
	}
	f := c.hit(Destroy, region, "", "")
	if f != nil && !f.Happens {
		return f.error()
	}
	for _, ref := range refs {
		for _, m := range c.machines {
			if ref.Kind == provider.KindMachine && m.NativeID == ref.ID && m.Region == region && m.asked.IsZero() {
				m.asked = now
			}
		}
		for _, d := range c.disks {
			if ref.Kind == provider.KindDisk && d.ID == ref.ID && d.Region == region {
				if d.of.Ended.IsZero() {
					return &provider.Error{Class: provider.Invalid, Err: fmt.Errorf("%s is in use by %s", d.ID, d.of.NativeID)}
				}
				d.gone = true
			}
		}
	}
	c.settle()
	if f != nil {
		return f.error()
	}
	return nil
}

// hit is the fault that a call runs into; nil: none.
func (c *Cloud) hit(op Op, region, zone, typ string) *Fault {
	match := func(want, have string) bool { return want == "" || want == have }
	for i := range c.faults {
		f := c.faults[i]
		if f.Op != op || !match(f.Region, region) || !match(f.Zone, zone) || !match(f.Type, typ) {
			continue
		}
		if f.Times > 0 {
			if c.faults[i].Times--; c.faults[i].Times == 0 {
				c.faults = slices.Delete(c.faults, i, i+1)
			}
		}
		return &f
	}
	return nil
}

func (f *Fault) error() error {
	return &provider.Error{Class: f.Class, MayHaveHappened: f.Happens || f.Class == provider.Unavailable || f.Class == provider.Unknown,
		RetryAfter: f.RetryAfter, Err: errors.New("as the test asked")}
}

// Live are the machines that exist now, with what becomes of them, whatever lists show.
func (c *Cloud) Live() (out []Live) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.settle()
	for _, m := range c.machines {
		if m.Ended.IsZero() && !m.Launched.After(now) {
			out = append(out, Live{Machine: m.Machine, Fate: m.fate, Boots: m.Launched.Add(c.shape.Boot)})
		}
	}
	return out
}

// Live is a machine that exists.
type Live struct {
	provider.Machine
	Fate  Fate
	Boots time.Time // when its programs run
}

// Left counts what exists now and what is still to come: machines and disks.
func (c *Cloud) Left() (machines, disks int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	for _, m := range c.machines {
		if m.Ended.IsZero() {
			machines++
		}
	}
	for _, d := range c.disks {
		if !d.gone {
			disks++
		}
	}
	return machines, disks
}

// Made counts the machines that ever came to be, and Asked the calls that asked for one.
func (c *Cloud) Made() (made, asked int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.machines), c.creates
}

// Bill is what the cloud has billed until now, in micro-dollars rounded down: exact whole numbers, and nothing of ours.
func (c *Cloud) Bill() sweep.Micros {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.settle()
	sum, one, factor := new(big.Int), new(big.Int), new(big.Int) // of micro-dollars an hour × nanoseconds
	for _, m := range c.machines {
		end := m.Ended
		if end.IsZero() {
			end = now
		}
		if m.Launched.After(end) {
			continue
		}
		one.SetInt64(int64(c.shape.Prices[m.Type]))
		sum.Add(sum, one.Mul(one, factor.SetInt64(max(end.Sub(m.Launched), c.shape.MinBill).Nanoseconds())))
	}
	return sweep.Micros(sum.Quo(sum, factor.SetInt64(int64(time.Hour))).Int64())
}
