package adapter

import (
	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// pytest-benchmark writes {"machine_info", "benchmarks": [{"name", "fullname", "params", "extra_info", "stats": {"min", "max", "mean",
// "stddev", "median", "iqr", "q1", "q3", "rounds", "iterations", "ops", "total", "data"}}]} with --benchmark-json; times are seconds of
// one iteration. "data", the rounds, is there, but in the files of --benchmark-autosave only with --benchmark-save-data. A benchmark that
// failed is not there at all.
//
// It prints a table too, of fewer digits and without the file in the name: pytesttext.go.
//
// Identity is the full name, file::test[id]: the id in brackets stands for the parameters. The value is the mean and its standard
// deviation, or the median between the quartiles; each round is a sample. The deviation of a single round is 0, which is none.
//
// Unlike Bencher, its table is read, rounds are samples, least and largest are kept, and the median stands between the quartiles, not an
// interquartile range on each side.
var pythonPytestTool = tool{
	name: "python_pytest", about: "pytest-benchmark, --benchmark-json or its table", example: `tacho run --file results.json "pytest --benchmark-json results.json"`,
	measures:   []string{"Latency (ns, lower)", "Latency min, max (ns, lower)"},
	samples:    "each round, in JSON",
	parameters: "the test's id, as it stands in the name",
	signs:      []sign{{jsonForm, []string{"machine_info", "benchmarks[].fullname", "benchmarks[].stats.mean"}, 100, `"machine_info" and "benchmarks" with "stats"`}},
	needles:    []string{pytestHead}, hit: hitPytest, trace: `a header "Name (time in …)"`,
	parse: parsePytest, averages: []Average{AverageMean, AverageMedian},
}

// pytestRun is one benchmark.
type pytestRun struct {
	name, full                                                   string
	mean, deviation, median, q1, q3, iqr, least, largest, rounds read.Opt
	samples                                                      []float64
}

func parsePytest(s *read.Scanner, opts Options) (Results, error) {
	if s.Peek() != '{' {
		return pytestText(s, opts)
	}
	s.Loose = true
	var g gathering
	n := 0
	err := s.Object(func(key []byte) error {
		if string(key) != "benchmarks" {
			return s.Skip()
		}
		return s.Each(func() error {
			n++
			line, _ := s.Position()
			var r pytestRun
			if err := r.read(s); err != nil {
				return err
			}
			name := r.full
			if name == "" {
				name = r.name
			}
			r.add(&g, name, opts, line, 1e9)
			return nil
		})
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, `"machine_info" and %d "benchmarks" with "stats"`, n)
}

func (r *pytestRun) read(s *read.Scanner) error {
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "name":
			return s.Str(&r.name)
		case "fullname":
			return s.Str(&r.full)
		case "stats":
			return s.Members(func(key []byte) error {
				switch string(key) {
				case "mean":
					return s.Opt(&r.mean)
				case "stddev":
					return s.Opt(&r.deviation)
				case "median":
					return s.Opt(&r.median)
				case "q1":
					return s.Opt(&r.q1)
				case "q3":
					return s.Opt(&r.q3)
				case "rounds":
					return s.Opt(&r.rounds)
				case "iqr":
					return s.Opt(&r.iqr)
				case "min":
					return s.Opt(&r.least)
				case "max":
					return s.Opt(&r.largest)
				case "data":
					return s.Nums(&r.samples)
				}
				return s.Skip()
			})
		}
		return s.Skip()
	})
}

// add adds the benchmark, whose times are of so many nanoseconds.
func (r *pytestRun) add(g *gathering, name string, opts Options, line int, nanos float64) {
	if !r.mean.OK && r.median.OK {
		g.problem(name, line, "it has no mean; the median is taken")
		r.mean, r.deviation = r.median, read.Opt{}
	}
	if !r.mean.OK {
		g.problem(name, line, "it has no mean: it failed")
		return
	}
	latency := Metric{Measure: unit.Latency, Value: r.mean.Value * nanos}
	if r.deviation.OK {
		latency = spread(unit.Latency, latency.Value, r.deviation.Value*nanos)
	}
	if opts.Average == AverageMedian && r.median.OK {
		latency = Metric{Measure: unit.Latency, Value: r.median.Value * nanos}
		if r.iqr.OK {
			latency = spread(unit.Latency, r.median.Value*nanos, r.iqr.Value/2*nanos)
		}
		if r.q1.OK && r.q3.OK {
			latency.Lower, latency.Upper = r.q1.Times(nanos).Pointer(), r.q3.Times(nanos).Pointer()
		}
	}
	if r.rounds.Value == 1 {
		latency.Lower, latency.Upper = nil, nil
	}
	latency.Samples = scaleAll(r.samples, nanos)
	g.metric(name, latency, line)
	g.optional(name, line, []optional{{latencyAt("min"), r.least.Times(nanos)}, {latencyAt("max"), r.largest.Times(nanos)}})
}
