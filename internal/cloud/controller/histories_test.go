package controller

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/property"
)

// TestHistories is T2: whatever goes wrong, in any order, the invariants hold. I1: no create without a committed row. I2: what exists is in
// the ledger as something that may run. I3: what may be spent is within the budget at each create. I4: so is the bill. I5: a result counts
// once. I6: a sweep that has ended clean left nothing. And when nobody looks after it any more, nothing outlives its time.
//
// It draws 100 histories; -rapid.checks=10000 draws as many as a change of this room should pass.
func TestHistories(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		for w := h.world; w.now.Before(w.expires); {
			h.event(t)
			h.tick(t)
			if len(w.invalid) > 0 {
				t.Fatalf("at %s: %q", w.now.Format(time.TimeOnly), w.invalid)
			}
		}
		h.afterwards(t)
	})
}

// history is a world in which things go wrong.
type history struct {
	*world
	controllers []*tended
	events      int // that may still come
	told        int // controllers so far
}

type tended struct {
	*Controller
	wire *wire
}

func newHistory(t *rapid.T) *history {
	seed := rapid.Uint64().Draw(t, "fates")
	evil := rapid.IntRange(0, 3).Draw(t, "evil") // of ten machines
	source := rand.New(rand.NewPCG(seed, 1))
	fate := func(provider.Want) (f fake.Fate) {
		if source.IntN(10) >= evil {
			return f
		}
		after := time.Duration(1+source.IntN(20)) * time.Minute
		switch source.IntN(5) {
		case 0:
			f.NeverEnrols = true
		case 1:
			f.DiesAfter = after
		case 2:
			f.HangsAfter = after
		case 3:
			f.TakenAfter = after
		case 4:
			f.KeepsDisk = true
		}
		return f
	}
	shape := fake.Shape{Fate: fate, Boot: time.Duration(rapid.IntRange(5, 60).Draw(t, "boot")) * time.Second,
		Lag: (*history)(nil).lag(t), Quota: rapid.SampledFrom([]int{0, 0, 0, 1, 3}).Draw(t, "quota")}
	h := &history{events: rapid.IntRange(0, 12).Draw(t, "events")}
	h.world = newWorld(sweep.Micros(rapid.Int64Range(0, 300_000).Draw(t, "budget")), shape)
	h.join()
	return h
}

func (h *history) join() *tended {
	h.told++
	x := &wire{}
	c := &tended{h.controller(fmt.Sprint("controller ", h.told), 1, x), x}
	h.controllers = append(h.controllers, c)
	return c
}

// tick lets each controller look once, and some time pass.
func (h *history) tick(t *rapid.T) {
	for i := 0; i < len(h.controllers); i++ {
		c := h.controllers[i]
		_, err := c.Tick(t.Context())
		h.check()
		if errors.Is(err, ledger.ErrStale) || errors.Is(err, errKilled) {
			h.controllers = append(h.controllers[:i], h.controllers[i+1:]...)
			i--
		}
	}
	h.pass(Interval * time.Duration(rapid.IntRange(1, 12).Draw(t, "pause")))
	h.check()
}

// event is something that goes wrong, or gets better.
func (h *history) event(t *rapid.T) {
	if h.events == 0 || rapid.IntRange(0, 5).Draw(t, "now") > 0 {
		return
	}
	h.events--
	classes := provider.Classes
	happenings := map[string]func(){
		"kill": func() {
			for _, c := range h.controllers {
				c.wire.killAt = c.wire.passed + rapid.IntRange(1, 40).Draw(t, "steps")
			}
		},
		"another controller": func() { h.join() },
		"a controller that stalls while another takes over": func() {
			for _, c := range h.controllers {
				c.wire.stall = func() { h.takeOver(t) }
			}
		},
		"creates fail": func() {
			h.cloud.Break(fake.Fault{Op: fake.Create, Class: rapid.SampledFrom(classes).Draw(t, "class"),
				Zone: rapid.SampledFrom([]string{"", "r1a"}).Draw(t, "zone"), Times: rapid.IntRange(0, 6).Draw(t, "times")})
		},
		"replies are lost": func() {
			h.cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Unavailable, Happens: true,
				Times:      rapid.IntRange(1, 4).Draw(t, "times"),
				LandsAfter: time.Duration(rapid.IntRange(0, 50).Draw(t, "lands")) * time.Second})
		},
		"lists fail": func() {
			h.cloud.Break(fake.Fault{Op: fake.List, Class: rapid.SampledFrom(classes).Draw(t, "class"),
				Times: rapid.IntRange(0, 10).Draw(t, "times")})
		},
		"destroys fail": func() {
			h.cloud.Break(fake.Fault{Op: fake.Destroy, Class: rapid.SampledFrom(classes).Draw(t, "class"),
				Happens: rapid.Bool().Draw(t, "happens"), Times: rapid.IntRange(0, 10).Draw(t, "times")})
		},
		"all is mended": func() { h.cloud.Mend() },
		"stop":          func() { _ = h.ledger.People(worldSweep, sweep.Stop) },
		"stop now":      func() { _ = h.ledger.People(worldSweep, sweep.StopNow) },
		"the server is down": func() {
			h.silent = true
			h.pass(time.Duration(rapid.IntRange(1, 10).Draw(t, "minutes")) * time.Minute)
			h.silent = false
			h.ledger.Restart()
		},
		"a machine lies": func() {
			if rows := h.read(); len(rows.Machines) > 0 {
				m := rapid.SampledFrom(rows.Machines).Draw(t, "machine")
				_ = h.ledger.Accuse(worldSweep, m.ID, "it has 2 CPUs, not 1")
			}
		},
		"lists lag": func() { h.cloud.SetLag(h.lag(t)) },
	}
	happenings[rapid.SampledFrom(sortedKeys(happenings)).Draw(t, "event")]()
	h.check()
}

// lag is shorter than the grace.
func (*history) lag(t *rapid.T) time.Duration {
	return time.Duration(rapid.IntRange(0, 50).Draw(t, "lag")) * time.Second
}

// takeOver is what happens while a call of a controller is on its way: its lease runs out, and another one takes the sweep. A call is on
// its way for CallTime at most.
func (h *history) takeOver(t *rapid.T) {
	h.pass(ledger.LeaseTime)
	other := h.join()
	for range 4 {
		_, _ = other.Tick(t.Context())
		h.pass(Interval)
	}
}

// afterwards nobody looks after the sweep until its time is over, and then somebody does, in a cloud without faults.
func (h *history) afterwards(t *rapid.T) {
	h.pass(worldSlack)
	h.check()
	if machines, _ := h.cloud.Left(); machines > 0 {
		t.Fatalf("%d machines have outlived their time", machines)
	}
	h.cloud.Mend()
	h.pass(ledger.LeaseTime)
	last, done := h.join(), false
	for i := 0; i < 360 && !done; i++ {
		done, _ = last.Tick(t.Context())
		h.check()
		h.pass(Interval)
	}
	rows := h.read()
	machines, disks := h.cloud.Left()
	switch {
	case len(h.invalid) > 0:
		t.Fatalf("afterwards: %q", h.invalid)
	case !done || !rows.Clean() || machines+disks > 0:
		t.Fatalf("half an hour later: done %t, the sweep is %s, clean %t, %d machines and %d disks are left", done, rows.Sweep.State,
			rows.Clean(), machines, disks)
	case rows.Sweep.Outcome == sweep.Completed && h.undone() > 0:
		t.Fatalf("completed, and %d tasks were not done", h.undone())
	}
}
