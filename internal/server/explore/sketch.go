package explore

import (
	"cmp"
	"slices"
)

// spot is what has to be known of a point to say whether it can be seen.
type spot struct {
	report    int32 // its place among the reports, in the order of x
	iteration int32
	outside   bool // of its boundary
	value     float64
	seq       int64 // of the report, once it is kept; in a sketch the column
}

func (v spot) compare(o spot) int {
	return cmp.Or(cmp.Compare(v.report, o.report), cmp.Compare(v.iteration, o.iteration))
}

// A sketch keeps of a line what can be seen of it in a picture of so many pixel columns, whatever the order in which its points come: in
// each column the first, the lowest, the highest and the last, and the newest outsideKept of those outside of their boundary. Of equals it
// keeps the first. A line of no more points than that is kept whole.
type sketch struct {
	columns  int
	from, to float64 // the x of the first and of the last column; what lies outside of them is not seen
	few      []spot  // all, until there are too many
	column   []pixelColumn
	many     bool // the points are in the columns
}

// pointsPerColumn is how many points M4 keeps of a pixel column; outsideKept is how many rings fit on one.
const pointsPerColumn, outsideKept = 4, 4

type pixelColumn struct {
	some                   bool
	first, low, high, last spot
	outside                [outsideKept]spot // the newest ones, in any order
	broken                 int               // how many of them are set
}

func (s *sketch) reset(columns int, from, to float64) {
	s.columns, s.from, s.to, s.many = columns, from, to, false
	s.few = s.few[:0]
}

func (s *sketch) add(v spot, x float64) {
	if x < s.from || x > s.to {
		return
	}
	if !s.many && len(s.few) < pointsPerColumn*s.columns {
		v.seq = int64(s.at(x)) // where it goes if more come
		s.few = append(s.few, v)
		return
	}
	if !s.many {
		s.many = true
		if len(s.column) < s.columns {
			s.column = make([]pixelColumn, s.columns)
		}
		clear(s.column)
		for _, v := range s.few {
			s.column[v.seq].add(v)
		}
	}
	s.column[s.at(x)].add(v)
}

// at is the column of an x.
func (s *sketch) at(x float64) int {
	if s.to <= s.from {
		return 0
	}
	return min(int((x-s.from)/(s.to-s.from)*float64(s.columns)), s.columns-1)
}

func (c *pixelColumn) add(v spot) {
	if !c.some {
		c.some, c.first, c.low, c.high, c.last = true, v, v, v, v
	}
	if v.compare(c.first) < 0 {
		c.first = v
	}
	if v.compare(c.last) > 0 {
		c.last = v
	}
	if v.value < c.low.value || v.value == c.low.value && v.compare(c.low) < 0 {
		c.low = v
	}
	if v.value > c.high.value || v.value == c.high.value && v.compare(c.high) < 0 {
		c.high = v
	}
	if !v.outside {
		return
	}
	if c.broken < outsideKept {
		c.outside[c.broken] = v
		c.broken++
		return
	}
	oldest := 0
	for i := range c.outside {
		if c.outside[i].compare(c.outside[oldest]) < 0 {
			oldest = i
		}
	}
	if v.compare(c.outside[oldest]) > 0 {
		c.outside[oldest] = v
	}
}

// kept returns what is kept, in the order of x.
func (s *sketch) kept() []spot {
	var out []spot
	if !s.many {
		out = slices.Clone(s.few)
	} else {
		for i := range s.column[:s.columns] {
			if c := &s.column[i]; c.some {
				out = append(append(out, c.first, c.low, c.high, c.last), c.outside[:c.broken]...)
			}
		}
	}
	for i := range out {
		out[i].seq = 0
	}
	if !slices.IsSortedFunc(out, spot.compare) {
		slices.SortFunc(out, spot.compare)
	}
	return slices.CompactFunc(out, func(a, b spot) bool { return a.compare(b) == 0 })
}
