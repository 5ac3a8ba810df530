package event

import (
	"cmp"
	"math"
	"slices"
)

// Span is a change of one line as far as grouping looks at it. First and Last are version numbers: the change came with one of these
// versions.
type Span struct {
	ID          string // of the change, unique
	Line        string // that changed; an item has each line once
	First, Last int64
	Weight      float64 // how much it counts where two places have equally many changes; see Score
}

// Item is what changed at one time. First and Last are the versions that all of its members have in common, those aside that are a little
// off.
type Item struct {
	First, Last int64
	Members     []string // ids of changes, in order
}

// absorbed is how many times more members an item must have to take over one beside it.
const absorbed = 4

// Group puts changes of a testbed together that may have one cause: their places overlap. The answer does not depend on the order of spans,
// and is in the order of First.
//
// What overlaps only through others is not one item, or a long history with a few vague changes would be: all members of an item share a
// version. The place that most changes share is taken first, because one cause is likelier than many. As a place is not always right
// (package change), some members of a large item lie a little beside it. They go to an item of at least four times as many members as they
// are, if they are as near as the furthest of so many are expected to be, and their line is not in it: the same line again is another
// change.
func Group(spans []Span) []Item {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last), cmp.Compare(a.ID, b.ID))
	})
	var items []group
	for len(spans) > 0 { // a stretch in which spans overlap, if only through others
		n, end := 1, spans[0].Last
		for ; n < len(spans) && spans[n].First <= end; n++ {
			end = max(end, spans[n].Last)
		}
		for rest := spans[:n:n]; len(rest) > 0; {
			var g group
			g, rest = take(rest)
			items = append(items, g)
		}
		spans = spans[n:]
	}
	items = absorb(items)
	out := make([]Item, len(items))
	for i, g := range items {
		out[i] = Item{First: g.first, Last: g.last}
		for _, s := range g.spans {
			out[i].Members = append(out[i].Members, s.ID)
		}
		slices.Sort(out[i].Members)
	}
	slices.SortFunc(out, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last), cmp.Compare(a.Members[0], b.Members[0]))
	})
	return out
}

type group struct {
	first, last int64
	spans       []Span
	lines       map[string]bool
}

// take splits spans, which are in order, into those of the place that most of them share, and the rest.
func take(spans []Span) (g group, rest []Span) {
	type edge struct {
		at     int64
		weight float64
		change int // in how many spans lie there
	}
	edges := make([]edge, 0, 2*len(spans))
	for _, s := range spans {
		edges = append(edges, edge{s.First, s.Weight, 1}, edge{s.Last + 1, -s.Weight, -1})
	}
	slices.SortStableFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	depth, most, weight, heaviest, place := 0, 0, 0.0, 0.0, spans[0].First
	for i, e := range edges {
		depth, weight = depth+e.change, weight+e.weight
		if i+1 < len(edges) && edges[i+1].at == e.at {
			continue
		}
		if depth > most || depth == most && weight > heaviest*(1+1e-9) {
			most, heaviest, place = depth, weight, e.at
		}
	}
	best := map[string]Span{} // of each line
	for _, s := range spans {
		if s.First > place || s.Last < place {
			continue
		}
		if had, twice := best[s.Line]; !twice || s.Weight > had.Weight {
			best[s.Line] = s
		}
	}
	var taken []Span
	for _, s := range spans {
		if best[s.Line].ID != s.ID || s.First > place || s.Last < place {
			rest = append(rest, s)
		} else {
			taken = append(taken, s)
		}
	}
	return together(taken), rest
}

// together makes a group of spans that share a version.
func together(spans []Span) group {
	g := group{first: spans[0].First, last: spans[0].Last, spans: spans, lines: map[string]bool{}}
	for _, s := range spans {
		g.first, g.last, g.lines[s.Line] = max(g.first, s.First), min(g.last, s.Last), true
	}
	return g
}

// absorb gives spans of small groups to large ones beside them.
func absorb(groups []group) []group {
	slices.SortFunc(groups, func(a, b group) int { // the largest first; of equal ones the earlier
		return cmp.Or(cmp.Compare(len(b.spans), len(a.spans)), cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last),
			cmp.Compare(a.spans[0].ID, b.spans[0].ID))
	})
	size := make([]int, len(groups)) // before anything was absorbed, so that an item does not grow along a history
	for i, g := range groups {
		size[i] = len(g.spans)
	}
	var out []group
	for i, g := range groups {
		var kept []Span
		for _, s := range g.spans {
			best, nearest := -1, int64(0)
			for j := range out {
				if size[i]*absorbed > size[j] { // out has the first groups in their order, as far as they are large
					break
				}
				d := gap(out[j].first, out[j].last, s.First, s.Last)
				if float64(d) <= reach(s, size[j], size[i]) && (best < 0 || d < nearest) && !out[j].lines[s.Line] {
					best, nearest = j, d
				}
			}
			if best < 0 {
				kept = append(kept, s)
			} else {
				into := &out[best]
				into.spans, into.lines[s.Line] = append(into.spans, s), true
			}
		}
		if len(kept) > 0 {
			out, size[len(out)] = append(out, together(kept)), size[i]
		}
	}
	return out
}

// reach is how far from an item of n members a span may lie that is one of k at its place, to be a member all the same. Of changes at one
// commit a share of about 0.02·2^(−x) is found further away than x times the width of their place (300 lines with a step of 6 % at 0.5
// to 5 % of noise). So of n the furthest is expected within log₂ n widths, and k of them at one place within log₂ n/k.
func reach(s Span, n, k int) float64 {
	return float64(s.Last-s.First+1) * math.Log2(float64(n)/float64(k))
}

// gap is how many versions lie from one place to another; 0 where they meet.
func gap(aFirst, aLast, bFirst, bLast int64) int64 { return max(aFirst-bLast, bFirst-aLast, 0) }
