package judge

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	measures "github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/property"
)

// one is a side of one process.
func one(values ...float64) Side { return Side{{Name: "a", Values: values}} }

// each is a side in which every value is a process of its own.
func each(values ...float64) (s Side) {
	for i, v := range values {
		s = append(s, Process{Name: fmt.Sprint(i), Values: []float64{v}})
	}
	return s
}

func only(row Row) Comparison { return Compare([]Row{row}, Policy{}).Rows[0] }

func near(got, want, tolerance float64) bool {
	return math.IsNaN(got) && math.IsNaN(want) || got == want || math.Abs(got-want) <= tolerance*math.Abs(want)
}

func TestTheVectorOfTwoSamples(t *testing.T) {
	t.Parallel()
	c := only(Row{Measure: *measures.Latency, Old: each(100.2, 101.1, 99.5, 100.8, 100.1), New: each(103.0, 104.2, 102.1, 103.9, 102.6)})
	for what, pair := range map[string][2]float64{
		"ratio": {c.Ratio, 1.0280906}, "lower": {c.Lower, 1.0167714}, "upper": {c.Upper, 1.0395359}, "p": {c.P, 5.2282599e-4},
		"q": {c.Q, 5.2282599e-4}, "detectable": {c.Detectable, .015410432}, "rank p": {c.RankP, .0079365079},
	} {
		if !near(pair[0], pair[1], 2e-7) {
			t.Errorf("%s = %.9g, want %.9g", what, pair[0], pair[1])
		}
	}
	if c.Verdict != Worse || c.Level != ByProcess || c.Units != [2]int{5, 5} || c.AtLeast || c.Grade != GradeB {
		t.Errorf("%+v", c)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	tight := []float64{100, 100.1, 99.9, 100.05, 99.95, 100.02, 99.98, 100}
	times := func(xs []float64, by float64) (out []float64) {
		for _, x := range xs {
			out = append(out, x*by)
		}
		return out
	}
	loose := []float64{90, 110, 100, 95, 105, 98}
	nan := math.NaN()
	for _, c := range []struct {
		name     string
		measure  *measures.Measure
		old, new Side
		verdict  Verdict
		why      Why
		level    Level
		because  string
	}{
		{"slower is worse", measures.Latency, one(tight...), one(times(tight, 1.1)...), Worse, WhyNone, ByIteration, ""},
		{"faster is better", measures.Latency, one(tight...), one(times(tight, .9)...), Better, WhyNone, ByIteration, ""},
		{"more throughput is better", measures.Throughput, one(tight...), one(times(tight, 1.1)...), Better, WhyNone, ByIteration, ""},
		{"without a direction it is different", measures.Guess("widgets"), one(tight...), one(times(tight, 1.1)...), Different, WhyNone,
			ByIteration, ""},
		{"surely within the limit", measures.Latency, one(tight...), one(tight...), Same, WhyNone, ByIteration, ""},
		{"differs, below what matters", measures.Latency, one(tight...), one(times(tight, 1.004)...), Same, WhyBelow, ByIteration,
			"differs by 0.40 %, below the limit"},
		{"too loose to tell", measures.Latency, one(loose...), one(times(loose, 1.02)...), Undecided, WhyTooFew, ByIteration,
			"6 iterations could see 14 %; 205 would see 2.0 %"},
		{"one value a side", measures.Latency, one(100), one(200), Undecided, WhyOneUnit, ByIteration, "1 iteration a side: needs 2, better 5"},
		{"one process against three", measures.Latency, one(tight...), each(200, 201, 199), Undecided, WhyOneUnit, ByProcess,
			"1 process a side: needs 2, better 5"},
		{"a side without values", measures.Latency, nil, one(tight...), Undecided, WhyNoData, ByIteration, "no data on one side"},
		{"equal and still", measures.Latency, one(5, 5), one(5, 5), Same, WhyNone, ByIteration, ""},
		{"still and different", measures.Latency, one(5, 5), one(6, 6), Undecided, WhyNoVariance, ByIteration, "no variance seen: more runs"},
		{"still over twelve reruns is exact", measures.Latency, one(slices.Repeat([]float64{5}, 12)...), one(slices.Repeat([]float64{6}, 12)...),
			Worse, WhyNone, ByIteration, ""},
		{"an exact measure needs one value", measures.Instructions, one(1000), one(1010), Worse, WhyNone, ByIteration, ""},
		{"half a percent of instructions matters", measures.Instructions, one(1000), one(1006), Worse, WhyNone, ByIteration, ""},
		{"half a percent of a file does not", measures.FileSize, one(1000), one(1006), Same, WhyBelow, ByIteration,
			"differs by 0.60 %, below the limit"},
		{"from zero", measures.Instructions, one(0), one(5), Worse, WhyNone, ByIteration, ""},
		{"one allocation more, seen twice", measures.Allocations, one(3, 3), one(4, 4), Worse, WhyNone, ByIteration, ""},
		{"one allocation more, seen once", measures.Allocations, one(3), one(4), Undecided, WhyOneUnit, ByIteration,
			"1 iteration a side: needs 2, better 5"},
		{"no allocation", measures.Allocations, one(0, 0), one(0, 0), Same, WhyNone, ByIteration, ""},
		{"values that are no numbers", measures.Latency, one(append([]float64{nan, math.Inf(1)}, tight...)...), one(times(tight, 1.1)...), Worse,
			WhyNone, ByIteration, ""},
		{"zeros among the values", measures.Latency, one(0, 1, 2, 1, 0, 2), one(10, 11, 12, 10, 11, 12), Worse, WhyNone, ByIteration, ""},
		{"below zero", measures.Latency, one(-10, -11, -10, -11, -10), one(-1, -2, -1, -2, -1), Worse, WhyNone, ByIteration, ""},
		{"zeros and nothing else", measures.Latency, one(0, 0), one(0, 0), Same, WhyNone, ByIteration, ""},
	} {
		got := Compare([]Row{{Measure: *c.measure, Old: c.old, New: c.new}}, Policy{}).Rows[0]
		if got.Verdict != c.verdict || got.Why != c.why || got.Level != c.level || got.Because(Policy{}) != c.because {
			t.Errorf("%s: %s, %q, by %s, because %q; want %s, %q, by %s, because %q", c.name, got.Verdict, got.Why, got.Level,
				got.Because(Policy{}), c.verdict, c.why, c.level, c.because)
		}
	}
}

func TestUnitsAreWhatIsReplicated(t *testing.T) {
	t.Parallel()
	process := func(host string, values ...float64) Process {
		return Process{Name: host + fmt.Sprint(values), Host: host, Values: values}
	}
	two := Side{process("x", 1, 2), process("y", 3, 4), process("y", 5, 6)}
	if c := only(Row{Old: two, New: two}); c.Level != ByHost || c.Units != [2]int{2, 2} || c.Values != [2]int{6, 6} {
		t.Errorf("two hosts: %+v", c)
	}
	if u := two.units(ByHost); u[1].mean != 4.5 {
		t.Errorf("a host's mean is %v, want that of its processes' means, 4.5", u[1].mean)
	}
	oneHost := Side{process("x", 1, 2), process("x", 3, 4)}
	if c := only(Row{Old: two, New: oneHost}); c.Level != ByProcess || c.Units != [2]int{3, 2} || !slices.Contains(c.Notes, NoteUnequalHosts) {
		t.Errorf("one host on a side: %+v", c)
	}
	unknown := Side{process("x", 1, 2), process("", 3, 4)}
	if c := only(Row{Old: two, New: unknown}); c.Level != ByProcess {
		t.Errorf("a host that is not known: %+v", c)
	}
	if c := only(Row{Old: one(1, 2, 3), New: one(1, 2, 3)}); !slices.Contains(c.Notes, NoteOneProcess) {
		t.Errorf("one process a side is not said: %+v", c)
	}
}

func TestTheOrderOfIterationsInsideAUnitDoesNotMatter(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		var old, moved, fresh Side
		for i := range rapid.IntRange(2, 6).Draw(t, "processes") {
			values := rapid.SliceOfN(rapid.Float64Range(1, 100), 1, 7).Draw(t, "values")
			old = append(old, Process{Name: fmt.Sprint(i), Values: values})
			moved = append(moved, Process{Name: fmt.Sprint(i), Values: rapid.Permutation(values).Draw(t, "order")})
			fresh = append(fresh, Process{Name: fmt.Sprint(i), Values: []float64{rapid.Float64Range(1, 100).Draw(t, "new")}})
		}
		a, b := only(Row{Measure: *measures.Latency, Old: old, New: fresh}), only(Row{Measure: *measures.Latency, Old: moved, New: fresh})
		if a.Verdict != b.Verdict || !near(a.P, b.P, 1e-6) || !near(a.Ratio, b.Ratio, 1e-9) {
			t.Fatalf("%+v, in another order %+v", a, b)
		}
	})
}

