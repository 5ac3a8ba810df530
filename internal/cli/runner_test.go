package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner"
)

func runnerEnv(vars map[string]string) (RunnerEnv, *bytes.Buffer, *bytes.Buffer) {
	var stdout, stderr bytes.Buffer
	return RunnerEnv{Stdout: &stdout, Stderr: &stderr, Getenv: func(k string) string { return vars[k] }, Version: "test"}, &stdout, &stderr
}

func TestByteSizeReadsUnits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"512": 512 * limits.MiB, "512MiB": 512 * limits.MiB, "2GiB": 2 * limits.GiB, "2 g": 2 * limits.GiB, "1.5GiB": 3 * limits.GiB / 2,
		"100kb": 100_000, "1TB": 1e12, "4096B": 4096, "0": 0, "-1": 0, "GiB": 0, "1 parsec": 0, "1e30GiB": 0, "": 0, "NaN": 0, "Inf": 0,
	} {
		var got byteSize
		if err := got.Set(text); (err == nil) != (want != 0) || int64(got) != want {
			t.Errorf("%q: want %d, got %d, %v", text, want, got, err)
		}
	}
}

func TestByteSizePrintsWhatItReads(t *testing.T) {
	t.Parallel()
	for _, want := range []byteSize{512 * limits.MiB, 2 * limits.GiB, 4097} {
		var got byteSize
		if err := got.Set(want.String()); err != nil || got != want {
			t.Errorf("%s: got %d, %v", want.String(), got, err)
		}
	}
}

func TestSecondsReadsBareNumbersAndDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"300": 5 * time.Minute, "90s": 90 * time.Second, "2h": 2 * time.Hour, "0": 0, "-5": 0,
		"25h": 0, "soon": 0} {
		var got seconds
		if err := got.Set(text); (err == nil) != (want != 0) || time.Duration(got) != want {
			t.Errorf("%q: want %s, got %s, %v", text, want, time.Duration(got), err)
		}
	}
}

func TestRunnerUpSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	key := map[string]string{"TACHO_RUNNER_KEY": "tacho_runner_x"}
	for name, row := range map[string]struct {
		vars map[string]string
		args []string
		want string
	}{
		"no key":       {nil, []string{"--host", "http://127.0.0.1:1", "--runner", "r"}, "TACHO_RUNNER_KEY"},
		"no host":      {key, []string{"--runner", "r"}, "--host is missing"},
		"no runner":    {key, []string{"--host", "http://127.0.0.1:1"}, "--runner is missing"},
		"slots":        {key, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--slots", "2"}, "one job at a time"},
		"transport":    {key, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--transport", "pigeon"}, "pigeon"},
		"poll timeout": {key, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--poll-timeout", "901"}, "1 to 900"},
		"log format":   {key, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--log-format", "xml"}, "xml"},
		"no such file": {nil, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--key-file", "/does/not/exist"}, "cannot be read"},
		"two-line key": {map[string]string{"TACHO_RUNNER_KEY": "a b"}, []string{"--host", "http://127.0.0.1:1", "--runner", "r"}, "white space"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, _, _ := runnerEnv(row.vars)
			cmd := NewRunnerCommand(env)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetArgs(append([]string{"up"}, row.args...))
			err := cmd.ExecuteContext(t.Context())
			exit, ok := errors.AsType[*runnerExit](err)
			if !ok || exit.ExitCode() != fault.ExitUsage || !strings.Contains(err.Error(), row.want) {
				t.Errorf("want exit 2 saying %q, got %v", row.want, err)
			}
		})
	}
}

func TestRunnerKeyComesFromFileThenEnvironment(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("tacho_runner_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		vars map[string]string
		file string
		want runner.Secret
	}{
		"file":        {map[string]string{"TACHO_RUNNER_KEY": "tacho_runner_env"}, file, "tacho_runner_file"},
		"environment": {map[string]string{"TACHO_RUNNER_KEY": "tacho_runner_env", "BENCHER_RUNNER_KEY": "old"}, "", "tacho_runner_env"},
		"alias":       {map[string]string{"BENCHER_RUNNER_KEY": "old"}, "", "old"},
	} {
		env, _, _ := runnerEnv(row.vars)
		if got, err := runnerKey(env, row.file); err != nil || got != row.want {
			t.Errorf("%s: want %q, got %q, %v", name, string(row.want), string(got), err)
		}
	}
}

func TestRunnerUpTakesBenchersEnvironment(t *testing.T) {
	t.Parallel()
	env, _, _ := runnerEnv(map[string]string{"BENCHER_HOST": "https://b.example.org", "BENCHER_RUNNER": "box",
		"TACHO_HOST": "https://t.example.org"})
	up := newRunnerUp(env)
	if host, box := up.Flag("host").DefValue, up.Flag("runner").DefValue; host != "https://t.example.org" || box != "box" {
		t.Errorf("host %s, runner %s", host, box)
	}
}

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
