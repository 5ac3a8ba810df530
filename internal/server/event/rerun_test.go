package event_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// queued is a world whose results come from jobs, which the tests finish in the place of a runner.
type queued struct {
	*world
	queue  *job.Service
	judge  *report.Judge
	images *images
	n      int // commits so far
}

// images are those that exist: all but what is gone.
type images struct{ gone string }

func (i *images) Resolve(_ context.Context, p project.Project, image string) (job.Image, error) {
	name, digest, pinned := strings.Cut(image, "@")
	if i.gone != "" && strings.HasPrefix(name, i.gone) {
		return job.Image{}, fault.Invalidf("image %q is not in this server's registry", image)
	}
	if !pinned {
		digest = "sha256:" + ident.HashKey(image)[:64]
	}
	return job.Image{Registry: "http://here", Repository: p.Slug + "/" + name, Digest: digest, Internal: true}, nil
}

func newQueued(t testing.TB) *queued {
	t.Helper()
	s, clock := storetest.Open(t)
	return queuedOn(t, s, clock)
}

func queuedOn(t testing.TB, s *store.Store, clock *storetest.Clock) *queued {
	t.Helper()
	w := &queued{world: worldOn(t, s, clock), judge: report.NewJudge(s, nil), images: &images{}}
	w.in(func(ctx context.Context, tx *store.Tx) error {
		now := tx.Now()
		spec, err := fleet.InsertSpec(ctx, tx, fleet.Spec{Name: "metal", OS: "linux", Architecture: "x86_64", Isolation: "container", CPU: 2,
			MemoryBytes: 1 << 30, DiskBytes: 1 << 30, Fallback: &now})
		if err != nil {
			return err
		}
		r, err := fleet.InsertRunner(ctx, tx, "box", "", ident.HashKey("box"))
		if err != nil {
			return err
		}
		return fleet.AddRunnerSpec(ctx, tx, r.ID, spec.ID)
	})
	w.serve()
	return w
}

// serve makes the services, as another server on the database would.
func (w *queued) serve() {
	w.t.Helper()
	blobs, err := blob.OpenDir(w.t.TempDir(), w.clock.Now)
	if err != nil {
		w.t.Fatal(err)
	}
	door := project.NewDoor(w.store, nil)
	w.queue = job.NewService(job.Config{Store: w.store, Door: door, Blobs: blobs, Reports: w.judge, Images: w.images, Now: w.clock.Now,
		Coin: func() bool { return true }})
	w.reports = report.NewService(report.Config{Store: w.store, Door: door, Blobs: blobs, Queue: w.queue, Judge: w.judge, Now: w.clock.Now})
	w.events = event.NewService(event.Config{Store: w.store, Door: door, Queue: w.queue})
}

func results(levels map[string]float64) string {
	text := map[string]map[string]map[string]float64{}
	for name, v := range levels {
		benchmark, measure, _ := strings.Cut(name, "/")
		if text[benchmark] == nil {
			text[benchmark] = map[string]map[string]float64{}
		}
		text[benchmark][cmp.Or(measure, "latency")] = map[string]float64{"value": v}
	}
	raw, _ := json.Marshal(text)
	return string(raw)
}

// noisy are levels with noise, but for what is counted.
func (w *queued) noisy(levels map[string]float64) map[string]float64 {
	out := maps.Clone(levels)
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		if !strings.HasSuffix(name, "/instructions") {
			out[name] = w.near(levels[name])
		}
	}
	return out
}

// jobs has n commits of main measured by a job each.
func (w *queued) jobs(n int, levels map[string]float64, change ...func(*api.NewJob)) {
	w.t.Helper()
	for range n {
		w.clock.Advance(time.Minute)
		w.n++
		run := api.NewRun{Project: "shop", Branch: "main", Testbed: "lab", Hash: commitHash(fmt.Sprint("c", w.n)),
			Settings: &api.ReportSettings{Adapter: "json"}, Thresholds: w.models,
			Job: &api.NewJob{Image: fmt.Sprint("app:c", w.n), Cmd: []string{"bench", "-n", "3"}}}
		for _, c := range change {
			c(run.Job)
		}
		taken, err := w.reports.Submit(w.t.Context(), report.Request{Actor: local, New: run})
		if err != nil {
			w.t.Fatal(err)
		}
		w.finish(taken.Report, job.Delivery{Inputs: []string{results(w.noisy(levels))}})
	}
}

