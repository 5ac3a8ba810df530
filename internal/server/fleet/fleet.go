// Package fleet keeps the machines that run jobs: runners with their keys and specs, and the specs themselves.
//
// A runner's key is shown once, when it is made or replaced; only its hash is stored. A spec's resources never change, because results
// stand under its name; it is archived instead.
//
// It is the lowest noun: every room above may call it, and so may the edges httpapi, hub and web.
package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service is safe for concurrent use.
type Service struct {
	store  *store.Store
	jobs   Jobs
	random io.Reader
	now    func() time.Time
	// kicked is called when a runner's key no longer opens anything, so that its connections end.
	kicked func(runnerID string)
}

// Jobs is what a fleet asks of the jobs that its runners have or wait for.
type Jobs interface {
	Kick(runnerID string)
	Waiting(runnerID string) bool
	Busy(ctx context.Context, tx *store.Tx, runnerIDs []string) (map[string]string, error) // runner → job
	Allow(ctx context.Context, tx *store.Tx, runnerID string) error                        // to have the jobs again that were kept from it
}

// New makes the service. kicked may be nil.
func New(s *store.Store, j Jobs, random io.Reader, now func() time.Time, kicked func(runnerID string)) *Service {
	if kicked == nil {
		kicked = func(string) {}
	}
	return &Service{s, j, random, now, kicked}
}

// What other servers on the same database are told of a runner, by its id (store.Tx.Notify).
const (
	Look   = "runner" // it may take other jobs from now on
	Kicked = "kicked" // its connections are to end: its key opens nothing any more
)

// CreateSpec makes a spec.
func (s *Service) CreateSpec(ctx context.Context, actor access.Actor, in api.NewSpec) (api.Spec, error) {
	if err := door.Authorize(ctx, actor, access.ManageServer, access.Resource{Name: in.Name}); err != nil {
		return api.Spec{}, err
	}
	if err := ident.CheckName("spec", in.Name, limits.ResourceNameBytes); err != nil {
		return api.Spec{}, err
	}
	if in.Slug != "" && !ident.IsSlug(in.Slug) {
		return api.Spec{}, fault.Invalidf("spec %q: %q is not a slug", in.Name, in.Slug)
	}
	row := Spec{
		Name: in.Name, Slug: in.Slug, OS: in.OS, Architecture: in.Architecture, Isolation: in.Isolation, CPU: in.CPU,
		MemoryBytes: in.Memory,
		DiskBytes:   in.Disk, Network: in.Network,
	}
	if row.OS == "" {
		row.OS = "linux"
	}
	if row.Isolation == "" {
		row.Isolation = string(host.Container)
	}
	if err := row.Check(); err != nil {
		return api.Spec{}, err
	}
	var made Spec
	err := s.store.Tx(ctx, func(tx *store.Tx) (err error) {
		if in.Fallback {
			now := tx.Now()
			row.Fallback = &now
		}
		made, err = InsertSpec(ctx, tx, row)
		return err
	})
	return made.Wire(), err
}

// Check refuses resources that no runner could give, and isolation that a spec may not ask for.
func (s Spec) Check() error {
	if !slices.Contains(host.ForSpecs(), host.Isolation(s.Isolation)) {
		return fault.Invalidf("spec %q: isolation %q, want container, gvisor or microvm", s.Name, s.Isolation)
	}
	const leastMemory, leastDisk = 16 * limits.MiB, limits.MiB // below these no container starts
	if s.MemoryBytes < leastMemory || s.DiskBytes < leastDisk {
		return fault.Invalidf("spec %q: %d bytes of memory and %d of disk, want at least %d and %d", s.Name, s.MemoryBytes, s.DiskBytes,
			int64(leastMemory), int64(leastDisk))
	}
	return nil
}

// EnsureDefaultSpec makes the spec "default", which is the fallback, if there is no spec at all.
func (s *Service) EnsureDefaultSpec(ctx context.Context, cpu int, memory, disk int64, architecture string) error {
	return s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.Specs); err != nil {
			return err
		}
		for _, archived := range []bool{false, true} {
			if _, n, err := ListSpecs(ctx, tx, store.ListFilter{Archived: archived, Page: store.Page{Limit: 1}}); err != nil || n > 0 {
				return err
			}
		}
		now := tx.Now()
		_, err := InsertSpec(ctx, tx, Spec{
			Name: "default", OS: "linux", Architecture: architecture, Isolation: string(host.Container),
			CPU: cpu, MemoryBytes: memory, DiskBytes: disk,
			Fallback: &now,
		})
		return err
	})
}

