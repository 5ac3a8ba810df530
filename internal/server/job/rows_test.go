package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// yard is a store with one project, in which jobs wait for runners.
type yard struct {
	t       testing.TB
	store   *store.Store
	clock   *storetest.Clock
	org     account.Organization
	project project.Project
	testbed series.Testbed
	branch  series.Branch
	version series.Version
}

func newYard(t testing.TB) *yard {
	t.Helper()
	return fillYard(t, storetest.Open)
}

func fillYard(t testing.TB, open func(testing.TB) (*store.Store, *storetest.Clock)) *yard {
	t.Helper()
	y := &yard{t: t}
	y.store, y.clock = open(t)
	y.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		if y.org, err = account.InsertOrganization(ctx, tx, "Acme", "team"); err != nil {
			return err
		}
		if y.project, err = project.Insert(ctx, tx, project.Project{OrganizationID: y.org.ID, Name: "shop", Visibility: "public"}); err != nil {
			return err
		}
		if y.testbed, err = series.EnsureTestbed(ctx, tx, y.project.ID, "lab"); err != nil {
			return err
		}
		var head series.Head
		if y.branch, head, err = series.InsertBranch(ctx, tx, y.project.ID, "main", ""); err != nil {
			return err
		}
		y.version, err = series.EnsureVersion(ctx, tx, y.project.ID, head.ID, "")
		return err
	})
	return y
}

func (y *yard) tx(f func(context.Context, *store.Tx) error) {
	y.t.Helper()
	if err := y.store.Tx(y.t.Context(), func(tx *store.Tx) error { return f(y.t.Context(), tx) }); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) spec(name string) (s fleet.Spec) {
	y.t.Helper()
	y.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		s, err = fleet.InsertSpec(ctx, tx, fleet.Spec{Name: name, OS: "linux", Architecture: "x86_64", Isolation: "container", CPU: 1,
			MemoryBytes: 1, DiskBytes: 1})
		return err
	})
	return s
}

func (y *yard) runner(name string, specs ...fleet.Spec) (r fleet.Runner) {
	y.t.Helper()
	y.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		if r, err = fleet.InsertRunner(ctx, tx, name, "", "hash of "+name); err != nil {
			return err
		}
		for _, s := range specs {
			if err := fleet.AddRunnerSpec(ctx, tx, r.ID, s.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return r
}

// jobs puts n jobs of a spec into the queue, in one transaction.
func (y *yard) jobs(n int, spec fleet.Spec, change func(int, *job.Job)) (ids []string) {
	y.t.Helper()
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		ids = nil
		for i := range n {
			report, err := report.Insert(ctx, tx, report.Report{ID: ident.NewUUID(), ProjectID: y.project.ID, HeadID: y.branch.HeadID,
				VersionID: y.version.ID, TestbedID: y.testbed.ID,
				Adapter: "json", Status: api.ReportPending, StartTime: tx.Now(), EndTime: tx.Now()})
			if err != nil {
				return err
			}
			m, err := job.InsertMeasurement(ctx, tx, y.project.ID)
			if err != nil {
				return err
			}
			j := job.Job{MeasurementID: m.ID, Parts: 1, Side: "head", ReportID: report.ID, ProjectID: y.project.ID,
				OrganizationID: y.org.ID, SourceIP: "192.0.2.1", SpecID: spec.ID,
				Image: "app:v1", Digest: "sha256:0",
				Config: `{}`, TimeoutSeconds: 60, Iterations: 1, Priority: 200}
			if change != nil {
				change(i, &j)
			}
			if j, err = job.Insert(ctx, tx, j); err != nil {
				return err
			}
			ids = append(ids, j.ID)
		}
		return nil
	})
	return ids
}

// take claims the next job as the queue does: look and take in one transaction.
func (y *yard) take(runner fleet.Runner, limits job.TierLimits) (j job.Job, ok bool, err error) {
	err = y.store.Tx(y.t.Context(), func(tx *store.Tx) error {
		if j, ok, err = job.Take(y.t.Context(), tx, runner.ID, nil, limits); err != nil || !ok {
			return err
		}
		now := tx.Now()
		lease := now.Add(30 * time.Second)
		j.State, j.RunnerID, j.Claimed, j.LeaseExpires = "claimed", &runner.ID, &now, &lease
		j.Epoch++
		return job.Save(y.t.Context(), tx, j)
	})
	if job.TookSlot(err) {
		return y.take(runner, limits)
	}
	return j, ok, err
}

