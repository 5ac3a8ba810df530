package event

import (
	"math"

	"github.com/tachograph/tacho/internal/core/paired"
)

// A rerun measures the last version before a change and the first one after it again, in turns, and says whether they differ as was
// suspected.

// Bounds of the largest difference that refutes a suspicion: parts of the level.
const (
	sameWithin  = 0.02
	leastWithin = 1e-4
)

// Suspicion is a change of a line that a rerun is to check: the levels that the line's values had before and after it.
type Suspicion struct {
	Before, After float64
	Exact         bool // values are counted
}

// Within is the largest difference that is the same, as a part of the level: half of what is suspected, and 2 % at most. So a rerun that
// refutes a change has shown that less than half of it can be there; a limit of 2 % alone would refute each suspicion of 1.5 %.
func (s Suspicion) Within() float64 {
	if !(s.Before > 0 && s.After > 0) {
		return sameWithin
	}
	return min(max(math.Expm1(math.Abs(math.Log(s.After)-math.Log(s.Before))/2), leastWithin), sameWithin)
}

// Rerun is what a rerun measured of a line: for each pair the value before and the value after, NaN for a run without one.
type Rerun struct {
	Suspicion
	Pairs [][2]float64
}

// Seen is what a rerun says of a line: Confirm, Refute or Doubt, with the figures.
type Seen struct {
	paired.RowState
	Verb Verb
}

// Judge says what a rerun of so many pairs, 6 or more, says of an event's lines, and of the event. It is judged once, at its end, by the
// boundaries of the last look in package paired; fewer looks than they allow for claim less, never more. A difference must hold among all
// lines (Benjamini and Hochberg). A line is confirmed if it differs to the suspected side, and refuted if it is surely within
// Suspicion.Within. What differs to the other side is neither, and so is a line that lacks values of a pair. The event is confirmed if a
// line is, and refuted if all are. Without lines, or with too few pairs, nothing is known.
func Judge(pairs int, lines []Rerun) (Verb, []Seen) {
	seen := make([]Seen, len(lines))
	rows, err := paired.NewRows(paired.Plan{Pairs: pairs, Min: pairs})
	if err != nil || len(lines) == 0 {
		for i := range seen {
			seen[i] = Seen{Verb: Doubt}
		}
		return Doubt, seen
	}
	trials := make([]*paired.Row, len(lines))
	for i, l := range lines {
		trials[i] = rows.JoinWithin(l.Exact, l.Within())
	}
	for n := range pairs {
		for i, l := range lines {
			if n < len(l.Pairs) {
				trials[i].Take(l.Pairs[n][0], l.Pairs[n][1])
			}
		}
	}
	rows.Settle()
	confirmed, refuted := 0, 0
	for i, l := range lines {
		seen[i] = Seen{trials[i].State(), Doubt}
		s := &seen[i]
		switch {
		case s.Outcome == paired.Different && (s.B > s.A) == (l.After > l.Before):
			s.Verb = Confirm
			confirmed++
		case s.Outcome == paired.Same:
			s.Verb = Refute
			refuted++
		}
	}
	switch {
	case confirmed > 0:
		return Confirm, seen
	case refuted == len(lines):
		return Refute, seen
	}
	return Doubt, seen
}
