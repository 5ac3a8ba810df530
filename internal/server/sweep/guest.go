package sweep

import (
	"context"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
)

// A guest is a runner that is not ours, on a machine that we did not make. It says which provider and type it is of, which nobody can
// check, and what it calls itself. Its first claim gives it a free slot of that type, with a row in the ledger and a runner without a key;
// the queue then treats it like every other machine of a sweep. It stays on its slot. One that is not heard of for limits.GuestLease loses
// task and slot to the next that comes.

// GuestClaim is a guest that asks for a task.
type GuestClaim struct {
	Run            string // of which sweep; "": of any that is open in the project, the oldest first
	Provider, Type string // the type, or its alias
	Guest          string // what it calls itself; unique among guests
}

// GuestTask is a task as guests see it.
type GuestTask struct {
	Task
	Epoch                      int64 // of the claim
	Run, Provider, Type, Alias string
	Number                     int // of the task among those of its type, from 1
	Params                     map[string]string
	Until                      time.Time // the lease can be renewed up to here
}

// GuestAnswer is a task, or how long to wait for one, or neither: nothing is left.
type GuestAnswer struct {
	Task *GuestTask
	Wait time.Duration
	Why  string // for people, when nothing is left
}

// ClaimAsGuest gives a guest the next task of its slot, or again the one that it has. It is told to wait only while a task of its type may
// come back.
func (s *Service) ClaimAsGuest(ctx context.Context, actor access.Actor, projectRef string, in GuestClaim) (out GuestAnswer, err error) {
	if err := checkGuest(in.Guest); err != nil {
		return out, err
	}
	if in.Provider == "" || in.Type == "" {
		return out, fault.Invalidf("claim: provider and instance_type are missing; a guest says what machine it runs on")
	}
	if _, err := s.Door.Find(ctx, actor, access.Submit, projectRef); err != nil {
		return out, err
	}
	var then job.Done
	err = s.Store.Tx(ctx, func(tx *store.Tx) error {
		then, out = job.Done{}, GuestAnswer{Why: "no run is open"}
		p, err := s.Door.Open(ctx, tx, actor, access.Submit, projectRef)
		if err != nil {
			return err
		}
		open, err := openForGuests(ctx, tx, p.ID, in.Run)
		if err != nil {
			return err
		}
		for _, w := range open {
			if w, err = HoldByID(ctx, tx, w.ID); err != nil {
				return err
			}
			answer, err := s.claimIn(ctx, tx, w, in, &then)
			if err != nil {
				return err
			}
			if answer.Task != nil {
				out = answer
				return nil
			}
			if out.Wait == 0 {
				out = answer
			}
		}
		return nil
	})
	if err == nil {
		then.Do()
	}
	return out, err
}

// checkGuest refuses a name that could not be kept or shown.
func checkGuest(name string) error {
	if name == "" || len(name) > limits.GuestBytes || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fault.Invalidf("runner_id %.60q: want 1 to %d bytes without control characters", name, limits.GuestBytes)
	}
	return nil
}

// openForGuests are the sweeps in which a guest may find a task: the named one, or all that are open.
func openForGuests(ctx context.Context, tx *store.Tx, projectID, ref string) ([]Sweep, error) {
	if ref == "" {
		return GuestSweeps(ctx, tx, projectID, limits.GuestRuns)
	}
	w, err := guestSweep(ctx, tx, projectID, ref)
	return []Sweep{w}, err
}

// guestSweep is a project's sweep of guests.
func guestSweep(ctx context.Context, tx *store.Tx, projectID, ref string) (Sweep, error) {
	w, err := Find(ctx, tx, projectID, ref)
	if err == nil && !w.Plan.Guests || fault.Is(err, fault.Missing) {
		err = fault.Missingf("run %.70q does not exist", ref)
	}
	return w, err
}

