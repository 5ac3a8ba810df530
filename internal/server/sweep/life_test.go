package sweep_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
)

func (f *fixture) update(id string, in api.UpdateSweep) api.Sweep {
	f.t.Helper()
	out, err := f.sweeps.Update(f.t.Context(), f.member, "shop", id, in)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// fails lets a runner run a job that fails.
func (f *fixture) fails(runner string) *api.ClaimedJob {
	f.t.Helper()
	got, done, err := f.claim(f.t.Context(), runner)
	if err != nil || got == nil {
		f.t.Fatalf("claimed %+v, done %v, %v", got, done, err)
	}
	if err := f.says(f.t.Context(), runner, got, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit,
		Error: "exit 1"}); err != nil {
		f.t.Fatal(err)
	}
	return got
}

func TestASweepGoesItsWayWithoutAController(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(ask("nightly", paid("c8g", 1), paid("c7g", 1)))
	epoch, slots := f.taken("nightly"), f.slots("nightly")
	f.up("nightly", epoch, "m1", slots[0])
	f.up("nightly", epoch, "m2", slots[1])
	one, two := f.mustEnroll("m1"), f.mustEnroll("m2")
	first, second := f.mustWork(one), f.mustWork(one)
	f.read(first.UUID, second.UUID)
	f.told()
	if got := f.get("nightly"); got.State != "active" || got.Slots != (api.SweepSlotCounts{Done: 1, Held: 1}) ||
		got.Tasks != (api.SweepCounts{Total: 4, Pending: 2, Done: 2}) {
		t.Errorf("after the first slot: %+v", got)
	}
	third := f.mustWork(two)
	f.read(third.UUID)
	f.fails(two)
	f.told()
	got := f.get("nightly")
	if got.State != "closing" || got.Slots != (api.SweepSlotCounts{Done: 2}) ||
		got.Tasks != (api.SweepCounts{Total: 4, Done: 3, Failed: 1}) ||
		got.Machines != 2 || got.Clean || got.Closing == nil {
		t.Errorf("after the last task: %+v", got)
	}
	f.clock.advance(30 * time.Minute)
	for _, m := range []string{"m1", "m2"} {
		f.record("nightly", epoch, m, ledger.Change{Verb: core.Delete, Reason: core.BecauseDone})
		f.record("nightly", epoch, m, ledger.Change{Verb: core.Vanish, Ended: f.clock.now()})
	}
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	got = f.get("nightly")
	if got.State != "ended" || got.Outcome != "partial" || !got.Clean || got.Ended == nil || got.Spent != 2*20_000 {
		t.Errorf("when its machines are gone: %+v", got)
	}
	// The result is an ordinary report on the testbed of the type.
	if n := f.count(`select count(*) from report r join testbed t on t.id = r.testbed_id where t.name = 'fake/c8g' and r.status =
		'processed'`); n != 2 {
		t.Errorf("%d reports on fake/c8g, want 2", n)
	}
	if _, err := f.sweeps.Update(t.Context(), f.member, "shop", "nightly", api.UpdateSweep{Do: "stop"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("stopped after its end: %v", err)
	}
}

func TestAStoppedSweepFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	f, epoch, _ := withMachine(t)
	runner := f.mustEnroll("m1")
	got, _, err := f.claim(t.Context(), runner)
	if err != nil || got == nil {
		t.Fatalf("claimed %+v, %v", got, err)
	}
	stopped := f.update("nightly", api.UpdateSweep{Do: "stop", Why: "enough"})
	if stopped.State != "draining" || stopped.Broken != "stopped" || stopped.Note != "enough" ||
		stopped.Tasks != (api.SweepCounts{Total: 4, Running: 1, Failed: 3}) {
		t.Errorf("stopped: %+v", stopped)
	}
	if _, err := f.book().Intend(t.Context(), "nightly", epoch, ledger.Intent{Token: "m2", Slot: f.slots("nightly")[1], Region: "r1",
		Market: core.OnDemand}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a new machine: %v", err)
	}
	if err := f.works(t.Context(), runner, got); err != nil {
		t.Errorf("what runs: %v", err)
	}
	f.read(got.UUID)
	f.told()
	if s := f.get("nightly"); s.State != "closing" || s.Tasks != (api.SweepCounts{Total: 4, Done: 1, Failed: 3}) {
		t.Errorf("when it has run: %+v", s)
	}
}