func TestAnotherUnitOfTimeChangesNoVerdict(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		draw := func(name string) []float64 { return rapid.SliceOfN(rapid.Float64Range(1, 3), 1, 12).Draw(t, name) }
		a, b := draw("a"), draw("b")
		scale := math.Ldexp(1, rapid.IntRange(-20, 20).Draw(t, "scale"))
		of := func(xs []float64) (out []float64) {
			for _, x := range xs {
				out = append(out, x*scale)
			}
			return out
		}
		plain, scaled := only(Row{Measure: *measures.Latency, Old: one(a...), New: one(b...)}),
			only(Row{Measure: *measures.Latency, Old: one(of(a)...), New: one(of(b)...)})
		if plain.Verdict != scaled.Verdict || !near(plain.P, scaled.P, 1e-6) || !near(plain.Ratio, scaled.Ratio, 1e-9) {
			t.Fatalf("%+v, scaled %+v", plain, scaled)
		}
		swapped := only(Row{Measure: *measures.Latency, Old: one(b...), New: one(a...)})
		if plain.Q <= .05 && swapped.Q > .0501 {
			t.Fatalf("%+v, the other way round %+v", plain, swapped)
		}
	})
}

// report draws a comparison of n rows with count iterations a side, sd 2 %, of which the first changed are slower by 3 %.
func report(r *rand.Rand, n, count, changed int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		base, slower := math.Exp(5*r.Float64()), 1.0
		if i < changed {
			slower = 1.03
		}
		draw := func(scale float64) Side {
			values := make([]float64, count)
			for k := range values {
				values[k] = base * scale * math.Exp(.02*r.NormFloat64())
			}
			return one(values...)
		}
		rows[i] = Row{Benchmark: fmt.Sprint(i), Measure: *measures.Latency, Old: draw(1), New: draw(slower)}
	}
	return rows
}

