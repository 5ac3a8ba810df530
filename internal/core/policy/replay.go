package policy

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/event"
)

// History is the past of a line: one value for each version that was measured, the oldest first.
type History struct {
	Line
	Place   string // lines of one place (a branch on a testbed) make events together
	Numbers []int64
	Values  []float64 // finite
}

// Member is a change in an event. First, Last and Number are versions: it came with one of First to Last, most likely with Number.
type Member struct {
	Found
	History             int // which one
	First, Last, Number int64
	Told                bool
}

// Event is what changed at one time in a place.
type Event struct {
	Place       string
	First, Last int64
	Members     []Member // the largest first
	Score       float64
	Severity    Severity // the worst of its members
	Settled     bool     // enough values follow
	Told        bool     // people would have been told
}

// ChangesOf finds the changes of one line as p judges it. i is its number among histories.
func (p Policy) ChangesOf(i int, h History) ([]Member, error) {
	s := p.Resolve(h.Line)
	found, err := s.Find(h.Values)
	if err != nil {
		return nil, fmt.Errorf("line of %s: %w", h.Benchmark.Name, err)
	}
	out := make([]Member, len(found))
	for n, f := range found {
		out[n] = Member{Found: f, History: i, First: h.Numbers[f.First], Last: h.Numbers[f.Last], Number: h.Numbers[f.Index],
			Told: f.Settled && !f.Weak && s.Tells(f.Share())}
		if f.First > 0 { // versions in between that nobody measured may be it, too
			out[n].First = h.Numbers[f.First-1] + 1
		}
	}
	return out, nil
}

// Events puts changes together, as Replay does. They are in the order of place and time.
func (p Policy) Events(histories []History, members []Member) []Event {
	places := map[string][]event.Span{}
	for i, m := range members {
		places[histories[m.History].Place] = append(places[histories[m.History].Place], event.Span{ID: fmt.Sprintf("%09d", i),
			Line: fmt.Sprint(m.History), First: m.First, Last: m.Last, Weight: m.score()})
	}
	var out []Event
	for place, spans := range places {
		for _, item := range event.Group(spans) {
			e := Event{Place: place, First: item.First, Last: item.Last}
			var scores []float64
			for _, id := range item.Members {
				i := 0
				_, _ = fmt.Sscan(id, &i) // as it was written above
				m := members[i]
				e.Members, scores = append(e.Members, m), append(scores, m.score())
				e.Severity = Worst(e.Severity, p.Resolve(histories[m.History].Line).Severity)
				e.Settled, e.Told = e.Settled || m.Settled && !m.Weak, e.Told || m.Told
			}
			slices.SortFunc(e.Members, func(a, b Member) int {
				return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(a.History, b.History))
			})
			e.Score = event.Total(scores)
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	})
	return out
}

func (m Member) score() float64 {
	return event.Effect{Before: m.Before, After: m.After, P: m.P, Settled: m.Settled && !m.Weak}.Score()
}

// Replay returns the events of histories as p judges them.
func (p Policy) Replay(histories []History) ([]Event, error) {
	var all []Member
	for i, h := range histories {
		members, err := p.ChangesOf(i, h)
		if err != nil {
			return nil, err
		}
		all = append(all, members...)
	}
	return p.Events(histories, all), nil
}

// Difference is what another policy makes of the same histories.
type Difference struct {
	Appear, Vanish []Event
	Stay           []Kept
}

// Kept is an event under both policies.
type Kept struct{ Before, After Event }

// Same says whether it is told alike, with the same members and the same severity.
func (k Kept) Same() bool {
	return k.Before.Severity == k.After.Severity && k.Before.Told == k.After.Told && len(k.Before.Members) == len(k.After.Members)
}

// Same says whether there is no difference.
func (d Difference) Same() bool {
	return len(d.Appear)+len(d.Vanish) == 0 && !slices.ContainsFunc(d.Stay, func(k Kept) bool { return !k.Same() })
}

// Compare pairs the events of two replays of the same histories: an event is the same if a line changed in both at overlapping places and
// in the same direction.
func Compare(before, after []Event) Difference {
	type line struct {
		history int
		up      bool
	}
	had := map[line][]int{} // events before
	for i, e := range before {
		for _, m := range e.Members {
			had[line{m.History, m.After > m.Before}] = append(had[line{m.History, m.After > m.Before}], i)
		}
	}
	items, of := make([]event.Item, len(after)), map[string]string{}
	for i, e := range after {
		for _, m := range e.Members {
			id := fmt.Sprintf("%d/%d", i, m.History)
			items[i].Members = append(items[i].Members, id)
			for _, j := range had[line{m.History, m.After > m.Before}] {
				if overlaps(before[j], m) {
					of[id] = fmt.Sprintf("%09d", j)
				}
			}
		}
	}
	var d Difference
	kept := map[string]bool{}
	for i, id := range event.Match(items, of) {
		if id == "" {
			d.Appear = append(d.Appear, after[i])
			continue
		}
		kept[id] = true
		j := 0
		_, _ = fmt.Sscan(id, &j) // as it was written above
		d.Stay = append(d.Stay, Kept{before[j], after[i]})
	}
	for j, e := range before {
		if !kept[fmt.Sprintf("%09d", j)] {
			d.Vanish = append(d.Vanish, e)
		}
	}
	return d
}

// overlaps says whether the event has a change of the member's line at its place.
func overlaps(e Event, m Member) bool {
	return slices.ContainsFunc(e.Members, func(o Member) bool {
		return o.History == m.History && o.First <= m.Last && m.First <= o.Last
	})
}

// Largest is the largest effect of an event's members as a share, 0 where none has a ratio.
func (e Event) Largest() (effect float64) {
	for _, m := range e.Members {
		if s := m.Share(); s != nil && math.Abs(*s) > math.Abs(effect) {
			effect = *s
		}
	}
	return effect
}
