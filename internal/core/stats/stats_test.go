package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*(1+math.Abs(want))
}

func TestEstimators(t *testing.T) {
	t.Parallel()
	xs := []float64{100, 102, 98, 101, 99}
	check := func(name string, got, want float64) {
		t.Helper()
		if !near(got, want, 1e-12) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	check("Mean", Mean(xs), 100)
	check("SampleSD", SampleSD(xs), math.Sqrt(2.5))
	check("Median", Median(xs), 100)
	check("Quantile 0.25", Quantile(xs, 0.25), 99)
	check("Quantile 1", Quantile(xs, 1), 102)
	check("MAD", MAD(xs), 1)
	check("SD of nearly equal large values", SampleSD([]float64{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}), math.Sqrt(30))
	for name, v := range map[string]float64{"Mean": Mean(nil), "SampleSD": SampleSD(xs[:1]), "Median": Median(nil)} {
		if !math.IsNaN(v) {
			t.Errorf("%s without enough values = %v, want NaN", name, v)
		}
	}
}

// Values from tables of the t and the normal distribution (NIST/SEMATECH e-Handbook, 1.3.6.7), and for 0.977 from R's qt and qnorm.
func TestQuantilesOfDistributions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ p, df, want float64 }{
		{0.95, 1, 6.313752}, {0.975, 10, 2.228139}, {0.99, 30, 2.457262}, {0.95, 100, 1.660234},
	} {
		if got := StudentQuantile(row.p, row.df); !near(got, row.want, 1e-6) {
			t.Errorf("StudentQuantile(%v, %v) = %v, want %v", row.p, row.df, got, row.want)
		}
	}
	if got := NormalQuantile(0.975); !near(got, 1.959963985, 1e-9) {
		t.Errorf("NormalQuantile(0.975) = %v", got)
	}
}

func TestSDIsShiftInvariantAndScales(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 2, 40).Draw(t, "xs")
		shift, scale := rapid.Float64Range(-1e3, 1e3).Draw(t, "shift"), rapid.Float64Range(0.1, 10).Draw(t, "scale")
		moved := make([]float64, len(xs))
		for i, x := range xs {
			moved[i] = x*scale + shift
		}
		if got, want := SampleSD(moved), SampleSD(xs)*scale; !near(got, want, 1e-8) {
			t.Fatalf("SampleSD of shifted and scaled values = %v, want %v", got, want)
		}
	})
}
