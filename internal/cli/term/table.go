package term

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Cell is one text of a table.
type Cell struct {
	Text   string
	Colour Colour
}

// Text is a cell without colour.
func Text(s string) Cell { return Cell{Text: s} }

// Table is rows under titles. Columns are as wide as their widest cell.
type Table struct {
	Titles []string
	Right  []bool // by column: numbers stand at the right
	Rows   [][]Cell
}

// Add appends a row.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

const gap = "  "

// Write prints the table. Without rows it prints the titles, so that a reader sees what would be there.
func (t *Table) Write(s *Screen) error {
	widths := make([]int, len(t.Titles))
	for i, title := range t.Titles {
		widths[i] = utf8.RuneCountInString(title)
	}
	for _, row := range t.Rows {
		for i := range row {
			row[i].Text = Clean(row[i].Text)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].Text))
		}
	}
	titles := make([]Cell, len(t.Titles))
	for i, title := range t.Titles {
		titles[i] = Cell{title, Title}
	}
	var b strings.Builder
	t.line(&b, s, titles, widths)
	for _, row := range t.Rows {
		t.line(&b, s, row, widths)
	}
	_, err := io.WriteString(s.W, b.String())
	return err
}

func (t *Table) line(b *strings.Builder, s *Screen, row []Cell, widths []int) {
	last := len(row) - 1
	for last > 0 && row[last].Text == "" {
		last--
	}
	for i := 0; i <= last; i++ {
		c := row[i]
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.Text))
		right := i < len(t.Right) && t.Right[i]
		if i > 0 {
			b.WriteString(gap)
		}
		if right {
			b.WriteString(pad)
		}
		b.WriteString(s.Paint(c.Colour, c.Text))
		if !right && i < last {
			b.WriteString(pad)
		}
	}
	b.WriteByte('\n')
}
