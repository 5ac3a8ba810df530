package report_test

import (
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// TestNoiseIsComputedBeforeTheTransaction: not once more in it, unless the project has the measure otherwise than the tool, which gives no
// slug.
func TestNoiseIsComputedBeforeTheTransaction(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	g := storetest.NewGround(t, s, 1, 1)
	_, head := g.Branch("main")
	tool := unit.Measure{Name: "measure-0", Units: "ns", Direction: unit.Unknown}
	counted := tool
	counted.Exact = true
	for _, c := range []struct {
		what    string
		measure unit.Measure
		kept    bool
	}{{"as the tool has it", tool, true}, {"otherwise", counted, false}} {
		var got map[int64]report.Noise
		g.Tx(func(tx *store.Tx) error {
			ids := g.SeriesIDs(tx)
			r, _ := g.Report(tx, head, "", time.Unix(1, 0), ids, nil)
			if err := report.KeepNoise(t.Context(), tx, r, c.measure, judge.Noise{Units: 7, Values: 7, Typical: 3, SD: 0.5}, ids[0]); err != nil {
				return err
			}
			var err error
			got, err = report.NoiseOf(t.Context(), tx, ids)
			if err == nil {
				_, err = tx.Exec(t.Context(), `delete from noise`)
			}
			return err
		})
		if kept := len(got) == 1; kept != c.kept {
			t.Errorf("%s: what was computed before is kept: %v, want %v", c.what, kept, c.kept)
		}
	}
}
