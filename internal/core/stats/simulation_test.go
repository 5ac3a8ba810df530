package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tachograph/tacho/internal/property"
)

// normals draws n values around mean.
func normals(r *rand.Rand, n int, mean, sd float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = mean + sd*r.NormFloat64()
	}
	return out
}

// TestIntervalsCoverWhatTheyClaim simulates each interval with a known truth: it must hold it in 94 % of cases at least where 95 % are
// claimed.
func TestIntervalsCoverWhatTheyClaim(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	const rounds, truth = 12_000, 0.03
	type interval func(r *rand.Rand) (lower, upper, truth float64)
	welch := func(n, m int, sdA, sdB float64) interval {
		return func(r *rand.Rand) (float64, float64, float64) {
			lower, upper := Welch(normals(r, n, 0, sdA), normals(r, m, truth, sdB)).Interval(.95)
			return lower, upper, truth
		}
	}
	fieller := func(n int) interval {
		return func(r *rand.Rand) (float64, float64, float64) {
			f, ok := Fieller(normals(r, n, 1, .05), normals(r, n, 1+truth, .05), .95)
			if !ok {
				return math.NaN(), math.NaN(), 0
			}
			return f.Lower, f.Upper, 1 + truth
		}
	}
	shift := func(n, m int) interval {
		return func(r *rand.Rand) (float64, float64, float64) {
			s := HodgesLehmann(normals(r, n, 0, .02), normals(r, m, truth, .02), .95)
			return s.Lower, s.Upper, truth
		}
	}
	pairs := func(n int) interval {
		return func(r *rand.Rand) (float64, float64, float64) {
			lower, upper := OneSample(normals(r, n, truth, .02)).Interval(.95)
			return lower, upper, truth
		}
	}
	for name, one := range map[string]interval{
		"Welch 2 v 2": welch(2, 2, .02, .02), "Welch 3 v 3": welch(3, 3, .02, .02), "Welch 5 v 5": welch(5, 5, .02, .02),
		"Welch 10 v 10": welch(10, 10, .02, .02), "Welch 5 v 10, unequal": welch(5, 10, .02, .06),
		"Welch 10 v 4, unequal": welch(10, 4, .02, .04),
		"Fieller 5 v 5":         fieller(5), "Fieller 10 v 10": fieller(10),
		"shift 4 v 4": shift(4, 4), "shift 5 v 5": shift(5, 5), "shift 6 v 9": shift(6, 9), "shift 25 v 25": shift(25, 25),
		"pairs 6": pairs(6), "pairs 20": pairs(20),
	} {
		r := rand.New(rand.NewPCG(20261129, uint64(len(name))))
		held := 0
		for range rounds {
			if lower, upper, truth := one(r); lower <= truth && truth <= upper {
				held++
			}
		}
		if share := float64(held) / rounds; share < .94 {
			t.Errorf("%s: a 95 %% interval holds the truth in %.1f %% of cases", name, 100*share)
		}
	}
}

// TestThePowerIsThatOfTheDetectableDifference: what is called detectable is found in about 80 % of cases.
func TestThePowerIsThatOfTheDetectableDifference(t *testing.T) {
	t.Parallel()
	const rounds, sd = 8_000, .02
	for n, want := range map[int][2]float64{3: {.60, .76}, 5: {.73, .83}, 10: {.76, .83}, 20: {.77, .83}} {
		r := rand.New(rand.NewPCG(7, uint64(n)))
		found, size := 0, PlannedDetectable(sd, n)
		for range rounds {
			if Welch(normals(r, n, 0, sd), normals(r, n, size, sd)).P <= .05 {
				found++
			}
		}
		if power := float64(found) / rounds; power < want[0] || power > want[1] {
			t.Errorf("%d units: what is detectable is found in %.2f of cases, want %.2f to %.2f", n, power, want[0], want[1])
		}
	}
}

