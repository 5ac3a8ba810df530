package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/limits"
)

// table reads comma-separated values: RFC 4180, with semicolons or tabs too, with CI logs' additions taken off each line. A quoted field may
// go over lines.
type table struct {
	s       *scanner
	comma   byte
	columns []string
	fields  [][]byte
	joined  []byte // a row that goes over several lines
	line    int    // where the row begins
	ragged  bool   // rows may have more or fewer fields than the header
}

// newTable looks for the first line that has all the columns, which is the header; nil: there is none.
func (s *scanner) newTable(columns ...string) *table {
	for {
		line, ok := s.nextLine()
		if !ok {
			return nil
		}
		comma := separator(line)
		if bytes.IndexByte(line, comma) < 0 && len(columns) > 1 {
			continue
		}
		t := &table{s: s, comma: comma}
		t.head(line)
		all := true
		for _, c := range columns {
			all = all && t.column(c) >= 0
		}
		if all {
			return t
		}
	}
}

// head takes the names of the columns from the header.
func (t *table) head(line []byte) {
	var room [32][]byte
	names := splitRow(room[:0], line, t.comma)
	t.columns = make([]string, len(names))
	for i, c := range names {
		t.columns[i] = t.s.keep(bytes.TrimSpace(c))
	}
}

// column is the place of a column; -1: there is none of that name.
func (t *table) column(name string) int {
	for i, c := range t.columns {
		if c == name {
			return i
		}
	}
	return -1
}

// next reads the next row that is not empty; not ok: there is none.
func (t *table) next() bool {
	for {
		line, ok := t.s.nextLine()
		if !ok {
			return false
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		t.line = t.s.lineNumber
		if bytes.IndexByte(line, '"') >= 0 && openQuote(line, t.comma) {
			t.joined = append(t.joined[:0], line...)
			for openQuote(t.joined, t.comma) && len(t.joined) < limits.AdapterLineBytes {
				more, ok := t.s.nextLine()
				if !ok {
					break
				}
				t.joined = append(append(t.joined, '\n'), more...)
			}
			line = t.joined
		}
		if t.fields == nil {
			t.fields = make([][]byte, 0, len(t.columns)+1)
		}
		t.fields = splitRow(t.fields[:0], line, t.comma)
		switch n := len(t.fields); {
		case len(t.columns) < 2:
		case n == 1: // a line of a log
			continue
		case n != len(t.columns) && !t.ragged:
			t.skip()
			continue
		}
		return true
	}
}

// skip counts the line as none of the table's, but perhaps of another.
func (t *table) skip() {
	if t.s.odd++; t.s.odd == 1 {
		t.s.oddRow = t.line
	}
}

// field is the text of a column in this row: empty where the row is short or the column, -1, is not there. It is good until next.
func (t *table) field(column int) []byte {
	if column < 0 || column >= len(t.fields) {
		return nil
	}
	return t.fields[column]
}

// separator is the byte that most likely separates the fields of a header.
func separator(line []byte) byte {
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

// splitRow appends the fields of a row, without their quotes.
func splitRow(to [][]byte, line []byte, comma byte) [][]byte {
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
