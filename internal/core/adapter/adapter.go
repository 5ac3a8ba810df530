// Package adapter reads what benchmark tools print: text or JSON in, benchmarks with their metrics out, nothing lost.
//
// Each tool is one file with a parse function and a score function, one folder of real outputs under testdata, and one line in the
// table of this file. Parse reads by a named adapter; "magic" scores the input with each and takes the one that recognises it, or says
// that it cannot tell. A benchmark that failed is a Problem beside the others, never their loss.
//
// The package is pure: bytes in, values out. Its errors are Invalid faults whose sentence says where the input is wrong.
package adapter

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Name is an adapter's name as it stands on the wire.
type Name string

// The adapters.
const (
	Magic     Name = "magic"
	JSON      Name = "json"
	GoBench   Name = "go_bench"
	Hyperfine Name = "shell_hyperfine"
)

// tool is one row of the table.
type tool struct {
	name  Name
	about string
	// score says how surely the input is this tool's: 0 is not at all, and why in words. It must be cheap.
	score func(input []byte) (int, string)
	parse func(input []byte, opts Options) (Results, error)
}

// tools is the one table of adapters. Adding one is a file, a folder of samples and a line here.
var tools = []tool{
	{JSON, "Bencher Metric Format", scoreBMF, parseBMF},
	{GoBench, "go test -bench", scoreGoBench, parseGoBench},
	{Hyperfine, "hyperfine --export-json", scoreHyperfine, parseHyperfine},
}

// Names lists all adapters, magic first.
func Names() []Name {
	out := []Name{Magic}
	for _, t := range tools {
		out = append(out, t.name)
	}
	return out
}

// ParseName reads an adapter's name; the empty text is magic. An unknown name is an Invalid fault that lists the known ones.
func ParseName(s string) (Name, error) {
	if s == "" {
		return Magic, nil
	}
	if slices.Contains(Names(), Name(s)) {
		return Name(s), nil
	}
	known := make([]string, 0, len(tools)+1)
	for _, n := range Names() {
		known = append(known, string(n))
	}
	return "", fault.Invalidf("adapter %.80q is not known; there are %s", s, strings.Join(known, ", "))
}

// Options say how a tool's numbers are read.
type Options struct {
	Average Average
}

// Average is the central value to take where a tool gives several, or samples.
type Average string

// The averages; empty is the adapter's own choice.
const (
	AverageDefault Average = ""
	AverageMean    Average = "mean"
	AverageMedian  Average = "median"
)

// Metric is one measure of one benchmark.
type Metric struct {
	Measure      unit.Measure
	Value        float64
	Lower, Upper *float64
	Samples      []float64 // every raw sample in the measure's unit, in the tool's order; nil when it gives none
}

// Benchmark is one benchmark's metrics. Its name is its identity: package path and parameters are part of it.
type Benchmark struct {
	Name         string
	IgnoreAlerts bool // its name carried an ignore suffix, which is taken off
	Metrics      []Metric
}

// Problem is a benchmark that failed, or a part of the input that could not be read.
type Problem struct {
	Benchmark string
	Message   string
	Line      int // 1 is the first; 0: not known
}

// Results is what one input holds, in the order of the input.
type Results struct {
	Adapter    Name   // the one that read it
	Reason     string // what it recognised
	Benchmarks []Benchmark
	Problems   []Problem
}

// Parse reads input with the named adapter. Input without a single benchmark is an Invalid fault.
func Parse(name Name, input []byte, opts Options) (Results, error) {
	chosen, reason, err := choose(name, input)
	if err != nil {
		return Results{}, err
	}
	out, err := chosen.parse(input, opts)
	if err != nil {
		return Results{}, err
	}
	out.Adapter = chosen.name
	if reason == "" {
		_, reason = chosen.score(input)
	}
	if reason != "" {
		out.Reason = string(chosen.name) + ": " + reason
	}
	if len(out.Benchmarks) == 0 {
		message := fmt.Sprintf("%s: the output holds no benchmark result", chosen.name)
		if len(out.Problems) > 0 {
			message += "; " + out.Problems[0].Message
		}
		return Results{}, fault.Invalidf("%s (it begins %s)", message, beginning(input))
	}
	return out, out.check()
}

