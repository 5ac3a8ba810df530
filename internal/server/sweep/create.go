package sweep

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Request is a sweep that somebody asks for.
type Request struct {
	Actor    access.Actor
	SourceIP string
	New      api.NewSweep
	Guests   bool // others bring the machines, with runners of their own: no image is looked for, and no controller makes machines
}

// Create starts a sweep: it is active, its slots wait for machines, and its tasks wait for them in the queue. The same id with the same
// request is answered with the sweep that is there, whatever became of it; created is false then. With another request it is a Conflict.
//
// Errors are faults: Invalid and TooLarge for the request, and what the queue says of an image or a job.
func (s *Service) Create(ctx context.Context, projectRef string, r Request) (out api.Sweep, created bool, err error) {
	ask, err := newAsk(r.New)
	if err != nil {
		return out, false, err
	}
	p, err := s.Door.Find(ctx, r.Actor, access.RunSweep, projectRef)
	if err != nil {
		return out, false, err
	}
	var org account.Organization
	var there Sweep
	known := false
	if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		if there, known, err = ask.there(ctx, tx, p.ID); err != nil || known {
			return err
		}
		org, err = account.OrganizationByRef(ctx, tx, p.OrganizationID)
		return err
	}); err != nil {
		return out, false, err
	}
	if !known {
		kinds, err := s.prepare(ctx, ask, p, org, r)
		if err != nil {
			return out, false, err
		}
		if err := s.Store.Tx(ctx, func(tx *store.Tx) error {
			there, known, err = s.write(ctx, tx, ask, kinds, r, p.ID)
			return err
		}); err != nil {
			return out, false, err
		}
	}
	out, err = s.Get(ctx, r.Actor, p.ID, there.ID)
	return out, !known, err
}

// there is the sweep that the same request made before.
func (a ask) there(ctx context.Context, tx *store.Tx, projectID string) (Sweep, bool, error) {
	w, has, err := ByExternalID(ctx, tx, projectID, a.row.ExternalID)
	if err == nil && has && w.ConfigHash != a.row.ConfigHash {
		err = fault.Conflictf("sweep %q is there and was asked for otherwise; use a new id, or none to get one", a.row.ExternalID)
	}
	return w, has, err
}

// kind is a pool with its spec and the jobs that each of its slots has, by workload.
type kind struct {
	pool Pool
	spec fleet.Spec
	jobs []*job.Prepared
}

// prepare checks the jobs of a sweep: each image is found once, and each workload is held against the spec of each pool.
func (s *Service) prepare(ctx context.Context, a ask, p project.Project, org account.Organization, r Request) ([]kind, error) {
	images := map[string]job.Image{}
	for _, w := range a.row.Plan.Workloads {
		if _, has := images[w.Image]; has {
			continue
		}
		if r.Guests { // it is their own affair what they run
			images[w.Image] = job.Image{Repository: w.Image}
			continue
		}
		image, err := s.Jobs.ResolveImage(ctx, p, w.Image)
		if err != nil {
			return nil, ofWorkload(err, w.Name)
		}
		images[w.Image] = image
	}
	out := make([]kind, len(a.pools))
	for i, pool := range a.pools {
		out[i] = kind{pool: pool}
		if pool.Skipped != nil {
			continue
		}
		spec, err := s.specOf(ctx, pool, a.news[i])
		if err != nil {
			return nil, err
		}
		out[i].spec = spec
		for _, w := range a.row.Plan.Workloads {
			image := images[w.Image]
			placeholder := "" // each slot has a copy with its own
			prepared, err := s.Jobs.Prepare(ctx, job.PrepareParams{Project: p, Organization: org, Actor: r.Actor, SourceIP: r.SourceIP,
				Spec: &spec, Image: &image, SlotID: &placeholder,
				Job: api.NewJob{Image: w.Image, Cmd: w.Cmd, Env: environment(w, pool), FilePaths: w.Files, Timeout: &w.Timeout}})
			if err != nil {
				return nil, ofWorkload(err, w.Name+" on "+pool.Alias)
			}
			if r.Guests { // a plan bounds the time of our machines, not of theirs
				prepared.Row.TimeoutSeconds, prepared.Notes = w.Timeout, nil
			}
			if len(prepared.Notes) > 0 {
				return nil, fault.Invalidf("workload %q: %s", w.Name, prepared.Notes[0])
			}
			out[i].jobs = append(out[i].jobs, prepared)
		}
	}
	return out, nil
}

// environment tells a task what it is and on which kind of machine.
func environment(w api.SweepWorkload, p Pool) map[string]string {
	env := map[string]string{}
	maps.Copy(env, w.Env)
	env[api.EnvWorkload], env[api.EnvInstanceType] = w.Name, p.Type
	return env
}

