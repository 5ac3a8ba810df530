package judge

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/property"
)

// runsOf are runs with the values that value gives for each.
func runsOf(n, samples int, value func(run, i int) float64) (s Side) {
	for run := range n {
		p := Process{Name: strconv.Itoa(run)}
		for i := range samples {
			p.Values = append(p.Values, value(run, i))
		}
		s = append(s, p)
	}
	return s
}

func TestGradesOfNoise(t *testing.T) {
	t.Parallel()
	latency := measures.Measure{Name: "Latency", Units: "nanoseconds (ns)", Direction: measures.Lower}
	normal := func(sd float64) func(int, int) float64 {
		r := rand.New(rand.NewPCG(1, 2))
		return func(int, int) float64 { return 100 * math.Exp(sd*r.NormFloat64()) }
	}
	for name, c := range map[string]struct {
		measure measures.Measure
		runs    Side
		grade   Grade
		check   func(Noise) bool
	}{
		"quiet":     {latency, runsOf(40, 1, normal(.003)), GradeA, func(n Noise) bool { return math.Abs(n.SD-.003) < .001 }},
		"usual":     {latency, runsOf(40, 1, normal(.02)), GradeC, func(n Noise) bool { return math.Abs(n.Typical-100) < 1 }},
		"wild":      {latency, runsOf(40, 1, normal(.4)), GradeF, func(n Noise) bool { return n.Detectable(5) > 1 && n.Modes == nil }},
		"nine runs": {latency, runsOf(9, 1, normal(.01)), GradeLearning, func(n Noise) bool { return n.Detectable(5) > 0 }},
		"two modes in nine runs": {latency, runsOf(9, 4, func(run, i int) float64 { return 100 + float64(i) + 50*float64(run%3/2) }),
			GradeLearning, func(n Noise) bool { return n.Modal() }},
		"one run": {latency, runsOf(1, 9, normal(.01)), GradeLearning, func(n Noise) bool { return math.IsNaN(n.SD) }},
		"none":    {latency, nil, GradeLearning, func(n Noise) bool { return math.IsNaN(n.Typical) && math.IsNaN(n.Detectable(5)) }},
		"all equal": {latency, runsOf(12, 1, func(int, int) float64 { return 7 }), GradeA,
			func(n Noise) bool { return n.Exact && n.Typical == 7 }},
		"equal, too few": {latency, runsOf(10, 1, func(int, int) float64 { return 7 }), GradeLearning, func(n Noise) bool { return !n.Exact }},
		"counts": {measures.Measure{Units: measures.AllocsPerOp}, runsOf(10, 1, func(int, int) float64 { return 0 }), GradeA,
			func(n Noise) bool { return n.Exact }},
		"one of two modes": {latency, runsOf(20, 3, modesOf(7, .3)), GradeF,
			func(n Noise) bool { return n.Modal() && n.Modes.Units > 0 && n.Modes.Cut > 100 && n.Modes.Cut < 130 }},
		"outliers": {latency, runsOf(60, 1, func(run, _ int) float64 { return 100 + float64(run%3)/10 + 25*float64(run%10/9) }), GradeE,
			func(n Noise) bool { return n.Modes != nil && n.Modes.Outliers && !n.Modal() }},
		"modes that do not matter": {latency, runsOf(40, 1, func(run, _ int) float64 { return 100 + float64(run%3)/100 + float64(run*7%2) }),
			GradeB, func(n Noise) bool { return n.Modes == nil }},
		"a machine that drifts": {latency, runsOf(30, 1, func(run, _ int) float64 { return 100 + float64(run%15)/5 }), GradeB,
			func(n Noise) bool { return n.Drifts }},
		"zero among them": {latency, runsOf(12, 1, func(run, _ int) float64 { return float64(run % 2) }), GradeF,
			func(n Noise) bool { return n.SD > .9 }},
		"not a number": {latency, runsOf(12, 2, func(run, i int) float64 {
			return map[bool]float64{true: math.NaN(), false: 5 + .001*float64(run)}[i == 1 && run == 3]
		}), GradeA,
			func(n Noise) bool { return n.Values == 23 && len(n.Notes) == 1 && n.Notes[0] == NoteNotFinite }},
	} {
		if n := NoiseOf(c.measure, c.runs); n.Grade(UsualUnits) != c.grade || !c.check(n) {
			t.Errorf("%s: grade %q, want %q; %+v", name, n.Grade(UsualUnits), c.grade, n)
		}
	}
}

// modesOf are runs of which a share is slower by a quarter.
func modesOf(seed uint64, share float64) func(int, int) float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	slow := map[int]bool{}
	return func(run, i int) float64 {
		if i == 0 {
			slow[run] = r.Float64() < share
		}
		at := 100.0
		if slow[run] {
			at = 125
		}
		return at * math.Exp(.01*r.NormFloat64())
	}
}

