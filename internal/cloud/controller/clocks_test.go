package controller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// A provider whose clock is a day off costs nothing and loses nothing: machines are as long there, and cost what they cost, by the clock of
// the ledger, and what it bills is never more than what was counted.
func TestAProvidersClockMayBeADayOff(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-24 * time.Hour, -20 * time.Minute, 20 * time.Minute, 24 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			w := rough()
			w.skew = skew
			rows := story(t, w, nil)
			allDone(t, w, "a clock is off")
			spent, bill := sweep.Spent(rows.Outlays(), w.now), w.cloud.Bill()
			if spent < bill || spent > bill*3/2 {
				t.Errorf("billed %s, counted %s", bill, spent)
			}
			for _, m := range rows.Machines {
				if !m.Launched.IsZero() && (m.Launched.Before(m.Intended) || m.Ended.Before(m.Launched) || m.Ended.After(w.now)) {
					t.Errorf("%s was intended at %s, launched at %s, and gone at %s", m.ID, m.Intended, m.Launched, m.Ended)
				}
			}
		})
	}
}

// A stray is let live for a grace and no longer, whatever its provider's clock says of when it was made.
func TestAStrayIsAsOldAsItIsListed(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		w := newWorld(sweep.Dollar, boots())
		w.skew = skew
		if _, err := w.cloud.Create(t.Context(), provider.Want{Token: "stray", Owner: worldOwner, Sweep: worldSweep, Region: "r2",
			Type: "c6.medium", TTL: worldTTL, Expires: w.expires}); err != nil {
			t.Fatal(err)
		}
		begun, c := w.now, w.controller("the only one", 4, &wire{})
		lived := time.Duration(0)
		for w.now.Sub(begun) < 3*time.Minute {
			if _, err := c.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, l := range w.cloud.Live() {
				if l.Token == "stray" {
					lived = w.now.Sub(begun)
				}
			}
			w.pass(Interval)
		}
		if lived < 45*time.Second || lived > 75*time.Second {
			t.Errorf("provider's clock %s off: it lived for %s, want a minute", skew, lived)
		}
	}
}

// patient is a provider that takes its time with lists, and notes how long machines are to live.
type patient struct {
	*fake.Cloud
	takes time.Duration
	asked func(provider.Want)
}

func (p patient) List(ctx context.Context, region string, f provider.Filter) ([]provider.Machine, []provider.Leftover, error) {
	time.Sleep(p.takes)
	return p.Cloud.List(ctx, region, f)
}

func (p patient) Create(ctx context.Context, w provider.Want) (provider.Machine, error) {
	p.asked(w)
	return p.Cloud.Create(ctx, w)
}

func TestASlowRoundGivesAMachineNoMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, cloud := loop(t)
		expires, asked := time.Now().Add(time.Hour), 0
		c.cfg.Providers = map[string]provider.Provider{"fake": patient{cloud, 50 * time.Second, func(w provider.Want) {
			if asked++; w.TTL > time.Until(expires) || w.TTL < time.Until(expires)-time.Second {
				t.Errorf("it may live for %s, and its sweep is over in %s", w.TTL, time.Until(expires))
			}
		}}}
		if _, err := c.Tick(t.Context()); err != nil || asked != 1 {
			t.Errorf("%d machines were asked for: %v", asked, err)
		}
	})
}

// A round that is so slow that the sweep's time is over meanwhile makes no machine, and its row says why.
func TestARoundThatTakesTheRestOfTheTimeMakesNoMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, cloud := loop(t)
		c.cfg.Providers = map[string]provider.Provider{"fake": patient{cloud, 50 * time.Second, func(provider.Want) {}}}
		time.Sleep(time.Hour - 90*time.Second)
		if _, err := c.Tick(t.Context()); err != nil {
			t.Error(err)
		}
		rows, err := l.Read(t.Context(), worldSweep)
		made, _ := cloud.Made()
		if err != nil || made != 0 || len(rows.Machines) != 1 || rows.Machines[0].State != sweep.MachineRefused ||
			rows.Machines[0].Reason != sweep.BecauseExpired {
			t.Errorf("%d machines were made; %+v, %v", made, rows.Machines, err)
		}
	})
}

func TestRunEndsWhenItsSweepWasDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, _ := loop(t)
		ended := make(chan error, 1)
		go func() { ended <- c.Run(t.Context(), nil) }()
		time.Sleep(10 * time.Second)
		l.Delete(worldSweep)
		begun := time.Now()
		if err := <-ended; !errors.Is(err, ErrNoSweep) || time.Since(begun) > time.Minute {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

// What a controller wants outside of its pool is refused before anything is asked: prices hold where the pool is, and lists are made there.
func TestAnIntentStaysWithinItsPool(t *testing.T) {
	t.Parallel()
	w := newWorld(sweep.Dollar, boots())
	lease, err := w.ledger.Take(t.Context(), worldSweep, "one")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		region, zone string
		market       sweep.Market
		ok           bool
	}{
		{"r1", "", sweep.Spot, true}, {"r1", "r1b", sweep.Spot, true}, {"r2", "", sweep.Spot, true}, {"r1", "", sweep.OnDemand, true},
		{"", "", sweep.Spot, false}, {"r3", "", sweep.Spot, false}, {"r1", "r2a", sweep.Spot, false}, {"r2", "r1a", sweep.Spot, false},
		{"r1", "", "reserved", false},
	} {
		slot := fmt.Sprintf("pool-%d/%d", min(i, 5)/2, min(i, 5)%2+1)
		_, err := w.ledger.Intend(t.Context(), worldSweep, lease.Epoch, ledger.Intent{Token: fmt.Sprint("m", i), Slot: slot,
			Region: c.region, Zone: c.zone, Market: c.market})
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
