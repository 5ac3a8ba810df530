package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// Google Benchmark writes {"context": {…}, "benchmarks": [{"name", "run_name", "run_type": "iteration" | "aggregate", "aggregate_name", "real_time",
// "cpu_time", "time_unit", <counters>, "error_occurred", "error_message"}]} with --benchmark_format=json, and a table with the same columns as CSV.
//
// Identity is the run's name, which holds arguments and settings as /64/repeats:3. Each repetition is a sample of real time, CPU time and each counter.
// Rows of aggregates are left out where the repetitions are there; with --benchmark_report_aggregates_only mean and stddev, or the median if it is
// asked for, are the value and its spread. Complexity rows (BigO, RMS) are about a family of benchmarks and are left out.
//
// Unlike Bencher, CPU time, counters and rates are kept, repetitions are samples and not benchmarks, and a benchmark that reports an error is a
// problem.
var cppGoogleTool = tool{
	name: "cpp_google", about: "Google Benchmark, --benchmark_format=json or csv", example: `tacho run "./bench --benchmark_format=json --benchmark_repetitions=5"`,
	measures:   []string{"Latency (ns, lower)", "CPU Time (ns, lower)", "Items per Second (items/s, higher)", "Bandwidth (MB/s, higher)", "any counter"},
	samples:    "each repetition",
	parameters: "arguments and settings, as they stand in the name",
	signs: []sign{
		{jsonForm, []string{"context.num_cpus", "benchmarks[].real_time", "benchmarks[].cpu_time"}, 100, `"benchmarks" with "real_time" and "cpu_time"`},
		{csvForm, []string{"name", "iterations", "real_time", "cpu_time", "time_unit"}, 100, "the columns of Google Benchmark"},
	},
	parse: parseCppGoogle, averages: []Average{AverageMean, AverageMedian},
}

var (
	cpuTime        = &unit.Measure{Name: "CPU Time", Slug: "cpu-time", Units: unit.Nanoseconds, Direction: unit.Lower}
	itemsPerSecond = &unit.Measure{Name: "Items per Second", Slug: "items-per-second", Units: "items / second (items/s)", Direction: unit.Higher}
)

// counter is a measure that only its name describes.
func counter(name string) *unit.Measure {
	return &unit.Measure{Name: name, Units: unit.Generic, Direction: unit.Unknown}
}

// googleRow is one row.
type googleRow struct {
	name, run, kind, aggregate, unit, failed, message string
	counters                                          []googleCounter
}

type googleCounter struct {
	name  string
	value float64
}

// googleRead gathers rows.
type googleRead struct {
	gathering
	opts       Options
	iterated   map[string]bool
	aggregates []googleRow
	rows       int
}

func parseCppGoogle(s *scanner, opts Options) (Results, error) {
	g := &googleRead{opts: opts, iterated: map[string]bool{}}
	read := g.csv
	if s.peek() == '{' {
		read = g.json
	}
	if err := read(s); err != nil {
		return Results{}, err
	}
	if err := g.addAggregates(); err != nil {
		return Results{}, err
	}
	return g.results(opts, `"benchmarks" with "real_time" and "cpu_time", %d rows`, g.rows), nil
}

func (g *googleRead) json(s *scanner) error {
	s.loose = true
	return s.object(func(key []byte) error {
		if string(key) != "benchmarks" {
			return s.skip()
		}
		return s.each(func() error {
			line, _ := s.position()
			var r googleRow
			err := s.members(func(key []byte) error { return r.member(s, key) })
			if err != nil {
				return err
			}
			return g.row(r, line)
		})
	})
}