func TestEightClaimersTakeFiveHundredJobsOnceEach(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	const jobs, claimers = 500, 8
	odd, even := y.spec("odd"), y.spec("even")
	y.jobs(jobs/2, odd, nil)
	y.jobs(jobs/2, even, nil)
	var runners []fleet.Runner
	for i := range claimers {
		runners = append(runners, y.runner(fmt.Sprint("box ", i), [][]fleet.Spec{{odd}, {even}, {odd, even}}[i%3]...))
	}
	var mu sync.Mutex
	taken := map[string]int{}
	var done sync.WaitGroup
	for _, r := range runners {
		done.Go(func() {
			for {
				j, ok, err := y.take(r, job.TierLimits{})
				if err != nil {
					t.Error(err)
				}
				if !ok {
					return
				}
				mu.Lock()
				taken[j.ID]++
				mu.Unlock()
			}
		})
	}
	done.Wait()
	for id, n := range taken {
		if n != 1 {
			t.Errorf("job %s was taken %d times", id, n)
		}
	}
	if len(taken) != jobs {
		t.Errorf("%d of %d jobs were taken", len(taken), jobs)
	}
}

// TestClaimersNeverPassATiersLimit lets them race for the slots of ten addresses.
func TestClaimersNeverPassATiersLimit(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	spec := y.spec("metal")
	y.jobs(100, spec, func(i int, j *job.Job) { j.Priority, j.SourceIP = 0, fmt.Sprint("192.0.2.", i%10) })
	limits := job.TierLimits{FreeFrom: 100, TeamFrom: 200, EnterpriseFrom: 300, PerIP: 2}
	var done sync.WaitGroup
	for i := range 8 {
		r := y.runner(fmt.Sprint("box ", i), spec)
		done.Go(func() {
			for {
				if _, ok, err := y.take(r, limits); err != nil || !ok {
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	done.Wait()
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		for i := range 10 {
			var n int
			if err := tx.QueryRow(ctx, `select count(*) from job where state = 'claimed' and source_ip = $1`,
				fmt.Sprint("192.0.2.", i)).Scan(&n); err != nil {
				return err
			}
			if n != 2 {
				t.Errorf("address %d has %d jobs in flight, want 2", i, n)
			}
		}
		return nil
	})
}

func TestNextJobLeavesOutSpecsThatDoNotFit(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.spec("a"), y.spec("b")
	r := y.runner("box", a, b)
	first, second := y.jobs(1, a, nil), y.jobs(1, b, nil)
	for name, row := range map[string]struct {
		unfit []string
		want  string
	}{"none": {nil, first[0]}, "one": {[]string{a.ID}, second[0]}, "all": {[]string{a.ID, b.ID}, ""}} {
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			j, ok, err := job.Next(ctx, tx, r.ID, row.unfit, job.TierLimits{PerIP: 1, PerFree: 1, PerTeam: 1})
			if j.ID != row.want || ok != (row.want != "") {
				t.Errorf("%s: %q, %t; want %q", name, j.ID, ok, row.want)
			}
			return err
		})
	}
}

func TestNextJobLeavesOutDeletedProjects(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	spec := y.spec("metal")
	r := y.runner("box", spec)
	ids := y.jobs(1, spec, nil)
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		j, err := job.ByID(ctx, tx, ids[0])
		if err != nil {
			return err
		}
		return project.Delete(ctx, tx, j.ProjectID)
	})
	if id, ok, err := y.take(r, job.TierLimits{}); err != nil || ok {
		t.Errorf("a runner gets job %v of a project that is gone, %v", id, err)
	}
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		gone, err := job.ByID(ctx, tx, ids[0])
		if err != nil {
			return err
		}
		gone.Queued = gone.Queued.Add(time.Hour) // one that comes later
		position, err := job.QueuePosition(ctx, tx, gone)
		if position != 1 {
			t.Errorf("position %d behind a job of a project that is gone", position)
		}
		if err != nil {
			return err
		}
		for name, pending := range map[string]func() ([]job.Pending, error){
			"all": func() ([]job.Pending, error) { return job.AllPending(ctx, tx) },
			"the organization's": func() ([]job.Pending, error) {
				return job.PendingOf(ctx, tx, gone.OrganizationID, gone.SourceIP)
			},
		} {
			specs, err := pending()
			if err != nil {
				return err
			}
			if len(specs) > 0 {
				t.Errorf("%s specs %v wait for a project that is gone", name, specs)
			}
		}
		return nil
	})
}

