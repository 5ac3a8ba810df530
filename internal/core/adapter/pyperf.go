package adapter

import (
	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// pyperf writes {"benchmarks": [{"metadata": {"name", "unit", "loops"}, "runs": [{"metadata", "warmups": [[loops, value]], "values":
// [v]}]}], "metadata": {…}, "version": "1.0"}. Metadata that all benchmarks have in common stands at the top, in files of one benchmark
// the name too. The unit is second, byte or integer; values are for one loop already. Of each run's metadata "command_max_rss" is the peak
// memory of a command, "mem_max_rss" that of the run's own process, in bytes.
//
// Identity is the name. Each value of each run is a sample, and its peak memory is one; warm-ups and calibration are none. The value is
// the samples' median, or their mean, which pyperf prints.
var pyperfTool = tool{
	name: "pyperf", about: "pyperf -o", example: `tacho run --file bench.json "python3 -m pyperf timeit -o bench.json 'sorted(l)' -s 'l=list(range(1000))'"`,
	measures: []string{"Latency (ns, lower)", "Memory (B, lower)", "Value (a number without unit)", "Peak Memory (B, lower)"}, samples: "each value of each run; warm-ups are left out",
	signs: []sign{
		{jsonForm, []string{"benchmarks[].runs[].values[]"}, 90, `"benchmarks" with "runs" and "values"`},
		{jsonForm, []string{"benchmarks[].runs[].warmups[]"}, 90, `"benchmarks" with "runs" and "warmups"`},
	},
	parse: parsePyperf, averages: []Average{AverageMean, AverageMedian},
}

// pyperfRun is one benchmark.
type pyperfRun struct {
	pyperfMeta
	values []float64
	sizes  []int          // how many values each run has
	runs   []pyperfMemory // of each run that has values
	line   int
}

type pyperfMeta struct {
	name, unit string
	pyperfMemory
}

// pyperfMemory is peak memory.
type pyperfMemory struct{ command, process read.Opt }

// peakMemory is that of the command, or else of the process, from the innermost metadata that has it.
func peakMemory(metas ...pyperfMemory) read.Opt {
	for _, m := range metas {
		if m.command.OK {
			return m.command
		}
	}
	for _, m := range metas {
		if m.process.OK {
			return m.process
		}
	}
	return read.Opt{}
}

func (m *pyperfMeta) member(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "name":
		return s.Str(&m.name)
	case "unit":
		return s.Str(&m.unit)
	case "command_max_rss":
		return s.Opt(&m.command)
	case "mem_max_rss":
		return s.Opt(&m.process)
	}
	return s.Skip()
}

// run reads one run.
func (r *pyperfRun) run(s *read.Scanner) error {
	var m pyperfMeta
	before := len(r.values)
	err := s.Members(func(key []byte) error {
		switch string(key) {
		case "values":
			return s.Nums(&r.values)
		case "metadata":
			return s.Members(func(key []byte) error { return m.member(s, key) })
		}
		return s.Skip()
	})
	if len(r.values) > before {
		r.runs = append(r.runs, m.pyperfMemory)
		r.sizes = append(r.sizes, len(r.values)-before)
	}
	return err
}

// memory are the runs' peak memories.
func (r *pyperfRun) memory(common pyperfMemory) []float64 {
	var out []float64
	for _, run := range r.runs {
		if p := peakMemory(run, r.pyperfMemory, common); p.OK {
			out = append(out, p.Value)
		}
	}
	return out
}

func parsePyperf(s *read.Scanner, opts Options) (Results, error) {
	s.Loose = true
	var runs []pyperfRun
	var common pyperfMeta
	err := s.Object(func(key []byte) error {
		switch string(key) {
		case "metadata":
			return s.Members(func(key []byte) error { return common.member(s, key) })
		case "benchmarks":
			return s.Each(func() error {
				line, _ := s.Position()
				r := pyperfRun{line: line}
				err := s.Members(func(key []byte) error {
					switch string(key) {
					case "metadata":
						return s.Members(func(key []byte) error { return r.member(s, key) })
					case "runs":
						return s.Each(func() error { return r.run(s) })
					}
					return s.Skip()
				})
				runs = append(runs, r)
				if err != nil {
					return err
				}
				return tooManyRuns(len(runs))
			})
		}
		return s.Skip()
	})
	if err != nil {
		return Results{}, err
	}
	var g gathering
	for _, r := range runs {
		if r.name == "" {
			r.name = common.name
		}
		if r.unit == "" {
			r.unit = common.unit
		}
		name := read.OneLine(r.name)
		if len(r.values) == 0 {
			g.problem(name, r.line, "it has no values")
			continue
		}
		m, factor := unit.Latency, 1e9
		switch r.unit {
		case "second", "":
		case "byte":
			m, factor = &unit.Measure{Name: "Memory", Slug: "memory", Units: unit.Bytes, Direction: unit.Lower}, 1
		default:
			m, factor = counter("Value"), 1
		}
		out := summarize(m, scaleAll(r.values, factor), opts.Average)
		out.Processes = r.sizes
		g.metric(name, out, r.line)
		if peaks := r.memory(common.pyperfMemory); len(peaks) > 0 {
			out := summarize(unit.PeakMemory, peaks, opts.Average)
			out.Processes = singles(len(peaks))
			g.metric(name, out, r.line)
		}
	}
	return g.results(opts, `%d "benchmarks" with "runs" and "values"`, len(runs))
}
