package judge

import (
	"maps"
	"math"

	"github.com/tachograph/tacho/internal/core/stats"
)

// Note is something about a row's samples that a reader should know.
type Note string

// The notes.
const (
	NoteOneProcess     Note = "one_process"     // the iteration is the unit: it holds for these two processes
	NoteAutocorrelated Note = "autocorrelated"  // iterations follow each other: they are worth fewer than they are
	NoteWarmUp         Note = "warm_up"         // the first quarter lies elsewhere
	NoteQuantised      Note = "quantised"       // the spread is below the tick of the clock
	NoteTestsDisagree  Note = "tests_disagree"  // the rank test says otherwise
	NoteNotFinite      Note = "not_finite"      // values that are no numbers were left out
	NoteUnequalHosts   Note = "hosts_differ"    // the two sides were measured on different hosts
	NoteWidened        Note = "widened"         // the two processes differ by more than iterations explain
	NoteBetweenUnknown Note = "between_unknown" // there are too few rows to see by how much the two processes differ
)

// Text is the note as people read it.
func (n Note) Text() string {
	switch n {
	case NoteOneProcess:
		return "one process a side: the iteration is the unit, and the verdict holds for these two processes"
	case NoteAutocorrelated:
		return "iterations are autocorrelated, so they are worth fewer independent ones"
	case NoteWarmUp:
		return "still warming up: the first quarter of the iterations is off the rest"
	case NoteQuantised:
		return "the spread is below the resolution of the measurement"
	case NoteTestsDisagree:
		return "the rank test disagrees"
	case NoteNotFinite:
		return "values that are not numbers were left out"
	case NoteWidened:
		return "the two processes differ by more than their iterations explain, and the interval is widened by it"
	case NoteBetweenUnknown:
		return "how much two processes of one program differ is not known, and not in the interval"
	case NoteUnequalHosts:
		return "the two sides were measured on different hosts"
	}
	return string(n)
}

// correlatedFrom is the lag-1 autocorrelation from which on iterations are called autocorrelated, where that is no chance.
const correlatedFrom = 0.3

func (c *Comparison) note(before, after Side) {
	if c.Level == ByIteration {
		c.Notes = append(c.Notes, NoteOneProcess)
	}
	if host := before.hosts(); host > 0 && after.hosts() > 0 && !sameHosts(before, after) {
		c.Notes = append(c.Notes, NoteUnequalHosts)
	}
	c.Notes = append(c.Notes, within(before, after)...)
}

// within are the notes on the iterations of each process.
func within(sides ...Side) (notes []Note) {
	warm, quantised, n, weighted := false, false, 0, 0.0
	for _, s := range sides {
		for _, p := range s {
			warm = warm || stats.WarmingUp(p.Values)
			quantised = quantised || stats.Quantised(p.Values)
			if rho := stats.LagOne(p.Values); !math.IsNaN(rho) {
				n += len(p.Values)
				weighted += rho * float64(len(p.Values))
			}
		}
	}
	if rho := weighted / float64(n); n > 0 && rho > correlatedFrom && rho > 2/math.Sqrt(float64(n)) {
		notes = append(notes, NoteAutocorrelated)
	}
	if warm {
		notes = append(notes, NoteWarmUp)
	}
	if quantised {
		notes = append(notes, NoteQuantised)
	}
	return notes
}

func sameHosts(a, b Side) bool {
	names := func(s Side) map[string]bool {
		out := map[string]bool{}
		for _, p := range s {
			out[p.Host] = true
		}
		return out
	}
	return maps.Equal(names(a), names(b))
}
