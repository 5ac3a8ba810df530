package ab

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/paired"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Verdict is what the comparison says as a whole, by the rule of all comparisons.
func (c *Comparison) Verdict() judge.Verdict { return c.judged().Verdict() }

// Pairs is how many were measured.
func (c *Comparison) Pairs() int { return c.rows.Pairs() }

// Ended is why the runs ended.
func (c *Comparison) Ended() Ended { return c.ended }

// judged are the rows as other comparisons have them. P is only for their order.
func (c *Comparison) judged() judge.Comparisons {
	var out judge.Comparisons
	for _, r := range c.ordered {
		s := r.trial.State()
		verdict, why := c.verdict(r, s)
		out.Rows = append(out.Rows, judge.Comparison{Verdict: verdict, Why: why, Old: s.A, New: s.B, Units: [2]int{s.Pairs, s.Pairs},
			Ratio: s.Ratio, Lower: s.Lower, Upper: s.Upper, Difference: s.B - s.A, P: s.P, Q: s.Q, Exact: s.Exact, Detectable: s.Detectable})
	}
	return out
}

// Live is one line on what is known so far: the pairs, and the row that is furthest from a decision.
func (c *Comparison) Live() string {
	decided, widest, last := 0, -1.0, ""
	next := c.opts.Plan.Looks()
	for _, r := range c.ordered {
		s := r.trial.State()
		if s.Outcome != paired.Running {
			if s.Outcome != paired.Undecided {
				decided++
			}
			continue
		}
		width := math.Log(s.Upper / s.Lower)
		if math.IsNaN(width) || math.IsInf(width, 0) {
			width = math.MaxFloat64
		}
		if width > widest {
			widest, last = width, r.benchmark+" "+r.measure.Name
			if width < math.MaxFloat64 {
				last += " " + show.Percent(s.Ratio) + " " + interval(s.Lower, s.Upper)
			}
		}
	}
	line := fmt.Sprintf("pair %d of at most %d · %d of %d decided", c.Pairs(), next[len(next)-1], decided, len(c.ordered))
	if last != "" {
		line += " · " + last
	}
	return line
}

// AtLook reports whether the last pair was one at which rows are decided.
func (c *Comparison) AtLook() bool { return slices.Contains(c.opts.Plan.Looks(), c.Pairs()) }

func interval(lower, upper float64) string {
	if math.IsNaN(lower) || math.IsNaN(upper) || math.IsInf(upper, 0) {
		return ""
	}
	return "[" + show.Percent(lower) + ", " + show.Percent(upper) + "]"
}

// WriteText prints the table for people.
func (c *Comparison) WriteText(out *term.Screen) error {
	title := fmt.Sprintf("base %s  ·  head %s  ·  %s", c.sides[0].Name, c.sides[1].Name, c.adapter)
	if c.opts.Command != "" {
		title += "  ·  " + c.opts.Command
	}
	fmt.Fprintln(out.W, out.Paint(term.Title, term.Clean(title)))
	cs := c.judged()
	t := &term.Table{Titles: []string{"benchmark", "measure", "base", "head", "change", "95 % interval", "pairs", "could see", "verdict"},
		Right: []bool{false, false, true, true, true, false, true, true, false}}
	steady := c.steady(cs)
	for _, i := range cs.ByCertainty() {
		r, j := c.ordered[i], cs.Rows[i]
		if steady[r.measure.Name] && len(steady) < c.measures() {
			continue
		}
		change, between, visible := "~", interval(j.Lower, j.Upper), j.Visible()
		if j.Verdict.Changed() && !math.IsNaN(j.Ratio) {
			change = show.Percent(j.Ratio)
		} else if j.Verdict.Changed() || j.Verdict == judge.Same {
			change = show.Claim(j, r.measure.Units)
		}
		if j.Exact {
			between, visible = "exact", ""
		}
		t.Add(term.Text(r.benchmark), term.Text(r.measure.Name), term.Text(unit.Format(j.Old, r.measure.Units)),
			term.Text(unit.Format(j.New, r.measure.Units)), term.Cell{Text: change, Colour: show.Colour(j.Verdict)}, term.Text(between),
			term.Text(fmt.Sprint(j.Units[0])), term.Text(visible), term.Cell{Text: string(j.Verdict), Colour: show.Colour(j.Verdict)})
	}
	if err := t.Write(out); err != nil {
		return err
	}
	fmt.Fprintf(out.W, "\n%s\n", c.summary(cs))
	for _, note := range c.notes(cs) {
		fmt.Fprintln(out.W, out.Dim(term.Clean("  "+note)))
	}
	return nil
}