// claimIn is a claim in one sweep, which is held.
func (s *Service) claimIn(ctx context.Context, tx *store.Tx, w Sweep, in GuestClaim, then *job.Done) (GuestAnswer, error) {
	if w.State != core.Active && w.State != core.Draining {
		return GuestAnswer{Why: "the run is over"}, nil
	}
	rows, err := counted(ctx, tx, w)
	if err != nil {
		return GuestAnswer{}, err
	}
	m, has, dismissed := rows.guest(in)
	if dismissed {
		return GuestAnswer{Why: "the tasks of this runner's place are over"}, nil
	}
	if !has {
		var answer GuestAnswer
		if m, answer, err = s.placeGuest(ctx, tx, w, rows, in); err != nil || m.ID == "" {
			return answer, err
		}
	}
	if err := SetBeat(ctx, tx, m.ID, string(phaseReady), ""); err != nil {
		return GuestAnswer{}, err
	}
	taken, err := s.Jobs.TakeFor(ctx, tx, *m.RunnerID, limits.GuestLease, then)
	if err != nil {
		return GuestAnswer{}, err
	}
	if taken != nil {
		task, err := s.guestTask(ctx, tx, w, rows, taken.Job)
		return GuestAnswer{Task: &task}, err
	}
	left, err := job.LeftInSlot(ctx, tx, m.Slot, *m.RunnerID)
	if err != nil || left {
		return GuestAnswer{Wait: limits.GuestRetry}, err
	}
	_, err = s.apply(ctx, tx, m, 0, ledger.Change{Verb: core.Vanish, Reason: core.BecauseDone}, &after{})
	return GuestAnswer{Why: "the tasks of this runner's place are over"}, err
}

// guest is the machine of a guest, as long as it has its slot; dismissed: it had one, and nothing is left there.
func (a all) guest(in GuestClaim) (m Machine, has, dismissed bool) {
	for _, one := range a.machines {
		if one.NativeID != in.Guest || !a.isOf(one.Pool, in) {
			continue
		}
		if one.State.MayRun() {
			return one, true, false
		}
		dismissed = one.Reason == core.BecauseDone
	}
	return m, false, dismissed
}

// isOf reports whether a pool is of the provider and type, or alias, that a guest names.
func (a all) isOf(poolID string, in GuestClaim) bool {
	for _, p := range a.pools {
		if p.ID == poolID {
			return p.Skipped == nil && p.Provider == in.Provider && (p.Type == in.Type || p.Alias == in.Type)
		}
	}
	return false
}

// placeGuest gives a guest a slot of its type: one that waits, or one whose guest is not heard of any more. A machine without an id means
// that there is none, and what the guest is told.
func (s *Service) placeGuest(ctx context.Context, tx *store.Tx, w Sweep, rows all, in GuestClaim) (m Machine, answer GuestAnswer,
	err error) {
	answer.Why = "the run has no tasks for this provider and instance type"
	if w.State != core.Active {
		return m, GuestAnswer{Why: "the run is stopped"}, nil
	}
	for i, slot := range rows.slots {
		if !slot.State.Open() || slot.Left == 0 || !rows.isOf(slot.Pool, in) {
			continue
		}
		if slot.State == core.SlotHeld {
			lost, known := rows.machine(slot.Machine)
			if known && tx.Now().Sub(lost.Beat) < limits.GuestLease {
				answer = GuestAnswer{Wait: limits.GuestRetry} // it may be lost, and its tasks come back
				continue
			}
			if rows, err = s.replace(ctx, tx, rows, i, lost); err != nil {
				return m, answer, err
			}
		}
		m, err = s.admit(ctx, tx, w, rows, rows.slots[i], in)
		return m, GuestAnswer{}, err
	}
	return m, answer, nil
}

// replace takes the slot from a guest that is not heard of any more.
func (s *Service) replace(ctx context.Context, tx *store.Tx, rows all, i int, lost Machine) (all, error) {
	if lost.ID != "" && lost.State.MayRun() {
		gone, err := s.apply(ctx, tx, lost, 0, ledger.Change{Verb: core.Vanish, Reason: core.BecauseHeartbeatLost,
			Note: "not heard of, and another guest came"}, &after{})
		if err != nil {
			return rows, err
		}
		for k := range rows.machines {
			if rows.machines[k].ID == gone.ID {
				rows.machines[k] = gone
			}
		}
	}
	free, err := rows.slots[i].Apply(ledger.SlotMove{Verb: core.Release})
	if err != nil {
		return rows, err
	}
	rows.slots[i].Slot = free
	return rows, SaveSlot(ctx, tx, rows.slots[i])
}

