package controller

import (
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/property"
)

// TestMain collects garbage more rarely: thousands of sweeps leave little that lives.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}

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

// TestKillEverywhere is T1: at each boundary of a step, before and after each write to the ledger and each call to the cloud, the
// controller is killed, or the server, or both, and either they come back or nobody ever does. The boundaries are counted by running once
// undisturbed.
//
// Most ticks find nothing to do but renew and list. Of their boundaries every seventh is taken, which meets each kind of them; and at each
// boundary one of the three dies, in turn. With TACHO_TEST_EVERYWHERE set, each dies at all of them. Under the race detector every 35th
// boundary is taken.
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
			var killed, runs atomic.Int64
			t.Cleanup(func() {
				t.Logf("%s: %d boundaries in %d ticks; deaths at %d of them, %d runs: %s", name, quiet.passed, quiet.tick, killed.Load(),
					runs.Load(), kinds(quiet.names))
			})
			chosen := boundaries(&quiet)
			const parts = 4 // that run side by side
			for part := range parts {
				t.Run(fmt.Sprint("part ", part+1), func(t *testing.T) {
					t.Parallel()
					for i := part; i < len(chosen) && !t.Failed(); i += parts {
						killed.Add(1)
						for j, k := range kills {
							if !everywhere && (i+j)%len(kills) != 0 {
								continue
							}
							runs.Add(2)
							d := death{k, chosen[i], quiet.names[chosen[i]-1]}
							d.resumed(t, make())
							d.abandoned(t, make())
						}
					}
				})
			}
		})
	}
}

var everywhere = os.Getenv("TACHO_TEST_EVERYWHERE") != ""

// boundaries are those of a run at which somebody dies.
func boundaries(quiet *wire) (chosen []int) {
	busy := quiet.busy()
	for at := 1; at <= quiet.passed; at++ {
		if everywhere || (busy[quiet.ticks[at-1]] || at%7 == 0) && (!property.Few || at%35 == 0) {
			chosen = append(chosen, at)
		}
	}
	return chosen
}

// death is who dies at which boundary.
type death struct {
	kill
	at   int
	name string // of the boundary
}

func (d death) String() string { return fmt.Sprintf("%s killed at %d (%s)", d.kill.name, d.at, d.name) }

// away is how long a server is away: longer than a lease, and than a machine may be silent.
const away = 3 * time.Minute

// until plays a sweep to the death. A server that dies alone comes back, if it does, while its controller goes on.
func (d death) until(t *testing.T, w *world, comesBack bool) *wire {
	t.Helper()
	w.checked = false // the undisturbed run was: it is the same up to here
	x := &wire{killAt: d.at, kills: d.kill}
	var since time.Time
	end := w.expires
	if comesBack {
		end = end.Add(time.Hour)
	}
	w.tend(t, w.controller("first", 1, x), end, func() {
		switch {
		case !x.down || !comesBack:
		case since.IsZero():
			since = w.now
		case w.now.Sub(since) >= away:
			x.back()
		}
	})
	if x.passed < d.at {
		t.Errorf("%s: it was not reached", d)
	}
	return x
}

func (d death) resumed(t *testing.T, w *world) {
	t.Helper()
	first := d.until(t, w, true)
	if d.controller {
		if d.server {
			w.pass(away)
			first.back()
		}
		w.pass(35 * time.Second) // until the dead one's lease is over
		w.check()
		second := w.controller("second", 1, &wire{})
		if _, err := second.Tick(t.Context()); err != nil {
			t.Errorf("%s, and resumed: %v", d, err)
		}
		d.wakes(t, w, first)
		if !w.tend(t, second, w.expires.Add(time.Hour), nil) {
			t.Errorf("%s, and resumed: the sweep is %s at %s", d, w.read().Sweep.State, w.now)
		}
	}
	allDone(t, w, d.String())
}

// wakes is the first controller, which was not dead but slept: whatever it writes is refused, and it asks nobody for a machine.
func (d death) wakes(t *testing.T, w *world, first *wire) {
	t.Helper()
	first.dead = false
	_, asked := w.cloud.Made()
	before := w.read()
	old := w.controller("first", 1, first)
	old.lease = ledger.Lease{Epoch: before.Sweep.Lease.Epoch - 1}
	_, err := old.Tick(t.Context())
	if _, now := w.cloud.Made(); old.lease.Epoch > 0 && !isStale(err) || now != asked || !reflect.DeepEqual(before, w.read()) {
		t.Errorf("%s: it wakes beside its successor, and changes the ledger or asks for machines: %v", d, err)
	}
}

func (d death) abandoned(t *testing.T, w *world) {
	t.Helper()
	x := d.until(t, w, false)
	if !d.server { // tasks go on without a controller
		x.world.silent = false
	}
	w.pass(w.expires.Add(worldSlack).Sub(w.now))
	w.check()
	if machines, _ := w.cloud.Left(); machines != 0 || len(w.invalid) > 0 {
		t.Errorf("%s, and nobody comes back: %d machines are left after their time; %q", d, machines, w.invalid)
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
