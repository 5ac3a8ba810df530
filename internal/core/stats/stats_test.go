package stats

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

// near holds got against want to within a relative tolerance; NaN is near NaN.
func near(got, want, tolerance float64) bool {
	if math.IsNaN(want) {
		return math.IsNaN(got)
	}
	return got == want || math.Abs(got-want) <= tolerance*math.Abs(want)
}

// rows reads a file of vectors without its heading.
func rows(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return out[1:]
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEstimatorsAgreeWithSciPy(t *testing.T) {
	t.Parallel()
	for _, row := range rows(t, "estimators.csv") {
		var xs []float64
		for word := range strings.FieldsSeq(row[1]) {
			xs = append(xs, number(t, word))
		}
		before := slices.Clone(xs)
		for i, c := range []struct {
			name string
			got  float64
		}{
			{"Mean", Mean(xs)}, {"SampleSD", SampleSD(xs)}, {"Median", Median(xs)},
			{"Quantile(0.1)", Quantile(xs, 0.1)}, {"Quantile(0.25)", Quantile(xs, 0.25)}, {"Quantile(0.75)", Quantile(xs, 0.75)},
			{"Quantile(0.977)", Quantile(xs, 0.977)}, {"MAD", MAD(xs)},
		} {
			if want := number(t, row[2+i]); !near(c.got, want, 1e-13) {
				t.Errorf("%s of %s = %v, want %v", c.name, row[0], c.got, want)
			}
		}
		if !slices.Equal(before, xs) {
			t.Errorf("the sample %s was changed", row[0])
		}
	}
}

func TestQuantilesOfDistributionsAgreeWithSciPy(t *testing.T) {
	t.Parallel()
	for _, row := range rows(t, "quantiles.csv") {
		p, want := number(t, row[1]), number(t, row[3])
		if row[0] == "normal" {
			if got := NormalQuantile(p); !near(got, want, 1e-12) {
				t.Errorf("NormalQuantile(%v) = %v, want %v", p, got, want)
			}
			continue
		}
		degrees := number(t, row[2])
		if got := StudentQuantile(p, degrees); math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
			t.Errorf("StudentQuantile(%v, %v) = %v, want %v", p, degrees, got, want)
		}
	}
}

func TestMedianCITakesTheRanksOfTheBinomial(t *testing.T) {
	t.Parallel()
	for _, row := range rows(t, "median_ci.csv") {
		n, k := int(number(t, row[0])), int(number(t, row[2]))
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = float64(n - i) // the value is the rank, largest first
		}
		got := MedianCI(xs, number(t, row[1]))
		if !near(got.Coverage, number(t, row[3]), 1e-9) || got.Estimate != float64(n+1)/2 {
			t.Errorf("MedianCI(1…%d, %s) = %+v, want coverage %s", n, row[1], got, row[3])
		}
		if k == 0 {
			if !math.IsInf(got.Lower, -1) || !math.IsInf(got.Upper, 1) || got.Needed <= n {
				t.Errorf("MedianCI(1…%d, %s) = %+v, want no limits and how many values are needed", n, row[1], got)
			}
			continue
		}
		if got.Lower != float64(k) || got.Upper != float64(n+1-k) || got.Needed != 0 {
			t.Errorf("MedianCI(1…%d, %s) = %+v, want ranks %d and %d", n, row[1], got, k, n+1-k)
		}
	}
	if got := MedianCI([]float64{1, 2, 3, 4, 5}, 0.95); got.Needed != 6 {
		t.Errorf("five values at 0.95 need %d, want 6", got.Needed)
	}
}

func TestWithoutEnoughValuesThereIsNoEstimate(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]float64{
		"Mean": Mean(nil), "SampleSD of none": SampleSD(nil), "SampleSD of one": SampleSD([]float64{3}), "Median": Median(nil), "MAD": MAD(nil),
		"MedianCI": MedianCI(nil, 0.95).Estimate,
	} {
		if !math.IsNaN(v) {
			t.Errorf("%s = %v, want NaN", name, v)
		}
	}
}

func TestAConstantSampleIsExact(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "value")
		xs := slices.Repeat([]float64{v}, rapid.IntRange(2, 100).Draw(t, "n"))
		if Mean(xs) != v || SampleSD(xs) != 0 || Median(xs) != v || MAD(xs) != 0 || Quantile(xs, 0.3) != v {
			t.Fatalf("%d times %v: mean %v, sd %v, median %v, MAD %v", len(xs), v, Mean(xs), SampleSD(xs), Median(xs), MAD(xs))
		}
	})
}

func TestMeanAndMedianStayWithinTheSample(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Float64(), 1, 40).Draw(t, "xs")
		least, most := slices.Min(xs), slices.Max(xs)
		slack := 1e-14 * max(math.Abs(least), math.Abs(most))
		for name, v := range map[string]float64{"mean": Mean(xs), "median": Median(xs)} {
			if !(v >= least-slack && v <= most+slack) {
				t.Fatalf("%s %v is not in %v … %v", name, v, least, most)
			}
		}
	})
}

func TestSDIsShiftInvariantAndScales(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 2, 40).Draw(t, "xs")
		shift, scale := rapid.Float64Range(-1e3, 1e3).Draw(t, "shift"), rapid.Float64Range(0.1, 10).Draw(t, "scale")
		moved := make([]float64, len(xs))
		for i, x := range xs {
			moved[i] = x*scale + shift
		}
		if got, want := SampleSD(moved), SampleSD(xs)*scale; math.Abs(got-want) > 1e-8*(1+want) {
			t.Fatalf("SampleSD of shifted and scaled values = %v, want %v", got, want)
		}
	})
}

func TestQuantilesRise(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Float64Range(-1e9, 1e9), 1, 30).Draw(t, "xs")
		p, q := rapid.Float64Range(0, 1).Draw(t, "p"), rapid.Float64Range(0, 1).Draw(t, "q")
		if p > q {
			p, q = q, p
		}
		if a, b := Quantile(xs, p), Quantile(xs, q); a > b+1e-6 {
			t.Fatalf("the %v-quantile %v is over the %v-quantile %v", p, a, q, b)
		}
	})
}

func BenchmarkSampleSD(b *testing.B) {
	xs := make([]float64, 64)
	for i := range xs {
		xs[i] = 1e6 + float64(i*i%37)
	}
	for b.Loop() {
		SampleSD(xs)
	}
}
