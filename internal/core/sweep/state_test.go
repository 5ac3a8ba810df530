package sweep

import (
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

// TestTheLifeOfASweep states, for each state and verb, where the sweep goes; "" is a refusal.
func TestTheLifeOfASweep(t *testing.T) {
	t.Parallel()
	want := map[State]map[Verb]State{
		Planned:  {Start: Active, Stop: Closing, StopNow: Closing, Fail: Closing, Finish: "", End: ""},
		Active:   {Start: Active, Stop: Draining, StopNow: Closing, Fail: Draining, Finish: Closing, End: ""},
		Draining: {Start: "", Stop: Draining, StopNow: Closing, Fail: Draining, Finish: Closing, End: ""},
		Closing:  {Start: "", Stop: Closing, StopNow: Closing, Fail: Closing, Finish: Closing, End: Ended},
		Ended:    {Start: "", Stop: "", StopNow: "", Fail: "", Finish: "", End: Ended},
	}
	for _, s := range States {
		for _, v := range Verbs {
			to, stated := want[s][v]
			if !stated {
				t.Fatalf("%s + %s is not stated", s, v)
			}
			got, err := Next("nightly", s, v)
			switch {
			case to != "" && (err != nil || got != to):
				t.Errorf("%s + %s = %s, %v; want %s", s, v, got, err, to)
			case to == "" && (!fault.Is(err, fault.Conflict) || got != s):
				t.Errorf("%s + %s = %s, %v; want a conflict and nothing changed", s, v, got, err)
			}
		}
	}
}

func TestNothingLeadsBackToMakingMachines(t *testing.T) {
	t.Parallel()
	rank := map[State]int{Planned: 0, Active: 1, Draining: 2, Closing: 3, Ended: 4}
	for _, s := range States {
		for _, v := range Verbs {
			if next, err := Next("nightly", s, v); err == nil && rank[next] < rank[s] {
				t.Errorf("%s + %s leads back to %s", s, v, next)
			}
		}
		if s.MakesMachines() != (s == Active) {
			t.Errorf("%s makes machines: %t", s, s.MakesMachines())
		}
	}
}

func TestTheLifeOfASlot(t *testing.T) {
	t.Parallel()
	want := map[SlotState]map[SlotVerb]SlotState{
		SlotWaiting: {Hold: SlotHeld, Release: SlotWaiting, Close: SlotDone, GiveUp: SlotGivenUp},
		SlotHeld:    {Hold: "", Release: SlotWaiting, Close: SlotDone, GiveUp: SlotGivenUp},
		SlotDone:    {Hold: "", Release: "", Close: SlotDone, GiveUp: ""},
		SlotGivenUp: {Hold: "", Release: "", Close: "", GiveUp: SlotGivenUp},
	}
	for _, s := range SlotStates {
		for _, v := range SlotVerbs {
			to, stated := want[s][v]
			if !stated {
				t.Fatalf("%s + %s is not stated", s, v)
			}
			got, err := NextSlot("c8g/1", s, v)
			switch {
			case to != "" && (err != nil || got != to):
				t.Errorf("%s + %s = %s, %v; want %s", s, v, got, err, to)
			case to == "" && (!fault.Is(err, fault.Conflict) || got != s):
				t.Errorf("%s + %s = %s, %v; want a conflict and nothing changed", s, v, got, err)
			}
		}
		if s.Open() != (s == SlotWaiting || s == SlotHeld) {
			t.Errorf("%s is open: %t", s, s.Open())
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		tally Tally
		want  Outcome
	}{
		{"all done", Tally{SlotsDone: 6, TasksDone: 12}, Completed},
		{"a task failed", Tally{SlotsDone: 6, TasksDone: 11, TasksFailed: 1}, Partial},
		{"a slot had no capacity", Tally{SlotsDone: 5, SlotsGivenUp: 1, TasksDone: 10}, Partial},
		{"a pool was skipped when it was planned", Tally{SlotsDone: 4, PoolsSkipped: 1, TasksDone: 8}, Partial},
		{"a slot had no money", Tally{SlotsDone: 5, SlotsGivenUp: 2, OverBudget: 1, TasksDone: 10}, OverBudget},
		{"no slot had money", Tally{SlotsGivenUp: 6, OverBudget: 6}, OverBudget},
		{"stopped by somebody", Tally{Broken: BecauseStopped, SlotsDone: 1, SlotsGivenUp: 5, TasksDone: 2}, Stopped},
		{"stopped before anything", Tally{Broken: BecauseStopped}, Stopped},
		{"credentials expired", Tally{Broken: BecauseCredential, SlotsDone: 5, SlotsGivenUp: 1, TasksDone: 10}, Failed},
		{"each task failed", Tally{SlotsDone: 6, TasksFailed: 12}, Failed},
		{"no pool was left", Tally{PoolsSkipped: 3}, Failed},
	} {
		if got := c.tally.Outcome(); got != c.want {
			t.Errorf("%s: want %s, got %s", c.name, c.want, got)
		}
	}
}
