// Package ledgertest is what every ledger of sweeps must do: a suite that each implementation runs.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Fixture is a ledger under test with one active sweep as Draft says, and what is done to its rows from elsewhere. Slot i of pool p is
// Slots[p*Hosts+i].
type Fixture struct {
	Ledger  ledger.Ledger
	Sweep   string
	Pools   []string
	Slots   []string
	Advance func(time.Duration)         // moves the ledger's clock, which nothing else moves
	People  func(sweep.Verb) error      // a verb of people on the sweep
	Contact func(machine string) error  // the machine's runner enrols
	End     func(slot string, done int) // all tasks of a slot end well, as the queue says
}

// Draft is the sweep that a fixture must have: active, with Pools pools as Pool says, Hosts slots in each and one task for each slot.
type Draft struct {
	Budget sweep.Micros
	TTL    time.Duration // from the clock's now
}

// The shape of the drafted sweep.
const (
	Pools = 2
	Hosts = 2
)

// Price is what each machine of the drafted sweep costs.
var Price = sweep.Price{PerHour: 40_000, Known: true, Source: "test", Date: "2026-07-22", MinBilled: time.Minute}

// Pool is pool i of the drafted sweep. Its slack is zero, and it has no deadline.
func Pool(i int) sweep.Pool {
	typ := fmt.Sprintf("c%dg.medium", 8-i)
	return sweep.Pool{Provider: "fake", Regions: []string{"r1"}, Zones: []string{"r1a", "r1b"}, Type: typ, Alias: typ,
		Market: sweep.OnDemand, Arch: "arm64", Hosts: Hosts, Price: Price, Share: sweep.WholeMachine}
}

// Run runs the suite. Each test has a fixture of its own.
func Run(t *testing.T, fixture func(*testing.T, Draft) *Fixture) {
	const rich, twoMachines = sweep.Micros(10_000_000), sweep.Micros(2*40_000 + 39_999)
	for _, c := range []struct {
		name   string
		budget sweep.Micros
		test   func(*testing.T, *Fixture)
	}{
		{"a lease is one controller's", rich, lease},
		{"the same holder takes a new epoch", rich, sameHolder},
		{"an old epoch writes nothing", rich, stale},
		{"two controllers race for the lease", rich, raceForLease},
		{"two machines race for a slot", rich, raceForSlot},
		{"a row is there before anything is asked", rich, intended},
		{"the budget refuses before a row is written", twoMachines, overBudget},
		{"money of a machine that is gone is free again", twoMachines, moneyComesBack},
		{"a race for the last money has one winner", twoMachines, raceForMoney},
		{"repeated calls change nothing", rich, repeated},
		{"what a provider answers is kept", rich, recorded},
		{"an unknown thing is missing", rich, missing},
		{"a sweep that drains gets no machine", rich, noMachineWhileDraining},
		{"a sweep whose time is over gets no machine", rich, noMachineAfterExpiry},
		{"a skipped pool gets no machine", rich, skippedPool},
		{"a slot is given up with its reason", rich, slotGivenUp},
		{"a sweep ends with an outcome", rich, ends},
		{"people's verbs are not a controller's", rich, peoplesVerbs},
		{"a read is one moment", rich, consistent},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			c.test(t, fixture(t, Draft{Budget: c.budget, TTL: time.Hour}))
		})
	}
}

func lease(t *testing.T, f *Fixture) {
	first := f.take(t, "laptop")
	second, err := f.Ledger.Take(t.Context(), f.Sweep, "server")
	if !errors.Is(err, ledger.ErrHeld) || !strings.Contains(err.Error(), "laptop") || second.Epoch != 0 {
		t.Fatalf("a second controller: want ErrHeld with the holder's name and no epoch, got %+v, %v", second, err)
	}
	f.Advance(ledger.LeaseTime - time.Second)
	renewed, err := f.Ledger.Renew(t.Context(), f.Sweep, first.Epoch)
	if err != nil || renewed.Epoch != first.Epoch || !renewed.Until.After(first.Until) {
		t.Fatalf("renewed: %+v, %v", renewed, err)
	}
	f.Advance(ledger.LeaseTime - time.Second)
	if _, err := f.Ledger.Take(t.Context(), f.Sweep, "server"); !errors.Is(err, ledger.ErrHeld) {
		t.Fatalf("while the renewed lease lives: %v", err)
	}
	f.Advance(time.Second)
	if second = f.take(t, "server"); second.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", second.Epoch, first.Epoch)
	}
	if err := f.Ledger.Release(t.Context(), f.Sweep, second.Epoch); err != nil {
		t.Fatal(err)
	}
	if third := f.take(t, "laptop"); third.Epoch <= second.Epoch {
		t.Errorf("after a release: epoch %d after %d", third.Epoch, second.Epoch)
	}
}

