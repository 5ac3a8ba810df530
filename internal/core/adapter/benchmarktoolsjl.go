package adapter

import (
	"fmt"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// BenchmarkTools.save of BenchmarkTools.jl writes [{"Julia": version, "BenchmarkTools": version}, [[type, object], …]]: every value of a
// type is such a pair. A BenchmarkGroup has "data", a Trial "times", "gctimes", "memory" and "allocs", and a TrialEstimate "time",
// "gctime", "memory" and "allocs"; times are nanoseconds, of one evaluation. Old versions write "BenchmarkTools.Trial". A TrialRatio and a
// TrialJudgement compare two measurements and are none.
//
// Identity is the path of keys through the groups, joined by "/"; trials outside of a group are numbered. The value of a trial is the
// median of its times, which the manual advises, or their mean; each is a sample.
var benchmarkToolsTool = tool{
	name: "benchmarktools_jl", about: "BenchmarkTools.jl, BenchmarkTools.save", example: `tacho run --file output.json "julia --project benchmark/run.jl"`,
	measures: []string{"Latency (ns, lower)", "Garbage Collection (ns, lower)", "Allocated (B/op, lower)", "Allocations (allocs/op, lower)"},
	samples:  "each time of a trial, and of its garbage collection",
	signs:    []sign{{jsonForm, []string{"[].BenchmarkTools", "[].Julia"}, 100, `"Julia" and "BenchmarkTools"`}},
	parse:    parseBenchmarkTools, averages: []Average{AverageMean, AverageMedian},
}

// juliaRead reads typed pairs.
type juliaRead struct {
	gathering
	*read.Scanner
	opts    Options
	n       int
	unnamed int
}

func parseBenchmarkTools(s *read.Scanner, opts Options) (Results, error) {
	s.Loose = true
	j := &juliaRead{Scanner: s, opts: opts}
	err := s.Array(func() error {
		if s.Peek() != '[' {
			return s.Skip() // the versions
		}
		return s.Array(func() error { return j.pair("") })
	})
	if err != nil {
		return Results{}, err
	}
	return j.results(opts, `"Julia" and "BenchmarkTools", %d trials`, j.n)
}

// pair reads [type, object], and what is none as an empty one.
func (j *juliaRead) pair(path string) error {
	var kind string
	line, _ := j.Position()
	at := 0
	return j.Each(func() error {
		at++
		switch {
		case at == 1:
			err := j.Str(&kind)
			kind = strings.TrimPrefix(kind, "BenchmarkTools.")
			return err
		case at == 2 && kind == "BenchmarkGroup":
			return j.Members(func(key []byte) error {
				if string(key) != "data" {
					return j.Skip()
				}
				return j.Members(func(key []byte) error { return j.pair(joinNames("/", path, j.Keep(key))) })
			})
		case at == 2 && (kind == "Trial" || kind == "TrialEstimate"):
			return j.trial(path)
		case at == 2 && (kind == "TrialRatio" || kind == "TrialJudgement"):
			j.problem(path, line, "a %s is no measurement: save the trials", kind)
		}
		return j.Skip()
	})
}

func (j *juliaRead) trial(name string) error {
	line, _ := j.Position()
	j.n++
	var times, collections []float64
	var memory, allocations read.Opt
	one := func(to *[]float64) error {
		var o read.Opt
		err := j.Opt(&o)
		if o.OK {
			*to = []float64{o.Value}
		}
		return err
	}
	if err := j.Members(func(key []byte) error {
		switch string(key) {
		case "times":
			return j.Nums(&times)
		case "gctimes":
			return j.Nums(&collections)
		case "time":
			return one(&times)
		case "gctime":
			return one(&collections)
		case "memory":
			return j.Opt(&memory)
		case "allocs":
			return j.Opt(&allocations)
		}
		return j.Skip()
	}); err != nil {
		return err
	}
	if name == "" {
		name = "trial"
		if j.unnamed++; j.unnamed > 1 {
			name = fmt.Sprintf("trial %d", j.unnamed)
		}
	}
	if len(times) == 0 {
		j.problem(name, line, "it has no times")
		return nil
	}
	j.metric(name, j.single(unit.Latency, times), line)
	if len(collections) > 0 {
		j.metric(name, j.single(garbageCollection, collections), line)
	}
	j.optional(name, line, []optional{{unit.Allocated, memory}, {unit.Allocations, allocations}})
	return nil
}

// single is an estimate where there is only one value, which is no sample then.
func (j *juliaRead) single(m *unit.Measure, values []float64) Metric {
	if len(values) == 1 {
		return Metric{Measure: m, Value: values[0]}
	}
	return summarize(m, values, j.opts.Average)
}
