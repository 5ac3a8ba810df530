package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
)

// TestAnEventIsCheckedByARerun: the third commit takes more steps. A rerun in turns on the runner confirms that; one in which the new image
// is as the old one refutes it.
func TestAnEventIsCheckedByARerun(t *testing.T) {
	needContainers(t)
	w := newWorld(t)
	w.newRunner("box")()
	for tag, steps := range map[string]string{"old": "100000", "new": "120000"} {
		file := filepath.Join(t.TempDir(), tag)
		if err := os.WriteFile(file, []byte(steps), 0o644); err != nil {
			t.Fatal(err)
		}
		w.pushEmit("checked/emit:"+tag, file+":/steps")
	}
	for i, tag := range []string{"old", "old", "new"} {
		w.must("run", "--project", "checked", "--branch", "main", "--hash", fmt.Sprintf("%040x", i+1), "--adapter", "json", "--image",
			"emit:"+tag, "--cmd", "count", "--quiet")
	}
	var events []api.Event
	until(t, "the event", func() bool { return w.get("/v0/projects/checked/events", &events) && len(events) == 1 })
	event := func() (e api.Event) {
		w.get("/v0/projects/checked/events/"+events[0].UUID, &e)
		return e
	}
	check := func(outcome api.CheckOutcome, more ...string) api.Event {
		t.Helper()
		if out := w.must(append([]string{"alert", "check", "checked", events[0].UUID, "--pairs", "6"}, more...)...); !strings.Contains(out,
			"is being checked") {
			t.Errorf("check says %q", out)
		}
		until(t, "the end of the check", func() bool { return event().State != api.EventChecking })
		e := event()
		if len(e.Checks) == 0 || e.Checks[0].Outcome != outcome || string(e.State) != string(outcome) {
			t.Fatalf("want %s: %s, %+v", outcome, e.State, e.Checks)
		}
		return e
	}
	e := check(api.CheckConfirmed)
	if l := e.Checks[0].Lines[0]; l.Pairs != 6 || !l.Exact || *l.Before != 100_000 || *l.After != 120_000 {
		t.Errorf("it saw %+v", l)
	}
	if e.Checks[0].Before.Number != 1 || e.Checks[0].After.Number != 2 {
		t.Errorf("it compared version %d with %d", e.Checks[0].Before.Number, e.Checks[0].After.Number)
	}
	e = check(api.CheckRefuted, "--image-head", "emit:old")
	if shown := w.must("alert", "view", "checked", e.UUID); !strings.Contains(shown,
		"refuted (6 pairs in turns: emit, Instructions is equal)") {
		t.Errorf("alert view says %s", shown)
	}
	if shown := w.must("explain", "checked", e.UUID); !strings.Contains(shown, "confirmed; +20.0% by 6 pairs") {
		t.Errorf("explain says %s", shown)
	}
	if c := e.Changes[0]; c.NBefore+c.NAfter != 3 {
		t.Errorf("the line has %d values before and %d after: what a check measures is no part of it", c.NBefore, c.NAfter)
	}
}