func sameHolder(t *testing.T, f *Fixture) {
	first, second := f.take(t, "laptop"), f.take(t, "laptop")
	if second.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", second.Epoch, first.Epoch)
	}
	if _, err := f.Ledger.Renew(t.Context(), f.Sweep, first.Epoch); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("the first one renews: %v", err)
	}
}

func stale(t *testing.T, f *Fixture) {
	ctx, old := t.Context(), f.take(t, "laptop").Epoch
	m := f.intend(t, old, "m1", 0)
	f.Advance(2 * ledger.LeaseTime)
	if _, err := f.Ledger.Record(ctx, f.Sweep, old, m.ID, ledger.Change{Verb: sweep.Launch, NativeID: "i-1"}); err != nil {
		t.Fatalf("a lease that ran out and that nobody has taken: %v", err)
	}
	f.take(t, "server")
	before := f.read(t)
	for name, write := range map[string]func() error{
		"renew":   func() error { _, err := f.Ledger.Renew(ctx, f.Sweep, old); return err },
		"release": func() error { return f.Ledger.Release(ctx, f.Sweep, old) },
		"intend": func() error {
			_, err := f.Ledger.Intend(ctx, f.Sweep, old, ledger.Intent{Token: "m2", Slot: f.Slots[1], Region: "r1", Market: sweep.OnDemand})
			return err
		},
		"intend what is there": func() error {
			_, err := f.Ledger.Intend(ctx, f.Sweep, old, ledger.Intent{Token: "m1", Slot: f.Slots[0], Region: "r1", Market: sweep.OnDemand})
			return err
		},
		"record": func() error {
			_, err := f.Ledger.Record(ctx, f.Sweep, old, m.ID, ledger.Change{Verb: sweep.Delete, Reason: sweep.BecauseStopped})
			return err
		},
		"slot": func() error {
			return f.Ledger.MoveSlot(ctx, f.Sweep, old, f.Slots[0], ledger.SlotMove{Verb: sweep.Release})
		},
		"pool": func() error {
			return f.Ledger.SkipPool(ctx, f.Sweep, old, f.Pools[0], sweep.Skip{Reason: sweep.SkipQuota})
		},
		"sweep": func() error {
			_, err := f.Ledger.MoveSweep(ctx, f.Sweep, old, ledger.SweepMove{Verb: sweep.Finish})
			return err
		},
		"an epoch of the future": func() error { _, err := f.Ledger.Renew(ctx, f.Sweep, old+2); return err },
	} {
		if err := write(); !errors.Is(err, ledger.ErrStale) || !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: want ErrStale, got %v", name, err)
		}
	}
	if after := f.read(t); !same(before, after) {
		t.Errorf("an old epoch changed the rows:\n%+v\n%+v", before, after)
	}
}

func raceForLease(t *testing.T, f *Fixture) {
	const controllers = 8
	won := race(controllers, func(i int) error {
		_, err := f.Ledger.Take(t.Context(), f.Sweep, fmt.Sprintf("controller %d", i))
		if err != nil && !errors.Is(err, ledger.ErrHeld) {
			t.Error(err)
		}
		return err
	})
	if won != 1 {
		t.Errorf("%d of %d controllers have the sweep", won, controllers)
	}
}

