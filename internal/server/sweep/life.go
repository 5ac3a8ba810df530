package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Update starts or stops a sweep, or raises its budget.
func (s *Service) Update(ctx context.Context, actor access.Actor, projectRef, ref string, in api.UpdateSweep) (out api.Sweep, err error) {
	verb := core.Verb(in.Do)
	switch {
	case in.Do == "" && in.Budget == nil:
		return out, fault.Invalidf("sweep %s: nothing to change; want do or budget", ref)
	case in.Do != "" && verb != core.Start && verb != core.Stop && verb != core.StopNow:
		return out, fault.Invalidf("do %.20q: want start, stop or stop_now", in.Do)
	}
	if _, err := s.Door.Find(ctx, actor, access.RunSweep, projectRef); err != nil {
		return out, err
	}
	var w Sweep
	if err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		p, err := s.Door.Open(ctx, tx, actor, access.RunSweep, projectRef)
		if err != nil {
			return err
		}
		if w, err = Hold(ctx, tx, p.ID, ref); err != nil {
			return err
		}
		if in.Budget != nil {
			if err := w.raise(core.Micros(*in.Budget)); err != nil {
				return err
			}
		}
		if in.Do == "" {
			return Save(ctx, tx, w)
		}
		return s.moved(ctx, tx, &w, ledger.SweepMove{Verb: verb, Note: in.Why})
	}); err != nil {
		return out, err
	}
	if err := s.cancelUnwanted(ctx, w.ID); err != nil {
		return out, err
	}
	return s.Get(ctx, actor, w.ProjectID, w.ID)
}

// raise gives a sweep a higher budget. A lower one could be below what its machines cost already.
func (w *Sweep) raise(budget core.Micros) error {
	switch {
	case w.State == core.Ended:
		return fault.Conflictf("sweep %s has ended; start another one", w.ExternalID)
	case budget < w.Budget:
		return fault.Invalidf("sweep %s: a budget of %s is below the one that it has, %s; it can only be raised, or the sweep stopped",
			w.ExternalID, budget, w.Budget)
	}
	w.Budget = budget
	return nil
}

// cancelUnwanted cancels the jobs that a sweep or a slot has left in the queue and nobody waits for. What it leaves undone, because a
// server dies, is done by Tidy.
func (s *Service) cancelUnwanted(ctx context.Context, sweepID string) error {
	ctx = context.WithoutCancel(ctx) // the change that made them unwanted is committed
	for {
		var ids []string
		if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
			ids, err = Unwanted(ctx, tx, sweepID, limits.UpkeepBatch)
			return err
		}); err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := s.Jobs.Cancel(ctx, id); err != nil && !fault.Is(err, fault.Conflict) { // it may have ended meanwhile
				return fmt.Errorf("cancel job %s of sweep %s: %w", id, sweepID, err)
			}
		}
	}
}

// jobEnded moves the slot and the sweep of a job that has ended. Most jobs are of none.
func (s *Service) jobEnded(ctx context.Context, e notify.Event) error {
	var sweepID, slotID string
	found := false
	if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		sweepID, slotID, found, err = SlotOfJob(ctx, tx, e.Body.Job)
		return err
	}); err != nil || !found {
		return err
	}
	return s.Store.Tx(ctx, func(tx *store.Tx) error {
		w, err := HoldByID(ctx, tx, sweepID)
		if fault.Is(err, fault.Missing) { // it went with its project
			return nil
		}
		if err != nil {
			return err
		}
		return s.advance(ctx, tx, w, slotID)
	})
}

// advance closes a slot in which nothing is left, and the sweep whose last slot it was. A controller does the same when it looks, and finds
// it done: tasks go on, and end, without one.
func (s *Service) advance(ctx context.Context, tx *store.Tx, w Sweep, slotID string) error {
	c, err := CountsOfSlot(ctx, tx, slotID)
	if err != nil || c.Pending+c.Running > 0 {
		return err
	}
	slot, err := SlotByID(ctx, tx, w.ID, slotID)
	if err != nil {
		return err
	}
	if slot.State.Open() {
		if slot.Slot, err = slot.Apply(ledger.SlotMove{Verb: core.Close}); err != nil {
			return err
		}
		if err := SaveSlot(ctx, tx, slot); err != nil {
			return err
		}
	}
	return s.finish(ctx, tx, &w)
}

