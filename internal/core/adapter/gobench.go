package adapter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// go test -bench prints configuration lines ("pkg: example.org/x") and result lines: a name that begins with Benchmark, the number of
// iterations, then pairs of value and unit. The grammar is that of golang.org/design/14313-benchmark-format; gobenchline.go reads one line.
// The events of go test -json are read too: gobenchjson.go.
//
// Identity is the package path, a dot, and the name with its /k=v parameters; the package is part of it because names repeat across
// packages. The -GOMAXPROCS suffix is taken off, as benchstat does, because the machine is the testbed's and not the benchmark's business.
// It stays where one input holds the same benchmark under several of them, as go test -cpu 1,2,4 makes it: there it tells results apart.
// At GOMAXPROCS 1 there is none, and the number at the end of BenchmarkHash/sha-256 is the name's: where a package has results without a
// suffix, those of its sub-benchmarks are taken as they stand.
//
// With -count each line is a sample, and the value is their median: the mean would follow the one run in ten that was disturbed. Least and
// largest are the spread. Every unit is kept, also those of ReportMetric.
//
// Unlike Bencher, every unit is read, package and parameters are part of the name, GOMAXPROCS is not, and the lines of -count are samples.
//
// "Unit p99-ns better=lower assume=exact" tells the direction of a unit that is not go test's own, and that it is counted
// (pkg.go.dev/golang.org/x/perf/benchfmt).
//
// What else is in the text does not matter: logs of the benchmarks, also where they are printed into the middle of a result line; time
// stamps and colours of CI logs; Windows line ends. A panic, a failed benchmark and a package that does not build are Problems.

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
	if _, _, ok := readResult(line, nil); ok {
		return 100
	}
	if _, ok := readBack(line, nil); ok {
		return 60
	}
	return 0
}

// goBenchmark gathers the lines of one benchmark: its metrics have samples and no value yet.
type goBenchmark struct {
	key     string // package, dot, name: the identity, and behind it what else tells benchmarks apart
	end     int    // of the identity
	procs   string
	metrics []Metric
	odd     *goOdd // nil: as almost always
}

// goOdd is what is odd about a benchmark.
type goOdd struct {
	flawed []*unit.Measure        // of which there was a number that is not finite
	thin   map[int]*read.Thinning // of the metrics that have too many samples
}

func (b *goBenchmark) isOdd() *goOdd {
	if b.odd == nil {
		b.odd = &goOdd{thin: map[int]*read.Thinning{}}
	}
	return b.odd
}

// goResults gathers result lines by benchmark, in the order of their first appearance.
type goResults struct {
	order   read.Rows[goBenchmark]
	byPlace []*goBenchmark // in keys
	keys    nameTable
	key     []byte // of the line
	units   nameTable
	measure []*unit.Measure // by place in units
	guess   [8]int          // places in units, of the line before
	last    *goBenchmark
	mixed   bool // there are several GOMAXPROCS
	out     Results
	lines   int
	metrics int
	told    map[string]unit.Measure // by its unit, what lines of "Unit" say

	reader goReader
	room   read.Slab[Metric]  // of a small output what is given away is copied
	floats read.Slab[float64] // for samples
	count  int                // the most samples that a metric has
}

func parseGoBench(s *read.Scanner, opts Options) (Results, error) {
	g := goRooms.Get().(*goResults)
	r := &g.reader
	r.s = s
	for line := range s.Lines() {
		r.line(line, s.Line())
		if g.order.Len() > limits.BenchmarksPerIteration {
			return Results{}, tooManyBenchmarks()
		}
		if g.metrics > limits.MetricsPerReport {
			return Results{}, tooManyMetrics()
		}
	}
	r.end()
	g.name(opts)
	words := " lines begin with Benchmark and carry"
	if g.lines == 1 {
		words = " line begins with Benchmark and carries"
	}
	var room [128]byte
	reason := append(strconv.AppendInt(room[:0], int64(g.lines), 10), words...)
	g.out.Reason = s.Keep(append(reason, " a number of iterations, values and units"...))
	out := g.out
	if g.small() {
		g.clear()
		goRooms.Put(g)
	}
	return out, nil
}

