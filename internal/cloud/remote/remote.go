// Package remote is the ledger of a server, for a controller that runs somewhere else: the methods of package ledger as calls of the API.
// The rules run on the server; here is translation alone.
//
// The answer to an intent carries the token with which the machine enrols. Token has it until this process ends; a controller that was
// started anew repeats the intent and gets another.
package remote

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Ledger is the ledger of a project's sweeps on a server. It is safe for concurrent use.
type Ledger struct {
	client  *client.Client
	project string

	mu     sync.Mutex
	tokens map[string]string // by machine
}

var _ ledger.Ledger = (*Ledger)(nil)

// New returns the ledger of a project (slug or UUID).
func New(c *client.Client, project string) *Ledger {
	return &Ledger{client: c, project: project, tokens: map[string]string{}}
}

// Token returns what a machine that was intended here enrols with; "": it has enrolled, or was not.
func (l *Ledger) Token(machineID string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tokens[machineID]
}

// known gives a refusal the cause that controllers look for.
func known(err error) error {
	refused, ok := errors.AsType[*client.APIError](err)
	if !ok {
		return err
	}
	for detail, cause := range map[string]error{api.DetailStale: ledger.ErrStale, api.DetailHeld: ledger.ErrHeld,
		api.DetailOverBudget: ledger.ErrOverBudget} {
		if refused.Detail == detail {
			return fault.Wrap(fault.Conflict, cause, "%s", refused.Sentence)
		}
	}
	return err
}

// Take implements ledger.Ledger.
func (l *Ledger) Take(ctx context.Context, sweepID, holder string) (ledger.Lease, error) {
	lease, err := l.client.TakeSweep(ctx, l.project, sweepID, api.TakeSweep{Holder: holder})
	return ledger.Lease{Epoch: lease.Epoch, Until: lease.Until}, known(err)
}

// Renew implements ledger.Ledger.
func (l *Ledger) Renew(ctx context.Context, sweepID string, epoch int64) (ledger.Lease, error) {
	s, err := l.move(ctx, sweepID, api.MoveSweep{Epoch: epoch, Do: "renew"})
	return s.Lease, err
}

// Release implements ledger.Ledger.
func (l *Ledger) Release(ctx context.Context, sweepID string, epoch int64) error {
	_, err := l.move(ctx, sweepID, api.MoveSweep{Epoch: epoch, Do: "release"})
	return err
}

// MoveSweep implements ledger.Ledger.
func (l *Ledger) MoveSweep(ctx context.Context, sweepID string, epoch int64, m ledger.SweepMove) (ledger.Sweep, error) {
	if !m.ByController() {
		return ledger.Sweep{}, fault.Invalidf("sweep %s: %q is not a word of controllers", sweepID, m.Verb)
	}
	return l.move(ctx, sweepID, api.MoveSweep{Epoch: epoch, Do: string(m.Verb), Reason: string(m.Reason), Note: m.Note})
}

func (l *Ledger) move(ctx context.Context, sweepID string, in api.MoveSweep) (ledger.Sweep, error) {
	s, err := l.client.MoveSweep(ctx, l.project, sweepID, in)
	return sweepOf(s), known(err)
}

// Read implements ledger.Ledger.
func (l *Ledger) Read(ctx context.Context, sweepID string) (out ledger.Snapshot, err error) {
	in, err := l.client.SweepLedger(ctx, l.project, sweepID)
	if err != nil {
		return out, known(err)
	}
	out = ledger.Snapshot{Now: in.Now, Hearing: in.Hearing, Sweep: sweepOf(in.Sweep)}
	for _, p := range in.Pools {
		out.Pools = append(out.Pools, poolOf(p))
		for _, s := range p.Slots {
			out.Slots = append(out.Slots, slotOf(s))
		}
	}
	for _, m := range in.Machines {
		out.Machines = append(out.Machines, machineOf(m))
	}
	for _, f := range in.Failures {
		out.Failures = append(out.Failures, ledger.Failure{Workload: f.Workload, Slot: f.Slot, Error: f.Error})
	}
	return out, nil
}

