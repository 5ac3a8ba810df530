package report_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/report"
)

// restart gives the fixture a new service over the same data, which writes three metrics at a time and does after each what it is told.
func (h *fixture) restart(after func() error) {
	h.t.Helper()
	blobs, err := blob.OpenDir(h.blobs, h.clock)
	if err != nil {
		h.t.Fatal(err)
	}
	judge := report.NewJudge(h.store, nil)
	judge.Slices(3, after)
	h.reports = report.NewService(report.Config{Store: h.store, Blobs: blobs, Queue: h.queue, Judge: judge, Now: h.clock})
}

// large is a run of eight metrics, which are three slices.
func large() api.NewRun {
	r := run("main", 1)
	r.IdempotencyKey = ident.NewUUID()
	r.Results = []string{`{"a":{"latency":{"value":1},"loops":{"value":2}},"b":{"latency":{"value":3},"loops":{"value":4}}}`,
		`{"a":{"latency":{"value":5},"loops":{"value":6}},"b":{"latency":{"value":7},"loops":{"value":8}}}`}
	return r
}

func numbers(r api.Report) (out []float64) {
	for _, iteration := range r.Results {
		for _, b := range iteration {
			for _, m := range b.Measures {
				out = append(out, m.Metric.Value)
			}
		}
	}
	return out
}

var eight = []float64{1, 2, 3, 4, 5, 6, 7, 8}

// killedAfter submits and dies after the n-th slice; killed is false when there are fewer.
func (h *fixture) killedAfter(n int, r api.NewRun) (killed bool) {
	h.t.Helper()
	slices := 0
	h.restart(func() error {
		if slices++; slices == n {
			panic("killed")
		}
		return nil
	})
	defer func() {
		if v := recover(); v != nil {
			killed = true
		}
	}()
	if report := h.must(r); report.Status != api.ReportProcessed {
		h.t.Errorf("answered as %s", report.Status)
	}
	return false
}

func TestAKilledSubmissionIsFinishedAtTheNextStart(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	killed := 0
	for at := 1; ; at++ {
		r := large()
		if !h.killedAfter(at, r) {
			break
		}
		killed++
		h.restart(nil)
		if err := h.reports.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		report, created, err := h.submit(r) // the sender has no answer and comes again
		if err != nil || created || report.Status != api.ReportProcessed {
			t.Errorf("killed after slice %d: %s, created %t, %v", at, report.Status, created, err)
		}
		if diff := cmp.Diff(eight, numbers(report)); diff != "" {
			t.Errorf("killed after slice %d (-want +got):\n%s", at, diff)
		}
		if rows := h.rows(); rows["report"] != killed || rows["metric"] != 8*killed {
			t.Errorf("killed after slice %d: %d reports with %d metrics in all", at, rows["report"], rows["metric"])
		}
	}
	if killed < 5 {
		t.Errorf("it was killed %d times only", killed)
	}
}

func TestTheSameRequestAgainFinishesAKilledSubmission(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	for at := 2; at <= 4; at++ {
		r := large()
		if !h.killedAfter(at, r) {
			t.Fatalf("not killed after slice %d", at)
		}
		h.restart(nil)
		report, created, err := h.submit(r)
		if err != nil || created {
			t.Fatalf("created %t, %v", created, err)
		}
		if diff := cmp.Diff(eight, numbers(report)); diff != "" {
			t.Errorf("killed after slice %d (-want +got):\n%s", at, diff)
		}
	}
}

func TestTheSameRequestWaitsForTheOneThatIsBeingWritten(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := large()
	second := make(chan error, 1)
	begun := false
	h.restart(func() error {
		if !begun {
			begun = true
			go func() {
				report, created, err := h.submit(r)
				if err == nil && (created || len(numbers(report)) != 8) {
					err = fmt.Errorf("created %t with %d metrics", created, len(numbers(report)))
				}
				second <- err
			}()
		}
		return nil
	})
	h.must(r)
	if err := <-second; err != nil {
		t.Errorf("the second request: %v", err)
	}
	if rows := h.rows(); rows["report"] != 1 || rows["metric"] != 8 {
		t.Errorf("%d reports with %d metrics", rows["report"], rows["metric"])
	}
}

func TestASubmissionThatFailsHalfWayLeavesNoReport(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	full := errors.New("the disk is full")
	slices := 0
	h.restart(func() error {
		if slices++; slices == 4 {
			return full
		}
		return nil
	})
	r := large()
	if _, _, err := h.submit(r); !errors.Is(err, full) {
		t.Fatalf("want the failure, got %v", err)
	}
	if rows := h.rows(); rows["report"] != 0 || rows["metric"] != 0 || rows["report_input"] != 0 {
		t.Errorf("left behind: %v", rows)
	}
	if report := h.must(r); len(numbers(report)) != 8 {
		t.Errorf("sent again: %d metrics", len(numbers(report)))
	}
}

func TestARefusedLargeRunLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.restart(nil)
	before := h.rows()
	r := large()
	r.Results = []string{`{"a":{"x":{"value":1}},"b":{"Latency":{"value":1},"latency":{"value":2}},"c":{"x":{"value":1}}}`}
	if _, _, err := h.submit(r); !fault.Is(err, fault.Invalid) {
		t.Errorf("want it refused, got %v", err)
	}
	if diff := cmp.Diff(before, h.rows()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestAKilledReparseIsFinishedAtTheNextStart(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.restart(nil)
	report := h.must(large())
	for at := 1; at <= 4; at++ {
		slices := 0
		h.restart(func() error {
			if slices++; slices == at {
				panic("killed")
			}
			return nil
		})
		func() {
			defer func() { _ = recover() }()
			_ = h.reports.Reparse(t.Context(), local, h.project("shop").ID, report.UUID)
			t.Errorf("not killed after slice %d", at)
		}()
		h.restart(nil)
		if err := h.reports.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := h.explore.Report(t.Context(), local, h.project("shop").ID, report.UUID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(eight, numbers(got)); diff != "" || got.Status != api.ReportProcessed {
			t.Errorf("killed after slice %d: %s (-want +got):\n%s", at, got.Status, diff)
		}
		if rows := h.rows(); rows["metric"] != 8 {
			t.Errorf("killed after slice %d: %d metrics", at, rows["metric"])
		}
	}
}
