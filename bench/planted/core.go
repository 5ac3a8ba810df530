package main

import (
	"fmt"

	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/event"
)

// weakFrom is from which inflation by autocorrelation on a line's changes are suspected only: nobody is told before a rerun confirms
// them, or another line of the item does.
const weakFrom = 2

// byCore are the items that the core makes of the project: changes of each line, grouped, and of those the ones that people are told of.
func (p *project) byCore() (items []Item) {
	for b := range branches {
		var spans [2][]event.Span
		var of [2]map[string]found
		for t := range testbeds {
			of[t] = map[string]found{}
			for i := range benchmarkCount {
				for _, c := range changesOf(p.values[b][t][i]) {
					id := fmt.Sprintf("%d/%d", i, c.Index)
					of[t][id] = found{i, c.weak}
					effect := event.Effect{Before: c.Before, After: c.After, P: c.P, Settled: c.Settled && !c.weak}
					spans[t] = append(spans[t], event.Span{ID: id, Line: name(i), First: int64(c.First), Last: int64(c.Last), Weight: effect.Score()})
				}
			}
		}
		for t := range testbeds {
			for _, g := range event.Group(spans[t]) {
				item, told := Item{Branch: branches[b], Testbed: testbeds[t], First: int(g.First), Last: int(g.Last)}, false
				for _, m := range g.Members {
					item.Benchmarks = append(item.Benchmarks, name(of[t][m].benchmark))
					told = told || !of[t][m].weak
				}
				other := event.Around{Active: benchmarkCount}
				for _, s := range spans[1-t] {
					if s.First <= g.Last && g.First <= s.Last {
						other.Moved++
					}
				}
				item.Machine = event.OfMachine(event.Around{Active: benchmarkCount, Moved: len(g.Members)}, []event.Around{other})
				if told {
					items = append(items, item)
				}
			}
		}
	}
	return items
}

// found is a change by its benchmark.
type found struct {
	benchmark int
	weak      bool
}

// oneChange is a change of a line; a weak one may be noise that looks like changes.
type oneChange struct {
	change.Change
	weak bool
}

// changesOf are the changes of a line that enough values follow.
func changesOf(values []float64) (out []oneChange) {
	r, err := change.Detect(values, change.Params{})
	if err != nil {
		panic(err) // the generator made what is no measurement
	}
	for _, c := range r.Changes {
		if c.Settled {
			out = append(out, oneChange{c, c.Switch || r.Inflation > weakFrom || !c.Firm})
		}
	}
	return out
}
