package judge

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/property"
)

// pairOf are rows of one process a side, which deviates by between, with iterations that deviate by 2 %; a share is slower by size.
func pairOf(r *rand.Rand, rows, iterations int, between, share, size float64) (out []Row) {
	for i := range rows {
		level := 5 * r.Float64()
		one := func(level float64) Side {
			level += between * r.NormFloat64()
			values := make([]float64, iterations)
			for k := range values {
				values[k] = math.Exp(level + .02*r.NormFloat64())
			}
			return Side{{Name: "0", Values: values}}
		}
		later := level
		if float64(i) < share*float64(rows) {
			later += math.Log1p(size)
		}
		out = append(out, Row{Benchmark: string(rune('a' + i%26)), Measure: *measures.Latency, Old: one(level), New: one(later)})
	}
	return out
}

func TestIdenticalCodeInTwoProcessesIsSeldomCalledDifferent(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	const rounds = 12
	r := rand.New(rand.NewPCG(5, 6))
	reports, withAny, rows, claimed, held := 0, 0, 0, 0, 0
	for _, c := range []struct {
		rows, iterations int
		between          float64
	}{{20, 2, 0}, {40, 10, 0}, {120, 5, 0}, {20, 10, .005}, {40, 20, .01}, {120, 10, .01},
		{40, 5, .02}, {120, 20, .02}, {30, 10, .05}, {120, 2, .05}} {
		for range rounds {
			any := false
			for _, one := range Compare(pairOf(r, c.rows, c.iterations, c.between, 0, 0), Policy{}).Rows {
				if rows++; one.Verdict.Changed() {
					claimed, any = claimed+1, true
				}
				if one.Lower <= 1 && 1 <= one.Upper {
					held++
				}
			}
			if reports++; any {
				withAny++
			}
		}
	}
	if share := float64(withAny) / float64(reports); share > .05 {
		t.Errorf("%d of %d reports claim a change (%.3f), want 1 in 20 at most", withAny, reports, share)
	}
	if share := float64(claimed) / float64(rows); share > .01 {
		t.Errorf("%d of %d rows are called different (%.3f)", claimed, rows, share)
	}
	if share := float64(held) / float64(rows); share < .94 {
		t.Errorf("intervals hold the truth in %.3f of rows, want .94", share)
	}
}

func TestAChangeOfAllRowsIsFoundWhereProcessesAddNothing(t *testing.T) {
	t.Parallel()
	found := map[int]float64{}
	for _, n := range []int{10, 20} {
		r := rand.New(rand.NewPCG(7, 8))
		yes, all := 0, 0
		for range 20 {
			for _, c := range Compare(pairOf(r, 50, n, 0, 1, .03), Policy{}).Rows {
				if all++; c.Verdict == Worse {
					yes++
				}
			}
		}
		found[n] = float64(yes) / float64(all)
	}
	if found[10] < .75 || found[20] <= found[10] {
		t.Errorf("+3 %% is told in %.2f of rows at 10 iterations and %.2f at 20, want .75 and more", found[10], found[20])
	}
}

func TestWhatProcessesAddIsInAllNumbersOfARow(t *testing.T) {
	t.Parallel()
	rows := pairOf(rand.New(rand.NewPCG(9, 9)), 60, 10, .05, 0, 0)
	few := Compare(rows[:10], Policy{})
	all := Compare(rows, Policy{})
	if b := few.Between; len(b) != 1 || b[0].Known() || b[0].Rows != 10 {
		t.Fatalf("ten rows: %+v", b)
	}
	if b := all.Between; len(b) != 1 || b[0].From != "Latency" || b[0].Rows != 60 || b[0].SD < .04 || b[0].SD > .1 {
		t.Fatalf("sixty rows whose processes differ by 7 %%: %+v", b)
	}
	for i := range few.Rows {
		narrow, wide := few.Rows[i], all.Rows[i]
		if !slices.Contains(narrow.Notes, NoteBetweenUnknown) || !math.IsNaN(narrow.Between) || math.IsNaN(narrow.RankP) {
			t.Errorf("of ten rows: %+v", narrow)
		}
		if !slices.Contains(wide.Notes, NoteWidened) || wide.Between != all.Between[0].SD || !math.IsNaN(wide.RankP) ||
			!math.IsNaN(wide.ShiftLower) || slices.Contains(wide.Notes, NoteTestsDisagree) ||
			slices.Contains(wide.Notes, NoteBetweenUnknown) {
			t.Errorf("of sixty rows: %+v", wide)
		}
		if wide.Ratio != narrow.Ratio || wide.Lower >= narrow.Lower || wide.Upper <= narrow.Upper || wide.P <= narrow.P ||
			wide.Detectable <= narrow.Detectable || wide.Needed != 0 {
			t.Errorf("alone %+v, with what the processes add %+v", narrow, wide)
		}
	}
	if c := all.Rows[all.ByCertainty()[59]]; c.Verdict != Undecided || c.Because(Policy{}) == few.Rows[0].Because(Policy{}) {
		t.Errorf("%s, because %q", c.Verdict, c.Because(Policy{}))
	}
	if g, h := few.Geomeans[0], all.Geomeans[0]; !(h.Upper/h.Lower > math.Exp(2*all.Between[0].SD)) || g.Upper/g.Lower > h.Upper/h.Lower {
		t.Errorf("the geometric mean is as sure as iterations are: %+v, of ten rows %+v", h, g)
	}
	reversed := slices.Clone(rows)
	slices.Reverse(reversed)
	for i, c := range Compare(reversed, Policy{}).Rows {
		if d := all.Rows[len(rows)-1-i]; c.P != d.P || c.Lower != d.Lower || c.Verdict != d.Verdict {
			t.Fatalf("row %d depends on the order of rows: %+v and %+v", i, c, d)
		}
	}
}

