package stats

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

// vectors are the numbers of testdata/two_samples.json.
type vectors struct {
	TwoSample struct {
		A, B  []float64
		Welch struct {
			LogRatio float64 `json:"logratio"`
			Ratio    float64
			SE       float64
			DF       float64
			P        float64
			CI       []float64
			MDE      float64 `json:"mde80"`
		} `json:"welch_log"`
		Fieller struct {
			DF float64
			CI []float64
		}
		MWU struct {
			U float64 `json:"U_A"`
			P float64
		} `json:"mwu_exact"`
		HL shiftVector `json:"hodges_lehmann"`
	} `json:"two_sample"`
	Ties struct {
		A, B []float64
		U    float64 `json:"U_A"`
		P    float64 `json:"p_asymptotic_cc"`
	} `json:"mwu_ties"`
	Smallest map[string]shiftVector `json:"hl_smallest_n"`
	Paired   struct {
		LogRatios []float64 `json:"logratios"`
		Mean      float64
		SE        float64
		T         float64
		P         float64
		CI        []float64
		Wilcoxon  float64 `json:"wilcoxon_exact_p"`
	}
	Evidence []float64 `json:"e_value_log"`
	BH       struct {
		P        []float64
		Adjusted []float64
		BY       []float64 `json:"by"`
	}
	Holm     []float64
	LooksSix []float64 `json:"ldof_looks_6_10_15_20_30_40"`
	LooksOf5 []float64 `json:"ldof_looks_5_equal"`
}

