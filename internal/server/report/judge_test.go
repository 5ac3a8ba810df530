package report_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// judged is a project with one branch and testbed, on which reports wait for their results.
type judged struct {
	t       *testing.T
	store   *store.Store
	judge   *report.Judge
	project project.Project
	branch  series.Branch
	head    series.Head
	testbed series.Testbed
	now     time.Time
}

func newJudged(t *testing.T) *judged {
	t.Helper()
	return openJudged(t, func(_ context.Context, cfg store.Config) (*store.Store, error) { return testdb.Open(t, cfg) })
}

func openJudged(t *testing.T, open func(context.Context, store.Config) (*store.Store, error)) *judged {
	t.Helper()
	b := &judged{t: t, now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	var err error
	if b.store, err = open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "tacho.db"),
		Now: func() time.Time { return b.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
	b.judge = report.NewJudge(b.store, nil)
	b.tx(func(tx *store.Tx) error {
		home, err := account.InsertOrganization(t.Context(), tx, "Acme", "free")
		if err != nil {
			return err
		}
		if b.project, err = project.Insert(t.Context(), tx, project.Project{OrganizationID: home.ID, Name: "shop",
			Visibility: "public"}); err != nil {
			return err
		}
		if b.testbed, err = series.EnsureTestbed(t.Context(), tx, b.project.ID, "metal"); err != nil {
			return err
		}
		b.branch, b.head, err = series.InsertBranch(t.Context(), tx, b.project.ID, "main", "")
		return err
	})
	return b
}

func (b *judged) tx(f func(*store.Tx) error) {
	b.t.Helper()
	if err := b.store.Tx(b.t.Context(), f); err != nil {
		b.t.Fatal(err)
	}
}

// pending makes a report of a job that has not run yet.
func (b *judged) pending(settings api.ReportSettings) (r report.Report) {
	b.t.Helper()
	b.now = b.now.Add(time.Minute)
	b.tx(func(tx *store.Tx) error {
		v, err := series.EnsureVersion(b.t.Context(), tx, b.project.ID, b.head.ID, "")
		if err != nil {
			return err
		}
		r, err = report.Insert(b.t.Context(), tx, report.Report{ID: ident.NewUUID(), ProjectID: b.project.ID, HeadID: b.head.ID, VersionID: v.ID,
			TestbedID: b.testbed.ID, Adapter: "json", Settings: settings, Status: api.ReportPending, StartTime: b.now, EndTime: b.now})
		return err
	})
	return r
}

func (b *judged) finish(r report.Report, inputs ...string) error {
	return b.judge.FinishReport(b.t.Context(), r.ID, job.Delivery{Inputs: inputs, End: b.now.Add(time.Second)}, nil)
}

func (b *judged) stored(r report.Report) (out report.Report, metrics []report.Metric) {
	b.t.Helper()
	b.tx(func(tx *store.Tx) (err error) {
		if out, err = report.ByID(b.t.Context(), tx, r.ID); err != nil {
			return err
		}
		metrics, err = report.Metrics(b.t.Context(), tx, r.Seq, 0, limits.MetricsPerReport)
		return err
	})
	return out, metrics
}

func (b *judged) guard(upper float64) {
	b.t.Helper()
	b.tx(func(tx *store.Tx) error {
		m, err := series.EnsureMeasures(b.t.Context(), tx, b.project.ID,
			[]series.Measure{{Name: "Latency", Slug: "latency", Units: "ns", Direction: "lower"}})
		if err != nil {
			return err
		}
		t, err := threshold.Insert(b.t.Context(), tx, b.project.ID, b.branch.ID, b.testbed.ID, m["Latency"].ID)
		if err != nil {
			return err
		}
		_, err = threshold.SetModel(b.t.Context(), tx, t, &threshold.Model{Test: "percentage", UpperBoundary: &upper})
		return err
	})
}

func (b *judged) alerts(r report.Report) (out []threshold.Alert) {
	b.t.Helper()
	r, metrics := b.stored(r)
	if r.Status != api.ReportProcessed {
		return nil
	}
	b.tx(func(tx *store.Tx) error {
		out = nil
		for _, m := range metrics {
			found, err := threshold.AlertsByMetric(b.t.Context(), tx, []int64{m.ID})
			if err != nil {
				return err
			}
			for _, a := range found {
				out = append(out, a)
			}
		}
		return nil
	})
	return out
}

var jsonSettings = api.ReportSettings{Adapter: "json"}

const ten, twenty = `{"b":{"latency":{"value":10}}}`, `{"b":{"latency":{"value":20}}}`

func TestFinishedReportHasMetricsHostAndEnd(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	r := b.pending(jsonSettings)
	end, host, called := b.now.Add(time.Hour), &api.HostFacts{Kernel: "6.1"}, false
	if err := b.judge.FinishReport(t.Context(), r.ID, job.Delivery{Inputs: []string{ten, twenty}, End: end, Host: host},
		func(*store.Tx) error { called = true; return nil }); err != nil {
		t.Fatal(err)
	}
	got, metrics := b.stored(r)
	if got.Status != api.ReportProcessed || !got.EndTime.Equal(end) || got.Host.Kernel != "6.1" || !called ||
		!strings.HasPrefix(got.Recognised, "json") {
		t.Errorf("report %+v, inTx called %t", got, called)
	}
	var values []float64
	for _, m := range metrics {
		values = append(values, m.Value)
	}
	if diff := cmp.Diff([]float64{10, 20}, values); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]api.ResultCount{{Benchmarks: 1, Measures: 1}, {Benchmarks: 1, Measures: 1}}, got.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestUnreadableResultsWriteNothing(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	r := b.pending(jsonSettings)
	for name, inputs := range map[string][]string{"nothing": nil, "no JSON": {"panic: oh"}, "the second": {ten, "{}"}, "empty": {""}} {
		if err := b.finish(r, inputs...); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: want an invalid fault, got %v", name, err)
		}
	}
	if got, metrics := b.stored(r); got.Status != api.ReportPending || len(metrics) != 0 {
		t.Errorf("want it pending and empty, got %s with %d metrics", got.Status, len(metrics))
	}
}

