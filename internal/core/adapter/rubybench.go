package adapter

import (
	"bytes"
	"maps"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// ruby-bench writes output_NNN.json: {"metadata": {executable: version}, "raw_data": {executable: {benchmark: {"warmup": [s], "bench":
// [s], "rss", "maxrss", "rss_samples", …}}}}, times in seconds, memory in bytes. With --harness=ractor there is {"bench_by_ractors":
// {"4": [s]}} and "bench" is all of them, or, in older versions, there is only "bench", in whole milliseconds; with the harness for
// garbage collection there are {"gc_marking_time_bench": [ms], "gc_count_bench": [n], …}. The harness once writes 0.001, which is no
// time. The text and CSV hold rounded numbers for people; a benchmark that failed is "N/A" there and not in the JSON at all. What is
// printed while it runs is read too, since that says what failed: "Running benchmark "fib" [interp] (1/5)", then "#1:  213ms" for each
// iteration, in whole milliseconds, perhaps with more columns, and "Average of last 10, non-warmup iters: 138ms". The executable is only
// told there with --interleave; else all benchmarks of one follow those of another, and behind the last stands "interp: ruby 3.1.2p20
// (…) […]" for each.
//
// Identity is the benchmark with the executable in braces, where there are several, and the number of Ractors. Each measured iteration is
// a sample, warm-up is left out; the value is their median, or the mean, which ruby-bench prints. The executable is no part of the name
// where there is only one, so that a new version of Ruby goes on with the history.
var rubyBenchTool = tool{
	name: "ruby_bench", about: "ruby-bench, output_NNN.json or its log", example: `tacho run --file data/output_001.json "./run_benchmarks.rb fib nbody"`,
	measures:   []string{"Latency (ns, lower)", "Memory (B, lower)", "Peak Memory (B, lower)", "GC Marking, GC Sweeping (ns, lower), GC Count, GC Major Count, GC Minor Count (lower), with the harness for them"},
	samples:    "each iteration after the warm-up, and of memory where it was sampled",
	parameters: "the executable, where there are several; the number of Ractors",
	signs:      []sign{{jsonForm, []string{"metadata", "raw_data.*.*.bench[]"}, 100, `"metadata" and "raw_data" of ruby-bench`}},
	needles:    []string{`Running benchmark "`}, hit: func(line []byte) int {
		if _, _, ok := rubyRunning(line); ok {
			return 95
		}
		return 0
	}, trace: `a line begins with "Running benchmark"`,
	parse: parseRubyBench, averages: []Average{AverageMean, AverageMedian},
}

// rubyRun is one benchmark under one executable.
type rubyRun struct {
	executable, name, ractors string
	times, memory             []float64
	rss, peak                 read.Opt
	gc                        [][]float64 // as rubyGC
	warmups                   int
	untimed                   bool // its times are those of others
	line                      int

	description string // of the Ruby, in a log
	block       int    // which executable's turn it was there; 0: its name is told
}

// rubyGC are the series of the harness for garbage collection.
var rubyGC = []struct {
	member  string
	measure *unit.Measure
	factor  float64
}{
	{"gc_marking_time_bench", &unit.Measure{Name: "GC Marking", Slug: "gc-marking", Units: unit.Nanoseconds, Direction: unit.Lower}, 1e6},
	{"gc_sweeping_time_bench", &unit.Measure{Name: "GC Sweeping", Slug: "gc-sweeping", Units: unit.Nanoseconds, Direction: unit.Lower}, 1e6},
	{"gc_count_bench", &unit.Measure{Name: "GC Count", Slug: "gc-count", Units: unit.Generic, Direction: unit.Lower}, 1},
	{"gc_major_count_bench", &unit.Measure{Name: "GC Major Count", Slug: "gc-major-count", Units: unit.Generic, Direction: unit.Lower}, 1},
	{"gc_minor_count_bench", &unit.Measure{Name: "GC Minor Count", Slug: "gc-minor-count", Units: unit.Generic, Direction: unit.Lower}, 1},
}

func parseRubyBench(s *read.Scanner, opts Options) (Results, error) {
	var runs []rubyRun
	var g gathering
	var err error
	executables := map[string]bool{}
	if s.Peek() == '{' {
		runs, err = rubyBenchJSON(s, executables)
	} else {
		runs, err = rubyBenchLog(s, &g)
	}
	if err != nil {
		return Results{}, err
	}
	missing := missingRuns(runs, executables)
	for _, r := range runs {
		executables[r.executable] = true
	}
	several := len(executables) > 1
	for _, r := range runs {
		if !several {
			r.executable = ""
		}
		r.add(&g, opts)
	}
	for _, name := range missing {
		g.problem(name, 0, "it has no results: it failed, or was not run")
	}
	return g.results(opts, "%d benchmarks of ruby-bench", len(runs))
}

// missingRuns are the benchmarks that one of the executables of a file has and another has not.
func missingRuns(runs []rubyRun, executables map[string]bool) (out []string) {
	names, has := map[string]bool{}, map[[2]string]bool{}
	for _, r := range runs {
		names[r.name], has[[2]string{r.executable, r.name}] = true, true
	}
	if len(names)*len(executables) > maxAggregates {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, executable := range slices.Sorted(maps.Keys(executables)) {
			if !has[[2]string{executable, name}] {
				out = append(out, withParameters(name, []read.Parameter{{Name: "", Value: executable}}))
			}
		}
	}
	return out
}

func (r *rubyRun) add(g *gathering, opts Options) {
	name := withParameters(r.name, []read.Parameter{{Name: "", Value: r.executable}, {Name: "", Value: r.ractors}})
	if message := r.flaw(); message != "" {
		g.problem(name, r.line, "%s", message)
		return
	}
	if !r.untimed {
		g.metric(name, summarize(unit.Latency, r.times, opts.Average), r.line)
	}
	if len(r.memory) > 0 {
		g.metric(name, summarize(memory, r.memory, opts.Average), r.line)
		r.rss = read.Opt{}
	}
	for i, values := range r.gc {
		if len(values) == 0 {
			continue
		}
		g.metric(name, summarize(rubyGC[i].measure, scaleAll(values, rubyGC[i].factor), opts.Average), r.line)
	}
	g.optional(name, r.line, []optional{{memory, r.rss}, {unit.PeakMemory, r.peak}})
}

// flaw says why its times are none.
func (r *rubyRun) flaw() string {
	whole := !slices.ContainsFunc(r.times, func(t float64) bool { return math.Mod(t, 1e9) != 0 })
	switch {
	case r.untimed:
	case len(r.times) == 0:
		return "it has no measured iterations"
	case r.warmups == 0 && len(r.times) == 1 && r.times[0] == 1e6:
		return "the harness once measures nothing"
	case r.ractors == "" && r.warmups == 0 && whole && len(r.times) > 1:
		return "its times are milliseconds of several numbers of Ractors, mixed; newer versions of ruby-bench keep them apart"
	}
	return ""
}

func rubyBenchJSON(s *read.Scanner, executables map[string]bool) (runs []rubyRun, err error) {
	err = s.Object(func(key []byte) error {
		if string(key) != "raw_data" {
			return s.Skip()
		}
		return s.Members(func(key []byte) error {
			executable := shorten(string(key), limits.BenchmarkNameBytes/2)
			if len(executables) < maxAggregates {
				executables[executable] = true
			}
			return s.Members(func(key []byte) error {
				line, _ := s.Position()
				r := rubyRun{executable: executable, name: s.Keep(key), line: line}
				more, err := r.read(s)
				runs = append(runs, more...)
				if err != nil {
					return err
				}
				return tooManyRuns(len(runs))
			})
		})
	})
	return runs, err
}

// read reads one benchmark, which is several where it ran with several numbers of Ractors.
func (r *rubyRun) read(s *read.Scanner) ([]rubyRun, error) {
	var ractors []rubyRun
	err := s.Members(func(key []byte) error {
		for i, gc := range rubyGC {
			if string(key) == gc.member {
				if r.gc == nil {
					r.gc = make([][]float64, len(rubyGC))
				}
				return s.Nums(&r.gc[i])
			}
		}
		switch string(key) {
		case "warmup":
			return s.Each(func() error {
				r.warmups++
				return s.Skip()
			})
		case "bench":
			before := len(r.times)
			err := s.Nums(&r.times)
			scaleAll(r.times[before:], 1e9)
			return err
		case "bench_by_ractors":
			return s.Members(func(key []byte) error {
				one := rubyRun{ractors: "ractors=" + string(key)}
				err := s.Nums(&one.times)
				scaleAll(one.times, 1e9)
				ractors = append(ractors, one)
				if err != nil {
					return err
				}
				return tooManyRuns(len(ractors))
			})
		case "rss_samples":
			return s.Nums(&r.memory)
		case "rss":
			return s.Opt(&r.rss)
		case "maxrss":
			return s.Opt(&r.peak)
		}
		return s.Skip()
	})
	if len(ractors) == 0 {
		return []rubyRun{*r}, err
	}
	for i := range ractors {
		ractors[i].executable, ractors[i].name, ractors[i].line = r.executable, r.name, r.line
	}
	r.untimed, r.times = true, nil // memory is of them all
	return append(ractors, *r), err
}

// rubyRunning reads `Running benchmark "fib" [interp] (1/5)`.
func rubyRunning(line []byte) (name, executable string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`Running benchmark "`))
	if !ok {
		return "", "", false
	}
	word, rest, ok := bytes.Cut(rest, []byte(`"`))
	if inside, found := bytes.CutPrefix(rest, []byte(" [")); found {
		inside, _, _ = bytes.Cut(inside, []byte("]"))
		executable = string(inside)
	}
	return string(word), executable, ok
}

