package adapter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// hyperfine --export-json writes {"results": [{"command", "mean", "stddev", "median", "user", "system", "min", "max", "times",
// "memory_usage_byte", "exit_codes", "parameters"}]}, times in seconds. "times" can be absent in old exports, "stddev" is null for a
// single run, and "exit_codes" holds null for a run that a signal ended. --export-csv writes the columns command, mean, stddev, median,
// user, system, min, max and parameter_NAME, in seconds too whatever the time unit, without runs and exit codes. What it prints is read
// where there is neither: "Benchmark 1: command", and below it mean, deviation, user and system time and range, rounded, in ms, µs or s.
// It exports anew after each command, so that on standard output the same results stand in several documents, each with one more, among
// what it prints.
//
// Identity is the command (or the name given with -n), white space in it made single spaces, and those parameters that its text does not
// show, in braces: "make {threads=4}". The value is the mean with its standard deviation as spread, as hyperfine prints it, or with
// --average median the median between least and largest; each run's time is a sample. User and system time and memory are measures of
// their own. Runs that failed are a Problem, and their numbers are kept: hyperfine was told to ignore the failure.
//
// Unlike Bencher, each run is a sample, parameters are part of the name, user time, system time and memory are kept, and its table and
// console are read.

// hyperfineRun is one result.
type hyperfineRun struct {
	command, name                        string // name: its identity
	mean, stddev, median, least, largest read.Opt
	user, system                         read.Opt
	times, memory                        []float64
	nanos                                bool // times are in nanoseconds and not in seconds
	runs, failed                         int
	ignored                              bool // there were failures, nobody says how many
	lastFailure                          string
	parameters                           []read.Parameter
}

var hyperfineTool = tool{
	name: Hyperfine, about: "hyperfine --export-json or --export-csv, or its console", example: `tacho run --adapter shell_hyperfine "hyperfine --export-json /dev/stdout --output null 'make'"`,
	measures:   []string{"Latency (ns, lower)", "User Time (ns, lower)", "System Time (ns, lower)", "Peak Memory (B, lower)"},
	samples:    "time and memory of each run, in JSON",
	parameters: "those that the command does not show, in braces",
	needles:    []string{"  Time (mean ± σ): ", "  Time (abs ≡): "}, hit: func(line []byte) int {
		if _, ok := hyperfineTime(line); ok {
			return 80 // what it exports has more
		}
		return 0
	}, trace: `a line begins with "Time (mean ± σ):"`,
	signs: []sign{
		{jsonForm, []string{"results[].command", "results[].mean"}, 100, `"results" with "command" and "mean"`},
		{csvForm, []string{"command", "mean", "stddev", "user", "system", "min", "max"}, 95, `a header with "command", "mean" and "stddev"`},
	},
	parse: parseHyperfine, averages: []Average{AverageMean, AverageMedian},
}

func parseHyperfine(s *read.Scanner, opts Options) (Results, error) {
	if s.Peek() != '{' {
		return hyperfineText(s, opts)
	}
	var last read.Rows[hyperfineRun]
	var done []read.Rows[hyperfineRun] // of other calls of hyperfine
	kept := 0
	for {
		export, err := hyperfineExport(s)
		if err != nil {
			return Results{}, notHyperfine(err)
		}
		if !hyperfineContinues(&last, &export) {
			done = append(done, last)
			if kept += last.Len(); kept+export.Len() > limits.BenchmarksPerIteration {
				return Results{}, tooManyBenchmarks()
			}
		}
		last = export
		if !hyperfineToExport(s) {
			break
		}
	}
	runs := &last
	if len(done) > 0 {
		runs = &read.Rows[hyperfineRun]{}
		for _, call := range append(done, last) {
			for run := range call.All() {
				*runs.Next() = *run
			}
		}
	}
	return hyperfineResults(runs, opts, `"results" with "command" and "mean", %d of them`), nil
}

