package report_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// racing returns what submits r and keeps what came of it.
func (h *fixture) racing(r api.NewRun, taken *report.Taken) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		*taken, err = h.reports.Submit(ctx, report.Request{Actor: h.leader, SourceIP: "192.0.2.1", New: r})
		return err
	}
}

// TestTwoRunsThatMakeTheSameMakeItOnce: a project, a branch, a testbed with thresholds, and benchmarks and measures.
func TestTwoRunsThatMakeTheSameMakeItOnce(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := openFixture(t, race.Open)
		r := run("main", 1)
		upper := 0.5
		r.Testbed = "lab"
		r.Thresholds = &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "percentage", UpperBoundary: &upper}}}
		for _, project := range []string{"shop", "shop"} { // which is there the second time
			r.Project = project
			var a, b report.Taken
			if of1, of2 := race.Run(1, h.racing(r, &a), h.racing(r, &b)); of1 != nil || of2 != nil {
				t.Fatalf("the first: %v; the second: %v", of1, of2)
			}
			if a.Project.ID != b.Project.ID || a.Report == b.Report {
				t.Errorf("projects %s and %s, reports %s and %s", a.Project.ID, b.Project.ID, a.Report, b.Report)
			}
			r.Branch, r.Testbed, r.Results = "new", "another lab", []string{`{"c":{"throughput":{"value":1}}}`}
		}
		got := map[string]int{}
		for _, q := range []string{"select count(*) from project", "select count(*) from branch", "select count(*) from testbed",
			"select count(*) from benchmark", "select count(*) from report", "select count(*) from head_version",
			"select count(*) from (select distinct head_id, number from head_version) as n"} {
			var n int
			storetest.Do(t, h.store, func(tx *store.Tx) error { return tx.QueryRow(t.Context(), q).Scan(&n) })
			got[q] = n
		}
		want := map[string]int{"select count(*) from project": 1, "select count(*) from branch": 2, "select count(*) from testbed": 2,
			"select count(*) from benchmark": 2, "select count(*) from report": 4, "select count(*) from head_version": 4,
			"select count(*) from (select distinct head_id, number from head_version) as n": 4}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestTheSameKeyTwiceAtOnceMakesOneReport(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := openFixture(t, race.Open)
		h.must(run("main", 1))
		r := run("main", 2)
		r.IdempotencyKey = ident.NewUUID()
		var a, b report.Taken
		of1, of2 := race.Run(1, h.racing(r, &a), h.racing(r, &b))
		if of1 != nil || of2 != nil || a.Report != b.Report || !a.Created || b.Created {
			t.Errorf("the first: %+v, %v; the second: %+v, %v", a.Report, of1, b.Report, of2)
		}
	})
}

// TestAReportThatIsDeletedMeanwhileIsNotReadAgain, nor deleted twice.
func TestAReportThatIsDeletedMeanwhileIsNotReadAgain(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := openFixture(t, race.Open)
		remove := func(id string) func(context.Context) error {
			return func(ctx context.Context) error { return h.reports.Delete(ctx, h.leader, "shop", id) }
		}
		id := h.must(run("main", 1)).UUID
		if of1, of2 := race.Run(1, remove(id), remove(id)); of1 != nil || !fault.Is(of2, fault.Missing) {
			t.Errorf("delete: %v; delete: %v, want a Missing fault", of1, of2)
		}
		id = h.must(run("main", 1)).UUID
		of1, of2 := race.Run(1, remove(id), func(ctx context.Context) error { return h.reports.Reparse(ctx, h.leader, "shop", id) })
		if of1 != nil || !fault.Is(of2, fault.Missing) {
			t.Errorf("delete: %v; read again: %v, want a Missing fault", of1, of2)
		}
		var left int
		storetest.Do(t, h.store, func(tx *store.Tx) error { return tx.QueryRow(t.Context(), `select count(*) from metric`).Scan(&left) })
		if left != 0 {
			t.Errorf("%d metrics are left", left)
		}
	})
}