// TestTwoModesAreSeldomSeenWhereThereIsOne has the shares of the specification of this test, by kind of sample.
func TestTwoModesAreSeldomSeenWhereThereIsOne(t *testing.T) {
	t.Parallel()
	const rounds = 2_000
	student := func(r *rand.Rand) float64 {
		return r.NormFloat64() / math.Sqrt((sq(r.NormFloat64())+sq(r.NormFloat64())+sq(r.NormFloat64()))/3)
	}
	two := func(share, distance float64) func(*rand.Rand) float64 {
		return func(r *rand.Rand) float64 {
			if r.Float64() < share {
				return distance + r.NormFloat64()
			}
			return r.NormFloat64()
		}
	}
	for name, c := range map[string]struct {
		n           int
		draw        func(*rand.Rand) float64
		least, most float64
	}{
		"normal":              {30, (*rand.Rand).NormFloat64, 0, .005},
		"t₃":                  {30, student, 0, .03},
		"exponential":         {30, (*rand.Rand).ExpFloat64, 0, .04},
		"uniform":             {30, (*rand.Rand).Float64, 0, .075},
		"30 % at 5 σ of 30":   {30, two(.3, 5), .65, 1},
		"30 % at 5 σ of 60":   {60, two(.3, 5), .70, 1},
		"30 % at 6 σ of 60":   {60, two(.3, 6), .93, 1},
		"too few of any kind": {29, two(.5, 50), 0, 0},
	} {
		r := rand.New(rand.NewPCG(11, uint64(len(name))))
		seen := 0
		for range rounds {
			xs := make([]float64, c.n)
			for i := range xs {
				xs[i] = c.draw(r)
			}
			if _, ok := TwoModes(xs); ok {
				seen++
			}
		}
		if share := float64(seen) / rounds; share < c.least || share > c.most {
			t.Errorf("%s: two modes in %.3f of samples, want %.3f to %.3f", name, share, c.least, c.most)
		}
	}
}

func sq(x float64) float64 { return x * x }

func TestModesAreWhereTheyAre(t *testing.T) {
	t.Parallel()
	var xs []float64
	for i := range 40 {
		x := 1 + float64(i%5)/100
		if i%4 == 0 {
			x++
		}
		xs = append(xs, x)
	}
	m, ok := TwoModes(xs)
	if !ok || m.Share != .25 || m.Cut < 1.04 || m.Cut > 2 || math.Abs(m.Low-1.02) > .02 || math.Abs(m.High-2.02) > .02 {
		t.Errorf("%+v, %v", m, ok)
	}
	for name, same := range map[string]float64{"equal values": 3, "zeros": 0} {
		all := make([]float64, 50)
		for i := range all {
			all[i] = same
		}
		if _, ok := TwoModes(all); ok {
			t.Errorf("%s have two modes", name)
		}
	}
}

func TestFishersTestIsThatOfHisTeaTasting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hitsA, a, hitsB, b int
		want               float64
	}{
		{3, 4, 1, 4, .48571429}, {4, 4, 0, 4, 2.0 / 70}, {2, 10, 7, 10, .069778521}, {0, 5, 0, 5, 1}, {1, 0, 1, 3, 1},
	} {
		if got := FisherExact(c.hitsA, c.a, c.hitsB, c.b); !near(got, c.want, 1e-6) {
			t.Errorf("%d of %d against %d of %d: p = %.9g, want %.9g", c.hitsA, c.a, c.hitsB, c.b, got, c.want)
		}
	}
}

func TestTraitsOfASample(t *testing.T) {
	t.Parallel()
	rising := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	if rho := LagOne(rising); !near(rho, .7, 1e-12) {
		t.Errorf("ρ of a line = %v, want 0.7", rho)
	}
	if n := EffectiveSize(10, .5); !near(n, 10.0/3, 1e-12) || EffectiveSize(10, -.5) != 10 || EffectiveSize(10, math.NaN()) != 10 {
		t.Errorf("10 values at ρ = 0.5 are worth %v", n)
	}
	if !math.IsNaN(LagOne([]float64{1, 1, 1, 1})) || !math.IsNaN(LagOne([]float64{1, 2})) {
		t.Error("ρ of what does not vary is a number")
	}
	warm := []float64{20, 18, 12, 10.1, 10, 10.2, 10.1, 9.9, 10, 10.1, 10, 9.9, 10}
	if !WarmingUp(warm) || WarmingUp(warm[3:]) || WarmingUp(warm[:11]) {
		t.Error("a warm-up is seen where there is none, or not where there is one")
	}
	if tick := Tick([]float64{3, 5, 9, 5}); tick != 2 {
		t.Errorf("tick %v, want 2", tick)
	}
	if !Quantised([]float64{3, 3, 3, 4, 3, 3}) || Quantised([]float64{3, 3.1, 3.25, 3.7}) || Quantised([]float64{1, 1, 5, 5, 9, 9, 13, 13}) ||
		Quantised([]float64{2, 2, 2}) {
		t.Error("what is quantised and what is not are mixed up")
	}
}