// TestWhatComesAfterTheEndIsLate: a result of a machine that was told to stop and did not is kept, is no part of the sweep's count, and
// says so.
func TestWhatComesAfterTheEndIsLate(t *testing.T) {
	t.Parallel()
	f, epoch, slots := withMachine(t)
	runner := f.mustEnroll("m1")
	got, _, err := f.claim(t.Context(), runner)
	if err != nil || got == nil {
		t.Fatalf("claimed %+v, %v", got, err)
	}
	stopped := f.update("nightly", api.UpdateSweep{Do: "stop_now"})
	if stopped.State != "closing" || stopped.Tasks != (api.SweepCounts{Total: 4, Running: 1, Failed: 3}) {
		t.Errorf("stopped: %+v", stopped)
	}
	if n := f.count(`select count(*) from job where id = $1 and cancel_asked is not null`, got.UUID); n != 1 {
		t.Error("the job that runs is not asked to end")
	}
	f.clock.advance(time.Second)
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Delete, Reason: core.BecauseStopped})
	if err := f.delivers(t.Context(), runner, got); err != nil {
		t.Fatal(err)
	}
	f.read(got.UUID)
	f.told()
	if s := f.get("nightly"); s.Tasks != (api.SweepCounts{Total: 4, Failed: 3, Late: 1}) {
		t.Errorf("counted: %+v", s.Tasks)
	}
	tasks, _, err := f.sweeps.Tasks(t.Context(), f.member, "shop", "nightly", sweep.TaskFilter{Slot: slots[0], Status: "processed"},
		store.Page{Limit: 9})
	if err != nil || len(tasks) != 1 || !tasks[0].Late || tasks[0].Job != got.UUID {
		t.Errorf("the task: %+v, %v", tasks, err)
	}
	if n := f.count(`select count(*) from metric`); n != 1 {
		t.Errorf("%d metrics are kept, want 1", n)
	}
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Vanish})
	if _, err := f.book().MoveSweep(t.Context(), "nightly", epoch, ledger.SweepMove{Verb: core.End}); err != nil {
		t.Fatal(err)
	}
	if s := f.get("nightly"); s.Outcome != "stopped" || !s.Clean {
		t.Errorf("ended: %+v", s)
	}
}

func TestASlotThatIsGivenUpLeavesNothingInTheQueue(t *testing.T) {
	t.Parallel()
	f, epoch, slots := withMachine(t)
	if err := f.book().MoveSlot(t.Context(), "nightly", epoch, slots[1], ledger.SlotMove{Verb: core.GiveUp, Reason: core.BecauseOverBudget,
		Note: "no money"}); err != nil {
		t.Fatal(err)
	}
	if s := f.get("nightly"); s.State != "active" || s.Tasks != (api.SweepCounts{Total: 4, Pending: 2, Failed: 2}) || s.Slots.GivenUp != 1 {
		t.Errorf("the sweep: %+v", s)
	}
}

// TestWhatAServerLeftUndoneIsDone: it died between the commit that stopped a sweep and the cancel of its jobs.
func TestWhatAServerLeftUndoneIsDone(t *testing.T) {
	t.Parallel()
	f, epoch, _ := withMachine(t)
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `update sweep set state = 'closing', broken = 'stopped', closing = $1`, store.Micros(tx.Now()))
		return err
	})
	if s := f.get("nightly"); s.Tasks.Pending != 4 {
		t.Fatalf("before: %+v", s.Tasks)
	}
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := f.get("nightly"); s.State != "closing" || s.Tasks != (api.SweepCounts{Total: 4, Failed: 4}) {
		t.Errorf("after: %+v", s)
	}
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Delete, Reason: core.BecauseStopped})
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Vanish})
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := f.get("nightly"); s.State != "ended" || s.Outcome != "stopped" || !s.Clean {
		t.Errorf("when the machine is gone: %+v", s)
	}
}

// TestASweepWhoseTimeIsOverEndsThoughNobodyLooks: its machines have ended by themselves. That they are gone is known to nobody, and said.
func TestASweepWhoseTimeIsOverEndsThoughNobodyLooks(t *testing.T) {
	t.Parallel()
	f, _, _ := withMachine(t)
	f.clock.advance(time.Hour)
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := f.get("nightly"); s.State != "closing" || s.Slots.GivenUp != 2 || s.Tasks.Failed != 4 || s.Controller.Alive {
		t.Errorf("when its time is over: %+v", s)
	}
	f.clock.advance(time.Hour + time.Second)
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := f.get("nightly"); s.State != "ended" || s.Outcome != "failed" || s.Clean {
		t.Errorf("an hour later: %+v", s)
	}
}

