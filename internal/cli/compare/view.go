package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/cli/run/grades"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
)

// view is a comparison as all forms show it.
type view struct {
	before, after []string // files
	tool          string
	pairing
	cs      judge.Comparisons
	policy  judge.Policy
	verdict judge.Verdict
	noise   *grades.Known // nil: not known
	runs    []int         // of identical code that a server has of each row; nil: of none

	order   []int // of the rows, the surest first
	columns []column
	lines   []line // the surest first
	prefix  string // of all benchmarks' names
}

// column is a measure.
type column struct {
	name, units string
	direction   unit.Direction
	steady      bool // equal and exact in all rows: said in a sentence, not in columns
	exact       bool // no row was tested
	geomean     judge.Geomean
}

// line is a benchmark with its row for each column; −1 where it has none.
type line struct {
	benchmark, short string
	rows             []int
	changed          bool
}

func newView(before, after []string, p pairing, cs judge.Comparisons, policy judge.Policy) *view {
	v := &view{before: before, after: after, pairing: p, cs: cs, policy: policy, verdict: cs.Verdict(), order: cs.ByCertainty()}
	geomeans := map[string]judge.Geomean{}
	for _, g := range cs.Geomeans {
		geomeans[g.Measure] = g
	}
	v.arrange(geomeans)
	return v
}

// arrange makes columns of the measures and lines of the benchmarks.
func (v *view) arrange(geomeans map[string]judge.Geomean) {
	place := map[string]int{}
	for i, row := range v.rows {
		m := row.Measure
		at, seen := place[m.Name]
		if !seen {
			at = len(v.columns)
			place[m.Name] = at
			v.columns = append(v.columns, column{name: m.Name, units: m.Units, direction: m.Direction, steady: true, exact: true})
			v.columns[at].geomean = geomeans[m.Name]
		}
		c := &v.cs.Rows[i]
		v.columns[at].steady = v.columns[at].steady && c.Exact && c.Verdict == judge.Same && c.Why == judge.WhyNone
		v.columns[at].exact = v.columns[at].exact && c.Exact
	}
	known := map[string]int{}
	for _, i := range v.order {
		row := v.rows[i]
		at, seen := known[row.Benchmark]
		if !seen {
			at = len(v.lines)
			known[row.Benchmark] = at
			v.lines = append(v.lines, line{benchmark: row.Benchmark, short: row.Benchmark, rows: slices.Repeat([]int{-1}, len(v.columns))})
		}
		v.lines[at].rows[place[row.Measure.Name]] = i
		v.lines[at].changed = v.lines[at].changed || v.cs.Rows[i].Verdict.Changed() || v.cs.Rows[i].Verdict == suspicious
	}
	v.prefix = commonPrefix(v.lines)
	for i := range v.lines {
		v.lines[i].short = strings.TrimPrefix(v.lines[i].benchmark, v.prefix)
	}
}

// What rows say of a head that is held against a history, beside the verdicts.
const (
	suspicious = judge.Verdict(judge.Suspicious)
	learning   = judge.Verdict(judge.Learning)
)

