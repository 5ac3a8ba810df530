package adapter

import (
	"fmt"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// go test -bench prints configuration lines ("pkg: example.org/x") and result lines: a name that begins with Benchmark, the number of
// iterations, then pairs of value and unit. The grammar is that of golang.org/design/14313-benchmark-format; gobenchline.go reads one line.
// The events of go test -json are read too: gobenchjson.go.
//
// Identity is the package path, a dot, and the name with its /k=v parameters; the package is part of it because names repeat across packages.
// The -GOMAXPROCS suffix is taken off, as benchstat does, because the machine is the testbed's and not the benchmark's business. It stays
// where one input holds the same benchmark under several of them, as go test -cpu 1,2,4 makes it: there it tells results apart.
//
// With -count each line is a sample, and the value is their median: the mean would follow the one run in ten that was disturbed. Least and
// largest are the spread. Every unit is kept, also those of ReportMetric.
//
// Unlike Bencher, every unit is read, package and parameters are part of the name, GOMAXPROCS is not, and the lines of -count are samples.
//
// What else is in the text does not matter: logs of the benchmarks, also where they are printed into the middle of a result line; time stamps
// and colours of CI logs; Windows line ends. A panic, a failed benchmark and a package that does not build are Problems.

// goUnits are the measures of the units that go test itself prints.
var goUnits = map[string]*unit.Measure{
	"ns/op": unit.Latency, "B/op": unit.Allocated, "allocs/op": unit.Allocations, "MB/s": unit.Bandwidth,
}

var goBenchTool = tool{
	name: GoBench, about: "go test -bench, also with -json", example: `tacho run "go test -run - -bench . -benchmem -count 6 ./..."`,
	measures:   []string{"Latency (ns, lower)", "Allocated (B/op, lower)", "Allocations (allocs/op, lower)", "Bandwidth (MB/s, higher)", "any unit of ReportMetric"},
	samples:    "each line of -count",
	parameters: "package path and /k=v are part of the name; GOMAXPROCS where one input has several",
	signs:      []sign{{jsonForm, []string{"Action=output", "Output"}, 80, "events of go test -json"}},
	needles:    []string{"Benchmark", "ns/op"},
	hit:        hitGoBench,
	trace:      "a line begins with Benchmark and carries a number of iterations, values and units",
	lines:      true, parse: parseGoBench, averages: []Average{AverageMean, AverageMedian},
}

// hitGoBench knows a result line, also one whose name was torn off by what the benchmark printed.
func hitGoBench(line []byte) int {
	if _, _, ok := readResult(line); ok {
		return 100
	}
	if _, ok := readBack(line); ok {
		return 60
	}
	return 0
}

// goBenchmark gathers the lines of one benchmark.
type goBenchmark struct {
	pkg, name, procs string
	units            []goUnit

	few   [4]goUnit // the first units, and the first sample of each: most benchmarks have no more, and then cost one allocation
	first [4]float64
}

type goUnit struct {
	name    string
	samples []float64 // finite ones
	flawed  bool      // there was one that is not
}

// goResults gathers result lines by benchmark, in the order of their first appearance.
type goResults struct {
	order   []*goBenchmark
	byKey   map[goKey]*goBenchmark
	words   map[string]string
	out     Results
	lines   int
	metrics int
}

// intern makes a string of what occurs again and again: units and suffixes. It forgets nothing, so it takes no more than a report may have.
func (g *goResults) intern(text []byte) string {
	if known, ok := g.words[string(text)]; ok {
		return known
	}
	word := string(text)
	if len(g.words) < limits.MetricsPerReport {
		g.words[word] = word
	}
	return word
}

type goKey struct{ pkg, name, procs string }

func parseGoBench(s *scanner, opts Options) (Results, error) {
	g := &goResults{byKey: map[goKey]*goBenchmark{}, words: map[string]string{}}
	r := goReader{result: g.add, problem: g.out.problem}
	for line := range s.lines() {
		r.line(line, s.lineNumber)
		if len(g.order) > limits.BenchmarksPerIteration {
			return Results{}, tooManyBenchmarks()
		}
		if g.metrics > limits.MetricsPerReport {
			return Results{}, tooManyMetrics()
		}
	}
	r.end()
	g.name(opts)
	word := "lines begin with Benchmark and carry"
	if g.lines == 1 {
		word = "line begins with Benchmark and carries"
	}
	g.out.Reason = fmt.Sprintf("%d %s a number of iterations, values and units", g.lines, word)
	return g.out, nil
}

// add takes one result line.
func (g *goResults) add(s *goStream, l goLine, number int) {
	g.lines++
	b := g.byKey[goKey{s.pkg, string(l.name), string(l.procs)}]
	if b == nil {
		b = &goBenchmark{pkg: s.pkg, name: string(l.name), procs: g.intern(l.procs)}
		b.units = b.few[:0]
		g.byKey[goKey{b.pkg, b.name, b.procs}] = b
		g.order = append(g.order, b)
	}
	for rest := l.pairs; ; {
		value, u, more := nextPair(&rest)
		if !more {
			return
		}
		at := -1
		for i := range b.units {
			if b.units[i].name == string(u) {
				at = i
				break
			}
		}
		if at < 0 {
			g.metrics++
			at = len(b.units)
			b.units = append(b.units, goUnit{name: g.intern(u)})
			if at < len(b.first) {
				b.units[at].samples = b.first[at : at : at+1]
			}
		}
		if finite(value) {
			b.units[at].samples = append(b.units[at].samples, value)
			continue
		}
		if !b.units[at].flawed { // once: with -count it comes again and again
			g.out.problem(Problem{Benchmark: s.identity(b.name), Message: fmt.Sprintf("%v %s is not a finite number", value, u), Line: number})
		}
		b.units[at].flawed = true
	}
}

// name makes benchmarks of what was gathered, when it is known which of them occur with several GOMAXPROCS.
func (g *goResults) name(opts Options) {
	type plain struct{ pkg, name string }
	procs := make(map[plain]int, len(g.order))
	for _, b := range g.order {
		procs[plain{b.pkg, b.name}]++
	}
	measures := map[string]*unit.Measure{}
	g.out.Benchmarks = make([]Benchmark, 0, len(g.order))
	for _, b := range g.order {
		name := b.name
		if b.pkg != "" {
			name = b.pkg + "." + name
		}
		if b.procs != "" && procs[plain{b.pkg, b.name}] > 1 {
			name += "-" + b.procs
		}
		metrics := make([]Metric, len(b.units))
		n := 0
		for i := range b.units {
			u := &b.units[i]
			if len(u.samples) == 0 {
				continue
			}
			measure := measures[u.name]
			if measure == nil {
				known, ok := goUnits[u.name]
				if !ok {
					known = unit.Guess(u.name)
				}
				measure = known
				measures[u.name] = measure
			}
			metrics[n].Measure = measure
			metrics[n].summarize(u.samples, opts.Average)
			n++
		}
		g.out.Benchmarks = append(g.out.Benchmarks, Benchmark{Name: name, Metrics: metrics[:n]})
	}
}
