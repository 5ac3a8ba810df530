package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

// betweenRows are differences of identical code between two processes of so many iterations that deviate by 2 %.
func betweenRows(r *rand.Rand, rows, iterations int, between float64) (out []Difference) {
	for range rows {
		var sides [2][]float64
		for s := range sides {
			level := between * r.NormFloat64()
			for range iterations {
				sides[s] = append(sides[s], level+0.02*r.NormFloat64())
			}
		}
		out = append(out, Welch(sides[0], sides[1]))
	}
	return out
}

// moved are rows of which a share has moved by as much.
func moved(rows []Difference, share, by float64) []Difference {
	for i := range int(share * float64(len(rows))) {
		rows[i].Estimate += by
	}
	return rows
}

func TestWhatProcessesAddIsSeenInTheirRows(t *testing.T) {
	property.OneThread(t)
	t.Parallel()
	for _, c := range []struct {
		name            string
		rows            int
		between         float64 // of a process
		share, by       float64
		lowest, highest float64 // median of τ over 7 reports
	}{
		{"nothing", 60, 0, 0, 0, 0, .006},
		{"half of a per cent", 300, .005, 0, 0, .005, .009},
		{"two per cent, few rows", 20, .02, 0, 0, .020, .034},
		{"two per cent", 300, .02, 0, 0, .023, .032},
		{"more rows than are looked at", 1000, .02, 0, 0, .023, .032},
		{"all rows moved, as a change does", 60, 0, 1, .03, 0, .002},
		{"a third of the rows moved", 300, 0, 1. / 3, .03, 0, .004},
		{"a tenth of the rows moved far", 60, 0, .1, .2, 0, .004},
		{"rows scatter and have moved: that is the processes' too", 300, .02, 1, .1, .09, .13},
		{"rows scatter and a third has moved", 300, .02, 1. / 3, .3, .1, .25},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		var all []float64
		for range 7 {
			all = append(all, ExcessOf(moved(betweenRows(r, c.rows, 10, c.between), c.share, c.by)).SD)
		}
		if got := Median(all); !(got >= c.lowest && got <= c.highest) {
			t.Errorf("%s: τ is %.4f, want %.4f to %.4f", c.name, got, c.lowest, c.highest)
		}
	}
}

func TestFewRowsDoNotShowWhatProcessesAdd(t *testing.T) {
	t.Parallel()
	rows := betweenRows(rand.New(rand.NewPCG(1, 1)), ExcessLeast, 5, .05)
	if e := ExcessOf(rows); !(e.SD > 0) || !(e.DF > 0 && e.DF <= ExcessLeast/2) {
		t.Errorf("%d rows: %+v, want an excess that is known as badly as so few rows know it", len(rows), e)
	}
	rows[3] = Welch([]float64{1}, []float64{2, 3}) // no test
	if e := ExcessOf(rows); !math.IsNaN(e.SD) {
		t.Errorf("%d rows and one without a test: %+v, want NaN", len(rows)-1, e)
	}
	if w := rows[0].Widened(ExcessOf(rows)); w != rows[0] {
		t.Errorf("what is not known widens %+v to %+v", rows[0], w)
	}
}

// s = 3 and τ = 4 are 5. Degrees of freedom: 1/((9/25)²/20 + (16/25)²/8) = 17.3…, but 10 of 10.
func TestVariancesOfIterationsAndProcessesAddUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, after float64 }{{20, 1 / (.36*.36/20 + .64*.64/8)}, {10, 10}} {
		w := Difference{Estimate: 10, SE: 3, DF: c.before, P: StudentTail(10./3, c.before)}.Widened(Excess{4, 8})
		if w.Estimate != 10 || w.SE != 5 || math.Abs(w.DF-c.after) > 1e-9 || math.Abs(w.P-StudentTail(2, c.after)) > 1e-12 {
			t.Errorf("%g degrees: %+v, want %g", c.before, w, c.after)
		}
	}
}

func TestExcessScalesAndKnowsNoOrder(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rows := moved(betweenRows(r, rapid.IntRange(20, 40).Draw(t, "rows"), rapid.IntRange(2, 12).Draw(t, "iterations"),
			rapid.Float64Range(0, .05).Draw(t, "between")), rapid.Float64Range(0, 1).Draw(t, "share"), rapid.Float64Range(-.1, .1).Draw(t, "by"))
		want := ExcessOf(rows)
		if got := ExcessOf(rapid.Permutation(rows).Draw(t, "order")); got != want {
			t.Fatalf("%+v, in another order %+v", want, got)
		}
		factor := math.Ldexp(1, rapid.IntRange(-20, 20).Draw(t, "factor")) // exact, so that the same points are tried
		scaled, turned := make([]Difference, len(rows)), make([]Difference, len(rows))
		for i, d := range rows {
			scaled[i] = Difference{Estimate: factor * d.Estimate, SE: factor * d.SE, DF: d.DF, P: d.P}
			turned[i] = Difference{Estimate: -d.Estimate, SE: d.SE, DF: d.DF, P: d.P}
		}
		if got := ExcessOf(scaled); math.Abs(got.SD-factor*want.SD) > 1e-9*factor*want.SD || got.DF != want.DF {
			t.Fatalf("%+v, %g times as large %+v", want, factor, got)
		}
		if got := ExcessOf(turned); math.Abs(got.SD-want.SD) > 1e-9 || got.DF != want.DF {
			t.Fatalf("%+v, old and new exchanged %+v", want, got)
		}
	})
}

func BenchmarkExcess(b *testing.B) {
	rows := betweenRows(rand.New(rand.NewPCG(1, 1)), 300, 10, 0.02)
	for b.Loop() {
		ExcessOf(rows)
	}
}
