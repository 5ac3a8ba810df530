package adapter

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/property"
)

// iteration has one benchmark "a" with that latency.
func iteration(value float64) Results {
	return Results{Adapter: JSON, Reason: "json: …", Benchmarks: []Benchmark{{Name: "a", Metrics: []Metric{{Measure: unit.Latency, Value: value}}}}}
}

func TestFoldTakesTheValueOverTheIterationsThatHaveIt(t *testing.T) {
	t.Parallel()
	with := iteration(7)
	with.Benchmarks = append(with.Benchmarks, Benchmark{Name: "once", IgnoreAlerts: true, Metrics: []Metric{{Measure: unit.Latency, Value: 50, Lower: ptr(1)}}})
	with.Problems = []Problem{{Message: "a problem", Line: 3}}
	for how, want := range map[FoldFunc]float64{FoldMin: 1, FoldMax: 7, FoldMean: 4, FoldMedian: 4} {
		got, err := Fold([]Results{iteration(1), with, iteration(4)}, how)
		if err != nil {
			t.Fatal(err)
		}
		expected := Results{Adapter: JSON, Reason: "json: …", Problems: with.Problems, Benchmarks: []Benchmark{
			{Name: "a", Metrics: []Metric{{Measure: unit.Latency, Value: want, Lower: ptr(1), Upper: ptr(7), Samples: []float64{1, 7, 4}}}},
			{Name: "once", IgnoreAlerts: true, Metrics: []Metric{{Measure: unit.Latency, Value: 50, Lower: ptr(1)}}}, // absent elsewhere is not zero
		}}
		if diff := cmp.Diff(expected, got, cmpopts.IgnoreUnexported(Results{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", how, diff)
		}
	}
}

func TestFoldKeepsMeasuresApartAndRawSamples(t *testing.T) {
	t.Parallel()
	first, second := iteration(2), iteration(4)
	first.Benchmarks[0].Metrics[0].Samples = []float64{1, 2, 3}
	second.Benchmarks[0].Metrics = append(second.Benchmarks[0].Metrics, Metric{Measure: unit.Allocated, Value: 9})
	got, err := Fold([]Results{first, second}, FoldMean)
	if err != nil {
		t.Fatal(err)
	}
	want := []Metric{{Measure: unit.Latency, Value: 3, Lower: ptr(2), Upper: ptr(4), Samples: []float64{1, 2, 3, 4}}, {Measure: unit.Allocated, Value: 9}}
	if diff := cmp.Diff(want, got.Benchmarks[0].Metrics); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestFoldRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	if _, err := Fold(nil, "sum"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "min, max, mean or median") {
		t.Errorf("fold by sum: %v", err)
	}
	half := iteration(1)
	half.Benchmarks[0].Metrics[0].Samples = make([]float64, limits.SamplesPerMetric/2+1)
	if _, err := Fold([]Results{half, half}, FoldMin); !fault.Is(err, fault.TooLarge) {
		t.Errorf("fold to too many samples: %v", err)
	}
	if got, err := Fold(nil, FoldMin); err != nil || len(got.Benchmarks) != 0 {
		t.Errorf("fold of nothing = %+v, %v", got, err)
	}
	if f, err := ParseFold("median"); err != nil || f != FoldMedian {
		t.Errorf("ParseFold(median) = %q, %v", f, err)
	}
}

func TestFoldedValuesLieBetweenLeastAndLargestAndOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64(), 1, 20).Draw(t, "values")
		how := rapid.SampledFrom([]FoldFunc{FoldMin, FoldMax, FoldMean, FoldMedian}).Draw(t, "how")
		run := func(values []float64) float64 {
			var iterations []Results
			for _, v := range values {
				iterations = append(iterations, iteration(v))
			}
			got, err := Fold(iterations, how)
			if err != nil {
				t.Fatal(err)
			}
			return got.Benchmarks[0].Metrics[0].Value
		}
		v, least, most := run(values), slices.Min(values), slices.Max(values)
		slack := 1e-12 * max(math.Abs(least), math.Abs(most))
		if !(v >= least-slack && v <= most+slack) {
			t.Fatalf("%s of %v is %v", how, values, v)
		}
		if other := run(rapid.Permutation(values).Draw(t, "permuted")); math.Abs(other-v) > slack {
			t.Fatalf("%s is %v in another order, and was %v", how, other, v)
		}
	})
}