func (w *queued) finish(reportID string, d job.Delivery) {
	w.t.Helper()
	d.End = w.clock.Now()
	if err := w.judge.FinishReport(w.t.Context(), reportID, d, nil); err != nil {
		w.t.Fatal(err)
	}
}

// suspected is a world in which a is 20 % slower since commit 31, which three versions show.
func suspected(t *testing.T) (*queued, api.Event) {
	t.Helper()
	w := newQueued(t)
	return w, w.suspect()
}

func (w *queued) suspect() api.Event {
	w.t.Helper()
	w.jobs(30, map[string]float64{"a": 100, "b": 7})
	w.jobs(3, map[string]float64{"a": 120, "b": 7})
	w.look()
	return w.want(event.NamedFilter{}, "code suspected lab: a +20% worse")[0]
}

// check begins a check.
func (w *queued) check(id string, asked api.NewEventCheck) api.Event {
	w.t.Helper()
	e, err := w.events.Check(w.t.Context(), local, "shop", id, asked)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// measure delivers what the jobs of a check measured, and says so for each report as the dispatcher does.
func (w *queued) measure(c api.EventCheck, before, after map[string]float64) {
	w.t.Helper()
	w.deliver(c, before, after)
	for _, id := range []string{c.Before.Report, c.After.Report} {
		if err := w.events.Checked(w.t.Context(), id); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *queued) deliver(c api.EventCheck, before, after map[string]float64) {
	w.t.Helper()
	w.deliverOne(c.Before.Report, before)
	w.deliverOne(c.After.Report, after)
}

func (w *queued) deliverOne(reportID string, levels map[string]float64) {
	w.t.Helper()
	var d job.Delivery
	for _, j := range w.jobsOf(reportID) {
		d.Add(j.ID, []string{results(w.noisy(levels))})
	}
	w.finish(reportID, d)
}

func (w *queued) jobsOf(reportID string) (out []job.Job) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = job.OfReport(ctx, tx, reportID)
		return err
	})
	return out
}

func (w *queued) get(id string) api.Event {
	w.t.Helper()
	e, err := w.events.Get(w.t.Context(), local, "shop", id)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// life is what happened to an event: verb and state of each step.
func life(e api.Event) string {
	var out []string
	for _, s := range e.Steps {
		out = append(out, s.Verb+" "+string(s.To))
	}
	return strings.Join(out, ", ")
}

// notices drops what is told of reports and returns the rest.
func (w *queued) notices() (out []string) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *store.Tx) error {
		rows, err := tx.Query(ctx, `select kind from event where kind like 'change.%' order by seq`)
		out, err = store.Collect(rows, err, store.ScanText)
		return err
	})
	return out
}

func TestACheckMeasuresTheVersionsBeforeAndAfterInTurns(t *testing.T) {
	t.Parallel()
	w, e := suspected(t)
	e = w.check(e.UUID, api.NewEventCheck{Pairs: 6, Version: e.Version})
	if e.State != api.EventChecking || len(e.Checks) != 1 || life(e) != "check checking" {
		t.Fatalf("%s, %d checks, %s", e.State, len(e.Checks), life(e))
	}
	c := e.Checks[0]
	if *c.Before.Hash != commitHash("c30") || *c.After.Hash != *e.Last.Hash || c.Outcome != api.CheckRunning || c.Pairs != 6 ||
		c.Ended != nil {
		t.Errorf("it compares %s with %s: %+v", *c.Before.Hash, *c.After.Hash, c)
	}
	if l := c.Lines[0]; len(c.Lines) != 1 || l.Benchmark.Name != "a" || l.Suspected == nil || l.Within != 0.02 || l.Effect != nil ||
		l.Outcome != api.CheckRunning {
		t.Errorf("of %+v", c.Lines)
	}
	var order []string
	for side, want := range map[string]string{c.Before.Report: "app:c30", c.After.Report: "app:c31"} {
		jobs := w.jobsOf(side)
		if len(jobs) != 6 {
			t.Fatalf("%d jobs", len(jobs))
		}
		for _, j := range jobs {
			order = append(order, fmt.Sprintf("%02d%s", j.Place, j.Side[:1]))
			config, err := j.Configuration()
			if err != nil || !strings.HasPrefix(j.Image, want+"@sha256:") || !slices.Equal(config.Cmd, []string{"bench", "-n", "3"}) || !j.InTurn {
				t.Errorf("a job of %s, %v (%v)", j.Image, config.Cmd, err)
			}
		}
	}
	slices.Sort(order)
	if got := strings.Join(order, " "); got != "00h 01b 02b 03h 04h 05b 06b 07h 08h 09b 10b 11h" {
		t.Errorf("order: %s", got)
	}
}

