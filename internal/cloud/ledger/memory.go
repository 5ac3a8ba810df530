package ledger

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Memory is a ledger in memory, for many goroutines. It also has what a server does to the same rows without an epoch: people's verbs, what
// runners say, and what the queue says of tasks.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	hearing time.Time
	sweeps  map[string]*Snapshot // Now and Hearing are not kept here
}

// NewMemory returns an empty ledger that reads the clock now, and has been hearing beats since.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, hearing: now(), sweeps: map[string]*Snapshot{}}
}

var _ Ledger = (*Memory)(nil)

// Add puts a sweep with its pools and slots into the ledger.
func (l *Memory) Add(s Sweep, pools []Pool, slots []Slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweeps[s.ID] = &Snapshot{Sweep: s, Pools: slices.Clone(pools), Slots: slices.Clone(slots)}
}

// Delete takes a sweep out of the ledger, as the end of its project does.
func (l *Memory) Delete(sweepID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sweeps, sweepID)
}

// Take implements Ledger.
func (l *Memory) Take(ctx context.Context, sweepID, holder string) (lease Lease, err error) {
	err = l.tx(ctx, sweepID, func(s *Snapshot) error {
		taken, err := s.Sweep.Taken(holder, s.Now)
		if err == nil {
			s.Sweep, lease = taken, taken.Lease
		}
		return err
	})
	return lease, err
}

// Renew implements Ledger.
func (l *Memory) Renew(ctx context.Context, sweepID string, epoch int64) (lease Lease, err error) {
	err = l.fenced(ctx, sweepID, epoch, func(s *Snapshot) error {
		s.Sweep.Lease.Until = s.Now.Add(LeaseTime)
		lease = s.Sweep.Lease
		return nil
	})
	return lease, err
}

// Release implements Ledger.
func (l *Memory) Release(ctx context.Context, sweepID string, epoch int64) error {
	return l.fenced(ctx, sweepID, epoch, func(s *Snapshot) error {
		s.Sweep.Lease.Until = s.Now
		return nil
	})
}

// Read implements Ledger.
func (l *Memory) Read(ctx context.Context, sweepID string) (out Snapshot, err error) {
	err = l.tx(ctx, sweepID, func(s *Snapshot) error {
		out = *s
		out.Pools, out.Slots, out.Machines = slices.Clone(s.Pools), slices.Clone(s.Slots), slices.Clone(s.Machines)
		out.Failures = slices.Clone(s.Failures)
		return nil
	})
	return out, err
}

// Peek is Read without a copy, for whoever knows that nobody writes meanwhile.
func (l *Memory) Peek(sweepID string) (out Snapshot, err error) {
	err = l.tx(context.Background(), sweepID, func(s *Snapshot) error {
		out = *s
		return nil
	})
	return out, err
}

// Intend implements Ledger.
func (l *Memory) Intend(ctx context.Context, sweepID string, epoch int64, in Intent) (m Machine, err error) {
	err = l.fenced(ctx, sweepID, epoch, func(s *Snapshot) error {
		var slot Slot
		if m, slot, err = s.Intend(in); err != nil {
			return err
		}
		if s.machine(m.ID) == nil {
			s.Machines = append(s.Machines, m)
			*s.slot(slot.ID) = slot
		}
		return nil
	})
	return m, err
}

// Record implements Ledger.
func (l *Memory) Record(ctx context.Context, sweepID string, epoch int64, machineID string, c Change) (m Machine, err error) {
	err = l.fenced(ctx, sweepID, epoch, func(s *Snapshot) error {
		m, err = s.record(machineID, c)
		return err
	})
	return m, err
}

// MoveSlot implements Ledger.
func (l *Memory) MoveSlot(ctx context.Context, sweepID string, epoch int64, slotID string, m SlotMove) error {
	return l.fenced(ctx, sweepID, epoch, func(s *Snapshot) error {
		slot := s.slot(slotID)
		if slot == nil {
			return fault.Missingf("slot %s: sweep %s has no such slot", slotID, sweepID)
		}
		next, err := slot.Apply(m)
		if err == nil {
			*slot = next
		}
		return err
	})
}

// SkipPool implements Ledger.
func (l *Memory) SkipPool(ctx context.Context, sweepID string, epoch int64, poolID string, skip sweep.Skip) error {
	return l.fenced(ctx, sweepID, epoch, func(s *Snapshot) error {
		i := slices.IndexFunc(s.Pools, func(p Pool) bool { return p.ID == poolID })
		if i < 0 {
			return fault.Missingf("pool %s: sweep %s has no such pool", poolID, sweepID)
		}
		if s.Pools[i].Skipped == nil {
			s.Pools[i].Skipped = &skip
		}
		return nil
	})
}