// member reads one member of a row: what is not known is a counter.
func (r *googleRow) member(s *scanner, key []byte) error {
	switch string(key) {
	case "name":
		return s.str(&r.name)
	case "run_name":
		return s.str(&r.run)
	case "run_type":
		return s.str(&r.kind)
	case "aggregate_name":
		return s.str(&r.aggregate)
	case "time_unit":
		return s.str(&r.unit)
	case "error_occurred":
		return s.str(&r.failed)
	case "error_message":
		return s.str(&r.message)
	case "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations", "label", "aggregate_unit", "big_o", "rms",
		"cpu_coefficient", "real_coefficient", "skipped", "skip_message":
		return s.skip()
	}
	name := string(key)
	var v opt
	if err := s.opt(&v); err != nil || !v.ok {
		return err
	}
	r.counters = append(r.counters, googleCounter{name, v.v})
	return nil
}

func (g *googleRead) csv(s *scanner) error {
	t := s.newTable("name", "real_time", "time_unit")
	if t == nil {
		return s.fail("there is no header with name, real_time and time_unit")
	}
	for t.next() {
		var r googleRow
		for i, column := range t.columns {
			field := strings.TrimSpace(string(t.field(i)))
			switch column {
			case "name":
				r.name = field
			case "time_unit":
				r.unit = field
			case "error_occurred":
				r.failed = field
			case "error_message":
				r.message = field
			case "iterations", "label":
			default:
				if v, ok := number([]byte(field)); ok {
					r.counters = append(r.counters, googleCounter{column, v})
				}
			}
		}
		for _, suffix := range []string{"mean", "median", "stddev", "cv", "BigO", "RMS"} {
			if run, ok := strings.CutSuffix(r.name, "_"+suffix); ok {
				r.kind, r.run, r.aggregate = "aggregate", run, suffix
			}
		}
		if err := g.row(r, t.line); err != nil {
			return err
		}
	}
	return nil
}

func (g *googleRead) row(r googleRow, line int) error {
	g.rows++
	if r.run == "" {
		r.run = r.name
	}
	switch {
	case r.failed == "true":
		g.problem(r.run, line, "it reports an error: %s", r.message)
		return nil
	case r.kind == "aggregate" || r.aggregate != "":
		if len(g.aggregates) < maxAggregates {
			g.aggregates = append(g.aggregates, r)
		}
		return nil
	}
	g.iterated[r.run] = true
	for _, c := range r.counters {
		m, factor, ok := r.measure(c.name)
		if !ok {
			g.problem(r.run, line, "time unit %q is not known", r.unit)
			continue
		}
		if err := g.value(r.run, m, c.value*factor, line); err != nil {
			return err
		}
	}
	return nil
}

// maxAggregates bounds what is kept until it is known whether it is needed.
const maxAggregates = 100_000

// measure is what a member of a row measures, and the factor to its unit.
func (r *googleRow) measure(name string) (m *unit.Measure, factor float64, ok bool) {
	switch name {
	case "real_time", "cpu_time":
		factor, ok = nanosPer(r.unit)
		if m = unit.Latency; name == "cpu_time" {
			m = cpuTime
		}
		return m, factor, ok
	case "items_per_second":
		return itemsPerSecond, 1, true
	case "bytes_per_second":
		return unit.Bandwidth, 1e-6, true
	}
	return counter(name), 1, true
}

// addAggregates adds the benchmarks of which there are only aggregates.
func (g *googleRead) addAggregates() error {
	want := "mean"
	if g.opts.Average == AverageMedian {
		want = "median"
	}
	deviations := map[string]float64{}
	for _, r := range g.aggregates {
		if r.aggregate == "stddev" {
			for _, c := range r.counters {
				deviations[r.run+"\x00"+c.name] = c.value
			}
		}
	}
	for _, r := range g.aggregates {
		if g.iterated[r.run] || r.aggregate != want {
			continue
		}
		for _, c := range r.counters {
			m, factor, ok := r.measure(c.name)
			if !ok {
				g.problem(r.run, 0, "time unit %q is not known", r.unit)
				continue
			}
			metric := Metric{Measure: m, Value: c.value * factor}
			if d, ok := deviations[r.run+"\x00"+c.name]; ok {
				metric = spread(m, c.value*factor, d*factor)
			}
			if err := g.metric(r.run, metric, 0); err != nil {
				return err
			}
		}
	}
	return nil
}