func TestLeasesAreRenewedOnlyInFlight(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	spec := y.spec("metal")
	r := y.runner("box", spec)
	ids := y.jobs(3, spec, nil)
	for range 2 {
		if _, ok, err := y.take(r, job.TierLimits{}); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	lease := func(id string) (at *time.Time) {
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			j, err := job.ByID(ctx, tx, id)
			at = j.LeaseExpires
			return err
		})
		return at
	}
	first := *lease(ids[0])
	later := first.Add(time.Minute)
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		return job.RenewLeases(ctx, tx, []string{ids[0], ids[2], "unknown"}, later)
	})
	if !lease(ids[0]).Equal(later) || !lease(ids[1]).Equal(first) || lease(ids[2]) != nil {
		t.Errorf("leases %v, %v, %v", lease(ids[0]), lease(ids[1]), lease(ids[2]))
	}
	y.tx(func(ctx context.Context, tx *store.Tx) error { return job.GrantLeases(ctx, tx, first.Add(time.Second)) })
	if !lease(ids[0]).Equal(later) || !lease(ids[1]).Equal(first.Add(time.Second)) || lease(ids[2]) != nil {
		t.Errorf("granted: %v, %v, %v", lease(ids[0]), lease(ids[1]), lease(ids[2]))
	}
	y.clock.Advance(later.Sub(y.clock.Now()))
	overdue := func() (out []string) {
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			rows, err := job.Overdue(ctx, tx, 10)
			out = nil
			for _, j := range rows {
				out = append(out, j.ID)
			}
			return err
		})
		return out
	}
	if diff := cmp.Diff([]string{ids[1]}, overdue()); diff != "" {
		t.Errorf("overdue (-want +got):\n%s", diff)
	}
	y.clock.Advance(time.Microsecond)
	if diff := cmp.Diff([]string{ids[1], ids[0]}, overdue()); diff != "" {
		t.Errorf("overdue (-want +got):\n%s", diff)
	}
}

func TestJobOutputsAndLogsOfAClaim(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.jobs(1, y.spec("metal"), nil)[0]
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		out := job.Output{Epoch: 1, Kind: "stdout", Digest: "sha256:1", SizeBytes: 5}
		file := job.Output{Epoch: 1, Kind: "file", Path: "/a", Digest: "sha256:2", SizeBytes: 7, Truncated: true}
		for _, o := range []job.Output{out, file, {Epoch: 2, Kind: "stdout", Digest: "sha256:3", SizeBytes: 100}} {
			if err := job.PutJobOutput(ctx, tx, id, o); err != nil {
				return err
			}
		}
		out.Digest, out.SizeBytes = "sha256:4", 6
		if err := job.PutJobOutput(ctx, tx, id, out); err != nil {
			return err
		}
		got, err := job.JobOutputs(ctx, tx, id, 1)
		if diff := cmp.Diff([]job.Output{file, out}, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if n, err := job.JobOutputsSize(ctx, tx, id, out); n != 7 || err != nil {
			t.Errorf("the others have %d bytes, %v", n, err)
		}
		for _, l := range []job.Log{{Epoch: 1, Seq: 2, Stream: "stdout", Body: "é"}, {Epoch: 1, Seq: 1, Stream: "stderr", Body: "a"},
			{Epoch: 1, Seq: 2, Body: "again"}, {Epoch: 2, Seq: 9, Body: "b"}} {
			if err := job.InsertJobLog(ctx, tx, id, l); err != nil {
				return err
			}
		}
		logs, err := job.JobLogs(ctx, tx, id, 1, 0, 10)
		if diff := cmp.Diff([]job.Log{{Epoch: 1, Seq: 1, Stream: "stderr", Body: "a"}, {Epoch: 1, Seq: 2, Stream: "stdout", Body: "é"}},
			logs); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if n, err := job.JobLogSize(ctx, tx, id, 1); n != 3 || err != nil {
			t.Errorf("%d bytes of live output, want 3; %v", n, err)
		}
		return nil
	})
}