// commonPrefix is what all names begin with, up to the end of a word of them; empty for one name.
func commonPrefix(lines []line) string {
	if len(lines) < 2 {
		return ""
	}
	prefix := lines[0].benchmark
	for _, l := range lines[1:] {
		for !strings.HasPrefix(l.benchmark, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix[:strings.LastIndexAny(prefix, "/.: #")+1]
}

// problems takes in what the adapters could not read.
func (v *view) problems(sides ...[]file) {
	for _, files := range sides {
		for _, f := range files {
			for _, p := range f.results.Problems {
				where := f.name
				if p.Line > 0 {
					where += fmt.Sprintf(", line %d", p.Line)
				}
				if p.Benchmark != "" {
					where += ", " + p.Benchmark
				}
				v.remarks = append(v.remarks, where+": "+p.Message)
			}
		}
	}
}

// cell is what is shown of a row.
type cell struct {
	old, new, change, test, visible, grade string
	verdict                                judge.Verdict
}

// showsGrades says whether there is a column for them.
func (v *view) showsGrades() bool { return v.noise != nil || v.runs != nil }

func (v *view) cell(i int) cell {
	if i < 0 {
		return cell{}
	}
	c, units := v.cs.Rows[i], v.rows[i].Measure.Units
	out := cell{verdict: c.Verdict, change: show.Claim(c, units), visible: c.Visible(), grade: string(c.Grade)}
	if !math.IsNaN(c.Old) {
		out.old = unit.Format(c.Old, units)
	}
	if !math.IsNaN(c.New) {
		out.new = unit.Format(c.New, units)
	}
	if out.grade == "" && v.runs != nil && v.runs[i] > 0 {
		out.grade = "learning"
	}
	if out.test = show.Test(c); c.Exact {
		out.visible = ""
	}
	return out
}

// geomean is the last row's change: a number only where its interval does not hold 1, or where all rows are exact.
func (c column) geomeanText() (text, n string) {
	g := c.geomean
	switch {
	case g.Benchmarks < 2:
		return "", ""
	case c.exact && g.Ratio != 1:
		return show.Percent(g.Ratio), ""
	case c.exact:
		return "same", ""
	case g.Units == [2]int{}: // of a history, where each row has units of its own
		return "~", ""
	case math.IsNaN(g.Lower), g.Lower <= 1 && 1 <= g.Upper:
		return "~", show.Counted(g.Units)
	}
	return fmt.Sprintf("%s [%s, %s]", show.Percent(g.Ratio), show.Percent(g.Lower), show.Percent(g.Upper)), show.Counted(g.Units)
}

// counts are the rows by verdict.
func (v *view) counts() map[judge.Verdict]int {
	out := map[judge.Verdict]int{}
	for _, c := range v.cs.Rows {
		out[c.Verdict]++
	}
	return out
}

// summary is one line: how many of each.
func (v *view) summary() string {
	var parts []string
	counts := v.counts()
	for _, verdict := range []judge.Verdict{judge.Worse, suspicious, judge.Better, judge.Different, judge.Same, judge.Undecided,
		learning} {
		if n := counts[verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, verdict))
		}
	}
	if len(parts) == 0 {
		return "nothing judged"
	}
	return strings.Join(parts, ", ")
}

// footnotes are what a reader should know, the most important first.
func (v *view) footnotes() (notes []string) {
	counts := v.counts()
	effect := judge.Percent(cmp.Or(v.policy.Effect, 0.02))
	single := 0
	for _, c := range v.cs.Rows {
		if c.Level == judge.ByIteration && !c.Exact && c.Why != judge.WhyNoData {
			single++
		}
	}
	if single > 0 {
		notes = append(notes, "one process a side: the iteration is the unit, and this holds for these two processes. To learn about the code, "+
			"run each version several times, in turns, and give each run's file (--old a1 --old a2 --new b1 --new b2)")
		notes = append(notes, v.betweenNotes()...)
	}
	if counts[judge.Undecided] > 0 {
		notes = append(notes, "~ is neither a change of 1 % or more nor surely the same within "+effect+"; beside it is what would have been "+
			"seen in 80 % of cases")
	}
	if v.runs != nil {
		notes = append(notes, fmt.Sprintf("grades are by up to %d runs of identical code (tacho noise list); learning: fewer than 10",
			slices.Max(v.runs)))
	}
	if v.noise != nil {
		notes = append(notes, fmt.Sprintf("grades for %d runs a side and, below 5 runs a side, what could have been seen: by %d runs of "+
			"identical code of %s", v.noise.Usual, v.noise.Runs, v.noise.At.Format(time.DateOnly)))
	}
	if needed := v.needed(); needed > 0 {
		notes = append(notes, fmt.Sprintf("to see %s in half of the undecided rows, it takes %d %s a side", effect, needed, v.levels()))
	}
	if at := v.where(func(c judge.Comparison) bool { return c.Verdict == suspicious }); len(at) > 0 {
		notes = append(notes, fmt.Sprintf("suspicious is no verdict: outside of what the next report of the old side would be in 999 of 1,000 "+
			"cases. Measure the new side again on other days or hosts, or both in turns (tacho run --ab): %s", v.named(at)))
	}
	for _, why := range []judge.Why{judge.WhyOneUnit, judge.WhyNoVariance, judge.WhyNoData, judge.WhyLearning} {
		if at := v.where(func(c judge.Comparison) bool { return c.Why == why }); len(at) > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s", v.cs.Rows[at[0]].Because(v.policy), v.named(at)))
		}
	}
	for i, c := range v.cs.Rows {
		if m := c.Modes; m != nil && m.P <= 0.05 {
			what := "slow mode"
			if m.Outliers {
				what = "outliers"
			}
			notes = append(notes, fmt.Sprintf("%s: %s in %d of %d → %d of %d", v.name(i), what, m.Slow[0], c.Units[0], m.Slow[1], c.Units[1]))
		}
	}
	for _, n := range []judge.Note{judge.NoteTestsDisagree, judge.NoteAutocorrelated, judge.NoteWarmUp, judge.NoteQuantised,
		judge.NoteNotFinite} {
		if at := v.where(func(c judge.Comparison) bool { return slices.Contains(c.Notes, n) }); len(at) > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s", n.Text(), v.named(at)))
		}
	}
	for _, c := range v.columns {
		if c.steady {
			notes = append(notes, fmt.Sprintf("%s is equal in all benchmarks", c.name))
		}
	}
	if len(v.onlyOld) > 0 {
		notes = append(notes, "only on the old side: "+show.Some(v.onlyOld))
	}
	if len(v.onlyNew) > 0 {
		notes = append(notes, "only on the new side: "+show.Some(v.onlyNew))
	}
	return append(notes, v.remarks...)
}