// Specs returns a page of the specs.
func (s *Service) Specs(ctx context.Context, actor access.Actor, f store.ListFilter) (out []api.Spec, total int, err error) {
	if err := door.Authorize(ctx, actor, access.ViewFleet, access.Resource{Name: "specs"}); err != nil {
		return nil, 0, err
	}
	out = []api.Spec{}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		rows, n, err := ListSpecs(ctx, tx, f)
		total = n
		for _, r := range rows {
			out = append(out, r.Wire())
		}
		return err
	})
	return out, total, err
}

// Spec returns one spec.
func (s *Service) Spec(ctx context.Context, actor access.Actor, ref string) (api.Spec, error) {
	if err := door.Authorize(ctx, actor, access.ViewFleet, access.Resource{Name: ref}); err != nil {
		return api.Spec{}, err
	}
	var row Spec
	err := s.store.View(ctx, func(tx *store.Tx) error {
		var err error
		row, err = SpecByRef(ctx, tx, ref)
		return err
	})
	return row.Wire(), err
}

// UpdateSpec changes name, slug, whether it is the fallback and whether it is archived.
func (s *Service) UpdateSpec(ctx context.Context, actor access.Actor, ref string, in api.UpdateSpec) (api.Spec, error) {
	if err := door.Authorize(ctx, actor, access.ManageServer, access.Resource{Name: ref}); err != nil {
		return api.Spec{}, err
	}
	var row Spec
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		err := tx.Lock(ctx, store.Specs)
		if err != nil {
			return err
		}
		if row, err = SpecByRef(ctx, tx, ref); err != nil {
			return err
		}
		if in.Name != nil {
			if err := ident.CheckName("spec", *in.Name, limits.ResourceNameBytes); err != nil {
				return err
			}
			row.Name = *in.Name
		}
		if in.Slug != nil {
			if !ident.IsSlug(*in.Slug) {
				return fault.Invalidf("spec %q: %q is not a slug", row.Name, *in.Slug)
			}
			row.Slug = *in.Slug
		}
		now := tx.Now()
		row.Archived = toggled(row.Archived, in.Archived, now)
		row.Fallback = toggled(row.Fallback, in.Fallback, now)
		if row.Archived != nil && in.Fallback != nil && *in.Fallback {
			return fault.Conflictf("spec %q is archived and cannot be the fallback", row.Name)
		}
		if err := UpdateSpec(ctx, tx, row); err != nil {
			return err
		}
		row, err = SpecByRef(ctx, tx, row.ID)
		return err
	})
	return row.Wire(), err
}

// toggled sets or clears a time; it keeps the one that is there.
func toggled(at *time.Time, want *bool, now time.Time) *time.Time {
	switch {
	case want == nil:
		return at
	case !*want:
		return nil
	case at != nil:
		return at
	}
	return &now
}

// DeleteSpec removes a spec that nothing uses.
func (s *Service) DeleteSpec(ctx context.Context, actor access.Actor, ref string) error {
	if err := door.Authorize(ctx, actor, access.ManageServer, access.Resource{Name: ref}); err != nil {
		return err
	}
	return s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.Specs); err != nil {
			return err
		}
		row, err := SpecByRef(ctx, tx, ref)
		if err != nil {
			return err
		}
		return DeleteSpec(ctx, tx, row)
	})
}

