package judge

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

func ptr[T any](v T) *T { return &v }

func both(test Test, p float64) Model { return Model{Test: test, LowerBoundary: &p, UpperBoundary: &p} }

// sampleOf returns n values, n odd, with exactly mean m and sample standard deviation s: one on the mean, half of the others s above it and
// half s below.
func sampleOf(n int, m, s float64) []float64 {
	out := []float64{m}
	for range (n - 1) / 2 {
		out = append(out, m+s, m-s)
	}
	return out
}

// TestParityVectors has Bencher's published numbers, rounded as published, and one recomputed from the formula.
func TestParityVectors(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		model        Model
		history      []float64
		lower, upper float64
		tolerance    float64
	}{
		"t_test n=25 m=100 s=10 p=0.977": {both(TTest, 0.977), sampleOf(25, 100, 10), 78.54, 121.46, 0.005},
		"percentage 0.10 on mean 100":    {both(Percentage, 0.10), []float64{100}, 90, 110, 1e-9},
		"t_test of five values":          {both(TTest, 0.977), []float64{100, 102, 98, 101, 99}, 200 - 104.95103, 104.95103, 5e-6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := Bound(row.model, row.history)
			if b.Lower == nil || b.Upper == nil || math.Abs(*b.Lower-row.lower) > row.tolerance || math.Abs(*b.Upper-row.upper) > row.tolerance {
				t.Errorf("Bound = %+v, want %v, %v", b, row.lower, row.upper)
			}
		})
	}
}

func TestLimitsAgreeWithSciPy(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.Join("testdata", "vectors.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, row := range rows[1:] {
		var history []float64
		for word := range strings.FieldsSeq(row[2]) {
			history = append(history, number(word))
		}
		b := Bound(both(Test(row[0]), number(row[1])), history)
		for i, got := range []*float64{b.Baseline, b.Lower, b.Upper} {
			want := number(row[3+i])
			if got == nil || math.Abs(*got-want) > 1e-9*max(1, math.Abs(want)) {
				t.Errorf("%s p=%s of %d values: %s = %v, want %v", row[0], row[1], len(history), []string{"baseline", "lower", "upper"}[i], got, want)
			}
		}
	}
}

func TestAHistoryWithoutVarianceStillCatchesAJump(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		history []float64
		value   float64
		want    Limit
	}{
		{[]float64{1000, 1000, 1000}, 2000, UpperLimit},
		{[]float64{1000, 1000, 1000}, 999, LowerLimit},
		{[]float64{1000, 1000, 1000}, 1000, ""},
		{[]float64{1e15, 1e15}, 1e15 + 1, UpperLimit},
		{[]float64{0.1, 0.1, 0.1}, 0.1, ""},
		{[]float64{0.3, 0.3, 0.3}, 0.1 + 0.2, ""}, // 0.30000000000000004: the rounding of a fold is no change
		{[]float64{0, 0, 0}, 0, ""},
		{[]float64{0, 0, 0}, 1, UpperLimit}, // the first allocation of a function that made none
		{[]float64{-5, -5}, -4, UpperLimit},
	} {
		b := Bound(both(TTest, 0.99), row.history)
		if limit, broken := b.Broken(row.value); limit != row.want || broken != (row.want != "") {
			t.Errorf("%v after %v: limit %q, want %q", row.value, row.history, limit, row.want)
		}
	}
}

func TestAValueOnALimitIsInsideAndTheLowerSideIsFirst(t *testing.T) {
	t.Parallel()
	b := Bound(both(Percentage, 0.5), []float64{100})
	for value, want := range map[float64]Limit{50: "", 150: "", 49.999: LowerLimit, 150.001: UpperLimit, 100: ""} {
		if limit, broken := b.Broken(value); limit != want || broken != (want != "") {
			t.Errorf("%v: limit %q, want %q", value, limit, want)
		}
	}
	if limit, _ := (Boundary{Lower: ptr(5.0), Upper: ptr(1.0)}).Broken(3); limit != LowerLimit {
		t.Errorf("outside of both gave %q, want lower", limit)
	}
}

func TestOneSidedModelsDrawOneLimit(t *testing.T) {
	t.Parallel()
	b := Bound(Model{Test: TTest, UpperBoundary: ptr(0.99)}, []float64{1, 2, 3})
	if b.Lower != nil || b.Upper == nil || b.Baseline == nil || b.Skipped != "" {
		t.Errorf("Bound = %+v, want a baseline and an upper limit only", b)
	}
}