func TestABudgetIsRaisedAndNotLowered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := ask("nightly", paid("c8g", 2))
	in.Budget = 50_000 // one machine for an hour, and not two
	f.mustCreate(in)
	epoch, slots := f.taken("nightly"), f.slots("nightly")
	f.up("nightly", epoch, "m1", slots[0])
	second := ledger.Intent{Token: "m2", Slot: slots[1], Region: "r1", Market: core.OnDemand}
	if _, err := f.book().Intend(t.Context(), "nightly", epoch, second); !errors.Is(err, ledger.ErrOverBudget) {
		t.Errorf("a second machine: %v", err)
	}
	if n := f.count(`select count(*) from machine`); n != 1 {
		t.Errorf("%d rows of machines, want 1", n)
	}
	if _, err := f.sweeps.Update(t.Context(), f.member, "shop", "nightly", api.UpdateSweep{Budget: new(int64(40_000))}); !fault.Is(err,
		fault.Invalid) {
		t.Errorf("lowered: %v", err)
	}
	if got := f.update("nightly", api.UpdateSweep{Budget: new(int64(80_000))}); got.Budget != 80_000 || got.Committed != 40_000 {
		t.Errorf("raised: %+v", got)
	}
	if _, err := f.book().Intend(t.Context(), "nightly", epoch, second); err != nil {
		t.Errorf("a second machine with more money: %v", err)
	}
	for _, in := range []api.UpdateSweep{{}, {Do: "finish"}, {Do: "end"}} {
		if _, err := f.sweeps.Update(t.Context(), f.member, "shop", "nightly", in); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", in, err)
		}
	}
}

// TestARunnersWordIsHeardWhicheverServerHearsIt: what the queue heard of a machine counts as a beat.
func TestARunnersWordIsHeardWhicheverServerHearsIt(t *testing.T) {
	t.Parallel()
	f, _, _ := withMachine(t)
	runner := f.mustEnroll("m1")
	f.clock.advance(time.Minute)
	if _, _, err := f.servers[1].claim(t.Context(), runner); err != nil {
		t.Fatal(err)
	}
	s, err := f.book().Read(t.Context(), "nightly")
	if err != nil || len(s.Machines) != 1 || !s.Machines[0].Beat.Equal(f.clock.now()) {
		t.Errorf("the ledger: %+v, %v", s.Machines, err)
	}
}