func TestARerunDecides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after float64
		state         api.EventState
		outcome       api.CheckOutcome
		life          string
		notices       []string
		says          string
	}{
		"slower, as suspected": {100, 120, api.EventConfirmed, api.CheckConfirmed, "check checking, confirm confirmed",
			[]string{"change.confirmed"}, "10 pairs in turns: a, Latency is +"},
		"the same": {100, 100, api.EventRefuted, api.CheckRefuted, "check checking, refute refuted", nil, "could have seen"},
		"faster":   {120, 100, api.EventUndecided, api.CheckUndecided, "check checking, doubt undecided", nil, "is -"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, e := suspected(t)
			id := e.UUID
			e = w.check(id, api.NewEventCheck{})
			w.measure(e.Checks[0], map[string]float64{"a": c.before, "b": 7}, map[string]float64{"a": c.after, "b": 7})
			e = w.get(id)
			got := e.Checks[0]
			if e.State != c.state || got.Outcome != c.outcome || life(e) != c.life || !slices.Equal(w.notices(), c.notices) ||
				!strings.Contains(got.Sentence, c.says) || e.Steps[1].Reason != got.Sentence || got.Ended == nil {
				t.Errorf("%s by %s: %s; told %v: %q", e.State, got.Outcome, life(e), w.notices(), got.Sentence)
			}
			l := got.Lines[0]
			if l.Outcome != c.outcome || l.Pairs != 10 || l.Lower == nil || *l.Lower > *l.Effect || *l.Upper < *l.Effect || *l.Detectable > .03 ||
				*l.P < 0 || *l.Before == *l.After {
				t.Errorf("line: %+v", l)
			}
			shown := map[api.CheckOutcome]string{api.CheckRefuted: "a of 20 runs in after, for 5"}
			if said := strings.Join(w.shown(got), "; "); said != shown[c.outcome] {
				t.Errorf("of identical code it has shown %q, want %q", said, shown[c.outcome])
			}
			w.jobs(1, map[string]float64{"a": 120, "b": 7}) // too few values say so by themselves: no look takes the rerun's word back
			w.look()
			if e = w.get(id); e.State != c.state || e.Settled {
				t.Errorf("after one more value it is %s", e.State)
			}
			// Later values at the new level confirm what is suspected or undecided; a refuted change they do not.
			w.jobs(6, map[string]float64{"a": 120, "b": 7})
			w.look()
			later := map[api.EventState]api.EventState{api.EventUndecided: api.EventConfirmed}
			if e = w.get(id); e.State != cmp.Or(later[c.state], c.state) || !e.Settled {
				t.Errorf("after six more values it is %s", e.State)
			}
			told := c.notices
			if c.state == api.EventUndecided {
				told = []string{"change.confirmed"}
			}
			if !slices.Equal(w.notices(), told) {
				t.Errorf("told in all: %v", w.notices())
			}
		})
	}
}

// TestWhatIsCountedIsCheckedByEquality, and is written as it is.
// shown is what is known of runs of identical code.
func (w *queued) shown(c api.EventCheck) (out []string) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *store.Tx) error {
		rows, _, err := report.ListNoise(ctx, tx, w.project.ID, "", store.Page{Limit: 9})
		out = nil
		for _, n := range rows {
			found, err := series.ByID(ctx, tx, []int64{n.SeriesID})
			if err != nil {
				return err
			}
			benchmarks, err := series.BenchmarksByID(ctx, tx, []string{found[n.SeriesID].BenchmarkID})
			if err != nil {
				return err
			}
			side := map[string]string{c.Before.Report: "before", c.After.Report: "after"}[n.ReportID]
			out = append(out, fmt.Sprintf("%s of %d runs in %s, for %d", benchmarks[found[n.SeriesID].BenchmarkID].Name, n.Units, side, n.Usual))
			if n.SD < .005 || n.SD > .02 || n.Grade() == judge.GradeLearning {
				w.t.Errorf("noise of 1 %% is %v, grade %q", n.SD, n.Grade())
			}
		}
		return err
	})
	return out
}

