package sweep

import (
	"cmp"
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
)

// Book is the ledger of a project's sweeps, for an actor who may run them. Each method is one transaction, in which the door is asked and
// the sweep's row is held: the writes of a sweep follow each other, also those of two servers.
type Book struct {
	s       *Service
	actor   access.Actor
	project string // slug or UUID
}

var _ ledger.Ledger = Book{}

// Book returns the ledger of a project's sweeps.
func (s *Service) Book(actor access.Actor, project string) Book { return Book{s, actor, project} }

// write runs f in a transaction that holds the sweep.
func (b Book) write(ctx context.Context, ref string, f func(*store.Tx, *Sweep, *after) error) error {
	var then after
	err := b.s.Store.Tx(ctx, func(tx *store.Tx) error {
		then = after{}
		p, err := b.s.Door.Open(ctx, tx, b.actor, access.RunSweep, b.project)
		if err != nil {
			return err
		}
		w, err := Hold(ctx, tx, p.ID, ref)
		if err != nil {
			return err
		}
		if _, err = b.s.Door.Open(ctx, tx, b.actor, access.RunSweep, p.ID); err != nil { // it may have been deleted meanwhile
			return err
		}
		return f(tx, &w, &then)
	})
	if err == nil {
		b.s.do(then)
	}
	return err
}

// fenced is write for a controller of an epoch.
func (b Book) fenced(ctx context.Context, ref string, epoch int64, f func(*store.Tx, *Sweep, *after) error) error {
	return b.write(ctx, ref, func(tx *store.Tx, w *Sweep, then *after) error {
		if w.Lease.Epoch != epoch {
			return w.Stale(epoch)
		}
		return f(tx, w, then)
	})
}

// Take implements ledger.Ledger.
func (b Book) Take(ctx context.Context, ref, holder string) (lease ledger.Lease, err error) {
	if err := ident.CheckName("controller", holder, 128); err != nil {
		return lease, err
	}
	err = b.write(ctx, ref, func(tx *store.Tx, w *Sweep, _ *after) error {
		if w.Plan.Guests {
			return fault.Conflictf("sweep %s: its machines are brought by others, so there is nothing to control", w.ExternalID)
		}
		if w.Sweep, err = w.Taken(holder, tx.Now()); err != nil {
			return err
		}
		lease = w.Lease
		return Save(ctx, tx, *w)
	})
	return lease, err
}

// Renew implements ledger.Ledger.
func (b Book) Renew(ctx context.Context, ref string, epoch int64) (lease ledger.Lease, err error) {
	err = b.fenced(ctx, ref, epoch, func(tx *store.Tx, w *Sweep, _ *after) error {
		w.Lease.Until = tx.Now().Add(ledger.LeaseTime)
		lease = w.Lease
		return Save(ctx, tx, *w)
	})
	return lease, err
}

// Release implements ledger.Ledger.
func (b Book) Release(ctx context.Context, ref string, epoch int64) error {
	return b.fenced(ctx, ref, epoch, func(tx *store.Tx, w *Sweep, _ *after) error {
		w.Lease.Until = tx.Now()
		return Save(ctx, tx, *w)
	})
}

// Read implements ledger.Ledger.
func (b Book) Read(ctx context.Context, ref string) (out ledger.Snapshot, err error) {
	err = b.s.Store.View(ctx, func(tx *store.Tx) error {
		p, err := b.s.Door.Open(ctx, tx, b.actor, access.ViewProject, b.project)
		if err != nil {
			return err
		}
		w, err := Find(ctx, tx, p.ID, ref)
		if err != nil {
			return err
		}
		all, err := whole(ctx, tx, w)
		out = all.snapshot(tx.Now(), b.s.hearing(tx.Now()))
		return err
	})
	return out, err
}

// Intend implements ledger.Ledger.
func (b Book) Intend(ctx context.Context, ref string, epoch int64, in ledger.Intent) (ledger.Machine, error) {
	m, _, err := b.IntendWithToken(ctx, ref, epoch, in)
	return m.Machine, err
}