// ofWorkload says which workload an error is of.
func ofWorkload(err error, name string) error {
	if fault.Is(err, fault.Internal) {
		return fmt.Errorf("workload %q: %w", name, err)
	}
	return fault.Wrap(fault.Of(err), err, "workload %q: %s", name, fault.Message(err))
}

// specOf is the spec of a pool's machines: the one of its testbed's name with the same resources, or one that is yet to be made.
func (s *Service) specOf(ctx context.Context, p Pool, in api.NewPool) (spec fleet.Spec, err error) {
	want := fleet.Spec{ID: ident.NewUUID(), Name: p.Testbed, OS: "linux", Architecture: host.Architecture(p.Arch),
		Isolation: cmp.Or(in.Isolation, string(host.Container)), CPU: p.taskCPUs(), MemoryBytes: p.MemoryBytes,
		DiskBytes: cmp.Or(in.Disk, limits.SweepDisk)}
	if err := want.Check(); err != nil {
		return spec, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		spec, err = findSpec(ctx, tx, want)
		return err
	})
	return spec, err
}

// findSpec is the spec with the resources of want, which has the name of want, or else one after its resources; else want, with the name
// that is free.
func findSpec(ctx context.Context, tx *store.Tx, want fleet.Spec) (fleet.Spec, error) {
	own := want.Name
	for _, name := range []string{own, resources(own, want)} {
		there, err := fleet.SpecByRef(ctx, tx, name)
		if fault.Is(err, fault.Missing) {
			want.Name = name
			return want, nil
		}
		if err != nil {
			return want, err
		}
		if there.Name == name && there.Archived == nil && there.OS == want.OS && there.Architecture == want.Architecture &&
			there.Isolation == want.Isolation && there.CPU == want.CPU && there.MemoryBytes == want.MemoryBytes &&
			there.DiskBytes == want.DiskBytes && there.Network == want.Network {
			return there, nil
		}
	}
	return want, fault.Conflictf("spec %q is there and is another one, or archived; an administrator can rename it", want.Name)
}

// resources is a name with a mark of the resources behind it.
func resources(name string, s fleet.Spec) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d %d %d", s.OS, s.Architecture, s.Isolation, s.CPU, s.MemoryBytes, s.DiskBytes))
	mark := " " + hex.EncodeToString(sum[:4])
	return name[:min(len(name), limits.ResourceNameBytes-len(mark))] + mark
}

// taskCPUs is how many CPUs a task of the pool gets.
func (p Pool) taskCPUs() int {
	switch n, err := strconv.Atoi(string(p.Share)); {
	case err == nil:
		return n
	case p.Share == core.PerVCPU:
		return 1
	case p.Share == core.PerCore:
		return max(1, p.VCPUs/max(1, p.Cores))
	}
	return max(1, p.VCPUs)
}

// write makes the sweep and all that it stands on, in one transaction; known: the same request made it meanwhile.
func (s *Service) write(ctx context.Context, tx *store.Tx, a ask, kinds []kind, r Request, projectID string) (w Sweep, known bool,
	err error) {
	p, err := s.Door.Open(ctx, tx, r.Actor, access.RunSweep, projectID)
	if err != nil {
		return w, false, err
	}
	if err := tx.Lock(ctx, store.Specs); err != nil {
		return w, false, err
	}
	if err := tx.Lock(ctx, store.InProject(p.ID)); err != nil {
		return w, false, err
	}
	if w, known, err = a.there(ctx, tx, p.ID); err != nil || known {
		return w, known, err
	}
	row := a.row
	row.ProjectID, row.State, row.Plan.Guests = p.ID, core.Active, r.Guests
	row.Expires = tx.Now().Add(row.TTL)
	if r.Actor.AccountID != "" {
		row.AccountID = &r.Actor.AccountID
	}
	if w, err = Insert(ctx, tx, row); err != nil {
		return w, false, err
	}
	lines, err := s.lines(ctx, tx, w)
	if err != nil {
		return w, false, err
	}
	for i, k := range kinds {
		k.pool.SweepID, k.pool.Ordinal = w.ID, i+1
		if err := s.fill(ctx, tx, w, k, lines); err != nil {
			return w, false, err
		}
	}
	return w, false, nil
}

// line is where the results of a workload belong.
type line struct {
	head    series.Head
	version series.Version
}

