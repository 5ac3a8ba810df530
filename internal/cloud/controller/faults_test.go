package controller

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// story runs a sweep to its end under one controller.
func story(t *testing.T, w *world, each func()) ledger.Snapshot {
	t.Helper()
	if !w.tend(t, w.controller("the only one", 4, &wire{}), w.expires.Add(time.Hour), each) {
		t.Errorf("the sweep is %s at %s", w.read().Sweep.State, w.now)
	}
	if len(w.invalid) > 0 {
		t.Errorf("%q", w.invalid[:min(5, len(w.invalid))])
	}
	return w.read()
}

func boots() fake.Shape { return fake.Shape{Boot: 30 * time.Second} }

// only gives the fate to the nth machine that is made, from 1.
func only(fate fake.Fate, nth ...int) fake.Shape {
	made, shape := 0, boots()
	shape.Fate = func(provider.Want) fake.Fate {
		if made++; slices.Contains(nth, made) {
			return fate
		}
		return fake.Fate{}
	}
	return shape
}

func TestAFullZoneLeadsToTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Capacity, Zone: "r1a"})
	rows := story(t, w, nil)
	allDone(t, w, "one zone is full")
	for _, m := range rows.Machines {
		if m.State == sweep.MachineGone && m.Zone != "r1b" {
			t.Errorf("a machine in %s", m.Zone)
		}
	}
	w = newWorld(sweep.Dollar, boots())
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Capacity, Region: "r1"})
	if rows = story(t, w, nil); rows.Sweep.Outcome != sweep.Completed || rows.Machines[len(rows.Machines)-1].Region != "r2" {
		t.Errorf("a region is full: %s", rows.Sweep.Outcome)
	}
}

func TestWithoutCapacityASlotIsGivenUpAtItsDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Capacity, Type: "c7.medium"})
	rows := story(t, w, nil)
	given := 0
	for _, s := range rows.Slots {
		if s.State == sweep.SlotGivenUp && s.Reason == sweep.BecauseCapacity && s.Pool == "pool-1" && s.Note != "" {
			given++
		}
	}
	if given != worldHosts || rows.Sweep.Outcome != sweep.Partial || w.undone() != worldHosts*worldTasks {
		t.Errorf("%d slots were given up for capacity, the outcome is %s: %+v", given, rows.Sweep.Outcome, rows.Slots)
	}
	if n := len(rows.Machines); n > 60 {
		t.Errorf("%d requests in twenty minutes: the back-off does not grow", n)
	}
}

func TestAQuotaMakesWaves(t *testing.T) {
	t.Parallel()
	shape, most := boots(), 0
	shape.Quota = 2
	w := newWorld(sweep.Dollar, shape)
	story(t, w, func() { most = max(most, len(w.cloud.Live())) })
	allDone(t, w, "a quota of two")
	if made, asked := w.cloud.Made(); most != 2 || made != worldPools*worldHosts || asked > 40 {
		t.Errorf("%d machines at once, %d made by %d requests", most, made, asked)
	}
}

func TestALostReplyMakesNoSecondMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Unavailable, Happens: true, Times: 4})
	story(t, w, nil)
	allDone(t, w, "four lost replies")
	if made, _ := w.cloud.Made(); made != worldPools*worldHosts {
		t.Errorf("%d machines were made", made)
	}
}

func TestListsThatLagMakeNoSecondMachine(t *testing.T) {
	t.Parallel()
	shape := boots()
	shape.Lag = 50 * time.Second
	w := newWorld(sweep.Dollar, shape)
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Unavailable, Happens: true, Times: 2})
	rows := story(t, w, nil)
	allDone(t, w, "lists lag by 50 s")
	if made, _ := w.cloud.Made(); made != worldPools*worldHosts || len(rows.Machines) != made {
		t.Errorf("%d machines were made, %d rows", made, len(rows.Machines))
	}
}

