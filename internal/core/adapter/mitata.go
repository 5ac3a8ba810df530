package adapter

import (
	"strconv"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// mitata with format: "json" writes {"layout": [{"name"}], "benchmarks": [{"alias", "group", "runs": [{"name", "args", "stats":
// {"samples", "min", "max", "p25" … "p999", "avg", "ticks", "heap": {"avg", …}, "gc": {"avg", …}} or "error"}]}], "context"}; times
// are nanoseconds. The human table may stand before it. Version 0.1 has no runs: {"benchmarks": [{"name", "group", "stats" or "error"}]}.
// What it prints for people is read too (mitatatext.go), with the digits that it has.
//
// Identity is the group, where it has a name, and the run's name, which has its arguments filled in; arguments that it does not show stand
// in braces. The value is the average between least and largest, or the median. Samples are kept where they are in the output; mitata
// leaves out the slowest two and the fastest two of many.
var mitataTool = tool{
	name: "mitata", about: `mitata, format: "json", or what it prints`, example: `tacho run "node bench.mjs"  # await run({format: "json"})`,
	measures:   []string{"Latency (ns, lower)", "Latency min, max, p25 … p99.9 (ns, lower)", "Heap per Iteration (B, lower)", "Garbage Collection (ns, lower; JSON)"},
	samples:    "each call, where they are in the output",
	parameters: "args that the name does not show, in braces (JSON)",
	signs: []sign{
		{jsonForm, []string{"benchmarks[].alias", "benchmarks[].runs[].stats.avg"}, 100, `"benchmarks" with "runs" and "stats"`},
		{jsonForm, []string{"*.benchmarks[].alias", "*.benchmarks[].runs[].stats.avg"}, 100, `"benchmarks" with "runs" and "stats"`},
		{jsonForm, []string{"benchmarks[].stats.avg", "benchmarks[].stats.p999", "benchmarks[].baseline", "benchmarks[].warmup"}, 95, `"benchmarks" with "baseline" and "stats"`},
	},
	needles: []string{" avg (min … max) p75 / p99", "time (avg)             (min … max)", "avg |         min |"}, hit: hitMitata, trace: `the header of mitata's table`,
	parse: parseMitata, averages: []Average{AverageMean, AverageMedian},
}

var (
	heapPerIteration  = &unit.Measure{Name: "Heap per Iteration", Slug: "heap-per-iteration", Units: unit.Bytes, Direction: unit.Lower}
	garbageCollection = &unit.Measure{Name: "Garbage Collection", Slug: "garbage-collection", Units: unit.Nanoseconds, Direction: unit.Lower}
)

// mitataRun is one run.
type mitataRun struct {
	group, name, failed string
	line                int
	args                []read.Parameter
	stats               timing
	heap, gc            read.Opt
}

func parseMitata(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	if c := s.Peek(); c != '{' && c != 0 {
		g.mitataText(s, &n)
		if opts.Average == AverageMedian {
			g.problem("", 0, "what mitata prints has no medians; the values are averages")
		}
		return g.results(opts, `a table of %d benchmarks of mitata`, n)
	}
	var layout []string // the groups' names
	var top func(key []byte) error
	top = func(key []byte) error {
		switch string(key) {
		case "results":
			return s.Members(top)
		case "layout":
			return s.Each(func() error {
				name := ""
				err := s.Members(func(key []byte) error {
					if string(key) == "name" {
						return s.Str(&name)
					}
					return s.Skip()
				})
				layout = append(layout, name)
				return err
			})
		case "benchmarks":
			return s.Each(func() error { return g.mitataBenchmark(s, opts, layout, &n) })
		}
		return s.Skip()
	}
	if err := s.Object(top); err != nil {
		return Results{}, err
	}
	return g.results(opts, `"benchmarks" with %d "runs" and their "stats"`, n)
}

// mitataBenchmark reads a benchmark with its runs, or one of version 0.1. Its group may stand behind the runs.
func (g *gathering) mitataBenchmark(s *read.Scanner, opts Options, layout []string, n *int) error {
	s.Peek()
	line, _ := s.Position()
	alone, group := mitataRun{line: line}, ""
	var runs []mitataRun
	err := s.Members(func(key []byte) error {
		switch string(key) {
		case "group":
			return s.Str(&group)
		case "runs":
			return s.Each(func() error {
				s.Peek()
				line, _ := s.Position()
				r := mitataRun{line: line}
				err := s.Members(func(key []byte) error { return r.member(s, key) })
				runs = append(runs, r)
				return firstError(err, func() error { return tooManyRuns(len(runs)) })
			})
		}
		return alone.member(s, key)
	})
	if err != nil {
		return err
	}
	if at, err := strconv.Atoi(group); err == nil { // a place in the layout
		if group = ""; at >= 0 && at < len(layout) {
			group = layout[at]
		}
	}
	if runs == nil {
		runs = []mitataRun{alone}
	}
	for _, r := range runs {
		*n++
		r.group = group
		r.add(g, opts, r.line)
	}
	return nil
}

func (r *mitataRun) member(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "name":
		return s.Str(&r.name)
	case "args":
		return s.Params(&r.args)
	case "error":
		if s.Peek() != '{' {
			return s.Str(&r.failed)
		}
		r.failed = "an error"
		return s.Members(func(key []byte) error {
			if string(key) == "message" {
				return s.Str(&r.failed)
			}
			return s.Skip()
		})
	case "stats":
		return s.Members(func(key []byte) error {
			average := func(to *read.Opt) error {
				return s.Members(func(key []byte) error {
					if string(key) == "avg" {
						return s.Opt(to)
					}
					return s.Skip()
				})
			}
			switch string(key) {
			case "heap":
				return average(&r.heap)
			case "gc":
				return average(&r.gc)
			}
			return r.stats.member(s, key)
		})
	}
	return s.Skip()
}

func (r *mitataRun) add(g *gathering, opts Options, line int) {
	name := joinNames(" > ", r.group, r.name)
	var hidden []read.Parameter
	for _, p := range r.args {
		if !hasWord(r.name, p.Value) {
			hidden = append(hidden, p)
		}
	}
	name = withParameters(name, hidden)
	if r.failed != "" {
		g.problem(name, line, "it failed: %s", r.failed)
		return
	}
	name = g.again(name)
	r.stats.add(g, name, 1, opts.Average, line)
	g.optional(name, line, []optional{{heapPerIteration, r.heap}, {garbageCollection, r.gc}})
}