// lines finds or makes a branch for each workload, and on it the version of this sweep. Workloads that measure the same benchmarks in
// different ways, such as an interpreter and its compiler, are never one series.
func (s *Service) lines(ctx context.Context, tx *store.Tx, w Sweep) ([]line, error) {
	out := make([]line, len(w.Plan.Workloads))
	for i, one := range w.Plan.Workloads {
		_, head, _, err := s.Branches.EnsureHead(ctx, tx, series.Ask{ProjectID: w.ProjectID, Branch: branchOf(w.Plan.Branch, one.Name)})
		if err != nil {
			return nil, err
		}
		version, err := series.EnsureVersion(ctx, tx, w.ProjectID, head.ID, w.Plan.Hash)
		if err != nil {
			return nil, err
		}
		out[i] = line{head, version}
	}
	return out, nil
}

func branchOf(branch, workload string) string { return branch + "/" + workload }

// fill makes a pool with its spec, testbed, slots and tasks.
func (s *Service) fill(ctx context.Context, tx *store.Tx, w Sweep, k kind, lines []line) error {
	if k.pool.Skipped != nil {
		_, err := InsertPool(ctx, tx, k.pool)
		return err
	}
	spec, err := ensureSpec(ctx, tx, k.spec)
	if err != nil {
		return err
	}
	k.pool.SpecID = &spec.ID
	testbed, err := series.EnsureTestbed(ctx, tx, w.ProjectID, k.pool.Testbed)
	if err != nil {
		return err
	}
	if testbed.SpecID == nil || !w.Plan.Guests && *testbed.SpecID != spec.ID {
		if err := series.SetTestbedSpec(ctx, tx, testbed.ID, &spec.ID); err != nil {
			return err
		}
	}
	if k.pool, err = InsertPool(ctx, tx, k.pool); err != nil {
		return err
	}
	seed, err := strconv.ParseUint(w.Plan.Seed, 10, 64)
	if err != nil {
		return fmt.Errorf("read seed of sweep %s: %w", w.ID, err)
	}
	for ordinal := 1; ordinal <= k.pool.Hosts; ordinal++ {
		slot, err := InsertSlot(ctx, tx, Slot{SweepID: w.ID, Slot: ledger.Slot{Pool: k.pool.ID, Ordinal: ordinal}})
		if err != nil {
			return err
		}
		for _, t := range core.TasksOfSlot(len(k.jobs), w.Plan.Repeats, seed, k.pool.Alias, ordinal) {
			if err := s.queue(ctx, tx, queued{sweep: w, pool: k.pool, slot: slot, spec: spec, testbed: testbed, task: t,
				line: lines[t.Workload],
				job:  k.jobs[t.Workload]}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ensureSpec makes a spec that is yet to be made. The caller holds store.Specs.
func ensureSpec(ctx context.Context, tx *store.Tx, want fleet.Spec) (fleet.Spec, error) {
	there, err := findSpec(ctx, tx, want)
	if err != nil || there.ID != want.ID || !there.Created.IsZero() {
		return there, err
	}
	return fleet.InsertSpec(ctx, tx, there)
}

// queued is a task that is to be queued.
type queued struct {
	sweep   Sweep
	pool    Pool
	slot    Slot
	spec    fleet.Spec
	testbed series.Testbed
	task    core.Task
	line    line
	job     *job.Prepared
}

// queue makes a task: a job of the slot, and the report that waits for it.
func (s *Service) queue(ctx context.Context, tx *store.Tx, q queued) error {
	workload := q.sweep.Plan.Workloads[q.task.Workload]
	rep, err := report.Insert(ctx, tx, report.Report{ID: ident.NewUUID(), ProjectID: q.sweep.ProjectID, AccountID: q.sweep.AccountID,
		HeadID: q.line.head.ID, VersionID: q.line.version.ID, TestbedID: q.testbed.ID, SpecID: &q.spec.ID,
		Adapter: workload.Adapter, Settings: api.ReportSettings{Adapter: workload.Adapter}, Status: api.ReportPending,
		Context: map[string]string{"sweep": q.sweep.ExternalID, "sweep.pool": q.pool.Alias, "sweep.slot": strconv.Itoa(q.slot.Ordinal),
			"sweep.workload": workload.Name, "sweep.repeat": strconv.Itoa(q.task.Repeat)},
		StartTime: tx.Now(), EndTime: tx.Now()})
	if err != nil {
		return err
	}
	prepared := *q.job
	prepared.Row.SpecID, prepared.Row.SlotID = q.spec.ID, &q.slot.ID
	jobs, err := s.Jobs.Insert(ctx, tx, &prepared, rep.ID, "")
	if err != nil {
		return err
	}
	return InsertTask(ctx, tx, Task{JobID: jobs[0], ReportID: rep.ID, SweepID: q.sweep.ID, PoolID: q.pool.ID, SlotID: q.slot.ID,
		Workload: workload.Name, Repeat: q.task.Repeat, Place: q.task.Place})
}
