package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// table is what one question gave: a line of figures for each method.
type table struct {
	title   string
	columns []column
	lines   []line
	note    string
}

type column struct {
	name   string
	digits int // after the point
}

type line struct {
	method  string
	figures []float64 // one for each column; NaN: it has none
}

// columnsOf are columns with as many digits each.
func columnsOf(digits int, names ...string) (out []column) {
	for _, name := range names {
		out = append(out, column{name, digits})
	}
	return out
}

func (t *table) add(method string, figures ...float64) {
	t.lines = append(t.lines, line{method, figures})
}

func (t *table) print(out io.Writer) {
	fmt.Fprintf(out, "%s\n\n%-42s", t.title, "")
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = max(5, utf8.RuneCountInString(c.name))
		fmt.Fprintf(out, "  %*s", widths[i], c.name)
	}
	fmt.Fprintln(out)
	for _, l := range t.lines {
		fmt.Fprintf(out, "%-42s", l.method)
		for i, f := range l.figures {
			if math.IsNaN(f) {
				fmt.Fprintf(out, "  %*s", widths[i], "–")
			} else {
				fmt.Fprintf(out, "  %*.*f", widths[i], t.columns[i].digits, f)
			}
		}
		fmt.Fprintln(out)
	}
	if t.note != "" {
		fmt.Fprintf(out, "\n%s\n", t.note)
	}
	fmt.Fprintln(out)
}

// MarshalJSON has each line as an object with its figures by name of column; null is a figure that does not exist.
func (t table) MarshalJSON() ([]byte, error) {
	type object struct {
		Method  string              `json:"method"`
		Figures map[string]*float64 `json:"figures"`
	}
	objects := make([]object, len(t.lines))
	for i, l := range t.lines {
		objects[i] = object{l.method, map[string]*float64{}}
		for k, f := range l.figures {
			objects[i].Figures[t.columns[k].name] = nil
			if !math.IsNaN(f) {
				objects[i].Figures[t.columns[k].name] = &f
			}
		}
	}
	return json.Marshal(struct {
		Title string   `json:"title"`
		Lines []object `json:"lines"`
		Note  string   `json:"note,omitempty"`
	}{t.title, objects, t.note})
}
