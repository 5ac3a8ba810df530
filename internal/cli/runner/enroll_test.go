package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner"
)

// answers is a server: what it is asked, and what it says.
type answers func(path string, body []byte) (status int, answer any)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, answer := a(r.URL.Path, body)
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
}

func newMachine(t *testing.T, file string, server answers) (*machine, context.Context) {
	t.Helper()
	ctx, end := context.WithCancelCause(t.Context())
	env, _, _ := runnerEnv(nil)
	return &machine{env: env, host: "http://server.invalid", token: "tacho_once", instanceType: "process.slow", file: file,
		log: slog.New(slog.DiscardHandler), end: end, news: make(chan runner.Doing, 1), transport: server}, ctx
}

func TestAMachineBuysItsKeyOnceTheServerIsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "machine.json")
		var asked []api.EnrollMachine
		server := answers(func(path string, body []byte) (int, any) {
			var in api.EnrollMachine
			if err := json.Unmarshal(body, &in); err != nil || path != "/v0/machines/enroll" {
				t.Errorf("%s: %s, %v", path, body, err)
			}
			asked = append(asked, in)
			switch len(asked) {
			case 1:
				return 0, nil
			case 2:
				return http.StatusServiceUnavailable, api.Error{Message: "starting"}
			}
			return http.StatusCreated, api.Enrolled{Runner: "r-1", Key: "tacho_runner_1", Machine: "m-1", Remaining: 60}
		})
		m, ctx := newMachine(t, file, server)
		name, key, err := m.enroll(ctx)
		if err != nil || name != "r-1" || key != "tacho_runner_1" || len(asked) != 3 {
			t.Fatalf("%s, %s, %v after %d questions", name, string(key), err, len(asked))
		}
		if got := asked[2]; got.Token != "tacho_once" || got.Facts.Type != "process.slow" || got.Facts.CPUs < 1 || got.Facts.Arch == "" {
			t.Errorf("it said %+v", got)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key is kept in %v, %v", info.Mode(), err)
		}
		text, _ := os.ReadFile(file)
		if strings.Contains(string(text), "tacho_once") {
			t.Error("the token is kept")
		}

		again, ctx := newMachine(t, file, func(string, []byte) (int, any) { t.Error("a machine that has a key asks for another"); return 0, nil })
		if name, key, err := again.enroll(ctx); err != nil || name != "r-1" || key != "tacho_runner_1" {
			t.Errorf("started again: %s, %s, %v", name, string(key), err)
		}
		againCtx := ctx
		other, ctx := newMachine(t, file, server)
		other.token = "tacho_twice"
		if _, _, err := other.enroll(ctx); err != nil || len(asked) != 4 {
			t.Errorf("another machine on the same state: %v after %d questions", err, len(asked))
		}
		synctest.Wait()
		time.Sleep(61 * time.Second)
		if !errors.Is(context.Cause(ctx), errUnwanted) {
			t.Errorf("its time is over, and it goes on: %v", context.Cause(ctx))
		}
		if !errors.Is(context.Cause(againCtx), errUnwanted) {
			t.Error("started again it has no end")
		}
	})
}

// TestAMachineHasItsEndFromTheFirstBeat: it may wait long for its enrolment.
func TestAMachineHasItsEndFromTheFirstBeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, ctx := newMachine(t, "", func(string, []byte) (int, any) { return http.StatusOK, api.BeatAnswer{Remaining: 30} })
		m.early(ctx, phaseBoot)
		time.Sleep(29 * time.Second)
		if ctx.Err() != nil {
			t.Error("it ended too early")
		}
		time.Sleep(2 * time.Second)
		if !errors.Is(context.Cause(ctx), errUnwanted) {
			t.Error("it did not end")
		}
	})
}

func TestAUsedTokenIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	asked := 0
	m, ctx := newMachine(t, filepath.Join(t.TempDir(), "machine.json"), func(string, []byte) (int, any) {
		asked++
		return http.StatusUnauthorized, api.Error{Message: "the token is unknown, used or over"}
	})
	_, _, err := m.enroll(ctx)
	if cli.ExitCode(err) != fault.ExitRefused || !strings.Contains(err.Error(), "used or over") || asked != 1 {
		t.Errorf("%v with exit code %d after %d questions", err, cli.ExitCode(err), asked)
	}
}

