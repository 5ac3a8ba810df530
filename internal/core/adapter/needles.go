package adapter

import (
	"bytes"
	"slices"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// needleSet finds the texts by which tools are told, all of them in one pass over a chunk: each is looked for at its rarest pair of bytes.
type needleSet struct {
	all []needle // the needles of one pair in the order of the table

	// For many needles. Almost no pair of a text is a needle's, which two small tables tell: they stay in the processor's nearest cache,
	// where a table of all pairs would not.
	//
	// Where each needle has three bytes or more, only every second pair of the text is looked at: a needle is looked for at two pairs that
	// overlap, of which one stands there.
	many    bool
	step    int
	seconds [256]uint64 // by the first byte of a pair: the classes of bytes that follow it
	class   [256]uint8  // of a second byte; below 64
	lists   [256][]pairList

	strong *needleSet // the same without those of weak tools; nil: none is weak
}

// pairList has the needles that are looked for at a pair.
type pairList struct {
	second  byte
	needles []pairPlace
}

// pairPlace is where the pair stands in a needle.
type pairPlace struct {
	needle, at uint16 // the first is in all
}

type needle struct {
	text []byte
	tool int
}

// rarity is how seldom a byte is in logs, by a rough count: letters and spaces are everywhere.
func rarity(c byte) int {
	switch {
	case c == ' ' || c == '-' || c == '.' || c == '=':
		return 0
	case c >= 'a' && c <= 'z' || read.IsDigit(c):
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
	if s.step = 2; slices.ContainsFunc(s.all, func(n needle) bool { return len(n.text) < 3 }) {
		s.step = 1
	}
	classes := 0
	for i, one := range s.all {
		best, pair := -1, 0
		for k := range len(one.text) - s.step {
			r := 0
			for _, c := range one.text[k : k+s.step+1] {
				r += rarity(c)
			}
			if r > best {
				best, pair = r, k
			}
		}
		for at := pair; at < pair+s.step; at++ {
			first, second := one.text[at], one.text[at+1]
			if s.class[second] == 0 { // class 0 is of all bytes that are no second; the last one is shared where there are many
				classes = min(63, classes+1)
				s.class[second] = uint8(classes)
			}
			s.seconds[first] |= 1 << s.class[second]
			lists := s.lists[first]
			list := slices.IndexFunc(lists, func(l pairList) bool { return l.second == second })
			if list < 0 {
				list = len(lists)
				lists = append(lists, pairList{second: second})
			}
			lists[list].needles = append(lists[list].needles, pairPlace{uint16(i), uint16(at)}) // there are a hundred
			s.lists[first] = lists
		}
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
	for i := 1; i < len(chunk); i += s.step {
		if s.seconds[chunk[i-1]]>>(s.class[chunk[i]]&63)&1 != 0 {
			s.compare(chunk, i-1, found)
		}
	}
}

// compare looks at the needles of the pair at a place.
func (s *needleSet) compare(chunk []byte, place int, found func(tool, at int)) {
	lists := s.lists[chunk[place]]
	for i := range lists {
		if lists[i].second != chunk[place+1] {
			continue
		}
		for _, n := range lists[i].needles {
			one := &s.all[n.needle]
			if at := place - int(n.at); at >= 0 && bytes.HasPrefix(chunk[at:], one.text) {
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