// MoveSweep implements Ledger.
func (l *Memory) MoveSweep(ctx context.Context, sweepID string, epoch int64, m SweepMove) (out Sweep, err error) {
	if !m.ByController() {
		return Sweep{}, fault.Invalidf("sweep %s: %q is not a verb of controllers", sweepID, m.Verb)
	}
	err = l.fenced(ctx, sweepID, epoch, func(s *Snapshot) error {
		if out, err = s.Apply(m); err == nil {
			s.Sweep = out
		}
		return err
	})
	return out, err
}

// People is a verb of people: start, stop, stop_now.
func (l *Memory) People(sweepID string, v sweep.Verb) error {
	return l.tx(context.Background(), sweepID, func(s *Snapshot) error {
		next, err := s.Apply(SweepMove{Verb: v})
		if err == nil {
			s.Sweep = next
		}
		return err
	})
}

// Contact is a runner that enrols on its machine.
func (l *Memory) Contact(sweepID, machineID string) error {
	return l.tx(context.Background(), sweepID, func(s *Snapshot) error {
		_, err := s.record(machineID, Change{Verb: sweep.Contact})
		return err
	})
}

// Beat is a machine that is heard of.
func (l *Memory) Beat(sweepID, machineID string) error {
	return l.ofMachine(sweepID, machineID, func(s *Snapshot, m *Machine) { m.Beat = s.Now })
}

// Accuse says what the server has against a machine.
func (l *Memory) Accuse(sweepID, machineID, why string) error {
	return l.ofMachine(sweepID, machineID, func(_ *Snapshot, m *Machine) { m.Suspect = why })
}

// Restart is a server that was down until now: it hears beats from now on.
func (l *Memory) Restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hearing = l.now()
}

// Tasks is what the queue says of a slot's tasks.
func (l *Memory) Tasks(sweepID, slotID string, left, running, done, failed int) error {
	return l.tx(context.Background(), sweepID, func(s *Snapshot) error {
		slot := s.slot(slotID)
		if slot == nil {
			return fault.Missingf("slot %s: sweep %s has no such slot", slotID, sweepID)
		}
		slot.Left, slot.Running, slot.Done, slot.Failed = left, running, done, failed
		return nil
	})
}

// Unread is how many of a slot's tasks were delivered and not read yet.
func (l *Memory) Unread(sweepID, slotID string, n int) error {
	return l.tx(context.Background(), sweepID, func(s *Snapshot) error {
		slot := s.slot(slotID)
		if slot == nil {
			return fault.Missingf("slot %s: sweep %s has no such slot", slotID, sweepID)
		}
		slot.Unread = n
		return nil
	})
}

// Fail is what the queue says of a workload that was done nowhere.
func (l *Memory) Fail(sweepID string, f Failure) error {
	return l.tx(context.Background(), sweepID, func(s *Snapshot) error {
		if !slices.Contains(s.Failures, f) {
			s.Failures = append(s.Failures, f)
		}
		return nil
	})
}

func (l *Memory) ofMachine(sweepID, machineID string, do func(*Snapshot, *Machine)) error {
	return l.tx(context.Background(), sweepID, func(s *Snapshot) error {
		m := s.machine(machineID)
		if m == nil {
			return fault.Missingf("machine %s: sweep %s has no such machine", machineID, sweepID)
		}
		do(s, m)
		return nil
	})
}

// tx runs one transaction. What it changes stays only without an error; each do above changes last.
func (l *Memory) tx(ctx context.Context, sweepID string, do func(*Snapshot) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sweeps[sweepID]
	if s == nil {
		return fault.Missingf("sweep %s does not exist", sweepID)
	}
	s.Now, s.Hearing = l.now(), l.hearing
	return do(s)
}

func (l *Memory) fenced(ctx context.Context, sweepID string, epoch int64, do func(*Snapshot) error) error {
	return l.tx(ctx, sweepID, func(s *Snapshot) error {
		if s.Sweep.Lease.Epoch != epoch {
			return s.Sweep.Stale(epoch)
		}
		return do(s)
	})
}

func (s *Snapshot) record(machineID string, c Change) (Machine, error) {
	m := s.machine(machineID)
	if m == nil {
		return Machine{}, fault.Missingf("machine %s: sweep %s has no such machine", machineID, s.Sweep.ID)
	}
	next, err := m.Apply(c, s.Now)
	if err == nil {
		*m = next
	}
	return next, err
}

func (s *Snapshot) machine(id string) *Machine {
	i := slices.IndexFunc(s.Machines, func(m Machine) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Machines[i]
}

func (s *Snapshot) slot(id string) *Slot {
	i := slices.IndexFunc(s.Slots, func(o Slot) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Slots[i]
}