func TestSeveralProcessesASideAreNotWidened(t *testing.T) {
	t.Parallel()
	rows := pairOf(rand.New(rand.NewPCG(3, 3)), 40, 10, .05, 0, 0)
	for i := range rows {
		more := pairOf(rand.New(rand.NewPCG(4, uint64(i))), 1, 10, .05, 0, 0)[0]
		rows[i].Old, rows[i].New = append(rows[i].Old, more.Old...), append(rows[i].New, more.New...)
		rows[i].Noise = ProcessNoise{.1, 20}
	}
	cs := Compare(rows, Policy{})
	if len(cs.Between) != 0 {
		t.Errorf("%+v", cs.Between)
	}
	for i, c := range cs.Rows {
		a, b := means(rows[i].Old.units(ByProcess)), means(rows[i].New.units(ByProcess))
		la, _ := stats.Logs(a)
		lb, _ := stats.Logs(b)
		if w := stats.Welch(la, lb); c.P != w.P || !math.IsNaN(c.Between) || slices.Contains(c.Notes, NoteWidened) {
			t.Errorf("row %d: p %v, want Welch's %v: %+v", i, c.P, w.P, c)
		}
	}
}

func TestAMeasureWithFewRowsTakesWhatTheOthersShow(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 9))
	rows := pairOf(r, 40, 10, .05, 0, 0)
	few := pairOf(r, 5, 10, .05, 0, 0)
	for i := range few {
		few[i].Measure = *measures.Throughput
	}
	counted := pairOf(r, 5, 10, 0, 0, 0)
	for i := range counted {
		counted[i].Measure = measures.Measure{Name: "B/op", Units: measures.BytesPerOp, Direction: measures.Lower}
	}
	cs := Compare(slices.Concat(few, counted, rows), Policy{})
	if b := cs.Between; len(b) != 3 || b[0].From != measures.Latency.Name || b[0].Rows != 5 || b[0].SD != b[2].SD || b[1].Known() {
		t.Fatalf("%+v", b)
	}
	if c := cs.Rows[0]; c.Between != cs.Between[2].SD || !slices.Contains(c.Notes, NoteWidened) {
		t.Errorf("throughput: %+v", c)
	}
	if c := cs.Rows[5]; !math.IsNaN(c.Between) || !slices.Contains(c.Notes, NoteBetweenUnknown) {
		t.Errorf("what is counted has nothing to do with the machine: %+v", c)
	}
}

func TestValuesOfZeroAndBelowAreWidened(t *testing.T) {
	t.Parallel()
	rows := pairOf(rand.New(rand.NewPCG(1, 9)), 40, 10, .05, 0, 0)
	odd := Row{Measure: *measures.Latency, Old: one(10, 11, 10, 11, 10, 0), New: one(12, 13, 12, 13, 12, 12)}
	alone, among := only(odd), Compare(append(rows, odd), Policy{}).Rows[40]
	if !(among.P > alone.P) || !(among.DifferenceUpper > alone.DifferenceUpper) ||
		!(among.Upper > alone.Upper) || !(among.Lower < alone.Lower) {
		t.Errorf("alone %+v, among rows whose processes differ %+v", alone, among)
	}
}

func TestStoredNoiseOnlyWidensARowOfTwoProcesses(t *testing.T) {
	t.Parallel()
	row := pairOf(rand.New(rand.NewPCG(2, 2)), 1, 10, 0, 1, .08)[0]
	alone := only(row)
	row.Noise = ProcessNoise{.05, 20}
	if c := only(row); alone.Verdict != Worse || c.Verdict != Undecided ||
		!near(math.Hypot(c.Between, alone.tested.SE), .05*math.Sqrt2, 1e-9) ||
		slices.Contains(c.Notes, NoteBetweenUnknown) {
		t.Errorf("processes that deviate by 5 %%: %s, %+v", c.Verdict, c)
	}
	row.Noise = ProcessNoise{.001, 20}
	if c := only(row); c.P != alone.P || c.Between != 0 || slices.Contains(c.Notes, NoteBetweenUnknown) {
		t.Errorf("less than the iterations explain: %+v", c)
	}
	rows := pairOf(rand.New(rand.NewPCG(9, 9)), 60, 10, .05, 0, 0)
	want := Compare(rows, Policy{}).Rows[0].P
	rows[0].Noise = ProcessNoise{.001, 20}
	if got := Compare(rows, Policy{}).Rows[0].P; got != want {
		t.Errorf("quiet noise of another day makes a row surer: p %v, by its report %v", got, want)
	}
	nine := runsOf(9, 1, func(run, _ int) float64 { return 100 + float64(run) })
	if n := NoiseOf(*measures.Latency, nine).Processes(); n != (ProcessNoise{}) {
		t.Errorf("nine runs know the noise: %+v", n)
	}
}
