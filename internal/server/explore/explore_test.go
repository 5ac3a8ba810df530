package explore_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// local is the person at the keyboard, who may do all.
var local = access.Actor{Kind: access.Local}

// gallery is a project with reports to look at, submitted as people do.
type gallery struct {
	t       testing.TB
	store   *store.Store
	explore *explore.Service
	reports *report.Service
	now     time.Time
}

func newGallery(t testing.TB) *gallery {
	t.Helper()
	g := &gallery{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return g.now }
	var err error
	if g.store, err = testdb.Open(t, store.Config{Path: filepath.Join(t.TempDir(), "tacho.db"), Now: clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.store.Close(); err != nil {
			t.Error(err)
		}
	})
	blobs, err := blob.OpenDir(t.TempDir(), clock)
	if err != nil {
		t.Fatal(err)
	}
	g.explore = explore.New(g.door(), nil)
	g.reports = report.NewService(report.Config{Store: g.store, Blobs: blobs, Now: clock})
	if err := g.store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := account.InsertOrganization(t.Context(), tx, "Acme", "free")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *gallery) door() *project.Door { return project.NewDoor(g.store, nil) }

func (g *gallery) thresholds() *threshold.Service { return threshold.NewService(g.door()) }

// run submits, a minute after the last time.
func (g *gallery) run(change func(*api.NewRun), results ...string) api.Report {
	g.t.Helper()
	g.now = g.now.Add(time.Minute)
	r := api.NewRun{Project: "shop", Branch: "main", Testbed: "lab", Settings: &api.ReportSettings{Adapter: "json"}, Results: results}
	if change != nil {
		change(&r)
	}
	taken, err := g.reports.Submit(g.t.Context(), report.Request{Actor: access.Actor{Kind: access.Local}, New: r})
	if err != nil {
		g.t.Fatal(err)
	}
	report, err := g.explore.Report(g.t.Context(), local, taken.Project.ID, taken.Report)
	if err != nil {
		g.t.Fatal(err)
	}
	return report
}

func (g *gallery) project() (p project.Project) {
	g.t.Helper()
	if err := g.store.View(g.t.Context(), func(tx *store.Tx) (err error) {
		p, err = project.ByRef(g.t.Context(), tx, "shop")
		return err
	}); err != nil {
		g.t.Fatal(err)
	}
	return p
}

func bmf(value float64) string { return fmt.Sprintf(`{"b":{"latency":{"value":%g}}}`, value) }

func ptr[T any](v T) *T { return &v }

func guarded(r *api.NewRun) {
	r.Thresholds = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: ptr(0.5)}}}
}

func onBranch(name string, start *api.StartPoint) func(*api.NewRun) {
	return func(r *api.NewRun) { r.Branch, r.StartPoint = name, start }
}

func query(change func(*explore.PerfQuery)) explore.PerfQuery {
	q := explore.PerfQuery{Branches: []string{"main"}, Testbeds: []string{"lab"}, Benchmarks: []string{"b"}, Measures: []string{"latency"}}
	if change != nil {
		change(&q)
	}
	return q
}

// values are the values of the first line of an answer.
func (g *gallery) values(q explore.PerfQuery) []float64 {
	g.t.Helper()
	perf, err := g.explore.Perf(g.t.Context(), local, g.project().ID, q)
	if err != nil {
		g.t.Fatal(err)
	}
	var out []float64
	if len(perf.Results) > 0 {
		for _, m := range perf.Results[0].Metrics {
			out = append(out, m.Metric.Value)
		}
	}
	return out
}

