package event

import (
	"math"
	"slices"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

// TestLifeIsExhaustive states, for each state and verb, where the event goes; "" is a refusal.
func TestLifeIsExhaustive(t *testing.T) {
	t.Parallel()
	const s, ch, c, r, u, a, x, i, f = Suspected, Checking, Confirmed, Refuted, Undecided, Acknowledged, Accepted, Ignored, Fixed
	want := map[State][12]State{ // ack, accept, ignore, fix, reopen, check, confirm, withdraw, refute, doubt, fail, expire
		s:  {a, x, i, f, s, ch, c, s, r, u, s, ""},
		ch: {a, x, i, f, "", ch, c, ch, r, u, s, ""},
		c:  {a, x, i, f, "", ch, c, s, r, c, c, ""},
		r:  {"", "", i, "", s, ch, c, r, r, r, r, ""},
		u:  {a, x, i, f, s, ch, c, u, r, u, u, ""},
		a:  {a, x, i, f, s, a, a, a, r, a, a, ""},
		x:  {"", x, "", "", s, "", x, x, x, x, x, ""},
		i:  {a, x, i, f, s, "", i, i, i, i, i, s},
		f:  {"", "", "", f, s, "", f, f, f, f, f, ""},
	}
	for _, state := range States {
		for n, verb := range Verbs {
			got, err := Next("e", state, verb)
			switch to := want[state][n]; {
			case to == "":
				if !fault.Is(err, fault.Conflict) || got != state {
					t.Errorf("%s, %s: want a Conflict, got %s, %v", state, verb, got, err)
				}
			case err != nil || got != to:
				t.Errorf("%s, %s: want %s, got %s, %v", state, verb, to, got, err)
			}
		}
	}
}

// TestWhatPeopleDecidedStays: no measurement undoes it, but a refuted change needs no acknowledgement.
func TestWhatPeopleDecidedStays(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Accepted, Ignored, Fixed} {
		for _, verb := range []Verb{Confirm, Withdraw, Refute, Doubt, Fail} {
			if got, err := Next("e", state, verb); got != state || err != nil {
				t.Errorf("%s, %s: %s, %v", state, verb, got, err)
			}
		}
	}
	var open []State
	for _, state := range States {
		if state.Open() {
			open = append(open, state)
		}
	}
	if want := []State{Suspected, Checking, Confirmed, Undecided, Acknowledged}; !slices.Equal(open, want) {
		t.Errorf("open states: want %v, got %v", want, open)
	}
}

func TestOfMachine(t *testing.T) {
	t.Parallel()
	still, moved := []Around{{20, 1}}, []Around{{20, 15}}
	for name, c := range map[string]struct {
		here   Around
		others []Around
		want   bool
	}{
		"most of many, the other stands still": {Around{20, 11}, still, true},
		"half":                                 {Around{20, 10}, still, false},
		"four of four":                         {Around{4, 4}, still, false},
		"five of five":                         {Around{5, 5}, still, true},
		"the other moved too":                  {Around{20, 20}, moved, false},
		"one of the others stands still":       {Around{20, 20}, slices.Concat(moved, still), true},
		"no other":                             {Around{20, 20}, nil, false},
		"another with too few lines to tell":   {Around{20, 20}, []Around{{4, 0}}, false},
	} {
		if got := OfMachine(c.here, c.others); got != c.want {
			t.Errorf("%s: want %v, got %v", name, c.want, got)
		}
	}
}

func TestScore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		effect Effect
		want   float64
	}{
		"exact":          {Effect{100, 110, 0, true}, math.Log(1.1)},
		"better is as":   {Effect{110, 100, 0, true}, math.Log(1.1)},
		"half certain":   {Effect{100, 110, 1e-6, true}, math.Log(1.1) / 2},
		"sure":           {Effect{100, 110, 1e-300, true}, math.Log(1.1)},
		"by chance":      {Effect{100, 110, 1, true}, 0},
		"not settled":    {Effect{100, 110, 0, false}, math.Log(1.1) / 2},
		"nothing":        {Effect{7, 7, 0, true}, 0},
		"new":            {Effect{0, 7, 0, true}, 5},
		"negative":       {Effect{-100, -50, 0, true}, 0.5},
		"over zero":      {Effect{-100, 100, 0, true}, 2},
		"huge":           {Effect{1e-300, 1e300, 0, true}, 5},
		"over the range": {Effect{-math.MaxFloat64, math.MaxFloat64, 0, true}, 2},
	} {
		if got := c.effect.Score(); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: want %v, got %v", name, c.want, got)
		}
	}
	if got := Total([]float64{3, 4}); got != 5 {
		t.Errorf("total of 3 and 4: %v", got)
	}
}