// IntendWithToken is Intend with the token that buys the key of the machine's runner. The same intent again gets a new token, and the one
// before buys nothing any more; for a machine that has enrolled there is none.
func (b Book) IntendWithToken(ctx context.Context, ref string, epoch int64, in ledger.Intent) (m Machine, token string, err error) {
	if in.Token != "" && !isToken(in.Token) {
		return m, "", fault.Invalidf("machine %.70q: want 1 to 64 letters, digits, - or _", in.Token)
	}
	secret, err := ident.NewToken(b.s.Random)
	if err != nil {
		return m, "", err
	}
	err = b.fenced(ctx, ref, epoch, func(tx *store.Tx, w *Sweep, _ *after) error {
		token = ""
		all, err := rowsFor(ctx, tx, *w, in)
		if err != nil {
			return err
		}
		written, slot, err := all.snapshot(tx.Now(), time.Time{}).Intend(in)
		if err != nil {
			return err
		}
		hash := ident.HashKey(secret)
		if known, has := all.machine(in.Token); has {
			if m = known; m.RunnerID != nil || !m.State.MayRun() {
				return nil
			}
			token, m.Enroll = secret, &hash
			return SaveMachine(ctx, tx, m)
		}
		token = secret
		m = Machine{Machine: written, SweepID: w.ID, Enroll: &hash}
		if err := InsertMachine(ctx, tx, m); err != nil {
			return err
		}
		row := all.slots[0]
		row.Slot = slot
		row.Tried++
		if err := SaveSlot(ctx, tx, row); err != nil {
			return err
		}
		return InsertMachineEvent(ctx, tx, MachineEvent{MachineID: m.ID, Event: string(core.Ask), From: string(core.MachinePlanned),
			To: string(m.State), Epoch: epoch})
	})
	return m, token, err
}

