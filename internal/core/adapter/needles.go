package adapter

import (
	"bytes"
	"slices"
)

// needleSet finds the texts by which tools are told, all of them in one pass over a chunk: each is looked for at its rarest pair of bytes.
type needleSet struct {
	all []needle // the needles of one pair in the order of the table

	// For many needles. Almost no pair of a text is a needle's, which two small tables tell: they stay in the processor's nearest cache, where a
	// table of all pairs would not.
	many    bool
	seconds [256]uint64 // by the first byte of a pair: the classes of bytes that follow it
	class   [256]uint8  // of a second byte; below 64
	lists   [256][]pairList

	strong *needleSet // the same without those of weak tools; nil: none is weak
}

// pairList has the needles that are looked for at a pair.
type pairList struct {
	second byte
	at     []uint16 // in all
}

type needle struct {
	text []byte
	pair int // where the rarest pair stands in it
	tool int
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
	s := makeNeedleSet(from, false)
	if slices.ContainsFunc(from, func(t tool) bool { return t.weak }) {
		s.strong = makeNeedleSet(from, true)
	}
	return s
}

func makeNeedleSet(from []tool, strong bool) *needleSet {
	s := &needleSet{}
	for i, t := range from {
		for _, text := range t.needles {
			if !strong || !t.weak {
				s.all = append(s.all, needle{text: []byte(text), tool: i})
			}
		}
	}
	if s.many = len(s.all) > fewNeedles; !s.many {
		return s
	}
	classes := 0
	for i := range s.all {
		one := &s.all[i]
		best := -1
		for k := range len(one.text) - 1 {
			if r := rarity(one.text[k]) + rarity(one.text[k+1]); r > best {
				best, one.pair = r, k
			}
		}
		first, second := one.text[one.pair], one.text[one.pair+1]
		if s.class[second] == 0 { // class 0 is of all bytes that are no second; the last one is shared where there are many
			classes = min(63, classes+1)
			s.class[second] = uint8(classes)
		}
		s.seconds[first] |= 1 << s.class[second]
		lists := s.lists[first]
		at := slices.IndexFunc(lists, func(l pairList) bool { return l.second == second })
		if at < 0 {
			at = len(lists)
			lists = append(lists, pairList{second: second})
		}
		lists[at].at = append(lists[at].at, uint16(i)) // there are a hundred
		s.lists[first] = lists
	}
	return s
}

// fewNeedles are looked for one by one, which is cheaper than a look at all pairs.
const fewNeedles = 8

// scan calls found for each needle of a chunk, with its place.
func (s *needleSet) scan(chunk []byte, found func(tool, at int)) {
	if !s.many {
		for i := range s.all {
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
	if len(chunk) == 0 {
		return
	}
	seconds := s.seconds[chunk[0]]
	for i, c := range chunk[1:] {
		if seconds>>(s.class[c]&63)&1 != 0 {
			s.compare(chunk, i, found)
		}
		seconds = s.seconds[c]
	}
}

// compare looks at the needles of the pair at a place.
func (s *needleSet) compare(chunk []byte, place int, found func(tool, at int)) {
	lists := s.lists[chunk[place]]
	for i := range lists {
		if lists[i].second != chunk[place+1] {
			continue
		}
		for _, n := range lists[i].at {
			one := &s.all[n]
			if at := place - one.pair; at >= 0 && bytes.HasPrefix(chunk[at:], one.text) {
				found(one.tool, at)
			}
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