// admit writes a guest down as the machine of a slot, with a runner whose key nobody has.
func (s *Service) admit(ctx context.Context, tx *store.Tx, w Sweep, rows all, slot Slot, in GuestClaim) (m Machine, err error) {
	key, err := s.Runners.NewRunnerKey()
	if err != nil {
		return m, err
	}
	pool, err := poolOf(rows.pools, slot.Pool)
	if err != nil {
		return m, err
	}
	intent := ledger.Intent{Token: ident.NewUUID(), Slot: slot.ID, Market: pool.Market}
	if len(pool.Regions) > 0 { // where a guest is, nobody here knows
		intent.Region = pool.Regions[0]
	}
	written, held, err := rows.snapshot(tx.Now(), time.Time{}).Intend(intent)
	if err != nil {
		return m, err
	}
	m = Machine{Machine: written, SweepID: w.ID}
	if err := InsertMachine(ctx, tx, m); err != nil {
		return m, err
	}
	slot.Slot = held
	slot.Tried++
	if err := SaveSlot(ctx, tx, slot); err != nil {
		return m, err
	}
	if m, err = s.apply(ctx, tx, m, 0, ledger.Change{Verb: core.Launch, NativeID: in.Guest}, &after{}); err != nil {
		return m, err
	}
	if m.RunnerID, err = hire(ctx, tx, m, pool, key); err != nil {
		return m, err
	}
	return s.apply(ctx, tx, m, 0, ledger.Change{Verb: core.Contact}, &after{})
}

// letGo ends a closing sweep of guests when all that they delivered is read: no provider says that a guest is gone, so it is when it has
// no task. The caller holds the sweep.
func (s *Service) letGo(ctx context.Context, tx *store.Tx, w *Sweep, rows all) error {
	counts, err := Counts(ctx, tx, w.ID)
	if err != nil {
		return err
	}
	over := !tx.Now().Before(w.Expires.Add(limits.SweepForgotten))
	for i, m := range rows.machines {
		switch {
		case !m.State.MayRun():
			continue
		case counts[m.Slot].Running > 0 && !over:
			return nil
		}
		if rows.machines[i], err = s.apply(ctx, tx, m, 0, ledger.Change{Verb: core.Vanish, Reason: core.BecauseDone}, &after{}); err != nil {
			return err
		}
	}
	if rows.snapshot(tx.Now(), time.Time{}).Unread() > 0 && !over {
		return nil
	}
	return s.moved(ctx, tx, w, ledger.SweepMove{Verb: core.End})
}

// guestTask is a task with what a guest is told of it. The rows are of its sweep.
func (s *Service) guestTask(ctx context.Context, tx *store.Tx, w Sweep, rows all, row job.Job) (GuestTask, error) {
	t, there, err := taskOf(ctx, tx, row.ID)
	if err == nil && !there {
		err = fault.Missingf("task %q does not exist", row.ID)
	}
	if err != nil {
		return GuestTask{}, err
	}
	out := rows.forGuest(w, t)
	out.State, out.Epoch = row.State, row.Epoch
	if row.Deadline != nil {
		out.Until = *row.Deadline
	}
	return out, nil
}

// forGuest adds to a task what a guest is told of it.
func (a all) forGuest(w Sweep, t Task) GuestTask {
	out := GuestTask{Task: t, Run: w.ExternalID, Params: w.Plan.Params}
	for _, p := range a.pools {
		if p.ID == t.PoolID {
			out.Provider, out.Type, out.Alias = p.Provider, p.Type, p.Alias
		}
	}
	for i, one := range w.Plan.Workloads {
		if one.Name == t.Workload {
			out.Number = i*w.Plan.Repeats + t.Repeat
		}
	}
	for _, slot := range a.slots {
		if slot.ID == t.SlotID {
			out.Number += (slot.Ordinal - 1) * w.Plan.Repeats * len(w.Plan.Workloads)
		}
	}
	return out
}

// GuestTasks are all tasks of a sweep of guests, by pool, slot and place.
func (s *Service) GuestTasks(ctx context.Context, actor access.Actor, projectRef, ref string) (run api.Sweep, out []GuestTask, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		p, err := s.Door.Open(ctx, tx, actor, access.ViewProject, projectRef)
		if err != nil {
			return err
		}
		w, err := guestSweep(ctx, tx, p.ID, ref)
		if err != nil {
			return err
		}
		rows, err := counted(ctx, tx, w)
		if err != nil {
			return err
		}
		tasks, _, err := ListTasks(ctx, tx, w.ID, TaskFilter{}, store.Page{Limit: limits.SweepTasks})
		run, out = rows.wire(tx.Now()), store.Map(tasks, func(t Task) GuestTask { return rows.forGuest(w, t) })
		return err
	})
	return run, out, err
}
