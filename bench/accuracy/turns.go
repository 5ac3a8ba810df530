package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/tachograph/tacho/bench/accuracy/baseline"
	"github.com/tachograph/tacho/internal/core/paired"
	"github.com/tachograph/tacho/internal/core/stats"
)

// machine draws what a run measures, on the logarithmic scale: without a change, in the order of the runs.
type machine func() float64

// machines are kinds of noise; a pair of runs deviates by about 2.8 %. Each trial begins a new one.
func machines(benchmarks []processes) []struct {
	name string
	make func(r *rand.Rand) machine
} {
	return []struct {
		name string
		make func(r *rand.Rand) machine
	}{
		{"normal", func(r *rand.Rand) machine { return func() float64 { return deviation * r.NormFloat64() } }},
		{"t₃", func(r *rand.Rand) machine { return func() float64 { return deviation * student(r) } }},
		{"drift", func(r *rand.Rand) machine {
			at := 0.0
			return func() float64 {
				at += 0.005 * r.NormFloat64()
				return at + deviation*r.NormFloat64()
			}
		}},
		{"forks", func(r *rand.Rand) machine { // of one benchmark, drawn with replacement: there are ten of each
			b := benchmarks[r.IntN(len(benchmarks))]
			return func() float64 { return math.Log(stats.Mean(b[r.IntN(len(b))])) }
		}},
	}
}

// student draws from Student's distribution with 3 degrees.
func student(r *rand.Rand) float64 {
	a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
	return r.NormFloat64() / math.Sqrt((a*a+b*b+c*c)/3)
}

// rule plays a comparison in turns to its end, where B is slower by effect on the logarithmic scale.
type rule struct {
	name string
	play func(r *rand.Rand, m machine, effect float64) (differs, same bool, pairs int)
}

func rules() []rule {
	ours := func(name string, which paired.Rule) rule {
		return rule{name, func(r *rand.Rand, m machine, effect float64) (bool, bool, int) {
			s := playTrial(r, which, m, effect)
			return s.Outcome == paired.Different, s.Outcome == paired.Same, s.Pairs
		}}
	}
	pair := func(r *rand.Rand, m machine, effect float64) func() float64 {
		return func() float64 {
			first, second := m(), m()
			if r.IntN(2) == 0 { // B ran first
				return first + effect - second
			}
			return second + effect - first
		}
	}
	return []rule{
		ours("tacho run --ab", paired.Pocock), ours("the same, O'Brien and Fleming's spending", paired.OBrienFleming),
		ours("the same, always-valid evidence", paired.AlwaysValid),
		{"t-test after each pair, 0.05", func(r *rand.Rand, m machine, effect float64) (bool, bool, int) {
			differs, pairs := baseline.EachPair(pair(r, m, effect), 40)
			return differs, false, pairs
		}},
		{"t-test after 20 pairs, 0.05", func(r *rand.Rand, m machine, effect float64) (bool, bool, int) {
			differs, pairs := baseline.FixedPairs(pair(r, m, effect), 20)
			return differs, false, pairs
		}},
	}
}

func playTrial(r *rand.Rand, which paired.Rule, m machine, effect float64) paired.State {
	trial, err := paired.New(paired.Plan{Rule: which}, r)
	if err != nil {
		panic(err) // the plan is ours
	}
	for {
		arm, more := trial.Next()
		if !more {
			return trial.State()
		}
		if err := trial.Add(math.Exp(m() + effect*float64(arm))); err != nil {
			panic(err)
		}
	}
}

// inTurns are the tables of comparisons in turns.
func inTurns(e effort, benchmarks []processes) []table {
	kinds := machines(benchmarks)
	trials := 4 * e.rounds
	t := table{
		title: fmt.Sprintf("Two versions in turns, %d comparisons a figure: %% called different where nothing changed, %% then called the same\n"+
			"(within 2 %%), mean pairs where nothing, 2 %% and 5 %% changed, %% found", trials),
		columns: columnsOf(1, "normal", "t₃", "drift", "forks", "same", "forks same", "pairs 0", "pairs 2 %", "pairs 5 %",
			"found 2 %", "forks 2 %", "found 5 %"),
		note: "normal, t₃, drift: a pair deviates by about 2.8 %. forks: real JMH processes.",
	}
	for _, rule := range rules() {
		play := func(kind int, effect float64) (differs, same, pairs float64) {
			var d, s, p int
			r := rand.New(rand.NewPCG(e.seed, uint64(kind)))
			for range trials {
				isDifferent, isSame, used := rule.play(r, kinds[kind].make(r), math.Log1p(effect))
				if p += used; isDifferent {
					d++
				} else if isSame {
					s++
				}
			}
			return percent(d, trials), percent(s, trials), float64(p) / float64(trials)
		}
		var wrong, same [4]float64
		var none float64
		for k := range kinds {
			var pairs float64
			if wrong[k], same[k], pairs = play(k, 0); k == 0 {
				none = pairs
			}
		}
		found2, _, pairs2 := play(0, 0.02)
		forks2, _, _ := play(3, 0.02)
		found5, _, pairs5 := play(0, 0.05)
		t.add(rule.name, wrong[0], wrong[1], wrong[2], wrong[3], same[0], same[3], none, pairs2, pairs5, found2, forks2, found5)
	}
	return []table{t, rowsInTurns(e)}
}

// rowsInTurns is how often anything is claimed of identical rows that run together.
func rowsInTurns(e effort) table {
	t := table{
		title:   fmt.Sprintf("Identical rows in turns, %d comparisons each: %% with any claim, by rows", e.rounds),
		columns: columnsOf(1, "1", "5", "20", "100"),
	}
	var figures []float64
	for _, n := range []int{1, 5, 20, 100} {
		r := rand.New(rand.NewPCG(e.seed, uint64(n)))
		any := 0
		for range e.rounds {
			all, err := paired.NewRows(paired.Plan{})
			if err != nil {
				panic(err)
			}
			rows := make([]*paired.Row, n)
			for i := range rows {
				rows[i] = all.Join(false)
			}
			for running := true; running; running = all.Settle() {
				for _, row := range rows {
					row.Take(math.Exp(deviation*r.NormFloat64()), math.Exp(deviation*r.NormFloat64()))
				}
			}
			for _, row := range rows {
				if row.State().Outcome == paired.Different {
					any++
					break
				}
			}
		}
		figures = append(figures, percent(any, e.rounds))
	}
	t.add("tacho run --ab", figures...)
	return t
}
