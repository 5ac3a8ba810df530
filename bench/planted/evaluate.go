package main

import (
	"fmt"
	"io"
	"slices"
)

// Item is one thing that a tool tells: what changed at one time.
type Item struct {
	Branch     string   `json:"branch"`
	Testbed    string   `json:"testbed"`
	First      int      `json:"first"` // it came with one of the commits from first, counted from 0
	Last       int      `json:"last"`
	Benchmarks []string `json:"benchmarks"`
	Machine    bool     `json:"machine"` // no commit is blamed
}

// outcome is how items compare with what was planted.
type outcome struct {
	items   int
	planted int      // places × things
	large   int      // of those, code that changed by 6 % or more
	found   int      // of large
	missed  []string // of large
	small   int      // found of less than 6 %
	machine int      // places of the machine with one item that names it
	parts   []string // items of something planted that another item has found, or beside its commit
	wrong   []string // items of nothing planted, or that blame the machine or the code wrongly
}

const beside = 5 // commits

// evaluate compares items with what was planted. Something is found by an item of its branch and testbed, with its commit in the interval
// and one of its benchmarks at least; each once.
func (p *project) evaluate(items []Item) outcome {
	out := outcome{items: len(items)}
	used := make([]bool, len(items))
	for _, s := range p.steps {
		for _, at := range s.at {
			out.planted++
			hit := slices.IndexFunc(items, func(i Item) bool {
				return i.of(s, at) && i.First <= s.commit && s.commit <= i.Last && i.Machine == s.machine
			})
			if hit >= 0 {
				used[hit] = true
			}
			switch large := max(s.size, -s.size) >= 0.06; {
			case s.machine:
				if hit >= 0 {
					out.machine++
				}
			case large:
				if out.large++; hit >= 0 {
					out.found++
				} else {
					out.missed = append(out.missed, fmt.Sprintf("%s at %d, %s", s.name, s.commit, at))
				}
			case hit >= 0:
				out.small++
			}
			for k, i := range items {
				if !used[k] && i.of(s, at) && i.First <= s.commit+beside && s.commit-beside <= i.Last && i.Machine == s.machine {
					used[k] = true
					out.parts = append(out.parts, fmt.Sprintf("%s at %d, by %s", s.name, s.commit, i))
				}
			}
		}
	}
	for k, i := range items {
		if !used[k] {
			out.wrong = append(out.wrong, i.String())
		}
	}
	return out
}

func (i Item) String() string {
	kind := "code"
	if i.Machine {
		kind = "machine"
	}
	return fmt.Sprintf("%s on %s, commits %d to %d, %d benchmarks, %s", i.Branch, i.Testbed, i.First, i.Last, len(i.Benchmarks), kind)
}

// of says whether an item is of a place and has a benchmark of a step.
func (i Item) of(s step, at place) bool {
	return i.Branch == branches[at.branch] && i.Testbed == testbeds[at.testbed] &&
		(s.members == nil || slices.ContainsFunc(s.members, func(b int) bool { return slices.Contains(i.Benchmarks, name(b)) }))
}

// good says whether the outcome is what this project is measured by.
func (o outcome) good() bool {
	return o.items <= mostItems && o.found == o.large && len(o.wrong) <= mostWrong && o.machine == len(branches)
}

// What the outcome may be at most.
const (
	mostItems = 15
	mostWrong = 2
)

func (o outcome) print(out io.Writer, seed uint64) {
	fmt.Fprintf(out, "seed %-4d %2d items of %d planted; of 6 %% and more %d of %d found, of less %d; "+
		"machine named %d of %d; parts %d; false %d\n", seed,
		o.items, o.planted, o.found, o.large, o.small, o.machine, len(branches), len(o.parts), len(o.wrong))
	for _, m := range o.missed {
		fmt.Fprintf(out, "  missed: %s\n", m)
	}
	for _, s := range o.parts {
		fmt.Fprintf(out, "  part of %s\n", s)
	}
	for _, w := range o.wrong {
		fmt.Fprintf(out, "  false: %s\n", w)
	}
}
