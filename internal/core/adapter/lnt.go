package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// LLVM's LNT imports {"format_version": "2", "machine", "run", "tests": [{"name", "<metric>": value or [values], "hash", "profile"}]}. The older format has {"Machine", "Run", "Tests": [{"Name": "test.metric",
// "Data": [values]}]}. Times are seconds.
//
// Identity is the test's name. compile_time and execution_time are the field's own measures, in nanoseconds; other metrics keep their names, and a list is samples. Hashes and profiles are no metrics.
var lntTool = tool{
	name: "lnt", about: "LNT, format 2 and before", example: `tacho run --file report.json "lnt runtest test-suite …"`,
	measures: []string{"Latency (ns, lower)", "Compile Time (ns, lower)", "Code Size, Memory (B, lower)", "any metric"}, samples: "each value of a list",
	signs: []sign{
		{jsonForm, []string{"format_version", "machine", "run", "tests[].name"}, 100, `"format_version", "machine", "run" and "tests"`},
		{jsonForm, []string{"Machine", "Run", "Tests[].Data"}, 100, `"Machine", "Run" and "Tests"`},
	},
	parse: parseLNT, averages: []Average{AverageMean, AverageMedian},
}

var compileTime = &unit.Measure{Name: "Compile Time", Slug: "compile-time", Units: unit.Nanoseconds, Direction: unit.Lower}

// lntMeasure is the measure behind a metric's name, and the factor to its unit.
func lntMeasure(name string) (*unit.Measure, float64) {
	switch strings.ToLower(name) {
	case "execution_time", "exec", "exec_time":
		return unit.Latency, 1e9
	case "compile_time", "compile":
		return compileTime, 1e9
	case "code_size":
		return &unit.Measure{Name: "Code Size", Slug: "code-size", Units: unit.Bytes, Direction: unit.Lower, Exact: true}, 1
	case "mem_bytes", "memory":
		return unit.PeakMemory, 1
	case "score":
		return &unit.Measure{Name: "Score", Slug: "score", Units: unit.Generic, Direction: unit.Higher}, 1
	}
	return counter(name), 1
}

func parseLNT(s *scanner, opts Options) (Results, error) {
	s.loose = true
	var g gathering
	n := 0
	test := func() error {
		n++
		line, _ := s.position()
		var name string
		var metrics []lntMetric
		if err := s.members(func(key []byte) error {
			switch string(key) {
			case "name", "Name":
				return s.str(&name)
			case "hash", "profile", "Info":
				return s.skip()
			}
			m := lntMetric{name: string(key)}
			if s.peek() == '[' {
				err := s.nums(&m.values)
				metrics = append(metrics, m)
				return err
			}
			var o opt
			err := s.opt(&o)
			if o.ok {
				m.values = []float64{o.v}
				metrics = append(metrics, m)
			}
			return err
		}); err != nil {
			return err
		}
		for _, m := range metrics {
			benchmark := name
			if m.name == "Data" { // the older format names the metric behind the last dot
				if at := strings.LastIndexByte(name, '.'); at > 0 {
					benchmark, m.name = name[:at], name[at+1:]
				}
			}
			measure, factor := lntMeasure(m.name)
			for _, v := range m.values {
				if err := g.value(benchmark, measure, v*factor, line); err != nil {
					return err
				}
			}
		}
		if len(metrics) == 0 {
			g.problem(name, line, "it has no metric")
		}
		return nil
	}
	err := s.object(func(key []byte) error {
		if k := string(key); k == "tests" || k == "Tests" {
			return s.each(test)
		}
		return s.skip()
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, `"tests" of LNT, %d of them`, n), nil
}

type lntMetric struct {
	name   string
	values []float64
}
