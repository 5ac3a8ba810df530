package report_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// local is the person at the keyboard, who may do all.
var local = access.Actor{Kind: access.Local}

// fixture is a server's services over a fresh database, with one organization and its leader.
type fixture struct {
	t          testing.TB
	store      *store.Store
	reports    *report.Service
	explore    *explore.Service
	branches   *series.Branches
	thresholds *threshold.Service
	queue      *fakeQueue
	leader     access.Actor
	account    account.Account
	path       string
	blobs      string     // folder
	kept       blob.Store // in it

	mu  sync.Mutex
	now time.Time
}

func (h *fixture) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *fixture) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// fakeQueue prepares every job for one spec and remembers what was inserted. Insert makes no row: the job's row is the queue's own test.
type fakeQueue struct {
	mu              sync.Mutex
	prepared        job.Prepared
	asked           []job.PrepareParams
	inserted, bases []string
	woken           int
	refusal         error
	outputs         map[string][]string // of a report's job
}

func (q *fakeQueue) Inputs(_ context.Context, reportID string) (job.Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return job.Delivery{Inputs: q.outputs[reportID]}, nil
}

func (q *fakeQueue) Prepare(_ context.Context, p job.PrepareParams) (*job.Prepared, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked = append(q.asked, p)
	if q.refusal != nil {
		return nil, q.refusal
	}
	return &q.prepared, nil
}

func (q *fakeQueue) Insert(_ context.Context, _ *store.Tx, _ *job.Prepared, head, base string) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inserted = append(q.inserted, head)
	if base != "" {
		q.bases = append(q.bases, base)
	}
	return []string{ident.NewUUID()}, nil
}

func (q *fakeQueue) Inserted(*job.Prepared) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.woken++
}

func newFixture(t testing.TB, change ...func(*store.Config)) *fixture {
	t.Helper()
	return openFixture(t, func(_ context.Context, cfg store.Config) (*store.Store, error) { return testdb.Open(t, cfg) }, change...)
}

func openFixture(t testing.TB, open func(context.Context, store.Config) (*store.Store, error), change ...func(*store.Config)) *fixture {
	t.Helper()
	h := &fixture{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), queue: &fakeQueue{}}
	h.path, h.blobs = filepath.Join(t.TempDir(), "tacho.db"), t.TempDir()
	cfg := store.Config{Path: h.path, Now: h.clock}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if h.store, err = open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	blobs, err := blob.OpenDir(h.blobs, h.clock)
	if err != nil {
		t.Fatal(err)
	}
	door := project.NewDoor(h.store, nil)
	h.explore, h.branches = explore.New(door, nil), series.NewBranches(door, threshold.Following{})
	h.thresholds = threshold.NewService(door)
	h.kept = blobs
	h.reports = report.NewService(report.Config{Store: h.store, Blobs: blobs, Queue: h.queue, Now: h.clock})
	h.tx(func(tx *store.Tx) error {
		var err error
		if h.queue.prepared.Spec, err = fleet.InsertSpec(t.Context(), tx, fleet.Spec{
			Name: "metal-8", OS: "linux", Architecture: "x86_64", Isolation: "container", CPU: 8, MemoryBytes: 1 << 30, DiskBytes: 1 << 30,
		}); err != nil {
			return err
		}
		organization, err := account.InsertOrganization(t.Context(), tx, "Acme", "free")
		if err != nil {
			return err
		}
		if h.account, err = account.Insert(t.Context(), tx, "Ada", false); err != nil {
			return err
		}
		h.leader = access.Actor{Kind: access.User, AccountID: h.account.ID, Organizations: map[string]string{organization.ID: "leader"}}
		return account.AddMember(t.Context(), tx, h.account.ID, organization.ID, "leader")
	})
	return h
}

func (h *fixture) tx(f func(*store.Tx) error) {
	h.t.Helper()
	if err := h.store.Tx(h.t.Context(), f); err != nil {
		h.t.Fatal(err)
	}
}

// run is a run of one benchmark "b" with one latency.
func run(branch string, value float64) api.NewRun {
	return api.NewRun{Project: "shop", Branch: branch, Settings: &api.ReportSettings{Adapter: "json"}, Results: []string{bmf(value)}}
}