// CreateRunner makes a runner with its specs and returns its key, once.
func (s *Service) CreateRunner(ctx context.Context, actor access.Actor, in api.NewRunner) (api.RunnerKey, error) {
	if err := door.Authorize(ctx, actor, access.ManageServer, access.Resource{Name: in.Name}); err != nil {
		return api.RunnerKey{}, err
	}
	if err := ident.CheckName("runner", in.Name, limits.ResourceNameBytes); err != nil {
		return api.RunnerKey{}, err
	}
	if in.Slug != "" && !ident.IsSlug(in.Slug) {
		return api.RunnerKey{}, fault.Invalidf("runner %q: %q is not a slug", in.Name, in.Slug)
	}
	key, err := s.newKey(in.Form)
	if err != nil {
		return api.RunnerKey{}, err
	}
	var row Runner
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if row, err = InsertRunner(ctx, tx, in.Name, in.Slug, ident.HashKey(key)); err != nil {
			return err
		}
		for _, ref := range in.Specs {
			spec, err := usableSpec(ctx, tx, ref)
			if err != nil {
				return err
			}
			if err := AddRunnerSpec(ctx, tx, row.ID, spec.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return api.RunnerKey{}, err
	}
	return api.RunnerKey{UUID: row.ID, Slug: row.Slug, Key: key}, nil
}

// usableSpec finds a spec that new jobs may ask for; it stays so until the transaction ends.
func usableSpec(ctx context.Context, tx *store.Tx, ref string) (Spec, error) {
	if err := tx.Lock(ctx, store.Specs); err != nil {
		return Spec{}, err
	}
	spec, err := SpecByRef(ctx, tx, ref)
	if err == nil && spec.Archived != nil {
		err = fault.Conflictf("spec %q is archived; no new job can ask for it", spec.Name)
	}
	return spec, err
}

// newKey draws a runner's key; form "" is our own.
func (s *Service) newKey(form string) (string, error) {
	key, err := ident.NewKey(ident.KeyRunner, ident.KeyForm(cmp.Or(form, string(ident.TachoForm))), s.random)
	if err != nil && !fault.Is(err, fault.Invalid) {
		err = fmt.Errorf("draw a key: %w", err)
	}
	return key, err
}

// RotateKey gives a runner a new key of a form; the old one opens nothing from now on, and its connections end.
func (s *Service) RotateKey(ctx context.Context, actor access.Actor, ref, form string) (api.RunnerKey, error) {
	if err := door.Authorize(ctx, actor, access.ManageServer, access.Resource{Name: ref}); err != nil {
		return api.RunnerKey{}, err
	}
	key, err := s.newKey(form)
	if err != nil {
		return api.RunnerKey{}, err
	}
	row, err := s.changeRunner(ctx, ref, func(_ *store.Tx, r *Runner) error {
		r.KeyHash = ident.HashKey(key)
		return nil
	})
	if err != nil {
		return api.RunnerKey{}, err
	}
	s.kicked(row.ID)
	return api.RunnerKey{UUID: row.ID, Slug: row.Slug, Key: key}, nil
}

func (s *Service) changeRunner(ctx context.Context, ref string, change func(*store.Tx, *Runner) error) (Runner, error) {
	var row Runner
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if row, err = HoldRunner(ctx, tx, ref); err != nil {
			return err
		}
		hash := row.KeyHash
		if err := change(tx, &row); err != nil {
			return err
		}
		if err := UpdateRunner(ctx, tx, row); err != nil {
			return err
		}
		told := Look
		if row.KeyHash != hash || row.Archived != nil {
			told = Kicked
		}
		return tx.Notify(ctx, told, row.ID)
	})
	return row, err
}

// UpdateRunner changes name, slug and whether it is archived or drained. Archiving ends its connections. A runner that is no longer drained
// starts with a clean slate: it gets jobs at once, also those that it could not run before.
func (s *Service) UpdateRunner(ctx context.Context, actor access.Actor, ref string, in api.UpdateRunner) (api.Runner, error) {
	if err := door.Authorize(ctx, actor, access.ManageServer, access.Resource{Name: ref}); err != nil {
		return api.Runner{}, err
	}
	row, err := s.changeRunner(ctx, ref, func(tx *store.Tx, r *Runner) error {
		if in.Name != nil {
			if err := ident.CheckName("runner", *in.Name, limits.ResourceNameBytes); err != nil {
				return err
			}
			r.Name = *in.Name
		}
		if in.Slug != nil {
			if !ident.IsSlug(*in.Slug) {
				return fault.Invalidf("runner %q: %q is not a slug", r.Name, *in.Slug)
			}
			r.Slug = *in.Slug
		}
		r.Archived = toggled(r.Archived, in.Archived, tx.Now())
		switch {
		case in.Drained == nil:
			return nil
		case *in.Drained:
			return fault.Invalidf("runner %q: only failures of its machine drain a runner; archive it, or stop it on its machine", r.Name)
		}
		r.Failures, r.Drained, r.DrainedWhy = 0, nil, nil
		if err := SetRunnerHealth(ctx, tx, *r); err != nil {
			return err
		}
		return s.jobs.Allow(ctx, tx, r.ID)
	})
	if err != nil {
		return api.Runner{}, err
	}
	if row.Archived != nil {
		s.kicked(row.ID)
	} else if in.Drained != nil {
		s.jobs.Kick(row.ID)
	}
	return s.Runner(ctx, actor, row.ID)
}

// AddSpec lets a runner take a spec's jobs, at once also if it waits already.
func (s *Service) AddSpec(ctx context.Context, actor access.Actor, runner, spec string) (api.Spec, error) {
	if err := door.Authorize(ctx, actor, access.ManageServer, access.Resource{Name: runner}); err != nil {
		return api.Spec{}, err
	}
	var r Runner
	var sp Spec
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if r, err = RunnerByRef(ctx, tx, runner); err != nil {
			return err
		}
		if sp, err = usableSpec(ctx, tx, spec); err != nil {
			return err
		}
		if err := AddRunnerSpec(ctx, tx, r.ID, sp.ID); err != nil {
			return err
		}
		return tx.Notify(ctx, Look, r.ID)
	})
	if err == nil {
		s.jobs.Kick(r.ID)
	}
	return sp.Wire(), err
}

