package change

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

// steps is a series of n values about 100 with the noise sd, a share, whose level moves by step, a share, at each of at; up and down by
// turns.
func steps(seed uint64, n int, sd, step float64, at ...int) []float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	values, level := make([]float64, n), 0.0
	for i := range values {
		if k := slices.Index(at, i); k >= 0 {
			level += math.Log1p(step) * float64(1-2*(k%2))
		}
		values[i] = 100 * math.Exp(level+sd*r.NormFloat64())
	}
	return values
}

// drawn is a series of any of the kinds that a detector meets: steps, ties, zeros, outliers, all equal.
func drawn(t *rapid.T, most int) []float64 {
	n := rapid.IntRange(0, most).Draw(t, "n")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	noise := rapid.SampledFrom([]float64{0, 0.001, 0.02, 0.3}).Draw(t, "noise")
	changes := rapid.SampledFrom([]float64{0, 0.01, 0.1}).Draw(t, "changes")
	outliers := rapid.SampledFrom([]float64{0, 0.02, 0.4}).Draw(t, "outliers")
	kind := rapid.SampledFrom([]string{"positive", "whole", "zeros", "negative"}).Draw(t, "kind")
	values, level := make([]float64, n), 3.0
	for i := range values {
		if r.Float64() < changes {
			level += r.NormFloat64() * 0.2
		}
		x := level + noise*r.NormFloat64()
		if r.Float64() < outliers {
			x += 2 * r.Float64()
		}
		values[i] = math.Exp(x)
		switch {
		case kind == "whole":
			values[i] = math.Round(values[i])
		case kind == "zeros" && r.Float64() < 0.05:
			values[i] = 0
		case kind == "negative":
			values[i] -= 20
		}
	}
	return values
}

func TestAppendedIsRecomputed(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		values := drawn(t, 4_000)
		at := rapid.IntRange(0, len(values)).Draw(t, "at")
		one, err := New(Params{})
		if err != nil {
			t.Fatal(err)
		}
		if err := one.Append(values[:at]...); err != nil {
			t.Fatal(err)
		}
		one.Result() // looking changes nothing
		for i, v := range values[at:] {
			if err := one.Append(v); err != nil {
				t.Fatal(err)
			}
			if i%97 == 0 {
				one.Result()
			}
		}
		same(t, one.Result(), find(t, values))
		f := one.Frozen()
		again, err := Resume(Params{}, f, values[f.Values:])
		if err != nil {
			t.Fatal(err)
		}
		same(t, again.Result(), one.Result())
	})
}

func same(t interface{ Fatalf(string, ...any) }, got, want Result) {
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestUnitsDoNotMatter(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		values := drawn(t, 400)
		factor := math.Ldexp(1, rapid.IntRange(-30, 30).Draw(t, "power")) // exact
		scaled := make([]float64, len(values))
		for i, v := range values {
			scaled[i] = v * factor
		}
		a, b := find(t, values), find(t, scaled)
		if got, want := fmt.Sprint(b.Scale, indexes(b)), fmt.Sprint(a.Scale, indexes(a)); got != want {
			t.Fatalf("times %g: %s, want %s", factor, got, want)
		}
		for i, c := range a.Changes {
			effect := c.Effect
			if c.Scale == Raw {
				effect *= factor
			}
			if got := b.Changes[i].Effect; math.Abs(got-effect) > 1e-6*math.Abs(effect)+1e-12 {
				t.Fatalf("times %g: effect %v, want %v", factor, got, effect)
			}
		}
	})
}

func TestAConstantMoreMovesNoChangeOfNegativeValues(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		values := drawn(t, 300)
		down := make([]float64, len(values))
		further := make([]float64, len(values))
		for i, v := range values {
			down[i] = math.Round(v*1024)/1024 - 1<<20 // exact sums
			further[i] = down[i] - 4096
		}
		a, b := find(t, down), find(t, further)
		if got, want := fmt.Sprint(indexes(b)), fmt.Sprint(indexes(a)); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

func TestEveryNumberThatIsSaidIsANumberInItsInterval(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		values := drawn(t, 1_500)
		r := find(t, values)
		last := -1
		for _, c := range r.Changes {
			for _, x := range []float64{c.Before, c.After, c.Effect, c.Lower, c.Upper, c.T, c.P} {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Fatalf("%+v", c)
				}
			}
			if !(c.Lower <= c.Effect && c.Effect <= c.Upper && c.P >= 0 && c.P <= 1) {
				t.Fatalf("outside: %+v", c)
			}
			if !(0 < c.First && c.First <= c.Index && c.Index <= c.Last && c.Last < len(values) && last < c.Index) {
				t.Fatalf("place, after %d of %d: %+v", last, len(values), c)
			}
			last = c.Index
		}
		if math.IsNaN(r.Noise) || math.IsNaN(r.Detectable) || r.Noise < 0 || r.Values != len(values) {
			t.Fatalf("%+v", r)
		}
	})
}

