// Package show prints what several commands print: above all a report, as a table with its limits, its alerts and, where no threshold
// judged, the change since the previous report.
package show

import (
	"fmt"
	"math"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/core/unit"
)

// View is a report as people read it.
type View struct {
	Report  api.Report
	Before  *comparison // nil: there is nothing to compare with
	Start   string      // where the branch begins, as main@0123456789ab; empty: with itself
	Session *cli.Session
}

// Write prints table, alerts and address on out, and what is odd about the report on errs.
func (v View) Write(out, errs *term.Screen) error {
	r := v.Report
	for _, w := range r.Warnings {
		fmt.Fprintf(errs.W, "tacho: warning: %s\n", term.Clean(w))
	}
	for i, p := range r.Problems {
		if i == limits.ShownProblems {
			fmt.Fprintf(errs.W, "tacho: … and %d more problems; --format json has all\n", len(r.Problems)-i)
			break
		}
		fmt.Fprintf(errs.W, "tacho: problem: %s\n", term.Clean(problemLine(p)))
	}
	fmt.Fprintln(out.W, out.Paint(term.Title, term.Clean(heading(r))))
	if r.Adapter == string(adapter.Magic) && r.Recognised != "" {
		fmt.Fprintln(out.W, out.Dim("recognised "+term.Clean(r.Recognised)))
	}
	if r.Status != api.ReportProcessed {
		line := "no results yet: the report is " + string(r.Status)
		if r.Error != "" {
			line = r.Error
		}
		fmt.Fprintln(out.W, term.Clean(line))
		v.writeWhere(out)
		return nil
	}
	table, cut := v.table()
	if err := table.Write(out); err != nil {
		return err
	}
	if cut > 0 {
		fmt.Fprintf(out.W, "… and %d more; --format json has all\n", cut)
	}
	if v.Before != nil {
		fmt.Fprintln(out.W, out.Dim("compared with "+term.Clean(v.Before.what)))
		for _, note := range v.Before.notes {
			fmt.Fprintln(out.W, out.Dim(term.Clean(note)))
		}
		if v.Before.oneEach {
			fmt.Fprintln(out.W, out.Dim("one process a side: this holds for these two processes; --iter 5 runs the command five times"))
		}
	}
	if v.Start != "" {
		fmt.Fprintln(out.W, out.Dim(term.Clean("branch "+r.Branch.Name+" begins with the history of "+v.Start)))
	}
	if len(r.Alerts) > 0 {
		fmt.Fprintf(out.W, "\n%s\n", out.Red(cli.Counted(len(r.Alerts), "alert", "alerts")))
		for i, a := range r.Alerts {
			if i == limits.ShownAlerts {
				fmt.Fprintf(out.W, "  … and %d more; --format json has all\n", len(r.Alerts)-i)
				break
			}
			fmt.Fprintf(out.W, "  %s\n", term.Clean(alertLine(a)))
		}
	}
	v.writeWhere(out)
	return nil
}

// writeWhere says where the report can be looked at again.
func (v View) writeWhere(out *term.Screen) {
	if page := v.Session.Page("projects", v.Report.Project.Slug, "reports", v.Report.UUID); page != "" {
		fmt.Fprintf(out.W, "\nreport %s\n", page)
		return
	}
	fmt.Fprintf(out.W, "\nreport %s (tacho report view %s %s)\n", v.Report.UUID, v.Report.Project.Slug, v.Report.UUID)
}

func heading(r api.Report) string {
	parts := []string{"project " + r.Project.Slug, "branch " + r.Branch.Name}
	if at := r.Branch.Head.Version; at != nil {
		version := fmt.Sprintf("version %d", at.Number)
		if at.Hash != nil {
			version += " (" + ShortHash(*at.Hash) + changed(r) + ")"
		}
		parts = append(parts, version)
	}
	parts = append(parts, "testbed "+r.Testbed.Name)
	if r.Adapter != "" {
		parts = append(parts, "adapter "+r.Adapter)
	}
	return strings.Join(parts, " · ")
}