// isToken reports whether a text can be a machine's token: it becomes a tag, a folder and a part of a runner's name.
func isToken(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '-' || s[0] == '_' {
		return false
	}
	for _, r := range s {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}

// Record implements ledger.Ledger.
func (b Book) Record(ctx context.Context, ref string, epoch int64, machineID string, c ledger.Change) (out ledger.Machine, err error) {
	if c.Verb == core.Contact {
		return out, fault.Invalidf("machine %s: only the machine itself says that it is there", machineID)
	}
	err = b.fenced(ctx, ref, epoch, func(tx *store.Tx, w *Sweep, then *after) error {
		m, err := MachineOf(ctx, tx, w.ID, machineID)
		if err != nil {
			return err
		}
		m, err = b.s.apply(ctx, tx, m, epoch, c, then)
		out = m.Machine
		return err
	})
	return out, err
}

// apply lets a change happen to a machine of a sweep that is held, and to its runner: one that is not wanted gets no more tasks, though it
// may deliver what it has; the key of one that is gone opens nothing.
func (s *Service) apply(ctx context.Context, tx *store.Tx, m Machine, epoch int64, c ledger.Change, then *after) (Machine, error) {
	before := m
	var err error
	if m.Machine, err = m.Apply(c, tx.Now()); err != nil {
		return before, err
	}
	if m.State == core.MachineDraining || m.State == core.MachineDeleting || !m.State.MayRun() {
		m.Enroll = nil
	}
	if err := SaveMachine(ctx, tx, m); err != nil {
		return m, err
	}
	if m.State != before.State || c.Verb == core.Doubt {
		if err := InsertMachineEvent(ctx, tx, MachineEvent{MachineID: m.ID, Event: string(c.Verb), From: string(before.State),
			To: string(m.State), Epoch: epoch, Reason: string(c.Reason), Note: c.Note}); err != nil {
			return m, err
		}
	}
	if m.RunnerID == nil || m.State == before.State {
		return m, nil
	}
	switch m.State {
	case core.MachineDraining, core.MachineDeleting:
		then.drained = append(then.drained, *m.RunnerID)
		return m, fleet.DrainRunner(ctx, tx, *m.RunnerID, "its machine is not wanted any more: "+string(m.Reason))
	case core.MachineGone, core.MachineRefused:
		then.retired = append(then.retired, *m.RunnerID)
		return m, fleet.RetireRunner(ctx, tx, *m.RunnerID)
	}
	return m, nil
}

// MoveSlot implements ledger.Ledger.
func (b Book) MoveSlot(ctx context.Context, ref string, epoch int64, slotID string, m ledger.SlotMove) error {
	var id string
	err := b.fenced(ctx, ref, epoch, func(tx *store.Tx, w *Sweep, _ *after) error {
		id = w.ID
		row, err := SlotByID(ctx, tx, w.ID, slotID)
		if err != nil {
			return err
		}
		if row.Slot, err = row.Apply(m); err != nil {
			return err
		}
		return SaveSlot(ctx, tx, row)
	})
	if err != nil || m.Verb == core.Release {
		return err
	}
	return b.s.cancelUnwanted(ctx, id)
}

// SkipPool implements ledger.Ledger.
func (b Book) SkipPool(ctx context.Context, ref string, epoch int64, poolID string, skip core.Skip) error {
	if skip.Reason == "" {
		return fault.Invalidf("pool %s: the reason is missing", poolID)
	}
	return b.fenced(ctx, ref, epoch, func(tx *store.Tx, w *Sweep, _ *after) error {
		return SetSkipped(ctx, tx, w.ID, poolID, skip)
	})
}

// MoveSweep implements ledger.Ledger.
func (b Book) MoveSweep(ctx context.Context, ref string, epoch int64, m ledger.SweepMove) (out ledger.Sweep, err error) {
	if !m.ByController() {
		return out, fault.Invalidf("sweep %s: %q is not a word of controllers", ref, m.Verb)
	}
	err = b.fenced(ctx, ref, epoch, func(tx *store.Tx, w *Sweep, _ *after) error {
		err := b.s.moved(ctx, tx, w, m)
		out = w.Sweep
		return err
	})
	if err != nil {
		return out, err
	}
	return out, b.s.cancelUnwanted(ctx, out.ID)
}

// moved lets a verb happen to a sweep that is held.
func (s *Service) moved(ctx context.Context, tx *store.Tx, w *Sweep, m ledger.SweepMove) error {
	all, err := counted(ctx, tx, *w)
	if err != nil {
		return err
	}
	before := w.State
	if w.Sweep, err = all.snapshot(tx.Now(), time.Time{}).Apply(m); err != nil {
		return err
	}
	if w.State == core.Ended && before != core.Ended {
		now := tx.Now()
		w.Ended = &now
	}
	return Save(ctx, tx, *w)
}

// Intended is IntendWithToken as the API has it.
func (s *Service) Intended(ctx context.Context, actor access.Actor, project, ref string, in api.NewMachine) (api.IntendedMachine, error) {
	m, token, err := s.Book(actor, project).IntendWithToken(ctx, ref, in.Epoch,
		ledger.Intent{Token: in.ID, Slot: in.Slot, Region: in.Region,
			Zone: in.Zone, Market: core.Market(cmp.Or(in.Market, string(core.OnDemand)))})
	return api.IntendedMachine{Machine: m.wire(s.Now()), Enroll: token}, err
}

// Recorded is Record as the API has it.
func (s *Service) Recorded(ctx context.Context, actor access.Actor, project, ref, machine string, in api.UpdateMachine) (
	api.SweepMachine, error) {
	c := ledger.Change{Verb: core.MachineVerb(in.Do), Reason: core.Reason(in.Reason), Note: in.Note, NativeID: in.NativeID, Zone: in.Zone}
	if in.Launched != nil {
		c.Launched = *in.Launched
	}
	if in.Ended != nil {
		c.Ended = *in.Ended
	}
	if _, err := s.Book(actor, project).Record(ctx, ref, in.Epoch, machine, c); err != nil {
		return api.SweepMachine{}, err
	}
	return s.Machine(ctx, actor, project, ref, machine)
}
