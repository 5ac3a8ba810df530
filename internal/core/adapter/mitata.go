package adapter

import "github.com/tachograph/tacho/internal/core/unit"

// mitata with format: "json" writes {"layout", "benchmarks": [{"alias", "runs": [{"name", "args", "stats": {"samples", "min", "max", "p25" … "p999", "avg", "ticks",
// "heap": {"avg", …}, "gc": {"avg", …}} or "error"}]}], "context"}; times are nanoseconds. The human table may stand before it.
//
// Identity is the run's name, which has its arguments filled in; arguments that it does not show stand in braces. The value is the average between least and largest,
// or the median. Samples are kept where they are in the output; mitata leaves out the slowest two and the fastest two of many.
var mitataTool = tool{
	name: "mitata", about: `mitata, format: "json"`, example: `tacho run "node bench.mjs"  # await run({format: "json"})`,
	measures:   []string{"Latency (ns, lower)", "Latency min, max, p25 … p99.9 (ns, lower)", "Heap per Iteration (B, lower)", "Garbage Collection (ns, lower)"},
	samples:    "each call, where they are in the output",
	parameters: "args that the name does not show, in braces",
	signs: []sign{
		{jsonForm, []string{"benchmarks[].alias", "benchmarks[].runs[].stats.avg"}, 100, `"benchmarks" with "runs" and "stats"`},
		{jsonForm, []string{"*.benchmarks[].alias", "*.benchmarks[].runs[].stats.avg"}, 100, `"benchmarks" with "runs" and "stats"`},
	},
	parse: parseMitata, averages: []Average{AverageMean, AverageMedian},
}

var (
	heapPerIteration  = &unit.Measure{Name: "Heap per Iteration", Slug: "heap-per-iteration", Units: unit.Bytes, Direction: unit.Lower}
	garbageCollection = &unit.Measure{Name: "Garbage Collection", Slug: "garbage-collection", Units: unit.Nanoseconds, Direction: unit.Lower}
)

// mitataRun is one run.
type mitataRun struct {
	name, failed string
	args         []parameter
	stats        timing
	heap, gc     opt
}

func parseMitata(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	run := func() error {
		n++
		line, _ := s.position()
		var r mitataRun
		if err := s.members(func(key []byte) error { return r.member(s, key) }); err != nil {
			return err
		}
		return r.add(&g, opts, line)
	}
	var top func(key []byte) error
	top = func(key []byte) error {
		switch string(key) {
		case "results":
			return s.members(top)
		case "benchmarks":
			return s.each(func() error {
				return s.members(func(key []byte) error {
					if string(key) == "runs" {
						return s.each(run)
					}
					return s.skip()
				})
			})
		}
		return s.skip()
	}
	if err := s.object(top); err != nil {
		return Results{}, err
	}
	return g.results(opts, `"benchmarks" with %d "runs" and their "stats"`, n), nil
}

func (r *mitataRun) member(s *scanner, key []byte) error {
	switch string(key) {
	case "name":
		return s.str(&r.name)
	case "args":
		return s.params(&r.args)
	case "error":
		if s.peek() != '{' {
			return s.str(&r.failed)
		}
		r.failed = "an error"
		return s.members(func(key []byte) error {
			if string(key) == "message" {
				return s.str(&r.failed)
			}
			return s.skip()
		})
	case "stats":
		return s.members(func(key []byte) error {
			average := func(to *opt) error {
				return s.members(func(key []byte) error {
					if string(key) == "avg" {
						return s.opt(to)
					}
					return s.skip()
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
	return s.skip()
}

func (r *mitataRun) add(g *gathering, opts Options, line int) error {
	name := oneLine(r.name)
	var hidden []parameter
	for _, p := range r.args {
		if !hasWord(name, p.value) {
			hidden = append(hidden, p)
		}
	}
	name = withParameters(name, hidden)
	if r.failed != "" {
		g.problem(name, line, "it failed: %s", r.failed)
		return nil
	}
	if err := r.stats.add(g, name, 1, opts.Average, line); err != nil {
		return err
	}
	return g.optional(name, line, []optional{{heapPerIteration, r.heap}, {garbageCollection, r.gc}})
}
