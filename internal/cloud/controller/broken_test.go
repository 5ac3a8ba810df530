package controller

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// A kind of machine that goes the same way each time is not made again and again until the money is gone.
func TestAPoolWhoseMachinesGoTheSameWayIsSkipped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fate   fake.Fate
		accuse string
		skip   sweep.SkipReason
		most   int    // machines of the pool
		says   string // in the sentence
	}{
		{"they lie", fake.Fate{}, "it is arm64, its pool is amd64: 100%s", sweep.SkipSuspect, 2, "2 machines are not what the pool says; " +
			"the last one: it is arm64, its pool is amd64: 100%s"},
		{"they never enrol", fake.Fate{NeverEnrols: true}, "", sweep.SkipNeverCame, 2, "2 machines were launched and never enrolled"},
		{"they are lost", fake.Fate{DiesAfter: time.Minute}, "", sweep.SkipLost, 4, "machines were lost before they had done a task"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			shape := boots()
			shape.Fate = func(want provider.Want) (f fake.Fate) {
				if want.Type == "c8.medium" {
					f = c.fate
				}
				return f
			}
			w := newWorld(sweep.Dollar, shape)
			rows := story(t, w, func() {
				for _, m := range w.read().Machines {
					if c.accuse != "" && m.Type == "c8.medium" && m.State == sweep.MachineWorking {
						if err := w.ledger.Accuse(worldSweep, m.ID, c.accuse); err != nil {
							t.Error(err)
						}
					}
				}
			})
			made := 0
			for _, m := range rows.Machines {
				if m.Pool == "pool-2" {
					made++
				}
			}
			p := rows.Pools[2]
			if p.Skipped == nil || p.Skipped.Reason != c.skip || !strings.Contains(p.Skipped.Sentence, c.says) || made > c.most {
				t.Errorf("%d machines; the pool is %+v", made, p.Skipped)
			}
			if rows.Sweep.Outcome != sweep.Partial || w.undone() != worldHosts*worldTasks {
				t.Errorf("%s, and %d tasks were not done", rows.Sweep.Outcome, w.undone())
			}
		})
	}
}

// One place that loses each machine is given up, though others of its pool do well.
func TestASlotThatLosesEachMachineIsGivenUp(t *testing.T) {
	t.Parallel()
	var w *world
	shape := boots()
	shape.Fate = func(want provider.Want) (f fake.Fate) {
		for _, m := range w.read().Machines {
			if m.ID == want.Token && m.Slot == "pool-0/1" {
				f.DiesAfter = 4 * time.Minute // after its first task
			}
		}
		return f
	}
	w = newWorld(sweep.Dollar, shape)
	w.takes = 5 * time.Minute
	w.tasks = append(w.tasks, &task{slot: "pool-0/2", done: 1}) // the kind is good
	rows := story(t, w, nil)
	tried := 0
	for _, m := range rows.Machines {
		if m.Slot == "pool-0/1" {
			tried++
		}
	}
	s := rows.Slots[0]
	if tried != 3 || s.State != sweep.SlotGivenUp || s.Reason != sweep.BecauseHeartbeatLost ||
		!strings.Contains(s.Note, "3 machines of this slot were lost") || rows.Pools[0].Skipped != nil {
		t.Errorf("after %d machines the slot is %+v, its pool %+v", tried, s, rows.Pools[0].Skipped)
	}
}

// sameOnAll is what is said of it; how many machines there are by then is a matter of whose call came first.
var sameOnAll = regexp.MustCompile(`^workload interp: the same error on (2 of 2|3 of 3|4 of 4) machines: benchmark_exit: ruby: no`)

// A workload that fails in the same way on two kinds of machine is broken, and more machines would only cost more.
func TestTheSameErrorInTwoPoolsStopsTheSweep(t *testing.T) {
	t.Parallel()
	shape := boots()
	shape.Quota = 2 // so that not all machines are there when it is seen
	w := newWorld(sweep.Dollar, shape)
	w.fails = "benchmark_exit: ruby: no such file"
	rows := story(t, w, nil)
	made, _ := w.cloud.Made()
	if s := rows.Sweep; s.Outcome != sweep.Failed || s.Broken != sweep.BecauseSameError ||
		!sameOnAll.MatchString(s.Note) {
		t.Errorf("the sweep is %+v", s)
	}
	if made == worldPools*worldHosts || !rows.Clean() {
		t.Errorf("all %d machines were made, clean %t", made, rows.Clean())
	}
}

