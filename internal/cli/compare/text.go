package compare

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/unit"
)

// unchangedShown is how many rows without a change are shown unless all are asked for.
const unchangedShown = 30

// writeText prints the table for people: all measures beside each other, or one below the other where the screen is too narrow.
func (v *view) writeText(out *term.Screen, all bool) error {
	title := fmt.Sprintf("old %s  ·  new %s  ·  %s", listed(v.before), listed(v.after), v.tool)
	fmt.Fprintln(out.W, out.Paint(term.Title, term.Clean(title)))
	if v.prefix != "" {
		fmt.Fprintln(out.W, out.Dim(term.Clean("in "+v.prefix)))
	}
	lines, cut := v.shown(all)
	columns := v.wide()
	tables := [][]int{columns}
	if out.Width > 0 && len(columns) > 1 && width(v.table(lines, columns, 0)) > out.Width {
		tables = nil
		for _, c := range columns {
			tables = append(tables, []int{c})
		}
	}
	for i, columns := range tables {
		if i > 0 {
			fmt.Fprintln(out.W)
		}
		longest := 0
		if over := width(v.table(lines, columns, 0)) - out.Width; out.Width > 0 && over > 0 {
			longest = max(shortestName, longestName(lines)-over)
		}
		t := v.table(lines, columns, longest)
		if err := t.Write(out); err != nil {
			return err
		}
	}
	if cut > 0 {
		fmt.Fprintf(out.W, "… and %d more without a change; --all shows them\n", cut)
	}
	fmt.Fprintf(out.W, "\n%s\n", v.summary())
	for _, note := range v.footnotes() {
		fmt.Fprintln(out.W, out.Dim(term.Clean("  "+note)))
	}
	return nil
}

func listed(files []string) string {
	if len(files) > 3 {
		return fmt.Sprintf("%s and %d more", files[0], len(files)-1)
	}
	return strings.Join(files, ", ")
}

// shown are the lines to show, and how many are not: all that changed, and the first others.
func (v *view) shown(all bool) (lines []line, cut int) {
	unchanged := 0
	for _, l := range v.lines {
		if !l.changed {
			if unchanged++; unchanged > unchangedShown && !all {
				cut++
				continue
			}
		}
		lines = append(lines, l)
	}
	return lines, cut
}

// wide are the measures that have columns: those that are equal everywhere are told in a sentence, unless there is no other.
func (v *view) wide() (columns []int) {
	for i, c := range v.columns {
		if !c.steady {
			columns = append(columns, i)
		}
	}
	if len(columns) == 0 {
		for i := range v.columns {
			columns = append(columns, i)
		}
	}
	return columns
}

// shortestName is to how many characters names are shortened at most.
const shortestName = 16

func longestName(lines []line) (n int) {
	for _, l := range lines {
		n = max(n, utf8.RuneCountInString(l.short))
	}
	return n
}

// shorten takes the middle out of a name of more than most characters; 0 takes nothing.
func shorten(name string, most int) string {
	runes := []rune(name)
	if most <= 0 || len(runes) <= most {
		return name
	}
	head := (most - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(most-1-head):])
}

func (v *view) table(lines []line, columns []int, longest int) *term.Table {
	t := &term.Table{Titles: []string{"benchmark"}, Right: []bool{false}}
	for _, i := range columns {
		c := v.columns[i]
		t.Titles = append(t.Titles, c.name+" old", "new", "change")
		t.Right = append(t.Right, true, true, false)
		if !c.exact {
			t.Titles = append(t.Titles, "test", "could see")
			t.Right = append(t.Right, false, false)
			if v.showsGrades() {
				t.Titles, t.Right = append(t.Titles, "grade"), append(t.Right, false)
			}
		}
	}
	for _, l := range lines {
		cells := []term.Cell{term.Text(shorten(l.short, longest))}
		for _, i := range columns {
			c := v.cell(l.rows[i])
			cells = append(cells, term.Text(c.old), term.Text(c.new), term.Cell{Text: c.change, Colour: show.Colour(c.verdict)})
			if !v.columns[i].exact {
				cells = append(cells, term.Text(c.test), term.Text(c.visible))
				if v.showsGrades() {
					cells = append(cells, term.Text(c.grade))
				}
			}
		}
		t.Add(cells...)
	}
	if slices.ContainsFunc(columns, func(i int) bool { return v.columns[i].geomean.Benchmarks > 1 }) {
		cells := []term.Cell{term.Text("geomean")}
		for _, i := range columns {
			text, n := v.columns[i].geomeanText()
			cells = append(cells, term.Text(""), term.Text(""), term.Cell{Text: text, Colour: geomeanColour(v.columns[i])})
			if !v.columns[i].exact {
				cells = append(cells, term.Text(n), term.Text(""))
				if v.showsGrades() {
					cells = append(cells, term.Text(""))
				}
			}
		}
		t.Add(cells...)
	}
	return t
}

// geomeanColour is that of a change that was shown.
func geomeanColour(c column) term.Colour {
	g := c.geomean
	up, down := g.Lower > 1, g.Upper < 1
	switch {
	case up && c.direction == unit.Lower, down && c.direction == unit.Higher:
		return term.Bad
	case down && c.direction == unit.Lower, up && c.direction == unit.Higher:
		return term.Good
	}
	return term.Plain
}

// width is how wide a table is.
func width(t *term.Table) (most int) {
	var out bytes.Buffer
	_ = t.Write(&term.Screen{W: &out}) // a buffer takes everything
	for text := range strings.Lines(out.String()) {
		most = max(most, utf8.RuneCountInString(strings.TrimSuffix(text, "\n")))
	}
	return most
}