func raceForSlot(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	won := race(8, func(i int) error {
		_, err := f.Ledger.Intend(t.Context(), f.Sweep, epoch,
			ledger.Intent{Token: fmt.Sprint("m", i), Slot: f.Slots[0], Region: "r1", Market: sweep.OnDemand})
		if err != nil && !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
		return err
	})
	if s := f.read(t); won != 1 || len(s.Machines) != 1 {
		t.Errorf("%d machines were intended for a slot, %d rows", won, len(s.Machines))
	}
}

func intended(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	asked := f.read(t).Now
	f.intend(t, epoch, "m1", 1)
	f.Advance(time.Minute)
	s := f.read(t)
	if len(s.Machines) != 1 {
		t.Fatalf("%d machines", len(s.Machines))
	}
	m := s.Machines[0]
	if m.ID != "m1" || m.State != sweep.MachineCreating || m.Slot != f.Slots[1] || m.Pool != f.Pools[0] || m.Provider != "fake" ||
		m.Type != "c8g.medium" || m.Region != "r1" || m.Zone != "r1a" || m.Market != sweep.OnDemand || m.Price != Price {
		t.Errorf("the row is %+v", m)
	}
	if !m.Intended.Equal(asked) || !m.Asked.Equal(asked) || !m.Expires.Equal(s.Sweep.Expires) || !m.Launched.IsZero() || !m.Ended.IsZero() {
		t.Errorf("asked at %s: times are %+v", asked, m)
	}
	if slot := f.slot(t, 1); slot.State != sweep.SlotHeld || slot.Machine != "m1" || slot.Left != 1 {
		t.Errorf("its slot is %+v", slot)
	}
	if slot := f.slot(t, 0); slot.State != sweep.SlotWaiting || slot.Machine != "" {
		t.Errorf("another slot is %+v", slot)
	}
}

func overBudget(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	f.intend(t, epoch, "m1", 0)
	f.intend(t, epoch, "m2", 1)
	_, err := f.Ledger.Intend(t.Context(), f.Sweep, epoch,
		ledger.Intent{Token: "m3", Slot: f.Slots[2], Region: "r1", Market: sweep.OnDemand})
	if !errors.Is(err, ledger.ErrOverBudget) || !fault.Is(err, fault.Conflict) {
		t.Fatalf("a third machine: want ErrOverBudget, got %v", err)
	}
	if s := f.read(t); len(s.Machines) != 2 || f.slot(t, 2).State != sweep.SlotWaiting {
		t.Errorf("a refused machine left a row or holds its slot: %+v", s.Machines)
	}
}

func moneyComesBack(t *testing.T, f *Fixture) {
	ctx, epoch := t.Context(), f.take(t, "laptop").Epoch
	f.intend(t, epoch, "m1", 0)
	f.intend(t, epoch, "m2", 1)
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Launch, NativeID: "i-1", Launched: f.read(t).Now})
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Delete, Reason: sweep.BecauseHeartbeatLost})
	third := ledger.Intent{Token: "m3", Slot: f.Slots[2], Region: "r1", Market: sweep.OnDemand}
	if _, err := f.Ledger.Intend(ctx, f.Sweep, epoch, third); !errors.Is(err, ledger.ErrOverBudget) {
		t.Fatalf("while the first may still run: %v", err)
	}
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Vanish})
	if _, err := f.Ledger.Intend(ctx, f.Sweep, epoch, third); err != nil {
		t.Errorf("after it is gone: %v", err)
	}
}

func raceForMoney(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	f.intend(t, epoch, "m0", 0)
	won := race(Pools*Hosts-1, func(i int) error {
		_, err := f.Ledger.Intend(t.Context(), f.Sweep, epoch,
			ledger.Intent{Token: fmt.Sprint("m", i+1), Slot: f.Slots[i+1], Region: "r1", Market: sweep.OnDemand})
		if err != nil && !errors.Is(err, ledger.ErrOverBudget) {
			t.Error(err)
		}
		return err
	})
	if s := f.read(t); won != 1 || sweep.Committed(s.Outlays()) > s.Sweep.Budget {
		t.Errorf("%d machines got the last money: %s of %s are committed", won, sweep.Committed(s.Outlays()), s.Sweep.Budget)
	}
}

