package adapter

import (
	"bytes"
	"slices"
)

// needleSet finds the texts by which tools are told, all of them in one pass over a chunk: each is looked for at its rarest pair of bytes.
type needleSet struct {
	first []uint16 // by pair: 1 + the place of its first needle in all; 0: none has it. Nil where there are few needles.
	all   []needle
}

type needle struct {
	text []byte
	pair int // where the rarest pair stands in it
	tool int
	next uint16 // as first: the next one with the same pair
}

// rarity is how seldom a byte is in logs, by a rough count: letters and spaces are everywhere.
func rarity(c byte) int {
	switch {
	case c == ' ' || c == '-' || c == '.' || c == '=':
		return 0
	case c >= 'a' && c <= 'z' || isDigit(c):
		return 1
	case c == ':' || c == '"' || c == '/' || c == ',':
		return 2
	case c >= 'A' && c <= 'Z':
		return 3
	}
	return 4
}

func newNeedleSet(from []tool) *needleSet {
	s := &needleSet{}
	n := 0
	for _, t := range from {
		n += len(t.needles)
	}
	if n > fewNeedles {
		s.first = make([]uint16, 1<<16)
	}
	for i, t := range slices.Backward(from) { // so that the first of a pair's list is the table's first
		for _, text := range slices.Backward(t.needles) {
			best, at := -1, 0
			for k := range len(text) - 1 {
				if r := rarity(text[k]) + rarity(text[k+1]); r > best {
					best, at = r, k
				}
			}
			key := int(text[at])<<8 | int(text[at+1])
			if s.first == nil {
				s.all = append(s.all, needle{text: []byte(text), tool: i})
				continue
			}
			s.all = append(s.all, needle{[]byte(text), at, i, s.first[key]})
			s.first[key] = uint16(len(s.all)) // there are a hundred
		}
	}
	return s
}

// fewNeedles are looked for one by one, which is cheaper than a table of all pairs.
const fewNeedles = 8

// scan calls found for each needle of a chunk, with its place.
func (s *needleSet) scan(chunk []byte, found func(tool, at int)) {
	if s.first == nil {
		for i := range slices.Backward(s.all) {
			one := &s.all[i]
			for from := 0; ; {
				at := bytes.Index(chunk[from:], one.text)
				if at < 0 {
					break
				}
				found(one.tool, from+at)
				from += at + len(one.text)
			}
		}
		return
	}
	for i := 0; i+1 < len(chunk); i++ {
		for n := s.first[int(chunk[i])<<8|int(chunk[i+1])]; n != 0; {
			one := &s.all[n-1]
			if at := i - one.pair; at >= 0 && bytes.HasPrefix(chunk[at:], one.text) {
				found(one.tool, at)
			}
			n = one.next
		}
	}
}

// lineAt is the line of a chunk that holds a place.
func lineAt(chunk []byte, at int) []byte {
	begin := lineStart(chunk, at)
	end := bytes.IndexByte(chunk[at:], '\n')
	if end < 0 {
		return chunk[begin:]
	}
	return chunk[begin : at+end]
}

// lineStart is where the line of a place begins.
func lineStart(chunk []byte, at int) int { return bytes.LastIndexByte(chunk[:at], '\n') + 1 }
