package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// ruby-bench writes output_NNN.json: {"metadata": {executable: version}, "raw_data": {executable: {benchmark: {"warmup": [s], "bench": [s], "rss", "maxrss", "rss_samples", …}}}}, times in seconds, memory in bytes. Its text and CSV hold rounded
// numbers for people; a benchmark that failed is "N/A" there and not in the JSON at all. What it prints while it runs is read too, since that says what failed: "Running benchmark "fib" [interp] (1/5)", then "#1:  213ms" for each iteration and
// "Average of last 10, non-warmup iters: 138ms".
//
// Identity is the benchmark with the executable in braces, where there are several. Each measured iteration is a sample, warm-up is left out; the value is their median, or the mean, which ruby-bench prints. The executable is no part of the
// name where there is only one, so that a new version of Ruby goes on with the history.
var rubyBenchTool = tool{
	name: "ruby_bench", about: "ruby-bench, output_NNN.json or its log", example: `tacho run --file data/output_001.json "./run_benchmarks.rb fib nbody"`,
	measures: []string{"Latency (ns, lower)", "Memory (B, lower)", "Peak Memory (B, lower)"}, samples: "each iteration after the warm-up, and of memory where it was sampled",
	parameters: "the executable, where there are several",
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
	executable, name string
	times, memory    []float64
	rss, peak        opt
	line             int
}

func parseRubyBench(s *scanner, opts Options) (Results, error) {
	var runs []rubyRun
	var g gathering
	var err error
	if s.peek() == '{' {
		runs, err = rubyBenchJSON(s)
	} else {
		runs, err = rubyBenchLog(s, &g)
	}
	if err != nil {
		return Results{}, err
	}
	executables := map[string]bool{}
	for _, r := range runs {
		executables[r.executable] = true
	}
	for _, r := range runs {
		name := r.name
		if len(executables) > 1 {
			name = withParameters(name, []parameter{{"", r.executable}})
		}
		if len(r.times) == 0 {
			g.problem(name, r.line, "it has no measured iterations")
			continue
		}
		if err := g.metric(name, summarize(unit.Latency, r.times, opts.Average), r.line); err != nil {
			return Results{}, err
		}
		if len(r.memory) > 0 {
			if err := g.metric(name, summarize(memory, r.memory, opts.Average), r.line); err != nil {
				return Results{}, err
			}
			r.rss = opt{}
		}
		if err := g.optional(name, r.line, []optional{{memory, r.rss}, {unit.PeakMemory, r.peak}}); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, "%d benchmarks of ruby-bench", len(runs)), nil
}

func rubyBenchJSON(s *scanner) (runs []rubyRun, err error) {
	err = s.object(func(key []byte) error {
		if string(key) != "raw_data" {
			return s.skip()
		}
		return s.members(func(key []byte) error {
			executable := string(key)
			return s.members(func(key []byte) error {
				line, _ := s.position()
				r := rubyRun{executable: executable, name: string(key), line: line}
				err := s.members(func(key []byte) error {
					switch string(key) {
					case "bench":
						err := s.nums(&r.times)
						scaleAll(r.times, 1e9)
						return err
					case "rss_samples":
						return s.nums(&r.memory)
					case "rss":
						return s.opt(&r.rss)
					case "maxrss":
						return s.opt(&r.peak)
					}
					return s.skip()
				})
				runs = append(runs, r)
				if err != nil {
					return err
				}
				return tooManyRuns(len(runs))
			})
		})
	})
	return runs, err
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

// rubyBenchLog reads what is printed while it runs. How many of the iterations count is said only behind them.
func rubyBenchLog(s *scanner, g *gathering) (runs []rubyRun, err error) {
	var r rubyRun
	counted := false
	flush := func() {
		if r.name != "" && !counted {
			g.problem(withParameters(r.name, []parameter{{"", r.executable}}), r.line, "it failed: its average is not there")
		}
	}
	for {
		line, more := s.nextLine()
		if !more {
			flush()
			return runs, nil
		}
		if name, executable, ok := rubyRunning(line); ok {
			flush()
			r, counted = rubyRun{executable: executable, name: name, line: s.lineNumber}, false
			continue
		}
		text := bytes.TrimSpace(line)
		if rest, ok := bytes.CutPrefix(text, []byte("#")); ok {
			if digits, value, ok := bytes.Cut(rest, []byte(":")); ok && isDigits(digits) {
				if v, ok := nanoseconds(bytes.TrimSpace(value)); ok {
					r.times = append(r.times, v)
					if err := tooMany(len(r.times)); err != nil {
						return nil, err
					}
				}
			}
			continue
		}
		if rest, ok := bytes.CutPrefix(text, []byte("Average of last ")); ok {
			digits, _, _ := bytes.Cut(rest, []byte(","))
			n, ok := number(digits)
			if r.name == "" || !ok || n < 1 || int(n) > len(r.times) {
				continue
			}
			r.times = r.times[len(r.times)-int(n):]
			counted = true
			runs = append(runs, r)
			if err := tooManyRuns(len(runs)); err != nil {
				return nil, err
			}
		}
	}
}
