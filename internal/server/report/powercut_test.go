package report_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/powercut"
)

func TestAcknowledgedReportSurvivesAPowerCut(t *testing.T) {
	t.Parallel()
	disk := powercut.New()
	h := newFixture(t, func(cfg *store.Config) { cfg.Disk = disk })
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 3 {
		r := h.must(run("main", float64(10+i)))
		folder := t.TempDir()
		if err := disk.Cut(folder, 0, random); err != nil {
			t.Fatal(err)
		}
		left, err := store.Open(t.Context(), store.Config{Path: filepath.Join(folder, "tacho.db")})
		if err != nil {
			t.Fatal(err)
		}
		err = left.View(t.Context(), func(tx *store.Tx) error {
			row, err := report.ByID(t.Context(), tx, r.UUID)
			if err != nil {
				return err
			}
			metrics, err := report.Metrics(t.Context(), tx, row.Seq, 0, limits.MetricsPerReport)
			if len(metrics) != 1 || metrics[0].Value != float64(10+i) {
				t.Errorf("report %d: its metrics are %+v", i, metrics)
			}
			return err
		})
		if err != nil {
			t.Errorf("report %d: %v", i, err)
		}
		if err := left.Close(); err != nil {
			t.Error(err)
		}
	}
}
