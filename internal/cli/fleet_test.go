package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
)

func TestADrainedRunnerIsListedWithTheReasonAndUndrained(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	box := api.Runner{Slug: "box", State: api.RunnerDrained, Drained: &at, DrainedWhy: "it could not run 2 jobs in a row"}
	var body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && r.URL.Path == "/v0/runners/box" {
			var in map[string]any
			_ = json.NewDecoder(r.Body).Decode(&in)
			raw, _ := json.Marshal(in)
			body = string(raw)
			_ = json.NewEncoder(w).Encode(box)
			return
		}
		offline := box
		offline.Slug, offline.State = "rack", api.RunnerOffline
		w.Header().Set("X-Total-Count", "2")
		_ = json.NewEncoder(w).Encode([]api.Runner{box, offline})
	}))
	t.Cleanup(s.Close)
	tacho := func(words ...string) string {
		t.Helper()
		w := newWorld()
		w.vars["TACHO_HOST"], w.vars["TACHO_KEY"] = s.URL, "tacho_user_x"
		if code := w.tacho(t, words...); code != 0 {
			t.Fatalf("%v: exit code %d: %s", words, code, w.stderr.String())
		}
		return w.stdout.String()
	}
	lines := strings.Split(tacho("runner", "list"), "\n")
	for i, want := range []string{"box drained it could not run 2 jobs in a row", "rack offline drained: it could not run 2 jobs in a row"} {
		if got := strings.Join(strings.Fields(lines[i+1]), " "); got != want {
			t.Errorf("row %d: got %q, want %q", i+1, got, want)
		}
	}
	if got := tacho("runner", "undrain", "box"); got != "runner box gets jobs again\n" || body != `{"drained":false}` {
		t.Errorf("undrain prints %q and sends %s", got, body)
	}
}

func TestABlockedJobsLineSaysWhy(t *testing.T) {
	t.Parallel()
	job := api.Job{Status: api.JobPending, Spec: api.Spec{Slug: "metal"}, Attempt: 1, Reason: api.ReasonSandbox, QueuePosition: ptr(1),
		Blocked: "no runner may take it: box is drained"}
	const want = "waiting for a runner with spec metal, position 1 in the queue (attempt 2 after sandbox): no runner may take it: box is " +
		"drained"
	if got := stateLine(job); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
