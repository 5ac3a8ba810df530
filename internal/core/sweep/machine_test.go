package sweep

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/property"
)

// TestTheLifeOfAMachine states, for each state and verb, where a machine goes; "" is a refusal.
func TestTheLifeOfAMachine(t *testing.T) {
	t.Parallel()
	const (
		P, C, U, W = MachinePlanned, MachineCreating, MachineUp, MachineWorking
		R, D, N    = MachineDraining, MachineDeleting, MachineUnsure
		G, X       = MachineGone, MachineRefused
	)
	want := map[MachineState]map[MachineVerb]MachineState{
		P: {Ask: C, Refuse: X},
		C: {Ask: C, Launch: U, Contact: W, Refuse: X, Doubt: N, Miss: C, Delete: D, Vanish: G},
		N: {Ask: C, Launch: U, Contact: W, Refuse: X, Doubt: N, Miss: N, Delete: D, Vanish: G},
		U: {Launch: U, Contact: W, Doubt: U, Miss: U, Drain: R, Delete: D, Vanish: G},
		W: {Launch: W, Contact: W, Doubt: W, Miss: W, Drain: R, Delete: D, Vanish: G},
		R: {Launch: R, Contact: R, Doubt: R, Miss: R, Drain: R, Delete: D, Vanish: G},
		D: {Launch: D, Doubt: D, Refuse: D, Miss: D, Drain: D, Delete: D, Vanish: G},
		G: {Launch: D, Vanish: G},
		X: {Launch: D, Refuse: X},
	}
	delete(want[N], Refuse) // what is unsure is so because an answer was lost
	for _, s := range MachineStates {
		for _, v := range MachineVerbs {
			before := Machine{State: s, Doubted: s == N}
			got, err := before.Move("m1", v, "")
			to, legal := want[s][v]
			switch {
			case legal && (err != nil || got.State != to):
				t.Errorf("%s + %s = %s, %v; want %s", s, v, got.State, err, to)
			case !legal && (!fault.Is(err, fault.Conflict) || got != before):
				t.Errorf("%s + %s = %+v, %v; want a conflict and nothing changed", s, v, got, err)
			}
		}
		if may := s != P && s != G && s != X; s.MayRun() != may {
			t.Errorf("%s may run: %t", s, s.MayRun())
		}
	}
}

// After a lost answer, "no capacity" is said of the second request. The first one may have made a machine.
func TestANoAfterALostAnswerProvesNothing(t *testing.T) {
	t.Parallel()
	m := moved(t, Machine{State: MachinePlanned}, Ask, "")
	m = moved(t, m, Doubt, BecauseNoAnswer)
	m = moved(t, m, Ask, "")
	if got, err := m.Move("m1", Refuse, BecauseCapacity); err == nil || got != m {
		t.Errorf("the machine is %s, although it may exist", got.State)
	}
	if m = moved(t, m, Doubt, BecauseNoAnswer); m.State != MachineUnsure {
		t.Errorf("want unsure, got %s", m.State)
	}
	if m = moved(t, m, Vanish, BecauseNoAnswer); m.State != MachineGone || m.Reason != BecauseNoAnswer {
		t.Errorf("absent from two lists: %+v", m)
	}
}

func TestTheFirstReasonToGoStays(t *testing.T) {
	t.Parallel()
	m := moved(t, Machine{State: MachineWorking}, Delete, BecauseHeartbeatLost)
	m = moved(t, moved(t, m, Delete, BecauseStopped), Vanish, BecauseReclaimed)
	if m.State != MachineGone || m.Reason != BecauseHeartbeatLost {
		t.Errorf("%+v", m)
	}
	if m = moved(t, Machine{State: MachineWorking}, Vanish, BecauseReclaimed); m.Reason != BecauseReclaimed {
		t.Errorf("gone by itself: %+v", m)
	}
}

func TestAMachineThatTurnsUpAfterAllGoes(t *testing.T) {
	t.Parallel()
	for _, s := range []MachineState{MachineGone, MachineRefused} {
		if m := moved(t, Machine{State: s, Reason: BecauseCapacity}, Launch, ""); m.State != MachineDeleting || m.Reason != BecauseStray {
			t.Errorf("%s and listed: %+v", s, m)
		}
	}
}

// Whatever happens in any order: what may exist is left only by the provider's word, and no way leads back to work.
func TestAMachineIsForgottenByTheProvidersWordOnly(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		m := Machine{State: MachinePlanned}
		doubted, condemned := false, false
		for range rapid.IntRange(1, 40).Draw(t, "verbs") {
			v := rapid.SampledFrom(MachineVerbs).Draw(t, "verb")
			next, err := m.Move("m1", v, rapid.SampledFrom([]Reason{"", BecauseStopped, BecauseReclaimed}).Draw(t, "reason"))
			doubted = doubted || v == Doubt && err == nil
			switch {
			case err != nil && next != m:
				t.Fatalf("a refused %s changed %+v to %+v", v, m, next)
			case m.State.MayRun() && !next.State.MayRun() && v != Vanish && (v != Refuse || doubted):
				t.Fatalf("%s + %s: nothing proves that the machine does not exist", m.State, v)
			case condemned && next.State.MayRun() && next.State != MachineDeleting:
				t.Fatalf("%s + %s = %s: what was to go works again", m.State, v, next.State)
			case err == nil && !m.State.MayRun() && next.State.MayRun() && v == Launch && next.Reason != BecauseStray:
				t.Fatalf("%s + %s: %+v", m.State, v, next)
			}
			condemned = condemned || next.State == MachineDeleting || next.State == MachineGone
			m = next
		}
	})
}

func moved(t *testing.T, m Machine, v MachineVerb, r Reason) Machine {
	t.Helper()
	next, err := m.Move("m1", v, r)
	if err != nil {
		t.Fatal(err)
	}
	return next
}
