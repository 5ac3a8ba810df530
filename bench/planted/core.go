package main

import (
	"fmt"
	"slices"

	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/policy"
)

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
					of[t][id] = found{i, c.Weak}
					effect := event.Effect{Before: c.Before, After: c.After, P: c.P, Settled: c.Settled && !c.Weak}
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

// changesOf are the changes of a line that enough values follow.
func changesOf(values []float64) []policy.Found {
	r, err := change.Detect(values, change.Params{})
	if err != nil {
		panic(err) // the generator made what is no measurement
	}
	return slices.DeleteFunc(policy.Noisy(r), func(f policy.Found) bool { return !f.Settled })
}
