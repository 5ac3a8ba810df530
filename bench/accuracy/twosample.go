package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/tachograph/tacho/bench/accuracy/baseline"
	"github.com/tachograph/tacho/internal/core/judge"
	measures "github.com/tachograph/tacho/internal/core/unit"
)

// units are how many independent measurements a side has.
var units = []int{1, 2, 3, 5, 6, 10, 20}

// deviation is that of a unit: 2 %. The other two are of designs that have iterations in a process, and a host that all rows share.
const (
	deviation    = 0.02
	iterationDev = 0.01
	sharedPart   = 0.5 // of the variance
)

// row is one benchmark of two versions, by process.
type row struct{ before, after [][]float64 }

// comparer judges a whole report: for each row, whether a change is claimed.
type comparer struct {
	name   string
	judged func(rows []row) []bool
}

func comparers() []comparer {
	all := []comparer{{"tacho", tachoJudges}}
	for _, test := range baseline.Tests() {
		all = append(all, comparer{test.Name, func(rows []row) []bool {
			out := make([]bool, len(rows))
			for i, r := range rows {
				out[i] = test.Differs(r.before, r.after)
			}
			return out
		}})
	}
	return all
}

func tachoJudges(rows []row) []bool {
	given := make([]judge.Row, len(rows))
	for i, r := range rows {
		given[i] = judge.Row{Measure: *measures.Latency, Old: side(r.before), New: side(r.after)}
	}
	out := make([]bool, len(rows))
	for i, c := range judge.Compare(given, judge.Policy{}).Rows {
		out[i] = c.Verdict.Changed()
	}
	return out
}

func side(processes [][]float64) (s judge.Side) {
	for i, values := range processes {
		s = append(s, judge.Process{Name: strconv.Itoa(i), Values: values})
	}
	return s
}

// design is how a comparison is measured.
type design struct {
	rows, changed int
	size          float64 // of the changes, as a share
	iterations    int     // in each process; below 2 a process has one value
	shared        bool    // half of the variance is that of a host, which all rows of a unit share
}

// draw makes a comparison with n processes a side.
func (d design) draw(r *rand.Rand, n int) []row {
	var hosts [2][]float64
	for s := range hosts {
		for range n {
			hosts[s] = append(hosts[s], r.NormFloat64())
		}
	}
	out := make([]row, d.rows)
	for i := range out {
		level := 5 * r.Float64()
		one := func(s int, level float64) [][]float64 {
			processes := make([][]float64, n)
			for k := range processes {
				off := r.NormFloat64()
				if d.shared {
					off = math.Sqrt(sharedPart)*hosts[s][k] + math.Sqrt(1-sharedPart)*off
				}
				at := level + deviation*off
				if d.iterations < 2 {
					processes[k] = []float64{math.Exp(at)}
					continue
				}
				for range d.iterations {
					processes[k] = append(processes[k], math.Exp(at+iterationDev*r.NormFloat64()))
				}
			}
			return processes
		}
		later := level
		if i < d.changed {
			later += math.Log1p(d.size)
		}
		out[i] = row{one(0, level), one(1, later)}
	}
	return out
}

// claims is what a method claimed in many comparisons.
type claims struct{ rows, changed, comparisons, right, wrong, any int }

func (c *claims) add(claimed []bool, changed int) {
	wrong := 0
	for i, yes := range claimed {
		switch {
		case yes && i < changed:
			c.right++
		case yes:
			wrong++
		}
	}
	c.wrong += wrong
	c.comparisons++
	if wrong > 0 {
		c.any++
	}
	c.rows, c.changed = c.rows+len(claimed)-changed, c.changed+changed
}

// spared is how many comparisons a method of others is spared for each that it judges: most of its figures are far from ours.
const spared = 3

// simulate has ours judge all comparisons, and the methods of others every fourth of the same.
func simulate(e effort, d design, n, rounds int) []claims {
	methods := comparers()
	out := make([]claims, len(methods))
	r := rand.New(rand.NewPCG(e.seed, uint64(n)))
	for round := range rounds {
		rows := d.draw(r, n)
		for i, m := range methods {
			if i == 0 || round%(spared+1) == 0 {
				out[i].add(m.judged(rows), d.changed)
			}
		}
	}
	return out
}

// byUnits is a table with a column for each number of units and a line for each method.
func byUnits(e effort, title string, d design, rounds int, figure func(claims) float64) table {
	return figuresByUnits(title, func(n int) []claims { return simulate(e, d, n, rounds) }, []string{""},
		[]func(claims) float64{figure})[0]
}