func hyperfineExport(s *read.Scanner) (runs read.Rows[hyperfineRun], err error) {
	err = s.Object(func(key []byte) error {
		if string(key) != "results" {
			return s.Skip()
		}
		return s.Array(func() error {
			if runs.Len() >= limits.BenchmarksPerIteration {
				return tooManyBenchmarks()
			}
			return runs.Next().read(s)
		})
	})
	return runs, err
}

// hyperfineToExport goes over what is printed between two exports to the next one.
func hyperfineToExport(s *read.Scanner) bool {
	s.Peek()
	s.Ensure(len("Benchmark "))
	if !read.HasPrefix(s.Window(), "Benchmark ") {
		return false
	}
	for c := s.Peek(); c != '{'; c = s.Peek() {
		if _, ok := s.NextLine(); !ok {
			return false
		}
	}
	return true
}

// hyperfineContinues reports whether the later export has what the earlier one has, and perhaps more.
func hyperfineContinues(earlier, later *read.Rows[hyperfineRun]) bool {
	if earlier.Len() == 0 || earlier.Len() > later.Len() {
		return earlier.Len() == 0
	}
	a, b := earlier.First(), later.First()
	return a.command == b.command && a.mean == b.mean && slices.Equal(a.times, b.times)
}

func notHyperfine(err error) error {
	return fault.New(fault.Of(err), "shell_hyperfine: the output is not the JSON that hyperfine exports: %s", fault.Message(err))
}

// hyperfineResults are the runs' benchmarks.
func hyperfineResults(runs *read.Rows[hyperfineRun], opts Options, reason string) Results {
	hyperfineNames(runs)
	out := Results{Benchmarks: make([]Benchmark, 0, runs.Len())}
	n := 0
	for run := range runs.All() {
		n++
		name := run.name
		switch {
		case run.command == "":
			out.problem(Problem{Message: fmt.Sprintf("result %d has no command", n)})
			continue
		case !run.mean.OK:
			out.problem(Problem{Benchmark: name, Message: "it has no mean"})
			continue
		}
		if run.failed > 0 {
			out.problem(Problem{Benchmark: name, Message: fmt.Sprintf("%d of %d runs failed, the last with %s", run.failed, run.runs, run.lastFailure)})
		}
		if run.ignored {
			out.problem(Problem{Benchmark: name, Message: "some of its runs failed"})
		}
		metrics, problem := run.metrics(opts)
		if problem != "" {
			out.problem(Problem{Benchmark: name, Message: problem})
		}
		out.Benchmarks = append(out.Benchmarks, Benchmark{Name: name, Metrics: metrics})
	}
	out.Reason = fmt.Sprintf(reason, runs.Len())
	return out
}

// read reads one result.
func (run *hyperfineRun) read(s *read.Scanner) error {
	return s.Object(func(key []byte) error {
		switch string(key) {
		case "command":
			text, err := s.Text()
			run.command = read.OneLine(text)
			return err
		case "mean":
			return s.Maybe(&run.mean)
		case "stddev":
			return s.Maybe(&run.stddev)
		case "median":
			return s.Maybe(&run.median)
		case "min":
			return s.Maybe(&run.least)
		case "max":
			return s.Maybe(&run.largest)
		case "user":
			return s.Maybe(&run.user)
		case "system":
			return s.Maybe(&run.system)
		case "times":
			return s.Samples(&run.times)
		case "memory_usage_byte":
			return s.Samples(&run.memory)
		case "exit_codes":
			return hyperfineExitCodes(s, run)
		case "parameters":
			return hyperfineParameters(s, run)
		}
		return s.Skip()
	})
}

func hyperfineExitCodes(s *read.Scanner, run *hyperfineRun) error {
	if s.Absent() {
		return nil
	}
	return s.Array(func() error {
		run.runs++
		if s.Absent() {
			run.failed++
			run.lastFailure = "a signal"
			return nil
		}
		code, err := s.Number()
		if err == nil && code != 0 {
			run.failed++
			run.lastFailure = fmt.Sprintf("exit code %v", code)
		}
		return err
	})
}

