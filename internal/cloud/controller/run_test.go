package controller

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// loop is a sweep of one slot on the clock of a synctest bubble.
func loop(t *testing.T) (*Controller, *ledger.Memory, *fake.Cloud) {
	t.Helper()
	l := ledger.NewMemory(time.Now)
	c := fake.New(time.Now, fake.Shape{Prices: worldPrices})
	price := sweep.Price{PerHour: worldPrices["c6.medium"], Known: true}
	l.Add(ledger.Sweep{ID: worldSweep, State: sweep.Active, Budget: sweep.Dollar, Expires: time.Now().Add(time.Hour)},
		[]ledger.Pool{{ID: "pool", Pool: sweep.Pool{Provider: "fake", Regions: []string{"r1"}, Type: "c6.medium", Price: price}}},
		[]ledger.Slot{{ID: "slot", Pool: "pool", State: sweep.SlotWaiting, Left: 1}})
	return another(l, c, "first"), l, c
}

func another(l *ledger.Memory, c *fake.Cloud, holder string) *Controller {
	var n atomic.Int64
	return New(Config{Ledger: l, Providers: map[string]provider.Provider{"fake": c}, Sweep: worldSweep, Owner: worldOwner, Holder: holder,
		Token: func() string { return fmt.Sprint(holder, n.Add(1)) }})
}

func TestRunEndsWithItsSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, cloud := loop(t)
		ended := make(chan error, 1)
		go func() { ended <- c.Run(t.Context(), nil) }()
		time.Sleep(10 * time.Second)
		if made, _ := cloud.Made(); made != 1 {
			t.Fatalf("%d machines after ten seconds", made)
		}
		if err := l.Contact(worldSweep, "first1"); err != nil {
			t.Fatal(err)
		}
		if err := l.Tasks(worldSweep, "slot", 0, 0, 1, 0); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := <-ended; err != nil || time.Since(begun) > time.Minute {
			t.Errorf("it ended after %s: %v", time.Since(begun), err)
		}
		if machines, _ := cloud.Left(); machines != 0 {
			t.Error("its machine is left")
		}
		if _, err := l.Take(t.Context(), worldSweep, "second"); err != nil {
			t.Errorf("its lease was not given back: %v", err)
		}
	})
}

func TestRunThatIsCanceledGivesItsLeaseBackAndLeavesItsMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, cloud := loop(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx, nil) }()
		time.Sleep(time.Second)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if machines, _ := cloud.Left(); machines != 1 {
			t.Errorf("%d machines are left", machines)
		}
		if _, err := l.Take(t.Context(), worldSweep, "second"); err != nil {
			t.Errorf("its lease was not given back: %v", err)
		}
	})
}

func TestRunEndsWhenAnotherControllerHasTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, cloud := loop(t)
		ended := make(chan error, 1)
		go func() { ended <- c.Run(t.Context(), nil) }()
		time.Sleep(time.Second)
		if err := another(l, cloud, "second").Run(t.Context(), nil); !errors.Is(err, ledger.ErrHeld) {
			t.Errorf("while the first one lives: %v", err)
		}
		if _, err := l.Take(t.Context(), worldSweep, "first"); err != nil { // the same holder, started again
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, ledger.ErrStale) {
			t.Errorf("the old one: %v", err)
		}
	})
}

func TestRunIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, cloud := loop(t)
		ctx, cancel := context.WithCancel(t.Context())
		wake, ended := make(chan struct{}), make(chan error, 1)
		cloud.Break(fake.Fault{Op: fake.Create, Class: provider.Capacity, Times: 1})
		go func() { ended <- c.Run(ctx, wake) }()
		synctest.Wait()
		begun := time.Now()
		for range 3 {
			wake <- struct{}{}
			synctest.Wait()
		}
		if time.Since(begun) != 0 {
			t.Errorf("three looks took %s", time.Since(begun))
		}
		cancel()
		<-ended
	})
}

// A provider that takes longer than a lease to answer does not cost the controller its sweep.
func TestTheLeaseIsRenewedWhileACallIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l, cloud := loop(t)
		c.cfg.Providers = map[string]provider.Provider{"fake": slow{cloud}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx, nil) }()
		time.Sleep(ledger.LeaseTime + 15*time.Second)
		if _, err := l.Take(t.Context(), worldSweep, "second"); !errors.Is(err, ledger.ErrHeld) {
			t.Errorf("the sweep was free: %v", err)
		}
		cancel()
		<-ended
	})
}

type slow struct{ *fake.Cloud }

func (s slow) List(ctx context.Context, region string, f provider.Filter) ([]provider.Machine, []provider.Leftover, error) {
	select {
	case <-time.After(2 * ledger.LeaseTime):
	case <-ctx.Done():
	}
	return s.Cloud.List(ctx, region, f)
}