// Intend implements ledger.Ledger.
func (l *Ledger) Intend(ctx context.Context, sweepID string, epoch int64, in ledger.Intent) (ledger.Machine, error) {
	if in.Token == "" {
		return ledger.Machine{}, fault.Invalidf("machine: the token is missing")
	}
	out, err := l.client.IntendMachine(ctx, l.project, sweepID, api.NewMachine{Epoch: epoch, ID: in.Token, Slot: in.Slot, Region: in.Region,
		Zone: in.Zone, Market: string(in.Market)})
	if err != nil {
		return ledger.Machine{}, known(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens[in.Token] = out.Enroll
	return machineOf(out.Machine), nil
}

// Record implements ledger.Ledger.
func (l *Ledger) Record(ctx context.Context, sweepID string, epoch int64, machineID string, c ledger.Change) (ledger.Machine, error) {
	m, err := l.client.RecordMachine(ctx, l.project, sweepID, machineID, api.UpdateMachine{Epoch: epoch, Do: string(c.Verb),
		Reason: string(c.Reason), Note: c.Note, NativeID: c.NativeID, Zone: c.Zone, Launched: orNil(c.Launched), Ended: orNil(c.Ended)})
	return machineOf(m), known(err)
}

// MoveSlot implements ledger.Ledger.
func (l *Ledger) MoveSlot(ctx context.Context, sweepID string, epoch int64, slotID string, m ledger.SlotMove) error {
	return known(l.client.MoveSlot(ctx, l.project, sweepID, slotID, api.MoveSlot{Epoch: epoch, Do: string(m.Verb), Reason: string(m.Reason),
		Note: m.Note}))
}

// SkipPool implements ledger.Ledger.
func (l *Ledger) SkipPool(ctx context.Context, sweepID string, epoch int64, poolID string, skip sweep.Skip) error {
	return known(l.client.SkipPool(ctx, l.project, sweepID, poolID, api.SkipPool{Epoch: epoch,
		Skip: api.SweepSkip{Reason: string(skip.Reason), Sentence: skip.Sentence}}))
}

func sweepOf(s api.Sweep) ledger.Sweep {
	out := ledger.Sweep{ID: s.UUID, State: sweep.State(s.State), Broken: sweep.Reason(s.Broken), Note: s.Note,
		Outcome: sweep.Outcome(s.Outcome), Budget: sweep.Micros(s.Budget), Expires: s.Expires, Closing: orZero(s.Closing)}
	if c := s.Controller; c != nil {
		out.Holder, out.Lease = c.Holder, ledger.Lease{Epoch: c.Epoch, Until: c.Until}
	}
	return out
}

func poolOf(p api.SweepPool) ledger.Pool {
	out := ledger.Pool{ID: p.UUID, Slack: seconds(p.Slack), Deadline: orZero(p.Deadline), Pool: sweep.Pool{Provider: p.Provider,
		Regions: p.Regions, Zones: p.Zones, Type: p.Type, Alias: p.Alias, Market: sweep.Market(p.Market), Arch: p.Arch, VCPUs: p.VCPUs,
		Cores: p.Cores, Module: p.Module, Hosts: p.Hosts, Price: priceOf(p.Price), Share: sweep.Share(p.Share)}}
	if p.OnDemand != nil {
		out.OnDemand = priceOf(*p.OnDemand)
	}
	if p.Skipped != nil {
		out.Skipped = &sweep.Skip{Reason: sweep.SkipReason(p.Skipped.Reason), Sentence: p.Skipped.Sentence}
	}
	return out
}

func slotOf(s api.SweepSlot) ledger.Slot {
	return ledger.Slot{ID: s.UUID, Pool: s.Pool, Ordinal: s.Ordinal, State: sweep.SlotState(s.State), Reason: sweep.Reason(s.Reason),
		Note: s.Note, Machine: s.Machine, Left: s.Tasks.Pending + s.Tasks.Running, Running: s.Tasks.Running, Done: s.Tasks.Done,
		Unread: s.Tasks.Unread, Failed: s.Tasks.Failed}
}

func machineOf(m api.SweepMachine) ledger.Machine {
	return ledger.Machine{ID: m.ID, Slot: m.Slot, Pool: m.Pool, Provider: m.Provider, Region: m.Region, Zone: m.Zone, Type: m.Type,
		Market: sweep.Market(m.Market), NativeID: m.NativeID, State: sweep.MachineState(m.State), Reason: sweep.Reason(m.Reason),
		Note:    m.Note,
		Doubted: m.Doubted, Suspect: m.Suspect, Price: priceOf(m.Price), Slack: seconds(m.Slack), Expires: m.Expires, Intended: m.Intended,
		Asked: m.Asked, Launched: orZero(m.Launched), Contact: orZero(m.Contact), Beat: orZero(m.Beat), Missing: orZero(m.Missing),
		Ended: orZero(m.Ended)}
}

func priceOf(p api.SweepPrice) sweep.Price {
	return sweep.Price{PerHour: sweep.Micros(p.PerHour), Known: p.Known, Source: p.Source, Date: p.Date, MinBilled: seconds(p.MinBilled)}
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func orZero(t *time.Time) time.Time { return *cmp.Or(t, &time.Time{}) }

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