// hyperfineParameters reads the object of parameters; a value that is no text is taken as it is written.
func hyperfineParameters(s *read.Scanner, run *hyperfineRun) error {
	if s.Absent() {
		return nil
	}
	return s.Object(func(key []byte) error {
		p := read.Parameter{Name: s.Keep(key)}
		if s.Peek() == '"' {
			text, err := s.Text()
			p.Value = read.OneLine(text)
			run.parameters = append(run.parameters, p)
			return err
		}
		raw, err := s.Raw()
		p.Value = string(raw)
		run.parameters = append(run.parameters, p)
		return err
	})
}

// hyperfineNames gives each run its identity. Where commands with different parameters would be the same, because the text shows the
// values by chance, all parameters are written; a command that was really given twice gets a number.
func hyperfineNames(runs *read.Rows[hyperfineRun]) {
	var plain nameTable
	var times []int // by place in plain
	for run := range runs.All() {
		run.name = run.identity(false)
		place, isNew := plain.add(run.name)
		if isNew {
			times = append(times, 0)
		}
		times[place]++
	}
	if len(plain.names) == runs.Len() {
		return
	}
	seen := map[string]int{}
	for run := range runs.All() {
		if place, _ := plain.add(run.name); times[place] > 1 {
			run.name = run.identity(true)
		}
		if seen[run.name]++; seen[run.name] > 1 {
			run.name = fmt.Sprintf("%s #%d", run.name, seen[run.name])
		}
	}
}

// identity is the command with its parameters in braces: all of them, or those that its text does not show.
func (run *hyperfineRun) identity(all bool) string {
	if len(run.parameters) == 0 {
		return run.command
	}
	return withParameters(run.command, slices.DeleteFunc(slices.Clone(run.parameters),
		func(p read.Parameter) bool { return !all && hasWord(run.command, p.Value) }))
}

// hasWord reports whether text has word between two bytes that are no part of a word, so that 1 is not found in 10.
func hasWord(text, word string) bool {
	inWord := func(at int) bool {
		if at < 0 || at >= len(text) {
			return false
		}
		c := text[at]
		return c >= 0x80 || c == '_' || read.IsDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	for from := 0; word != ""; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		at += from
		if !inWord(at-1) && !inWord(at+len(word)) {
			return true
		}
		from = at + 1
	}
	return false
}

// metrics are the run's metrics, and what could not be given as asked for.
func (run *hyperfineRun) metrics(opts Options) (out []Metric, problem string) {
	nanos := 1e9
	if run.nanos {
		nanos = 1
	}
	latency := Metric{Measure: unit.Latency, Value: run.mean.Value * nanos}
	if run.stddev.OK {
		ends := &[2]float64{(run.mean.Value - run.stddev.Value) * nanos, (run.mean.Value + run.stddev.Value) * nanos}
		latency.Lower, latency.Upper = &ends[0], &ends[1]
	}
	if opts.Average == AverageMedian {
		if run.median.OK {
			latency.Value = run.median.Value * nanos
			latency.Lower, latency.Upper = run.least.Times(nanos).Pointer(), run.largest.Times(nanos).Pointer()
		} else {
			problem = "it has no median; the mean is taken"
		}
	}
	latency.Samples, latency.Processes = scaleAll(run.times, nanos), singles(len(run.times))
	out = append(make([]Metric, 0, 3), latency)
	if run.user.OK {
		out = append(out, Metric{Measure: unit.UserTime, Value: run.user.Value * nanos})
	}
	if run.system.OK {
		out = append(out, Metric{Measure: unit.SystemTime, Value: run.system.Value * nanos})
	}
	if len(run.memory) > 0 {
		memory := summarize(unit.PeakMemory, run.memory, opts.Average)
		memory.Processes = singles(len(run.memory))
		out = append(out, memory)
	}
	return out, problem
}
