package history_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/report/history"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestHistoryIsOfTheSameHardwareSpec(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 2, 1)
	_, head := g.Branch("main")
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	small, large := "spec-small", "spec-large"
	g.Tx(func(tx *store.Tx) error {
		ids := g.SeriesIDs(tx)
		var last report.Report
		for i, spec := range []*string{nil, &small, &large, &small, nil, &small} {
			value := float64(10 * (i + 1))
			values := [][]float64{{value, value + 1}}
			if i == 1 { // an older point of one series alone is looked for beyond the newest reports
				values = [][]float64{{value, value + 1}, {value + 2, value + 3}}
			}
			last, _ = g.Report(tx, head, "", begin.Add(time.Duration(i)*time.Minute), ids, values)
			if _, err := tx.Exec(t.Context(), `update report set spec_id = $1 where seq = $2`, spec, last.Seq); err != nil {
				return err
			}
		}
		for _, c := range []struct {
			spec  *string
			limit int
			want  map[int64][]float64
		}{
			{nil, 8, map[int64][]float64{ids[0]: {50, 10}, ids[1]: {51, 11}}},
			{&small, 8, map[int64][]float64{ids[0]: {40, 22, 20}, ids[1]: {41, 23, 21}}},
			{&small, 2, map[int64][]float64{ids[0]: {40, 22}, ids[1]: {41, 23}}},
			{&large, 1, map[int64][]float64{ids[0]: {30}, ids[1]: {31}}},
		} {
			got, err := history.Values(t.Context(), tx, history.Params{HeadID: head.ID, TestbedID: g.Testbeds[0], SpecID: c.spec,
				SeriesIDs: ids, Limit: c.limit,
				Horizon: series.NewHorizon(series.Point{Version: 6, Start: last.StartTime.UnixMicro(), Report: last.Seq}, 0)})
			if err != nil {
				return err
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("spec %v, %d values (-want +got):\n%s", c.spec, c.limit, diff)
			}
		}
		return nil
	})
}