// betweenNotes say what the two processes differ by beyond their iterations, or that it is not known.
func (v *view) betweenNotes() (notes []string) {
	var unknown []string
	for _, b := range v.cs.Between {
		switch {
		case !b.Known():
			unknown = append(unknown, b.Measure)
		case b.SD > 0 && b.From != b.Measure:
			notes = append(notes, fmt.Sprintf("%s: intervals are widened by what the rows of %s show (%s), because it has too few of its own",
				b.Measure, b.From, judge.Percent(math.Expm1(b.SD))))
		case b.SD > 0:
			notes = append(notes, fmt.Sprintf("%s: its %d rows differ between the two processes by %s more than their iterations explain; "+
				"intervals are widened by it", b.Measure, b.Rows, judge.Percent(math.Expm1(b.SD))))
		}
	}
	if len(unknown) > 0 && len(v.where(func(c judge.Comparison) bool { return slices.Contains(c.Notes, judge.NoteBetweenUnknown) })) > 0 {
		notes = append(notes, fmt.Sprintf("by how much two processes of one program differ is not known from fewer than %d rows and is not in "+
			"the intervals: identical code can look changed (--noise with a file of 'tacho calibrate --json' knows it): %s", stats.ExcessLeast,
			strings.Join(unknown, ", ")))
	}
	return notes
}

// needed is the median of the units that undecided rows need; 0 where none is known.
func (v *view) needed() int {
	var all []int
	for _, c := range v.cs.Rows {
		if c.Why == judge.WhyTooFew && c.Needed > 0 {
			all = append(all, c.Needed)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func (v *view) levels() string {
	for _, c := range v.cs.Rows {
		switch c.Level {
		case judge.ByProcess:
			return "processes"
		case judge.ByReport:
			return "reports"
		}
	}
	return "iterations"
}

func (v *view) where(is func(judge.Comparison) bool) (at []int) {
	for i, c := range v.cs.Rows {
		if is(c) {
			at = append(at, i)
		}
	}
	return at
}

// named are the first rows of those by name.
func (v *view) named(at []int) string {
	var names []string
	for _, i := range at {
		names = append(names, v.name(i))
	}
	return show.Some(names)
}

func (v *view) name(i int) string {
	name := strings.TrimPrefix(v.rows[i].Benchmark, v.prefix)
	if len(v.columns) > 1 {
		name += " " + v.rows[i].Measure.Name
	}
	return name
}
