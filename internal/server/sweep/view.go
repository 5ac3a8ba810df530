package sweep

import (
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// view runs f on a snapshot with a sweep of a project that the actor may see.
func (s *Service) view(ctx context.Context, actor access.Actor, projectRef, ref string, f func(*store.Tx, Sweep) error) error {
	return s.Door.View(ctx, actor, projectRef, func(tx *store.Tx, p project.Project) error {
		w, err := Find(ctx, tx, p.ID, ref)
		if err != nil {
			return err
		}
		return f(tx, w)
	})
}

// List returns a page of a project's sweeps, newest first unless the page says otherwise, and how many there are.
func (s *Service) List(ctx context.Context, actor access.Actor, projectRef string, f Filter, page store.Page) (out []api.Sweep, total int,
	err error) {
	err = s.Door.View(ctx, actor, projectRef, func(tx *store.Tx, p project.Project) error {
		rows, n, err := List(ctx, tx, p.ID, f, page)
		if err != nil {
			return err
		}
		total, out = n, make([]api.Sweep, len(rows))
		for i, w := range rows {
			all, err := counted(ctx, tx, w)
			if err != nil {
				return err
			}
			out[i] = all.wire(tx.Now())
		}
		return nil
	})
	return out, total, err
}

// Get returns one sweep, by UUID or by the client's own id.
func (s *Service) Get(ctx context.Context, actor access.Actor, projectRef, ref string) (out api.Sweep, err error) {
	err = s.view(ctx, actor, projectRef, ref, func(tx *store.Tx, w Sweep) error {
		all, err := counted(ctx, tx, w)
		out = all.wire(tx.Now())
		return err
	})
	return out, err
}

// Pools returns the pools of a sweep with their slots, in the order of its plan.
func (s *Service) Pools(ctx context.Context, actor access.Actor, projectRef, ref string) (out []api.SweepPool, err error) {
	err = s.view(ctx, actor, projectRef, ref, func(tx *store.Tx, w Sweep) error {
		all, err := counted(ctx, tx, w)
		if err != nil {
			return err
		}
		out, err = all.wirePools(ctx, tx)
		return err
	})
	return out, err
}

// Machines returns a page of the machines of a sweep, in the order in which they were intended, and how many there are.
func (s *Service) Machines(ctx context.Context, actor access.Actor, projectRef, ref string, f MachineFilter, page store.Page) (
	out []api.SweepMachine, total int, err error) {
	err = s.view(ctx, actor, projectRef, ref, func(tx *store.Tx, w Sweep) error {
		rows, n, err := ListMachines(ctx, tx, w.ID, f, page)
		total, out = n, store.Map(rows, func(m Machine) api.SweepMachine { return m.wire(tx.Now()) })
		return err
	})
	return out, total, err
}

// Machine returns one machine of a sweep with its history.
func (s *Service) Machine(ctx context.Context, actor access.Actor, projectRef, ref, id string) (out api.SweepMachine, err error) {
	err = s.view(ctx, actor, projectRef, ref, func(tx *store.Tx, w Sweep) error {
		m, err := MachineOf(ctx, tx, w.ID, id)
		if err != nil {
			return err
		}
		out = m.wire(tx.Now())
		events, err := MachineEvents(ctx, tx, m.ID, limits.MachineEvents)
		out.Events = store.Map(events, MachineEvent.wire)
		return err
	})
	return out, err
}

// Tasks returns a page of the tasks of a sweep, by pool, slot and place, and how many there are.
func (s *Service) Tasks(ctx context.Context, actor access.Actor, projectRef, ref string, f TaskFilter, page store.Page) (
	out []api.SweepTask, total int, err error) {
	err = s.view(ctx, actor, projectRef, ref, func(tx *store.Tx, w Sweep) error {
		rows, n, err := ListTasks(ctx, tx, w.ID, f, page)
		total, out = n, store.Map(rows, Task.wire)
		return err
	})
	return out, total, err
}

// Ledger returns the rows of a sweep at one moment, as a controller reads them.
func (s *Service) Ledger(ctx context.Context, actor access.Actor, projectRef, ref string) (out api.SweepLedger, err error) {
	err = s.view(ctx, actor, projectRef, ref, func(tx *store.Tx, w Sweep) error {
		all, err := whole(ctx, tx, w)
		if err != nil {
			return err
		}
		out = api.SweepLedger{Now: tx.Now(), Hearing: s.hearing(tx.Now()), Sweep: all.wire(tx.Now()),
			Machines: store.Map(all.machines, func(m Machine) api.SweepMachine { return m.wire(tx.Now()) }),
			Failures: store.Map(all.failures, func(f ledger.Failure) api.SweepFailure {
				return api.SweepFailure{Workload: f.Workload, Slot: f.Slot, Error: f.Error}
			})}
		out.Pools, err = all.wirePools(ctx, tx)
		return err
	})
	return out, err
}

// specSlugs are the slugs of the specs of pools, by id.
func specSlugs(ctx context.Context, tx *store.Tx, pools []Pool) (map[string]fleet.Spec, error) {
	var ids []string
	for _, p := range pools {
		if p.SpecID != nil {
			ids = append(ids, *p.SpecID)
		}
	}
	return fleet.SpecsByID(ctx, tx, ids)
}

// orNil is a time for the wire.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