// rubyLog is the place in what is printed while it runs.
type rubyLog struct {
	g       *gathering
	runs    []rubyRun
	r       rubyRun
	ractors []rubyRun // of the benchmark at hand
	counted bool
	failed  string

	named  int      // runs whose executable is known
	block  int      // executables since
	legend []string // what they are called
}

// rubyBenchLog reads what is printed while it runs. How many of the iterations count is said only behind them, and the executables behind
// all.
func rubyBenchLog(s *read.Scanner, g *gathering) ([]rubyRun, error) {
	l := &rubyLog{g: g}
	for line := range s.Lines() {
		if err := l.line(line, s.Line()); err != nil {
			return nil, err
		}
	}
	l.flush()
	l.name()
	return l.runs, nil
}

func (l *rubyLog) line(line []byte, row int) error {
	if name, executable, ok := rubyRunning(line); ok {
		l.flush()
		if len(l.legend) > 0 {
			l.name()
		}
		l.r, l.counted, l.failed, l.ractors = rubyRun{executable: executable, name: name, line: row, warmups: 1}, false, "", nil
		if executable == "" {
			if bytes.Contains(line, []byte(" (1/")) || l.block == 0 {
				l.block++
			}
			l.r.block = l.block
		}
		return nil
	}
	if rubyDescription(line) {
		l.r.description = string(line)
		return nil
	}
	if name, rest, ok := bytes.Cut(line, []byte(": ")); ok && rubyDescription(rest) {
		l.flush()
		if len(l.legend) < maxAggregates {
			l.legend = append(l.legend, shorten(string(name), limits.BenchmarkNameBytes/2))
		}
		return nil
	}
	text := bytes.TrimSpace(line)
	switch {
	case l.r.name == "" || len(text) == 0:
	case text[0] == '#' || read.IsDigit(text[0]):
		return l.iteration(text)
	case bytes.HasPrefix(text, []byte("RSS: ")):
		l.r.rss = mebibytes(text[len("RSS: "):])
	case bytes.HasPrefix(text, []byte("MAXRSS: ")):
		l.r.peak = mebibytes(text[len("MAXRSS: "):])
	case bytes.HasPrefix(text, []byte("Command \"")):
		if at := bytes.LastIndex(text, []byte(" failed with exit code ")); at >= 0 {
			word, _ := read.NextWord(text[at+len(" failed with exit code "):])
			l.failed = "it failed with exit code " + string(word)
		}
	case bytes.HasPrefix(text, []byte("Average of last ")):
		digits, _, _ := bytes.Cut(text[len("Average of last "):], []byte(","))
		n, ok := read.Number(digits)
		if !ok || n < 1 || n > float64(len(l.r.times)) {
			return nil
		}
		l.r.times = l.r.times[len(l.r.times)-int(n):]
		l.counted = true
		l.runs = append(l.runs, l.r)
		return tooManyRuns(len(l.runs))
	}
	return nil
}