func TestWhileSomebodyIsAskedNoMachineIsMade(t *testing.T) {
	t.Parallel()
	for answer, outcome := range map[Answer]sweep.Outcome{GoOn: sweep.Failed, Stop: sweep.Failed} {
		shape := boots()
		shape.Quota = 2
		w := newWorld(sweep.Dollar, shape)
		w.fails = "benchmark_exit: exit 1"
		c := w.controller("the only one", 4, &wire{})
		asked, now, made := 0, Later, 0
		c.cfg.Ask = func(what string) Answer {
			if asked++; !strings.Contains(what, "exit 1") {
				t.Errorf("asked: %q", what)
			}
			if made == 0 {
				made, _ = w.cloud.Made()
			}
			return now
		}
		w.tend(t, c, w.now.Add(15*time.Minute), nil)
		if n, _ := w.cloud.Made(); asked == 0 || n != made || w.read().Sweep.State != sweep.Active {
			t.Errorf("asked %d times; %d machines at the first time and %d now; the sweep is %s", asked, made, n, w.read().Sweep.State)
		}
		now = answer
		w.tend(t, c, w.expires.Add(time.Hour), nil)
		n, _ := w.cloud.Made()
		if rows := w.read(); rows.Sweep.Outcome != outcome || (n > made) != (answer == GoOn) || (rows.Sweep.Broken == "") != (answer == GoOn) {
			t.Errorf("%s: %d machines, %+v", answer, n, rows.Sweep)
		}
	}
}

// What is broken on one kind of machine alone, or in different ways, is a result like others.
func TestOtherErrorsStopNothing(t *testing.T) {
	t.Parallel()
	fail := func(workload, slot, said string) ledger.Failure {
		return ledger.Failure{Workload: workload, Slot: slot, Error: said}
	}
	slots := []ledger.Slot{{ID: "a1", Pool: "a"}, {ID: "a2", Pool: "a"}, {ID: "b1", Pool: "b"}}
	for name, c := range map[string]struct {
		failures []ledger.Failure
		want     string
	}{
		"one pool":           {[]ledger.Failure{fail("w", "a1", "x"), fail("w", "a2", "x")}, ""},
		"different errors":   {[]ledger.Failure{fail("w", "a1", "x"), fail("w", "b1", "y")}, ""},
		"different workload": {[]ledger.Failure{fail("w", "a1", "x"), fail("v", "b1", "x")}, ""},
		"two of three": {[]ledger.Failure{fail("w", "a1", "x"), fail("w", "a2", "y"), fail("w", "b1", "x")},
			"workload w: the same error on 2 of 3 machines: x"},
	} {
		if got := (ledger.Snapshot{Slots: slots, Failures: c.failures}).SameError(); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What was delivered may turn out to be no result, so the outcome waits until all of it was read; not for ever.
func TestTheOutcomeWaitsForWhatWasDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	w.unread = 1
	c := w.controller("the only one", 4, &wire{})
	w.tend(t, c, w.now.Add(12*time.Minute), nil)
	if rows := w.read(); rows.Sweep.State != sweep.Closing || !rows.Clean() || w.undone() != 0 {
		t.Fatalf("while nobody reads the sweep is %s (%s), clean %t", rows.Sweep.State, rows.Sweep.Outcome, rows.Clean())
	}
	w.unread = 0
	w.tend(t, c, w.now.Add(time.Minute), nil)
	allDone(t, w, "all was read")

	w = newWorld(sweep.Dollar, boots())
	w.unread = 1
	if rows := story(t, w, nil); rows.Sweep.Outcome != sweep.Partial {
		t.Errorf("nobody has ever read: %s", rows.Sweep.Outcome)
	}
}

// A provider may say anything, and what a ledger keeps is bounded.
func TestNotesAreBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "no", strings.Repeat("é", 400), strings.Repeat("x", 1000), strings.Repeat("é", 4000)} {
		got := bounded(text)
		if len(got) > 1000 || len(text) <= 1000 && got != text || !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
	}
}