func TestPerfIsOrderedByVersionTimeAndIteration(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	at := func(hash string, start time.Time) func(*api.NewRun) {
		return func(r *api.NewRun) { r.Hash, r.StartTime, r.EndTime = strings.Repeat(hash, 40), &start, &start }
	}
	begin := g.now
	g.run(at("a", begin), bmf(1), bmf(2))
	g.run(at("b", begin.Add(time.Hour)), bmf(7))
	g.run(at("a", begin.Add(30*time.Minute)), bmf(4), bmf(5))
	g.run(at("a", begin.Add(10*time.Minute)), bmf(3))
	if diff := cmp.Diff([]float64{1, 2, 3, 4, 5, 7}, g.values(query(nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	from, to := begin.Add(10*time.Minute), begin.Add(30*time.Minute)
	if diff := cmp.Diff([]float64{3, 4, 5}, g.values(query(func(q *explore.PerfQuery) { q.From, q.To = &from, &to }))); diff != "" {
		t.Errorf("between two times (-want +got):\n%s", diff)
	}
}

func TestPerfOfAHeadSharesTheHistoryThatItStartedFrom(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(1))
	g.run(nil, bmf(2))
	first := g.run(onBranch("pr", &api.StartPoint{Branch: "main"}), bmf(3))
	g.run(nil, bmf(9))
	pr := query(func(q *explore.PerfQuery) { q.Branches = []string{"pr"} })
	if diff := cmp.Diff([]float64{1, 2, 3}, g.values(pr)); diff != "" {
		t.Errorf("pr (-want +got):\n%s", diff)
	}
	g.run(onBranch("pr", &api.StartPoint{Reset: ptr(true)}), bmf(4))
	if diff := cmp.Diff([]float64{4}, g.values(pr)); diff != "" {
		t.Errorf("pr after a reset (-want +got):\n%s", diff)
	}
	pr.Heads = []string{first.Branch.Head.UUID}
	if diff := cmp.Diff([]float64{1, 2, 3}, g.values(pr)); diff != "" {
		t.Errorf("the head before (-want +got):\n%s", diff)
	}
	both := query(func(q *explore.PerfQuery) {
		q.Branches, q.Heads = []string{"main", "pr"}, []string{"", first.Branch.Head.UUID}
	})
	perf, err := g.explore.Perf(t.Context(), local, g.project().ID, both)
	if err != nil || len(perf.Results) != 2 || perf.Results[1].Branch.Head.UUID != first.Branch.Head.UUID {
		t.Errorf("two branches, heads by position: %d results, %v", len(perf.Results), err)
	}
}

func TestPerfPointsCarryBoundaryThresholdAndAlert(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(10))
	report := g.run(guarded, bmf(16))
	perf, err := g.explore.Perf(t.Context(), local, g.project().ID, query(nil))
	if err != nil {
		t.Fatal(err)
	}
	quiet, loud := perf.Results[0].Metrics[0], perf.Results[0].Metrics[1]
	if quiet.Boundary != nil || quiet.Threshold != nil || quiet.Alert != nil {
		t.Errorf("a point that nothing judged: %+v", quiet)
	}
	if loud.Alert == nil || loud.Alert.UUID != report.Alerts[0].UUID || loud.Alert.Limit != "upper" || *loud.Boundary.UpperLimit != 15 ||
		loud.Threshold.Model.Test != "percentage" || loud.Version.Number != 1 {
		t.Errorf("a point outside: %+v", loud)
	}
	one, err := g.explore.Metric(t.Context(), local, g.project().ID, loud.Metric.UUID)
	if err != nil || one.Report != report.UUID || one.Alert == nil || one.Benchmark.Name != "b" || one.Branch.Head.Version.Number != 1 {
		t.Errorf("the same metric alone: %+v, %v", one, err)
	}
}

func TestPerfSkipsCombinationsWithoutPoints(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(1))
	g.run(func(r *api.NewRun) { r.Testbed = "field" }, `{"c":{"latency":{"value":2}}}`)
	perf, err := g.explore.Perf(t.Context(), local, g.project().ID, query(func(q *explore.PerfQuery) {
		q.Testbeds, q.Benchmarks = []string{"lab", "field"}, []string{"b", "c"}
	}))
	if err != nil || len(perf.Results) != 2 {
		t.Errorf("want 2 of 4 combinations, got %d (%v)", len(perf.Results), err)
	}
}

func TestPerfRefusesInsteadOfCutting(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(1))
	many := func(n int) []string { return strings.Split(strings.TrimSuffix(strings.Repeat("b,", n), ","), ",") }
	for _, tc := range []struct {
		name string
		q    explore.PerfQuery
		kind fault.Kind
		says string
	}{
		{"256 lines", query(func(q *explore.PerfQuery) { q.Benchmarks, q.Branches = many(128), []string{"main", "main"} }), fault.Invalid,
			"256 lines"},
		{"no measures", query(func(q *explore.PerfQuery) { q.Measures = nil }), fault.Invalid, `"measures"`},
		{"an unknown benchmark", query(func(q *explore.PerfQuery) { q.Benchmarks = []string{"zebra"} }), fault.Missing, "zebra"},
		{"a foreign head", query(func(q *explore.PerfQuery) { q.Heads = []string{ident.NewUUID()} }), fault.Missing, "head"},
		{"more heads than branches", query(func(q *explore.PerfQuery) { q.Heads = []string{"", ""} }), fault.Invalid, "2 heads"},
		{"time backwards", query(func(q *explore.PerfQuery) { q.From, q.To = ptr(g.now), ptr(g.now.Add(-time.Hour)) }), fault.Invalid, "before"},
	} {
		_, err := g.explore.Perf(t.Context(), local, g.project().ID, tc.q)
		if fault.Of(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: want %s that says %q, got %v", tc.name, tc.kind, tc.says, err)
		}
	}
}

