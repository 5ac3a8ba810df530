package runner_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cli/verbs"
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
		w := clitest.New(verbs.All)
		w.Vars["TACHO_HOST"], w.Vars["TACHO_KEY"] = s.URL, "tacho_user_x"
		if code := w.Tacho(t, words...); code != 0 {
			t.Fatalf("%v: exit code %d: %s", words, code, w.ErrText.String())
		}
		return w.OutText.String()
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
