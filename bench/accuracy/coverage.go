package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/paired"
	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
)

// interval draws a case with n units a side and says whether the interval holds the truth; known is false where there is none.
type interval struct {
	name string
	draw func(r *rand.Rand, n int) (holds, known bool)
}

// in says whether truth is in a range that may not be known.
func in(lower, truth, upper float64) (holds, known bool) {
	return lower <= truth && truth <= upper, !math.IsNaN(lower) && !math.IsNaN(upper)
}

const truth = 0.03 // of a change, as a share

// intervals are all that are shown to people, with what they are simulated on.
func intervals() []interval {
	ratio := func(draw func(r *rand.Rand) float64, wider float64) func(*rand.Rand, int) judge.Comparison {
		return func(r *rand.Rand, n int) judge.Comparison {
			var one row
			for range n {
				one.before = append(one.before, []float64{math.Exp(deviation * draw(r))})
				one.after = append(one.after, []float64{(1 + truth) * math.Exp(wider*deviation*draw(r))})
			}
			return judge.Compare([]judge.Row{{Measure: *measures.Latency, Old: side(one.before), New: side(one.after)}}, judge.Policy{}).Rows[0]
		}
	}
	compare := func(name string, draw func(r *rand.Rand) float64, wider float64) interval {
		return interval{"ratio, " + name, func(r *rand.Rand, n int) (bool, bool) {
			c := ratio(draw, wider)(r, n)
			return in(c.Lower, 1+truth, c.Upper)
		}}
	}
	skewed := func(r *rand.Rand) float64 { return r.ExpFloat64() - 1 }
	return []interval{
		compare("normal noise", (*rand.Rand).NormFloat64, 1),
		compare("the new side three times as noisy", (*rand.Rand).NormFloat64, 3),
		compare("heavy tails (t₃)", student, 1), compare("skewed (exponential)", skewed, 1),
		{"ratio of means (Fieller)", func(r *rand.Rand, n int) (bool, bool) {
			a, b := make([]float64, n), make([]float64, n)
			for i := range a {
				a[i], b[i] = 1+deviation*r.NormFloat64(), 1+truth+deviation*r.NormFloat64()
			}
			f, ok := stats.Fieller(a, b, 0.95)
			holds, _ := in(f.Lower, 1+truth, f.Upper)
			return holds, ok
		}},
		{"distribution-free, normal noise", func(r *rand.Rand, n int) (bool, bool) {
			c := ratio((*rand.Rand).NormFloat64, 1)(r, n)
			return in(c.ShiftLower, 1+truth, c.ShiftHigh)
		}},
		{"distribution-free, heavy tails", func(r *rand.Rand, n int) (bool, bool) {
			c := ratio(student, 1)(r, n)
			return in(c.ShiftLower, 1+truth, c.ShiftHigh)
		}},
		{"geometric mean of 20 rows of one host", func(r *rand.Rand, n int) (bool, bool) {
			rows := design{rows: 20, changed: 20, size: truth, shared: true}.draw(r, n)
			given := make([]judge.Row, len(rows))
			for i, one := range rows {
				given[i] = judge.Row{Measure: *measures.Latency, Old: side(one.before), New: side(one.after)}
			}
			g := judge.Compare(given, judge.Policy{}).Geomeans[0]
			return in(g.Lower, 1+truth, g.Upper)
		}},
	}
}

// coverage is how often each interval holds the truth.
func coverage(e effort) table {
	sides := []int{2, 3, 5, 6, 10, 20}
	var names []string
	for _, n := range sides {
		names = append(names, strconv.Itoa(n))
	}
	cases := 10 * e.rounds
	t := table{
		title:   fmt.Sprintf("Intervals that are called 95 %%: %% that hold the truth, %d cases a figure, by units a side", cases),
		columns: columnsOf(1, names...),
		note: "in turns: at the end of a comparison with a change of 3 %. effect in a series: of the changes that are told, a step of\n" +
			"3 % in the middle of twice as many values that deviate by 1 %.",
	}
	for _, kind := range intervals() {
		var line []float64
		for _, n := range sides {
			r := rand.New(rand.NewPCG(e.seed, uint64(n)))
			held, all := 0, 0
			for range cases {
				if holds, known := kind.draw(r, n); known {
					all++
					if holds {
						held++
					}
				}
			}
			line = append(line, percent(held, all))
		}
		t.add(kind.name, line...)
	}
	for _, between := range []float64{0, .02} {
		var line []float64
		for _, n := range sides {
			line = append(line, betweenCoverage(e, onePair{rows: 100, iterations: n, between: between}))
		}
		t.add(fmt.Sprintf("one process a side, which deviates by %g %%", 100*between), line...)
	}
	none := math.NaN()
	for _, rule := range []struct {
		name string
		rule paired.Rule
	}{{"in turns", paired.Pocock}, {"in turns, always-valid evidence", paired.AlwaysValid}} {
		r := rand.New(rand.NewPCG(e.seed, 1))
		held := 0
		for range cases / 4 {
			s := playTrial(r, rule.rule, func() float64 { return deviation * r.NormFloat64() }, math.Log1p(truth))
			if s.Lower <= 1+truth && 1+truth <= s.Upper {
				held++
			}
		}
		t.add(rule.name, percent(held, cases/4), none, none, none, none, none)
	}
	t.add("effect in a series, 20 and 100 values", effects(e, cases/4, 20), effects(e, cases/4, 100), none, none, none, none)
	return t
}

// effects is how often the interval of a change in a series holds its step, of those that are told.
func effects(e effort, cases, n int) float64 {
	r := rand.New(rand.NewPCG(e.seed, uint64(n)))
	held, told := 0, 0
	values := make([]float64, 2*n)
	for range cases {
		for i := range values {
			values[i] = math.Exp(deviation / 2 * r.NormFloat64())
			if i >= n {
				values[i] *= 1 + truth
			}
		}
		result, err := change.Detect(values, change.Params{})
		if err != nil {
			panic(err)
		}
		for _, c := range result.Changes {
			if c.Settled && c.Index > n-10 && c.Index < n+10 {
				told++
				if c.Lower <= truth && truth <= c.Upper {
					held++
				}
			}
		}
	}
	return percent(held, told)
}
