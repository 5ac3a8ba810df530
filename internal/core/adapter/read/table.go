package read

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/limits"
)

// Table reads comma-separated values: RFC 4180, with semicolons or tabs too, with CI logs' additions taken off each line. A quoted field
// may go over lines.
type Table struct {
	Scanner *Scanner // which gives the lines
	Comma   byte     // what separates fields
	Columns []string // the header's names, without the spaces around them
	Fields  [][]byte // of the row, good until Next
	joined  []byte   // a row that goes over several lines
	Line    int      // where the row begins
	Ragged  bool     // rows may have more or fewer fields than the header
}

// Table looks for the first line that has all the columns, which is the header; nil if no line has them.
func (s *Scanner) Table(columns ...string) *Table {
	for {
		line, ok := s.NextLine()
		if !ok {
			return nil
		}
		comma := Separator(line)
		if bytes.IndexByte(line, comma) < 0 && len(columns) > 1 {
			continue
		}
		t := &Table{Scanner: s, Comma: comma}
		t.Head(line)
		all := true
		for _, c := range columns {
			all = all && t.Column(c) >= 0
		}
		if all {
			return t
		}
	}
}

// Head takes the names of the columns from the header.
func (t *Table) Head(line []byte) {
	var room [32][]byte
	names := SplitRow(room[:0], line, t.Comma)
	t.Columns = make([]string, len(names))
	for i, c := range names {
		t.Columns[i] = t.Scanner.Keep(bytes.TrimSpace(c))
	}
}

// Column is the place of a column, from 0; -1 if no column has that name.
func (t *Table) Column(name string) int {
	for i, c := range t.Columns {
		if c == name {
			return i
		}
	}
	return -1
}

// Next reads the next row that is not empty, and reports whether there is one. A line of one field is a log's and skipped; a row with
// more or fewer fields than the header is too and is counted in the scanner's Odd, unless the table is Ragged. Who reads to the end asks
// the scanner whether it is Broken.
func (t *Table) Next() bool {
	for {
		line, ok := t.Scanner.NextLine()
		if !ok {
			return false
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		t.Line = t.Scanner.lineNumber
		if bytes.IndexByte(line, '"') >= 0 && openQuote(line, t.Comma) {
			t.joined = append(t.joined[:0], line...)
			for openQuote(t.joined, t.Comma) && len(t.joined) < limits.AdapterLineBytes {
				more, ok := t.Scanner.NextLine()
				if !ok {
					break
				}
				t.joined = append(append(t.joined, '\n'), more...)
			}
			line = t.joined
		}
		if t.Fields == nil {
			t.Fields = make([][]byte, 0, len(t.Columns)+1)
		}
		t.Fields = SplitRow(t.Fields[:0], line, t.Comma)
		switch n := len(t.Fields); {
		case len(t.Columns) < 2:
		case n == 1: // a line of a log
			continue
		case n != len(t.Columns) && !t.Ragged:
			t.Skip()
			continue
		}
		return true
	}
}

// Skip counts the line as none of the table's, but perhaps of another.
func (t *Table) Skip() {
	if t.Scanner.Odd++; t.Scanner.Odd == 1 {
		t.Scanner.OddRow = t.Line
	}
}

// Field is the text of a column in this row: empty where the row is short or the column, -1, is not there. It is good until next.
func (t *Table) Field(column int) []byte {
	if column < 0 || column >= len(t.Fields) {
		return nil
	}
	return t.Fields[column]
}

// Separator is the byte that most likely separates the fields of a header.
func Separator(line []byte) byte {
	best, most := byte(','), bytes.Count(line, []byte{','})
	for _, c := range []byte{';', '\t'} {
		if n := bytes.Count(line, []byte{c}); n > most {
			best, most = c, n
		}
	}
	return best
}

// shortField is how long a field is that is gone through faster byte by byte.
const shortField = 16

// SplitRow appends the fields of a row, without their quotes. They may share the line's bytes.
func SplitRow(to [][]byte, line []byte, comma byte) [][]byte {
	for {
		if len(line) > 0 && line[0] == '"' {
			field, rest := unquoteField(line)
			to = append(to, field)
			if line = rest; len(line) == 0 || line[0] != comma {
				return to
			}
			line = line[1:]
			continue
		}
		at := 0
		for at < len(line) && line[at] != comma {
			if at++; at == shortField {
				if more := bytes.IndexByte(line[at:], comma); more >= 0 {
					at += more
				} else {
					at = len(line)
				}
				break
			}
		}
		if at == len(line) {
			return append(to, line)
		}
		to = append(to, line[:at])
		line = line[at+1:]
	}
}

// unquoteField takes a field in quotes off a row. What follows its closing quote up to a comma is dropped, as spreadsheets do.
func unquoteField(line []byte) (field, rest []byte) {
	var out []byte // only where quotes are doubled
	for at := 1; ; {
		end := bytes.IndexByte(line[at:], '"')
		if end < 0 {
			return append(out, line[at:]...), nil
		}
		end += at
		if end+1 < len(line) && line[end+1] == '"' {
			out = append(out, line[at:end+1]...)
			at = end + 2
			continue
		}
		if out == nil {
			return line[at:end], line[end+1:]
		}
		return append(out, line[at:end]...), line[end+1:]
	}
}

// openQuote reports whether the row ends inside quotes.
func openQuote(line []byte, comma byte) bool {
	for len(line) > 0 {
		if line[0] == '"' {
			at := 1
			for {
				end := bytes.IndexByte(line[at:], '"')
				if end < 0 {
					return true
				}
				at += end + 1
				if at >= len(line) || line[at] != '"' {
					break
				}
				at++
			}
			line = line[at:]
		}
		at := bytes.IndexByte(line, comma)
		if at < 0 {
			return false
		}
		line = line[at+1:]
		if len(line) == 0 {
			return false
		}
	}
	return false
}
