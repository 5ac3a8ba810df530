package judge

import (
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
)

// Between is what the rows of a measure say of the two processes that they are of, one a side.
type Between struct {
	Measure string
	Rows    int    // that were tested by their iterations
	From    string // the measure whose rows have told it; empty: too few have any
	stats.Excess
}

// Known reports whether it is known by how much the two processes differ; 0 is known, too.
func (b Between) Known() bool { return b.From != "" }

// between widens the rows of one process a side by what the two processes add. A row cannot show it, because it has two values of it: its
// difference. Many rows can, see stats.ExcessOf. A measure with too few rows takes that of the measure with the most, unless one of
// them is counted. Stored noise widens where the row is narrower than that.
func (cs *Comparisons) between(rows []Row, policy Policy) {
	differences := map[string][]stats.Difference{}
	counted := map[string]bool{}
	for i, row := range rows {
		if c := cs.Rows[i]; c.Level != ByIteration || !c.comparable {
			continue
		}
		name := row.Measure.Name
		if !slices.ContainsFunc(cs.Between, func(b Between) bool { return b.Measure == name }) {
			cs.Between = append(cs.Between, Between{Measure: name, Excess: stats.Excess{SD: math.NaN(), DF: math.NaN()}})
			counted[name] = row.Measure.Exact || perOperation(row.Measure)
		}
		if cs.Rows[i].logarithms {
			differences[name] = append(differences[name], cs.Rows[i].tested)
		}
	}
	most := -1
	for i := range cs.Between {
		b := &cs.Between[i]
		b.Rows = len(differences[b.Measure])
		if e := stats.ExcessOf(differences[b.Measure]); !math.IsNaN(e.SD) {
			b.From, b.Excess = b.Measure, e
			if !counted[b.Measure] && (most < 0 || b.Rows > cs.Between[most].Rows) {
				most = i
			}
		}
	}
	for i := range cs.Between {
		if b := &cs.Between[i]; !b.Known() && most >= 0 && !counted[b.Measure] {
			b.From, b.Excess = cs.Between[most].Measure, cs.Between[most].Excess
		}
	}
	for i, row := range rows {
		if c := &cs.Rows[i]; c.Level == ByIteration && c.comparable {
			c.widen(cs.added(row.Measure.Name), row.Noise, policy)
		}
	}
}

// perOperation reports whether a measure is one of those that tools count for each operation.
func perOperation(m measures.Measure) bool {
	return m.Units == measures.BytesPerOp || m.Units == measures.AllocsPerOp
}

// added is what the processes add to rows of a measure; its SD is NaN where that is not known.
func (cs *Comparisons) added(measure string) stats.Excess {
	for _, b := range cs.Between {
		if b.Measure == measure {
			return b.Excess
		}
	}
	return stats.Excess{SD: math.NaN(), DF: math.NaN()}
}

// widen takes into account what the two processes add, by the rows or by stored noise, whichever is more: a row is never surer for either.
func (c *Comparison) widen(added stats.Excess, noise ProcessNoise, policy Policy) {
	if noise.Runs > 1 && noise.SD > 0 && c.logarithms { // all of the noise, of which iterations may have seen a part
		rest := math.Sqrt(max(0, 2*noise.SD*noise.SD-c.tested.SE*c.tested.SE))
		if !(added.SD >= rest) {
			added = stats.Excess{SD: rest, DF: float64(noise.Runs - 1)}
		}
	}
	c.Between = added.SD
	if math.IsNaN(c.Between) {
		c.Notes = append(c.Notes, NoteBetweenUnknown)
		return
	}
	if c.Between == 0 {
		return
	}
	c.conclude(added, policy)
	if c.Modes != nil && !c.Modes.Outliers {
		c.Grade = GradeModal
	}
	c.RankP, c.ShiftLower, c.ShiftHigh = math.NaN(), math.NaN(), math.NaN() // they take iterations for independent
	c.Notes = slices.DeleteFunc(c.Notes, func(n Note) bool { return n == NoteTestsDisagree })
	c.Notes = append(c.Notes, NoteWidened)
}