type shiftVector struct {
	Shift    float64
	K        int
	Coverage float64
	CI       []float64
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "two_samples.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// digits is the precision of the vectors.
const digits = 2e-7

func checkNear(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !near(got, want, digits) {
		t.Errorf("%s = %.9g, want %.9g", what, got, want)
	}
}

func TestTwoSamplesAgreeWithSciPy(t *testing.T) {
	t.Parallel()
	v := readVectors(t).TwoSample
	a, _ := Logs(v.A)
	b, _ := Logs(v.B)
	w := Welch(a, b)
	checkNear(t, "log ratio", w.Estimate, v.Welch.LogRatio)
	checkNear(t, "standard error", w.SE, v.Welch.SE)
	checkNear(t, "degrees of freedom", w.DF, v.Welch.DF)
	checkNear(t, "p", w.P, v.Welch.P)
	lower, upper := w.Interval(0.95)
	checkNear(t, "lower", math.Exp(lower), v.Welch.CI[0])
	checkNear(t, "upper", math.Exp(upper), v.Welch.CI[1])
	checkNear(t, "detectable", math.Expm1(w.Detectable()), v.Welch.MDE)
	r, ok := Fieller(v.A, v.B, 0.95)
	if !ok {
		t.Fatal("Fieller gives no ratio")
	}
	checkNear(t, "Fieller's degrees of freedom", r.DF, v.Fieller.DF)
	checkNear(t, "Fieller's lower", r.Lower, v.Fieller.CI[0])
	checkNear(t, "Fieller's upper", r.Upper, v.Fieller.CI[1])
	m := MannWhitney(v.A, v.B)
	checkNear(t, "U", m.U, v.MWU.U)
	checkNear(t, "p of ranks", m.P, v.MWU.P)
	if !m.Exact {
		t.Error("25 pairs without ties are counted exactly")
	}
	checkShift(t, "vector", HodgesLehmann(v.A, v.B, 0.95), v.HL)
}

func checkShift(t *testing.T, what string, got Shift, want shiftVector) {
	t.Helper()
	checkNear(t, what+": shift", got.Estimate, want.Shift)
	checkNear(t, what+": coverage", got.Coverage, want.Coverage)
	if got.K != want.K {
		t.Errorf("%s: k = %d, want %d", what, got.K, want.K)
	}
	if want.CI == nil {
		if !math.IsNaN(got.Lower) || !math.IsNaN(got.Upper) {
			t.Errorf("%s: interval %v … %v, want none", what, got.Lower, got.Upper)
		}
		return
	}
	checkNear(t, what+": lower", got.Lower, want.CI[0])
	checkNear(t, what+": upper", got.Upper, want.CI[1])
}

func TestRanksWithTiesAreApproximated(t *testing.T) {
	t.Parallel()
	v := readVectors(t).Ties
	m := MannWhitney(v.A, v.B)
	checkNear(t, "U", m.U, v.U)
	checkNear(t, "p", m.P, v.P)
	if m.Exact {
		t.Error("with ties nothing is exact")
	}
	if p := MannWhitney([]float64{1, 1, 1}, []float64{1, 1}).P; p != 1 {
		t.Errorf("of equal values p = %v, want 1", p)
	}
	if p := MannWhitney(nil, []float64{1}).P; !math.IsNaN(p) {
		t.Errorf("of nothing p = %v, want NaN", p)
	}
}

// TestTheShiftHasAnIntervalFromFourUnitsOn: three a side cannot give 95 %.
func TestTheShiftHasAnIntervalFromFourUnitsOn(t *testing.T) {
	t.Parallel()
	for sizes, want := range readVectors(t).Smallest {
		n := int(sizes[0] - '0')
		var a, b []float64
		for i := range n {
			a, b = append(a, float64(i)), append(b, float64(i)+10)
		}
		checkShift(t, sizes, HodgesLehmann(a, b, 0.95), want)
	}
}

func TestPairsAgreeWithSciPy(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	d := OneSample(v.Paired.LogRatios)
	checkNear(t, "mean", d.Estimate, v.Paired.Mean)
	checkNear(t, "standard error", d.SE, v.Paired.SE)
	checkNear(t, "t", d.Estimate/d.SE, v.Paired.T)
	checkNear(t, "p", d.P, v.Paired.P)
	lower, upper := d.Interval(0.95)
	checkNear(t, "lower", math.Exp(lower), v.Paired.CI[0])
	checkNear(t, "upper", math.Exp(upper), v.Paired.CI[1])
	checkNear(t, "Wilcoxon's p", SignedRank(v.Paired.LogRatios), v.Paired.Wilcoxon)
	for i, want := range v.Evidence {
		checkNear(t, "ln e", LogEvidence(v.Paired.LogRatios[:i+2]), want)
	}
}

func TestAdjustedPsAreThoseOfThePaper(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for name, c := range map[string]struct{ got, want []float64 }{
		"BH":   {BenjaminiHochberg(v.BH.P), v.BH.Adjusted},
		"BY":   {BenjaminiYekutieli(v.BH.P), v.BH.BY},
		"Holm": {Holm(v.BH.P), v.Holm},
	} {
		for i := range c.want {
			checkNear(t, name, c.got[i], c.want[i])
		}
	}
	withGap := []float64{0.04, math.NaN(), 0.01}
	for name, got := range map[string][]float64{"BH": BenjaminiHochberg(withGap), "Holm": Holm(withGap)} {
		if !math.IsNaN(got[1]) || !near(got[2], 0.02, 1e-12) || !near(got[0], 0.04, 1e-12) {
			t.Errorf("%s of .04, no test, .01 = %v, want .04, NaN, .02", name, got)
		}
	}
}

func TestBoundariesAgreeWithLdbounds(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	six := []float64{6.0 / 40, 10.0 / 40, 15.0 / 40, 20.0 / 40, 30.0 / 40, 1}
	for _, c := range []struct {
		name      string
		looks     []float64
		spent     func(float64) float64
		want      []float64
		tolerance float64
	}{
		{"O'Brien–Fleming, five equal looks", []float64{.2, .4, .6, .8, 1}, OBrienFlemingSpending(.05), v.LooksOf5, .002},
		{"O'Brien–Fleming, ours", six, OBrienFlemingSpending(.05), v.LooksSix, .002},
		{"Pocock 5 %", six, PocockSpending(.05), []float64{2.531, 2.596, 2.535, 2.498, 2.370, 2.351}, .011},
		{"Pocock 10 %", six, PocockSpending(.10), []float64{2.279, 2.321, 2.252, 2.215, 2.072, 2.044}, .011},
	} {
		for i, got := range Boundaries(c.looks, c.spent) {
			if math.Abs(got-c.want[i]) > c.tolerance {
				t.Errorf("%s: boundary %d is %.4f, want %.4f ± %v", c.name, i+1, got, c.want[i], c.tolerance)
			}
		}
	}
}

func TestEdgesOfTwoSamples(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b            []float64
		estimate, se    float64
		known           bool
		degreesOrNoTest float64
	}{
		"nothing":        {nil, []float64{1, 2}, math.NaN(), math.NaN(), false, math.NaN()},
		"one value":      {[]float64{1}, []float64{3, 5}, 3, math.NaN(), false, math.NaN()},
		"no variance":    {[]float64{1, 1}, []float64{2, 2}, 1, 0, false, math.NaN()},
		"one side still": {[]float64{1, 1, 1}, []float64{2, 4, 3, 3}, 2, math.Sqrt(2.0 / 3 / 4), true, 3},
		"huge":           {[]float64{1e300, 2e300}, []float64{1e300, 2e300}, 0, math.Sqrt(.5) * 1e300, true, 2},
	} {
		got := Welch(c.a, c.b)
		if !near(got.Estimate, c.estimate, 1e-12) || !near(got.SE, c.se, 1e-12) || got.Known() != c.known ||
			!near(got.DF, c.degreesOrNoTest, 1e-9) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, c := range map[string][2][]float64{
		"negative mean": {{-1, -2, -3}, {1, 2, 3}}, "mean near zero": {{-1, 2, 0.1}, {1, 2, 3}}, "one value": {{1}, {2, 3}},
		"still": {{1, 1}, {2, 2}},
	} {
		if r, ok := Fieller(c[0], c[1], .95); ok {
			t.Errorf("Fieller of %s: %+v, want no ratio", name, r)
		}
	}
}

func TestMoreUnitsSeeMore(t *testing.T) {
	t.Parallel()
	for n := 2; n < 40; n++ {
		if now, next := PlannedDetectable(.02, n), PlannedDetectable(.02, n+1); next >= now {
			t.Errorf("%d units could see %v, %d units %v", n, now, n+1, next)
		}
	}
	needed := UnitsNeeded(.02, math.Log(1.02))
	if PlannedDetectable(.02, needed) > math.Log(1.02) || PlannedDetectable(.02, needed-1) <= math.Log(1.02) {
		t.Errorf("%d units are needed for 2 %%", needed)
	}
	if UnitsNeeded(math.NaN(), .02) != 0 || UnitsNeeded(1e9, 1e-9) != 0 || UnitsNeeded(.02, 0) != 0 {
		t.Error("what cannot be reached has a number of units")
	}
}

// TestManyPairsAreCountedAsTheyWouldBeSorted compares the two ways to the k-th difference.
func TestManyPairsAreCountedAsTheyWouldBeSorted(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var a, b, all []float64
	for range 120 {
		a, b = append(a, math.Round(r.NormFloat64()*50)/10), append(b, r.NormFloat64()*5)
	}
	a[0], b[0] = 0, 0
	for _, x := range a {
		for _, y := range b {
			all = append(all, y-x)
		}
	}
	slices.Sort(all)
	at := differences(inOrder(a), inOrder(b))
	for k := 1; k <= len(all); k += 97 {
		if got := at(k); got != all[k-1] {
			t.Errorf("difference %d is %v, want %v", k, got, all[k-1])
		}
	}
	big := make([]float64, 100_000)
	for i := range big {
		big[i] = float64(i)
	}
	moved := make([]float64, len(big))
	for i := range big {
		moved[i] = big[i] + 10
	}
	if s := HodgesLehmann(big, moved, .95); s.Estimate != 10 || !(s.Lower < 10 && s.Upper > 10) {
		t.Errorf("of 10¹⁰ pairs: %+v", s)
	}
}

func drawSample(t *rapid.T, name string) []float64 {
	return rapid.SliceOfN(rapid.Float64Range(1, 100), 2, 12).Draw(t, name)
}

func TestTwoSamplesAreScaleAndShiftInvariant(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		a, b := drawSample(t, "a"), drawSample(t, "b")
		scale := math.Ldexp(1, rapid.IntRange(-30, 30).Draw(t, "scale")) // a power of two rounds nothing
		of := func(xs []float64) (scaled []float64) {
			for _, x := range xs {
				scaled = append(scaled, x*scale)
			}
			return scaled
		}
		raw, moved := Welch(a, b), Welch(of(a), of(b))
		if raw.Known() != moved.Known() || raw.Known() && (!near(moved.P, raw.P, 1e-9) || !near(moved.DF, raw.DF, 1e-9)) {
			t.Fatalf("Welch: %+v, scaled by %v: %+v", raw, scale, moved)
		}
		if p, q := MannWhitney(a, b), MannWhitney(of(a), of(b)); p != q {
			t.Fatalf("ranks: %+v, scaled %+v", p, q)
		}
		s, m := HodgesLehmann(a, b, .95), HodgesLehmann(of(a), of(b), .95)
		if m.Estimate != s.Estimate*scale || s.K != m.K || s.K > 0 && (m.Lower != s.Lower*scale || m.Upper != s.Upper*scale) {
			t.Fatalf("shift: %+v, scaled by %v: %+v", s, scale, m)
		}
		f, ok := Fieller(a, b, .95)
		g, still := Fieller(of(a), of(b), .95)
		if ok != still || ok && (!near(f.Lower, g.Lower, 1e-9) || !near(f.Upper, g.Upper, 1e-9)) {
			t.Fatalf("Fieller: %+v, scaled by %v: %+v", f, scale, g)
		}
		flipped := Welch(b, a)
		if raw.Known() && (!near(flipped.P, raw.P, 1e-12) || !near(flipped.Estimate, -raw.Estimate, 1e-9)) {
			t.Fatalf("the other way round: %+v, %+v", raw, flipped)
		}
	})
}

