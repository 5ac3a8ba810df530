package read

import (
	"slices"
	"testing"

	"github.com/tachograph/tacho/internal/core/limits"
)

func TestThinningKeepsSamplesOfTheWholeAtEqualDistances(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ n, every, kept int }{
		{1, 1, 1}, {limits.SamplesPerMetric, 1, limits.SamplesPerMetric}, {limits.SamplesPerMetric + 1, 2, limits.SamplesPerMetric/2 + 1},
		{2 * limits.SamplesPerMetric, 2, limits.SamplesPerMetric}, {7*limits.SamplesPerMetric + 5, 8, (7*limits.SamplesPerMetric + 5 + 7) / 8},
	} {
		var thin Thinning
		var kept, want []float64
		for i := range row.n {
			thin.Add(&kept, float64(i))
			if i%row.every == 0 {
				want = append(want, float64(i))
			}
		}
		if !slices.Equal(kept, want) || len(kept) != row.kept || thin.Left() != (row.every > 1) {
			t.Errorf("%d samples: %d are kept, want %d; left out %t", row.n, len(kept), row.kept, thin.Left())
		}
	}
}