func TestWhatIsCountedIsCheckedByEquality(t *testing.T) {
	t.Parallel()
	w := newQueued(t)
	w.jobs(4, map[string]float64{"a/instructions": 1000})
	w.jobs(1, map[string]float64{"a/instructions": 1100})
	w.look()
	all := w.list(event.NamedFilter{})
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	e := w.check(all[0].UUID, api.NewEventCheck{Pairs: 6})
	w.measure(e.Checks[0], map[string]float64{"a/instructions": 1000}, map[string]float64{"a/instructions": 1000})
	e = w.get(e.UUID)
	if l := e.Checks[0].Lines[0]; e.Checks[0].Outcome != api.CheckRefuted || !l.Exact || *l.Before != 1000 || *l.Effect != 0 ||
		l.Lower != nil ||
		!strings.HasSuffix(e.Checks[0].Sentence, "a, Instructions is equal") {
		t.Errorf("%s: %+v, %q", e.Checks[0].Outcome, l, e.Checks[0].Sentence)
	}
}

// TestWhoWasToldOfARefutedChangeHearsThat: the values had confirmed it.
func TestWhoWasToldOfARefutedChangeHearsThat(t *testing.T) {
	t.Parallel()
	w := newQueued(t)
	w.jobs(30, map[string]float64{"a": 100})
	w.jobs(8, map[string]float64{"a": 120})
	w.look()
	e := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse")[0]
	e = w.check(e.UUID, api.NewEventCheck{})
	w.measure(e.Checks[0], map[string]float64{"a": 100}, map[string]float64{"a": 100})
	if e = w.get(e.UUID); e.State != api.EventRefuted || !slices.Equal(w.notices(), []string{"change.confirmed", "change.withdrawn"}) {
		t.Errorf("%s, told %v", e.State, w.notices())
	}
	// A person may open it again, and then the values confirm it.
	if e, _ = w.do(e.UUID, api.UpdateEvent{Verb: api.ReopenEvent}); e.State != api.EventConfirmed {
		t.Errorf("reopened, it is %s", e.State)
	}
}

// TestACheckIsNoPartOfTheLine: neither history, looks nor limits see what it measures.
func TestACheckIsNoPartOfTheLine(t *testing.T) {
	t.Parallel()
	w := newQueued(t)
	limit := 0.1
	w.models = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &limit}}}
	e := w.suspect()
	count := func() (alerts int) {
		w.in(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `select count(*) from alert`).Scan(&alerts)
		})
		return alerts
	}
	alerts := count()
	if alerts == 0 {
		t.Fatal("the limit is none")
	}
	before := w.get(e.UUID)
	e = w.check(e.UUID, api.NewEventCheck{})
	w.deliver(e.Checks[0], map[string]float64{"a": 500, "b": 7}, map[string]float64{"a": 500, "b": 7}) // far away: a point would be seen
	w.rows(map[string]int{"line_news": 0})
	w.in(func(ctx context.Context, tx *store.Tx) error {
		lines, err := report.LinesOf(ctx, tx, w.project.ID)
		if err == nil && len(lines) != 1 {
			t.Errorf("%d lines", len(lines))
		}
		for _, l := range lines {
			if err == nil {
				_, err = report.JudgeAgain(ctx, tx, w.project.ID, l)
			}
		}
		return err
	})
	w.look()
	after := w.get(e.UUID)
	if before.Changes[0].NBefore != after.Changes[0].NBefore || before.Changes[0].NAfter != after.Changes[0].NAfter ||
		before.Changes[0].After != after.Changes[0].After || after.Before.Report != before.Before.Report {
		t.Errorf("it was %+v, it is %+v", before.Changes[0], after.Changes[0])
	}
	if n := count(); n != alerts {
		t.Errorf("%d alerts, it were %d", n, alerts)
	}
	w.jobs(1, map[string]float64{"a": 100, "b": 7}) // the limit of the next is drawn without it, too
	if n := count(); n != alerts {
		t.Errorf("%d alerts after a value as before, it were %d", n, alerts)
	}
}

