package sweep_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/sweep"
)

// TestFiftyRunnersDoFiveHundredTasks: 50 machines of 5 types work at once, each asking two servers by turns, until they hear that nothing
// is left. Each task is done once, by a machine of its type, and each machine does its own list in its own order.
func TestFiftyRunnersDoFiveHundredTasks(t *testing.T) {
	t.Parallel()
	const types, hosts, repeats = 5, 10, 5 // of two workloads
	testdb.Each(t, func(t *testing.T, cfg store.Config) {
		f := openFixture(t, cfg)
		in := ask("1764360000")
		in.Repeats = repeats
		for i := range types {
			in.Pools = append(in.Pools, free(fmt.Sprintf("type-%d", i), hosts))
		}
		f.mustCreate(in)
		epoch := f.taken("1764360000")
		runners := make([]string, types*hosts) // by slot
		slots := f.slots("1764360000")
		for i, slot := range slots {
			token := fmt.Sprintf("m%d", i)
			f.up("1764360000", epoch, token, slot)
			runners[i] = f.mustEnroll(token)
		}
		did := make([][]string, len(runners)) // jobs in their order, by slot
		var all sync.WaitGroup
		for i, runner := range runners {
			all.Go(func() {
				for turn := i; ; turn++ {
					s := f.servers[turn%2]
					got, done, err := s.claim(t.Context(), runner)
					switch {
					case err != nil:
						t.Error(err)
						return
					case done:
						return
					case got == nil: // somebody else's transaction was in the way
						continue
					}
					did[i] = append(did[i], got.UUID)
					if err := s.works(t.Context(), runner, got); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		want := make([][]string, len(slots))
		at := map[string]int{}
		for i, slot := range slots {
			at[slot] = i
		}
		tasks, total, err := f.sweeps.Tasks(t.Context(), f.member, "shop", "1764360000", sweep.TaskFilter{}, store.Page{Limit: 1000})
		if err != nil || total != types*hosts*repeats*2 {
			t.Fatalf("%d tasks, %v", total, err)
		}
		orders := map[string]bool{}
		order := ""
		for n, task := range tasks {
			i := at[task.Slot]
			want[i] = append(want[i], task.Job)
			if task.Machine == nil || *task.Machine != fmt.Sprintf("m%d", i) {
				t.Errorf("task %s of slot %d was done by %v", task.Job, i, task.Machine)
			}
			if order += fmt.Sprint(task.Workload, task.Repeat, " "); n%(repeats*2) == repeats*2-1 {
				orders[order], order = true, ""
			}
		}
		if diff := cmp.Diff(want, did); diff != "" {
			t.Errorf("what each machine was to do and did (-want +got):\n%s", diff)
		}
		if len(orders) < hosts {
			t.Errorf("%d machines have only %d orders of tasks", len(slots), len(orders))
		}
		if got := f.get("1764360000").Tasks; got != (api.SweepCounts{Total: total, Done: total, Unread: total}) {
			t.Errorf("the sweep counts %+v", got)
		}
	})
}