// TestASweepGoesOnOverARestartAtEachStep, from its start to its end: each step is another process's.
func TestASweepGoesOnOverARestartAtEachStep(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := ask("nightly", paid("c8g", 1))
	var epoch int64
	var slot, runner string
	var got *api.ClaimedJob
	machine := func(c ledger.Change) func() { return func() { f.record("nightly", epoch, "m1", c) } }
	beat := func(phase string) {
		who, token := access.Actor{Kind: access.Runner, RunnerID: runner}, ""
		if runner == "" {
			who, token = anonymous, f.tokens["m1"]
		}
		if _, err := f.sweeps.Beat(t.Context(), who, api.MachineBeat{Token: token, Phase: phase}); err != nil {
			t.Fatalf("%s: %v", phase, err)
		}
	}
	for _, step := range []func(){
		func() { f.mustCreate(in) },
		func() {
			if _, created, err := f.create(in); err != nil || created {
				t.Fatalf("asked for again: created %v, %v", created, err)
			}
		},
		func() { epoch, slot = f.taken("nightly"), f.slots("nightly")[0] },
		func() { f.intend("nightly", epoch, "m1", slot) },
		func() { f.intend("nightly", epoch, "m1", slot) }, // the answer went with the process
		machine(ledger.Change{Verb: core.Launch, NativeID: "i-1"}),
		func() { beat("boot") },
		func() { beat("provision") },
		func() { runner = f.mustEnroll("m1") },
		func() { beat("ready") },
		func() {
			var err error
			if got, _, err = f.claim(t.Context(), runner); err != nil || got == nil {
				t.Fatalf("claimed %+v, %v", got, err)
			}
		},
		func() {
			if err := f.says(t.Context(), runner, got, api.Message{Event: api.MsgRunning, Seq: 1}); err != nil {
				t.Fatal(err)
			}
		},
		func() { beat("running") },
		func() {
			if err := f.delivers(t.Context(), runner, got); err != nil {
				t.Fatal(err)
			}
		},
		func() { f.read(got.UUID) },
		func() { got = f.mustWork(runner) },
		func() { f.read(got.UUID) },
		func() {
			if more, done, err := f.claim(t.Context(), runner); more != nil || !done || err != nil {
				t.Fatalf("nothing is left: %+v, %v, %v", more, done, err)
			}
		},
		func() { beat("finished") },
		f.told,
		machine(ledger.Change{Verb: core.Delete, Reason: core.BecauseDone}),
		machine(ledger.Change{Verb: core.Vanish}),
		func() {
			if err := f.sweeps.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		step()
		f.restart()
	}
	if s := f.get("nightly"); s.State != "ended" || s.Outcome != "completed" || !s.Clean ||
		s.Tasks != (api.SweepCounts{Total: 2, Done: 2}) {
		t.Errorf("at the end: %+v", s)
	}
	if n := f.count(`select count(*) from metric`); n != 2 {
		t.Errorf("%d metrics, want one for each task", n)
	}
}

// TestASweepIsCompletedWhenItsLastOutputWasRead: what was delivered may be no result.
func TestASweepIsCompletedWhenItsLastOutputWasRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(ask("nightly", paid("c8g", 1)))
	epoch := f.taken("nightly")
	f.up("nightly", epoch, "m1", f.slots("nightly")[0])
	runner := f.mustEnroll("m1")
	first, second := f.mustWork(runner), f.mustWork(runner)
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Delete, Reason: core.BecauseDone})
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Vanish, Ended: f.clock.now()})
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := f.get("nightly"); s.State != "closing" || s.Outcome != "" || s.Tasks != (api.SweepCounts{Total: 2, Done: 2, Unread: 2}) {
		t.Errorf("before it was read: %+v", s)
	}
	f.read(first.UUID, second.UUID)
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := f.get("nightly"); s.State != "ended" || s.Outcome != "completed" || s.Tasks != (api.SweepCounts{Total: 2, Done: 2}) {
		t.Errorf("when it was read: %+v", s)
	}
}

// TestTheLedgerSaysWhatFailsEverywhere, with the reason and the first line of what was said.
func TestTheLedgerSaysWhatFailsEverywhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := ask("nightly", paid("c8g", 1), paid("c7g", 1), paid("c6g", 1))
	in.Workloads = in.Workloads[:1]
	f.mustCreate(in)
	epoch, slots := f.taken("nightly"), f.slots("nightly")
	same := func() string {
		t.Helper()
		rows, err := f.book().Read(t.Context(), "nightly")
		if err != nil {
			t.Fatal(err)
		}
		return rows.SameError()
	}
	for i, token := range []string{"m1", "m2"} {
		f.up("nightly", epoch, token, slots[i])
		f.fails(f.mustEnroll(token))
		want := ""
		if i == 1 {
			want = "workload interp: the same error on 2 of 2 machines: benchmark_exit: exit 1"
		}
		if got := same(); got != want {
			t.Errorf("after %d failures: %q", i+1, got)
		}
	}
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `update job set state = 'processed' where slot_id = $1`, slots[2])
		return err
	})
	if got := same(); got != "" {
		t.Errorf("where it was done once: %q", got)
	}
}

// TestWhatIsNotTheWorkloadsDoingIsNoSameError: lost runners say the same wherever they are.
func TestWhatIsNotTheWorkloadsDoingIsNoSameError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := ask("nightly", paid("c8g", 1), paid("c7g", 1))
	in.Workloads = in.Workloads[:1]
	f.mustCreate(in)
	for reason, want := range map[api.Reason]bool{
		api.ReasonBenchmarkExit: true, api.ReasonBenchmarkTimeout: true, api.ReasonNoResult: true, api.ReasonAdapter: true,
		api.ReasonVariant: true, api.ReasonOutOfMemory: true, api.ReasonLimit: true, api.ReasonImageInvalid: true,
		api.ReasonImagePull: false, api.ReasonSandbox: false, api.ReasonHostUnfit: false, api.ReasonRunnerLost: false,
		api.ReasonRunnerAborted: false, api.ReasonDeadline: false, api.ReasonCanceledByUser: false, api.ReasonServer: false,
		api.ReasonMeasurement: false,
	} {
		f.tx(func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `update job set state = 'failed', reason = $1, error = 'the same'`, string(reason))
			return err
		})
		rows, err := f.book().Read(t.Context(), "nightly")
		if err != nil {
			t.Fatal(err)
		}
		if got := rows.SameError(); (got != "") != want {
			t.Errorf("%s in both pools: %q", reason, got)
		}
	}
}

