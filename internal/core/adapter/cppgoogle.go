package adapter

import (
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Google Benchmark writes {"context": {…}, "benchmarks": [{"name", "run_name", "run_type": "iteration" | "aggregate", "aggregate_name",
// "real_time", "cpu_time", "time_unit", <counters>, "error_occurred", "error_message", "skipped", "skip_message"}]} with
// --benchmark_format=json, a table with the same columns as CSV, and on the console a table for people (cppgoogletext.go), in which
// numbers have few digits.
//
// Identity is the run's name, which holds arguments and settings as /64/repeats:3. Each repetition is a sample of real time, CPU time and
// each counter. Rows of aggregates are left out where the repetitions are there; with --benchmark_report_aggregates_only mean and stddev,
// or the median if it is asked for, are the value and its spread, and statistics of the user are points of the latency. CSV, the console
// and versions before 1.5 tell aggregates by their names only, so that three rows X_mean, X_median and X_stddev in a row (before 1.3
// without the median) are those of X, and a benchmark that is called sum_mean is one. Complexity rows (BigO, RMS) are about a family of
// benchmarks and are left out. A counter that is called as a measure, such as Latency, has "(counter)" behind its name.
//
// A document that ends in the middle, because a benchmark crashed, is read as far as it goes.
//
// Unlike Bencher, CSV and the console's table are read, CPU time, counters and rates are kept, repetitions are samples and not benchmarks,
// and a benchmark that reports an error or is skipped is a problem.
var cppGoogleTool = tool{
	name: "cpp_google", about: "Google Benchmark, --benchmark_format=json, csv or console", example: `tacho run "./bench --benchmark_format=json --benchmark_repetitions=5"`,
	measures:   []string{"Latency (ns, lower)", "CPU Time (ns, lower)", "Items per Second (items/s, higher)", "Bandwidth (MB/s, higher)", "Allocations (allocs/op, lower), Peak Memory (B, lower)", "any counter"},
	samples:    "each repetition",
	parameters: "arguments and settings, as they stand in the name",
	signs: []sign{
		{jsonForm, []string{"context.num_cpus", "benchmarks[].real_time", "benchmarks[].cpu_time"}, 100, `"benchmarks" with "real_time" and "cpu_time"`},
		{csvForm, []string{"name", "iterations", "real_time", "cpu_time", "time_unit"}, 100, "the columns of Google Benchmark"},
	},
	needles: []string{"Iterations"}, hit: hitCppGoogle, trace: "the header of Google Benchmark's table",
	parse: parseCppGoogle, averages: []Average{AverageMean, AverageMedian},
}

var (
	cpuTime        = &unit.Measure{Name: "CPU Time", Slug: "cpu-time", Units: unit.Nanoseconds, Direction: unit.Lower}
	totalAllocated = &unit.Measure{Name: "Total Allocated", Units: unit.Bytes, Direction: unit.Lower}
	heapGrowth     = &unit.Measure{Name: "Net Heap Growth", Units: unit.Bytes, Direction: unit.Lower}
	itemsPerSecond = &unit.Measure{Name: "Items per Second", Slug: "items-per-second", Units: "items / second (items/s)", Direction: unit.Higher}
)

// counter is a measure that only its name describes.
func counter(name string) *unit.Measure {
	return &unit.Measure{Name: name, Units: unit.Generic, Direction: unit.Unknown}
}

// googleRow is one row.
type googleRow struct {
	name, run, kind, aggregate, unit, iterations string
	family                                       string
	failed, skipped, message                     string
	complexity, percent                          bool
	counters                                     []googleCounter
	bad                                          []string // what is wrong with a number
}

type googleCounter struct {
	name  string
	value float64
}

// counts takes in a counter. Most rows have two, or a few more.
func (r *googleRow) counts(name string, v float64) {
	if r.counters == nil {
		r.counters = make([]googleCounter, 0, 4)
	}
	r.counters = append(r.counters, googleCounter{name, v})
}

// googleRead gathers rows.
type googleRead struct {
	gathering
	opts       Options
	names      nameTable
	seen       []googleSeen // by place in names
	aggregates []googleRow
	held       []googleHeld // rows without a type that may be aggregates
	tail       googleHeld   // the last row of a block of aggregates
	count      int          // rows of the run that the last iteration was of
	last       string
	rows       int
}

// googleSeen is what is known of a run's name.
type googleSeen struct {
	family   string // of the first one
	iterated bool   // there are rows of repetitions
	told     bool   // another family has the name too
}

// of is what is known of the name.
func (g *googleRead) of(run string) *googleSeen {
	place, isNew := g.names.add(run)
	if isNew {
		g.seen = append(g.seen, googleSeen{})
	}
	return &g.seen[place]
}

// googleHeld is a row and where it stands.
type googleHeld struct {
	row  googleRow
	line int
}

func parseCppGoogle(s *read.Scanner, opts Options) (Results, error) {
	g := &googleRead{opts: opts}
	readForm := g.text
	if s.Peek() == '{' {
		readForm = g.json
	}
	if err := readForm(s); err != nil && (g.rows == 0 || !fault.Is(err, fault.Invalid) || !s.Over()) {
		return Results{}, err
	} else if err != nil { // the rows are written one by one
		row, _ := s.Position()
		g.problem("", row, "the output was cut off, as by a crash: %v", err)
	}
	g.release()
	g.addAggregates()
	return g.results(opts, `"benchmarks" with "real_time" and "cpu_time", %d rows`, g.rows)
}

func (g *googleRead) json(s *read.Scanner) error {
	s.Loose = true
	return s.Object(func(key []byte) error {
		if string(key) != "benchmarks" {
			return s.Skip()
		}
		return s.Each(func() error {
			line, _ := s.Position()
			var r googleRow
			err := s.Members(func(key []byte) error { return r.member(s, key) })
			if err != nil {
				return err
			}
			g.row(r, line)
			return nil
		})
	})
}

// member reads one member of a row: what is not known is a counter.
func (r *googleRow) member(s *read.Scanner, key []byte) error {
	switch string(key) {
	case "name":
		return s.Str(&r.name)
	case "run_name":
		return s.Str(&r.run)
	case "run_type":
		return s.Str(&r.kind)
	case "aggregate_name":
		return s.Str(&r.aggregate)
	case "time_unit":
		return s.Str(&r.unit)
	case "iterations":
		if r.kind != "" { // it is for rows that do not say what they are
			return s.Skip()
		}
		return s.Str(&r.iterations)
	case "family_index":
		return s.Str(&r.family)
	case "error_occurred":
		return s.Str(&r.failed)
	case "skipped":
		return s.Str(&r.skipped)
	case "error_message", "skip_message":
		return s.Str(&r.message)
	case "aggregate_unit":
		var u string
		err := s.Str(&u)
		r.percent = u == "percentage"
		return err
	case "big_o", "rms":
		r.complexity = true
		return s.Skip()
	case "per_family_instance_index", "repetitions", "repetition_index", "threads", "label", "cpu_coefficient", "real_coefficient":
		return s.Skip()
	}
	name := s.Keep(key)
	var v read.Opt
	loose := s.Peek()
	if err := s.Opt(&v); err != nil {
		return err
	}
	switch {
	case v.OK:
		r.counts(name, v.Value)
	case loose == 'N' || loose == 'I' || loose == '-':
		r.bad = append(r.bad, name+" is no number")
	}
	return nil
}

func (g *googleRead) row(r googleRow, line int) {
	g.rows++
	if r.kind == "" && r.aggregate == "" {
		g.untyped(r, line)
		return
	}
	g.typed(r, line)
}

// untyped is a row that does not say what it is: aggregates are told by their names, and by those of their neighbours.
func (g *googleRead) untyped(r googleRow, line int) {
	if r.complexity {
		return
	}
	if g.tail.row.aggregate != "" { // after mean, median and stddev: cv, and those that the user made
		t := g.tail.row
		rest, ok := strings.CutPrefix(r.name, t.run+"_")
		if ok && r.iterations == t.iterations && r.failed == "" && (!g.of(t.run).iterated || strconv.Itoa(g.count) == t.iterations || rest == "cv") {
			r.kind, r.run, r.aggregate = "aggregate", t.run, rest
			g.typed(r, line)
			return
		}
		g.tail = googleHeld{}
	}
	if len(g.held) > 0 {
		run := strings.TrimSuffix(g.held[0].row.name, "_mean")
		switch r.name {
		case run + "_median":
			if len(g.held) == 1 {
				g.held = append(g.held, googleHeld{r, line})
				return
			}
		case run + "_stddev":
			block := append(g.held, googleHeld{r, line})
			g.held = nil
			for _, h := range block {
				h.row.kind, h.row.aggregate = "aggregate", h.row.name[len(run)+1:]
				h.row.run = run
				g.typed(h.row, h.line)
				g.tail = h
			}
			return
		}
		g.release()
	}
	if strings.HasSuffix(r.name, "_mean") && r.failed == "" {
		g.held = append(g.held, googleHeld{r, line})
		return
	}
	g.typed(r, line)
}

// release takes held rows for what they say: nothing of their kind followed.
func (g *googleRead) release() {
	held := g.held
	g.held = nil
	for _, h := range held {
		g.typed(h.row, h.line)
	}
}

func (g *googleRead) typed(r googleRow, line int) {
	if r.run == "" {
		r.run = r.name
	}
	seen := g.of(r.run)
	switch {
	case r.failed == "true":
		g.problem(r.run, line, "it reports an error: %s", r.message)
		return
	case r.skipped == "true":
		g.problem(r.run, line, "it was skipped: %s", r.message)
		return
	case r.family != "" && seen.family != "" && seen.family != r.family: // two functions of one name are two benchmarks, and repetitions of none
		if !seen.told {
			seen.told = true
			g.problem(r.run, line, "another benchmark has the same name; the first is kept")
		}
		return
	case r.kind == "aggregate" || r.aggregate != "":
		seen.family = r.family
		if len(g.aggregates) < maxAggregates {
			g.aggregates = append(g.aggregates, r)
		}
		return
	}
	if g.last != r.run {
		g.last, g.count = r.run, 0
	}
	g.count++
	seen.family, seen.iterated = r.family, true
	for _, message := range r.bad {
		g.problem(r.run, line, "%s", message)
	}
	for _, c := range r.counters {
		m, factor, ok := r.measure(c.name)
		if !ok {
			g.problem(r.run, line, "time unit %q is not known", r.unit)
			continue
		}
		g.value(r.run, m, c.value*factor, line)
	}
}

// maxAggregates bounds what is kept until it is known whether it is needed.
const maxAggregates = 100_000

// measure is what a member of a row measures, and the factor to its unit.
func (r *googleRow) measure(name string) (m *unit.Measure, factor float64, ok bool) {
	switch name {
	case "real_time", "cpu_time":
		factor, ok = nanosPer(r.unit)
		if m = unit.Latency; name == "cpu_time" {
			m = cpuTime
		}
		return m, factor, ok
	case "items_per_second":
		return itemsPerSecond, 1, true
	case "bytes_per_second":
		return unit.Bandwidth, 1e-6, true
	case "allocs_per_iter":
		return unit.Allocations, 1, true
	case "max_bytes_used":
		return unit.PeakMemory, 1, true
	case "total_allocated_bytes":
		return totalAllocated, 1, true
	case "net_heap_growth":
		return heapGrowth, 1, true
	}
	return userCounter(name), 1, true
}

// userCounter is a counter that the user named, who may call it as a measure: what it counts is not that.
func userCounter(name string) *unit.Measure {
	_, known := unit.KnownMeasure(name)
	for _, m := range []*unit.Measure{cpuTime, itemsPerSecond, compileTime} {
		known = known || strings.EqualFold(name, m.Name) || name == m.Slug
	}
	if known {
		name += " (counter)"
	}
	return counter(name)
}

// addAggregates adds the benchmarks of which there are only aggregates.
func (g *googleRead) addAggregates() {
	want := "mean"
	if g.opts.Average == AverageMedian {
		want = "median"
	}
	if len(g.aggregates) == 0 {
		return
	}
	deviations := map[string]float64{}
	for _, r := range g.aggregates {
		if r.aggregate == "stddev" {
			for _, c := range r.counters {
				deviations[r.run+"\x00"+c.name] = c.value
			}
		}
	}
	for _, r := range g.aggregates {
		if g.of(r.run).iterated {
			continue
		}
		if r.aggregate != want {
			g.addStatistic(r)
			continue
		}
		for _, message := range r.bad {
			g.problem(r.run, 0, "%s", message)
		}
		for _, c := range r.counters {
			m, factor, ok := r.measure(c.name)
			if !ok {
				g.problem(r.run, 0, "time unit %q is not known", r.unit)
				continue
			}
			metric := Metric{Measure: m, Value: c.value * factor}
			if d, ok := deviations[r.run+"\x00"+c.name]; ok {
				metric = spread(m, c.value*factor, d*factor)
			}
			g.metric(r.run, metric, 0)
		}
	}
}

// addStatistic adds the time of a statistic that the user made, such as max.
func (g *googleRead) addStatistic(r googleRow) {
	switch r.aggregate {
	case "mean", "median", "stddev", "cv", "BigO", "RMS":
		return
	}
	factor, isTime := nanosPer(r.unit)
	for _, c := range r.counters {
		if c.name == "real_time" && isTime && !r.percent {
			g.value(r.run, latencyAt(r.aggregate), c.value*factor, 0)
			return
		}
	}
}