func TestACheckThatCannotBeIsRefusedAndTheEventStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(w *queued) api.Event
		asked   api.NewEventCheck
		kind    fault.Kind
		says    string
	}{
		"not measured by jobs": {func(w *queued) api.Event {
			w.runs("lab", 30, map[string]float64{"a": 100})
			w.runs("lab", 3, map[string]float64{"a": 120})
			w.look()
			return w.want(event.NamedFilter{}, "code suspected lab: a +20% worse")[0]
		}, api.NewEventCheck{}, fault.Conflict, "measured outside of jobs, so no image of them is known. Instead, compare the versions by " +
			"'tacho run --ab BEFORE --ab AFTER' on the machine"},
		"the image is gone": {func(w *queued) api.Event {
			e := w.suspect()
			w.images.gone = "app:c30"
			return e
		}, api.NewEventCheck{}, fault.Invalid, "is not in this server's registry. Instead, compare the versions by 'tacho run --ab " +
			commitHash("c30")[:10] + " --ab " + commitHash("c31")[:10]},
		"no runner has the spec": {func(w *queued) api.Event {
			e := w.suspect()
			w.in(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `delete from runner_spec`)
				return err
			})
			return e
		}, api.NewEventCheck{}, fault.Invalid, "no runner has it"},
		"the environment was dropped": {func(w *queued) api.Event {
			secret := func(j *api.NewJob) { j.Env = map[string]string{"TOKEN": "0123456789abcdef"} }
			w.jobs(30, map[string]float64{"a": 100}, secret)
			w.jobs(3, map[string]float64{"a": 120}, secret)
			w.in(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `update job set config = '{"image":"app","digest":"sha256:`+strings.Repeat("ab", 32)+
					`","iter":1,"timeout":60,"env_dropped":true}'`)
				return err
			})
			w.look()
			return w.list(event.NamedFilter{})[0]
		}, api.NewEventCheck{}, fault.Conflict, "give it again (--env NAME=VALUE)"},
		"another command": {func(w *queued) api.Event {
			w.jobs(30, map[string]float64{"a": 100})
			w.jobs(3, map[string]float64{"a": 120}, func(j *api.NewJob) { j.Cmd = []string{"bench", "-n", "4"} })
			w.look()
			return w.list(event.NamedFilter{})[0]
		}, api.NewEventCheck{}, fault.Conflict, "ran other commands"},
		"somebody was faster": {(*queued).suspect, api.NewEventCheck{Version: 77}, fault.Conflict, "look at it again"},
		"too few pairs":       {(*queued).suspect, api.NewEventCheck{Pairs: 5}, fault.Invalid, "want 6 to 100"},
		"too many pairs":      {(*queued).suspect, api.NewEventCheck{Pairs: 101}, fault.Invalid, "want 6 to 100"},
		"accepted": {func(w *queued) api.Event {
			e, err := w.do(w.suspect().UUID, api.UpdateEvent{Verb: api.AcceptEvent})
			if err != nil {
				w.t.Fatal(err)
			}
			return e
		}, api.NewEventCheck{}, fault.Conflict, "reopen it before you check it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newQueued(t)
			e := c.prepare(w)
			_, err := w.events.Check(t.Context(), local, "shop", e.UUID, c.asked)
			if !fault.Is(err, c.kind) || !strings.Contains(fault.Message(err), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if now := w.get(e.UUID); now.State != e.State || len(now.Checks) != 0 || life(now) != life(w.get(e.UUID)) {
				t.Errorf("it is %s with %d checks", now.State, len(now.Checks))
			}
			w.rows(map[string]int{"event_check": 0})
		})
	}
}

// TestImagesAndEnvironmentMayBeNamed where they are not known any more.
func TestImagesAndEnvironmentMayBeNamed(t *testing.T) {
	t.Parallel()
	w, e := suspected(t)
	w.images.gone = "app:c3"
	e = w.check(e.UUID, api.NewEventCheck{Pairs: 6, BaseImage: "copy:old", HeadImage: "copy:new", Env: map[string]string{"A": "1"}})
	for id, want := range map[string]string{e.Checks[0].Before.Report: "copy:old", e.Checks[0].After.Report: "copy:new"} {
		one := w.jobsOf(id)[0]
		if config, err := one.Configuration(); err != nil || one.Image != want || config.Env["A"] != "1" {
			t.Errorf("%s runs %s with %v (%v)", id, one.Image, config.Env, err)
		}
	}
}