// TestAWorkloadThatSaysMuchHidesNoOther: what is said again on a slot is one failure.
func TestAWorkloadThatSaysMuchHidesNoOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := ask("nightly", paid("c8g", 1), paid("c7g", 1))
	in.Repeats = 3
	f.mustCreate(in)
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `update job set state = 'failed', reason = 'benchmark_exit', error = 'exit 1'`)
		return err
	})
	rows, err := f.book().Read(t.Context(), "nightly")
	if err != nil || len(rows.Failures) != 4 {
		t.Errorf("%d failures of two workloads on two slots, %v", len(rows.Failures), err)
	}
}

// TestNobodyIsLostWhileTheServerStoodStill: a process that was paused, or whose database was away, has heard nobody.
func TestNobodyIsLostWhileTheServerStoodStill(t *testing.T) {
	t.Parallel()
	f, _, _ := withMachine(t)
	begun := f.clock.now()
	hearing := func() time.Time {
		t.Helper()
		rows, err := f.book().Read(t.Context(), "nightly")
		if err != nil {
			t.Fatal(err)
		}
		return rows.Hearing
	}
	tidy := func(after time.Duration) {
		t.Helper()
		f.clock.advance(after)
		if err := f.sweeps.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		tidy(10 * time.Second)
	}
	if got := hearing(); !got.Equal(begun) {
		t.Errorf("while it looks: since %s, want %s", got, begun)
	}
	f.clock.advance(5 * time.Minute)
	if got := hearing(); !got.Equal(f.clock.now()) {
		t.Errorf("after it stood still, before it looks: since %s, want %s", got, f.clock.now())
	}
	tidy(0)
	woke := f.clock.now()
	tidy(10 * time.Second)
	if got := hearing(); !got.Equal(woke) {
		t.Errorf("when it looks again: since %s, want %s", got, woke)
	}
}

// TestAProjectIsKeptWhileItsMachinesMayBeBilled, which is a while longer than they should live.
func TestAProjectIsKeptWhileItsMachinesMayBeBilled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pool := paid("c8g", 1)
	pool.Slack = 180
	f.mustCreate(ask("nightly", pool))
	f.up("nightly", f.taken("nightly"), "m1", f.slots("nightly")[0])
	deletable := func() (err error) {
		f.tx(func(tx *store.Tx) error {
			err = f.sweeps.Deletable(t.Context(), tx, f.project)
			return nil
		})
		return err
	}
	f.clock.advance(time.Hour + 179*time.Second)
	if err := deletable(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "until 2026-07-22 13:03 UTC") {
		t.Errorf("within the slack: %v", err)
	}
	f.clock.advance(time.Second)
	if err := deletable(); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// TestAWrongTokenDoesNotWaitForTheWriter, and so keeps nobody from writing.
func TestAWrongTokenDoesNotWaitForTheWriter(t *testing.T) {
	t.Parallel()
	f, _, _ := withMachine(t)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := f.store.Tx(ctx, func(tx *store.Tx) error { // which has the database's one writer, on SQLite
		if _, err := tx.Exec(ctx, `update sweep set modified = modified`); err != nil {
			return err
		}
		_, enrolled := f.sweeps.Enroll(ctx, anonymous, api.EnrollMachine{Token: "tacho_enroll_wrong"})
		_, beat := f.sweeps.Beat(ctx, anonymous, api.MachineBeat{Token: "tacho_enroll_wrong", Phase: "boot"})
		_, none := f.sweeps.Beat(ctx, anonymous, api.MachineBeat{Phase: "boot"})
		for what, err := range map[string]error{"enroll": enrolled, "beat": beat, "beat without": none} {
			if !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%s: %v", what, err)
			}
		}
		return ctx.Err()
	}); err != nil {
		t.Error(err)
	}
}
