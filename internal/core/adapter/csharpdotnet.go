package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// BenchmarkDotNet's JSON exporters write {"Title", "HostEnvironmentInfo", "Benchmarks": [{"Namespace", "Type", "Method", "Parameters", "FullName", "Statistics":
// {"OriginalValues", "Mean", "StandardDeviation", "Median", "InterquartileRange", …}, "Memory": {"Gen0Collections", …, "TotalOperations",
// "BytesAllocatedPerOperation"}, "Metrics": [{"Value", "Descriptor"}]}]}; brief, full and compressed differ in what is left out. Times are nanoseconds.
// "Statistics" is null where a benchmark failed.
//
// Identity is namespace, type and method, with the parameters in braces. The value is the mean and its standard deviation, or the median and half of the
// interquartile range on each side; each iteration is a sample.
//
// Unlike Bencher, type and parameters are part of the name, iterations are samples, and what diagnosers add is kept.
var cSharpDotNetTool = tool{
	name: "c_sharp_dot_net", about: "BenchmarkDotNet, JSON exporter", example: `tacho run --file 'BenchmarkDotNet.Artifacts/results/App-report-full.json' "dotnet run -c Release -- --exporters json"`,
	measures:   []string{"Latency (ns, lower)", "Allocated (B/op, lower)", "Gen0/Gen1/Gen2 Collects (lower)", "Total Operations", "each diagnoser's metric in its unit"},
	samples:    "each iteration",
	parameters: "in braces",
	signs:      []sign{{jsonForm, []string{"HostEnvironmentInfo", "Benchmarks[].Method"}, 100, `"HostEnvironmentInfo" and "Benchmarks"`}},
	parse:      parseDotNet, averages: []Average{AverageMean, AverageMedian},
}

// dotNetRun is one benchmark.
type dotNetRun struct {
	namespace, class, method, params, full string
	statistics                             bool
	mean, deviation, median, iqr           opt
	samples                                []float64
	gen                                    [3]opt
	operations, allocated                  opt
	metrics                                []Metric
}

func parseDotNet(s *scanner, opts Options) (Results, error) {
	s.loose = true
	var g gathering
	n := 0
	err := s.object(func(key []byte) error {
		if string(key) != "Benchmarks" {
			return s.skip()
		}
		return s.each(func() error {
			n++
			line, _ := s.position()
			var r dotNetRun
			if err := r.read(s); err != nil {
				return err
			}
			return r.add(&g, opts, line)
		})
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, `"HostEnvironmentInfo" and %d "Benchmarks"`, n), nil
}

func (r *dotNetRun) read(s *scanner) error {
	return s.members(func(key []byte) error {
		switch string(key) {
		case "Namespace":
			return s.str(&r.namespace)
		case "Type":
			return s.str(&r.class)
		case "Method":
			return s.str(&r.method)
		case "Parameters":
			return s.str(&r.params)
		case "FullName":
			return s.str(&r.full)
		case "Statistics":
			r.statistics = s.peek() == '{'
			return s.members(func(key []byte) error { return r.statistic(s, key) })
		case "Memory":
			return s.members(func(key []byte) error { return r.memory(s, key) })
		case "Metrics":
			return s.each(func() error { return r.metric(s) })
		}
		return s.skip()
	})
}

func (r *dotNetRun) statistic(s *scanner, key []byte) error {
	switch string(key) {
	case "OriginalValues":
		return s.nums(&r.samples)
	case "Mean":
		return s.opt(&r.mean)
	case "StandardDeviation":
		return s.opt(&r.deviation)
	case "Median":
		return s.opt(&r.median)
	case "InterquartileRange":
		return s.opt(&r.iqr)
	}
	return s.skip()
}

func (r *dotNetRun) memory(s *scanner, key []byte) error {
	switch string(key) {
	case "Gen0Collections":
		return s.opt(&r.gen[0])
	case "Gen1Collections":
		return s.opt(&r.gen[1])
	case "Gen2Collections":
		return s.opt(&r.gen[2])
	case "TotalOperations":
		return s.opt(&r.operations)
	case "BytesAllocatedPerOperation":
		return s.opt(&r.allocated)
	}
	return s.skip()
}

// metric reads what a diagnoser adds: {"Value": n, "Descriptor": {"Id", "Legend", "Unit", "TheGreaterTheBetter"}}.
func (r *dotNetRun) metric(s *scanner) error {
	var value opt
	var id, short, greater string
	if err := s.members(func(key []byte) error {
		switch string(key) {
		case "Value":
			return s.opt(&value)
		case "Descriptor":
			return s.members(func(key []byte) error {
				switch string(key) {
				case "Id":
					return s.str(&id)
				case "Unit":
					return s.str(&short)
				case "TheGreaterTheBetter":
					return s.str(&greater)
				}
				return s.skip()
			})
		}
		return s.skip()
	}); err != nil || !value.ok || id == "" {
		return err
	}
	m := &unit.Measure{Name: id, Units: short, Direction: unit.Lower}
	if m.Units == "" {
		m.Units = unit.Generic
	}
	if greater == "true" {
		m.Direction = unit.Higher
	}
	r.metrics = append(r.metrics, Metric{Measure: m, Value: value.v})
	return nil
}

func (r *dotNetRun) name() string {
	var parts []string
	for _, p := range []string{r.namespace, r.class, r.method} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	var ps []parameter
	for p := range strings.SplitSeq(strings.ReplaceAll(r.params, "&", ", "), ", ") {
		name, value, _ := strings.Cut(p, "=")
		if value == "" {
			name, value = "", oneLine(p)
		}
		ps = append(ps, parameter{strings.TrimSpace(name), oneLine(value)})
	}
	return withParameters(strings.Join(parts, "."), ps)
}

func (r *dotNetRun) add(g *gathering, opts Options, line int) error {
	name := r.name()
	switch {
	case r.method == "":
		g.problem(r.full, line, "a benchmark has no method")
		return nil
	case !r.statistics || !r.mean.ok:
		g.problem(name, line, "it has no statistics: it failed, or none of its iterations counted")
		return nil
	}
	latency := Metric{Measure: unit.Latency, Value: r.mean.v}
	if r.deviation.ok {
		latency = spread(unit.Latency, r.mean.v, r.deviation.v)
	}
	if opts.Average == AverageMedian && r.median.ok {
		latency = spread(unit.Latency, r.median.v, r.iqr.v/2)
	}
	latency.Samples = r.samples
	if err := g.metric(name, latency, line); err != nil {
		return err
	}
	if err := g.optional(name, line, []optional{
		{unit.Allocated, r.allocated}, {builtIn("gen0-collects"), r.gen[0]}, {builtIn("gen1-collects"), r.gen[1]}, {builtIn("gen2-collects"), r.gen[2]},
		{builtIn("total-operations"), r.operations},
	}); err != nil {
		return err
	}
	for _, m := range r.metrics {
		if m.Measure.Name == "Allocated Memory" && r.allocated.ok || strings.HasPrefix(m.Measure.Name, "Gen") && r.gen[0].ok {
			continue // "Memory" has it
		}
		if err := g.metric(name, m, line); err != nil {
			return err
		}
	}
	return nil
}
