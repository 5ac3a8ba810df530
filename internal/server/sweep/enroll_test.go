package sweep_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
)

var anonymous = access.Actor{Kind: access.Anonymous}

// machine is a row of the ledger.
func (f *fixture) machine(id, token string) api.SweepMachine {
	f.t.Helper()
	m, err := f.sweeps.Machine(f.t.Context(), f.member, "shop", id, token)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

// withMachine is a fixture with a sweep of two types, and a machine on its first slot.
func withMachine(t *testing.T) (f *fixture, epoch int64, slots []string) {
	t.Helper()
	f = newFixture(t)
	f.mustCreate(ask("nightly", paid("c8g", 1), paid("c7g", 1)))
	epoch, slots = f.taken("nightly"), f.slots("nightly")
	f.up("nightly", epoch, "m1", slots[0])
	return f, epoch, slots
}

func TestATokenBuysOneKeyForOneSlot(t *testing.T) {
	t.Parallel()
	f, epoch, slots := withMachine(t)
	if f.count(`select count(*) from machine where enroll = $1`, f.tokens["m1"]) != 0 ||
		f.count(`select count(*) from machine where enroll = $1`, ident.HashKey(f.tokens["m1"])) != 1 {
		t.Error("what is stored of the token is not its hash alone")
	}
	out, err := f.sweeps.Enroll(t.Context(), anonymous, api.EnrollMachine{Token: f.tokens["m1"],
		Facts: api.MachineFacts{Arch: "arm64", CPUs: 2,
			Type: "c8g", CPU: "Neoverse-V2"}})
	if err != nil || out.Remaining != 3600 || out.Machine != "m1" {
		t.Fatalf("enrolled: %+v, %v", out, err)
	}
	if kind, ok := ident.ParseKey(out.Key); !ok || kind != ident.KeyRunner || f.count(`select count(*) from runner where key_hash = $1
		and slot_id = $2`, ident.HashKey(out.Key), slots[0]) != 1 {
		t.Errorf("the key %q is not a runner's of slot %s", out.Key, slots[0])
	}
	m := f.machine("nightly", "m1")
	if m.State != "working" || m.Facts.CPU != "Neoverse-V2" || *m.Runner != out.Runner || m.Phase != "ready" ||
		!m.Contact.Equal(f.clock.now()) {
		t.Errorf("the machine is %+v", m)
	}
	if _, err := f.enroll("m1"); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("the token a second time: %v", err)
	}
	// It takes nothing of another slot, and nothing that is of none, whatever it says of itself.
	for range 2 {
		got := f.mustWork(out.Runner)
		if f.count(`select count(*) from job where id = $1 and slot_id = $2`, got.UUID, slots[0]) != 1 {
			t.Errorf("it got job %s, which is not of its slot", got.UUID)
		}
	}
	said := &api.RunnerMeta{OS: "linux", Arch: "aarch64"}
	if got, err := f.queue.Claim(t.Context(), out.Runner, said, 0); got != nil || err == nil {
		t.Errorf("nothing is left in its slot: %+v, %v", got, err)
	}
	// The same intent again is the same machine; there is nothing left to buy.
	if _, token, err := f.sweeps.Book(f.member, "shop").IntendWithToken(t.Context(), "nightly", epoch,
		ledger.Intent{Token: "m1", Slot: slots[0], Region: "r1", Market: core.OnDemand}); err != nil || token != "" {
		t.Errorf("intended again: token %q, %v", token, err)
	}
}

func TestOnlyTheLastTokenOfAnIntentIsGood(t *testing.T) {
	t.Parallel()
	f, epoch, slots := withMachine(t)
	first := f.tokens["m1"]
	if _, err := f.book().Intend(t.Context(), "nightly", epoch, ledger.Intent{Token: "m1", Slot: slots[0], Region: "r1",
		Market: core.OnDemand}); err != nil {
		t.Fatal(err)
	}
	if first == f.tokens["m1"] {
		t.Fatal("the answer was lost, and the same token is given again")
	}
	if _, err := f.sweeps.Enroll(t.Context(), anonymous, api.EnrollMachine{Token: first}); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("the token of the lost answer: %v", err)
	}
	f.mustEnroll("m1")
}

// TestATokenIsOverWhenNobodyWantsItsMachine: its time is over, it is being removed, or its slot is another machine's.
func TestATokenIsOverWhenNobodyWantsItsMachine(t *testing.T) {
	t.Parallel()
	f, epoch, slots := withMachine(t)
	f.up("nightly", epoch, "m2", slots[1])
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Delete, Reason: core.BecauseNeverCame})
	if _, err := f.enroll("m1"); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("a machine that is being removed: %v", err)
	}
	if err := f.book().MoveSlot(t.Context(), "nightly", epoch, slots[1], ledger.SlotMove{Verb: core.Release}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.enroll("m2"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a machine whose slot was released: %v", err)
	}
	f.up("nightly", epoch, "m3", slots[1])
	f.clock.advance(time.Hour)
	if _, err := f.enroll("m3"); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("after its time: %v", err)
	}
	if n := f.count(`select count(*) from runner`); n != 0 {
		t.Errorf("%d runners were made", n)
	}
	if _, err := f.sweeps.Enroll(t.Context(), anonymous, api.EnrollMachine{Token: "guess"}); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("a token that nobody gave: %v", err)
	}
}