func bmf(value float64) string { return fmt.Sprintf(`{"b":{"latency":{"value":%g}}}`, value) }

func (h *fixture) submit(r api.NewRun) (api.Report, bool, error) {
	taken, err := h.reports.Submit(h.t.Context(), report.Request{Actor: h.leader, SourceIP: "192.0.2.1", New: r})
	if err != nil {
		return api.Report{}, false, err
	}
	report, err := h.explore.Report(h.t.Context(), local, taken.Project.ID, taken.Report)
	return report, taken.Created, err
}

// must submits, a minute after the last time.
func (h *fixture) must(r api.NewRun) api.Report {
	h.t.Helper()
	h.advance(time.Minute)
	report, created, err := h.submit(r)
	if err != nil || !created {
		h.t.Fatalf("submit: created %t, %v", created, err)
	}
	return report
}

// check asks what submitting r would say.
func (h *fixture) check(r api.NewRun) (api.RunCheck, error) {
	out, err := h.reports.Check(h.t.Context(), report.Request{Actor: h.leader, SourceIP: "192.0.2.1", New: r})
	return out, err
}

// rows counts what lies in the tables that a submission writes to, read from the file itself.
func (h *fixture) rows() map[string]int {
	h.t.Helper()
	db := testdb.Raw(h.t, h.path)
	defer db.Close()
	out := map[string]int{}
	for _, table := range []string{"project", "branch", "head", "version", "head_version", "testbed", "benchmark", "measure", "report",
		"report_input",
		"series", "metric", "metric_sample", "threshold", "model", "alert", "job"} {
		var n int
		if err := db.QueryRowContext(h.t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
			h.t.Fatal(err)
		}
		out[table] = n
	}
	return out
}

func only(r api.Report) api.ReportMeasure { return r.Results[0][0].Measures[0] }

func ptr[T any](v T) *T { return &v }

func withModel(r api.NewRun, test string, upper float64) api.NewRun {
	r.Thresholds = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: test, UpperBoundary: &upper}}}
	return r
}

func hash(c string) string { return strings.Repeat(c, 40) }

