package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// LeaseTime is how long a controller has a sweep without renewing.
const LeaseTime = 30 * time.Second

// Errors that a controller acts on. They are the cause of a Conflict fault, whose sentence is for people.
var (
	ErrStale      = errors.New("another controller has taken the sweep")
	ErrHeld       = errors.New("another controller has the sweep")
	ErrOverBudget = errors.New("over budget")
)

// Ledger is the rows of sweeps. Each method is one transaction and safe to repeat. A method with an epoch answers ErrStale, and changes
// nothing, if that is not the epoch of the sweep; a lease that ran out does not make an epoch stale before somebody else takes the sweep. A
// thing that does not exist is a Missing fault, a move that its table does not have a Conflict.
type Ledger interface {
	// Take gives the sweep to a controller, with an epoch that is higher than all before. ErrHeld while another one's lease lives. The same
	// holder may take it again, and gets a new epoch.
	Take(ctx context.Context, sweepID, holder string) (Lease, error)
	// Renew makes the lease live for LeaseTime from now.
	Renew(ctx context.Context, sweepID string, epoch int64) (Lease, error)
	// Release ends the lease, so that another controller need not wait for its end.
	Release(ctx context.Context, sweepID string, epoch int64) error

	// Read returns the rows as one transaction sees them.
	Read(ctx context.Context, sweepID string) (Snapshot, error)

	// Intend writes a machine that is about to be asked for, and holds its slot. What it checks is Snapshot.Intend. The same token for the
	// same slot again returns the row that is there.
	Intend(ctx context.Context, sweepID string, epoch int64, in Intent) (Machine, error)
	// Record writes what became of a machine: Machine.Apply.
	Record(ctx context.Context, sweepID string, epoch int64, machineID string, c Change) (Machine, error)
	// MoveSlot releases a slot, closes it or gives it up; it is held by Intend only. A slot that is not held has no machine.
	MoveSlot(ctx context.Context, sweepID string, epoch int64, slotID string, m SlotMove) error
	// SkipPool writes why no more machines of a pool are tried. The first reason stays. Its slots are the controller's to give up.
	SkipPool(ctx context.Context, sweepID string, epoch int64, poolID string, skip sweep.Skip) error
	// MoveSweep moves the sweep itself. The verbs of controllers are fail, finish and end; those of people have no epoch and are not here.
	MoveSweep(ctx context.Context, sweepID string, epoch int64, m SweepMove) (Sweep, error)
}

// Lease is the right to write, until somebody takes the sweep after its end.
type Lease struct {
	Epoch int64
	Until time.Time
}

// Snapshot is a sweep's rows at one moment.
type Snapshot struct {
	Now time.Time // the ledger's clock
	// Hearing is since when beats of machines are heard without a break. After a start of the server nobody is lost before it could be
	// heard again.
	Hearing  time.Time
	Sweep    Sweep
	Pools    []Pool
	Slots    []Slot
	Machines []Machine // in the order in which they were intended
	Failures []Failure // of workloads that were done nowhere
}

// Failure is what a workload said that failed in a slot and was done in none.
type Failure struct {
	Workload string
	Slot     string
	Error    string
}

// Sweep is the row of a sweep.
type Sweep struct {
	ID      string
	State   sweep.State
	Broken  sweep.Reason // why it was stopped or failed
	Note    string       // for people, of Broken
	Outcome sweep.Outcome
	Budget  sweep.Micros
	Expires time.Time // absolute: all of its machines end by then
	Closing time.Time // when it began to close
	Holder  string    // the controller that took it last
	Lease   Lease
}

// Pool is the row of a pool.
type Pool struct {
	ID string
	sweep.Pool
	OnDemand sweep.Price   // what a machine of a spot pool costs on demand, for the one that follows a reclaimed one; not known: spot again
	Slack    time.Duration // how long after its expiry the provider may still bill a machine
	Deadline time.Time     // until when a slot waits for capacity or quota; zero: until the sweep expires
}

// Slot is the row of a slot, with what the queue says of its tasks.
type Slot struct {
	ID      string
	Pool    string
	Ordinal int
	State   sweep.SlotState
	Reason  sweep.Reason // why it was given up
	Note    string       // for people, of Reason
	Machine string       // that holds it: only this one's runner gets its tasks

	Left    int // tasks that have not ended
	Running int // of these, tasks that a machine has
	Done    int // tasks that have ended well
	Unread  int // of these, tasks whose output was not read yet
	Failed  int // tasks that have ended badly
}