// TestWhatNoiseSaysCouldBeSeenIsSeen compares versions that differ by what 20 runs of identical code say is detectable.
func TestWhatNoiseSaysCouldBeSeenIsSeen(t *testing.T) {
	t.Parallel()
	const rounds = 4_000
	for units, want := range map[int][2]float64{5: {.70, .88}, 10: {.74, .88}} {
		r := rand.New(rand.NewPCG(3, uint64(units)))
		seen := 0
		for range rounds {
			draw := func(int, int) float64 { return math.Exp(.03 * r.NormFloat64()) }
			step := math.Log1p(NoiseOf(measures.Measure{}, runsOf(20, 1, draw)).Detectable(units))
			a, b := make([]float64, units), make([]float64, units)
			for i := range units {
				a[i], b[i] = .03*r.NormFloat64(), step+.03*r.NormFloat64()
			}
			if stats.Welch(a, b).P < .05 {
				seen++
			}
		}
		if share := float64(seen) / rounds; share < want[0] || share > want[1] {
			t.Errorf("%d units: a change of the size that could be seen is seen in %.3f of cases, want 0.8 or so", units, share)
		}
	}
}

// TestNoiseSaysSteadilyWhatTwoOrThreeRunsCouldSee: what 3 runs a side say could be seen is another number each time, although the noise
// is the same; what 20 earlier runs say is steady, and neither is right more often. The verdict does not change.
func TestNoiseSaysSteadilyWhatTwoOrThreeRunsCouldSee(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	const rounds, units = 4_000, 3
	r := rand.New(rand.NewPCG(5, 6))
	draw := func(at float64) func(int, int) float64 {
		return func(int, int) float64 { return math.Exp(at + .03*r.NormFloat64()) }
	}
	latency := measures.Measure{Name: "Latency", Units: "nanoseconds (ns)", Direction: measures.Lower}
	seen, sizes := [2]int{}, [2][]float64{}
	for range rounds {
		noise := NoiseOf(latency, runsOf(20, 1, draw(0)))
		before := Compare([]Row{{Measure: latency, Old: runsOf(units, 1, draw(0)), New: runsOf(units, 1, draw(0))}}, Policy{}).Rows[0]
		after := before.WithNoise(noise, UsualUnits)
		if after.Verdict != before.Verdict || after.Q != before.Q || after.Grade == GradeLearning || !after.AtLeast {
			t.Fatalf("%+v, with noise %+v", before, after)
		}
		for i, size := range []float64{before.Detectable, after.Detectable} {
			a, b := runsOf(units, 1, draw(0)), runsOf(units, 1, draw(math.Log1p(size)))
			if Compare([]Row{{Measure: latency, Old: a, New: b}}, Policy{}).Rows[0].P < .05 {
				seen[i]++
			}
			sizes[i] = append(sizes[i], size)
		}
	}
	spread := func(xs []float64) float64 { slices.Sort(xs); return xs[rounds*9/10] / xs[rounds/10] }
	own, known := spread(sizes[0]), spread(sizes[1])
	t.Logf("a tenth of what the runs say is %.2f times another tenth, %.2f by the noise; seen %.3f and %.3f", own, known,
		float64(seen[0])/rounds, float64(seen[1])/rounds)
	if own < 2.5 || known > 1.7 || min(seen[0], seen[1]) < .62*rounds {
		t.Errorf("the runs' own word varies by %.2f, the noise's by %.2f; seen %v of %d", own, known, seen, rounds)
	}
	one := Compare([]Row{{Measure: latency, Old: runsOf(1, 9, draw(0)), New: runsOf(1, 9, draw(0))}}, Policy{}).Rows[0]
	if got := one.WithNoise(NoiseOf(latency, runsOf(20, 1, draw(0))), 5); got.Detectable != one.Detectable {
		t.Errorf("iterations of one process: %v, want its own %v", got.Detectable, one.Detectable)
	}
}

// TestBorrowedNoiseWouldClaimTooMuch is why verdicts do not rest on stored noise: pooled with the runs of a day on which the machine is
// half as noisy again, it calls identical code different in more than 5 % of cases, where Welch's test does not.
func TestBorrowedNoiseWouldClaimTooMuch(t *testing.T) {
	t.Parallel()
	const rounds, stored, units = 20_000, 20, 3
	r := rand.New(rand.NewPCG(11, 4))
	sample := func(n int, sd float64) (xs []float64) {
		for range n {
			xs = append(xs, sd*r.NormFloat64())
		}
		return xs
	}
	for day, least := range map[float64]float64{1: .04, 1.5: .11, 2: .17} {
		borrowed, own := 0, 0
		for range rounds {
			a, b, s := sample(units, day), sample(units, day), stats.SampleSD(sample(stored, 1))
			pooled := stats.PooledSD(a, b)
			df := float64(stored - 1 + 2*units - 2)
			sd := math.Sqrt((float64(stored-1)*s*s + float64(2*units-2)*pooled*pooled) / df)
			if math.Abs(stats.Mean(a)-stats.Mean(b)) > stats.StudentQuantile(.975, df)*sd*math.Sqrt(2./units) {
				borrowed++
			}
			if stats.Welch(a, b).P < .05 {
				own++
			}
		}
		if share, welch := float64(borrowed)/rounds, float64(own)/rounds; share < least || welch > .05 {
			t.Errorf("noise × %v: borrowed %.3f, Welch %.3f", day, share, welch)
		} else {
			t.Logf("noise × %v: borrowed %.3f, Welch %.3f", day, share, welch)
		}
	}
}