func repeated(t *testing.T, f *Fixture) {
	ctx, epoch := t.Context(), f.take(t, "laptop").Epoch
	first := f.intend(t, epoch, "m1", 0)
	f.Advance(time.Second)
	again := f.intend(t, epoch, "m1", 0)
	if again.ID != first.ID || !again.Intended.Equal(first.Intended) || len(f.read(t).Machines) != 1 {
		t.Errorf("the same intent again: %+v", again)
	}
	_, err := f.Ledger.Intend(ctx, f.Sweep, epoch, ledger.Intent{Token: "m1", Slot: f.Slots[1], Region: "r1", Market: sweep.OnDemand})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("a used token for another slot: %v", err)
	}
	for _, c := range []ledger.Change{{Verb: sweep.Launch, NativeID: "i-1", Launched: first.Intended}, {Verb: sweep.Miss},
		{Verb: sweep.Delete, Reason: sweep.BecauseStopped}, {Verb: sweep.Vanish}} {
		one := f.record(t, epoch, "m1", c)
		f.Advance(time.Second)
		if two := f.record(t, epoch, "m1", c); !sameMachine(one, two) {
			t.Errorf("%s twice:\n%+v\n%+v", c.Verb, one, two)
		}
	}
	for range 2 {
		if err := f.Ledger.MoveSlot(ctx, f.Sweep, epoch, f.Slots[0], ledger.SlotMove{Verb: sweep.Release}); err != nil {
			t.Errorf("release: %v", err)
		}
		if err := f.Ledger.SkipPool(ctx, f.Sweep, epoch, f.Pools[1], sweep.Skip{Reason: sweep.SkipQuota}); err != nil {
			t.Errorf("skip: %v", err)
		}
		if _, err := f.Ledger.MoveSweep(ctx, f.Sweep, epoch, ledger.SweepMove{Verb: sweep.Finish}); err != nil {
			t.Errorf("finish: %v", err)
		}
	}
}

func recorded(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	f.intend(t, epoch, "m1", 0)
	start := f.read(t).Now
	f.Advance(10 * time.Second)
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Doubt, Reason: sweep.BecauseNoAnswer, Note: "i/o timeout"})
	if m := f.machine(t, "m1"); m.State != sweep.MachineUnsure || !m.Doubted || m.Reason != sweep.BecauseNoAnswer ||
		m.Note != "i/o timeout" {
		t.Errorf("unsure: %+v", m)
	}
	f.Advance(10 * time.Second)
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Ask})
	if m := f.machine(t, "m1"); m.State != sweep.MachineCreating || !m.Asked.Equal(start.Add(20*time.Second)) || !m.Intended.Equal(start) {
		t.Errorf("asked again: %+v", m)
	}
	if _, err := f.Ledger.Record(t.Context(), f.Sweep, epoch, "m1",
		ledger.Change{Verb: sweep.Refuse, Reason: sweep.BecauseCapacity}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a no after a lost answer: want a conflict, since it proves nothing, got %v", err)
	}
	launched := start.Add(5 * time.Second)
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Launch, NativeID: "i-1", Zone: "r1b", Launched: launched})
	if m := f.machine(t, "m1"); m.State != sweep.MachineUp || m.NativeID != "i-1" || m.Zone != "r1b" || !m.Launched.Equal(launched) {
		t.Errorf("up: %+v", m)
	}
	if err := f.Contact("m1"); err != nil {
		t.Fatal(err)
	}
	if m := f.machine(t, "m1"); m.State != sweep.MachineWorking || !m.Contact.Equal(start.Add(20*time.Second)) {
		t.Errorf("working: %+v", m)
	}
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Miss})
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Launch, NativeID: "i-1"})
	if m := f.machine(t, "m1"); !m.Missing.IsZero() || m.State != sweep.MachineWorking {
		t.Errorf("listed again: %+v", m)
	}
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Miss})
	f.Advance(time.Minute)
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Delete, Reason: sweep.BecauseReclaimed})
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Vanish, Reason: sweep.BecauseVanished})
	if m := f.machine(t, "m1"); m.State != sweep.MachineGone || m.Reason != sweep.BecauseReclaimed ||
		!m.Ended.Equal(start.Add(20*time.Second)) {
		t.Errorf("gone since a list lacked it: %+v", m)
	}
	if err := f.Contact("m1"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a machine that is gone enrols: %v", err)
	}
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Launch, NativeID: "i-1"})
	if m := f.machine(t, "m1"); m.State != sweep.MachineDeleting || m.Reason != sweep.BecauseStray || !m.Ended.IsZero() {
		t.Errorf("turned up after all: %+v", m)
	}
}