// changed is said behind a commit that is not quite what was measured.
func changed(r api.Report) string {
	if series.Dirty(r.Context) {
		return " with uncommitted changes"
	}
	return ""
}

// ShortHash is a commit as people read it.
func ShortHash(hash string) string { return hash[:min(12, len(hash))] }

// Commit is who wrote a commit and what it is about, as "Read faster, by Ada"; empty if neither is known.
func Commit(c *api.Commit) string {
	switch {
	case c == nil:
		return ""
	case c.Author == "":
		return c.Subject
	case c.Subject == "":
		return "by " + c.Author
	}
	return c.Subject + ", by " + c.Author
}

func problemLine(p api.Problem) string {
	var where []string
	if p.Benchmark != "" {
		where = append(where, p.Benchmark)
	}
	if p.Line > 0 {
		where = append(where, fmt.Sprintf("line %d", p.Line))
	}
	if len(where) == 0 {
		return p.Message
	}
	return strings.Join(where, ", ") + ": " + p.Message
}

// alertLine says what is outside which limit.
func alertLine(a api.Alert) string {
	measure, units := "", unit.Generic
	if a.Threshold.Measure != nil {
		measure, units = a.Threshold.Measure.Name, a.Threshold.Measure.Units
	}
	limit, sign := a.Boundary.UpperLimit, ">"
	if a.Limit == "lower" {
		limit, sign = a.Boundary.LowerLimit, "<"
	}
	line := fmt.Sprintf("%s %s %s", a.Benchmark.Name, measure, unit.Format(a.Metric.Value, units))
	if limit != nil {
		line += fmt.Sprintf(" %s %s limit %s", sign, a.Limit, unit.Format(*limit, units))
	}
	if base := a.Boundary.Baseline; base != nil {
		line += fmt.Sprintf(" (baseline %s, %s)", unit.Format(*base, units), Change(*base, a.Metric.Value))
	}
	if a.Status != api.AlertActive {
		line += " " + string(a.Status)
	}
	return line
}

// Change is the relative change from base to value.
func Change(base, value float64) string {
	if base == value {
		return "0%"
	}
	percent, ok := unit.Percent(base, value)
	if !ok {
		return "from 0" // or next to nothing
	}
	return fmt.Sprintf("%+.1f%%", percent)
}

// row is one metric of the table.
type row struct {
	iteration                  int
	benchmark, measure         string
	value, base, change, limit string
	grade, verdict             string
	colour                     term.Colour
	alert                      bool
}

// table lists the metrics. Past limits.TableRows it keeps those with an alert and the first others, and says how many it left out.
func (v View) table() (t term.Table, cut int) {
	alerts := map[string]string{} // metric → limit
	for _, a := range v.Report.Alerts {
		alerts[a.Metric.UUID] = a.Limit
	}
	var rows []row
	judged, graded := false, false
	for i, iteration := range v.Report.Results {
		for _, result := range iteration {
			for _, m := range result.Measures {
				r := v.row(result.Benchmark, m, alerts[m.Metric.UUID], i)
				judged, graded = judged || m.Boundary != nil, graded || m.Identical > 0
				rows = append(rows, r)
			}
		}
	}
	if len(rows) > limits.TableRows {
		cut = len(rows) - limits.TableRows
		rows = keep(rows, limits.TableRows)
	}
	several := len(v.Report.Results) > 1
	add := func(title string, right bool) {
		t.Titles, t.Right = append(t.Titles, title), append(t.Right, right)
	}
	if several {
		add("#", true)
	}
	add("benchmark", false)
	add("measure", false)
	add("value", true)
	if judged || v.Before != nil {
		add("baseline", true)
		add("change", true)
	}
	if judged {
		add("limit", true)
	}
	if graded {
		add("grade", false)
	}
	if judged || v.Before != nil {
		add("", false)
	}
	for _, r := range rows {
		var cells []term.Cell
		if several {
			cells = append(cells, term.Text(fmt.Sprint(r.iteration)))
		}
		cells = append(cells, term.Text(r.benchmark), term.Text(r.measure), term.Text(r.value))
		if judged || v.Before != nil {
			cells = append(cells, term.Text(r.base), term.Cell{Text: r.change, Colour: r.colour})
		}
		if judged {
			cells = append(cells, term.Text(r.limit))
		}
		if graded {
			cells = append(cells, term.Text(r.grade))
		}
		if judged || v.Before != nil {
			cells = append(cells, term.Cell{Text: r.verdict, Colour: r.colour})
		}
		t.Add(cells...)
	}
	return t, cut
}

