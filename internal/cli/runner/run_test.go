package runner

import (
	"bytes"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner"
)

func TestRunnerRunTakesWordsAfterTheDashes(t *testing.T) {
	t.Parallel()
	env, _, _ := runnerEnv(map[string]string{"PASSED": "on"})
	f := runnerRunFlags{image: "x", vcpus: 2, iter: 3, memory: 1, disk: 1, timeout: 1, env: []string{"A=b=c", "PASSED"},
		cmd: []string{"bench", "-all"}}
	shot, err := f.oneShot(env)
	if err != nil || shot.Env["A"] != "b=c" || shot.Env["PASSED"] != "on" || shot.CPU != 2 || shot.Iterations != 3 || len(shot.Cmd) != 2 {
		t.Errorf("%+v, %v", shot, err)
	}
	for _, bad := range []runnerRunFlags{{vcpus: 1, iter: 1}, {image: "x", iter: 1}, {image: "x", vcpus: 1},
		{image: "x", vcpus: 1, iter: 1, env: []string{"=x"}}} {
		if _, err := bad.oneShot(env); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: want an Invalid fault, got %v", bad, err)
		}
	}
}

func TestSummaryLineSaysHowItEnded(t *testing.T) {
	t.Parallel()
	host := &api.HostFacts{Isolation: "container"}
	one := []api.IterationOutput{{WallNS: 1_500_000_000}}
	for want, s := range map[string]runner.Summary{
		"tacho: done (1 iteration, 1.5s, isolation container, files out/1/r.json)": {Results: one, Host: host,
			Files: []string{"out/1/r.json"}},
		"tacho: benchmark_exit: iteration 1 ended with exit code 3 (1 iteration, 1.5s, isolation container)": {Results: one, Host: host,
			Reason: api.ReasonBenchmarkExit, Error: "iteration 1 ended with exit code 3"},
		"tacho: canceled_by_user (0 iterations)": {Reason: api.ReasonCanceledByUser},
	} {
		if got := summaryLine(s); got != want {
			t.Errorf("want %s\n got %s", want, got)
		}
	}
}

func TestProgressIsOneLinePerPhaseWithoutATerminal(t *testing.T) {
	t.Parallel()
	var w bytes.Buffer
	p := newPullProgress(&w)
	p.show("pull", "1 MiB of 9 MiB")
	p.show("pull", "9 MiB of 9 MiB")
	p.show("unpack", "layer 1 of 1")
	p.clear()
	if want := "tacho: pull 1 MiB of 9 MiB\ntacho: unpack layer 1 of 1\n"; w.String() != want {
		t.Errorf("want %q, got %q", want, w.String())
	}
}