// small reports whether the room is used again.
func (g *goResults) small() bool {
	return len(g.byPlace) <= storeBenchmarks && len(g.measure) <= storeBenchmarks &&
		g.metrics <= storeMetrics && g.room.Size() <= storeMetrics
}

// goRooms are those that wait for the next input, as gatherStores.
var goRooms = sync.Pool{New: func() any {
	g := &goResults{}
	g.reader.result, g.reader.problem, g.reader.unit = g.add, g.out.problem, g.tell
	return g
}}

// clear forgets everything, and keeps the room of what is not given away.
func (g *goResults) clear() {
	g.order.Clear()
	g.keys.clear()
	g.units.clear()
	clear(g.byPlace)
	clear(g.measure)
	g.room.Clear()
	r := &g.reader
	clear(r.pairs[:cap(r.pairs)])
	*r = goReader{result: r.result, problem: r.problem, unit: r.unit, pairs: r.pairs[:0]}
	*g = goResults{reader: g.reader, order: g.order, byPlace: g.byPlace[:0], keys: g.keys, key: g.key[:0], units: g.units,
		measure: g.measure[:0], room: g.room}
}

// benchmark finds or makes the benchmark of a line.
func (g *goResults) benchmark(s *goStream, l goLine) *goBenchmark {
	key := g.key[:0]
	if s.pkg != "" {
		key = append(append(key, s.pkg...), '.')
	}
	key = append(key, l.name...)
	end := len(key)
	key = append(append(key, 0), l.procs...)
	key = append(key, 0, byte(len(s.pkg)>>8), byte(len(s.pkg))) // where the name begins: both may have dots
	g.key = key
	if g.last != nil && g.last.key == string(key) {
		return g.last
	}
	place, isNew := g.keys.addBytes(key)
	if isNew {
		b := g.order.Next()
		b.key, b.end = g.keys.names[place], end
		b.procs = b.key[end+1 : len(b.key)-3]
		g.byPlace = append(g.byPlace, b)
		g.mixed = g.mixed || b.procs != g.byPlace[0].procs
		if n := len(l.pairs); n > 0 {
			b.metrics = g.room.Take(n)
		}
	}
	g.last = g.byPlace[place]
	return g.last
}

// of is the measure of a line's i-th unit, which mostly is that of the line before.
func (g *goResults) of(i int, u []byte) *unit.Measure {
	guess := &g.guess[i%len(g.guess)]
	if *guess < len(g.measure) && g.units.names[*guess] == string(u) {
		return g.measure[*guess]
	}
	place, isNew := g.units.addBytes(u)
	*guess = place
	if !isNew {
		return g.measure[place]
	}
	name := g.units.names[place]
	m, known := goUnits[name]
	if !known {
		m = unit.Guess(name)
	}
	g.measure = append(g.measure, m)
	return m
}

// add takes one result line.
func (g *goResults) add(s *goStream, l goLine, number int) {
	g.lines++
	b := g.benchmark(s, l)
	for i, pair := range l.pairs {
		measure := g.of(i, pair.unit)
		at := i // as in the line before
		if at >= len(b.metrics) || b.metrics[at].Measure != measure {
			at = slices.IndexFunc(b.metrics, func(m Metric) bool { return m.Measure == measure })
		}
		if at < 0 {
			g.metrics++
			at = len(b.metrics)
			if at < cap(b.metrics) {
				b.metrics = b.metrics[:at+1] // nobody had it before
			} else {
				b.metrics = append(b.metrics, Metric{})
			}
			b.metrics[at].Measure = measure
		}
		if read.Finite(pair.value) {
			g.sample(b, at, pair.value)
			continue
		}
		if odd := b.isOdd(); !slices.Contains(odd.flawed, measure) { // once: with -count it comes again and again
			g.out.problem(Problem{Benchmark: s.identity(string(l.name)), Message: fmt.Sprintf("%v %s is not a finite number", pair.value, pair.unit), Line: number})
			odd.flawed = append(odd.flawed, measure)
		}
	}
}