// TestPFallsWithTheDistance moves one sample further from the other.
func TestPFallsWithTheDistance(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		a := drawSample(t, "a")
		move := func(by float64) (out []float64) {
			for _, x := range a {
				out = append(out, x+by)
			}
			return out
		}
		near := rapid.Float64Range(0, 50).Draw(t, "near")
		far := near + rapid.Float64Range(0.1, 50).Draw(t, "more")
		if p, q := Welch(a, move(near)), Welch(a, move(far)); p.Known() && q.P > p.P+1e-9 {
			t.Fatalf("moved by %v p is %v, by %v it is %v", near, p.P, far, q.P)
		}
	})
}

func TestAdjustedPsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		ps := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 40).Draw(t, "ps")
		for name, qs := range map[string][]float64{
			"BH": BenjaminiHochberg(ps), "BY": BenjaminiYekutieli(ps), "Holm": Holm(ps),
		} {
			for i := range ps {
				if qs[i] < ps[i]-1e-15 || qs[i] > 1 {
					t.Fatalf("%s: p %v became %v", name, ps[i], qs[i])
				}
				for j := range ps {
					if ps[i] < ps[j] && qs[i] > qs[j]+1e-15 {
						t.Fatalf("%s: p %v < %v but q %v > %v", name, ps[i], ps[j], qs[i], qs[j])
					}
				}
			}
		}
	})
}

func TestAValueThatIsNoneMakesNoRank(t *testing.T) {
	t.Parallel()
	if p := SignedRank([]float64{1, math.NaN(), -2}); !math.IsNaN(p) {
		t.Errorf("p = %v, want NaN", p)
	}
	MannWhitney([]float64{1, math.NaN()}, []float64{2, 3}) // it ends
}
