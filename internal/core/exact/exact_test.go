package exact

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func indexes(alerts []Alert) (at []int) {
	for _, a := range alerts {
		at = append(at, a.Index)
	}
	return at
}

func TestStepAndRatchet(t *testing.T) {
	t.Parallel()
	creep := []float64{1000}
	for i := 1; i <= 25; i++ {
		creep = append(creep, 1000+4*float64(i)) // 0.4 % each
	}
	for _, c := range []struct {
		what      string
		values    []float64
		minEffect float64
		want      []int
	}{
		{"nothing", nil, 0, nil},
		{"one value", []float64{5}, 0, nil},
		{"the second value is judged", []float64{100, 102}, CountEffect, []int{1}},
		{"equal values", []float64{7, 7, 7}, BudgetEffect, nil},
		{"a budget has no minimum", []float64{200, 201, 201, 200}, BudgetEffect, []int{1, 3}},
		{"exactly the minimum counts", []float64{100, 101}, CountEffect, []int{1}},
		{"below the minimum", []float64{1000, 1009}, CountEffect, nil},
		{"creep", creep, CountEffect, []int{3, 6, 9, 12, 15, 18, 21, 24}},
		{"up and back", []float64{100, 150, 100}, CountEffect, []int{1, 2}},
		{"new, was 0", []float64{0, 0, 1}, CountEffect, []int{2}},
		{"gone", []float64{3, 0}, CountEffect, []int{1}},
		{"negative", []float64{-100, -90}, CountEffect, []int{1}},
	} {
		got, err := Alerts(c.values, c.minEffect)
		if err != nil || !slices.Equal(indexes(got), c.want) {
			t.Errorf("%s: alerts at %v, want %v; %v", c.what, indexes(got), c.want, err)
		}
	}
}

func TestAnAlertSaysWhichRuleAndByHowMuch(t *testing.T) {
	t.Parallel()
	r, _ := NewRatchet(CountEffect)
	add := func(v float64) *Alert {
		t.Helper()
		a, err := r.Add(v)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	add(1000)
	add(1008)
	a := add(1012)
	if a == nil || a.ByStep || a.Ratchet.Difference() != 12 || math.Abs(a.Ratchet.Effect()-0.012) > 1e-12 {
		t.Fatalf("creep: %+v", a)
	}
	if a := add(1012); a == nil {
		t.Error("without acceptance the next value is within the limit")
	}
	if r.Accept(); r.Accepted() != 1012 || add(1013) != nil {
		t.Errorf("accepted %v, and it alerts again", r.Accepted())
	}
	if a := add(1100); a == nil || !a.ByStep {
		t.Errorf("a step: %+v", a)
	}
}

func TestZeroHasNoRatio(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d      Delta
		effect float64
		isNew  bool
	}{
		{deltaOf(0, 0), 0, false}, {deltaOf(0, 2), math.Inf(1), true}, {deltaOf(0, -2), math.Inf(-1), true}, {deltaOf(2, 0), -1, false},
	} {
		if c.d.Effect() != c.effect || c.d.New != c.isNew {
			t.Errorf("%+v: effect %v, want %v", c.d, c.d.Effect(), c.effect)
		}
	}
}

func TestARatioIsANumberHoweverLarge(t *testing.T) {
	t.Parallel()
	const tiny, huge = math.SmallestNonzeroFloat64, math.MaxFloat64
	for _, c := range []struct{ from, to, want float64 }{
		{tiny, huge, huge}, {tiny, -huge, -huge}, {-huge, huge, 2}, {huge, -huge, -2}, {huge / 2, -huge, -3}, {-huge / 2, huge, 3},
	} {
		if got := (Delta{From: c.from, To: c.to}).Effect(); got != c.want {
			t.Errorf("%g to %g: effect %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

func TestTwelveEqualRerunsShowThatAMeasureIsExact(t *testing.T) {
	t.Parallel()
	equal := slices.Repeat([]float64{4}, 12)
	one := slices.Clone(equal)
	one[11] = 5
	for want, reruns := range map[bool][][]float64{
		true: {equal}, false: {nil, equal[:11], one, slices.Repeat([]float64{math.NaN()}, 12)},
	} {
		for _, r := range reruns {
			if Shown(r) != want {
				t.Errorf("%v: %v, want %v", r, !want, want)
			}
		}
	}
}

func TestWhatIsNoMeasurementIsRefusedAndForgotten(t *testing.T) {
	t.Parallel()
	r, _ := NewRatchet(0)
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if _, err := r.Add(v); err == nil || !strings.Contains(err.Error(), "value 1 ") {
			t.Errorf("%v: %v", v, err)
		}
	}
	if a, err := r.Add(3); a != nil || err != nil {
		t.Errorf("the first value: %+v, %v", a, err)
	}
	for _, minEffect := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := NewRatchet(minEffect); err == nil {
			t.Errorf("minimum effect %v is not refused", minEffect)
		}
	}
}
