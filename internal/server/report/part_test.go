package report_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/property"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// TestMetricsAreReadAsTheyWereWritten plays inserts and deletes of slices against a list in memory.
func TestMetricsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	g := storetest.NewGround(t, s, 12, 1)
	_, head := g.Branch("main")
	var series []int64
	g.Tx(func(tx *store.Tx) error { series = g.SeriesIDs(tx); return nil })
	property.Check(t, func(rt *rapid.T) {
		g.Tx(func(tx *store.Tx) error {
			var reports []report.Report
			for range 2 {
				r, _ := g.Report(tx, head, "", clock.T, nil, nil)
				reports = append(reports, r)
			}
			want := map[int64][]report.Metric{}
			iteration := 0
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				seq := rapid.SampledFrom(reports).Draw(rt, "report").Seq
				if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
					n := rapid.IntRange(1, 9).Draw(rt, "limit")
					deleted, err := report.DeleteSomeMetrics(t.Context(), tx, seq, n)
					if gone := min(n, len(want[seq])); err != nil || int(deleted) != gone {
						rt.Fatalf("%d of %d metrics were deleted, want %d: %v", deleted, len(want[seq]), gone, err)
					}
					want[seq] = want[seq][min(n, len(want[seq])):]
					continue
				}
				var batch []report.Metric
				for range rapid.IntRange(1, 3).Draw(rt, "iterations") {
					iteration++
					for _, id := range rapid.Permutation(series).Draw(rt, "order")[:rapid.IntRange(0, 12).Draw(rt, "measured")] {
						batch = append(batch, report.Metric{SeriesID: id, ReportSeq: seq, Iteration: iteration, Value: float64(len(batch))})
					}
				}
				if err := report.InsertMetrics(t.Context(), tx, batch); err != nil {
					return err
				}
				want[seq] = append(want[seq], batch...)
			}
			for _, r := range reports {
				all, err := report.Metrics(t.Context(), tx, r.Seq, 0, limits.MetricsPerReport)
				if diff := cmp.Diff(append([]report.Metric{}, want[r.Seq]...), all); diff != "" || err != nil {
					rt.Fatalf("report %d, %v (-want +got):\n%s", r.Seq, err, diff)
				}
				n, err := report.CountMetrics(t.Context(), tx, r.Seq)
				has, err2 := report.HasMetrics(t.Context(), tx, r.Seq)
				if n != len(all) || has != (n > 0) || err != nil || err2 != nil {
					rt.Errorf("count %d, has %t, want %d: %v %v", n, has, len(all), err, err2)
				}
				var paged []report.Metric
				limit := rapid.IntRange(1, 7).Draw(rt, "page")
				for after := int64(0); ; after = paged[len(paged)-1].ID {
					page, err := report.Metrics(t.Context(), tx, r.Seq, after, limit)
					if err != nil {
						return err
					}
					if paged = append(paged, page...); len(page) < limit {
						break
					}
				}
				if diff := cmp.Diff(all, append([]report.Metric{}, paged...)); diff != "" {
					rt.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
				}
				ids := []int64{1 << 40}
				for _, m := range all {
					ids = append(ids, m.ID)
				}
				slices.Reverse(ids)
				byID, err := report.MetricsByID(t.Context(), tx, ids)
				if err != nil || len(byID) != len(all) {
					rt.Errorf("%d metrics by their ids, want %d: %v", len(byID), len(all), err)
				}
				for _, m := range all {
					if diff := cmp.Diff(m, byID[m.ID]); diff != "" {
						rt.Errorf("metric %d by its id (-want +got):\n%s", m.ID, diff)
					}
				}
			}
			return nil
		})
	})
}

func TestPartsAreReadByIndex(t *testing.T) {
	t.Parallel()
	storetest.ReadsByIndex(t, map[string]string{
		"parts": report.PartsQuery,
		"part":  report.PartMetricsQuery + `(1, 2)`,
	})
}