// check holds the results against the limits that no adapter may pass.
func (r *Results) check() error {
	if len(r.Benchmarks) > limits.BenchmarksPerIteration {
		return fault.TooLargef("%s: the output has %d benchmarks, the limit is %d", r.Adapter, len(r.Benchmarks), limits.BenchmarksPerIteration)
	}
	for i := range r.Benchmarks {
		b := &r.Benchmarks[i]
		b.Name, b.IgnoreAlerts = cutIgnore(b.Name)
		if err := checkName(b.Name); err != nil {
			return err
		}
		for _, m := range b.Metrics {
			if len(m.Samples) > limits.SamplesPerMetric {
				return fault.TooLargef("benchmark %.100q: %d samples, the limit is %d", b.Name, len(m.Samples), limits.SamplesPerMetric)
			}
			for _, v := range append([]float64{m.Value, deref(m.Lower), deref(m.Upper)}, m.Samples...) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return fault.Invalidf("benchmark %.100q, measure %.100q: %v is not a finite number", b.Name, m.Measure.Name, v)
				}
			}
		}
	}
	return nil
}

func deref(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

func checkName(name string) error {
	switch {
	case name == "":
		return fault.Invalidf("a benchmark has an empty name")
	case len(name) > limits.BenchmarkNameBytes:
		return fault.Invalidf("benchmark %.60q…: the name is %d bytes long, the limit is %d", name, len(name), limits.BenchmarkNameBytes)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return fault.Invalidf("benchmark %.100q: the name holds a control character or is not valid UTF-8", name)
		}
	}
	return nil
}

// ignoreSuffixes mark a benchmark that is kept but never raises an alert.
var ignoreSuffixes = []string{"_tacho_ignore", "-tacho-ignore", "_bencher_ignore", "-bencher-ignore", "BencherIgnore"}

func cutIgnore(name string) (string, bool) {
	for _, suffix := range ignoreSuffixes {
		if rest, ok := strings.CutSuffix(name, suffix); ok && rest != "" {
			return rest, true
		}
	}
	return name, false
}

// FoldFunc collapses iterations.
type FoldFunc string

// The folds.
const (
	FoldMin    FoldFunc = "min"
	FoldMax    FoldFunc = "max"
	FoldMean   FoldFunc = "mean"
	FoldMedian FoldFunc = "median"
)

// Fold collapses iterations to one: for each benchmark and measure the least, largest, mean or median value over those iterations that have
// it. All samples are kept. The value's own spread is the range of the folded values.
func Fold(iterations []Results, how FoldFunc) (Results, error) {
	switch how {
	case FoldMin, FoldMax, FoldMean, FoldMedian:
	default:
		return Results{}, fault.Invalidf("fold %.40q: want min, max, mean or median", string(how))
	}
	if len(iterations) == 0 {
		return Results{}, nil
	}
	out := Results{Adapter: iterations[0].Adapter, Reason: iterations[0].Reason}
	type key struct{ benchmark, measure string }
	place := map[string]int{}
	folded := map[key][]Metric{}
	for _, iteration := range iterations {
		out.Problems = append(out.Problems, iteration.Problems...)
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
			out.Benchmarks[i].Metrics[j] = fold(folded[key{b.Name, m.Measure.Name}], how)
		}
	}
	return out, nil
}

func fold(metrics []Metric, how FoldFunc) Metric {
	if len(metrics) == 1 {
		return metrics[0]
	}
	out := Metric{Measure: metrics[0].Measure}
	var values []float64
	for _, m := range metrics {
		values = append(values, m.Value)
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

// summarize makes a metric of samples: their median (a slow outlier is common in measuring and says little about the code), or their mean
// if that is asked for, with least and largest as the spread.
func summarize(measure unit.Measure, samples []float64, average Average) Metric {
	m := Metric{Measure: measure, Value: samples[0], Samples: samples}
	if len(samples) == 1 {
		return m
	}
	m.Value = stats.Median(samples)
	if average == AverageMean {
		m.Value = stats.Mean(samples)
	}
	least, most := slices.Min(samples), slices.Max(samples)
	m.Lower, m.Upper = &least, &most
	return m
}
