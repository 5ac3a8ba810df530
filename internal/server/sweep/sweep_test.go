package sweep_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/sweep"
)

func TestASweepIsMadeWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := ask("1764360000", free("small", 2), free("large", 1), free("none", 1))
	in.Pools[2].Skipped = &api.SweepSkip{Reason: "unpriced", Sentence: "no price"}
	in.Config = json.RawMessage(`{"hosts": 2, "id": 173500000012345679}`)
	got := f.mustCreate(in)
	want := api.Sweep{UUID: got.UUID, Project: f.project.ID, ID: "1764360000", Name: "1764360000", State: "active", Clean: true, Repeats: 1,
		Branch: "sweep", Workloads: []string{"interp", "yjit"}, Budget: 10_000_000, TTL: 3600, Expires: f.clock.now().Add(time.Hour),
		Tasks: api.SweepCounts{Total: 6, Pending: 6}, Slots: api.SweepSlotCounts{Waiting: 3}, Account: &f.member.AccountID,
		Created: f.clock.now(), Modified: f.clock.now()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the sweep (-want +got):\n%s", diff)
	}
	pools, err := f.sweeps.Pools(t.Context(), f.member, "shop", got.UUID)
	if err != nil || len(pools) != 3 || pools[0].Testbed != "local/small" || *pools[0].Spec != "local-small" || len(pools[0].Slots) != 2 ||
		pools[2].Skipped.Sentence != "no price" || len(pools[2].Slots) != 0 || pools[2].Spec != nil {
		t.Errorf("pools: %+v, %v", pools, err)
	}
	for query, n := range map[string]int{
		`select count(*) from job where slot_id is not null and state = 'pending'`:            6,
		`select count(*) from report where status = 'pending'`:                                6,
		`select count(*) from spec where name in ('local/small', 'local/large')`:              2,
		`select count(*) from testbed where name in ('local/small', 'local/large')`:           2,
		`select count(*) from spec where name = 'local/none'`:                                 0,
		`select count(distinct version_id) from report`:                                       2, // one for each workload
		`select count(*) from branch where name in ('sweep/interp', 'sweep/yjit')`:            2,
		`select count(*) from sweep where config = '{"hosts":2,"id":173500000012345679}'`:     1,
		`select count(*) from task t join job j on j.id = t.job_id and j.slot_id = t.slot_id`: 6,
	} {
		if got := f.count(query); got != n {
			t.Errorf("%s: %d, want %d", query, got, n)
		}
	}
	second := ask("second", free("small", 1)) // of the same type: the same spec and testbed
	f.mustCreate(second)
	if specs, beds := f.count(`select count(*) from spec`), f.count(`select count(*) from testbed`); specs != 2 || beds != 2 {
		t.Errorf("after another sweep there are %d specs and %d testbeds, want 2 and 2", specs, beds)
	}
	third := ask("third", free("small", 1))
	third.Pools[0].VCPUs = 4 // a machine that is another one has a spec of its own
	f.mustCreate(third)
	if specs, beds := f.count(`select count(*) from spec`), f.count(`select count(*) from testbed`); specs != 3 || beds != 2 {
		t.Errorf("after one of other machines there are %d specs and %d testbeds, want 3 and 2", specs, beds)
	}
}

func TestTheSameRequestIsTheSameSweep(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.mustCreate(ask("nightly", free("small", 1)))
	again, created, err := f.create(ask("nightly", free("small", 1)))
	if err != nil || created || again.UUID != first.UUID {
		t.Errorf("again: %s, created %v, %v", again.UUID, created, err)
	}
	if _, _, err := f.create(ask("nightly", free("small", 2))); !fault.Is(err, fault.Conflict) {
		t.Errorf("another request: %v", err)
	}
	if n := f.count(`select count(*) from job`); n != 2 {
		t.Errorf("%d jobs, want 2", n)
	}
	if _, err := f.sweeps.Update(t.Context(), f.member, "shop", "nightly", api.UpdateSweep{Do: "stop_now"}); err != nil {
		t.Fatal(err)
	}
	if again, created, err = f.create(ask("nightly", free("small", 1))); err != nil || created || again.State != "closing" {
		t.Errorf("after it was stopped: %+v, created %v, %v", again, created, err)
	}
}

func TestTwoOfOneIdAtOnceAreOneSweep(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		f := fixtureOn(t, store.Config{}, func(cfg store.Config) (*store.Store, error) { return race.Open(t.Context(), cfg) })
		var made [2]bool
		create := func(i int) func(context.Context) error {
			return func(ctx context.Context) (err error) {
				_, made[i], err = f.sweeps.Create(ctx, "shop", sweep.Request{Actor: f.member, New: ask("nightly", free("small", 1))})
				return err
			}
		}
		of1, of2 := race.Run(1, create(0), create(1))
		if of1 != nil || of2 != nil || !made[0] || made[1] || f.count(`select count(*) from job`) != 2 {
			t.Errorf("made %v, %v and %v", made, of1, of2)
		}
	})
}

