package sweep

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/term"
)

// at is a sweep of two pools after done tasks, with machines in these states.
func at(state string, done int, machines ...api.SweepMachine) api.SweepLedger {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	counts := func(done int) api.SweepCounts { return api.SweepCounts{Total: 4, Done: done, Pending: 4 - done} }
	return api.SweepLedger{Now: now, Machines: machines,
		Sweep: api.Sweep{State: state, Budget: 5_000_000, Spent: 12_000, Expires: now.Add(90 * time.Minute),
			Tasks: api.SweepCounts{Total: 8, Done: done}, Controller: &api.SweepController{Alive: true}},
		Pools: []api.SweepPool{
			{UUID: "p1", Alias: "c8g", Hosts: 2, Tasks: counts(done), Slots: []api.SweepSlot{
				{UUID: "s1", Ordinal: 1, Tasks: api.SweepCounts{Total: 4, Pending: 4 - done}}}},
			{UUID: "p2", Alias: "c8a", Hosts: 2, Tasks: counts(0), Slots: []api.SweepSlot{{UUID: "s2", Ordinal: 1, State: "waiting"}}},
		}}
}

func machineIn(state, reason string) api.SweepMachine {
	return api.SweepMachine{ID: "m1", Pool: "p1", Slot: "s1", State: state, Reason: reason}
}

func TestEachChangeIsALine(t *testing.T) {
	t.Parallel()
	givenUp := at("active", 4, machineIn("gone", "vanished"))
	givenUp.Pools[1].Slots[0].State, givenUp.Pools[1].Slots[0].Reason, givenUp.Pools[1].Slots[0].Note = "given_up", "quota", "none to be had"
	steps := []api.SweepLedger{at("active", 0), at("active", 0, machineIn("creating", "")), at("active", 0, machineIn("creating", "")),
		at("active", 2, machineIn("working", "")), at("active", 2, machineIn("deleting", "heartbeat_lost")),
		at("active", 4, machineIn("gone", "vanished")), givenUp, at("closing", 4, machineIn("gone", "vanished"))}
	want := [][]string{{"c8g: 0 of 4 tasks done", "c8a: 0 of 4 tasks done"}, {"c8g machine 1: creating"}, nil,
		{"c8g: 2 of 4 tasks done", "c8g machine 1: working"}, {"c8g machine 1: deleting (heartbeat_lost)"},
		{"c8g: 4 of 4 tasks done", "c8g machine 1: gone"}, {"c8a machine 1: given up (quota) none to be had"}, {"sweep is closing"}}
	var before api.SweepLedger
	for i, step := range steps {
		if diff := cmp.Diff(want[i], changes(before, step, i > 0)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i+1, diff)
		}
		before = step
	}
	early := at("active", 1, machineIn("gone", "vanished"))
	if got := strings.Join(changes(at("active", 1, machineIn("working", "")), early, true), "\n"); got != "c8g machine 1: gone (vanished)" {
		t.Errorf("one that vanished with tasks left: %q", got)
	}
}

func TestTheLiveTable(t *testing.T) {
	t.Parallel()
	busy := machineIn("working", "")
	busy.Phase, busy.Benchmark = "running", "kernels"
	other := busy
	other.ID = "m2"
	rows := at("active", 2, busy, other, api.SweepMachine{ID: "m3", Pool: "p2", Slot: "s2", State: "creating"})
	rows.Pools[0].Tasks.Running = 1
	want := `pool                    tasks  machines  now
c8g   ████████▒▒▒▒░░░░    2/4       2/2  kernels ×2
c8a   ░░░░░░░░░░░░░░░░    0/4       1/2  creating
active · 2/8 tasks · $0.02 of $5.00 · 1h30m left`
	if diff := cmp.Diff(want, strings.Join(live(rows, 0), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, line := range live(rows, 30) {
		if n := len([]rune(line)); n >= 30 {
			t.Errorf("%d columns of 30: %q", n, line)
		}
	}
	rows.Sweep.Controller.Alive = false
	if lines := live(rows, 0); !strings.HasSuffix(lines[len(lines)-1], "nobody looks after it") {
		t.Errorf("%q", lines)
	}
}

// TestTheTableIsWrittenOver: what is said stands above it, and it is not drawn while somebody is asked.
func TestTheTableIsWrittenOver(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := &watch{screen: &term.Screen{W: &out, Terminal: true}}
	w.show(at("active", 0))
	first := out.String()
	out.Reset()
	w.say("hello")
	if got := out.String(); got != "\x1b[4A\x1b[Jhello\n"+first {
		t.Errorf("%q", got)
	}
	w.hush(true)
	out.Reset()
	w.show(at("active", 1))
	if out.Len() > 0 {
		t.Errorf("drawn over a question: %q", out.String())
	}
}

func TestWhatIsChosen(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]choice{"\n": choiceDetach, "": choiceDetach, "d\n": choiceDetach, "W\n": choiceDrain,
		"s\n": choiceStop, "nuke\n": choiceNuke, "what?\n\x00\nc\n": choiceGoOn} {
		var out bytes.Buffer
		if got := ask(strings.NewReader(typed), &out, "sweep 1"); got != want {
			t.Errorf("%q: %s, want %s", typed, got, want)
		}
		if !strings.Contains(out.String(), "sweep 1") || !strings.Contains(out.String(), "(the default)") {
			t.Errorf("it asked %q", out.String())
		}
	}
}

func TestAMachineHasNoKeyOfOurs(t *testing.T) {
	t.Parallel()
	got := withoutKeys([]string{"PATH=/bin", "TACHO_KEY=a", "BENCHER_API_KEY=b", "TACHO_RUNNER_KEY=c", "TACHO_KEYS=d", "TACHO_HOST=e"})
	if diff := cmp.Diff([]string{"PATH=/bin", "TACHO_KEYS=d", "TACHO_HOST=e"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheOwnerOfMachinesIsTheirServer(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"https://Bench.example.org/": "bench.example.org", "http://127.0.0.1:6610": "127.0.0.1:6610",
		"https://example.org/tacho/": "example.org/tacho", "": "this-machine",
		"http://localhost:6610": "127.0.0.1:6610", "http://LocalHost:6610/": "127.0.0.1:6610", "http://[::1]:6610": "127.0.0.1:6610",
		"http://localhost": "127.0.0.1", "http://[2001:db8::1]:80": "[2001:db8::1]:80"} {
		if got := installation(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

// TestNobodyWaitsForEverForAServer: who looks after a sweep gives up an hour after its machines were to end, and not before.
func TestNobodyWaitsForEverForAServer(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]bool{-time.Minute: false, 59 * time.Minute: false, 61 * time.Minute: true} {
		if got := forsaken(api.Sweep{Expires: end}, end.Add(after)); got != want {
			t.Errorf("%s after the end: %t", after, got)
		}
	}
}
