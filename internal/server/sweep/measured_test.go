package sweep_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
)

// TestTheStandingsOfASweepHaveOneNumberAMachine: means over the processes of each, prices with source and date, suspects and late results
// apart, and a word on what has no result.
func TestTheStandingsOfASweepHaveOneNumberAMachine(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := ask("1", paid("fast", 3), paid("slow", 2))
	in.Workloads, in.Repeats, in.Params = in.Workloads[:1], 2, map[string]string{"ruby": "3.4.7"}
	in.Pools[0].Price.Date = "2026-07-22"
	f.mustCreate(in)
	epoch := f.taken("1")
	for i, slot := range f.slots("1") {
		token := fmt.Sprint("m", i)
		f.up("1", epoch, token, slot)
		runner := f.mustEnroll(token)
		base := 10.0
		if i >= 3 {
			base = 20
		}
		for repeat := range 2 {
			got, _, err := f.claim(t.Context(), runner)
			if err != nil || got == nil {
				t.Fatalf("claimed %+v, %v", got, err)
			}
			if err := f.says(t.Context(), runner, got, api.Message{Event: api.MsgRunning, Seq: 1}); err != nil {
				t.Fatal(err)
			}
			if i == 4 && repeat == 1 {
				if err := f.says(t.Context(), runner, got, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit}); err != nil {
					t.Fatal(err)
				}
				continue
			}
			v := base + float64(i)/100 + float64(repeat) // the mean over the processes of a machine is base + i/100 + 0.5
			text := fmt.Sprintf(`{"a":{"latency":{"value":%g}},"b":{"latency":{"value":%g},"size":{"value":7}},
				"z":{"latency":{"value":0}}}`, v, 4*v)
			if err := f.puts(t.Context(), runner, got, api.ArtifactStdout, "", text); err != nil {
				t.Fatal(err)
			}
			if err := f.completes(t.Context(), runner, got); err != nil {
				t.Fatal(err)
			}
			if err := f.queue.Process(t.Context(), got.UUID); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `update machine set suspect = 'it says that it has 1 CPU' where id = 'm2'`)
		return err
	})
	r, err := f.sweeps.Standings(t.Context(), f.member, "shop", "1", "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Measure != "Latency" || !slices.Equal(r.Measures, []string{"Latency", "size"}) || !slices.Equal(r.Benchmarks, []string{"a", "b"}) {
		t.Errorf("measure %q of %q, benchmarks %q", r.Measure, r.Measures, r.Benchmarks)
	}
	if len(r.Rows) != 2 || r.Rows[0].Name != "fast" || r.Rows[0].Machines != 2 || r.Rows[0].Wanted != 3 {
		t.Fatalf("%+v", r.Rows)
	}
	// machines m0 and m1 have 10.5 and 10.51 for a, four times that for b
	if want := 2 * math.Sqrt(10.5*10.51); math.Abs(r.Rows[0].Mean-want) > 1e-9 {
		t.Errorf("the mean is %g, want %g", r.Rows[0].Mean, want)
	}
	if p := r.Rows[0].Price; p == nil || p.PerHour != 0.04 || p.Date != "2026-07-22" || p.Source != "test" {
		t.Errorf("price %+v", p)
	}
	if len(r.Suspects) != 1 || r.Suspects[0].Machine != "m2" || !strings.Contains(r.Suspects[0].Reason, "1 CPU") {
		t.Errorf("suspects %+v", r.Suspects)
	}
	for _, want := range []string{"Without a result: 1 task (benchmark_exit).", "Not above zero, and not counted: 9 values."} {
		if !slices.Contains(r.Notes, want) {
			t.Errorf("no note %q in %q", want, r.Notes)
		}
	}
	if _, err := f.sweeps.Standings(t.Context(), f.member, "shop", "1", "power"); !fault.Is(err, fault.Missing) ||
		!strings.Contains(fault.Message(err), "there is Latency, size") {
		t.Error(err)
	}
	var bad string
	f.tx(func(tx *store.Tx) error { // one of the two processes of m0
		if err := tx.QueryRow(t.Context(), `select t.report_id from task t join job j on j.id = t.job_id
			join machine m on m.runner_id = j.runner_id where m.id = 'm0' and t.repeat = 1`).Scan(&bad); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `insert into report_mark (report_id, reason, created) values ($1, 'busy', 0)`, bad)
		return err
	})
	if r, err = f.sweeps.Standings(t.Context(), f.member, "shop", "1", ""); err != nil ||
		!slices.Contains(r.Notes, "Marked as bad, and not counted: 1 result.") || r.Rows[0].Processes != 5 {
		t.Errorf("with a report that is marked as bad: %+v, %v", r, err)
	}
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `update report set status = 'deleted' where id = $1`, bad)
		return err
	})
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `delete from report_mark`)
		return err
	})
	if r, err = f.sweeps.Standings(t.Context(), f.member, "shop", "1", ""); err != nil ||
		!slices.Contains(r.Notes, "Not there any more: 1 result has no values.") || r.Rows[0].Processes != 5 {
		t.Errorf("with a report that is deleted: %+v, %v", r, err)
	}
	f.tx(func(tx *store.Tx) error { // what came after the end does not count
		_, err := tx.Exec(t.Context(), `update sweep set closing = 1`)
		return err
	})
	if r, err = f.sweeps.Standings(t.Context(), f.member, "shop", "1", ""); err != nil || len(r.Rows) != 0 ||
		!slices.Contains(r.Notes, "Late, and not counted: 9 results came after the sweep was closed.") {
		t.Errorf("%+v, %v", r, err)
	}
}