// TestBadSweepsAreRefusedWithAReason, and nothing is left of them.
func TestBadSweepsAreRefusedWithAReason(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range map[string]struct {
		change func(*api.NewSweep)
		says   string
	}{
		"hosts 0":        {func(s *api.NewSweep) { s.Pools[0].Hosts = 0 }, "0 hosts, want 1 to"},
		"hosts 10,000":   {func(s *api.NewSweep) { s.Pools[0].Hosts = 10_000 }, "10000 hosts, want 1 to"},
		"too many tasks": {func(s *api.NewSweep) { s.Pools[0].Hosts, s.Repeats = 1000, 100 }, "split the sweep"},
		"repeats 0":      {func(s *api.NewSweep) { s.Repeats = 0 }, "repeats: 0"},
		"no price":       {func(s *api.NewSweep) { s.Pools[0].Price = api.SweepPrice{} }, "its price is not known"},
		"budget 0":       {func(s *api.NewSweep) { s.Budget, s.Pools[0] = 0, paid("c8g", 1) }, "budget: missing"},
		"budget below 0": {func(s *api.NewSweep) { s.Budget = -1 }, "budget: want 0 or more"},
		"ttl under a workload": {func(s *api.NewSweep) { s.TTL, s.Workloads[0].Timeout = 120, 600 },
			"shorter than the timeout of workload"},
		"ttl of a month":        {func(s *api.NewSweep) { s.TTL = 30 * 86_400 }, "ttl: want"},
		"a missing image":       {func(s *api.NewSweep) { s.Workloads[1].Image = "missing" }, `workload "yjit": image "missing"`},
		"no such architecture":  {func(s *api.NewSweep) { s.Pools[0].Arch = "mips" }, "want amd64 or arm64"},
		"two of one alias":      {func(s *api.NewSweep) { s.Pools = append(s.Pools, s.Pools[0]) }, "two of this alias"},
		"two of one workload":   {func(s *api.NewSweep) { s.Workloads[1].Name = "interp" }, "two of this name"},
		"no workload":           {func(s *api.NewSweep) { s.Workloads = nil }, "workloads: missing"},
		"a workload's name":     {func(s *api.NewSweep) { s.Workloads[0].Name = "a b" }, "git would not accept"},
		"an unknown adapter":    {func(s *api.NewSweep) { s.Workloads[0].Adapter = "nothing" }, "adapter"},
		"an id with a slash":    {func(s *api.NewSweep) { s.ID = "../x" }, "want an id of"},
		"no id":                 {func(s *api.NewSweep) { s.ID = "" }, "sweep"},
		"share over the CPUs":   {func(s *api.NewSweep) { s.Pools[0].Share = "8" }, "share"},
		"no sandbox":            {func(s *api.NewSweep) { s.Pools[0].Isolation = "none" }, "want container, gvisor or microvm"},
		"no memory":             {func(s *api.NewSweep) { s.Pools[0].Memory = 1 }, "1 bytes of memory"},
		"CPUs without end":      {func(s *api.NewSweep) { s.Pools[0].VCPUs = 1 << 35 }, "CPUs, the limit is 4096"},
		"a market":              {func(s *api.NewSweep) { s.Pools[0].Market = "futures" }, "want on_demand or spot"},
		"all pools are skipped": {func(s *api.NewSweep) { s.Pools[0].Skipped = &api.SweepSkip{Reason: "quota"} }, "none takes part"},
		"a config of two":       {func(s *api.NewSweep) { s.Config = json.RawMessage(`{} {}`) }, "config"},
		"a large config": {func(s *api.NewSweep) { s.Config = json.RawMessage(`"` + strings.Repeat("x", 300_000) + `"`) },
			"config: 300002 bytes"},
		"a timeout over the plan": {func(s *api.NewSweep) { s.TTL, s.Workloads[0].Timeout = 86_400, 86_400 }, "was shortened"},
	} {
		in := ask("bad", free("small", 1))
		c.change(&in)
		if _, _, err := f.create(in); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) ||
			!strings.Contains(fault.Message(err), c.says) {
			t.Errorf("%s: %v, want a refusal that says %q", name, err, c.says)
		}
	}
	for _, table := range []string{"sweep", "pool", "slot", "task", "job", "report", "spec", "testbed", "branch"} {
		if n := f.count(`select count(*) from ` + table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}

// TestASweepKeepsNoEnvironment: jobs have it until they end, and nothing else does.
func TestASweepKeepsNoEnvironment(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := ask("secret", free("small", 1))
	in.Workloads[0].Env = map[string]string{"TOKEN": "hunter2"}
	in.Config = json.RawMessage(`{"workloads": [{"name": "interp", "env": {"TOKEN": "hunter2"}, "timeout": 123456789012345678}]}`)
	f.mustCreate(in)
	if n := f.count(`select count(*) from sweep where plan like '%hunter2%' or config like '%hunter2%'`); n != 0 {
		t.Error("the sweep's row has the environment")
	}
	if n := f.count(`select count(*) from sweep where config like '%123456789012345678%'`); n != 1 {
		t.Error("the rest of the configuration is not as it was")
	}
	if _, created, err := f.create(in); created || err != nil {
		t.Errorf("the same request again: created %v, %v", created, err)
	}
}

// TestATaskIsNotRetriedByHand: its machine goes when its slot is done, so that it would wait for ever.
func TestATaskIsNotRetriedByHand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(ask("night", free("small", 1)))
	var id string
	if err := f.store.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `select job_id from task limit 1`).Scan(&id)
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.queue.Control(t.Context(), f.member, "shop", id, api.JobPending); !fault.Is(err, fault.Conflict) ||
		!strings.Contains(fault.Message(err), "a task of a sweep") {
		t.Errorf("%v", err)
	}
}