func TestWhatIsSaidOfValuesFromOneEndOfTheRangeToTheOtherIsANumber(t *testing.T) {
	t.Parallel()
	for _, levels := range [][2]float64{{1e300, 1e-300}, {1e-300, 1e300}, {1e300, -1e300}, {math.MaxFloat64, -math.MaxFloat64}} {
		var values []float64
		for i := range 45 {
			values = append(values, levels[i/20%2]*(1-0.001*float64(i*7%5)))
			r := find(t, values)
			said := []float64{r.Noise, r.Detectable}
			for _, c := range r.Changes {
				said = append(said, c.Before, c.After, c.Effect, c.Lower, c.Upper, c.T, c.P)
			}
			for _, x := range said {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Fatalf("%v, %d values: %+v", levels, len(values), r)
				}
			}
		}
	}
}

func TestFewOrEqualValuesSayNothing(t *testing.T) {
	t.Parallel()
	for _, values := range [][]float64{
		nil, {1}, {1, 2}, {1, 2, 1}, {0}, {0, 0, 0}, {-1, 1}, {1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9},
		slices.Repeat([]float64{7}, 500), slices.Repeat([]float64{0}, 500), slices.Repeat([]float64{-3}, 2_000),
		{math.MaxFloat64, math.SmallestNonzeroFloat64, 1},
	} {
		r := find(t, values)
		if len(r.Changes) > 0 || len(r.Modes) > 0 {
			t.Errorf("%d values of %v: %+v", len(values), values[:min(3, len(values))], r)
		}
		if want := len(values) < smallestSeries; r.Learning != want {
			t.Errorf("%d values: learning %v", len(values), r.Learning)
		}
	}
}

func TestWhatIsNoMeasurementIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		s, _ := New(Params{})
		if err := s.Append(1, 2); err != nil {
			t.Fatal(err)
		}
		if err := s.Append(3, bad); err == nil || !strings.Contains(err.Error(), "value 4") {
			t.Errorf("%v: %v", bad, err)
		}
		if got := s.Result().Values; got != 2 {
			t.Errorf("%d values after a refusal, want 2", got)
		}
	}
	for _, p := range []Params{{MinEffect: -1}, {MinEffect: math.NaN()}, {Strictness: 3}, {Tick: math.NaN()}} {
		if _, err := Detect(nil, p); err == nil {
			t.Errorf("%+v is not refused", p)
		}
	}
}

func TestAFifthOfOutliersHidesNoStep(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	values := steps(3, 300, 0.01, 0.2, 150)
	for i := range values {
		if r.Float64() < 0.2 {
			values[i] *= 1 + 3*r.Float64()
		}
	}
	if got := indexes(find(t, values)); len(got) != 1 || got[0] < 145 || got[0] > 155 {
		t.Errorf("changes %v, want one near 150", got)
	}
}

func TestFourOfTenOutliersMakeFewChanges(t *testing.T) {
	t.Parallel()
	changes := 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		values := steps(seed, 300, 0.01, 0)
		for i := range values {
			if r.Float64() < 0.4 {
				values[i] *= 1 + 3*r.Float64()
			}
		}
		changes += len(find(t, values).Changes)
	}
	if changes > 3 {
		t.Errorf("%d changes in 6,000 values without any", changes)
	}
}

func TestAMillionValues(t *testing.T) {
	property.OneThread(t)
	if testing.Short() {
		t.Skip("a million values take seconds; run without -short")
	}
	t.Parallel()
	var at []int
	for i := 5_000; i < 1_000_000; i += 10_000 {
		at = append(at, i)
	}
	r := find(t, steps(9, 1_000_000, 0.01, 0.1, at...))
	if n := len(r.Changes); n < 100 || n > 130 {
		t.Errorf("%d changes, want the 100 and few others", n)
	}
}

// TestAMeanByOrderIsTheMeanToTheLastBit: what is faster because values are in order changes no answer.
func TestAMeanByOrderIsTheMeanToTheLastBit(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		values := drawn(t, 200)
		if len(values) < 3 {
			return
		}
		var w workspace
		at := rapid.IntRange(1, len(values)-1).Draw(t, "at")
		sigma := rapid.SampledFrom([]float64{0.01, 1, 30}).Draw(t, "sigma")
		w.segments.reset(values, []int{at})
		for _, part := range [][2]int{{0, at}, {at, len(values)}} {
			xs := values[part[0]:part[1]]
			if got, want := w.segments.mean(xs, part[0], sigma), w.levelOf(xs, sigma).mean; got != want {
				t.Fatalf("mean of %v: %v by order, %v", xs, got, want)
			}
		}
	})
}