func missing(t *testing.T, f *Fixture) {
	ctx, epoch := t.Context(), f.take(t, "laptop").Epoch
	for name, call := range map[string]func() error{
		"take": func() error { _, err := f.Ledger.Take(ctx, "no-such-sweep", "laptop"); return err },
		"read": func() error { _, err := f.Ledger.Read(ctx, "no-such-sweep"); return err },
		"record": func() error {
			_, err := f.Ledger.Record(ctx, f.Sweep, epoch, "m9", ledger.Change{Verb: sweep.Miss})
			return err
		},
		"slot": func() error {
			return f.Ledger.MoveSlot(ctx, f.Sweep, epoch, "s9", ledger.SlotMove{Verb: sweep.Release})
		},
		"pool": func() error { return f.Ledger.SkipPool(ctx, f.Sweep, epoch, "p9", sweep.Skip{Reason: sweep.SkipQuota}) },
		"intend": func() error {
			_, err := f.Ledger.Intend(ctx, f.Sweep, epoch, ledger.Intent{Token: "m9", Slot: "s9", Market: sweep.OnDemand})
			return err
		},
	} {
		if err := call(); !fault.Is(err, fault.Missing) {
			t.Errorf("%s: want a missing thing, got %v", name, err)
		}
	}
	_, err := f.Ledger.Intend(ctx, f.Sweep, epoch, ledger.Intent{Slot: f.Slots[0], Market: sweep.OnDemand})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("no token: %v", err)
	}
}

func noMachineWhileDraining(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	if err := f.People(sweep.Stop); err != nil {
		t.Fatal(err)
	}
	f.refused(t, epoch)
	if s := f.read(t); s.Sweep.State != sweep.Draining || s.Sweep.Broken != sweep.BecauseStopped {
		t.Errorf("the sweep is %+v", s.Sweep)
	}
}

func noMachineAfterExpiry(t *testing.T, f *Fixture) {
	f.Advance(time.Hour)
	f.refused(t, f.take(t, "laptop").Epoch)
}

func skippedPool(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	skip := sweep.Skip{Reason: sweep.SkipCapacity, Sentence: "no c8g.medium in r1 until 12:00"}
	for _, s := range []sweep.Skip{skip, {Reason: sweep.SkipQuota, Sentence: "later"}} {
		if err := f.Ledger.SkipPool(t.Context(), f.Sweep, epoch, f.Pools[0], s); err != nil {
			t.Fatal(err)
		}
	}
	s := f.read(t)
	i := slices.IndexFunc(s.Pools, func(p ledger.Pool) bool { return p.ID == f.Pools[0] })
	if s.Pools[i].Skipped == nil || *s.Pools[i].Skipped != skip {
		t.Errorf("want the first reason, got %+v", s.Pools[i].Skipped)
	}
	f.refused(t, epoch)
	f.intend(t, epoch, "m1", Hosts) // the other pool goes on
}

func slotGivenUp(t *testing.T, f *Fixture) {
	ctx, epoch := t.Context(), f.take(t, "laptop").Epoch
	up := ledger.SlotMove{Verb: sweep.GiveUp, Reason: sweep.BecauseOverBudget, Note: "no money for it"}
	f.intend(t, epoch, "m1", 0)
	for _, move := range []ledger.SlotMove{up, {Verb: sweep.GiveUp, Reason: sweep.BecauseStopped, Note: "later"}} {
		if err := f.Ledger.MoveSlot(ctx, f.Sweep, epoch, f.Slots[0], move); err != nil {
			t.Fatal(err)
		}
	}
	if s := f.slot(t, 0); s.State != sweep.SlotGivenUp || s.Reason != up.Reason || s.Note != up.Note || s.Machine != "" {
		t.Errorf("want the first reason and no machine, got %+v", s)
	}
	if err := f.Ledger.MoveSlot(ctx, f.Sweep, epoch, f.Slots[0], ledger.SlotMove{Verb: sweep.Release}); !fault.Is(err, fault.Conflict) {
		t.Errorf("released after it was given up: %v", err)
	}
	if err := f.Ledger.MoveSlot(ctx, f.Sweep, epoch, f.Slots[1], ledger.SlotMove{Verb: sweep.Hold}); !fault.Is(err, fault.Invalid) {
		t.Errorf("held without a machine: %v", err)
	}
}