func TestOnlyMembersCheck(t *testing.T) {
	t.Parallel()
	w, e := suspected(t)
	for name, actor := range map[string]access.Actor{
		"nobody":     {Kind: access.Anonymous},
		"a stranger": {Kind: access.User, AccountID: "0"},
		"a run key":  {Kind: access.RunKey, ProjectID: w.project.ID},
	} {
		if _, err := w.events.Check(t.Context(), actor, "shop", e.UUID, api.NewEventCheck{}); err == nil || fault.Is(err, fault.Conflict) {
			t.Errorf("%s checks: %v", name, err)
		}
	}
	w.rows(map[string]int{"event_check": 0})
}

func TestAnEventIsCheckedOnceAtATime(t *testing.T) {
	t.Parallel()
	w, e := suspected(t)
	e = w.check(e.UUID, api.NewEventCheck{Pairs: 6})
	if _, err := w.events.Check(t.Context(), local, "shop", e.UUID, api.NewEventCheck{}); !fault.Is(err, fault.Conflict) ||
		!strings.Contains(err.Error(), "being checked already, by report "+e.Checks[0].After.Report) {
		t.Errorf("checked twice: %v", err)
	}
	if _, err := w.do(e.UUID, api.UpdateEvent{Verb: api.AckEvent}); err != nil { // the state alone does not say it
		t.Fatal(err)
	}
	if _, err := w.events.Check(t.Context(), local, "shop", e.UUID, api.NewEventCheck{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("acknowledged and checked twice: %v", err)
	}
	w.measure(e.Checks[0], map[string]float64{"a": 100}, map[string]float64{"a": 120})
	e = w.get(e.UUID)
	if e.State != api.EventAcknowledged || e.Checks[0].Outcome != api.CheckConfirmed || len(w.notices()) != 0 {
		t.Errorf("somebody is on it: %s by %s, told %v", e.State, e.Checks[0].Outcome, w.notices())
	}
	again := w.check(e.UUID, api.NewEventCheck{Pairs: 20}) // when it has ended, it may be checked again
	if len(again.Checks) != 2 || again.Checks[0].Pairs != 20 {
		t.Errorf("%d checks", len(again.Checks))
	}
}

// TestARerunWithoutResultsLeavesTheEventAsItWas, and ends what is left of it.
func TestARerunWithoutResultsLeavesTheEventAsItWas(t *testing.T) {
	t.Parallel()
	fails := func(w *queued, c api.EventCheck) {
		w.in(func(ctx context.Context, tx *store.Tx) error {
			return w.judge.FailReport(ctx, tx, c.After.Report, "the job failed: exit code 3")
		})
	}
	for name, c := range map[string]struct {
		ends  func(w *queued, c api.EventCheck)
		which func(c api.EventCheck) string // report that is told of
		says  string
	}{
		"a job failed": {fails, func(c api.EventCheck) string { return c.After.Report }, "the job failed: exit code 3"},
		"a job was canceled": {func(w *queued, c api.EventCheck) {
			if err := w.queue.Cancel(w.t.Context(), w.jobsOf(c.Before.Report)[2].ID); err != nil {
				w.t.Fatal(err)
			}
		}, func(c api.EventCheck) string { return c.Before.Report }, "canceled"},
		"a report was deleted": {func(w *queued, c api.EventCheck) {
			w.deliverOne(c.Before.Report, map[string]float64{"a": 100})
			if err := w.reports.Delete(w.t.Context(), local, "shop", c.Before.Report); err != nil {
				w.t.Fatal(err)
			}
		}, func(c api.EventCheck) string { return c.Before.Report }, "was deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, e := suspected(t)
			e = w.check(e.UUID, api.NewEventCheck{Pairs: 6})
			check := e.Checks[0]
			c.ends(w, check)
			if err := w.events.Checked(t.Context(), c.which(check)); err != nil {
				t.Fatal(err)
			}
			e = w.get(e.UUID)
			if e.State != api.EventSuspected || life(e) != "check checking, fail suspected" || !strings.Contains(e.Steps[1].Reason, c.says) ||
				e.Checks[0].Outcome != api.CheckFailed || e.Checks[0].Lines[0].Outcome != api.CheckFailed || len(w.notices()) != 0 {
				t.Errorf("%s: %s, %+v", e.State, life(e), e.Checks[0])
			}
			for _, id := range []string{check.Before.Report, check.After.Report} {
				for _, j := range w.jobsOf(id) {
					if j.State == string(api.JobPending) {
						t.Errorf("job %d still waits", j.Place)
					}
				}
			}
		})
	}
	t.Run("refuted before", func(t *testing.T) {
		t.Parallel()
		w, e := suspected(t)
		e = w.check(e.UUID, api.NewEventCheck{})
		w.measure(e.Checks[0], map[string]float64{"a": 100}, map[string]float64{"a": 100})
		w.jobs(6, map[string]float64{"a": 120, "b": 7}) // which would confirm it
		w.look()
		e = w.check(e.UUID, api.NewEventCheck{})
		fails(w, e.Checks[0])
		if err := w.events.EndChecks(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e = w.get(e.UUID); e.State != api.EventRefuted || len(w.notices()) != 0 {
			t.Errorf("it is %s after %s, told %v", e.State, life(e), w.notices())
		}
	})
}

// TestTwoServersEndACheckOnce: both are told of the last report at one time.
func TestTwoServersEndACheckOnce(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		w := queuedOn(t, s, clock)
		e := w.check(w.suspect().UUID, api.NewEventCheck{})
		w.deliver(e.Checks[0], map[string]float64{"a": 100, "b": 7}, map[string]float64{"a": 120, "b": 7})
		told := func(id string) func(context.Context) error {
			return func(ctx context.Context) error { return w.events.Checked(ctx, id) }
		}
		of1, of2 := race.Run(1, told(e.Checks[0].After.Report), told(e.Checks[0].Before.Report))
		if of1 != nil || of2 != nil {
			t.Fatalf("%v; %v", of1, of2)
		}
		if e = w.get(e.UUID); life(e) != "check checking, confirm confirmed" || len(w.notices()) != 1 {
			t.Errorf("%s, told %v", life(e), w.notices())
		}
	})
}