func TestOnlyMembersRunSweeps(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(ask("nightly", free("small", 1)))
	for name, c := range map[string]struct {
		actor access.Actor
		want  fault.Kind
	}{
		"nobody":    {access.Actor{Kind: access.Anonymous}, fault.Unauthorized},
		"a run key": {access.Actor{Kind: access.RunKey, ProjectID: f.project.ID}, fault.Forbidden},
		"another": {access.Actor{Kind: access.User, AccountID: "eve", Organizations: map[string]string{"other": "leader"}},
			fault.Forbidden},
		"a machine": {access.Actor{Kind: access.Runner, RunnerID: "r"}, fault.Forbidden},
	} {
		ctx, book := t.Context(), f.sweeps.Book(c.actor, "shop")
		_, _, create := f.sweeps.Create(ctx, "shop", sweep.Request{Actor: c.actor, New: ask("other", free("small", 1))})
		_, update := f.sweeps.Update(ctx, c.actor, "shop", "nightly", api.UpdateSweep{Do: "stop"})
		_, take := book.Take(ctx, "nightly", "laptop")
		for what, err := range map[string]error{"create": create, "update": update, "take": take} {
			if !fault.Is(err, c.want) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if got, err := f.sweeps.Get(ctx, c.actor, "shop", "nightly"); err != nil || got.ID != "nightly" {
			t.Errorf("%s sees the sweep of a public project: %v", name, err)
		}
		if _, err := book.Read(ctx, "nightly"); err != nil {
			t.Errorf("%s reads the ledger of a public project: %v", name, err)
		}
	}
	if _, err := f.sweeps.Get(t.Context(), f.member, "shop", "none"); !fault.Is(err, fault.Missing) {
		t.Errorf("a sweep that there is not: %v", err)
	}
}

func TestAProjectIsNotDeletedWhileItsMachinesMayRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(ask("nightly", paid("c8g", 1)))
	deletable := func() error {
		return f.store.Tx(t.Context(), func(tx *store.Tx) error { return f.sweeps.Deletable(t.Context(), tx, f.project) })
	}
	if err := deletable(); err != nil {
		t.Errorf("without machines: %v", err)
	}
	epoch := f.taken("nightly")
	f.up("nightly", epoch, "m1", f.slots("nightly")[0])
	if err := deletable(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "tacho sweep stop nightly --now") {
		t.Errorf("with a machine: %v", err)
	}
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Delete, Reason: core.BecauseStopped})
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Vanish})
	if err := deletable(); err != nil {
		t.Errorf("when it is gone: %v", err)
	}
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `update project set deleted = 1 where id = $1`, f.project.ID)
		return err
	})
	for more := true; more; {
		f.tx(func(tx *store.Tx) (err error) {
			more, err = tx.PurgeDeleted(t.Context(), f.clock.now(), 100)
			return err
		})
	}
	for _, table := range []string{"sweep", "pool", "slot", "machine", "machine_event", "task", "job"} {
		if n := f.count(`select count(*) from ` + table); n != 0 {
			t.Errorf("%d rows of the deleted project are left in %s", n, table)
		}
	}
}

var _ sweep.Jobs = (*job.Service)(nil)
