package ledger_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/ledger/ledgertest"
	"github.com/tachograph/tacho/internal/core/sweep"
)

func TestMemoryIsALedger(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T, d ledgertest.Draft) *ledgertest.Fixture {
		var mu sync.Mutex
		clock := time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)
		now := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return clock
		}
		l := ledger.NewMemory(now)
		f := &ledgertest.Fixture{Ledger: l, Sweep: "nightly"}
		f.Advance = func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			clock = clock.Add(d)
		}
		f.People = func(v sweep.Verb) error { return l.People(f.Sweep, v) }
		f.Contact = func(machine string) error { return l.Contact(f.Sweep, machine) }
		f.End = func(slot string, done int) {
			if err := l.Tasks(f.Sweep, slot, 0, 0, done, 0); err != nil {
				t.Error(err)
			}
		}
		var pools []ledger.Pool
		var slots []ledger.Slot
		for i := range ledgertest.Pools {
			pool := ledger.Pool{ID: fmt.Sprintf("pool-%d", i), Pool: ledgertest.Pool(i)}
			pools, f.Pools = append(pools, pool), append(f.Pools, pool.ID)
			for j := range ledgertest.Hosts {
				slot := ledger.Slot{ID: fmt.Sprintf("%s/%d", pool.ID, j+1), Pool: pool.ID, Ordinal: j + 1, State: sweep.SlotWaiting,
					Left: 1}
				slots, f.Slots = append(slots, slot), append(f.Slots, slot.ID)
			}
		}
		l.Add(ledger.Sweep{ID: f.Sweep, State: sweep.Active, Budget: d.Budget, Expires: now().Add(d.TTL)}, pools, slots)
		return f
	})
}