func TestReportListIsFlatUnlessExpanded(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(10))
	last := g.run(guarded, bmf(16), bmf(1))
	page := store.Page{Limit: 10, Desc: true}
	flat, total, err := g.explore.Reports(t.Context(), local, g.project().ID, explore.ReportFilter{}, page)
	if err != nil || total != 2 || len(flat) != 2 || flat[0].UUID != last.UUID {
		t.Fatalf("want 2 reports, the last first; got %d of %d (%v)", len(flat), total, err)
	}
	wantCounts := api.ReportCounts{Results: []api.ResultCount{{Benchmarks: 1, Measures: 1}, {Benchmarks: 1, Measures: 1}},
		Alerts: api.AlertCount{Total: 1, Active: 1}}
	if diff := cmp.Diff(wantCounts, flat[0].Counts); diff != "" || len(flat[0].Results) != 0 || len(flat[0].Alerts) != 0 ||
		flat[0].Results == nil {
		t.Errorf("flat: %d results, %d alerts (-want +got):\n%s", len(flat[0].Results), len(flat[0].Alerts), diff)
	}
	var full []api.Report
	var written bytes.Buffer
	if all, err := g.explore.WriteReports(t.Context(), &written, local, g.project().ID, explore.ReportFilter{}, page); err != nil || all != 2 {
		t.Fatalf("%d reports, %v", all, err)
	}
	if err := json.Unmarshal(written.Bytes(), &full); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(last, full[0]); diff != "" {
		t.Errorf("expanded is not what submit answered (-submitted +listed):\n%s", diff)
	}
}