func TestFirstRunMakesEverything(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := run("main", 5)
	r.Hash = hash("a")
	r.Context = map[string]string{"bencher.dev/v0/testbed/os": "Linux"}
	got := h.must(r)
	type summary struct {
		Project, Branch, Testbed, Benchmark, Measure, Units, User string
		Version                                                   int64
		Hash                                                      string
		Value                                                     float64
		Status                                                    api.ReportStatus
		Counts                                                    []api.ResultCount
	}
	want := summary{"shop", "main", "Linux", "b", "Latency", "nanoseconds (ns)", "Ada", 0, hash("a"), 5, api.ReportProcessed,
		[]api.ResultCount{{Benchmarks: 1, Measures: 1}}}
	if diff := cmp.Diff(want, summary{got.Project.Slug, got.Branch.Name, got.Testbed.Name, got.Results[0][0].Benchmark.Name,
		only(got).Measure.Name,
		only(got).Measure.Units, got.User.Name, got.Branch.Head.Version.Number, *got.Branch.Head.Version.Hash, only(got).Metric.Value, got.Status,
		got.Counts.Results}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRefusedRunLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	huge := func() string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range 1_000_000 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"%d":{"l":{"value":1}}`, i)
		}
		b.WriteByte('}')
		return b.String()
	}
	change := func(f func(*api.NewRun)) api.NewRun {
		r := run("main", 1)
		f(&r)
		return r
	}
	before := h.rows()
	for _, tc := range []struct {
		name string
		run  api.NewRun
		kind fault.Kind
		says string
	}{
		{"malformed BMF", change(func(r *api.NewRun) { r.Results = []string{`{"b":{"latency":{"value":`} }), fault.Invalid, ""},
		{"NaN", change(func(r *api.NewRun) { r.Results = []string{`{"b":{"latency":{"value":NaN}}}`} }), fault.Invalid, ""},
		{"infinity", change(func(r *api.NewRun) { r.Results = []string{`{"b":{"latency":{"value":1e999}}}`} }), fault.Invalid, ""},
		{"a good and a bad iteration", change(func(r *api.NewRun) { r.Results = []string{bmf(1), `[]`} }), fault.Invalid, "results 2 of 2"},
		{"a million benchmarks", change(func(r *api.NewRun) { r.Results = []string{huge()} }), fault.TooLarge, "100000"},
		{"an unknown adapter", change(func(r *api.NewRun) { r.Settings.Adapter = "cobol" }), fault.Invalid, "go_bench"},
		{"an unknown fold", change(func(r *api.NewRun) { r.Settings.Fold = "mode" }), fault.Invalid, "median"},
		{"a short hash", change(func(r *api.NewRun) { r.Hash = "abc1234" }), fault.Invalid, "40 or 64"},
		{"no branch", change(func(r *api.NewRun) { r.Branch = "" }), fault.Invalid, "--branch"},
		{"no results", change(func(r *api.NewRun) { r.Results = nil }), fault.Invalid, "neither"},
		{"results and a job", change(func(r *api.NewRun) { r.Job = &api.NewJob{Image: "app"} }), fault.Invalid, "one of them"},
		{"an unknown test", withModel(run("main", 1), "magic", 0.9), fault.Invalid, "latency"},
		{"a boundary out of range", withModel(run("main", 1), "t_test", 1.5), fault.Invalid, "0.5"},
		{"an unknown start branch", change(func(r *api.NewRun) { r.StartPoint = &api.StartPoint{Branch: "nowhere"} }), fault.Invalid,
			`"nowhere"`},
		{"a measure that does not exist by UUID", change(func(r *api.NewRun) {
			r.Thresholds = &api.ReportThresholds{Models: map[string]api.Model{ident.NewUUID(): {Test: "percentage", UpperBoundary: ptr(0.1)}}}
		}), fault.Missing, "measure"},
		{"an end before the start", change(func(r *api.NewRun) { r.StartTime, r.EndTime = ptr(h.now), ptr(h.now.Add(-time.Second)) }),
			fault.Invalid, "before"},
		{"a start in the future", change(func(r *api.NewRun) { r.StartTime = ptr(h.now.Add(48 * time.Hour)) }), fault.Invalid, "clock"},
		{"a key that is no UUID", change(func(r *api.NewRun) { r.IdempotencyKey = "again" }), fault.Invalid, "UUID"},
		{"a name that git refuses", change(func(r *api.NewRun) { r.Branch = "a b" }), fault.Invalid, "git"},
		{"the same benchmark twice", change(func(r *api.NewRun) {
			r.Results = []string{`{"b":{"latency":{"value":1}},"b-bencher-ignore":{"latency":{"value":1}}}`}
		}), fault.Invalid, "twice"},
		{"the same measure twice", change(func(r *api.NewRun) {
			r.Results = []string{`{"b":{"latency":{"value":1},"Latency":{"value":1}}}`}
		}), fault.Invalid, ""},
	} {
		_, created, err := h.submit(tc.run)
		if created || fault.Of(err) != tc.kind || !strings.Contains(fault.Message(err), tc.says) {
			t.Errorf("%s: want %s that says %q, got created %t, %v", tc.name, tc.kind, tc.says, created, err)
		}
		if _, checked := h.check(tc.run); tc.run.Results != nil && fault.Message(checked) != fault.Message(err) {
			t.Errorf("%s: the run is refused for %v, its check for %v", tc.name, err, checked)
		}
	}
	if diff := cmp.Diff(before, h.rows()); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
}

func TestIdempotencyKeyFindsTheFirstReport(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := run("main", 5)
	r.IdempotencyKey = ident.NewUUID()
	first := h.must(r)
	again, created, err := h.submit(r)
	if err != nil || created || again.UUID != first.UUID {
		t.Errorf("again: want %s and not created, got %s, %t, %v", first.UUID, again.UUID, created, err)
	}
	r.Results = []string{bmf(6)}
	if _, _, err := h.submit(r); !fault.Is(err, fault.Conflict) {
		t.Errorf("the same key with other results: want a conflict, got %v", err)
	}
}

func TestRegressionRaisesAnAlertWithItsNumbers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		test                   string
		boundary               float64
		baseline, limit, value float64
	}{
		{"percentage", 0.1, 100, 110, 110.1},
		// Five values 100, 102, 98, 101, 99: mean 100, s = √2.5, t⁻¹(0.977; 4) = 2.8586 (scipy.stats.t.ppf), so 100 + s·√1.2·t.
		{"t_test", 0.977, 100, 104.95103, 105},
	} {
		t.Run(tc.test, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			for _, v := range []float64{100, 102, 98, 101, 99} {
				if r := h.must(run("main", v)); len(r.Alerts) != 0 {
					t.Fatal("an alert without a threshold")
				}
			}
			got := h.must(withModel(run("main", tc.value), tc.test, tc.boundary))
			if len(got.Alerts) != 1 {
				t.Fatalf("want one alert, got %d; boundary %+v", len(got.Alerts), only(got).Boundary)
			}
			a := got.Alerts[0]
			if a.Limit != "upper" || a.Status != api.AlertActive || a.Metric.Value != tc.value || a.Benchmark.Name != "b" ||
				a.Threshold.Measure.Slug != "latency" ||
				a.Threshold.Model.Test != tc.test || a.Threshold.Branch.Name != "main" || got.Counts.Alerts != (api.AlertCount{Total: 1, Active: 1}) {
				t.Errorf("alert %+v", a)
			}
			near := func(x *float64, want float64) bool { return x != nil && *x > want-5e-6 && *x < want+5e-6 }
			if !near(a.Boundary.Baseline, tc.baseline) || !near(a.Boundary.UpperLimit, tc.limit) || a.Boundary.LowerLimit != nil {
				t.Errorf("boundary: want %g, %g, got %v, %v", tc.baseline, tc.limit, *a.Boundary.Baseline, *a.Boundary.UpperLimit)
			}
			// The threshold stays: the next run is judged without naming it, and the bad point is part of its history.
			next := h.must(run("main", 100))
			if b := only(next).Boundary; b == nil || len(next.Alerts) != 0 {
				t.Errorf("next run: boundary %+v, %d alerts", b, len(next.Alerts))
			}
		})
	}
}

func TestIgnoredBenchmarkIsJudgedWithoutAlert(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(run("main", 100))
	r := withModel(run("main", 0), "percentage", 0.1)
	r.Results = []string{`{"b-bencher-ignore":{"latency":{"value":500}}}`}
	got := h.must(r)
	if got.Results[0][0].Benchmark.Name != "b" || only(got).Boundary == nil || len(got.Alerts) != 0 {
		t.Errorf("want b judged without alert, got %s, %+v, %d", got.Results[0][0].Benchmark.Name, only(got).Boundary, len(got.Alerts))
	}
}

func TestIterationsOfAReportAreNotItsHistory(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := withModel(run("main", 0), "percentage", 0.1)
	r.Results = []string{bmf(1), bmf(100), bmf(10000)}
	got := h.must(r)
	for i, iteration := range got.Results {
		if b := iteration[0].Measures[0].Boundary; b.Baseline != nil {
			t.Errorf("iteration %d was held against %g", i, *b.Baseline)
		}
	}
	if len(got.Results) != 3 || len(got.Alerts) != 0 {
		t.Errorf("want 3 iterations and no alert, got %d and %d", len(got.Results), len(got.Alerts))
	}
	r.Settings.Fold = "median"
	if folded := h.must(r); len(folded.Results) != 1 || only(folded).Metric.Value != 100 ||
		*only(folded).Boundary.Baseline != (1+100+10000)/3.0 {
		t.Errorf("folded: %+v", folded.Results)
	}
}

func TestBackdatedReportIsJudgedByOlderDataOnly(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	begin := h.clock()
	for i, v := range []float64{100, 100, 500, 500} {
		r := run("main", v)
		r.StartTime = ptr(begin.Add(time.Duration(i) * time.Minute))
		r.EndTime = r.StartTime
		h.must(r)
	}
	r := withModel(run("main", 105), "percentage", 0.1)
	r.StartTime = ptr(begin.Add(90 * time.Second))
	r.EndTime = r.StartTime
	got := h.must(r)
	if b := only(got).Boundary; *b.Baseline != 100 || len(got.Alerts) != 0 {
		t.Errorf("want a baseline of 100 and no alert, got %g and %d", *b.Baseline, len(got.Alerts))
	}
}

func TestRerunOfAnOldVersionIsNotJudgedByLaterOnes(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	for i, v := range []float64{100, 100, 500} {
		r := run("main", v)
		r.Hash = hash(string(rune('a' + i)))
		h.must(r)
	}
	r := withModel(run("main", 101), "percentage", 0.1)
	r.Hash = hash("b")
	got := h.must(r)
	if b := only(got).Boundary; *b.Baseline != 100 || got.Branch.Head.Version.Number != 1 {
		t.Errorf("want version 1 and a baseline of 100, got %d and %g", got.Branch.Head.Version.Number, *b.Baseline)
	}
}

func TestPullRequestSeesTheHistoryOfMain(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	for i, v := range []float64{100, 100, 100, 900} {
		r := withModel(run("main", v), "percentage", 0.1)
		r.Hash = hash(string(rune('a' + i)))
		h.must(r)
	}
	pr := run("pr-1", 150)
	pr.StartPoint = &api.StartPoint{Branch: "main", Hash: hash("c"), CloneThresholds: ptr(true)}
	first := h.must(pr)
	if len(first.Alerts) != 1 || *first.Alerts[0].Boundary.Baseline != 100 || first.Branch.Head.Version.Number != 3 {
		t.Fatalf("want an alert against 100 at version 3, got %d alerts at version %d", len(first.Alerts), first.Branch.Head.Version.Number)
	}
	if sp := first.Branch.Head.StartPoint; sp == nil || sp.Version.Number != 2 || *sp.Version.Hash != hash("c") {
		t.Errorf("start point %+v", sp)
	}
	again := h.must(pr)
	if again.Branch.Head.UUID != first.Branch.Head.UUID {
		t.Error("the same start point made a new head")
	}
	pr.StartPoint.Hash = hash("d") // rebased
	rebased := h.must(pr)
	if rebased.Branch.Head.UUID == first.Branch.Head.UUID || *only(rebased).Boundary.Baseline != 300 {
		t.Errorf("rebased: want a new head and a baseline of 300, got %g", *only(rebased).Boundary.Baseline)
	}
	old, err := h.explore.Report(t.Context(), local, h.project("shop").ID, first.UUID)
	if err != nil || old.Alerts[0].Status != api.AlertSilenced {
		t.Errorf("the alert of the replaced head: want silenced, got %s (%v)", old.Alerts[0].Status, err)
	}
	pr.StartPoint.Hash = hash("f")
	if _, _, err := h.submit(pr); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), hash("f")) {
		t.Errorf("an unknown start hash: want an invalid fault that names it, got %v", err)
	}
	mainRun := run("main", 100)
	mainRun.StartPoint = &api.StartPoint{Branch: "main"}
	if got := h.must(mainRun); got.Branch.Head.Replaced != nil || got.Branch.Head.Version.Number != 4 {
		t.Error("main that starts from main lost its head")
	}
}

func (h *fixture) project(ref string) (p project.Project) {
	h.t.Helper()
	h.tx(func(tx *store.Tx) (err error) {
		p, err = project.ByRef(h.t.Context(), tx, ref)
		return err
	})
	return p
}

func TestStartFromABranchWithoutVersionsWarns(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(run("other", 1))
	project := h.project("shop")
	h.tx(func(tx *store.Tx) error {
		_, _, err := series.InsertBranch(t.Context(), tx, project.ID, "main", "")
		return err
	})
	r := run("pr", 1)
	r.StartPoint = &api.StartPoint{Branch: "main"}
	first := h.must(r)
	if len(first.Warnings) != 1 || !strings.Contains(first.Warnings[0], `"main"`) {
		t.Errorf("want a warning that names main, got %q", first.Warnings)
	}
	h.must(run("main", 1))
	if second := h.must(r); second.Branch.Head.UUID == first.Branch.Head.UUID || second.Branch.Head.StartPoint == nil {
		t.Error("main has history now, but the head was not made anew from it")
	}
}

func TestThresholdResetTakesTheOthersAway(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := withModel(run("main", 1), "percentage", 0.1)
	h.must(r)
	r.Thresholds = &api.ReportThresholds{Models: map[string]api.Model{"throughput": {Test: "percentage", LowerBoundary: ptr(0.1)}},
		Reset: ptr(true)}
	h.must(r)
	all, total, err := h.thresholds.List(t.Context(), local, h.project("shop").ID, threshold.NamedFilter{}, store.Page{Limit: 10})
	if err != nil || total != 2 {
		t.Fatalf("%d thresholds, %v", total, err)
	}
	for _, th := range all {
		if want := th.Measure.Slug == "throughput"; want != (th.Model != nil) {
			t.Errorf("threshold on %s: model %+v", th.Measure.Slug, th.Model)
		}
	}
}

func TestWhoMaySubmit(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	submit := func(actor access.Actor, project string) error {
		r := run("main", 1)
		r.Project = project
		early := r
		early.Results = nil
		_, checked := h.reports.Check(t.Context(), report.Request{Actor: actor, New: early})
		_, err := h.reports.Submit(t.Context(), report.Request{Actor: actor, New: r})
		if fault.Of(checked) != fault.Of(err) || (checked == nil) != (err == nil) {
			t.Errorf("the run is answered with %v, its check with %v", err, checked)
		}
		return err
	}
	h.must(run("main", 1))
	shop := h.project("shop")
	stranger := access.Actor{Kind: access.User, AccountID: ident.NewUUID()}
	for _, tc := range []struct {
		name    string
		actor   access.Actor
		project string
		want    fault.Kind // Internal: allowed
	}{
		{"the leader, existing", h.leader, "shop", fault.Internal},
		{"the leader, by UUID", h.leader, shop.ID, fault.Internal},
		{"the leader, new", h.leader, "new", fault.Internal},
		{"the leader, unknown UUID", h.leader, ident.NewUUID(), fault.Missing},
		{"a stranger, existing", stranger, "shop", fault.Forbidden},
		{"a stranger, new", stranger, "newer", fault.Forbidden},
		{"anonymous, existing", access.Actor{Kind: access.Anonymous}, "shop", fault.Unauthorized},
		{"anonymous, new", access.Actor{Kind: access.Anonymous}, "newer", fault.Unauthorized},
		{"a run key, its project", access.Actor{Kind: access.RunKey, ProjectID: shop.ID}, "shop", fault.Internal},
		{"a run key, no project named", access.Actor{Kind: access.RunKey, ProjectID: shop.ID}, "", fault.Internal},
		{"a run key, another project", access.Actor{Kind: access.RunKey, ProjectID: shop.ID}, "new", fault.Forbidden},
		{"a run key, new project", access.Actor{Kind: access.RunKey, ProjectID: shop.ID}, "newer", fault.Missing},
		{"the local person, new", access.Actor{Kind: access.Local}, "local", fault.Internal},
	} {
		err := submit(tc.actor, tc.project)
		if tc.want == fault.Internal && err != nil || tc.want != fault.Internal && fault.Of(err) != tc.want {
			t.Errorf("%s: want %s, got %v", tc.name, tc.want, err)
		}
	}
}

func TestJobGoesToTheTestbedOfItsSpec(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := api.NewRun{Branch: "main", Job: &api.NewJob{Image: "shop/bench:v1"}, Context: map[string]string{"bencher.dev/v0/testbed/os": "Linux"}}
	h.queue.prepared.Notes = []string{"timeout shortened"}
	got := h.must(r)
	if diff := cmp.Diff([]string{"timeout shortened"}, got.Warnings); diff != "" {
		t.Errorf("the queue's remarks (-want +got):\n%s", diff)
	}
	if got.Project.Slug != "shop" || got.Testbed.Name != "metal-8" || got.Testbed.Spec.UUID != h.queue.prepared.Spec.ID ||
		got.Status != api.ReportPending {
		t.Errorf("want project shop, testbed metal-8 with the spec, pending; got %s, %s, %v, %s", got.Project.Slug, got.Testbed.Name,
			got.Testbed.Spec, got.Status)
	}
	if diff := cmp.Diff(got.UUID, h.queue.inserted[len(h.queue.inserted)-1]); diff != "" || h.queue.woken != 1 ||
		h.queue.asked[0].Project.ID != got.Project.UUID {
		t.Errorf("queue: %s, woken %d", diff, h.queue.woken)
	}
	r.Testbed = "metal-8"
	h.must(r)
	if spec := h.queue.asked[1].TestbedSpecID; spec == nil || *spec != h.queue.prepared.Spec.ID {
		t.Errorf("a named testbed: want its spec asked for, got %v", spec)
	}
	before := h.rows()
	h.queue.refusal = fault.Invalidf("spec \"x\": no runner has it")
	if _, _, err := h.submit(r); !fault.Is(err, fault.Invalid) {
		t.Errorf("want the queue's refusal, got %v", err)
	}
	if diff := cmp.Diff(before, h.rows()); diff != "" {
		t.Errorf("a refused job left rows (-before +after):\n%s", diff)
	}
}

func TestConcurrentRunsMakeOneProjectAndBranch(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	const n = 16
	var wg sync.WaitGroup
	reports := make([]api.Report, n)
	for i := range n {
		wg.Go(func() {
			r := run("main", float64(i))
			if i%2 == 0 {
				r.Branch = "feature/x"
			}
			var err error
			if reports[i], _, err = h.submit(r); err != nil {
				t.Errorf("run %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	heads, numbers := map[string]bool{}, map[string]bool{}
	for _, r := range reports {
		heads[r.Branch.Head.UUID] = true
		numbers[fmt.Sprint(r.Branch.Name, r.Branch.Head.Version)] = true
		numbers[fmt.Sprint(r.Branch.Name, r.Branch.Head.Version.Number)] = true
	}
	rows := h.rows()
	if rows["project"] != 1 || rows["branch"] != 2 || rows["report"] != n || rows["version"] != n || len(heads) != 2 {
		t.Errorf("want 1 project, 2 branches with one head each, %d reports with a version each; got %v and %d heads", n, rows, len(heads))
	}
}

func TestTheSameKeyAtOnceMakesOneReport(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := run("main", 1)
	r.IdempotencyKey = ident.NewUUID()
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids, made := map[string]bool{}, 0
	for range 8 {
		wg.Go(func() {
			report, created, err := h.submit(r)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[report.UUID] = true
			if created {
				made++
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || made != 1 {
		t.Errorf("want one report, made once; got %d, %d", len(ids), made)
	}
}

func TestSpecResetFreesTheTestbed(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(api.NewRun{Project: "shop", Branch: "main", Job: &api.NewJob{Image: "app"}})
	r := run("main", 1)
	r.Testbed = "metal-8"
	spec := func(of api.Report) (id *string) {
		h.tx(func(tx *store.Tx) error {
			found, err := series.TestbedsByID(t.Context(), tx, []string{of.Testbed.UUID})
			id = found[of.Testbed.UUID].SpecID
			return err
		})
		return id
	}
	got := h.must(r)
	if spec(got) == nil {
		t.Error("a local run alone took the spec away")
	}
	if got.Testbed.Spec != nil {
		t.Errorf("the local run's report says that it ran on %s", got.Testbed.Spec.Name)
	}
	r.SpecReset = ptr(true)
	if spec(h.must(r)) != nil {
		t.Error("spec_reset left the spec")
	}
}

func TestRunsBringBackWhatWasArchived(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(run("main", 1))
	if _, err := h.branches.Update(t.Context(), local, h.project("shop").ID, "main",
		api.UpdateDimension{Archived: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	if got := h.must(run("main", 1)); got.Branch.Archived != nil {
		t.Error("the branch is still archived")
	}
}

// A run that compares two images has two reports: each where its image belongs.
func TestTheBaseOfAComparisonIsAReportOfItsOwnBranch(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	hash := strings.Repeat("b", 40)
	start := run("main", 10)
	start.Hash = hash
	main := h.must(start)
	compare := api.NewRun{Project: "shop", Branch: "topic", StartPoint: &api.StartPoint{Branch: "main", Hash: hash},
		Job: &api.NewJob{Image: "app:v2", Base: &api.BaseImage{Image: "app:v1"}}}
	head := h.must(compare)
	if len(h.queue.bases) == 0 || h.queue.bases[len(h.queue.bases)-1] == head.UUID { // those before are of a rehearsal
		t.Fatalf("bases %v of report %s", h.queue.bases, head.UUID)
	}
	before := len(h.queue.bases)
	base, err := h.explore.Report(t.Context(), local, "shop", h.queue.bases[before-1])
	if err != nil {
		t.Fatal(err)
	}
	if base.Branch.Name != "main" || base.Branch.Head.UUID != main.Branch.Head.UUID || base.Branch.Head.Version == nil ||
		*base.Branch.Head.Version.Hash != hash {
		t.Errorf("the base is on %+v", base.Branch)
	}
	if head.Branch.Name != "topic" || base.Testbed.UUID != head.Testbed.UUID || base.Status != api.ReportPending {
		t.Errorf("head on %s and %s, base on %s, %s", head.Branch.Name, head.Testbed.Name, base.Testbed.Name, base.Status)
	}
	if again, created, err := h.submit(compare); err != nil || !created || again.UUID == head.UUID || len(h.queue.bases) <= before {
		t.Errorf("the same again without a key: created %t, %v, bases %v", created, err, h.queue.bases)
	}
}

// The first comparison of a project makes its base's branch, and the run's own branch starts there.
func TestABranchStartsAtTheBaseThatTheSameRunBrings(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	hash := strings.Repeat("b", 40)
	head := h.must(api.NewRun{Project: "shop", Branch: "topic", StartPoint: &api.StartPoint{Branch: "main", Hash: hash},
		Job: &api.NewJob{Image: "app:v2", Base: &api.BaseImage{Image: "app:v1", Branch: "main"}}}) // its commit is the start point's
	if start := head.Branch.Head.StartPoint; start == nil || start.Version.Hash == nil || *start.Version.Hash != hash {
		t.Errorf("it starts at %+v; warnings %q", start, head.Warnings)
	}
}

func TestABaseWithoutAPlaceIsRefusedWithTheWayOut(t *testing.T) {
	t.Parallel()
	for flag, base := range map[string]api.BaseImage{"--base-branch": {Image: "app:v1"}, "--base-hash": {Image: "app:v1", Branch: "main"}} {
		h := newFixture(t)
		_, _, err := h.submit(api.NewRun{Project: "shop", Branch: "topic", Job: &api.NewJob{Image: "app:v2", Base: &base}})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: got %v", flag, err)
		}
		if got := h.rows(); got["report"] != 0 || got["project"] != 0 {
			t.Errorf("it left %v", got)
		}
	}
}

// Each report is a change of its project, whichever way the submission comes.
func TestAComparisonCountsAsTwoChangesOfItsProject(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(run("main", 10))
	counted := 0
	door := project.NewDoor(h.store, func(string) error { counted++; return nil })
	reports := report.NewService(report.Config{Store: h.store, Door: door, Blobs: h.kept, Queue: h.queue, Now: h.clock})
	compare := api.NewRun{Project: "shop", Branch: "topic", Job: &api.NewJob{Image: "app:v2",
		Base: &api.BaseImage{Image: "app:v1", Branch: "main", Hash: new(strings.Repeat("b", 40))}}}
	for name, row := range map[string]struct {
		run  api.NewRun
		want int
	}{"a run": {run("main", 11), 1}, "a comparison": {compare, 2}} {
		request := report.Request{Actor: h.leader, SourceIP: "192.0.2.1", New: row.run}
		counted = 0
		if _, err := reports.Submit(t.Context(), request); err != nil || counted != row.want {
			t.Errorf("%s: counted %d times, want %d; %v", name, counted, row.want, err)
		}
		counted = 0
		if _, err := reports.Create(t.Context(), "shop", request); err != nil || counted != row.want {
			t.Errorf("%s for a project that is named: counted %d times, want %d; %v", name, counted, row.want, err)
		}
		counted = 0
		if _, err := reports.Check(t.Context(), request); err != nil || counted != 0 {
			t.Errorf("%s that is only checked: counted %d times; %v", name, counted, err)
		}
	}
}