// Machine is the row of a machine.
type Machine struct {
	ID       string // the token that the provider was given
	Slot     string
	Pool     string
	Provider string
	Region   string
	Zone     string // asked for, and then where it is; "": any
	Type     string
	Market   sweep.Market
	NativeID string // the provider's; "": not known

	State   sweep.MachineState
	Reason  sweep.Reason
	Note    string // what the provider said, for people
	Doubted bool   // an answer of a create was lost
	Suspect string // what the server has against it, for people; not empty: it is to go

	Price   sweep.Price
	Slack   time.Duration
	Expires time.Time

	Intended time.Time // before the first create
	Asked    time.Time // before the last create
	Launched time.Time // by the provider; not later than it was first billed
	Contact  time.Time // its runner enrolled
	Beat     time.Time // it was last heard of
	Missing  time.Time // the first list in a row that should show it and did not
	Ended    time.Time // when it was gone at the latest
}

// Intent is a machine that a controller wants.
type Intent struct {
	Token  string // becomes the machine's id; unique
	Slot   string
	Region string
	Zone   string // "": any
	Market sweep.Market
}

// Change is what became of a machine.
type Change struct {
	Verb   sweep.MachineVerb
	Reason sweep.Reason
	Note   string

	NativeID string    // with launch
	Zone     string    // with launch
	Launched time.Time // with launch, by the provider
	Ended    time.Time // with vanish, by the provider; zero: when a list lacked it first
}

// SlotMove is what becomes of a slot.
type SlotMove struct {
	Verb   sweep.SlotVerb
	Reason sweep.Reason
	Note   string
}

// SweepMove is what becomes of a sweep.
type SweepMove struct {
	Verb   sweep.Verb
	Reason sweep.Reason
	Note   string
}

// Stale is the error for a write with an old epoch.
func (s Sweep) Stale(epoch int64) error {
	return fault.Wrap(fault.Conflict, ErrStale, "sweep %s: controller %s has taken it over (epoch %d); epoch %d may not write",
		s.ID, s.Holder, s.Lease.Epoch, epoch)
}

// Clean reports whether all machines are known not to exist any more.
func (s Snapshot) Clean() bool {
	for _, m := range s.Machines {
		if m.State.MayRun() {
			return false
		}
	}
	return true
}

// Unread counts the tasks that were delivered and not read yet: until then nobody knows what they came to.
func (s Snapshot) Unread() (n int) {
	for _, o := range s.Slots {
		n += o.Unread
	}
	return n
}

// SameError is the workload that fails in the same way on machines of two pools or more and was done nowhere, as a sentence; "": none.
// It is broken then, and more machines would only cost more.
func (s Snapshot) SameError() string {
	poolOf := map[string]string{}
	for _, o := range s.Slots {
		poolOf[o.ID] = o.Pool
	}
	type found struct{ slots, pools map[string]bool }
	same, failed := map[Failure]found{}, map[string]map[string]bool{}
	var order []Failure
	for _, f := range s.Failures {
		key := Failure{Workload: f.Workload, Error: f.Error}
		if _, known := same[key]; !known {
			same[key] = found{map[string]bool{}, map[string]bool{}}
			order = append(order, key)
		}
		if failed[f.Workload] == nil {
			failed[f.Workload] = map[string]bool{}
		}
		same[key].slots[f.Slot], same[key].pools[poolOf[f.Slot]], failed[f.Workload][f.Slot] = true, true, true
	}
	for _, key := range order {
		if at := same[key]; len(at.pools) >= 2 {
			return fmt.Sprintf("workload %s: the same error on %d of %d machines: %s", key.Workload, len(at.slots), len(failed[key.Workload]),
				key.Error)
		}
	}
	return ""
}

// Outlays are the machines as the budget sees them.
func (s Snapshot) Outlays() []sweep.Outlay {
	out := make([]sweep.Outlay, len(s.Machines))
	for i, m := range s.Machines {
		out[i] = m.Outlay()
	}
	return out
}

// Outlay is the machine as the budget sees it.
func (m Machine) Outlay() sweep.Outlay {
	return sweep.Outlay{State: m.State, Price: m.Price, Slack: m.Slack, Asked: m.Intended, Launched: m.Launched, Expires: m.Expires,
		Ended: m.Ended}
}
