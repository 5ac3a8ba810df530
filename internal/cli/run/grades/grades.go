// Package grades is what `tacho calibrate` learns from runs of one command: how much each benchmark varies while its code stays the same,
// which change could be seen, and the grade that follows.
//
// How the command is run and where the result is kept is the caller's.
package grades

import (
	"slices"
	"strconv"

	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Ended is why the runs ended.
type Ended string

// The ends.
const (
	AllRuns     Ended = "all_runs"
	MaxTime     Ended = "max_time"
	Interrupted Ended = "interrupted"
)

// Runs are the runs so far.
type Runs struct {
	Command string
	Usual   int // units a side that the grades are for
	Ended   Ended
	Report  string // where they are recorded; empty: nowhere

	n       int
	adapter adapter.Name
	rows    []*Row
	known   map[key]*Row
}

type key struct{ benchmark, measure string }

// Row is a benchmark and a measure.
type Row struct {
	Benchmark string
	Measure   unit.Measure
	runs      judge.Side
	units     bool // it came in two units: it cannot be judged
}

// New begins without a run.
func New(command string, usual int) *Runs {
	return &Runs{Command: command, Usual: usual, known: map[key]*Row{}}
}

// Count is how many runs there are.
func (r *Runs) Count() int { return r.n }

// Take takes in what a run has measured.
func (r *Runs) Take(results adapter.Results) {
	name := strconv.Itoa(r.n)
	r.n++
	r.adapter = results.Adapter
	for _, b := range results.Benchmarks {
		for _, m := range b.Metrics {
			k := key{b.Name, m.Measure.Name}
			row := r.known[k]
			if row == nil {
				row = &Row{Benchmark: b.Name, Measure: *m.Measure}
				r.known[k] = row
				r.rows = append(r.rows, row)
			}
			row.units = row.units || row.Measure.Units != m.Measure.Units
			values := m.Samples
			if len(values) == 0 {
				values = []float64{m.Value}
			}
			if last := len(row.runs) - 1; last >= 0 && row.runs[last].Name == name { // it came twice in this run
				row.runs[last].Values = slices.Concat(row.runs[last].Values, values)
				continue
			}
			row.runs = append(row.runs, judge.Process{Name: name, Values: values})
		}
	}
}

// Rows are those that can be judged, in the order in which they came.
func (r *Runs) Rows() (out []*Row) {
	for _, row := range r.rows {
		if !row.units {
			out = append(out, row)
		}
	}
	return out
}

// Noise is what is known of a row.
func (row *Row) Noise() judge.Noise { return judge.NoiseOf(row.Measure, row.runs) }

// Graded is how many rows have a grade.
func (r *Runs) Graded() (n int) {
	for _, row := range r.Rows() {
		if row.Noise().Grade(r.Usual) != judge.GradeLearning {
			n++
		}
	}
	return n
}

// claimed splits the runs as ABBA into two versions of the same code, and counts the rows that `tacho compare` would call changed.
func (r *Runs) claimed() (claimed, rows int) {
	var all []judge.Row
	for _, row := range r.Rows() {
		out := judge.Row{Benchmark: row.Benchmark, Measure: row.Measure}
		for i, p := range row.runs {
			if i%4 == 0 || i%4 == 3 {
				out.Old = append(out.Old, p)
			} else {
				out.New = append(out.New, p)
			}
		}
		all = append(all, out)
	}
	for _, c := range judge.Compare(all, judge.Policy{}).Rows {
		if c.Verdict.Changed() {
			claimed++
		}
	}
	return claimed, len(all)
}
