package sweep

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/clitest"
)

// midway is a sweep in the middle of its life.
func midway() api.SweepLedger {
	now := time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	return api.SweepLedger{Now: now,
		Sweep: api.Sweep{ID: "nightly", UUID: nightly, State: "active", Budget: 5_000_000, Spent: 20_000, Expires: now.Add(time.Hour),
			Controller: &api.SweepController{Holder: "ann@laptop", Alive: true}, Machines: 2,
			Tasks: api.SweepCounts{Total: 12, Pending: 6, Running: 2, Done: 3, Unread: 1, Failed: 1}},
		Pools: []api.SweepPool{
			{UUID: "p1", Alias: "c8g", Provider: "aws", Type: "c8g.medium", Slots: make([]api.SweepSlot, 2),
				Tasks: api.SweepCounts{Total: 8, Pending: 2, Running: 2, Done: 3, Failed: 1}},
			{UUID: "p2", Alias: "c7g", Provider: "aws", Type: "c7g.medium", Slots: make([]api.SweepSlot, 1),
				Tasks: api.SweepCounts{Total: 4, Pending: 4}, Skipped: &api.SweepSkip{Reason: "suspect", Sentence: "2 machines are not what " +
					"the pool says"}}},
		Machines: []api.SweepMachine{
			{ID: "m0", Pool: "p1", State: "gone"},
			{ID: "m1", NativeID: "i-1", Pool: "p1", Provider: "aws", Region: "us-east-1", Zone: "us-east-1a", State: "working",
				Phase: "running", Benchmark: "chunky-png", Launched: at(-5 * time.Minute), Beat: at(-3 * time.Second), Cost: 10_000},
			{ID: "m2", Pool: "p1", Provider: "aws", Region: "us-east-1", State: "unsure"}}}
}

// server answers what a sweep's commands ask, after it has been away for as many requests as it is told.
type server struct {
	t     *testing.T
	rows  api.SweepLedger
	away  int
	asked []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.away > 0 {
		s.away--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
	var answer any = s.rows
	switch {
	case strings.HasSuffix(r.URL.Path, "/sweeps"):
		answer = []api.Sweep{s.rows.Sweep}[:min(1, len(s.rows.Sweep.ID))]
	case r.Method == http.MethodPatch:
		answer = s.rows.Sweep
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(api.OperationHeader, "test")
	w.Header().Set("X-Total-Count", "1")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		s.t.Error(err)
	}
}

func process(t *testing.T, s *server) *clitest.Process {
	t.Helper()
	s.t = t
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	p := clitest.New(cli.Commands{{Name: "sweep", Make: Command}})
	p.Vars["TACHO_HOST"], p.Vars["TACHO_PROJECT"] = web.URL, "shop"
	p.Env.Wait = func(context.Context, time.Duration) error { return nil }
	return p
}

func TestStatus(t *testing.T) {
	t.Parallel()
	s := &server{rows: midway(), away: 3}
	p := process(t, s)
	const want = `sweep nightly: active
3 of 12 tasks done, 2 running, 6 waiting, 1 failed, 1 not read yet; $0.02 of $5.00 spent (estimated)
ann@laptop looks after it; all machines end by 2026-07-22 13:00 UTC

pool  type            slots  done  failed  left  machines  skipped
c8g   aws c8g.medium      2     3       1     4         2
c7g   aws c7g.medium      1     0       0     4         0  2 machines are not what the pool says

machine  pool  where       state    phase        age   heard   cost
i-1      c8g   us-east-1a  working  chunky-png  5m0s  3s ago  $0.01
m2       c8g   us-east-1   unsure                             $0.00
`
	if code := p.Tacho(t, "sweep", "status"); code != 0 {
		t.Errorf("exit code %d while the server is restarted\n%s", code, p.ErrText.String())
	}
	if diff := cmp.Diff(want, p.OutText.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if want := []string{"GET /v0/projects/shop/sweeps", "GET /v0/projects/shop/sweeps/nightly/ledger"}; !cmp.Equal(s.asked, want) {
		t.Errorf("without an ID it asks %q", s.asked)
	}
	var rows api.SweepLedger
	if code := p.Tacho(t, "sweep", "status", "nightly", "--json"); code != 0 || json.Unmarshal(p.OutText.Bytes(), &rows) != nil ||
		len(rows.Machines) != 3 {
		t.Errorf("exit code %d: %s", code, p.OutText.String())
	}
}

// Who looks after a sweep is said, and what happens if nobody does.
func TestStatusSaysWhoLooksAfterIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*api.SweepLedger)
		want   string
	}{
		"nobody": {func(l *api.SweepLedger) { l.Sweep.Controller.Alive = false },
			"nobody looks after it; its machines end by 2026-07-22 13:00 UTC; 'tacho sweep resume nightly' takes over"},
		"too late": {func(l *api.SweepLedger) { l.Sweep.Controller, l.Now = nil, l.Sweep.Expires },
			"'tacho sweep nuke nightly' proves it"},
		"clean": {func(l *api.SweepLedger) {
			l.Sweep.State, l.Sweep.Outcome, l.Sweep.Clean = "ended", "completed", true
		}, "sweep nightly: ended, completed\n"},
		"unclean": {func(l *api.SweepLedger) {
			l.Sweep.State, l.Sweep.Outcome, l.Sweep.Broken, l.Sweep.Note = "ended", "failed", "same_error", "workload interp: the same error"
		}, "ended, failed (same_error: workload interp: the same error), and not clean: 2 machines may still run"},
	} {
		s := &server{rows: midway()}
		c.change(&s.rows)
		p := process(t, s)
		if code := p.Tacho(t, "sweep", "status", "nightly"); code != 0 || !strings.Contains(p.OutText.String(), c.want) {
			t.Errorf("%s: exit code %d\n%s", name, code, p.OutText.String())
		}
	}
	p := process(t, &server{})
	if code := p.Tacho(t, "sweep", "status"); code != 2 || !strings.Contains(p.ErrText.String(), "project shop has no sweep yet") {
		t.Errorf("no sweep: exit code %d, %s", code, p.ErrText.String())
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"": `{"do":"stop"}`, "--now": `{"do":"stop_now"}`} {
		s := &server{rows: midway()}
		s.rows.Sweep.Controller.Alive = false
		p := process(t, s)
		code := p.Tacho(t, append([]string{"sweep", "stop", "nightly"}, strings.Fields(args)...)...)
		if code != 0 || len(s.asked) != 1 || s.asked[0] != "PATCH /v0/projects/shop/sweeps/nightly "+want ||
			!strings.Contains(p.ErrText.String(), "2 machines may still run, and nobody looks after it") {
			t.Errorf("stop %s: exit code %d, %q, %s", args, code, s.asked, p.ErrText.String())
		}
	}
	if code := process(t, &server{}).Tacho(t, "sweep", "stop"); code != 2 {
		t.Errorf("stop without a name: exit code %d", code)
	}
}
