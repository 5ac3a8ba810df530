package sweep_test

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

// asserting is a sweep of one workload that leaves two files, of which only the first is read, and whose output must say that the JIT is
// on.
func asserting(id string) api.NewSweep {
	in := ask(id, free("process", 1))
	in.Workloads = []api.SweepWorkload{{Name: "yjit", Image: "ruby:v1", Adapter: "json", Timeout: 60,
		Files:  []string{"output.json", "output.csv"},
		Assert: []api.SweepAssertion{{Field: "output", Contains: "+YJIT"}}}}
	return in
}

// state is what became of a job.
func (f *fixture) task(id string) api.SweepTask {
	f.t.Helper()
	tasks, _, err := f.sweeps.Tasks(f.t.Context(), f.member, "shop", id, noTaskFilter, firstPage)
	if err != nil || len(tasks) != 1 {
		f.t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	return tasks[0]
}

// TestAVariantThatWasNotAskedForIsNeverStored: the output of a task is held against its workload's assertions before its report has a
// value.
func TestAVariantThatWasNotAskedForIsNeverStored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		json, state, reason, sentence string
		metrics                       int
	}{
		"as asked for": {`{"+YJIT b":{"latency":{"value":1}}}`, "processed", "", "", 1},
		"another":      {`{"b":{"latency":{"value":1}}}`, "failed", "variant", `output does not contain "+YJIT"`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.mustCreate(asserting("1"))
			f.up("1", f.taken("1"), "m1", f.slots("1")[0])
			runner := f.mustEnroll("m1")
			got, _, err := f.claim(t.Context(), runner)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.says(t.Context(), runner, got, api.Message{Event: api.MsgRunning, Seq: 1}); err != nil {
				t.Fatal(err)
			}
			for path, text := range map[string]string{"output.json": c.json, "output.csv": "not,json"} {
				if err := f.puts(t.Context(), runner, got, api.ArtifactFile, path, text); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.completes(t.Context(), runner, got); err != nil {
				t.Fatal(err)
			}
			if err := f.queue.Process(t.Context(), got.UUID); err != nil {
				t.Fatal(err)
			}
			task := f.task("1")
			if string(task.Status) != c.state || string(task.Reason) != c.reason || !strings.Contains(task.Error, c.sentence) {
				t.Errorf("%s for %q (%s)", task.Status, task.Reason, task.Error)
			}
			if n := f.count(`select count(*) from metric`); n != c.metrics {
				t.Errorf("%d metrics are stored", n)
			}
		})
	}
}

// TestAnAssertionCanBeHeld: what nothing could fulfil is refused before a machine is made.
func TestAnAssertionCanBeHeld(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for want, change := range map[string]func(*api.NewSweep){
		"not at \"color\"": func(in *api.NewSweep) { in.Workloads[0].Assert[0].Field = "color" },
		"no description":   func(in *api.NewSweep) { in.Workloads[0].Assert[0].Field = "description" },
		"asks for nothing": func(in *api.NewSweep) { in.Workloads[0].Assert[0].Contains = "" },
		"the limit is 256": func(in *api.NewSweep) { in.Workloads[0].Assert[0].Contains = strings.Repeat("x", 257) },
		"the limit is 20": func(in *api.NewSweep) {
			in.Workloads[0].Assert = make([]api.SweepAssertion, 21)
		},
		"missing is \"maybe\"": func(in *api.NewSweep) { in.Expected = &api.SweepExpected{Missing: "maybe"} },
		"between 1 and 1024":   func(in *api.NewSweep) { in.Expected = &api.SweepExpected{Benchmarks: []string{""}} },
	} {
		in := asserting("1")
		change(&in)
		if _, _, err := f.create(in); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}