// TestIdenticalCodeIsSeldomCalledDifferent: a report of 40 rows has any claim in 1 of 20 cases at most, and of one value nothing is
// claimed.
func TestIdenticalCodeIsSeldomCalledDifferent(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	const rounds, rows = 300, 40
	for _, count := range []int{1, 2, 3, 6, 10, 20} {
		r := rand.New(rand.NewPCG(3, uint64(count)))
		claims, reports := 0, 0
		for range rounds {
			found := 0
			for _, c := range Compare(report(r, rows, count, 0), Policy{}).Rows {
				if c.Verdict.Changed() {
					found++
				}
			}
			claims += found
			if found > 0 {
				reports++
			}
		}
		// 1 in 20, and three standard errors of the simulation
		if limit := rounds * .05; float64(reports) > limit+3*math.Sqrt(limit) || claims*20 > rounds*rows || count == 1 && claims > 0 {
			t.Errorf("count %d: %d claims, in %d of %d reports", count, claims, reports, rounds)
		}
	}
}

// TestMoreIterationsFindMore: +3 % at a deviation of 2 % is found in most rows at ten iterations, and in more at twenty.
func TestMoreIterationsFindMore(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	const rounds, rows = 40, 40
	share := map[int]float64{}
	for _, count := range []int{3, 6, 10, 20} {
		r := rand.New(rand.NewPCG(4, uint64(count)))
		found := 0
		for range rounds {
			for _, c := range Compare(report(r, rows, count, rows), Policy{}).Rows {
				if c.Verdict == Worse {
					found++
				} else if c.Verdict == Better {
					t.Errorf("count %d: slower code is called better: %+v", count, c)
				}
			}
		}
		share[count] = float64(found) / rounds / rows
	}
	if share[10] < .75 || share[20] <= share[10] || share[10] <= share[6] || share[6] <= share[3] {
		t.Errorf("found in %v of rows", share)
	}
}