func TestOneSpecIsTheFallback(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.spec("a"), y.spec("b")
	fallback := func() string {
		var name string
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			s, err := fleet.FallbackSpec(ctx, tx)
			if fault.Is(err, fault.Missing) {
				return nil
			}
			name = s.Name
			return err
		})
		return name
	}
	set := func(s fleet.Spec, on, archived bool) {
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			now := tx.Now()
			if on {
				s.Fallback = &now
			}
			if archived {
				s.Archived = &now
			}
			return fleet.UpdateSpec(ctx, tx, s)
		})
	}
	for _, step := range []struct {
		spec         fleet.Spec
		on, archived bool
		want         string
	}{{a, true, false, "a"}, {b, true, false, "b"}, {a, false, false, "b"}, {a, true, false, "a"}, {a, true, true, ""}} {
		if set(step.spec, step.on, step.archived); fallback() != step.want {
			t.Errorf("after %s (fallback %t, archived %t): %q, want %q", step.spec.Name, step.on, step.archived, fallback(), step.want)
		}
	}
}

func TestASpecInUseIsNotDeletedAndAnArchivedOneLeavesItsTestbeds(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	ran, offered, bound := y.spec("ran"), y.spec("offered"), y.spec("bound")
	y.jobs(1, ran, nil)
	y.runner("box", offered)
	ctx := t.Context()
	for _, s := range []fleet.Spec{ran, offered} {
		if err := y.store.Tx(ctx, func(tx *store.Tx) error { return fleet.DeleteSpec(ctx, tx, s) }); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v, want a conflict", s.Name, err)
		}
	}
	bind := func() (specID *string) {
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			testbed, err := series.TestbedByRef(ctx, tx, y.project.ID, "lab")
			specID = testbed.SpecID
			return err
		})
		return specID
	}
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		return series.SetTestbedSpec(ctx, tx, y.testbed.ID, &bound.ID)
	})
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		now := tx.Now()
		bound.Archived = &now
		return fleet.UpdateSpec(ctx, tx, bound)
	})
	if bind() != nil {
		t.Error("an archived spec is still the testbed's")
	}
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		return series.SetTestbedSpec(ctx, tx, y.testbed.ID, &bound.ID)
	})
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		return fleet.DeleteSpec(ctx, tx, bound)
	})
	if bind() != nil {
		t.Error("a deleted spec is still the testbed's")
	}
	if err := y.store.Tx(ctx, func(tx *store.Tx) error { return fleet.DeleteSpec(ctx, tx, bound) }); !fault.Is(err, fault.Missing) {
		t.Errorf("a second time: %v", err)
	}
}

func TestNamesAndKeysOfRunnersAreTheirOwn(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	r := y.runner("box")
	ctx := t.Context()
	if err := y.store.Tx(ctx, func(tx *store.Tx) error {
		_, err := fleet.InsertRunner(ctx, tx, "box", "",
			"other")
		return err
	}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second box: %v", err)
	}
	find := func(hash string) (found bool) {
		err := y.store.View(ctx, func(tx *store.Tx) error { _, err := fleet.RunnerByKeyHash(ctx, tx, hash); return err })
		if err != nil && !fault.Is(err, fault.Missing) {
			t.Fatal(err)
		}
		return err == nil
	}
	if !find("hash of box") || find("") {
		t.Error("the key does not open")
	}
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		now := tx.Now()
		r.Archived = &now
		return fleet.UpdateRunner(ctx, tx, r)
	})
	if find("hash of box") {
		t.Error("an archived runner's key opens")
	}
	y.tx(func(ctx context.Context, tx *store.Tx) error { return fleet.TouchRunner(ctx, tx, r.ID, y.clock.Now()) })
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		return fleet.TouchRunner(ctx, tx, r.ID, y.clock.Now().Add(-time.Hour))
	})
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		now, err := fleet.RunnerByRef(ctx, tx, r.ID)
		if now.LastHeartbeat == nil || !now.LastHeartbeat.Equal(y.clock.Now()) {
			t.Errorf("a heartbeat went back to %v", now.LastHeartbeat)
		}
		return err
	})
}

