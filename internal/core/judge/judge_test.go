package judge

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
)

func ptr[T any](v T) *T { return &v }

func both(test Test, p float64) Model { return Model{Test: test, LowerBoundary: &p, UpperBoundary: &p} }

// sampleOf returns n values with exactly mean m and sample standard deviation s: half of them above, half below, one on the mean.
func sampleOf(n int, m, s float64) []float64 {
	d := s * math.Sqrt(float64(n-1)/float64(n-1))
	out := []float64{m}
	for i := 0; i < (n-1)/2; i++ {
		out = append(out, m+d, m-d)
	}
	return out
}

// The first rows are Bencher's published vectors, the last was computed from the formula on the values given.
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
				t.Errorf("Bound = %v, %v, want %v, %v", *b.Lower, *b.Upper, row.lower, row.upper)
			}
		})
	}
}

func TestHistoryWithoutVarianceStillCatchesAJump(t *testing.T) {
	t.Parallel()
	b := Bound(both(TTest, 0.99), []float64{1000, 1000, 1000})
	if limit, broken := b.Broken(2000); !broken || limit != UpperLimit {
		t.Errorf("2000 after 1000, 1000, 1000: %v, %v", limit, broken)
	}
	if limit, broken := b.Broken(1000); broken {
		t.Errorf("1000 after 1000, 1000, 1000 breaks the %v limit", limit)
	}
}

func TestTooLittleHistoryDrawsNothingAndSaysWhy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		model   Model
		history []float64
		want    string
	}{
		{both(Percentage, 0.1), nil, "the history has 0 values, 1 are needed"},
		{both(TTest, 0.9), []float64{1}, "the history has 1 values, 2 are needed"},
		{Model{Test: TTest, UpperBoundary: ptr(0.9), MinSampleSize: ptr(5)}, []float64{1, 2, 3}, "the history has 3 values, 5 are needed"},
	} {
		b := Bound(row.model, row.history)
		if b.Skipped != row.want || b.Lower != nil || b.Upper != nil {
			t.Errorf("Bound(%v values) = %+v, want skipped %q", len(row.history), b, row.want)
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

func TestLimitsAreFiniteOrderedAndMonotonic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := rapid.SliceOfN(rapid.Float64Range(-1e12, 1e12), 2, 64).Draw(t, "history")
		test := rapid.SampledFrom([]Test{Percentage, TTest}).Draw(t, "test")
		p := rapid.Float64Range(0.5, 0.98).Draw(t, "p")
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

func TestValidate(t *testing.T) {
	t.Parallel()
	good := []Model{both(Percentage, 0), both(Percentage, 3), both(TTest, 0.5), {Test: TTest, UpperBoundary: ptr(0.99), MinSampleSize: ptr(2), MaxSampleSize: ptr(2)}}
	for _, m := range good {
		if err := m.Validate(); err != nil {
			t.Errorf("Validate(%+v) = %v", m, err)
		}
	}
	bad := []Model{
		{Test: Percentage}, both(Percentage, -0.1), both(Percentage, math.NaN()), both(TTest, 0.49), both(TTest, 1), both("static", 1), both("", 1),
		{Test: TTest, UpperBoundary: ptr(0.9), MinSampleSize: ptr(1)},
		{Test: Percentage, UpperBoundary: ptr(0.9), MinSampleSize: ptr(5), MaxSampleSize: ptr(4)},
		{Test: Percentage, UpperBoundary: ptr(0.9), WindowSeconds: ptr(int64(0))},
	}
	for _, m := range bad {
		if err := m.Validate(); !fault.Is(err, fault.Invalid) {
			t.Errorf("Validate(%+v) = %v, want an invalid fault", m, err)
		}
	}
}

func TestLifeOfAnAlert(t *testing.T) {
	t.Parallel()
	want := map[Status]map[Event]Status{
		Active:    {Dismiss: Dismissed, Reactivate: Active, ReplaceHead: Silenced},
		Dismissed: {Dismiss: Dismissed, Reactivate: Active, ReplaceHead: Silenced},
		Silenced:  {ReplaceHead: Silenced},
	}
	for _, s := range []Status{Active, Dismissed, Silenced} {
		for _, e := range []Event{Dismiss, Reactivate, ReplaceHead} {
			got, err := Next(s, e)
			to, legal := want[s][e]
			if legal != (err == nil) || legal && got != to || !legal && got != s {
				t.Errorf("Next(%s, %s) = %s, %v", s, e, got, err)
			}
		}
	}
}
