package event_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/event"
)

func TestPeopleActOnAnEvent(t *testing.T) {
	t.Parallel()
	w, e := stepped(t)
	must := func(u api.UpdateEvent, want api.EventState) api.Event {
		t.Helper()
		got, err := w.do(e.UUID, u)
		if err != nil || got.State != want {
			t.Fatalf("%+v: %s, %v; want %s", u, got.State, err, want)
		}
		return got
	}
	refused := func(u api.UpdateEvent, kind fault.Kind, sentence string) {
		t.Helper()
		if _, err := w.do(e.UUID, u); !fault.Is(err, kind) || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%+v: %v, want %q", u, err, sentence)
		}
	}
	acked := must(api.UpdateEvent{Verb: api.AckEvent, Version: e.Version}, api.EventAcknowledged)
	refused(api.UpdateEvent{Verb: api.AckEvent, Version: e.Version}, fault.Conflict, "look at it again")
	must(api.UpdateEvent{Verb: api.FixEvent, Version: acked.Version, Reason: "reverted"}, api.EventFixed)
	refused(api.UpdateEvent{Verb: api.AckEvent}, fault.Conflict, "reopen it before")
	must(api.UpdateEvent{Verb: api.ReopenEvent}, api.EventConfirmed) // the series confirms it again
	refused(api.UpdateEvent{Verb: api.IgnoreEvent, Reason: " "}, fault.Invalid, "ignoring an event needs one")
	refused(api.UpdateEvent{Verb: api.AckEvent, Reason: strings.Repeat("x", 1025)}, fault.Invalid, "the limit is 1024")
	refused(api.UpdateEvent{Verb: "confirm"}, fault.Invalid, "want one of")
	soon, over := w.clock.Now().Add(time.Hour), w.clock.Now()
	refused(api.UpdateEvent{Verb: api.AckEvent, Until: &soon}, fault.Invalid, "only ignoring ends by itself")
	refused(api.UpdateEvent{Verb: api.IgnoreEvent, Reason: "noise", Until: &over}, fault.Invalid, "is over")

	must(api.UpdateEvent{Verb: api.IgnoreEvent, Reason: "noise", Until: &soon}, api.EventIgnored)
	if open := w.list(event.NamedFilter{State: "open"}); len(open) != 0 {
		t.Errorf("ignored, and open: %+v", open)
	}
	w.clock.Advance(2 * time.Hour)
	w.want(event.NamedFilter{State: "open"}, "code confirmed lab: a +20% worse")
	w.want(event.NamedFilter{State: "ignored"})
	w.runs("lab", 3, map[string]float64{"a": 120})
	w.look()
	w.want(event.NamedFilter{State: "confirmed"}, "code confirmed lab: a +20% worse")
	last := must(api.UpdateEvent{Verb: api.AcceptEvent}, api.EventAccepted)
	var life []string
	for _, s := range last.Steps {
		life = append(life, s.Verb)
	}
	if got := strings.Join(life, " "); got != "confirm ack fix reopen confirm ignore expire confirm accept" || last.Reason != "" ||
		last.Until != nil {
		t.Errorf("its life: %s, %q %v", got, last.Reason, last.Until)
	}
	stranger := access.Actor{Kind: access.User, AccountID: "0"}
	if _, err := w.events.Update(t.Context(), stranger, "shop", e.UUID, api.UpdateEvent{Verb: api.AckEvent}); err == nil {
		t.Error("a stranger acted on it")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w, e := stepped(t)
	for n := range 12 {
		w.run("lab", fmt.Sprint("d", n), map[string]float64{"a": w.near(120), "b": w.near(9)})
	}
	w.look()
	w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse", "code confirmed lab: b +30% worse")
	for name, c := range map[string]struct {
		ask     api.UpdateEvents
		changed string // benchmarks, or what the refusal says
	}{
		"by id":                 {api.UpdateEvents{Events: []string{e.UUID, e.UUID}}, "a"},
		"by commit":             {api.UpdateEvents{Commits: commitHash("c20")}, "a"},
		"by the start of it":    {api.UpdateEvents{Commits: commitHash("c5")}, ""},
		"by range":              {api.UpdateEvents{Commits: commitHash("c25") + ".." + commitHash("d11")}, "b"},
		"by range, exclusively": {api.UpdateEvents{Commits: commitHash("c20") + ".." + commitHash("c27")}, ""},
		"by the whole range":    {api.UpdateEvents{Commits: commitHash("c0") + ".." + commitHash("d11")}, "a b"},
		"up to":                 {api.UpdateEvents{Commits: ".." + commitHash("c22")}, "a"},
		"by name":               {api.UpdateEvents{Benchmark: "b*"}, "b"},
		"by any name":           {api.UpdateEvents{Benchmark: "?"}, "a b"},
		"on a testbed":          {api.UpdateEvents{Benchmark: "*", Testbed: "lab", Branch: "main"}, "a b"},
		"an unknown commit":     {api.UpdateEvents{Commits: "0123456789"}, "is not among the versions"},
		"no hash":               {api.UpdateEvents{Commits: "HEAD~3"}, "want a hash"},
		"nothing":               {api.UpdateEvents{}, "nothing says which"},
		"an unknown branch":     {api.UpdateEvents{Benchmark: "*", Branch: "nope"}, "does not exist"},
	} {
		c.ask.Verb, c.ask.DryRun = api.AckEvent, true
		got, err := w.events.UpdateMany(t.Context(), local, "shop", c.ask)
		if err != nil {
			if c.changed == "" || !strings.Contains(err.Error(), c.changed) {
				t.Errorf("%s: %v, want %q", name, err, c.changed)
			}
			continue
		}
		var benchmarks []string
		for _, e := range got.Events {
			benchmarks = append(benchmarks, e.Changes[0].Benchmark.Name)
		}
		if len(benchmarks) == 2 && benchmarks[0] > benchmarks[1] {
			benchmarks[0], benchmarks[1] = benchmarks[1], benchmarks[0]
		}
		if strings.Join(benchmarks, " ") != c.changed {
			t.Errorf("%s: %q, want %q", name, benchmarks, c.changed)
		}
	}
	w.want(event.NamedFilter{State: "acknowledged"})
	if _, err := w.do(e.UUID, api.UpdateEvent{Verb: api.FixEvent}); err != nil {
		t.Fatal(err)
	}
	got, err := w.events.UpdateMany(t.Context(), local, "shop",
		api.UpdateEvents{UpdateEvent: api.UpdateEvent{Verb: api.AckEvent}, Benchmark: "*"})
	if err != nil || len(got.Events) != 1 || len(got.Refused) != 1 || got.Refused[0].UUID != e.UUID {
		t.Errorf("%+v, %v", got, err)
	}
	w.want(event.NamedFilter{}, "code fixed lab: a +20% worse", "code acknowledged lab: b +30% worse")
}

func TestAMarkedReportDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runs("lab", 30, map[string]float64{"a": 100})
	var bad []string
	for range 3 {
		bad = append(bad, w.run("lab", "", map[string]float64{"a": w.near(150)}))
	}
	w.look()
	w.want(event.NamedFilter{}, "code suspected lab: a +50% worse")
	for _, id := range bad {
		if mark, err := w.events.Mark(t.Context(), local, "shop", id, "the machine was busy"); err != nil || mark.Report != id {
			t.Fatalf("%+v, %v", mark, err)
		}
	}
	w.want(event.NamedFilter{})
	w.want(event.NamedFilter{Gone: true}, "code suspected lab: a +50% worse")
	for _, id := range bad {
		if err := w.events.Unmark(t.Context(), local, "shop", id); err != nil {
			t.Fatal(err)
		}
	}
	w.want(event.NamedFilter{}, "code suspected lab: a +50% worse")
	if err := w.events.Unmark(t.Context(), local, "shop", bad[0]); !fault.Is(err, fault.Missing) {
		t.Errorf("unmarked twice: %v", err)
	}
	if _, err := w.events.Mark(t.Context(), local, "shop", bad[0], " "); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
}
