package fake_test

import (
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/cloud/provider/providertest"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// clock is moved by tests only.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestTheFakeIsAProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) *providertest.Fixture {
		at := &clock{now: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)}
		c := fake.New(at.Now, fake.Shape{Prices: map[string]sweep.Micros{"c8g.medium": 39_880}, Boot: 20 * time.Second})
		return &providertest.Fixture{Provider: c, Region: "r1", Type: "c8g.medium", Now: at.Now,
			Wait: func(t *testing.T, what string, holds func() bool) {
				for range 100 {
					if holds() {
						return
					}
					at.pass(time.Second)
				}
				t.Errorf("%s: not so", what)
			},
			Fail: func(class provider.Class) bool {
				if c.Mend(); class != "" {
					c.Break(fake.Fault{Op: fake.Create, Class: class})
				}
				return true
			},
			LoseReply: func() { c.Break(fake.Fault{Op: fake.Create, Class: provider.Unknown, Happens: true, Times: 1}) },
			Expire:    func() { at.pass(time.Hour + time.Minute) },
		}
	})
}

func TestWhatTheCloudBills(t *testing.T) {
	t.Parallel()
	at := &clock{now: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)}
	c := fake.New(at.Now, fake.Shape{Prices: map[string]sweep.Micros{"c8g.medium": 36_000}, MinBill: time.Minute})
	want := provider.Want{Token: "m1", Owner: "us", Sweep: "nightly", Region: "r1", Type: "c8g.medium", TTL: time.Hour,
		Expires: at.Now().Add(time.Hour)}
	m, err := c.Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	at.pass(10 * time.Second)
	if err := c.Destroy(t.Context(), "r1", []provider.Ref{{Kind: provider.KindMachine, ID: m.NativeID}}); err != nil {
		t.Fatal(err)
	}
	if got := c.Bill(); got != 600 {
		t.Errorf("ten seconds at 10 a second, a minute at least: want 600, got %d", got)
	}
	want.Token = "m2"
	if _, err := c.Create(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	at.pass(5 * time.Hour)
	if got := c.Bill(); got != 600+36_000 {
		t.Errorf("and an hour until its timer: want 36600, got %d", got)
	}
	if machines, disks := c.Left(); machines != 0 || disks != 0 {
		t.Errorf("%d machines and %d disks are left", machines, disks)
	}
}

// A machine whose wall clock is a day behind ends in time, because it counts what was left and not what its clock says.
func TestAWrongClockEndsInTime(t *testing.T) {
	t.Parallel()
	at := &clock{now: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)}
	c := fake.New(at.Now, fake.Shape{Prices: map[string]sweep.Micros{"c8g.medium": 1},
		Fate: func(provider.Want) fake.Fate { return fake.Fate{ClockOff: -24 * time.Hour} }})
	want := provider.Want{Token: "m1", Owner: "us", Sweep: "nightly", Region: "r1", Type: "c8g.medium", TTL: time.Hour,
		Expires: at.Now().Add(time.Hour)}
	byClock := want
	byClock.Token, byClock.TTL = "m2", 0
	for _, w := range []provider.Want{want, byClock} {
		if _, err := c.Create(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	at.pass(time.Hour)
	if live := c.Live(); len(live) != 1 || live[0].Token != "m2" {
		t.Errorf("want only the machine that goes by its clock, got %+v", live)
	}
}

func TestListsLagBehind(t *testing.T) {
	t.Parallel()
	at := &clock{now: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)}
	c := fake.New(at.Now, fake.Shape{Prices: map[string]sweep.Micros{"c8g.medium": 1}, Lag: 30 * time.Second})
	m, err := c.Create(t.Context(), provider.Want{Token: "m1", Owner: "us", Sweep: "nightly", Region: "r1", Type: "c8g.medium",
		TTL: time.Hour, Expires: at.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	shown := func() (running int) {
		ms, _, err := c.List(t.Context(), "r1", provider.Filter{Owner: "us"})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms {
			if m.State != provider.Ended {
				running++
			}
		}
		return running
	}
	if shown() != 0 {
		t.Error("it is listed at once")
	}
	at.pass(30 * time.Second)
	if shown() != 1 {
		t.Error("it is not listed after the lag")
	}
	if err := c.Destroy(t.Context(), "r1", []provider.Ref{{Kind: provider.KindMachine, ID: m.NativeID}}); err != nil {
		t.Fatal(err)
	}
	if shown() != 1 {
		t.Error("its end is listed at once")
	}
	at.pass(30 * time.Second)
	if shown() != 0 {
		t.Error("its end is not listed after the lag")
	}
}
