package baseline

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tachograph/tacho/internal/core/change"
)

func series(n, apart int, sd, step float64) []float64 {
	r := rand.New(rand.NewPCG(1, 1))
	values, level := make([]float64, n), 0.0
	for i := range values {
		if i > 0 && i%apart == 0 {
			level += step * float64(1-2*(i/apart%2))
		}
		values[i] = 100 * math.Exp(level+sd*r.NormFloat64())
	}
	return values
}

// TestEachMethodFindsWhatNobodyWouldMiss: one step of a third in two per cent of noise, but for what judges neighbours only.
func TestEachMethodFindsWhatNobodyWouldMiss(t *testing.T) {
	t.Parallel()
	values := series(120, 60, 0.02, -0.3)
	for _, m := range All() {
		found := false
		for _, at := range m.Find(values) {
			found = found || at >= 58 && at <= 62
		}
		if !found {
			t.Errorf("%s: %v, want one near 60", m.Name, m.Find(values))
		}
	}
}

func TestNothingIsFoundInNothing(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		for n := range 30 {
			values := make([]float64, n)
			for i := range values {
				values[i] = 5
			}
			if got := m.Find(values); len(got) > 0 {
				t.Errorf("%s finds %v in %d equal values", m.Name, got, n)
			}
		}
	}
}

// BenchmarkBeside measures ours beside E-divisive in one run: 10,000 values with a change in 100.
func BenchmarkBeside(b *testing.B) {
	for name, apart := range map[string]int{"stable": 10_000, "changes": 100} {
		values := series(10_000, apart, 0.01, 0.05)
		b.Run(name+"/edivisive", func(b *testing.B) {
			for b.Loop() {
				EDivisive(values, 50, 0.001, 0)
			}
		})
		b.Run(name+"/tacho", func(b *testing.B) {
			for b.Loop() {
				if _, err := change.Detect(values, change.Params{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