func TestFailureInTheCallersPartWritesNothing(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	r := b.pending(jsonSettings)
	boom := errors.New("boom")
	fails := func(*store.Tx) error { return boom }
	if err := b.judge.FinishReport(t.Context(), r.ID, job.Delivery{Inputs: []string{ten}, End: b.now}, fails); !errors.Is(err, boom) {
		t.Errorf("want boom, got %v", err)
	}
	if got, metrics := b.stored(r); got.Status != api.ReportPending || len(metrics) != 0 {
		t.Errorf("want it pending and empty, got %s with %d metrics", got.Status, len(metrics))
	}
}

func TestReportIsFinishedOnce(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	r := b.pending(jsonSettings)
	if err := b.finish(r, ten); err != nil {
		t.Fatal(err)
	}
	if err := b.finish(r, twenty); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second time: want a conflict, got %v", err)
	}
	err := b.store.Tx(t.Context(), func(tx *store.Tx) error { return b.judge.FailReport(t.Context(), tx, r.ID, "late") })
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("failing it: want a conflict, got %v", err)
	}
	err = b.store.Tx(t.Context(), func(tx *store.Tx) error { return b.judge.ReopenReport(t.Context(), tx, r.ID) })
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("reopening it: want a conflict, got %v", err)
	}
}

func TestFailedReportIsReopenedAndFinished(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	r := b.pending(jsonSettings)
	b.tx(func(tx *store.Tx) error { return b.judge.FailReport(t.Context(), tx, r.ID, "the runner was lost") })
	if got, _ := b.stored(r); got.Status != api.ReportFailed || got.Error != "the runner was lost" {
		t.Errorf("failed: %s, %q", got.Status, got.Error)
	}
	if err := b.finish(r, ten); !fault.Is(err, fault.Conflict) {
		t.Errorf("results for a failed report: want a conflict, got %v", err)
	}
	b.tx(func(tx *store.Tx) error { return b.judge.ReopenReport(t.Context(), tx, r.ID) })
	if err := b.finish(r, ten); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.stored(r); got.Status != api.ReportProcessed || got.Error != "" {
		t.Errorf("finished: %s, %q", got.Status, got.Error)
	}
}

func TestJobThatEndsLateIsNotJudgedByLaterOnes(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.guard(0.5)
	first, slow, quick := b.pending(jsonSettings), b.pending(jsonSettings), b.pending(jsonSettings)
	for _, r := range []report.Report{first, quick, slow} { // the second one's job takes longest
		input := ten
		if r.ID == quick.ID {
			input = `{"b":{"latency":{"value":1000}}}`
		}
		if err := b.finish(r, input); err != nil {
			t.Fatal(err)
		}
	}
	_, metrics := b.stored(slow)
	if *metrics[0].Baseline != 10 || len(b.alerts(slow)) != 0 || len(b.alerts(quick)) != 1 {
		t.Errorf("want a baseline of 10 without alert, got %g, %d alerts; %d on the later one", *metrics[0].Baseline, len(b.alerts(slow)),
			len(b.alerts(quick)))
	}
}