// iteration reads "#1:  213ms" with more columns behind it, and "4     #1:   98ms" of four Ractors.
func (l *rubyLog) iteration(text []byte) error {
	before, rest, ok := bytes.Cut(text, []byte("#"))
	digits, rest, found := bytes.Cut(rest, []byte(":"))
	if !ok || !found || !read.IsDigits(digits) {
		return nil
	}
	word, _ := read.NextWord(rest)
	v, ok := nanoseconds(word)
	if !ok {
		return nil
	}
	to := &l.r
	if before = bytes.TrimSpace(before); len(before) > 0 {
		if !read.IsDigits(before) {
			return nil
		}
		if n := len(l.ractors); n == 0 || l.ractors[n-1].ractors != "ractors="+string(before) {
			one := l.r
			one.ractors, one.times = "ractors="+string(before), nil
			l.ractors = append(l.ractors, one)
		}
		to = &l.ractors[len(l.ractors)-1]
	}
	to.times = append(to.times, v)
	return read.TooMany(len(to.times))
}

// flush ends the benchmark at hand.
func (l *rubyLog) flush() {
	r := l.r
	l.r = rubyRun{}
	switch {
	case r.name == "" || l.counted && l.failed == "":
	case l.failed == "" && len(l.ractors) > 0: // all of them count
		l.runs = append(l.runs, l.ractors...)
	case l.failed != "":
		if l.counted { // it failed behind its last iteration
			l.runs = l.runs[:len(l.runs)-1]
		}
		l.g.problem(withParameters(r.name, []read.Parameter{{Name: "", Value: r.executable}}), r.line, "%s", l.failed)
	case r.rss.OK:
		l.g.problem(withParameters(r.name, []read.Parameter{{Name: "", Value: r.executable}}), r.line,
			"how many of its iterations were warm-up is not printed; the file output_NNN.json tells it")
	default:
		l.g.problem(withParameters(r.name, []read.Parameter{{Name: "", Value: r.executable}}), r.line, "it failed: its average is not there")
	}
}

// name gives those runs their executable that were printed without: as the legend calls them in their order, else the version of Ruby.
func (l *rubyLog) name() {
	for i := l.named; i < len(l.runs); i++ {
		switch r := &l.runs[i]; {
		case r.block == 0:
		case len(l.legend) == l.block:
			r.executable = l.legend[r.block-1]
		default:
			r.executable = shortRuby(r.description)
		}
	}
	l.named, l.block, l.legend = len(l.runs), 0, nil
}

// mebibytes reads "13.5MiB".
func mebibytes(text []byte) read.Opt {
	digits, ok := bytes.CutSuffix(text, []byte("MiB"))
	v, good := read.Number(digits)
	return read.Opt{Value: v * (1 << 20), OK: ok && good && read.Finite(v)}
}