// sample adds a value. Samples lie together; a second one makes room for as many as another metric has, because -count is for all.
func (g *goResults) sample(b *goBenchmark, at int, v float64) {
	m := &b.metrics[at]
	switch n := len(m.Samples); {
	case n >= limits.SamplesPerMetric || b.odd != nil && b.odd.thin[at] != nil:
		thin := b.isOdd().thin
		if thin[at] == nil {
			thin[at] = &read.Thinning{Seen: int32(n)}
		}
		thin[at].Add(&m.Samples, v)
		return
	case n == 0:
		m.Samples = g.floats.Take(1)
	case n == 1:
		m.Samples = append(g.floats.Take(max(2, min(g.count, 64))), m.Samples[0])
	}
	m.Samples = append(m.Samples, v)
	g.count = max(g.count, len(m.Samples))
}

// tell takes what a line says of a unit.
func (g *goResults) tell(u, key, value string) {
	m, ok := g.told[u]
	if !ok && len(g.told) >= limits.MetricsPerReport {
		return
	}
	switch key + "=" + value {
	case "better=lower":
		m.Direction = unit.Lower
	case "better=higher":
		m.Direction = unit.Higher
	case "assume=exact":
		m.Exact = true
	default:
		return
	}
	if g.told == nil {
		g.told = map[string]unit.Measure{}
	}
	g.told[u] = m
}

// settleUnits gives the units what was told of them; go test's own are built-in measures and stay as they are.
func (g *goResults) settleUnits() {
	for place, m := range g.measure {
		told, ok := g.told[g.units.names[place]]
		if _, own := goUnits[g.units.names[place]]; own || !ok {
			continue
		}
		if m.Exact = told.Exact; told.Direction != "" {
			m.Direction = told.Direction
		}
	}
}

// pkg is the package, and own the name without it and without GOMAXPROCS.
func (b *goBenchmark) pkg() (pkg, own string) {
	n := int(b.key[len(b.key)-2])<<8 | int(b.key[len(b.key)-1])
	if n == 0 || n >= b.end {
		return "", b.key[:b.end]
	}
	return b.key[:n], b.key[n+1 : b.end]
}

// name makes benchmarks of what was gathered, when it is known which of them occur with several GOMAXPROCS.
func (g *goResults) name(opts Options) {
	var plain nameTable
	var times []int             // by place in plain
	single := map[string]bool{} // packages that have a result without GOMAXPROCS
	if len(g.told) > 0 {
		g.settleUnits()
	}
	if g.mixed {
		for b := range g.order.All() {
			place, isNew := plain.add(b.key[:b.end])
			if isNew {
				times = append(times, 0)
			}
			times[place]++
			if pkg, _ := b.pkg(); b.procs == "" {
				single[pkg] = true
			}
		}
	}
	var own []Metric
	small := g.small()
	if small {
		own = make([]Metric, 0, g.metrics)
	}
	g.out.Benchmarks = make([]Benchmark, 0, g.order.Len())
	for b := range g.order.All() {
		name := b.key[:b.end]
		if g.mixed && b.procs != "" {
			place, _ := plain.add(name)
			if pkg, own := b.pkg(); times[place] > 1 || single[pkg] && strings.Contains(own, "/") {
				name += "-" + b.procs
			}
		}
		if b.odd != nil {
			for _, t := range b.odd.thin {
				g.out.problem(Problem{Benchmark: name, Message: t.Text()})
				break // the others are alike
			}
			b.metrics = slices.DeleteFunc(b.metrics, func(m Metric) bool { return len(m.Samples) == 0 })
		}
		for i := range b.metrics {
			b.metrics[i].summarize(b.metrics[i].Samples, opts.Average)
		}
		metrics := b.metrics
		if small {
			begin := len(own)
			own = append(own, metrics...)
			metrics = own[begin:len(own):len(own)]
		}
		g.out.Benchmarks = append(g.out.Benchmarks, Benchmark{Name: name, Metrics: metrics})
	}
}
