package sweep_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
)

// BenchmarkClaims hands out the tasks of a sweep of 1,000 slots to their machines, one after the other: what one claim costs while all the
// others are in the queue. Beside it is the same of a sweep of ten slots: a claim must not know how many there are.
func BenchmarkClaims(b *testing.B) {
	for _, slots := range []int{10, 1000} {
		b.Run(fmt.Sprint("slots=", slots), func(b *testing.B) {
			f := newFixture(b)
			var runners []string
			tasks, sweeps := 0, 0
			var spent time.Duration
			b.ResetTimer()
			for n := 0; n < b.N; n++ {
				b.StopTimer()
				if tasks == 0 {
					runners, tasks = f.crew(fmt.Sprint("sweep-", sweeps), slots), 2*slots
					sweeps++
				}
				b.StartTimer()
				before := processor(b)
				got, _, err := f.claim(b.Context(), runners[n%slots])
				spent += processor(b) - before
				if err != nil || got == nil {
					b.Fatalf("claimed %+v, %v", got, err)
				}
				tasks--
				b.StopTimer()
				if err := f.delivers(b.Context(), runners[n%slots], got); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// crew is a sweep of two tasks for each slot, and a runner for each slot: without the machines and tokens by which they would come, because
// that takes longer than all claims.
func (f *fixture) crew(id string, slots int) (runners []string) {
	f.t.Helper()
	in := ask(id)
	for i := range 10 {
		in.Pools = append(in.Pools, free(fmt.Sprintf("type-%d", i), slots/10))
	}
	made := f.mustCreate(in)
	f.tx(func(tx *store.Tx) error {
		runners = nil
		pools, err := sweep.Pools(f.t.Context(), tx, made.UUID)
		if err != nil {
			return err
		}
		spec := map[string]string{}
		for _, p := range pools {
			spec[p.ID] = *p.SpecID
		}
		rows, err := sweep.Slots(f.t.Context(), tx, made.UUID)
		if err != nil {
			return err
		}
		for _, slot := range rows {
			r, err := fleet.InsertRunner(f.t.Context(), tx, "machine "+slot.ID, "", ident.HashKey(slot.ID))
			if err != nil {
				return err
			}
			if err := fleet.AddRunnerSpec(f.t.Context(), tx, r.ID, spec[slot.Pool]); err != nil {
				return err
			}
			if err := fleet.SetRunnerSlot(f.t.Context(), tx, r.ID, &slot.ID); err != nil {
				return err
			}
			runners = append(runners, r.ID)
		}
		return nil
	})
	return runners
}

// processor is the CPU time of this process.
func processor(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