// figuresByUnits are tables of several figures of the same comparisons, each with what its title ends in.
func figuresByUnits(title string, of func(n int) []claims, ends []string, figures []func(claims) float64) []table {
	tables := make([]table, len(figures))
	methods := comparers()
	columns := make([][]claims, len(units))
	var names []string
	for k, n := range units {
		columns[k] = of(n)
		names = append(names, strconv.Itoa(n))
	}
	for f := range figures {
		tables[f] = table{title: title + ends[f], columns: columnsOf(1, names...)}
		for i, m := range methods {
			var line []float64
			for k := range units {
				line = append(line, figures[f](columns[k][i]))
			}
			tables[f].add(m.name, line...)
		}
	}
	return tables
}

func percent(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return 100 * float64(a) / float64(b)
}

func wrongRows(c claims) float64   { return percent(c.wrong, c.rows) }
func foundRows(c claims) float64   { return percent(c.right, c.changed) }
func anyInReport(c claims) float64 { return percent(c.any, c.comparisons) }
func wrongClaims(c claims) float64 { return percent(c.wrong, c.wrong+c.right) }

// twoSamples are the tables of comparisons of two versions.
func twoSamples(e effort, benchmarks []processes) (all []table) {
	single := 10 * e.rounds
	const by = ", by units a side"
	all = append(all,
		byUnits(e, "Two versions that are identical, one row: % called different"+by, design{rows: 1}, single, wrongRows),
		byUnits(e, "One row that is 3 % slower, units deviate by 2 %: % found"+by, design{rows: 1, changed: 1, size: 0.03}, single, foundRows),
		byUnits(e, "Identical, 10 iterations in each process (2 % between, 1 % within): % called different, by processes a side",
			design{rows: 1, iterations: 10}, single/2, wrongRows))
	all[len(all)-1].note = "1: two processes are compared by their iterations; tacho says that the verdict holds for these two processes only."
	many := design{rows: 300}
	same := fmt.Sprintf("A report of 300 identical rows, %d reports (the others: %d): ", e.rounds, e.rounds/(spared+1))
	of := func(d design, rounds int) func(int) []claims {
		return func(n int) []claims { return simulate(e, d, n, rounds) }
	}
	all = append(all, figuresByUnits(same, of(many, e.rounds), []string{"% of rows called different" + by, "% of reports with any" + by},
		[]func(claims) float64{wrongRows, anyInReport})...)
	shared := many
	shared.shared = true
	all = append(all, figuresByUnits("The same where all rows share a host's half of the variance: ", of(shared, e.rounds),
		[]string{"% of rows called different" + by, "% of reports with any" + by}, []func(claims) float64{wrongRows, anyInReport})...)
	changed := many
	changed.changed, changed.size = 15, 0.05
	all = append(all, figuresByUnits("A report of 300 rows of which 15 are 5 % slower: ", of(changed, e.rounds/8+1),
		[]string{"% of those found" + by, "% of what is claimed that is wrong" + by}, []func(claims) float64{foundRows, wrongClaims})...)
	return append(all, realProcesses(e, benchmarks))
}

// processes are what ten forks of a benchmark measured of identical code, ten steady stretches each, in seconds.
type processes [][]float64

func realForks() ([]processes, error) { return unzipped[processes](forks, "forks") }

// realProcesses compares real forks of one version with each other, and with a change put in.
func realProcesses(e effort, benchmarks []processes) table {
	t := table{
		title: fmt.Sprintf("Real JMH forks of %d benchmarks, split at random %d times: %% called different where nothing changed,\n"+
			"%% found of changes put in, by forks a side", len(benchmarks), max(1, e.rounds/20)),
		columns: columnsOf(1, "same: 2", "same: 3", "same: 5", "2 %: 3", "2 %: 5", "5 %: 3", "5 %: 5", "10 %: 5"),
	}
	methods := comparers()
	figures := make([][]float64, len(methods))
	for _, c := range []struct {
		n    int
		size float64
	}{{2, 0}, {3, 0}, {5, 0}, {3, 0.02}, {5, 0.02}, {3, 0.05}, {5, 0.05}, {5, 0.1}} {
		r := rand.New(rand.NewPCG(e.seed, uint64(c.n)))
		counted := make([]claims, len(methods))
		for range max(1, e.rounds/20) {
			for _, forks := range benchmarks {
				before, after := split(r, forks, c.n, c.size)
				rows := []row{{before, after}}
				for i, m := range methods {
					counted[i].add(m.judged(rows), 0)
				}
			}
		}
		for i := range methods {
			figures[i] = append(figures[i], wrongRows(counted[i]))
		}
	}
	for i, m := range methods {
		t.add(m.name, figures[i]...)
	}
	return t
}

// split deals n forks to each side; those of the second are slower by a share.
func split(r *rand.Rand, forks processes, n int, slower float64) (a, b [][]float64) {
	order := r.Perm(len(forks))
	for _, i := range order[:n] {
		a = append(a, forks[i])
	}
	for _, i := range order[n : 2*n] {
		values := make([]float64, len(forks[i]))
		for k, v := range forks[i] {
			values[k] = v * (1 + slower)
		}
		b = append(b, values)
	}
	return a, b
}
