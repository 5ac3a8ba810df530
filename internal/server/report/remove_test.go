package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// alarming is a large run that is judged, after one that nothing was held against, and raises alerts.
func (h *fixture) alarming() (kept, gone api.Report, r api.NewRun) {
	h.t.Helper()
	h.restart(nil)
	kept = h.must(withModel(large(), "percentage", 0.05))
	r = withModel(large(), "percentage", 0.05)
	for i := range r.Results {
		r.Results[i] = strings.ReplaceAll(r.Results[i], `"value":`, `"value":9`)
	}
	gone = h.must(r)
	if len(gone.Alerts) == 0 {
		h.t.Fatal("the fixture raises no alert")
	}
	return kept, gone, r
}

// sees checks that the report is nowhere to be seen.
func (h *fixture) seesNothingOf(gone api.Report) {
	h.t.Helper()
	ctx, project := h.t.Context(), h.project("shop")
	if _, err := h.explore.Report(ctx, local, project.ID, gone.UUID); !fault.Is(err, fault.Missing) {
		h.t.Errorf("the report: %v", err)
	}
	if reports, n, err := h.explore.Reports(ctx, local, project.ID, explore.ReportFilter{}, store.Page{Limit: 10}); err != nil || n != 1 ||
		len(reports) != 1 {
		h.t.Errorf("%d reports are listed, %v", n, err)
	}
	if _, n, err := h.explore.Alerts(ctx, local, project.ID, threshold.AlertFilter{}, store.Page{Limit: 10}); err != nil || n != 0 {
		h.t.Errorf("%d alerts are listed, %v", n, err)
	}
	if diff := cmp.Diff([]float64{3, 7}, h.line("main")); diff != "" {
		h.t.Errorf("the line (-want +got):\n%s", diff)
	}
	if err := h.reports.Delete(ctx, local, project.ID, gone.UUID); !fault.Is(err, fault.Missing) {
		h.t.Errorf("deleted again: %v", err)
	}
	if err := h.reports.Reparse(ctx, local, project.ID, gone.UUID); !fault.Is(err, fault.Missing) {
		h.t.Errorf("read again: %v", err)
	}
}

// A report with many results is invisible at once, and no writer waits for more than a slice of its rows.
func TestALargeReportIsDeletedInSlices(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	kept, gone, r := h.alarming()
	slices := 0
	h.restart(func() error {
		if slices++; slices == 1 {
			h.seesNothingOf(gone)
			if rows := h.rows(); rows["metric"] != 8+5 {
				t.Errorf("after the first slice %d metrics are left, want 13", rows["metric"])
			}
		}
		return nil
	})
	if err := h.reports.Delete(t.Context(), local, h.project("shop").ID, gone.UUID); err != nil {
		t.Fatal(err)
	}
	if slices != 3 {
		t.Errorf("%d slices, want 3", slices)
	}
	h.seesNothingOf(gone)
	if rows := h.rows(); rows["report"] != 1 || rows["metric"] != 8 || rows["alert"] != 0 || rows["report_input"] != 2 {
		t.Errorf("what is left: %v", rows)
	}
	if _, err := h.explore.Report(t.Context(), local, h.project("shop").ID, kept.UUID); err != nil {
		t.Errorf("the other one: %v", err)
	}
	if again, created, err := h.submit(r); err != nil || !created || again.UUID == gone.UUID { // its idempotency key is free
		t.Errorf("sent again: created %t, %v", created, err)
	}
}

func TestAHalfDeletedReportIsDeletedAtTheNextStart(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	_, gone, _ := h.alarming()
	h.restart(func() error { panic("killed") })
	func() {
		defer func() { _ = recover() }()
		_ = h.reports.Delete(t.Context(), local, h.project("shop").ID, gone.UUID)
	}()
	if rows := h.rows(); rows["report"] != 2 {
		t.Fatalf("it was not killed: %v", rows)
	}
	h.restart(nil)
	h.seesNothingOf(gone)
	if err := h.reports.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := h.rows(); rows["report"] != 1 || rows["metric"] != 8 {
		t.Errorf("what is left: %v", rows)
	}
}
