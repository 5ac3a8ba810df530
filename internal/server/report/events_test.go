package report_test

import (
	"errors"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestEventsSayThatAReportWasReadAgainOrDeleted(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	kept := h.must(run("main", 10))
	storetest.WantEvents(t, h.store, "report.closed pending processed")
	project := h.project("shop").ID
	if err := h.reports.Reparse(t.Context(), local, project, kept.UUID); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, h.store, "report.closed processed processed")
	h.tx(func(tx *store.Tx) error { return report.SetInputs(t.Context(), tx, kept.UUID, nil) })
	if err := h.reports.Reparse(t.Context(), local, project, kept.UUID); !fault.Is(err, fault.Conflict) {
		t.Errorf("without its output: %v", err)
	}
	storetest.WantEvents(t, h.store)
	if err := h.reports.Delete(t.Context(), local, project, kept.UUID); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, h.store, "report.deleted processed deleted")
}

func TestEventsOfALargeReport(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.restart(nil)
	kept := h.must(large())
	storetest.WantEvents(t, h.store, "report.closed pending processed")
	project := h.project("shop").ID
	if err := h.reports.Reparse(t.Context(), local, project, kept.UUID); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, h.store, "report.reopened processed pending", "report.closed pending processed")
	if err := h.reports.Delete(t.Context(), local, project, kept.UUID); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, h.store, "report.deleted processed deleted")
	full := errors.New("the disk is full")
	slices := 0
	h.restart(func() error {
		if slices++; slices == 4 {
			return full
		}
		return nil
	})
	if _, _, err := h.submit(large()); !errors.Is(err, full) {
		t.Fatalf("want the failure, got %v", err)
	}
	storetest.WantEvents(t, h.store, "report.deleted pending deleted") // it was seen waiting for a moment
}