// RemoveSpec takes a spec from a runner; a job that it runs goes on.
func (s *Service) RemoveSpec(ctx context.Context, actor access.Actor, runner, spec string) error {
	if err := door.Authorize(ctx, actor, access.ManageServer, access.Resource{Name: runner}); err != nil {
		return err
	}
	var r Runner
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if r, err = RunnerByRef(ctx, tx, runner); err != nil {
			return err
		}
		sp, err := SpecByRef(ctx, tx, spec)
		if err != nil {
			return err
		}
		if err := RemoveRunnerSpec(ctx, tx, r.ID, sp.ID); err != nil {
			return err
		}
		return tx.Notify(ctx, Look, r.ID)
	})
	if err == nil {
		s.jobs.Kick(r.ID)
	}
	return err
}

// Runners returns a page of the runners with their liveness.
func (s *Service) Runners(ctx context.Context, actor access.Actor, f store.ListFilter) (out []api.Runner, total int, err error) {
	if err := door.Authorize(ctx, actor, access.ViewFleet, access.Resource{Name: "runners"}); err != nil {
		return nil, 0, err
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		rows, n, err := ListRunners(ctx, tx, f)
		if err != nil {
			return err
		}
		total = n
		out, err = s.present(ctx, tx, rows)
		return err
	})
	return out, total, err
}

// Runner returns one runner.
func (s *Service) Runner(ctx context.Context, actor access.Actor, ref string) (api.Runner, error) {
	if err := door.Authorize(ctx, actor, access.ViewFleet, access.Resource{Name: ref}); err != nil {
		return api.Runner{}, err
	}
	var out []api.Runner
	err := s.store.View(ctx, func(tx *store.Tx) error {
		row, err := RunnerByRef(ctx, tx, ref)
		if err != nil {
			return err
		}
		out, err = s.present(ctx, tx, []Runner{row})
		return err
	})
	if err != nil {
		return api.Runner{}, err
	}
	return out[0], nil
}

func (s *Service) present(ctx context.Context, tx *store.Tx, rows []Runner) ([]api.Runner, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	specs, err := SpecsOfRunners(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	busy, err := s.jobs.Busy(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]api.Runner, len(rows))
	for i, r := range rows {
		one := api.Runner{
			UUID: r.ID, Name: r.Name, Slug: r.Slug, LastHeartbeat: r.LastHeartbeat, Specs: []api.Spec{}, Created: r.Created,
			Modified: r.Modified,
			Archived: r.Archived, Drained: r.Drained,
		}
		if r.DrainedWhy != nil {
			one.DrainedWhy = *r.DrainedWhy
		}
		for _, spec := range specs[r.ID] {
			one.Specs = append(one.Specs, spec.Wire())
		}
		if r.Meta != nil {
			var meta api.RunnerMeta
			if err := json.Unmarshal([]byte(*r.Meta), &meta); err != nil {
				return nil, fmt.Errorf("read what runner %s said of itself: %w", r.ID, err)
			}
			one.Host, one.Version = meta.Host, meta.Version
		}
		if id, ok := busy[r.ID]; ok {
			one.Job = &id
		}
		one.State = s.state(r, one.Job != nil)
		out[i] = one
	}
	return out, nil
}

// silence is after how long without a word a runner that is neither waiting nor busy counts as offline.
const silence = limits.LeaseTimeout + limits.LeaseFlushInterval

func (s *Service) state(r Runner, busy bool) api.RunnerState {
	recent := r.LastHeartbeat != nil && s.now().Sub(*r.LastHeartbeat) < silence
	switch {
	case r.LastHeartbeat == nil && !s.jobs.Waiting(r.ID):
		return api.RunnerNever
	case r.Draining && recent:
		return api.RunnerDraining
	case busy && recent:
		return api.RunnerBusy
	case r.Drained != nil && (recent || s.jobs.Waiting(r.ID)):
		return api.RunnerDrained
	case s.jobs.Waiting(r.ID) || recent:
		return api.RunnerIdle
	}
	return api.RunnerOffline
}

// Serving returns the id of the runner that ref names, if actor is that machine. One that does not exist is refused like one that is
// another's: a key learns nothing about names. Who may do all else is still no machine.
func (s *Service) Serving(ctx context.Context, actor access.Actor, ref string) (id string, err error) {
	if actor.Kind == access.User || actor.Kind == access.Local {
		return "", fault.Forbiddenf("runner %q: only its own key opens this; make one with 'tacho runner key %s'", ref, ref)
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		row, err := RunnerByRef(ctx, tx, ref)
		id = row.ID
		return err
	})
	if err != nil && !fault.Is(err, fault.Missing) {
		return "", err
	}
	return id, door.Authorize(ctx, actor, access.ServeJobs, access.Resource{RunnerID: id, Name: ref})
}

// Retired ends the connections of a runner that was retired, after the commit.
func (s *Service) Retired(runnerID string) { s.kicked(runnerID) }

// NewRunnerKey draws a key for a runner, in our own form.
func (s *Service) NewRunnerKey() (string, error) { return s.newKey("") }