func TestTwoMachinesThatNeverEnrolSkipTheirPool(t *testing.T) {
	t.Parallel()
	shape := boots()
	shape.Fate = func(want provider.Want) fake.Fate { return fake.Fate{NeverEnrols: want.Type == "c8.medium"} }
	w := newWorld(sweep.Dollar, shape)
	rows := story(t, w, nil)
	if p := rows.Pools[2]; p.Skipped == nil || p.Skipped.Reason != sweep.SkipNeverCame || rows.Sweep.Outcome != sweep.Partial {
		t.Errorf("the pool is %+v, the outcome %s", p.Skipped, rows.Sweep.Outcome)
	}
	if made, _ := w.cloud.Made(); made != worldPools*worldHosts {
		t.Errorf("%d machines were made", made)
	}
	w = newWorld(sweep.Dollar, only(fake.Fate{NeverEnrols: true}, 1))
	story(t, w, nil)
	allDone(t, w, "one of them never enrols")
}

func TestALostMachineIsReplaced(t *testing.T) {
	t.Parallel()
	for name, fate := range map[string]fake.Fate{"its agent dies": {DiesAfter: 4 * time.Minute}, "it hangs": {HangsAfter: 5 * time.Minute},
		"it leaves its disk": {KeepsDisk: true}} {
		w := newWorld(sweep.Dollar, only(fate, 2))
		rows := story(t, w, nil)
		allDone(t, w, name)
		want := 1
		if fate.KeepsDisk {
			want = 0
		}
		lost := 0
		for _, m := range rows.Machines {
			if m.Reason == sweep.BecauseHeartbeatLost {
				lost++
			}
		}
		if lost != want {
			t.Errorf("%s: %d machines were lost", name, lost)
		}
	}
}

func TestAReclaimedMachineIsFollowedByOneOnDemand(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, only(fake.Fate{TakenAfter: 4 * time.Minute}, 3))
	rows := story(t, w, nil)
	allDone(t, w, "one is taken back")
	var slot string
	for _, m := range rows.Machines {
		switch {
		case m.Reason == sweep.BecauseReclaimed:
			slot = m.Slot
		case (m.Slot == slot) != (m.Market == sweep.OnDemand):
			t.Errorf("%s of %s was bought %s", m.ID, m.Slot, m.Market)
		}
	}
	if slot == "" || len(rows.Machines) != worldPools*worldHosts+1 {
		t.Errorf("%d machines, and the one that was taken back is of %q", len(rows.Machines), slot)
	}
}

func TestAServerThatWasDownLosesNobody(t *testing.T) {
	t.Parallel()
	w, slept := newWorld(sweep.Dollar, boots()), false
	rows := story(t, w, func() {
		if !slept && w.now.Sub(w.expires.Add(-worldTTL)) > 2*time.Minute {
			slept, w.silent = true, true
			w.pass(10 * time.Minute)
			w.silent = false
			w.ledger.Restart()
		}
	})
	allDone(t, w, "the server was down")
	if len(rows.Machines) != worldPools*worldHosts {
		t.Errorf("%d machines", len(rows.Machines))
	}
}

func TestACloudThatDoesNotDestroyLeavesTheSweepUnclean(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	w.cloud.Break(fake.Fault{Op: fake.Destroy, Class: provider.Unavailable})
	c := w.controller("the only one", 4, &wire{})
	w.tend(t, c, w.expires.Add(-10*time.Minute), nil)
	if rows := w.read(); rows.Sweep.State != sweep.Ended || rows.Clean() || rows.Sweep.Outcome != sweep.Completed {
		t.Errorf("the sweep is %s, clean %t, %s", rows.Sweep.State, rows.Clean(), rows.Sweep.Outcome)
	}
	w.cloud.Mend()
	if !w.tend(t, c, w.expires, nil) {
		t.Error("it is not looked after any more")
	}
	allDone(t, w, "destroyed at last")
}

