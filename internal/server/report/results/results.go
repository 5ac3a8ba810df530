// Package results reads the raw outputs of one report, one text for each iteration, into values: with the adapter that the report's
// settings name or that recognises them, within the limits of one report, folded where that is asked for.
//
// It has no database and no state. A submission is read before a row of it exists, a job's outputs before its report is held, and both are
// judged and written by package report, which calls it.
package results

import (
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Parsed is what an adapter made of a report's raw outputs.
type Parsed struct {
	Recognised string            // what was recognised and why
	Iterations []adapter.Results // one for each input, or a single one after a fold
	Problems   []api.Problem     // what could not be read although the rest could
	Sources    []string          // for each input the job that left it; none where it was one, or none
}

// Parse reads raw tool outputs, one for each iteration, as the settings say. It touches nothing: a report is refused here, before a row
// of it exists. Errors are Invalid or TooLarge faults that say which input, which benchmark and what is wrong.
func Parse(inputs []string, settings api.ReportSettings) (Parsed, error) {
	name, err := CheckSettings(settings)
	if err != nil {
		return Parsed{}, err
	}
	if len(inputs) == 0 {
		return Parsed{}, fault.Invalidf("results: missing; send the output of the benchmark tool, one string for each iteration")
	}
	if len(inputs) > limits.ResultsPerReport {
		return Parsed{}, fault.TooLargef("results: %d iterations, the limit is %d", len(inputs), limits.ResultsPerReport)
	}
	var out Parsed
	metrics := 0
	measures := map[string]bool{}
	for i, input := range inputs {
		results, err := parse(name, input, adapter.Options{Average: adapter.Average(settings.Average), Mapping: settings.Mapping})
		if err == nil {
			err = check(results)
		}
		if err != nil {
			return Parsed{}, inInput(err, i, len(inputs))
		}
		for _, b := range results.Benchmarks {
			metrics += len(b.Metrics)
			for _, m := range b.Metrics {
				measures[m.Measure.Name] = true
			}
		}
		if len(measures) > limits.MeasuresPerReport {
			return Parsed{}, fault.TooLargef("results: more than %d measures, the limit of one report", limits.MeasuresPerReport)
		}
		if metrics > limits.MetricsPerReport {
			return Parsed{}, fault.TooLargef("results: more than %d metrics, the limit of one report", limits.MetricsPerReport)
		}
		for _, p := range results.Problems {
			out.Problems = append(out.Problems, api.Problem{Iteration: i, Benchmark: p.Benchmark, Message: p.Message, Line: p.Line})
		}
		out.Iterations = append(out.Iterations, results)
	}
	out.Recognised = out.Iterations[0].Reason
	if settings.Fold != "" {
		folded, err := adapter.Fold(out.Iterations, adapter.FoldFunc(settings.Fold))
		if err != nil {
			return Parsed{}, err
		}
		out.Iterations = []adapter.Results{folded}
	}
	return out, nil
}

// Each calls f with every metric in the order of the tool, and at the end with nil.
func (p Parsed) Each(f func(iteration int, b *adapter.Benchmark, m *adapter.Metric) error) error {
	for i, iteration := range p.Iterations {
		for j := range iteration.Benchmarks {
			b := &iteration.Benchmarks[j]
			for k := range b.Metrics {
				if err := f(i, b, &b.Metrics[k]); err != nil {
					return err
				}
			}
		}
	}
	return f(0, nil, nil)
}

// Size counts metrics and their samples.
func (p Parsed) Size() (metrics, samples int) {
	for _, iteration := range p.Iterations {
		for i := range iteration.Benchmarks {
			metrics += len(iteration.Benchmarks[i].Metrics)
			for j := range iteration.Benchmarks[i].Metrics {
				samples += len(iteration.Benchmarks[i].Metrics[j].Samples)
			}
		}
	}
	return metrics, samples
}

// Counts are the numbers of benchmarks and measures of each iteration.
func (p Parsed) Counts() []api.ResultCount {
	out := make([]api.ResultCount, len(p.Iterations))
	for i, iteration := range p.Iterations {
		measures := map[string]bool{}
		for _, b := range iteration.Benchmarks {
			for _, m := range b.Metrics {
				measures[m.Measure.Name] = true
			}
		}
		out[i] = api.ResultCount{Benchmarks: len(iteration.Benchmarks), Measures: len(measures)}
		if len(p.Sources) == len(p.Iterations) { // not after a fold
			out[i].Job = p.Sources[i]
		}
	}
	return out
}

// parse reads one output. A large one is not copied: it is read where it is. One in UTF-16 has to be.
func parse(name adapter.Name, input string, opts adapter.Options) (adapter.Results, error) {
	if len(input) < limits.CheapResultBytes || strings.HasPrefix(input, "\xff\xfe") || strings.HasPrefix(input, "\xfe\xff") {
		return adapter.Parse(name, []byte(input), opts)
	}
	return adapter.Read(name, strings.NewReader(input), int64(len(input)), opts)
}

// Cost is what reading these outputs and writing what is in them may hold in memory at most, in bytes, for the gate of large work. Outputs
// whose cost is not worth counting are 0.
func Cost(inputs []string) int64 {
	size := int64(0)
	for _, text := range inputs {
		size += int64(len(text))
	}
	if size < limits.CheapResultBytes {
		return 0
	}
	return min(size/limits.MetricBytesLeast, limits.MetricsPerReport)*limits.MetricCost + size*limits.ResultByteCost
}

// CheckSettings returns the adapter that the settings name, or an Invalid fault for an unknown adapter, average or fold, or a mapping
// that is none.
func CheckSettings(s api.ReportSettings) (adapter.Name, error) {
	name, err := adapter.ParseName(s.Adapter)
	if err != nil {
		return "", err
	}
	switch adapter.Average(s.Average) {
	case adapter.AverageDefault, adapter.AverageMean, adapter.AverageMedian:
	default:
		return "", fault.Invalidf("average %.40q: want mean or median", s.Average)
	}
	switch adapter.FoldFunc(s.Fold) {
	case "", adapter.FoldMin, adapter.FoldMax, adapter.FoldMean, adapter.FoldMedian:
	default:
		return "", fault.Invalidf("fold %.40q: want min, max, mean or median", s.Fold)
	}
	return name, adapter.CheckMapping(name, s.Mapping)
}

// inInput says in which of several inputs a fault lies.
func inInput(err error, i, n int) error {
	if n == 1 {
		return err
	}
	return inputFault{fault.Wrap(fault.Of(err), err, "results %d of %d: %s", i+1, n, fault.Message(err)), i}
}

// inputFault knows which of several inputs it is of.
type inputFault struct {
	error
	input int
}

func (f inputFault) Unwrap() error { return f.error }

// Input is the place of the input, from 0.
func (f inputFault) Input() int { return f.input }

// check refuses what an adapter may return and a report cannot hold: one series twice in an iteration, and a measure's name that no
// resource may have. Names of benchmarks, numbers and sizes are the adapter's own check.
func check(r adapter.Results) error {
	seen := make(map[string]bool, len(r.Benchmarks))
	for _, b := range r.Benchmarks {
		if seen[b.Name] {
			return fault.Invalidf("benchmark %.100q stands twice in one iteration; give the second one a name of its own", b.Name)
		}
		seen[b.Name] = true
		measured := make(map[string]bool, len(b.Metrics))
		for _, m := range b.Metrics {
			if err := ident.CheckName("measure", m.Measure.Name, limits.ResourceNameBytes); err != nil {
				return err
			}
			if measured[m.Measure.Name] {
				return fault.Invalidf("benchmark %.100q: measure %q stands twice in one iteration", b.Name, m.Measure.Name)
			}
			measured[m.Measure.Name] = true
		}
	}
	return nil
}