// steady are the measures that are exact and equal in all benchmarks.
func (c *Comparison) steady(cs judge.Comparisons) map[string]bool {
	out, broken := map[string]bool{}, map[string]bool{}
	for i, r := range c.ordered {
		equal := cs.Rows[i].Exact && cs.Rows[i].Verdict == judge.Same
		broken[r.measure.Name] = broken[r.measure.Name] || !equal
		if out[r.measure.Name] = !broken[r.measure.Name]; broken[r.measure.Name] {
			delete(out, r.measure.Name)
		}
	}
	return out
}

func (c *Comparison) measures() int {
	names := map[string]bool{}
	for _, r := range c.ordered {
		names[r.measure.Name] = true
	}
	return len(names)
}

func (c *Comparison) summary(cs judge.Comparisons) string {
	var parts []string
	for _, verdict := range []judge.Verdict{judge.Worse, judge.Better, judge.Different, judge.Same, judge.Undecided} {
		n := 0
		for _, row := range cs.Rows {
			if row.Verdict == verdict {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, verdict))
		}
	}
	return strings.Join(parts, ", ")
}

// notes are what a reader should know, the most important first.
func (c *Comparison) notes(cs judge.Comparisons) (notes []string) {
	effect := judge.Percent(c.opts.Plan.Effect)
	switch c.ended {
	case Decided:
	case MaxPairs:
		notes = append(notes, fmt.Sprintf("ended after %d pairs, the most that were allowed (--max-pairs)", c.Pairs()))
	case MaxTime:
		notes = append(notes, fmt.Sprintf("ended after %d pairs because the time was up (--max-time %s)", c.Pairs(), c.opts.MaxTime))
	case Interrupted:
		notes = append(notes, fmt.Sprintf("interrupted after %d pairs: this is what is known so far", c.Pairs()))
	case Failed:
		notes = append(notes, fmt.Sprintf("a run failed after %d pairs: this is what was known until then", c.Pairs()))
	}
	undecided, tested, noRatio := 0, 0, []string(nil)
	for i, row := range cs.Rows {
		if row.Verdict == judge.Undecided {
			undecided++
		}
		if !row.Exact {
			tested++
		}
		if row.Why == judge.WhyNoData {
			noRatio = append(noRatio, c.ordered[i].benchmark+" "+c.ordered[i].measure.Name)
		}
	}
	if undecided > 0 {
		notes = append(notes, "~ is neither a change nor surely the same within "+effect+" (--until); beside it is what would have been "+
			"seen in 80 % of cases")
	}
	if tested > 1 {
		notes = append(notes, fmt.Sprintf("of the changes claimed in %d tested rows together 5 %% at most are false (repeated p-values, "+
			"Benjamini and Hochberg)", tested))
	}
	if len(noRatio) > 0 {
		notes = append(notes, "values of zero or below have no ratio, and they vary: "+show.Some(noRatio))
	}
	steady := c.steady(cs)
	if len(steady) < c.measures() {
		for _, r := range c.ordered {
			if steady[r.measure.Name] {
				delete(steady, r.measure.Name)
				notes = append(notes, r.measure.Name+" is equal in all benchmarks")
			}
		}
	}
	for side := range names {
		if only := c.only(side); len(only) > 0 {
			notes = append(notes, "only on the "+names[side]+", not compared: "+show.Some(only))
		}
	}
	notes = append(notes, c.remarks...)
	notes = append(notes, c.opts.Notes...)
	return append(notes, fmt.Sprintf("order %s, again with --seed %d", c.blocks(), c.opts.Seed))
}