func TestExpiredCredentialsStopNewMachines(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]fake.Op{"creates": fake.Create, "lists": fake.List} {
		w := newWorld(sweep.Dollar, only(fake.Fate{DiesAfter: 2 * time.Minute}, 1))
		c := w.controller("the only one", 4, &wire{})
		w.tend(t, c, w.now.Add(2*time.Minute), nil)
		w.cloud.Break(fake.Fault{Op: op, Class: provider.Auth})
		w.tend(t, c, w.now.Add(6*time.Minute), nil)
		made, _ := w.cloud.Made()
		if s := w.read().Sweep; s.State == sweep.Active || s.Broken != sweep.BecauseCredential || !strings.Contains(s.Note, "auth") {
			t.Errorf("%s: the sweep is %+v", name, s)
		}
		w.cloud.Mend()
		w.tend(t, c, w.expires.Add(time.Hour), nil)
		if rows := w.read(); made != worldPools*worldHosts || rows.Sweep.Outcome != sweep.Failed || !rows.Clean() {
			t.Errorf("%s: %d machines, %s, clean %t", name, made, rows.Sweep.Outcome, rows.Clean())
		}
	}
}

func TestAProviderThatAsksForPatienceGetsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Throttled, RetryAfter: 3 * time.Minute, Times: 6})
	c := w.controller("the only one", 1, &wire{})
	w.tend(t, c, w.now.Add(2*time.Minute), nil)
	_, asked := w.cloud.Made()
	if asked > worldPools*worldHosts {
		t.Errorf("%d requests within two minutes", asked)
	}
	w.tend(t, c, w.expires.Add(time.Hour), nil)
	allDone(t, w, "throttled for a while")
}

func TestAnUnsupportedTypeSkipsItsPool(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Unsupported, Type: "c6.medium"})
	rows := story(t, w, nil)
	if p := rows.Pools[0]; p.Skipped == nil || p.Skipped.Reason != sweep.SkipUnsupported || rows.Sweep.Outcome != sweep.Partial {
		t.Errorf("the pool is %+v, the outcome %s", p.Skipped, rows.Sweep.Outcome)
	}
}

func TestStoppingFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	w, stopped := newWorld(sweep.Dollar, boots()), false
	rows := story(t, w, func() {
		if !stopped && w.now.Sub(w.expires.Add(-worldTTL)) > 2*time.Minute {
			stopped = w.ledger.People(worldSweep, sweep.Stop) == nil
		}
	})
	if n := w.undone(); n != worldPools*worldHosts || rows.Sweep.Outcome != sweep.Stopped || !rows.Clean() {
		t.Errorf("%d tasks were not done, want one of each slot's two; %s, clean %t", n, rows.Sweep.Outcome, rows.Clean())
	}
}

func TestStoppingNowEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	c := w.controller("the only one", 4, &wire{})
	w.tend(t, c, w.now.Add(2*time.Minute), nil)
	if err := w.ledger.People(worldSweep, sweep.StopNow); err != nil {
		t.Fatal(err)
	}
	if !w.tend(t, c, w.now.Add(30*time.Second), nil) {
		t.Errorf("after half a minute the sweep is %s", w.read().Sweep.State)
	}
	if machines, disks := w.cloud.Left(); machines+disks > 0 || w.undone() != len(w.tasks) {
		t.Errorf("%d machines and %d disks are left; %d tasks were not done", machines, disks, w.undone())
	}
}

func TestASmallBudgetIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(2*sweep.Micros(30_000), boots()) // two machines for the whole time
	rows := story(t, w, nil)
	if bill := w.cloud.Bill(); bill > w.budget || bill == 0 {
		t.Errorf("billed %s of %s", bill, w.budget)
	}
	if done := len(w.tasks) - w.undone(); done == 0 || rows.Sweep.Outcome != sweep.Completed && rows.Sweep.Outcome != sweep.OverBudget {
		t.Errorf("%d tasks were done: %s", done, rows.Sweep.Outcome)
	}
	w = newWorld(10_000, boots()) // not one
	rows = story(t, w, nil)
	if rows.Sweep.Outcome != sweep.OverBudget || len(rows.Machines) != 0 || !strings.Contains(rows.Slots[0].Note, "$0.01") {
		t.Errorf("%s with %d machines: %q", rows.Sweep.Outcome, len(rows.Machines), rows.Slots[0].Note)
	}
}

