package unit

import (
	"math"
	"testing"
)

func TestPercentIsNeverOfNothing(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		base, value, want float64
		ok                bool
	}{
		{10, 11, 10, true}, {10, 9, -10, true}, {-10, -11, -10, true}, {10, 10, 0, true}, {1, 999_999, 99_999_800, true},
		{0, 5, 0, false}, {0, 0, 0, false}, {1e-300, 5, 0, false}, {1e-9, 1, 0, false}, {math.NaN(), 1, 0, false}, {1, math.Inf(1), 0, false},
		{math.Inf(1), 1, 0, false},
		{5e-324, 5e-324, 0, true}, {math.MaxFloat64, -math.MaxFloat64, 0, false},
	} {
		if got, ok := Percent(row.base, row.value); got != row.want && ok || ok != row.ok {
			t.Errorf("Percent(%v, %v) = %v, %v; want %v, %v", row.base, row.value, got, ok, row.want, row.ok)
		}
	}
}