// blocks are the first ones of the order.
func (c *Comparison) blocks() string {
	const size = 4
	var blocks []string
	for at, order := 0, c.order.String(); at < len(order); at += size {
		if len(blocks) == limits.ABOrderShown {
			return strings.Join(append(blocks, "…"), " ")
		}
		blocks = append(blocks, order[at:min(at+size, len(order))])
	}
	return strings.Join(blocks, " ")
}

// only are the benchmarks of a side that the other one lacks.
func (c *Comparison) only(side int) (out []string) {
	for _, name := range c.lists[side] {
		if !c.seen[1-side][name] {
			out = append(out, name)
		}
	}
	return out
}

// document is the comparison as JSON.
type document struct {
	Verdict  judge.Verdict `json:"verdict"`
	Ended    Ended         `json:"ended"`
	Base     string        `json:"base"`
	Head     string        `json:"head"`
	Adapter  string        `json:"adapter"`
	Seed     uint64        `json:"seed"`
	Order    string        `json:"order"`
	Command  string        `json:"command,omitempty"`
	Commits  *[2]string    `json:"commits,omitempty"`
	Dirty    *[2]bool      `json:"dirty,omitempty"`
	SameCode bool          `json:"same_code,omitempty"`
	Effect   float64       `json:"effect"`
	Pairs    int           `json:"pairs"`
	Rows     []documentRow `json:"rows"`
	OnlyBase []string      `json:"only_base,omitempty"`
	OnlyHead []string      `json:"only_head,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
}

type documentRow struct {
	Benchmark  string        `json:"benchmark"`
	Measure    string        `json:"measure"`
	Units      string        `json:"units"`
	Direction  string        `json:"direction"`
	Verdict    judge.Verdict `json:"verdict"`
	Why        judge.Why     `json:"why,omitempty"`
	Base       *float64      `json:"base"`
	Head       *float64      `json:"head"`
	Ratio      *float64      `json:"ratio"`
	Interval   *[2]float64   `json:"interval"`
	Pairs      int           `json:"pairs"`
	Failed     int           `json:"failed_pairs,omitempty"`
	Exact      bool          `json:"exact"`
	Q          *float64      `json:"q"`
	Detectable *float64      `json:"detectable"`
}

// WriteJSON prints the comparison as JSON.
func (c *Comparison) WriteJSON(w io.Writer) error {
	d := document{Ended: c.ended, Base: c.sides[0].Name, Head: c.sides[1].Name, Adapter: c.adapter, Seed: c.opts.Seed, Pairs: c.Pairs(),
		Effect: c.opts.Plan.Effect, Rows: []documentRow{}, OnlyBase: c.only(0), OnlyHead: c.only(1)}
	d.Order, d.Command, d.SameCode = c.order.String(), c.opts.Command, c.opts.Same
	if c.sides[0].Commit != "" || c.sides[1].Commit != "" {
		d.Commits, d.Dirty = &[2]string{c.sides[0].Commit, c.sides[1].Commit}, &[2]bool{c.sides[0].Dirty, c.sides[1].Dirty}
	}
	cs := c.judged()
	d.Verdict, d.Notes = cs.Verdict(), c.notes(cs)
	for _, i := range cs.ByCertainty() {
		r, j := c.ordered[i], cs.Rows[i]
		row := documentRow{Benchmark: r.benchmark, Measure: r.measure.Name, Units: r.measure.Units, Direction: string(r.measure.Direction),
			Verdict: j.Verdict, Why: j.Why, Base: show.Number(j.Old), Head: show.Number(j.New), Ratio: show.Number(j.Ratio),
			Pairs: j.Units[0], Exact: j.Exact,
			Interval: show.Numbers(j.Lower, j.Upper), Failed: r.trial.State().Failed, Q: show.Number(j.Q), Detectable: show.Number(j.Detectable)}
		d.Rows = append(d.Rows, row)
	}
	return cli.PrintJSON(w, d)
}