// BenchmarkNextJob looks for work in a long queue of which one tier is blocked.
func BenchmarkNextJob(b *testing.B) {
	y := newYard(b)
	spec := y.spec("metal")
	r := y.runner("box", spec)
	y.jobs(2_000, spec, func(i int, j *job.Job) { j.Priority = 0 })
	limits := job.TierLimits{FreeFrom: 100, TeamFrom: 200, EnterpriseFrom: 300, PerIP: 1}
	if _, ok, err := y.take(r, limits); err != nil || !ok {
		b.Fatal(ok, err)
	}
	for b.Loop() {
		err := y.store.View(b.Context(), func(tx *store.Tx) error {
			_, ok, err := job.Next(b.Context(), tx, r.ID, nil, limits)
			if ok {
				b.Fatal("a blocked job")
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func TestJobsAreKeptFromRunnersThatCouldNotRunThem(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	spec, other := y.spec("metal"), y.spec("other")
	a, b := y.runner("a", spec), y.runner("b", spec)
	id := y.jobs(1, spec, nil)[0]
	y.jobs(1, other, nil)
	next := func(r fleet.Runner, want bool) {
		t.Helper()
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			_, ok, err := job.Next(ctx, tx, r.ID, nil, job.TierLimits{})
			if ok != want {
				t.Errorf("%s gets it: %t, want %t", r.Slug, ok, want)
			}
			return err
		})
	}
	pending := func(want ...job.Pending) {
		t.Helper()
		slices.SortFunc(want, func(a, b job.Pending) int { return strings.Compare(a.SpecID, b.SpecID) })
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			all, err := job.AllPending(ctx, tx)
			if err != nil {
				return err
			}
			own, err := job.PendingOf(ctx, tx, y.org.ID, "")
			if diff := cmp.Diff([][]job.Pending{want, want}, [][]job.Pending{all, own}); diff != "" {
				t.Errorf("pending specs (-want +got):\n%s", diff)
			}
			return err
		})
	}
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		for range 2 { // again is the same
			if err := job.AvoidRunner(ctx, tx, id, job.AvoidedRunner{RunnerID: a.ID, Reason: "sandbox", Said: "no loop device"}); err != nil {
				return err
			}
		}
		return nil
	})
	next(a, false)
	next(b, true)
	pending(job.Pending{Stand: job.Stand{SpecID: spec.ID}, Chosen: true, Jobs: 1}, job.Pending{Stand: job.Stand{SpecID: other.ID}, Jobs: 1})
	drained := y.clock.Now()
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		b.Failures, b.Drained = 2, &drained
		if err := fleet.SetRunnerHealth(ctx, tx, b); err != nil {
			return err
		}
		return fleet.UpdateRunner(ctx, tx, b) // a new name or key changes nothing of it
	})
	next(b, false)
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		j, err := job.ByID(ctx, tx, id)
		if err != nil {
			return err
		}
		got, err := job.Candidates(ctx, tx, j)
		if diff := cmp.Diff([]job.Candidate{{Slug: "a", Avoided: true}, {Slug: "b", Drained: true}}, got); diff != "" {
			t.Errorf("candidates (-want +got):\n%s", diff)
		}
		return err
	})
	until := y.clock.Now().Add(time.Minute)
	over := func(want int) {
		t.Helper()
		y.tx(func(ctx context.Context, tx *store.Tx) error {
			rows, err := job.PausesOver(ctx, tx, 10)
			if len(rows) != want {
				t.Errorf("%d pauses are over, want %d", len(rows), want)
			}
			return err
		})
	}
	y.tx(func(ctx context.Context, tx *store.Tx) error {
		j, err := job.ByID(ctx, tx, id)
		if err != nil {
			return err
		}
		j.NotBefore = &until
		return errors.Join(job.Save(ctx, tx, j), job.AllowJobs(ctx, tx, a.ID))
	})
	pending(job.Pending{Stand: job.Stand{SpecID: other.ID}, Jobs: 1})
	next(a, false)
	over(0)
	y.clock.Advance(time.Minute)
	over(1)
	next(a, false) // until it is ended
	y.tx(func(ctx context.Context, tx *store.Tx) error { return job.EndPause(ctx, tx, id) })
	next(a, true)
	over(0)
	pending(job.Pending{Stand: job.Stand{SpecID: spec.ID}, Jobs: 1}, job.Pending{Stand: job.Stand{SpecID: other.ID}, Jobs: 1})
}

func TestHotQueriesReadByIndex(t *testing.T) {
	t.Parallel()
	storetest.ReadsByIndex(t, map[string]string{
		"next job":       job.NextQuery,
		"queue position": job.QueuePositionQuery,
	})
}