func TestAMachineThatLiesIsSuspectAndGetsNoKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts api.MachineFacts
		says  string
	}{
		"architecture": {api.MachineFacts{Arch: "x86_64", CPUs: 2}, "it is x86_64, its pool c8g is aarch64"},
		"CPUs":         {api.MachineFacts{Arch: "aarch64", CPUs: 64}, "it has 64 CPUs, a c8g has 2"},
		"type":         {api.MachineFacts{Arch: "aarch64", CPUs: 2, Type: "c8g.metal"}, "its provider calls it a c8g.metal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _, _ := withMachine(t)
			_, err := f.sweeps.Enroll(t.Context(), anonymous, api.EnrollMachine{Token: f.tokens["m1"], Facts: c.facts})
			if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want a refusal that says %q", err, c.says)
			}
			m := f.machine("nightly", "m1")
			if !strings.Contains(m.Suspect, c.says) || m.Runner != nil || m.State != "working" ||
				f.count(`select count(*) from runner`) != 0 {
				t.Errorf("the machine is %+v", m)
			}
			if _, err := f.enroll("m1"); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("it tries again with better words: %v", err)
			}
		})
	}
}

func TestABeatSaysHowFarItIsAndHearsHowLongItHas(t *testing.T) {
	t.Parallel()
	f, epoch, slots := withMachine(t)
	beat := func(actor access.Actor, in api.MachineBeat, want api.BeatAnswer) {
		t.Helper()
		if got, err := f.sweeps.Beat(t.Context(), actor, in); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", in.Phase, got, err, want)
		}
	}
	token := f.tokens["m1"]
	f.clock.advance(time.Minute)
	beat(anonymous, api.MachineBeat{Token: token, Phase: "boot"}, api.BeatAnswer{Remaining: 3540})
	f.clock.advance(time.Minute)
	beat(anonymous, api.MachineBeat{Token: token, Phase: "provision"}, api.BeatAnswer{Remaining: 3480})
	if m := f.machine("nightly", "m1"); m.Phase != "provision" || !m.Beat.Equal(f.clock.now()) || m.State != "up" || m.Contact != nil {
		t.Errorf("booted and not enrolled yet: %+v", m)
	}
	runner := access.Actor{Kind: access.Runner, RunnerID: f.mustEnroll("m1")}
	if _, err := f.sweeps.Beat(t.Context(), anonymous, api.MachineBeat{Token: token, Phase: "boot"}); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("with the token that it has spent: %v", err)
	}
	beat(runner, api.MachineBeat{Phase: "running", Benchmark: "activerecord"}, api.BeatAnswer{Remaining: 3480})
	if m := f.machine("nightly", "m1"); m.Benchmark != "activerecord" || len(m.Events) != 6 {
		t.Errorf("running: %+v", m)
	}
	f.mustWork(runner.RunnerID)
	f.mustWork(runner.RunnerID)
	beat(runner, api.MachineBeat{Phase: "finished"}, api.BeatAnswer{Remaining: 3480, Done: true})
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Delete, Reason: core.BecauseDone})
	beat(runner, api.MachineBeat{Phase: "finished"}, api.BeatAnswer{Remaining: 3480, Cancel: true, Done: true})
	f.clock.advance(2 * time.Hour)
	beat(runner, api.MachineBeat{Phase: "finished"}, api.BeatAnswer{Cancel: true, Done: true})
	for _, in := range []api.MachineBeat{{Phase: "asleep"}, {Phase: "running", Benchmark: strings.Repeat("x", 300)}} {
		if _, err := f.sweeps.Beat(t.Context(), runner, in); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.20v: %v", in, err)
		}
	}
	other := access.Actor{Kind: access.Runner, RunnerID: "another"}
	if _, err := f.sweeps.Beat(t.Context(), other, api.MachineBeat{Phase: "ready"}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a runner of no sweep: %v", err)
	}
	_ = slots
}

// TestARunnerOfAMachineThatIsNotWantedGetsNoMoreTasks, though it may deliver what it has; when the machine is gone, its key opens nothing.
func TestARunnerOfAMachineThatIsNotWantedGetsNoMoreTasks(t *testing.T) {
	t.Parallel()
	f, epoch, slots := withMachine(t)
	runner := f.mustEnroll("m1")
	got, _, err := f.claim(t.Context(), runner)
	if err != nil || got == nil {
		t.Fatalf("claimed %+v, %v", got, err)
	}
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Drain, Reason: core.BecauseReclaimed})
	if err := f.works(t.Context(), runner, got); err != nil {
		t.Errorf("it delivers what it has: %v", err)
	}
	if more, done, err := f.claim(t.Context(), runner); more != nil || !done || err != nil {
		t.Errorf("it gets %+v, done %v, %v", more, done, err)
	}
	f.record("nightly", epoch, "m1", ledger.Change{Verb: core.Vanish, Reason: core.BecauseReclaimed})
	if n := f.count(`select count(*) from runner where id = $1 and archived is not null`, runner); n != 1 {
		t.Error("the key of a machine that is gone opens something")
	}
	// The slot goes to a new machine, with the task that is left.
	if err := f.book().MoveSlot(t.Context(), "nightly", epoch, slots[0], ledger.SlotMove{Verb: core.Release}); err != nil {
		t.Fatal(err)
	}
	f.up("nightly", epoch, "m2", slots[0])
	second := f.mustEnroll("m2")
	last := f.mustWork(second)
	if _, done, err := f.claim(t.Context(), second); !done || err != nil || last.UUID == got.UUID {
		t.Errorf("the second machine did %s after the first did %s, done %v, %v", last.UUID, got.UUID, done, err)
	}
	tasks, _, err := f.sweeps.Tasks(t.Context(), f.member, "shop", "nightly", sweep.TaskFilter{Slot: slots[0]}, store.Page{Limit: 9})
	if err != nil || len(tasks) != 2 || *tasks[0].Machine == *tasks[1].Machine {
		t.Errorf("which machine did what cannot be told: %+v, %v", tasks, err)
	}
}
