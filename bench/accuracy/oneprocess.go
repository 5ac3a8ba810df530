package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
)

// onePair is how a comparison with one process a side is measured: iterations deviate by 2 %, and processes by something beyond that.
type onePair struct {
	rows, iterations int
	between          float64 // sd of a process, as a share
	changed          float64 // share of the rows
	size             float64 // of the changes, as a share
}

// draw makes a comparison; the first rows have changed.
func (o onePair) draw(r *rand.Rand) (rows []row, changed int) {
	changed = int(math.Round(o.changed * float64(o.rows)))
	rows = make([]row, o.rows)
	for i := range rows {
		level := 5 * r.Float64()
		one := func(level float64) [][]float64 {
			level += o.between * r.NormFloat64()
			values := make([]float64, o.iterations)
			for k := range values {
				values[k] = math.Exp(level + deviation*r.NormFloat64())
			}
			return [][]float64{values}
		}
		later := level
		if i < changed {
			later += math.Log1p(o.size)
		}
		rows[i] = row{one(level), one(later)}
	}
	return rows, changed
}

// iterationsAlone judges as tacho does, but takes iterations for independent: Welch and Benjamini–Hochberg, changes of 1 % and more.
func iterationsAlone(rows []row) []bool {
	ps, sizes, out := make([]float64, len(rows)), make([]float64, len(rows)), make([]bool, len(rows))
	for i, r := range rows {
		before, _ := stats.Logs(r.before[0])
		after, _ := stats.Logs(r.after[0])
		w := stats.Welch(before, after)
		ps[i], sizes[i] = w.P, math.Abs(math.Expm1(w.Estimate))
	}
	for i, q := range stats.BenjaminiHochberg(ps) {
		out[i] = q <= 0.05 && sizes[i] >= 0.01
	}
	return out
}

func (o onePair) simulate(e effort, rounds int, judged func([]row) []bool) (c claims) {
	r := rand.New(rand.NewPCG(e.seed, uint64(o.rows*1000+o.iterations)))
	for range rounds {
		rows, changed := o.draw(r)
		c.add(judged(rows), changed)
	}
	return c
}

// oneProcess are the tables of comparisons with one process a side.
func oneProcess(e effort) []table {
	rounds := max(1, e.rounds/3)
	methods := []comparer{{"tacho", tachoJudges}, {"the same, iterations taken for independent", iterationsAlone}}
	of := func(designs []onePair, name func(onePair) string, titles []string, figures ...func(claims) float64) []table {
		tables := make([]table, len(titles))
		lines := make([][][]float64, len(titles)) // of each table, the figures of each method
		for f := range tables {
			tables[f].title, lines[f] = titles[f], make([][]float64, len(methods))
		}
		for _, o := range designs {
			for i, m := range methods {
				c := o.simulate(e, rounds, m.judged)
				for f, figure := range figures {
					lines[f][i] = append(lines[f][i], figure(c))
				}
			}
			for f := range tables {
				tables[f].columns = append(tables[f].columns, column{fmt.Sprintf("%s: %d×%d", name(o), o.rows, o.iterations), 1})
			}
		}
		for f := range tables {
			for i, m := range methods {
				tables[f].add(m.name, lines[f][i]...)
			}
		}
		return tables
	}
	const by = ",\nby what processes deviate by (%), rows and iterations"
	same := fmt.Sprintf("One process a side, iterations deviate by 2 %%, identical code, %d reports: ", rounds)
	all := of([]onePair{{rows: 30, iterations: 2}, {rows: 30, iterations: 10}, {rows: 300, iterations: 10},
		{rows: 30, iterations: 10, between: .005}, {rows: 300, iterations: 10, between: .005},
		{rows: 30, iterations: 10, between: .01}, {rows: 300, iterations: 10, between: .01},
		{rows: 30, iterations: 20, between: .02}, {rows: 300, iterations: 5, between: .02},
		{rows: 30, iterations: 5, between: .05}, {rows: 300, iterations: 20, between: .05}},
		func(o onePair) string { return fmt.Sprintf("%g", 100*o.between) },
		[]string{same + "% of rows called different" + by, same + "% of reports with any" + by}, wrongRows, anyInReport)
	var slower []onePair
	for _, share := range []float64{1, 1. / 3, .1} {
		for _, o := range []onePair{{rows: 30, iterations: 10}, {rows: 30, iterations: 20}, {rows: 300, iterations: 10},
			{rows: 300, iterations: 20}} {
			o.changed, o.size = share, 0.03
			slower = append(slower, o)
		}
	}
	share := func(o onePair) string { return fmt.Sprintf("%.0f %%", 100*o.changed) }
	return append(all, of(slower, share, []string{fmt.Sprintf("One process "+
		"a side, processes add nothing, some rows are 3 %% slower, %d reports: %% of those found,\nby share of rows that are slower, rows "+
		"and iterations", rounds)}, foundRows)...)
}

// betweenCoverage is how often the interval of a row of one process a side holds the truth.
func betweenCoverage(e effort, o onePair) float64 {
	r := rand.New(rand.NewPCG(e.seed, 7))
	held, all := 0, 0
	for range max(1, e.rounds/6) {
		rows, changed := o.draw(r)
		given := make([]judge.Row, len(rows))
		for i, one := range rows {
			given[i] = judge.Row{Measure: *measures.Latency, Old: side(one.before), New: side(one.after)}
		}
		for i, c := range judge.Compare(given, judge.Policy{}).Rows {
			truth := 1.
			if i < changed {
				truth += o.size
			}
			if all++; c.Lower <= truth && truth <= c.Upper {
				held++
			}
		}
	}
	return percent(held, all)
}
