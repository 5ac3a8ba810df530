package controller

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/property"
)

// rough is a cloud in which a sweep meets most kinds of step: a lost reply, a full zone, a machine that never enrols, one that is taken
// back, one that leaves its disk, and lists that lag.
func rough() *world {
	made := 0
	w := newWorld(sweep.Dollar, fake.Shape{Boot: 30 * time.Second, Lag: 20 * time.Second, Fate: func(provider.Want) (f fake.Fate) {
		made++
		switch made {
		case 2:
			f.TakenAfter = 4 * time.Minute
		case 3:
			f.NeverEnrols = true
		case 4:
			f.KeepsDisk = true
		}
		return f
	}})
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Unavailable, Happens: true, Times: 1})
	w.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Capacity, Zone: "r1a", Type: "c7.medium"})
	return w
}

// TestKillEverywhere is T1 for the controller: it is killed at each boundary of a step, before and after each write to the ledger and each
// call to the cloud, and either somebody resumes or nobody ever comes. The boundaries are counted by running once undisturbed.
//
// Most ticks find nothing to do but renew and list. Of their boundaries every seventh is taken, which meets each kind of them; with
// TACHO_TEST_EVERYWHERE set, all are. Under the race detector every 35th is.
func TestKillEverywhere(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func() *world{
		"smooth": func() *world { return newWorld(sweep.Dollar, fake.Shape{Boot: 30 * time.Second}) },
		"rough":  rough,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var quiet wire
			w := make()
			if !w.tend(t, w.controller("first", 1, &quiet), w.expires.Add(time.Hour), nil) {
				t.Fatalf("undisturbed, the sweep is %s at %s", w.read().Sweep.State, w.now)
			}
			allDone(t, w, "undisturbed")
			if t.Failed() {
				return
			}
			busy, all := quiet.busy(), os.Getenv("TACHO_TEST_EVERYWHERE") != ""
			killed := 0
			for at := 1; at <= quiet.passed && !t.Failed(); at++ {
				if !busy[quiet.ticks[at-1]] && !all && at%7 != 0 || property.Few && at%35 != 0 {
					continue
				}
				killed++
				resumed(t, make(), at, quiet.names[at-1])
				abandoned(t, make(), at, quiet.names[at-1])
			}
			t.Logf("%s: %d boundaries in %d ticks; killed at %d of them, twice each: %s", name, quiet.passed, quiet.tick, killed,
				kinds(quiet.names))
		})
	}
}

func resumed(t *testing.T, w *world, at int, name string) {
	t.Helper()
	first := &wire{killAt: at}
	w.tend(t, w.controller("first", 1, first), w.expires, nil)
	if !first.dead {
		t.Errorf("boundary %d (%s) was not reached", at, name)
	}
	w.pass(35 * time.Second) // until the dead one's lease is over
	w.check()
	if !w.tend(t, w.controller("second", 1, &wire{}), w.expires.Add(time.Hour), nil) {
		t.Errorf("killed at %d (%s) and resumed: the sweep is %s at %s", at, name, w.read().Sweep.State, w.now)
	}
	allDone(t, w, name)
	if t.Failed() {
		t.Logf("killed at %d, %s, and resumed", at, name)
	}
}

func abandoned(t *testing.T, w *world, at int, name string) {
	t.Helper()
	w.tend(t, w.controller("first", 1, &wire{killAt: at}), w.expires, nil)
	w.pass(w.expires.Add(worldSlack).Sub(w.now))
	w.check()
	if machines, _ := w.cloud.Left(); machines != 0 || len(w.invalid) > 0 {
		t.Errorf("killed at %d (%s), and nobody comes back: %d machines are left after their time; %q", at, name, machines, w.invalid)
	}
}

// allDone checks that each task was done once, that nothing is left, and that nothing was ever wrong.
func allDone(t *testing.T, w *world, name string) {
	t.Helper()
	rows := w.read()
	if machines, disks := w.cloud.Left(); machines+disks > 0 || !rows.Clean() || rows.Sweep.State != sweep.Ended {
		t.Errorf("%s: %d machines and %d disks are left; the sweep is %s, clean: %t", name, machines, disks, rows.Sweep.State, rows.Clean())
	}
	if n := w.undone(); n > 0 || rows.Sweep.Outcome != sweep.Completed {
		t.Errorf("%s: %d tasks were not done, the outcome is %q", name, n, rows.Sweep.Outcome)
	}
	if len(w.invalid) > 0 {
		t.Errorf("%s: %q", name, w.invalid[:min(5, len(w.invalid))])
	}
}

// kinds are the different steps among boundaries.
func kinds(names []string) string {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		if n, before := strings.CutPrefix(n, "before "); before && !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return strings.Join(out, ", ")
}
