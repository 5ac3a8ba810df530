package adapter

import (
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
)

// FoldFunc collapses iterations.
type FoldFunc string

// The folds.
const (
	FoldMin    FoldFunc = "min"
	FoldMax    FoldFunc = "max"
	FoldMean   FoldFunc = "mean"
	FoldMedian FoldFunc = "median"
)

// ParseFold reads a fold; another text than the four is an Invalid fault.
func ParseFold(s string) (FoldFunc, error) {
	switch f := FoldFunc(s); f {
	case FoldMin, FoldMax, FoldMean, FoldMedian:
		return f, nil
	}
	return "", fault.Invalidf("fold %.40q: want min, max, mean or median", s)
}

// Fold collapses iterations to one: for each benchmark and measure the least, largest, mean or median value over those iterations that have
// it. The value's spread is the range of the folded values. All samples are kept, in the order of the iterations; where an iteration has
// none, its value is its sample. A benchmark in a single iteration stays as it is. More samples than limits.SamplesPerMetric are a TooLarge
// fault.
func Fold(iterations []Results, how FoldFunc) (Results, error) {
	if _, err := ParseFold(string(how)); err != nil {
		return Results{}, err
	}
	if len(iterations) == 0 {
		return Results{}, nil
	}
	out := Results{Adapter: iterations[0].Adapter, Reason: iterations[0].Reason}
	type key struct{ benchmark, measure string }
	place := map[string]int{}
	folded := map[key][]Metric{}
	for _, iteration := range iterations {
		for _, p := range iteration.Problems {
			out.problem(p)
		}
		for _, b := range iteration.Benchmarks {
			at, seen := place[b.Name]
			if !seen {
				at = len(out.Benchmarks)
				place[b.Name] = at
				out.Benchmarks = append(out.Benchmarks, Benchmark{Name: b.Name, IgnoreAlerts: b.IgnoreAlerts})
			}
			for _, m := range b.Metrics {
				k := key{b.Name, m.Measure.Name}
				if folded[k] == nil {
					out.Benchmarks[at].Metrics = append(out.Benchmarks[at].Metrics, Metric{Measure: m.Measure})
				}
				folded[k] = append(folded[k], m)
			}
		}
	}
	for i, b := range out.Benchmarks {
		for j, m := range b.Metrics {
			one := fold(folded[key{b.Name, m.Measure.Name}], how)
			if len(one.Samples) > limits.SamplesPerMetric {
				return Results{}, fault.TooLargef("benchmark %.100q, measure %.100q: %d samples over all iterations, the limit is %d",
					b.Name, m.Measure.Name, len(one.Samples), limits.SamplesPerMetric)
			}
			out.Benchmarks[i].Metrics[j] = one
		}
	}
	return out, nil
}

func fold(metrics []Metric, how FoldFunc) Metric {
	if len(metrics) == 1 {
		return metrics[0]
	}
	out := Metric{Measure: metrics[0].Measure}
	values := make([]float64, len(metrics))
	for i, m := range metrics {
		values[i] = m.Value
		if m.Samples == nil {
			out.Samples = append(out.Samples, m.Value)
		} else {
			out.Samples = append(out.Samples, m.Samples...)
		}
	}
	least, most := slices.Min(values), slices.Max(values)
	out.Lower, out.Upper = &least, &most
	switch how {
	case FoldMin:
		out.Value = least
	case FoldMax:
		out.Value = most
	case FoldMean:
		out.Value = stats.Mean(values)
	case FoldMedian:
		out.Value = stats.Median(values)
	}
	return out
}

// singles says that each of n samples is of a process of its own; nil for none.
func singles(n int) []int {
	if n == 0 {
		return nil
	}
	return slices.Repeat([]int{1}, n)
}

// summarize makes a metric of samples, of which there is at least one: their median, because a slow outlier is common in measuring and says
// little about the code, or their mean if that is asked for; least and largest are the spread. A single sample has no spread.
func summarize(measure *unit.Measure, samples []float64, average Average) Metric {
	m := Metric{Measure: measure}
	m.summarize(samples, average)
	return m
}

func (m *Metric) summarize(samples []float64, average Average) {
	m.Value, m.Samples = samples[0], samples
	if len(samples) == 1 {
		return
	}
	m.Value = stats.Median(samples)
	if average == AverageMean {
		m.Value = stats.Mean(samples)
	}
	ends := &[2]float64{slices.Min(samples), slices.Max(samples)}
	m.Lower, m.Upper = &ends[0], &ends[1]
}
