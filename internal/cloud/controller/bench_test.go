package controller

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// BenchmarkTickOfAThousandMachines is what a controller costs every five seconds while 1,000 machines in ten pools work: the lease, the
// rows, a list, and the decision that nothing is to be done. Ledger and cloud are in memory, so it is the controller's own part.
func BenchmarkTickOfAThousandMachines(b *testing.B) {
	const pools, hosts = 10, 100
	now := time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	l := ledger.NewMemory(clock)
	cloud := fake.New(clock, fake.Shape{Prices: map[string]sweep.Micros{"c8g.medium": 39_880}})
	var ps []ledger.Pool
	var ss []ledger.Slot
	for i := range pools {
		ps = append(ps, ledger.Pool{ID: fmt.Sprint("pool-", i), Pool: sweep.Pool{Provider: "fake", Regions: []string{"r1"},
			Type: "c8g.medium", Market: sweep.OnDemand, Price: sweep.Price{PerHour: 39_880, Known: true}}})
		for j := range hosts {
			ss = append(ss, ledger.Slot{ID: fmt.Sprint(i, "/", j), Pool: ps[i].ID, State: sweep.SlotWaiting, Left: 1})
		}
	}
	l.Add(ledger.Sweep{ID: worldSweep, State: sweep.Active, Budget: 1000 * sweep.Dollar, Expires: now.Add(time.Hour)}, ps, ss)
	var mu sync.Mutex
	next := 0
	token := func() string {
		mu.Lock()
		defer mu.Unlock()
		next++
		return fmt.Sprint("m", next)
	}
	c := New(Config{Ledger: l, Providers: map[string]provider.Provider{"fake": cloud}, Sweep: worldSweep, Owner: worldOwner,
		Holder: "bench", Policy: Policy{Parallel: pools * hosts}, Token: token})
	if _, err := c.Tick(context.Background()); err != nil {
		b.Fatal(err)
	}
	for i := range next {
		if err := l.Contact(worldSweep, fmt.Sprint("m", i+1)); err != nil {
			b.Fatal(err)
		}
	}
	if made, _ := cloud.Made(); made != pools*hosts {
		b.Fatalf("%d machines", made)
	}
	for b.Loop() {
		if _, err := c.Tick(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(pools*hosts), "µs/machine")
}
