package grades

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Live is one line on what is known so far: the runs, and the row that varies most.
func (r *Runs) Live(of int) string {
	line := fmt.Sprintf("run %d of %d", r.n, of)
	var widest *Row
	most := 0.0
	for _, row := range r.Rows() {
		if sd := row.Noise().SD; sd > most {
			widest, most = row, sd
		}
	}
	if widest != nil {
		line += fmt.Sprintf(" · noisiest %s %s, sd %s", widest.Benchmark, widest.Measure.Name, judge.Percent(most))
	}
	return line
}

// WriteText prints the table for people.
func (r *Runs) WriteText(out *term.Screen) error {
	title := fmt.Sprintf("%s of %s  ·  %s", cli.Counted(r.n, "run", "runs"), r.Command, r.adapter)
	fmt.Fprintln(out.W, out.Paint(term.Title, term.Clean(title)))
	few, many := fmt.Sprintf("%d see", r.Usual), fmt.Sprintf("%d see", 2*r.Usual)
	t := &term.Table{Titles: []string{"benchmark", "measure", "typical", "sd", few, many, "grade", ""},
		Right: []bool{false, false, true, true, true, true, false, false}}
	steady := r.steady()
	for _, row := range r.Rows() {
		if steady[row.Measure.Name] {
			continue
		}
		n := row.Noise()
		grade := n.Grade(r.Usual)
		t.Add(term.Text(row.Benchmark), term.Text(row.Measure.Name), term.Text(unit.Format(n.Typical, row.Measure.Units)),
			term.Text(percent(n.SD)), term.Text(percent(n.Detectable(r.Usual))), term.Text(percent(n.Detectable(2*r.Usual))),
			show.GradeCell(string(grade)), term.Text(strings.Join(n.Remarks(), "; ")))
	}
	if err := t.Write(out); err != nil {
		return err
	}
	fmt.Fprintf(out.W, "\n%s\n", r.summary())
	for _, note := range r.notes() {
		fmt.Fprintln(out.W, out.Dim(term.Clean("  "+note)))
	}
	return nil
}

// percent is a part; nothing for one that is not known.
func percent(part float64) string {
	if math.IsNaN(part) || math.IsInf(part, 0) {
		return ""
	}
	return judge.Percent(part)
}

// steady are measures that are exact in all benchmarks, unless there is no other.
func (r *Runs) steady() map[string]bool {
	steady, loose := map[string]bool{}, false
	for _, row := range r.Rows() {
		exact := row.Noise().Exact
		if before, seen := steady[row.Measure.Name]; !seen || before {
			steady[row.Measure.Name] = exact
		}
		loose = loose || !exact
	}
	if !loose {
		return nil
	}
	return steady
}

// summary is how many rows have which grade.
func (r *Runs) summary() string {
	var grades []judge.Grade
	for _, row := range r.Rows() {
		grades = append(grades, row.Noise().Grade(r.Usual))
	}
	return show.Grades(grades)
}

// notes are what a reader should know.
func (r *Runs) notes() (notes []string) {
	switch r.Ended {
	case MaxTime:
		notes = append(notes, fmt.Sprintf("ended after %s because the time was up (--max-time)", cli.Counted(r.n, "run", "runs")))
	case Interrupted:
		notes = append(notes, fmt.Sprintf("interrupted after %s: this is what is known so far, and nothing was recorded",
			cli.Counted(r.n, "run", "runs")))
	}
	notes = append(notes, fmt.Sprintf("the grade is for %d runs a side: A sees a change of 1 %%, B 2 %%, C 5 %%, D 10 %%, E 25 %% in 80 %% "+
		"of cases, F only larger ones, or it has two modes", r.Usual))
	if claimed, rows := r.claimed(); r.n >= 4 {
		notes = append(notes, fmt.Sprintf("the runs as two versions in turns: %d of %d rows would be called changed", claimed, rows))
	}
	steady := r.steady()
	for _, row := range r.Rows() {
		if steady[row.Measure.Name] {
			delete(steady, row.Measure.Name)
			notes = append(notes, row.Measure.Name+" never varies")
		}
	}
	var partly, mixed []string
	for _, row := range r.rows {
		if row.units {
			mixed = append(mixed, row.Benchmark+" "+row.Measure.Name)
		} else if len(row.runs) < r.n {
			partly = append(partly, row.Benchmark+" "+row.Measure.Name)
		}
	}
	if len(partly) > 0 {
		notes = append(notes, "not in every run: "+show.Some(partly))
	}
	if len(mixed) > 0 {
		notes = append(notes, "in another unit in some runs, left out: "+show.Some(mixed))
	}
	return notes
}

// document is the result as JSON.
type document struct {
	Command string        `json:"command"`
	Adapter string        `json:"adapter"`
	Runs    int           `json:"runs"`
	Ended   Ended         `json:"ended"`
	At      time.Time     `json:"measured"`
	Usual   int           `json:"units"`
	Report  string        `json:"report,omitempty"`
	Claimed int           `json:"claimed"`
	Rows    []documentRow `json:"rows"`
	Notes   []string      `json:"notes"`
}

type documentRow struct {
	Benchmark  string              `json:"benchmark"`
	Measure    string              `json:"measure"`
	Units      string              `json:"units"`
	Grade      judge.Grade         `json:"grade"`
	Typical    *float64            `json:"typical"`
	SD         *float64            `json:"sd"`
	N          int                 `json:"n"`
	Samples    int                 `json:"samples"`
	Exact      bool                `json:"exact"`
	Detectable map[string]*float64 `json:"detectable"`
	Modes      *documentModes      `json:"modes,omitempty"`
	Drifts     bool                `json:"drifts,omitempty"`
	Notes      []judge.Note        `json:"notes,omitempty"`
}

type documentModes struct {
	Cut      float64 `json:"cut"`
	Share    float64 `json:"slow_share"`
	Units    int     `json:"slow_runs"`
	Outliers bool    `json:"outliers"`
}

// WriteJSON prints the result as JSON.
func (r *Runs) WriteJSON(w io.Writer, now time.Time) error {
	d := document{Command: r.Command, Adapter: string(r.adapter), Runs: r.n, Ended: r.Ended, At: now.UTC(), Usual: r.Usual, Report: r.Report,
		Rows: []documentRow{}, Notes: r.notes()}
	d.Claimed, _ = r.claimed()
	for _, row := range r.Rows() {
		n := row.Noise()
		out := documentRow{Benchmark: row.Benchmark, Measure: row.Measure.Name, Units: row.Measure.Units, Grade: n.Grade(r.Usual),
			Typical: show.Number(n.Typical), SD: show.Number(n.SD), N: n.Units, Samples: n.Values, Exact: n.Exact, Drifts: n.Drifts,
			Notes: n.Notes, Detectable: map[string]*float64{}}
		for _, units := range []int{r.Usual, 2 * r.Usual} {
			out.Detectable[fmt.Sprint(units)] = show.Number(n.Detectable(units))
		}
		if m := n.Modes; m != nil {
			out.Modes = &documentModes{m.Cut, m.Share, m.Units, m.Outliers}
		}
		d.Rows = append(d.Rows, out)
	}
	return cli.PrintJSON(w, d)
}