// finish closes a sweep without open slots, and ends it when all of its machines are gone and all outputs are read.
func (s *Service) finish(ctx context.Context, tx *store.Tx, w *Sweep) error {
	rows, err := counted(ctx, tx, *w)
	if err != nil {
		return err
	}
	for _, o := range rows.slots {
		if o.State.Open() {
			return nil
		}
	}
	if w.State == core.Active || w.State == core.Draining {
		if err := s.moved(ctx, tx, w, ledger.SweepMove{Verb: core.Finish}); err != nil {
			return err
		}
	}
	return s.end(ctx, tx, w, rows)
}

// end ends a closing sweep when all of its machines are gone and what they delivered is read, because only then is known what it came to,
// or when nobody has looked after it for long enough after its time was over.
func (s *Service) end(ctx context.Context, tx *store.Tx, w *Sweep, rows all) error {
	now := tx.Now()
	if w.Plan.Guests && w.State == core.Closing {
		return s.letGo(ctx, tx, w, rows)
	}
	forgotten := now.After(w.Expires.Add(limits.SweepForgotten)) && !w.Lease.Until.After(now)
	is := rows.snapshot(now, time.Time{})
	if w.State != core.Closing || (!is.Clean() || is.Unread() > 0) && !forgotten {
		return nil
	}
	return s.moved(ctx, tx, w, ledger.SweepMove{Verb: core.End})
}

// Tidy does what a server that died left undone, for all sweeps that have not ended: unwanted jobs are canceled, slots without tasks
// closed, sweeps without slots ended. The slots of a sweep whose time is over are given up: their machines have ended by themselves.
func (s *Service) Tidy(ctx context.Context) error {
	var ids []string
	if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = Open(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	s.hears(s.Now())
	var failed []error
	for _, id := range ids {
		if err := s.tidy(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("sweep %s: %w", id, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

func (s *Service) tidy(ctx context.Context, id string) error {
	due := false
	if err := s.Store.View(ctx, func(tx *store.Tx) error { // a look without the writer: mostly there is nothing to do
		w, err := ByID(ctx, tx, id)
		if err != nil {
			return err
		}
		rows, err := counted(ctx, tx, w)
		due = rows.untidy(tx.Now())
		return err
	}); err != nil {
		return err
	}
	if due {
		if err := s.Store.Tx(ctx, func(tx *store.Tx) error { return s.tidyNow(ctx, tx, id) }); err != nil {
			return err
		}
	}
	return s.cancelUnwanted(ctx, id)
}

// untidy reports whether tidyNow may have something to do.
func (a all) untidy(now time.Time) bool {
	open := false
	for _, slot := range a.slots {
		if slot.State.Open() {
			if open = true; slot.Left == 0 {
				return true
			}
		}
	}
	return !open || !now.Before(a.sweep.Expires)
}

func (s *Service) tidyNow(ctx context.Context, tx *store.Tx, id string) error {
	w, err := HoldByID(ctx, tx, id)
	if err != nil {
		return err
	}
	rows, err := counted(ctx, tx, w)
	if err != nil {
		return err
	}
	over := !tx.Now().Before(w.Expires)
	for _, slot := range rows.slots {
		move := ledger.SlotMove{Verb: core.Close}
		switch {
		case !slot.State.Open(), !over && slot.Left > 0:
			continue
		case slot.Left > 0:
			move = ledger.SlotMove{Verb: core.GiveUp, Reason: core.BecauseExpired, Note: "the time of the sweep is over"}
		}
		if slot.Slot, err = slot.Apply(move); err != nil {
			return err
		}
		if err := SaveSlot(ctx, tx, slot); err != nil {
			return err
		}
	}
	return s.finish(ctx, tx, &w)
}

// Deletable refuses to delete a project while a sweep of it has machines that may run: their rows are how they are found.
func (s *Service) Deletable(ctx context.Context, tx *store.Tx, p project.Project) error {
	if err := HoldOpen(ctx, tx, p.ID); err != nil { // a machine that is being written down is seen, or sees that the project is gone
		return err
	}
	w, until, err := WithMachines(ctx, tx, p.ID, tx.Now())
	if err != nil || until.IsZero() {
		return err
	}
	return fault.Conflictf("project %q: sweep %s has machines that may run until %s; stop it first (tacho sweep stop %s --now)", p.Slug,
		w.ExternalID, until.UTC().Format("2006-01-02 15:04 UTC"), w.ExternalID)
}
