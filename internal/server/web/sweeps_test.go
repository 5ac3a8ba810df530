package web

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
	"github.com/tachograph/tacho/internal/standings"
)

func (c *canned) Sweeps(_ context.Context, a access.Actor, _ string, _ sweep.Filter, _ store.Page) ([]api.Sweep, int, error) {
	return answer[[]api.Sweep](c, a, in("sweeps"))
}

func (c *canned) SweepLedger(_ context.Context, a access.Actor, _, ref string) (api.SweepLedger, error) {
	return one[api.SweepLedger](c, a, in("sweeps/"+ref))
}

func (c *canned) SweepTasks(_ context.Context, a access.Actor, _, ref string, _ sweep.TaskFilter, _ store.Page) ([]api.SweepTask, int,
	error) {
	return answer[[]api.SweepTask](c, a, in("sweeps/"+ref+"/tasks"))
}

func (c *canned) SweepStandings(_ context.Context, a access.Actor, _, ref, _ string) (*standings.Report, error) {
	m, err := one[api.SweepMeasurements](c, a, in("sweeps/"+ref+"/report"))
	if err != nil {
		return nil, err
	}
	return standings.Of(m)
}

func (c *canned) StopSweep(_ context.Context, a access.Actor, project, ref string, in api.UpdateSweep) error {
	c.did("sweep " + project + " " + ref + " " + in.Do)
	if a.Kind != access.User {
		return fault.Unauthorizedf("nobody may do this without a name")
	}
	return nil
}

// swept is a sweep of so many types, in the middle of it and without a controller, or after its end.
func swept(types int, over bool) api.SweepLedger {
	s := api.Sweep{ID: "1764360000", Name: "Night " + nasty, State: "active", Suite: "ruby-bench", Workloads: []string{"interp", "yjit"},
		Budget: 5_000_000, Spent: 1_230_000, Expires: now.Add(100 * time.Minute), Created: now.Add(-time.Hour),
		Controller: &api.SweepController{Holder: "laptop", Until: now.Add(-time.Minute)}, Machines: 1,
		Tasks: api.SweepCounts{Total: 24, Done: 12, Running: 3, Pending: 7, Failed: 2}}
	if over {
		s.State, s.Outcome, s.Clean, s.Ended, s.Machines = "ended", "partial", true, ptr(now), 0
		s.Tasks = api.SweepCounts{Total: 24, Done: 22, Failed: 2}
	}
	out := api.SweepLedger{Now: now, Sweep: s}
	for i := range types {
		id := fmt.Sprintf("m%d.%dxlarge", i%9+1, i/9+1)
		p := api.SweepPool{UUID: id, Provider: "aws", Type: id, Alias: id, Hosts: 2,
			Price: api.SweepPrice{PerHour: 45_000, Known: true, Source: "cloudspecs", Date: "2026-07-22"},
			Tasks: api.SweepCounts{Total: 8, Done: 4, Running: 1, Pending: 3}, Slots: []api.SweepSlot{
				{UUID: id + "1", Ordinal: 1, State: "held", Tasks: api.SweepCounts{Total: 4, Done: 3, Running: 1}},
				{UUID: id + "2", Ordinal: 2, State: "given_up", Reason: "no_capacity", Note: nasty, Tasks: api.SweepCounts{Total: 4, Failed: 4}}}}
		if i == 1 {
			p.Slots, p.Skipped = nil, &api.SweepSkip{Reason: "unsupported", Sentence: "the type is not offered in us-east-1"}
		}
		out.Pools = append(out.Pools, p)
		out.Machines = append(out.Machines, api.SweepMachine{ID: "t" + id, Slot: id + "1", Region: "us-east-1", Zone: "us-east-1b",
			NativeID: "i-0f3a9c0d1e2b3a4c5", State: "working", Phase: "running", Benchmark: "railsbench", Cost: 120_000,
			Beat: ptr(now.Add(-4 * time.Second))})
	}
	return out
}

// measured is what so many types with three machines each measured.
func measured(types int) api.SweepMeasurements {
	r := rand.New(rand.NewPCG(1, uint64(types)))
	m := api.SweepMeasurements{Title: "Night " + nasty, Suite: "ruby-bench", Measure: "latency", Measures: []string{"latency", "memory"},
		Unit: "ms", Started: now.Add(-time.Hour), Notes: []string{"Without a result: 2 tasks (variant)."},
		Facts: []api.StandingsFact{{Name: "parameter ruby", Value: "3.4.7"}}}
	for i := range types {
		name, speed := fmt.Sprintf("m%d.%dxlarge", i%9+1, i/9+1), math.Exp(0.35*r.NormFloat64())
		m.Types = append(m.Types, api.MeasuredType{Name: name, CPU: "AMD EPYC 9R14", Wanted: 3,
			Price: &api.StandingsPrice{PerHour: 0.06 / speed * math.Exp(0.3*r.NormFloat64()), Date: "2026-07-22", Source: "cloudspecs"}})
		for machine := range 3 {
			factor := math.Exp(0.02*r.NormFloat64()) / speed
			m.Processes = append(m.Processes, api.SweepProcess{Type: name, Machine: fmt.Sprintf("%s-%d", name, machine), Workload: "yjit",
				Repeat: 1, Place: 1, Values: map[string]float64{"activerecord": 120 * factor, "railsbench": 1500 * factor}})
		}
	}
	return m
}