func TestTooLittleHistoryDrawsNothingAndSaysWhy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		model   Model
		history []float64
		want    string
	}{
		{both(Percentage, 0.1), nil, "history has 0 values, 1 are needed"},
		{both(TTest, 0.9), []float64{1}, "history has 1 value, 2 are needed"},
		{Model{Test: TTest, UpperBoundary: ptr(0.9), MinSampleSize: ptr(5)}, []float64{1, 2, 3}, "history has 3 values, 5 are needed"},
		{both(Percentage, 0.1), []float64{1, math.NaN()}, "history holds NaN, which is not a finite number"},
		{both(TTest, 0.9), []float64{1, math.Inf(1)}, "history holds +Inf, which is not a finite number"},
		{Model{Test: Percentage, MaxSampleSize: ptr(-1)}, []float64{1}, "history has 0 values, 1 are needed"},
		{both("frobs", 0.9), []float64{1}, `test "frobs" is not known`},
		{both(Percentage, 3), []float64{math.MaxFloat64}, "a limit is beyond the range of numbers"},
	} {
		b := Bound(row.model, row.history)
		if b.Skipped != row.want || b.Lower != nil || b.Upper != nil {
			t.Errorf("Bound(%v) = %+v, want skipped %q", row.history, b, row.want)
		}
		if _, broken := b.Broken(math.MaxFloat64); broken {
			t.Error("a boundary without limits was broken")
		}
	}
}

func TestOnlyTheNewestValuesCount(t *testing.T) {
	t.Parallel()
	m := both(Percentage, 0.1)
	m.MaxSampleSize = ptr(2)
	if b := Bound(m, []float64{10, 20, 1e9}); *b.Baseline != 15 {
		t.Errorf("baseline = %v, want 15", *b.Baseline)
	}
}

// draws is a model's test with boundaries that are valid for it, and a history.
func draws(t *rapid.T) (test Test, p float64, history []float64) {
	test = rapid.SampledFrom([]Test{Percentage, TTest}).Draw(t, "test")
	p = rapid.Float64Range(0.5, 0.98).Draw(t, "p")
	return test, p, rapid.SliceOfN(rapid.Float64Range(-1e12, 1e12), 2, 64).Draw(t, "history")
}

func TestLimitsAreFiniteOrderedAndMonotonic(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		test, p, history := draws(t)
		tight, wide := Bound(both(test, p), history), Bound(both(test, p+0.01), history)
		if *tight.Lower > *tight.Baseline || *tight.Baseline > *tight.Upper {
			t.Fatalf("limits %v … %v around %v", *tight.Lower, *tight.Upper, *tight.Baseline)
		}
		if *wide.Lower > *tight.Lower || *wide.Upper < *tight.Upper {
			t.Fatalf("a higher boundary gave narrower limits")
		}
		if _, broken := tight.Broken(*tight.Baseline); broken {
			t.Fatal("the mean itself is outside")
		}
	})
}

func TestNothingThatIsNotFiniteLeaksFromAnyHistory(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		test, p, _ := draws(t)
		b := Bound(both(test, p), rapid.SliceOfN(rapid.Float64(), 0, 20).Draw(t, "history of any floats"))
		for _, v := range []*float64{b.Baseline, b.Lower, b.Upper} {
			if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
				t.Fatalf("%v leaked", *v)
			}
		}
		if (b.Lower == nil || b.Upper == nil) && b.Skipped == "" {
			t.Fatal("a limit is absent and nothing says why")
		}
	})
}

func TestTheOrderOfTheHistoryDoesNotMatter(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		test, p, history := draws(t)
		shuffled := rapid.Permutation(history).Draw(t, "shuffled")
		a, b := Bound(both(test, p), history), Bound(both(test, p), shuffled)
		slack := 1e-9 * (math.Abs(slices.Min(history)) + math.Abs(slices.Max(history)))
		if math.Abs(*a.Lower-*b.Lower) > slack || math.Abs(*a.Upper-*b.Upper) > slack {
			t.Fatalf("limits %v … %v became %v … %v", *a.Lower, *a.Upper, *b.Lower, *b.Upper)
		}
	})
}

func TestLimitsAreSymmetricAndMirrorWithTheHistory(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		test, p, history := draws(t)
		mirrored := make([]float64, len(history))
		for i, v := range history {
			mirrored[i] = -v
		}
		a, b := Bound(both(test, p), history), Bound(both(test, p), mirrored)
		slack := 1e-9 * (1 + math.Abs(*a.Upper) + math.Abs(*a.Lower))
		if up, down := *a.Upper-*a.Baseline, *a.Baseline-*a.Lower; math.Abs(up-down) > slack {
			t.Fatalf("the upper limit is %v away from the mean, the lower one %v", up, down)
		}
		if math.Abs(*a.Upper+*b.Lower) > slack || math.Abs(*a.Lower+*b.Upper) > slack {
			t.Fatalf("limits %v … %v, of the mirrored history %v … %v", *a.Lower, *a.Upper, *b.Lower, *b.Upper)
		}
	})
}

func BenchmarkBound(b *testing.B) {
	history := sampleOf(65, 1000, 12)
	for _, test := range []Test{Percentage, TTest} {
		b.Run(string(test), func(b *testing.B) {
			for b.Loop() {
				Bound(both(test, 0.99), history)
			}
		})
	}
}
