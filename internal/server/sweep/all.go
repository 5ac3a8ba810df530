package sweep

import (
	"context"
	"slices"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/server/store"
)

// all are the rows of a sweep, as one transaction sees them.
type all struct {
	sweep    Sweep
	pools    []Pool
	slots    []Slot
	machines []Machine
	counts   map[string]api.SweepCounts // of tasks, by slot; only where they were counted
	failures []ledger.Failure           // only where a controller reads
}

// rowsOf reads the rows of a sweep, without its tasks.
func rowsOf(ctx context.Context, tx *store.Tx, w Sweep) (a all, err error) {
	a.sweep = w
	if a.pools, err = Pools(ctx, tx, w.ID); err != nil {
		return a, err
	}
	if a.slots, err = Slots(ctx, tx, w.ID); err != nil {
		return a, err
	}
	a.machines, err = Machines(ctx, tx, w.ID)
	return a, err
}

// rowsFor are the rows of a sweep that an intent looks at: of its slots the one that is meant, and the one that the machine has if it is
// there already.
func rowsFor(ctx context.Context, tx *store.Tx, w Sweep, in ledger.Intent) (a all, err error) {
	a.sweep = w
	if a.pools, err = Pools(ctx, tx, w.ID); err != nil {
		return a, err
	}
	if a.machines, err = Outlays(ctx, tx, w.ID); err != nil {
		return a, err
	}
	wanted := []string{in.Slot}
	if m, has := a.machine(in.Token); has && m.Slot != in.Slot {
		wanted = append(wanted, m.Slot)
	}
	for _, id := range wanted {
		slot, err := SlotByID(ctx, tx, w.ID, id)
		if err != nil {
			return a, err
		}
		a.slots = append(a.slots, slot)
	}
	return a, nil
}

// counted is rowsOf with what the queue says of the tasks.
func counted(ctx context.Context, tx *store.Tx, w Sweep) (a all, err error) {
	if a, err = rowsOf(ctx, tx, w); err != nil {
		return a, err
	}
	if a.counts, err = Counts(ctx, tx, w.ID); err != nil {
		return a, err
	}
	for i := range a.slots {
		slot := &a.slots[i].Slot
		c := a.counts[slot.ID]
		slot.Left, slot.Running, slot.Done, slot.Unread, slot.Failed = c.Pending+c.Running, c.Running, c.Done, c.Unread, c.Failed
	}
	return a, nil
}

// whole is counted with what went wrong: all that a controller reads.
func whole(ctx context.Context, tx *store.Tx, w Sweep) (a all, err error) {
	if a, err = counted(ctx, tx, w); err != nil {
		return a, err
	}
	a.failures, err = Failures(ctx, tx, w.ID)
	return a, err
}

// snapshot is what the ledger's rules look at.
func (a all) snapshot(now, hearing time.Time) ledger.Snapshot {
	s := ledger.Snapshot{Now: now, Hearing: hearing, Sweep: a.sweep.Sweep, Failures: a.failures}
	for _, p := range a.pools {
		s.Pools = append(s.Pools, p.Pool)
	}
	for _, o := range a.slots {
		s.Slots = append(s.Slots, o.Slot)
	}
	for _, m := range a.machines {
		s.Machines = append(s.Machines, m.Machine)
	}
	return s
}

// machine returns one of the machines.
func (a all) machine(id string) (Machine, bool) {
	i := slices.IndexFunc(a.machines, func(m Machine) bool { return m.ID == id })
	if i < 0 {
		return Machine{}, false
	}
	return a.machines[i], true
}
