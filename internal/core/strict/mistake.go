package strict

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Position is a place in a text, from 1.
type Position struct{ Line, Column int }

// Mistake is something in a text that cannot be read.
type Mistake struct {
	At     Position
	Text   string // what is wrong, and the way out
	Source string // its line
	file   string // what such a text is called by default
}

// Mistakes are those of a text, in its order, at most 10.
type Mistakes []Mistake

func (m Mistakes) Error() string { return m.Describe(m[0].file) }

// Describe says what is wrong with the text of this name: for each mistake where and why, and below it the line with a caret.
func (m Mistakes) Describe(name string) string {
	var b strings.Builder
	for i, one := range m {
		if i > 0 {
			b.WriteByte('\n')
		}
		source, column := window(one.Source, one.At.Column)
		fmt.Fprintf(&b, "%s:%d:%d: %s\n%5d | %s\n      | %s^", name, one.At.Line, one.At.Column, one.Text, one.At.Line, source,
			strings.Repeat(" ", column-1))
	}
	return b.String()
}

// Fault is the error of a text of this name, for edges.
func (m Mistakes) Fault(name string) error { return fault.New(fault.Invalid, "%s", m.Describe(name)) }

const (
	shownRunes  = 100 // of a line
	beforeCaret = 60
)

// window is the part of a line around a column, without control characters, and where the column is in it.
func window(line string, column int) (string, int) {
	text := []rune(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == unicode.ReplacementChar {
			return ' '
		}
		return c
	}, line))
	if column > beforeCaret {
		cut := min(column-beforeCaret, len(text))
		text, column = append([]rune("…"), text[cut:]...), column-cut+1
	}
	if len(text) > shownRunes {
		text = append(text[:shownRunes-1:shownRunes-1], '…')
	}
	return strings.TrimRight(string(text), " "), column
}

// nearest is the known key that a mistyped one was meant to be, "" if none is near.
func nearest(key string, known Keys) string {
	if len(key) > 40 {
		return ""
	}
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(s)) }
	best, least := "", 3
	for k := range known {
		d := ident.Slips(plain(key), k)
		if d < least || d == least && best != "" && k < best {
			best, least = k, d
		}
	}
	return best
}
