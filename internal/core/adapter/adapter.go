// Package adapter reads what benchmark tools print: text or JSON in, benchmarks with their metrics out, nothing lost.
//
// Each tool is one file with a score and a parse function, one folder of real outputs under testdata, and one line in the table of this file.
// Parse reads by a named adapter; "magic" scores the input with each and takes the one that recognises it, or says that it cannot tell.
// Every unit and every sample that a tool prints is kept. A benchmark that failed, or a number that is none, is a Problem beside the others,
// never their loss; only the JSON format of our own world is strict, because its producers are programs.
//
// The package is pure: bytes in, values out. Its errors are Invalid or TooLarge faults whose sentence says where the input is wrong. Intake and
// ingest call it on the server; a client may call it before anything is sent. Input is bounded by limits: whoever calls bounds its size.
package adapter

import (
	"bytes"
	"fmt"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// tool is one row of the table.
type tool struct {
	name  Name
	about string
	// score says how surely the input is this tool's, 0 is not at all and 100 surely, and why in words. It must be cheap.
	score func(input []byte) (int, string)
	// parse reads the input and sets Benchmarks, Problems and Reason, which is what it recognised.
	parse func(input []byte, opts Options) (Results, error)
	// averages are the central values that the tool's output lets one choose from.
	averages []Average
}

// tools is the one table of adapters. Adding one is a file, a folder of samples and a line here.
var tools = []tool{
	{JSON, "Bencher Metric Format", scoreBMF, parseBMF, nil},
	{GoBench, "go test -bench", scoreGoBench, parseGoBench, []Average{AverageMean, AverageMedian}},
	{Hyperfine, "hyperfine --export-json", scoreHyperfine, parseHyperfine, []Average{AverageMean, AverageMedian}},
}

// Metric is one measure of one benchmark.
type Metric struct {
	Measure      unit.Measure
	Value        float64
	Lower, Upper *float64  // the spread that the tool gives, for display; nil when it gives none
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
	Benchmark string // empty: not known
	Message   string
	Line      int // 1 is the first; 0: not known
}

// Results is what one input holds, in the order of the input.
type Results struct {
	Adapter    Name   // the one that read it
	Reason     string // what it recognised and why
	Benchmarks []Benchmark
	Problems   []Problem
}

// Parse reads input with the named adapter. Input without a single benchmark is an Invalid fault, and so is an unknown adapter or average; an
// average that the tool does not offer changes nothing, and Reason says so. Names in the result are distinct and within their limits, numbers are
// finite.
func Parse(name Name, input []byte, opts Options) (Results, error) {
	average, err := ParseAverage(string(opts.Average))
	if err != nil {
		return Results{}, err
	}
	input = bytes.TrimPrefix(input, []byte("\ufeff")) // Windows programs write it
	chosen, err := choose(tools, name, input)
	if err != nil {
		return Results{}, err
	}
	out, err := chosen.parse(input, opts)
	if err != nil {
		return Results{}, err
	}
	out.Adapter = chosen.name
	out.Reason = string(chosen.name) + ": " + out.Reason
	if average != AverageDefault && !offers(chosen, average) {
		out.Reason += fmt.Sprintf("; --average %s changes nothing, this format has one value for each metric", average)
	}
	if err := out.settle(); err != nil {
		return Results{}, err
	}
	if len(out.Benchmarks) == 0 {
		message := fmt.Sprintf("%s: the output holds no benchmark result", chosen.name)
		if len(out.Problems) > 0 {
			message += "; " + out.Problems[0].text()
		}
		return Results{}, fault.Invalidf("%s (it begins %s)", message, beginning(input))
	}
	return out, nil
}

func offers(t tool, average Average) bool {
	for _, a := range t.averages {
		if a == average {
			return true
		}
	}
	return false
}

// text is the problem in one line.
func (p Problem) text() string {
	out := p.Message
	if p.Benchmark != "" {
		out = p.Benchmark + ": " + out
	}
	if p.Line > 0 {
		out = fmt.Sprintf("line %d: %s", p.Line, out)
	}
	return out
}