func sweepAnswers(types int) map[string]any {
	all := answers()
	all["/projects/words/sweeps"] = []api.Sweep{swept(1, false).Sweep, swept(1, true).Sweep}
	all["/projects/words/sweeps/1764360000"] = swept(types, false)
	all["/projects/words/sweeps/over"] = swept(types, true)
	all["/projects/words/sweeps/1764360000/report"] = measured(types)
	tasks := []api.SweepTask{{Job: "e", Workload: "yjit", Repeat: 2, Status: api.JobFailed, Reason: api.ReasonVariant,
		Error: `workload yjit: description does not contain "+YJIT"`}}
	all["/projects/words/sweeps/1764360000/tasks"], all["/projects/words/sweeps/over/tasks"] = tasks, tasks
	return all
}

func TestPagesOfSweepsGolden(t *testing.T) {
	t.Parallel()
	full := pages(t, sweepAnswers(2))
	empty := answers()
	empty["/projects/words/sweeps"] = []int{}
	for name, target := range map[string]string{"sweeps": "/projects/words/sweeps", "sweep": "/projects/words/sweeps/1764360000",
		"sweep_over": "/projects/words/sweeps/over", "sweep_report": "/projects/words/sweeps/1764360000/report",
		"sweeps_empty": "/projects/words/sweeps"} {
		from := full
		if name == "sweeps_empty" {
			from = pages(t, empty)
		}
		got := get(t, from, target).Body.String()
		soundHTML(t, got)
		file := filepath.Join("testdata", name+".golden.html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != got {
			t.Errorf("%s is not as its golden file; look at it, and -update", name)
		}
	}
}

// TestASweepThatNobodyLooksAfterSaysWhenItsMachinesEnd, and comes anew by itself until it has ended.
func TestASweepThatNobodyLooksAfterSaysWhenItsMachinesEnd(t *testing.T) {
	t.Parallel()
	h := pages(t, sweepAnswers(2))
	open, over := get(t, h, "/projects/words/sweeps/1764360000").Body.String(), get(t, h, "/projects/words/sweeps/over").Body.String()
	for text, ended := range map[string]bool{"Nobody looks after this sweep; its machines end at ": false, `http-equiv="refresh"`: false,
		"All of its machines are gone.": true, "last lines": true} {
		if has := strings.Contains(over, text); has != ended {
			t.Errorf("after its end %q: %v", text, has)
		}
		if !ended && !strings.Contains(open, text) {
			t.Errorf("no %q", text)
		}
	}
	if strings.Contains(open, "End early</button>") {
		t.Error("who has not signed in is offered to stop it")
	}
}

// TestASweepIsStoppedByItsForms, by whoever may, from here and from nowhere else.
func TestASweepIsStoppedByItsForms(t *testing.T) {
	t.Parallel()
	source := &canned{answers: sweepAnswers(1)}
	h := New(Config{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Source: source})
	ann := access.Actor{Kind: access.User, AccountID: "ann"}
	page := getBy(t, h, "/projects/words/sweeps/1764360000", ann)
	for _, text := range []string{"End early</button>", "Stop now</button>"} {
		if !strings.Contains(page, text) {
			t.Errorf("no %q", text)
		}
	}
	for _, tc := range []struct {
		do, site string
		actor    access.Actor
		status   int
		did      string
	}{{"stop", "same-origin", ann, 303, "sweep words 1764360000 stop"},
		{"stop_now", "same-origin", ann, 303, "sweep words 1764360000 stop_now"},
		{"start", "same-origin", ann, 400, ""}, {"stop", "cross-site", ann, 403, ""},
		{"stop", "same-origin", access.Actor{Kind: access.Anonymous}, 401, "sweep words 1764360000 stop"}} {
		source.asked = nil
		w := post(t, h, "/projects/words/sweeps/1764360000", tc.actor, http.Header{"Sec-Fetch-Site": {tc.site}},
			url.Values{"status": {tc.do}, "back": {"/projects/words/sweeps/1764360000"}})
		if did := strings.Join(source.asked, ","); w.Code != tc.status || did != tc.did {
			t.Errorf("%s from %s: %d, did %q", tc.do, tc.site, w.Code, did)
		}
	}
}

func getBy(t *testing.T, h http.Handler, target string, actor access.Actor) string {
	t.Helper()
	return get(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(request.WithActor(r.Context(), actor)))
	}), target).Body.String()
}

// TestTheJSONOfASweepsReportIsByTheMeasureOfItsPage, whatever signs are in its name.
func TestTheJSONOfASweepsReportIsByTheMeasureOfItsPage(t *testing.T) {
	t.Parallel()
	h := pages(t, sweepAnswers(2))
	for query, want := range map[string]string{"": `/report"`, "?measure=peak+%26+mean": `/report?measure=peak&#43;%26&#43;mean"`} {
		body := get(t, h, "/projects/words/sweeps/1764360000/report"+query).Body.String()
		if want = `href="/v0/projects/words/sweeps/1764360000` + want; !strings.Contains(body, want) {
			t.Errorf("%q: no %s", query, want)
		}
	}
}