func TestReportsOfAnotherSpecAreNoHistory(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.guard(0.5)
	if err := b.finish(b.pending(jsonSettings), ten); err != nil {
		t.Fatal(err)
	}
	spec := ident.NewUUID()
	var r report.Report
	b.tx(func(tx *store.Tx) error {
		v, err := series.EnsureVersion(t.Context(), tx, b.project.ID, b.head.ID, "")
		if err != nil {
			return err
		}
		r, err = report.Insert(t.Context(), tx, report.Report{ID: ident.NewUUID(), ProjectID: b.project.ID, HeadID: b.head.ID, VersionID: v.ID,
			SpecID:    &spec,
			TestbedID: b.testbed.ID, Adapter: "json", Settings: jsonSettings, Status: api.ReportPending, StartTime: b.now, EndTime: b.now})
		return err
	})
	if err := b.finish(r, twenty); err != nil {
		t.Fatal(err)
	}
	if _, metrics := b.stored(r); metrics[0].Baseline != nil {
		t.Errorf("it was held against %g of other hardware", *metrics[0].Baseline)
	}
}

func TestAlertOnAReplacedHeadIsSilentFromTheStart(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.guard(0.5)
	if err := b.finish(b.pending(jsonSettings), ten); err != nil {
		t.Fatal(err)
	}
	running := b.pending(jsonSettings)
	b.tx(func(tx *store.Tx) error {
		_, _, err := series.ReplaceHead(t.Context(), tx, b.branch)
		return err
	})
	if err := b.finish(running, twenty); err != nil {
		t.Fatal(err)
	}
	if got := b.alerts(running); len(got) != 1 || got[0].Status != api.AlertSilenced {
		t.Errorf("want one silenced alert, got %+v", got)
	}
}

func TestProblemsStayBesideWhatCouldBeRead(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	r := b.pending(api.ReportSettings{Adapter: "go_bench"})
	if err := b.finish(r, "pkg: example.org/x\nBenchmarkA \t 10\t 100 ns/op\n--- FAIL: BenchmarkB\n    b_test.go:1: no\nFAIL\n"); err != nil {
		t.Fatal(err)
	}
	if got, metrics := b.stored(r); len(got.Problems) == 0 || len(metrics) != 1 {
		t.Errorf("want one metric and a problem, got %d and %+v", len(metrics), got.Problems)
	}
}

func TestModelsAreCheckedAndNamedInFull(t *testing.T) {
	t.Parallel()
	half := 0.9
	row, err := threshold.NewModel(api.Model{Test: "t", UpperBoundary: &half})
	if err != nil || row.Test != "t_test" {
		t.Errorf("the alias t: %q, %v", row.Test, err)
	}
	huge := 1 << 20
	for name, m := range map[string]api.Model{
		"no test": {UpperBoundary: &half}, "no boundary": {Test: "t_test"},
		"a sample size over the limit": {Test: "t_test", UpperBoundary: &half, MaxSampleSize: &huge},
	} {
		if _, err := threshold.NewModel(m); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: want invalid, got %v", name, err)
		}
	}
}

func TestReopenedReportShowsNothingOfTheTryBefore(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	r := b.pending(jsonSettings)
	b.tx(func(tx *store.Tx) error {
		failed := r
		failed.Error, failed.Recognised = "boom", "json"
		failed.Problems = []api.Problem{{Message: "a line that is not read"}}
		failed.Warnings = []string{"work tree has changes"}
		failed.Counts = []api.ResultCount{{Benchmarks: 3, Measures: 1}}
		_, err := report.Apply(t.Context(), tx, failed, corereport.Fail)
		return err
	})
	b.tx(func(tx *store.Tx) error { return b.judge.ReopenReport(t.Context(), tx, r.ID) })
	got, _ := b.stored(r)
	want := r
	want.Warnings = []string{"work tree has changes"} // said of the submission, which is the same
	want.Created = got.Created
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOneMeasureUnderTwoNamesInOneBenchmarkIsRefused(t *testing.T) {
	t.Parallel()
	b := newJudged(t)
	b.tx(func(tx *store.Tx) error {
		_, err := series.EnsureMeasures(t.Context(), tx, b.project.ID,
			[]series.Measure{{Name: "Page faults", Slug: "page-faults", Units: "faults"}})
		return err
	})
	r := b.pending(jsonSettings)
	err := b.finish(r, `{"b":{"Page faults":{"value":1},"page-faults":{"value":2}}}`)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "the same measure") {
		t.Errorf("want a refusal that names both, got %v", err)
	}
	if got, metrics := b.stored(r); got.Status != api.ReportPending || len(metrics) != 0 {
		t.Errorf("something was written: %s with %d metrics", got.Status, len(metrics))
	}
	if err := b.finish(r, `{"b":{"Page faults":{"value":1}},"c":{"page-faults":{"value":2}}}`); err != nil {
		t.Errorf("in two benchmarks: %v", err)
	}
}
