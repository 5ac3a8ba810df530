package sweep_test

import (
	"fmt"
	"testing"
)

// BenchmarkClaims hands out the tasks of a sweep of 1,000 slots to their machines, one after the other: what one claim costs while all the
// others are in the queue.
func BenchmarkClaims(b *testing.B) {
	const slots = 1000
	f := newFixture(b)
	var runners []string
	tasks, sweeps := 0, 0
	start := func() {
		b.StopTimer()
		defer b.StartTimer()
		id := fmt.Sprintf("sweep-%d", sweeps)
		sweeps++
		in := ask(id)
		in.Repeats = 5 // of two workloads
		for i := range 10 {
			in.Pools = append(in.Pools, free(fmt.Sprintf("type-%d", i), slots/10))
		}
		f.mustCreate(in)
		epoch := f.taken(id)
		runners, tasks = nil, slots*10
		for i, slot := range f.slots(id) {
			token := fmt.Sprintf("%s-m%d", id, i)
			f.intend(id, epoch, token, slot)
			runners = append(runners, f.mustEnroll(token))
		}
	}
	for n := 0; b.Loop(); n++ {
		if tasks == 0 {
			start()
		}
		got, _, err := f.claim(b.Context(), runners[n%slots])
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
}
