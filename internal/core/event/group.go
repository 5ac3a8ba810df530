package event

import (
	"cmp"
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
// version. The place that most changes share is taken first, because one cause is likelier than many. As a place is right in six of seven
// cases only (package change), some members of a large item lie a little beside it; a group of them goes to an item of four times its size
// if it is no further away than it is wide, and has none of the item's lines: the same line again is another change.
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
	g = group{lines: map[string]bool{}}
	for _, s := range spans {
		if best[s.Line].ID != s.ID || s.First > place || s.Last < place {
			rest = append(rest, s)
			continue
		}
		if len(g.spans) == 0 {
			g.first, g.last = s.First, s.Last
		}
		g.first, g.last = max(g.first, s.First), min(g.last, s.Last)
		g.spans, g.lines[s.Line] = append(g.spans, s), true
	}
	return g, rest
}

// absorb gives small groups to large ones beside them.
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
		best, nearest := -1, int64(0)
		for j := range out {
			if size[i]*absorbed > size[j] { // out has the first groups in their order, as far as they are large
				break
			}
			if d := gap(out[j], g); d <= g.last-g.first+1 && (best < 0 || d < nearest) && !shares(out[j], g) {
				best, nearest = j, d
			}
		}
		if best < 0 {
			out, size[len(out)] = append(out, g), size[i]
			continue
		}
		into := &out[best]
		for _, s := range g.spans {
			into.spans, into.lines[s.Line] = append(into.spans, s), true
		}
	}
	return out
}

// gap is how many versions lie from one group's place to the other's; 0 where they meet.
func gap(a, b group) int64 { return max(a.first-b.last, b.first-a.last, 0) }

func shares(a, b group) bool {
	for line := range b.lines {
		if a.lines[line] {
			return true
		}
	}
	return false
}
