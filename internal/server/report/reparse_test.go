package report_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

// lose takes a report's metrics away, as if an older parser had not seen them.
func (h *fixture) lose(id string) {
	h.t.Helper()
	h.tx(func(tx *store.Tx) error {
		r, err := report.ByID(h.t.Context(), tx, id)
		if err != nil {
			return err
		}
		return report.DeleteMetrics(h.t.Context(), tx, r.Seq)
	})
}

func values(r api.Report) (out []float64) {
	for _, iteration := range r.Results {
		for _, result := range iteration {
			for _, m := range result.Measures {
				out = append(out, m.Metric.Value)
			}
		}
	}
	return out
}

func TestReparseReadsTheRawOutputAgain(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	report := h.must(run("main", 10))
	h.must(run("main", 11))
	want := h.rows()
	h.lose(report.UUID)
	if err := h.reports.Reparse(t.Context(), local, h.project("shop").ID, report.UUID); err != nil {
		t.Fatal(err)
	}
	got, err := h.explore.Report(t.Context(), local, h.project("shop").ID, report.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if v := values(got); len(v) != 1 || v[0] != 10 || got.Status != api.ReportProcessed {
		t.Errorf("values %v, status %s", v, got.Status)
	}
	if rows := h.rows(); rows["metric"] != want["metric"] {
		t.Errorf("%d metrics, want %d", rows["metric"], want["metric"])
	}
}

func TestReparseReadsTheOutputOfAJob(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	rep := h.must(run("main", 10))
	h.lose(rep.UUID)
	h.tx(func(tx *store.Tx) error { return report.SetInputs(t.Context(), tx, rep.UUID, nil) })
	if err := h.reports.Reparse(t.Context(), local, h.project("shop").ID, rep.UUID); !fault.Is(err, fault.Conflict) {
		t.Errorf("without any output: %v, want a conflict", err)
	}
	h.queue.outputs = map[string][]string{rep.UUID: {bmf(12)}}
	if err := h.reports.Reparse(t.Context(), local, h.project("shop").ID, rep.UUID); err != nil {
		t.Fatal(err)
	}
	got, err := h.explore.Report(t.Context(), local, h.project("shop").ID, rep.UUID)
	if v := values(got); err != nil || len(v) != 1 || v[0] != 12 {
		t.Errorf("values %v, %v", v, err)
	}
}

// A digit that flipped on the disk must not become history.
func TestReparseOfDamagedOutputChangesNothing(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	report := h.must(run("main", 10))
	files, err := filepath.Glob(filepath.Join(h.blobs, "sha256", "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("want one blob, got %q, %v", files, err)
	}
	if err := errors.Join(os.Chmod(files[0], 0o600), os.WriteFile(files[0], []byte(bmf(70)), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := h.reports.Reparse(t.Context(), local, h.project("shop").ID, report.UUID); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("error = %v, want one of a damaged blob", err)
	}
	got, err := h.explore.Report(t.Context(), local, h.project("shop").ID, report.UUID)
	if v := values(got); err != nil || len(v) != 1 || v[0] != 10 {
		t.Errorf("values %v, %v; want 10 as before", v, err)
	}
}

func TestReparseThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	rp := h.must(run("main", 10))
	h.tx(func(tx *store.Tx) error { return report.SetInputs(t.Context(), tx, rp.UUID, nil) })
	h.queue.outputs = map[string][]string{rp.UUID: {"no JSON"}}
	want := h.rows()
	if err := h.reports.Reparse(t.Context(), local, h.project("shop").ID, rp.UUID); !fault.Is(err, fault.Invalid) {
		t.Errorf("error = %v, want an invalid fault", err)
	}
	if rows := h.rows(); rows["metric"] != want["metric"] {
		t.Errorf("%d metrics are left of %d", rows["metric"], want["metric"])
	}
	if err := h.reports.Reparse(t.Context(), local, h.project("shop").ID, ident.NewUUID()); !fault.Is(err, fault.Missing) {
		t.Errorf("a report that is not there: %v", err)
	}
	elsewhere := run("main", 1)
	elsewhere.Project = "other"
	h.must(elsewhere)
	other := h.project("other")
	if err := h.reports.Reparse(t.Context(), local, other.ID, rp.UUID); !fault.Is(err, fault.Missing) {
		t.Errorf("another project's report: %v", err)
	}
}
