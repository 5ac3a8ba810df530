package policy

import (
	"slices"
	"unicode/utf8"
)

// Matches says whether the pattern matches all of a text. It takes time in proportion to the product of both lengths at most.
func (p Pattern) Matches(text string) bool {
	pattern := p.Text
	again, from := -1, 0 // behind the last *, and where in text it ends for now
	i, j := 0, 0         // in pattern and text
	for j < len(text) {
		_, width := utf8.DecodeRuneInString(text[j:])
		switch {
		case i < len(pattern) && pattern[i] == '*':
			i++
			again, from = i, j
		case i < len(pattern) && pattern[i] == '?':
			i, j = i+1, j+width
		case i < len(pattern) && pattern[i] == text[j]:
			i, j = i+1, j+1
		case again >= 0:
			_, width = utf8.DecodeRuneInString(text[from:])
			from += width
			i, j = again, from
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}

// covers says whether p matches all that q matches. It may say no where it does, with patterns that have several *.
func (p Pattern) covers(q Pattern) bool {
	if p.Text == q.Text {
		return true
	}
	// A text in which each wildcard of q stands for itself: only a wildcard of p that is at least as wide may match it.
	return coversText([]rune(p.Text), []rune(q.Text))
}

func coversText(p, q []rune) bool {
	// ok[j]: the pattern so far covers q[:j]
	ok := make([]bool, len(q)+1)
	ok[0] = true
	for _, c := range p {
		next := make([]bool, len(q)+1)
		if c == '*' {
			reached := false
			for j := range ok {
				reached = reached || ok[j]
				next[j] = reached
			}
		} else {
			for j, d := range q {
				if ok[j] && d != '*' && (c == '?' || c == d) {
					next[j+1] = true
				}
			}
		}
		ok = next
	}
	return ok[len(q)]
}

// covers says whether s selects all that o selects.
func (s *Selector) covers(o *Selector) bool {
	mine, others := s.dimensions(), o.dimensions()
	for i := range mine {
		if len(mine[i].patterns) == 0 {
			continue
		}
		if len(others[i].patterns) == 0 && !slices.ContainsFunc(mine[i].patterns, func(p Pattern) bool { return p.Text == "*" }) {
			return false
		}
		for _, q := range others[i].patterns {
			if !slices.ContainsFunc(mine[i].patterns, func(p Pattern) bool { return p.covers(q) }) {
				return false
			}
		}
	}
	return true
}

// dimension is a part of a selector.
type dimension struct {
	key      string
	patterns []Pattern
	of       func(Line) Named
}

func (s *Selector) dimensions() [4]dimension {
	return [4]dimension{
		{"branch", s.Branch, func(l Line) Named { return l.Branch }},
		{"testbed", s.Testbed, func(l Line) Named { return l.Testbed }},
		{"benchmark", s.Benchmark, func(l Line) Named { return l.Benchmark }},
		{"measure", s.Measure, func(l Line) Named { return l.Measure }},
	}
}