func ends(t *testing.T, f *Fixture) {
	ctx, epoch := t.Context(), f.take(t, "laptop").Epoch
	f.intend(t, epoch, "m1", 0)
	for i, slot := range f.Slots {
		move := ledger.SlotMove{Verb: sweep.Close}
		if i == len(f.Slots)-1 {
			move = ledger.SlotMove{Verb: sweep.GiveUp, Reason: sweep.BecauseCapacity}
		} else {
			f.End(slot, 1)
		}
		if err := f.Ledger.MoveSlot(ctx, f.Sweep, epoch, slot, move); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Ledger.MoveSweep(ctx, f.Sweep, epoch, ledger.SweepMove{Verb: sweep.End}); !fault.Is(err, fault.Conflict) {
		t.Errorf("an active sweep ends: %v", err)
	}
	f.Advance(time.Second)
	closing, err := f.Ledger.MoveSweep(ctx, f.Sweep, epoch, ledger.SweepMove{Verb: sweep.Finish})
	if err != nil || closing.State != sweep.Closing || !closing.Closing.Equal(f.read(t).Now) {
		t.Fatalf("finished: %+v, %v", closing, err)
	}
	ended, err := f.Ledger.MoveSweep(ctx, f.Sweep, epoch, ledger.SweepMove{Verb: sweep.End})
	if err != nil || ended.State != sweep.Ended || ended.Outcome != sweep.Partial {
		t.Fatalf("ended: %+v, %v", ended, err)
	}
	if s := f.read(t); s.Clean() || s.Sweep.Outcome != sweep.Partial {
		t.Errorf("a machine may still run, and the sweep is clean: %+v", s.Sweep)
	}
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Delete, Reason: sweep.BecauseDone})
	f.record(t, epoch, "m1", ledger.Change{Verb: sweep.Vanish})
	if s := f.read(t); !s.Clean() {
		t.Error("all machines are gone, and the sweep is not clean")
	}
}

func peoplesVerbs(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	for _, v := range []sweep.Verb{sweep.Start, sweep.Stop, sweep.StopNow} {
		if _, err := f.Ledger.MoveSweep(t.Context(), f.Sweep, epoch, ledger.SweepMove{Verb: v}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", v, err)
		}
	}
	broken, err := f.Ledger.MoveSweep(t.Context(), f.Sweep, epoch,
		ledger.SweepMove{Verb: sweep.Fail, Reason: sweep.BecauseCredential, Note: "the token has expired"})
	if err != nil || broken.State != sweep.Draining || broken.Broken != sweep.BecauseCredential || broken.Note != "the token has expired" {
		t.Errorf("failed: %+v, %v", broken, err)
	}
	if err := f.People(sweep.StopNow); err != nil {
		t.Fatal(err)
	}
	if s := f.read(t).Sweep; s.State != sweep.Closing || s.Broken != sweep.BecauseCredential {
		t.Errorf("the first cause does not stay: %+v", s)
	}
}

func consistent(t *testing.T, f *Fixture) {
	epoch := f.take(t, "laptop").Epoch
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i, slot := range f.Slots {
			in := ledger.Intent{Token: fmt.Sprint("m", i), Slot: slot, Region: "r1", Market: sweep.OnDemand}
			if _, err := f.Ledger.Intend(context.WithoutCancel(t.Context()), f.Sweep, epoch, in); err != nil {
				t.Error(err)
			}
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		s := f.read(t)
		held := 0
		for _, slot := range s.Slots {
			if slot.State != sweep.SlotHeld {
				continue
			}
			held++
			if !slices.ContainsFunc(s.Machines, func(m ledger.Machine) bool { return m.ID == slot.Machine && m.Slot == slot.ID }) {
				t.Errorf("slot %s is held by %s, which is not in the same read", slot.ID, slot.Machine)
			}
		}
		if held != len(s.Machines) {
			t.Errorf("%d slots are held and %d machines intended in one read", held, len(s.Machines))
		}
	}
}