func TestReportListFilters(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	a := g.run(nil, bmf(1))
	b := g.run(onBranch("dev", nil), bmf(1))
	c := g.run(func(r *api.NewRun) { r.Testbed = "field" }, bmf(1))
	list := func(f explore.ReportFilter) (ids []string) {
		rows, total, err := g.explore.Reports(t.Context(), local, g.project().ID, f, store.Page{Limit: 10})
		if err != nil || total != len(rows) {
			t.Fatalf("%d of %d, %v", len(rows), total, err)
		}
		for _, r := range rows {
			ids = append(ids, r.UUID)
		}
		return ids
	}
	between := explore.ReportFilter{}
	between.From, between.To = &b.StartTime, &b.StartTime
	archived := explore.ReportFilter{}
	archived.Archived = true
	for name, tc := range map[string]struct {
		f    explore.ReportFilter
		want []string
	}{
		"all":     {explore.ReportFilter{}, []string{a.UUID, b.UUID, c.UUID}},
		"branch":  {explore.ReportFilter{Branch: "main"}, []string{a.UUID, c.UUID}},
		"testbed": {explore.ReportFilter{Testbed: "lab"}, []string{a.UUID, b.UUID}},
		"time":    {between, []string{b.UUID}},
	} {
		if diff := cmp.Diff(tc.want, list(tc.f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	branches := series.NewBranches(g.door(), threshold.Following{})
	if _, err := branches.Update(t.Context(), local, g.project().ID, "dev", api.UpdateDimension{Archived: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{b.UUID}, list(archived)); diff != "" {
		t.Errorf("archived (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{a.UUID, c.UUID}, list(explore.ReportFilter{})); diff != "" {
		t.Errorf("not archived (-want +got):\n%s", diff)
	}
}

func TestDeletedReportLeavesNumbersAlone(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(1))
	gone := g.run(nil, bmf(2))
	g.run(nil, bmf(3))
	if err := g.reports.Delete(t.Context(), local, g.project().ID, gone.UUID); err != nil {
		t.Fatal(err)
	}
	perf, err := g.explore.Perf(t.Context(), local, g.project().ID, query(nil))
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int64
	for _, m := range perf.Results[0].Metrics {
		numbers = append(numbers, m.Version.Number)
	}
	if diff := cmp.Diff([]int64{0, 2}, numbers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if next := g.run(nil, bmf(4)); next.Branch.Head.Version.Number != 3 {
		t.Errorf("the next version: want 3, got %d", next.Branch.Head.Version.Number)
	}
	if _, err := g.explore.Report(t.Context(), local, g.project().ID, gone.UUID); !fault.Is(err, fault.Missing) {
		t.Errorf("want missing, got %v", err)
	}
}

func TestAlertIsDismissedAndBroughtBack(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(10))
	id := g.run(guarded, bmf(16)).Alerts[0].UUID
	storetest.WantEvents(t, g.store, "report.closed pending processed", "report.closed pending processed", "alert.raised")
	for _, status := range []api.AlertStatus{api.AlertDismissed, api.AlertDismissed, api.AlertActive} {
		if err := g.thresholds().SetAlertStatus(t.Context(), local, g.project().ID, id, status); err != nil {
			t.Fatal(err)
		}
		a, err := g.explore.Alert(t.Context(), local, g.project().ID, id)
		if err != nil || a.Status != status {
			t.Errorf("want %s, got %s (%v)", status, a.Status, err)
		}
	}
	if err := g.thresholds().SetAlertStatus(t.Context(), local, g.project().ID, id, api.AlertSilenced); !fault.Is(err, fault.Invalid) {
		t.Errorf("silenced by hand: want invalid, got %v", err)
	}
	storetest.WantEvents(t, g.store, "alert.changed active dismissed", "alert.changed dismissed active")
	g.run(onBranch("main", &api.StartPoint{Reset: ptr(true)}), bmf(1))
	storetest.WantEvents(t, g.store, "alert.changed silenced", "report.closed pending processed")
	if err := g.thresholds().SetAlertStatus(t.Context(), local, g.project().ID, id, api.AlertActive); !fault.Is(err, fault.Conflict) {
		t.Errorf("after its head was replaced: want a conflict, got %v", err)
	}
	silenced, total, err := g.explore.Alerts(t.Context(), local, g.project().ID, threshold.AlertFilter{Status: api.AlertSilenced},
		store.Page{Limit: 5})
	if err != nil || total != 1 || silenced[0].UUID != id || silenced[0].Threshold.Branch.Name != "main" {
		t.Errorf("silenced alerts: %d, %v", total, err)
	}
}

func TestDeletedThresholdLeavesTheLimitsOfItsMetrics(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, bmf(10))
	report := g.run(guarded, bmf(16))
	if err := g.thresholds().Delete(t.Context(), local, g.project().ID, report.Alerts[0].Threshold.UUID); err != nil {
		t.Fatal(err)
	}
	got, err := g.explore.Report(t.Context(), local, g.project().ID, report.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if m := got.Results[0][0].Measures[0]; m.Threshold != nil || m.Boundary == nil || *m.Boundary.UpperLimit != 15 || len(got.Alerts) != 0 {
		t.Errorf("want the limit without threshold and alert, got %+v, %d alerts", m, len(got.Alerts))
	}
}

// No writer waits while all the alerts of a threshold are removed.
func TestAThresholdWithManyAlertsIsDeletedInSteps(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	many := func(value float64) string {
		out := make(map[string]any, limits.UpkeepBatch+1)
		for i := range limits.UpkeepBatch + 1 {
			out[fmt.Sprintf("b%d", i)] = map[string]any{"latency": map[string]any{"value": value}}
		}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	g.run(nil, many(10))
	report := g.run(guarded, many(16))
	if len(report.Alerts) != limits.UpkeepBatch+1 {
		t.Fatalf("%d alerts", len(report.Alerts))
	}
	project := g.project()
	began := g.store.Transactions()
	if err := g.thresholds().Delete(t.Context(), local, project.ID, report.Alerts[0].Threshold.UUID); err != nil {
		t.Fatal(err)
	}
	if n := g.store.Transactions() - began; n != 3 {
		t.Errorf("%d transactions, want the look of the door and 2", n)
	}
	if _, n, err := g.explore.Alerts(t.Context(), local, project.ID, threshold.AlertFilter{}, store.Page{Limit: 1}); err != nil || n != 0 {
		t.Errorf("%d alerts are left, %v", n, err)
	}
}