func TestTheEndOnlyComesNearer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, ctx := newMachine(t, "", nil)
		m.endIn(100)
		m.endIn(1000)
		time.Sleep(20 * time.Second)
		m.endIn(30)
		time.Sleep(29 * time.Second)
		if ctx.Err() != nil {
			t.Error("it ended too early")
		}
		time.Sleep(2 * time.Second)
		if !errors.Is(context.Cause(ctx), errUnwanted) {
			t.Error("it did not end")
		}
		m, late := newMachine(t, "", nil)
		m.endIn(100)
		m.endIn(1000)
		time.Sleep(101 * time.Second)
		if late.Err() == nil {
			t.Error("a later word put the end off")
		}
	})
}

// drained counts what it is told.
type drained struct{ atomic.Int64 }

func (d *drained) Drain() { d.Add(1) }

func TestBeatsSayWhatIsDoneAndHearWhatIsWanted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // of all below: what waits for a time is woken by nobody
		var said []string
		answer := api.BeatAnswer{Remaining: 3600}
		status := http.StatusOK
		now := func(change func()) {
			mu.Lock()
			defer mu.Unlock()
			change()
		}
		m, ctx := newMachine(t, "", func(_ string, body []byte) (int, any) {
			mu.Lock()
			defer mu.Unlock()
			var in api.MachineBeat
			if err := json.Unmarshal(body, &in); err != nil {
				t.Error(err)
			}
			said = append(said, strings.TrimSpace(in.Phase+" "+in.Benchmark))
			return status, answer
		})
		var d drained
		over := make(chan struct{})
		go func() { defer close(over); m.beats(ctx, &d) }()
		synctest.Wait()
		m.observe(runner.Doing{Phase: runner.PhaseRunning, Workload: "kernels"})
		synctest.Wait()
		now(func() { status = 0 }) // the server is away: nothing is lost but a beat
		m.observe(runner.Doing{Phase: runner.PhaseUploading})
		synctest.Wait()
		now(func() { status = http.StatusOK })
		time.Sleep(time.Minute)
		synctest.Wait()
		now(func() {
			want := []string{"ready", "running kernels", "uploading"}
			if len(said) < 5 || !slices.Equal(said[:3], want) || said[len(said)-1] != "uploading" {
				t.Errorf("it said %q", said)
			}
			answer.Done = true
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := d.Load(); n == 0 || ctx.Err() != nil {
			t.Errorf("nothing is left in its slot: drained %d times, %v", n, ctx.Err())
		}
		now(func() { answer.Cancel = true })
		time.Sleep(time.Minute)
		<-over
		if !errors.Is(context.Cause(ctx), errUnwanted) {
			t.Errorf("nobody wants it: %v", context.Cause(ctx))
		}
	})
}

// TestAMachineThatIsNotKnownAnyMoreEnds: its runner was retired with its row.
func TestAMachineThatIsNotKnownAnyMoreEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, ctx := newMachine(t, "", func(string, []byte) (int, any) { return http.StatusUnauthorized, api.Error{Message: "nobody"} })
		over := make(chan struct{})
		var d drained
		go func() { defer close(over); m.beats(ctx, &d) }()
		<-over
		if !errors.Is(context.Cause(ctx), errUnwanted) {
			t.Error(context.Cause(ctx))
		}
	})
}

func TestTheTokenIsNoFlag(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("tacho_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ variable, file, want string }{
		"variable": {"tacho_variable", "", "tacho_variable"}, "file": {"tacho_variable", file, "tacho_file"},
		"neither": {"", "", ""}, "two words": {"a b", "", ""}, "no file": {"tacho_variable", "/does/not/exist", ""},
	} {
		env, _, _ := runnerEnv(map[string]string{enrollVariable: row.variable})
		got, err := enrollToken(env, row.file)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