// race runs do n times at once and returns how many had no error.
func race(n int, do func(int) error) (won int) {
	var wait sync.WaitGroup
	errs := make([]error, n)
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wait.Wait()
	for _, err := range errs {
		if err == nil {
			won++
		}
	}
	return won
}

func (f *Fixture) take(t *testing.T, holder string) ledger.Lease {
	t.Helper()
	lease, err := f.Ledger.Take(t.Context(), f.Sweep, holder)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func (f *Fixture) intend(t *testing.T, epoch int64, token string, slot int) ledger.Machine {
	t.Helper()
	m, err := f.Ledger.Intend(t.Context(), f.Sweep, epoch,
		ledger.Intent{Token: token, Slot: f.Slots[slot], Region: "r1", Zone: "r1a", Market: sweep.OnDemand})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// refused checks that the first slot gets no machine, for a reason that is not the epoch.
func (f *Fixture) refused(t *testing.T, epoch int64) {
	t.Helper()
	_, err := f.Ledger.Intend(t.Context(), f.Sweep, epoch,
		ledger.Intent{Token: "late", Slot: f.Slots[0], Region: "r1", Market: sweep.OnDemand})
	if !fault.Is(err, fault.Conflict) || errors.Is(err, ledger.ErrStale) || len(f.read(t).Machines) != 0 {
		t.Errorf("want a refusal and no row, got %v", err)
	}
}

func (f *Fixture) record(t *testing.T, epoch int64, id string, c ledger.Change) ledger.Machine {
	t.Helper()
	m, err := f.Ledger.Record(t.Context(), f.Sweep, epoch, id, c)
	if err != nil {
		t.Fatalf("%s: %v", c.Verb, err)
	}
	return m
}

func (f *Fixture) read(t *testing.T) ledger.Snapshot {
	t.Helper()
	s, err := f.Ledger.Read(t.Context(), f.Sweep)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *Fixture) machine(t *testing.T, id string) ledger.Machine {
	t.Helper()
	s := f.read(t)
	i := slices.IndexFunc(s.Machines, func(m ledger.Machine) bool { return m.ID == id })
	if i < 0 {
		t.Fatalf("no machine %s", id)
	}
	return s.Machines[i]
}

func (f *Fixture) slot(t *testing.T, i int) ledger.Slot {
	t.Helper()
	s := f.read(t)
	j := slices.IndexFunc(s.Slots, func(o ledger.Slot) bool { return o.ID == f.Slots[i] })
	if j < 0 {
		t.Fatalf("no slot %s", f.Slots[i])
	}
	return s.Slots[j]
}

// same compares what writes change.
func same(a, b ledger.Snapshot) bool {
	return a.Sweep.State == b.Sweep.State && a.Sweep.Lease.Epoch == b.Sweep.Lease.Epoch && a.Sweep.Lease.Until.Equal(b.Sweep.Lease.Until) &&
		slices.Equal(a.Slots, b.Slots) && slices.EqualFunc(a.Machines, b.Machines, sameMachine) &&
		slices.EqualFunc(a.Pools, b.Pools, func(p, q ledger.Pool) bool { return p.ID == q.ID && (p.Skipped == nil) == (q.Skipped == nil) })
}

// sameMachine compares rows whose times may be in other locations.
func sameMachine(a, b ledger.Machine) bool {
	for _, m := range []*ledger.Machine{&a, &b} {
		for _, at := range []*time.Time{&m.Expires, &m.Intended, &m.Asked, &m.Launched, &m.Contact, &m.Beat, &m.Missing, &m.Ended} {
			*at = at.UTC().Round(0)
		}
	}
	return a == b
}