// TestTwoPeopleBeginOneCheck: the second is refused, and nothing is left of it.
func TestTwoPeopleBeginOneCheck(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		w := queuedOn(t, s, clock)
		e := w.suspect()
		ask := func(ctx context.Context) error {
			_, err := w.events.Check(ctx, local, "shop", e.UUID, api.NewEventCheck{Pairs: 6})
			return err
		}
		of1, of2 := race.Run(1, ask, ask)
		if of1 != nil || !fault.Is(of2, fault.Conflict) {
			t.Fatalf("%v; %v", of1, of2)
		}
		w.rows(map[string]int{"event_check": 1, "report": 35})
	})
}

// TestACheckIsEndedAfterAKill: nobody was told of the reports, or the server died when it was; another one finds the check.
func TestACheckIsEndedAfterAKill(t *testing.T) {
	t.Parallel()
	w, e := suspected(t)
	e = w.check(e.UUID, api.NewEventCheck{})
	if err := w.events.EndChecks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e = w.get(e.UUID); e.State != api.EventChecking {
		t.Fatalf("ended without results: %s", e.State)
	}
	w.deliver(e.Checks[0], map[string]float64{"a": 100, "b": 7}, map[string]float64{"a": 120, "b": 7})
	killed, kill := context.WithCancel(t.Context())
	kill()
	if err := w.events.Checked(killed, e.Checks[0].After.Report); err == nil {
		t.Fatal("it ended the check after its kill")
	}
	w.serve()
	for range 2 {
		if err := w.events.EndChecks(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.events.Checked(t.Context(), e.Checks[0].After.Report); err != nil { // at least once
		t.Fatal(err)
	}
	if e = w.get(e.UUID); life(e) != "check checking, confirm confirmed" || len(w.notices()) != 1 {
		t.Errorf("%s, told %v", life(e), w.notices())
	}
}