func TestStraysOfOursAreDestroyedAndNobodyElses(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	want := provider.Want{Token: "stray", Owner: worldOwner, Sweep: worldSweep, Region: "r2", Type: "c6.medium", TTL: worldTTL,
		Expires: w.expires}
	for token, change := range map[string]func(*provider.Want){"stray": func(*provider.Want) {},
		"of another sweep": func(p *provider.Want) { p.Sweep = "weekly" },
		"foreign":          func(p *provider.Want) { p.Owner = "installation-2" }} {
		one := want
		one.Token = token
		change(&one)
		if _, err := w.cloud.Create(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	c := w.controller("the only one", 4, &wire{})
	stray := func() bool {
		return slices.ContainsFunc(w.cloud.Live(), func(l fake.Live) bool { return l.Token == "stray" })
	}
	for w.now.Before(w.expires.Add(-worldTTL + 2*time.Minute)) {
		if age := w.now.Sub(w.expires.Add(-worldTTL)); age < time.Minute && !stray() {
			t.Fatalf("the stray was destroyed after %s: before lists can be believed", age)
		}
		if _, err := c.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pass(Interval)
	}
	left := map[string]bool{}
	for _, l := range w.cloud.Live() {
		left[l.Token] = true
	}
	if left["stray"] || !left["of another sweep"] || !left["foreign"] {
		t.Errorf("what lives: %v", sortedKeys(left))
	}
}

func TestASuspectMachineIsReplaced(t *testing.T) {
	t.Parallel()
	w, accused := newWorld(sweep.Dollar, boots()), ""
	rows := story(t, w, func() {
		if rows := w.read(); accused == "" && w.now.Sub(w.expires.Add(-worldTTL)) > 2*time.Minute {
			accused = rows.Machines[0].ID
			if err := w.ledger.Accuse(worldSweep, accused, "it is an arm64, not an amd64"); err != nil {
				t.Error(err)
			}
		}
	})
	allDone(t, w, "one lies")
	if m := rows.Machines[0]; m.ID != accused || m.Reason != sweep.BecauseSuspect || !strings.Contains(m.Note, "arm64") {
		t.Errorf("%+v", m)
	}
}

func TestASecondControllerWaitsForTheLease(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	first, second := w.controller("first", 4, &wire{}), w.controller("second", 4, &wire{})
	if _, err := first.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Tick(t.Context()); !isHeld(err) {
		t.Errorf("while the first one lives: %v", err)
	}
	w.pass(ledger.LeaseTime)
	if _, err := second.Tick(t.Context()); err != nil {
		t.Errorf("after it: %v", err)
	}
	if _, err := first.Tick(t.Context()); !isStale(err) {
		t.Errorf("the first one wakes: %v", err)
	}
}

// The same view gives the same actions, and is not changed: a controller that was killed has lost nothing by it.
func TestDecidingIsPure(t *testing.T) {
	t.Parallel()
	w := rough()
	w.tend(t, w.controller("first", 1, &wire{killAt: 60}), w.expires, nil)
	c := w.controller("second", 1, &wire{})
	rows := w.read()
	v := view{Snapshot: rows, lists: c.list(t.Context(), rows), policy: Policy{}.withDefaults()}
	one := decide(v)
	if two := decide(v); len(one.chains) == 0 || !reflect.DeepEqual(one, two) || !reflect.DeepEqual(rows, w.read()) {
		t.Errorf("%+v\n%+v", one, two)
	}
}