func TestTheMostCertainComesFirst(t *testing.T) {
	t.Parallel()
	cs := Compare([]Row{
		{Benchmark: "one value", Measure: *measures.Latency, Old: one(1), New: one(2)},
		{Benchmark: "noise", Measure: *measures.Latency, Old: one(90, 100, 110, 95), New: one(92, 101, 111, 93)},
		{Benchmark: "sure", Measure: *measures.Latency, Old: one(1, 1.01, .99, 1.005), New: one(2, 2.01, 1.99, 2.003)},
		{Benchmark: "count", Measure: *measures.Instructions, Old: one(10), New: one(12)},
		{Benchmark: "larger count", Measure: *measures.Instructions, Old: one(10), New: one(30)},
	}, Policy{})
	if got, want := cs.ByCertainty(), []int{4, 3, 2, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if cs.Verdict() != Worse || cs.Tests != 2 {
		t.Errorf("%s with %d tests", cs.Verdict(), cs.Tests)
	}
}

func TestTheWholeIsNotGreenWhereNothingWasDecided(t *testing.T) {
	t.Parallel()
	counts := Row{Measure: *measures.Allocations, Old: one(3, 3), New: one(3, 3)}
	noise := Row{Measure: *measures.Latency, Old: one(90, 110, 100), New: one(91, 112, 99)}
	same := Row{Measure: *measures.Latency, Old: one(100, 100.1, 99.9, 100), New: one(100.1, 100, 99.9, 100)}
	for name, c := range map[string]struct {
		rows []Row
		want Verdict
	}{
		"nothing": {nil, Undecided}, "equal counts": {[]Row{counts}, Same}, "counts beside noise": {[]Row{counts, noise}, Undecided},
		"one that is the same": {[]Row{noise, same}, Same},
	} {
		if got := Compare(c.rows, Policy{}).Verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestTheGeomeanIsByUnit(t *testing.T) {
	t.Parallel()
	side := func(scale float64, hosts ...float64) (s Side) {
		for i, h := range hosts {
			s = append(s, Process{Name: fmt.Sprint(i), Values: []float64{scale * h}})
		}
		return s
	}
	// Each process is slow or fast as a whole: the benchmarks agree, so that ten of them are no more than one.
	var rows []Row
	for i := range 10 {
		scale := math.Exp(float64(i))
		rows = append(rows, Row{Measure: *measures.Latency, Old: side(scale, 1, 1.1, .9), New: side(scale*1.05, 1, 1.1, .9)})
	}
	rows = append(rows, Row{Measure: *measures.Latency, Old: one(0, 0), New: one(1, 2)},
		Row{Measure: *measures.Latency, Old: one(1), New: nil})
	got := Compare(rows, Policy{}).Geomeans[0]
	single := Compare(rows[:1], Policy{}).Rows[0]
	if got.Benchmarks != 10 || got.Units != [2]int{3, 3} || !near(got.Ratio, 1.05, 1e-9) || !near(got.Lower, single.Lower, 1e-9) {
		t.Errorf("%+v, want the interval of one benchmark, from %v on", got, single.Lower)
	}
}

// TestARunThatLacksABenchmarkDoesNotMoveTheGeomean: its mean would be over others, which are slower or faster by themselves.
func TestARunThatLacksABenchmarkDoesNotMoveTheGeomean(t *testing.T) {
	t.Parallel()
	runs := func(values ...float64) (s Side) {
		for i, v := range values {
			s = append(s, Process{Name: fmt.Sprint(i), Values: []float64{v}})
		}
		return s
	}
	got := Compare([]Row{
		{Measure: *measures.Latency, Old: runs(1, 1.01, .99), New: runs(1, 1.01, .99)},
		{Measure: *measures.Latency, Old: runs(1000, 1010, 990), New: runs(1000, 1010)},
	}, Policy{}).Geomeans[0]
	if got.Units != [2]int{3, 2} || math.Abs(got.Ratio-1) > .02 || got.Lower > 1 || got.Upper < 1 {
		t.Errorf("%+v, want a ratio near 1 of the runs that have both", got)
	}
}

func TestAModeThatMovesIsSaid(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	side := func(slow int) Side {
		var values []float64
		for i := range 40 {
			v := 100 + .3*r.NormFloat64()
			if i%10 < slow {
				v += 4
			}
			values = append(values, v)
		}
		return one(values...)
	}
	c := only(Row{Measure: *measures.Latency, Old: side(3), New: side(7)})
	if c.Modes == nil || c.Modes.Slow != [2]int{12, 28} || c.Modes.P > .01 || c.Grade != GradeModal || c.Modes.Outliers {
		t.Fatalf("%+v %+v", c, c.Modes)
	}
	if steady := only(Row{Measure: *measures.Latency, Old: side(0), New: side(0)}); steady.Modes != nil {
		t.Errorf("one mode: %+v", steady.Modes)
	}
	c.Verdict, c.Why = Undecided, WhyModes
	if got, want := c.Because(Policy{}), "slow mode in 30 % → 70 % of iterations"; got != want {
		t.Errorf("because %q, want %q", got, want)
	}
}

func TestGrades(t *testing.T) {
	t.Parallel()
	for detectable, want := range map[float64]Grade{.009: GradeA, .02: GradeB, .03: GradeC, .1: GradeD, .2: GradeE, .3: GradeF} {
		if got := GradeOf(detectable, 10); got != want {
			t.Errorf("%v: %s, want %s", detectable, got, want)
		}
	}
	if GradeOf(.01, 9) != GradeLearning || GradeOf(math.NaN(), 20) != GradeLearning {
		t.Error("a grade without enough units")
	}
}

func TestAHeadIsHeldAgainstItsHistory(t *testing.T) {
	t.Parallel()
	var base []Reported
	for i := range 40 {
		base = append(base, Reported{Value: 100 + float64(i%5) - 2, Day: fmt.Sprint("day ", i), Host: "x"})
	}
	head := func(days int, value float64) (out []Reported) {
		for i := range days {
			out = append(out, Reported{Value: value + float64(i%2), Day: fmt.Sprint("later ", i), Host: "x"})
		}
		return out
	}
	for name, c := range map[string]struct {
		base, head []Reported
		outlook    Outlook
		counted    int
		verdict    Verdict
	}{
		"far outside":                {base, head(1, 130), Suspicious, 30, ""},
		"inside":                     {base, head(1, 103), Unknown, 30, ""},
		"runs of one day are one":    {base, slices.Repeat(head(1, 130), 5), Suspicious, 30, ""},
		"too little history":         {base[:4], head(1, 130), Learning, 4, ""},
		"no history":                 {nil, head(1, 130), Learning, 0, ""},
		"a head of three days":       {base, head(3, 130), Confirmed, 30, Worse},
		"zeros are on the raw scale": {append(slices.Clone(base), Reported{Value: 0}), head(1, 1e6), Suspicious, 30, ""},
	} {
		got := AgainstHistory(*measures.Latency, c.base, c.head, Policy{})
		if got.Outlook != c.outlook || got.Base != c.counted || c.verdict != "" && got.Comparison.Verdict != c.verdict {
			t.Errorf("%s: %+v", name, got)
		}
	}
	still := slices.Repeat([]Reported{{Value: 99.9}}, 6)
	if got := AgainstHistory(*measures.Latency, still, still[:1], Policy{}); got.Outlook != Unknown {
		t.Errorf("what does not change at all is suspicious: %+v", got)
	}
}

// TestHistoriesAreJudgedTogether: a count is compared with the newest before it, a short history is learning, and of a head with days of
// its own the claims of all rows are controlled together.
func TestHistoriesAreJudgedTogether(t *testing.T) {
	t.Parallel()
	days := func(n int, value func(i int) float64) (out []Reported) {
		for i := range n {
			out = append(out, Reported{Value: value(i), Day: strconv.Itoa(i)})
		}
		return out
	}
	wave := func(level float64) func(int) float64 {
		return func(i int) float64 { return level * (1 + .01*math.Sin(float64(i*i)+.5)) }
	}
	same := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	rows := []Past{
		{"worse", *measures.Latency, days(12, wave(100)), days(4, wave(120))},
		{"suspicious", *measures.Latency, days(12, wave(100)), days(1, wave(120))},
		{"inside", *measures.Latency, days(12, wave(100)), days(1, wave(100))},
		{"learning", *measures.Latency, days(4, wave(100)), days(1, wave(120))},
		{"no data", *measures.Latency, nil, days(1, wave(1))},
		{"exact", *measures.FileSize, days(1, same(1000)), days(1, same(1100))},
		{"exact, since the last", *measures.FileSize, days(2, func(i int) float64 { return float64(1000 + 100*i) }), days(1, same(1100))},
		{"counted", *measures.Allocations, days(3, same(7)), []Reported{{Value: 7, Values: []float64{7, 7}}}},
		{"one day", *measures.Latency, slices.Repeat(days(1, same(100)), 9), days(3, wave(100))},
	}
	cs := AgainstHistories(rows, Policy{})
	want := []struct {
		verdict Verdict
		why     Why
		units   [2]int
	}{
		{Worse, WhyNone, [2]int{12, 4}}, {Verdict(Suspicious), WhyOutside, [2]int{12, 1}}, {Undecided, WhyInside, [2]int{12, 1}},
		{Verdict(Learning), WhyLearning, [2]int{4, 1}}, {Undecided, WhyNoData, [2]int{0, 1}}, {Worse, WhyNone, [2]int{1, 1}},
		{Same, WhyNone, [2]int{1, 1}}, {Same, WhyNone, [2]int{3, 1}}, {Verdict(Suspicious), WhyOutside, [2]int{9, 3}},
	}
	for i, c := range cs.Rows {
		if c.Verdict != want[i].verdict || c.Why != want[i].why || c.Units != want[i].units || c.Level != ByReport {
			t.Errorf("%s: %s %s %v by %s, want %+v", rows[i].Benchmark, c.Verdict, c.Why, c.Units, c.Level, want[i])
		}
		if (c.Why == WhyNone || c.Why == WhyNoData) != (c.Because(Policy{}) == "" || c.Why == WhyNoData) {
			t.Errorf("%s: %q", rows[i].Benchmark, c.Because(Policy{}))
		}
	}
	if cs.Tests != 1 || cs.Rows[0].Q != cs.Rows[0].P {
		t.Errorf("%d tests, q %v of p %v", cs.Tests, cs.Rows[0].Q, cs.Rows[0].P)
	}
	order := cs.ByCertainty()
	if order[0] != 5 || order[1] != 0 || cs.Rows[order[2]].Verdict != Verdict(Suspicious) {
		t.Errorf("the surest first: %v", order)
	}
	for _, g := range cs.Geomeans {
		if g.Measure == "Latency" && (g.Benchmarks != 5 || !(g.Ratio > 1.05) || !math.IsNaN(g.Lower)) {
			t.Errorf("geomean %+v", g)
		}
	}
}

func TestWhatAllRowsSayTogether(t *testing.T) {
	t.Parallel()
	row := func(v Verdict, why Why, exact bool) Comparison { return Comparison{Verdict: v, Why: why, Exact: exact} }
	learning, suspicious := row(Verdict(Learning), WhyLearning, false), row(Verdict(Suspicious), WhyOutside, false)
	noData := row(Undecided, WhyNoData, false)
	for name, c := range map[string]struct {
		rows []Comparison
		want Verdict
	}{
		"nothing":                            {nil, NothingJudged},
		"learning":                           {[]Comparison{learning, learning}, NothingJudged},
		"no data":                            {[]Comparison{noData, learning}, NothingJudged},
		"a suspicion is never green":         {[]Comparison{suspicious, row(Better, WhyNone, true)}, Undecided},
		"worse beside a suspicion":           {[]Comparison{suspicious, row(Worse, WhyNone, false)}, Worse},
		"counts alone":                       {[]Comparison{row(Same, WhyNone, true)}, Same},
		"counts beside what is learning":     {[]Comparison{row(Same, WhyNone, true), learning}, Undecided},
		"counts beside what nobody measured": {[]Comparison{row(Same, WhyNone, true), noData}, Undecided},
		"better beside what is learning":     {[]Comparison{row(Better, WhyNone, false), learning}, Better},
	} {
		if got := (Comparisons{Rows: c.rows}).Overall(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