// keep returns most rows: all with an alert first, in their order, then the others.
func keep(rows []row, most int) []row {
	kept := make([]row, 0, most)
	for _, alerting := range []bool{true, false} {
		for _, r := range rows {
			if r.alert == alerting && len(kept) < most {
				kept = append(kept, r)
			}
		}
	}
	return kept
}

// row is a metric of an iteration. The comparison with an earlier report is of all iterations together, and is in the row of the first.
func (v View) row(b api.Benchmark, m api.ReportMeasure, alert string, iteration int) row {
	units := m.Measure.Units
	r := row{iteration: iteration, benchmark: b.Name, measure: m.Measure.Name, value: unit.Format(m.Metric.Value, units) + Spread(m.Metric),
		grade: gradeOf(m)}
	if m.Boundary != nil {
		r.judge(m, alert)
		return r
	}
	if v.Before == nil || iteration > 0 {
		return r
	}
	c, known := v.Before.of(b.UUID, m.Measure.UUID)
	if !known {
		r.verdict = "new"
		return r
	}
	r.base, r.change, r.colour = unit.Format(c.Old, units), Claim(c, units), Colour(c.Verdict)
	if r.verdict = c.Because(judge.Policy{}); r.verdict == "" {
		r.verdict = Test(c)
	}
	return r
}

// gradeOf is the grade of a metric's series with the runs of identical code that it is from; empty if there were none.
func gradeOf(m api.ReportMeasure) string {
	switch {
	case m.Identical == 0:
		return ""
	case m.Grade == "":
		return fmt.Sprintf("learning, n=%d", m.Identical)
	}
	return fmt.Sprintf("%s, n=%d", m.Grade, m.Identical)
}

// judge fills the row from the boundary that the metric was held against.
func (r *row) judge(m api.ReportMeasure, alert string) {
	units := m.Measure.Units
	if base := m.Boundary.Baseline; base != nil {
		r.base, r.change = unit.Format(*base, units), Change(*base, m.Metric.Value)
	}
	lower, upper := m.Boundary.LowerLimit, m.Boundary.UpperLimit
	switch {
	case alert == "upper" && upper != nil, alert == "" && lower == nil && upper != nil:
		r.limit = "≤ " + unit.Format(*upper, units)
	case alert == "lower" && lower != nil, alert == "" && upper == nil && lower != nil:
		r.limit = "≥ " + unit.Format(*lower, units)
	case lower != nil && upper != nil:
		r.limit = unit.Format(*lower, units) + " … " + unit.Format(*upper, units)
	}
	switch {
	case alert != "":
		r.verdict, r.colour, r.alert = "ALERT", term.Bad, true
	case lower == nil && upper == nil:
		r.verdict = "too few values yet"
	default:
		r.verdict, r.colour = "ok", term.Good
	}
}

// Spread is how far a metric's own bounds lie from its value, in percent of it; empty if it has none.
func Spread(m api.Metric) string {
	far := 0.0
	if m.LowerValue != nil {
		far = math.Max(far, m.Value-*m.LowerValue)
	}
	if m.UpperValue != nil {
		far = math.Max(far, *m.UpperValue-m.Value)
	}
	if far == 0 || m.Value == 0 {
		return ""
	}
	return fmt.Sprintf(" ± %.0f%%", math.Ceil(far/math.Abs(m.Value)*100))
}
