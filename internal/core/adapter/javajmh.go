package adapter

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
)

// JMH writes an array of {"benchmark", "mode", "threads", "params", "primaryMetric": {"score", "scoreError", "scoreConfidence",
// "scorePercentiles", "scoreUnit", "rawData": [fork][iteration]}, "secondaryMetrics": {name: as primary}} with -rf json, and a table with
// -rf csv. Errors of few samples are the text "NaN". The log of a run, and the table at its end, are read too (javajmhtext.go).
//
// Identity is the benchmark with its parameters, with its mode where one input has it in several, and with its threads where those differ.
// Scores in ops/T are throughput in ops/s, scores in T/op latency in ns. The value is the score with its confidence interval; each
// iteration of each fork is a sample, but of no metric that is their sum or largest, such as gc.count. Of more calls in mode sample than a
// metric may have samples, as many are taken evenly. Percentiles are metrics in mode sample only, where they are of single calls.
// Secondary metrics, of profilers, of the methods of a group and of auxiliary counters, keep their names, with "(counter)" behind one that
// a measure has. CSV has six decimals, with a comma in some languages: a time that is written as 0.000000 is none. A benchmark that failed
// is in neither, but in the log.
//
// Unlike Bencher, CSV, tables and logs are read, parameters, modes and threads tell runs apart, and samples and secondary metrics are kept.
var javaJMHTool = tool{
	name: "java_jmh", about: "JMH, -rf json, csv or text, or its log", example: `tacho run --file jmh.json "java -jar benchmarks.jar -rf json -rff jmh.json"`,
	measures:   []string{"Latency (ns, lower)", "Throughput (ops/s, higher)", "Latency p50 … p100 (ns, lower; mode sample)", "each profiler's metric in its unit"},
	samples:    "each iteration of each fork; of mode sample, each call",
	parameters: "in braces; mode and threads where one input has several",
	signs: []sign{
		{jsonForm, []string{"[].benchmark", "[].mode", "[].primaryMetric.score"}, 100, `"benchmark", "mode" and "primaryMetric"`},
		{csvForm, []string{"Benchmark", "Mode", "Threads", "Samples", "Score", "Unit"}, 100, "the columns of JMH"},
	},
	needles: []string{"# Benchmark mode: ", "Cnt ", "Samples "}, hit: hitJMH, trace: "the log or the table of JMH",
	parse: parseJMH, averages: []Average{AverageMean},
}

// jmhRun is one element.
type jmhRun struct {
	benchmark, mode, threads string
	params                   []read.Parameter
	primary                  jmhMetric
	secondary                []jmhMetric
	line, place              int  // in the input, and among the names
	failed                   bool // and why is among the problems
}

type jmhMetric struct {
	name, unit          string
	rounded             bool // a zero that may be less than a millionth
	score, lower, upper read.Opt
	samples             []float64
	forks               []int      // how many samples each has
	calls               []jmhCalls // of mode sample, in place of samples
	percentiles         []jmhPoint
}

// jmhCalls are calls that took equally long.
type jmhCalls struct{ value, times float64 }

type jmhPoint struct {
	name  string
	value float64
}

func parseJMH(s *read.Scanner, opts Options) (Results, error) {
	s.Loose = true
	var g gathering
	var runs read.Rows[jmhRun]
	var err error
	reason := `"benchmark", "mode" and "primaryMetric", %d runs`
	if s.Peek() == '[' && jmhJSON(s) {
		err = s.Array(func() error {
			run := runs.Next()
			run.line, _ = s.Position()
			if err := run.read(s); err != nil {
				return err
			}
			return tooManyRuns(runs.Len())
		})
	} else {
		t := &jmhText{Scanner: s, table: &runs}
		reason = "a log or a table of JMH, %d runs"
		err = t.read()
		for _, p := range t.problems {
			g.out.problem(p)
		}
		if t.log.Len() > 0 {
			runs = t.log
		}
	}
	if err != nil {
		return Results{}, err
	}
	var names nameTable
	var same []jmhSame // by place in names
	for r := range runs.All() {
		place, isNew := names.add(withParameters(r.benchmark, r.params))
		if isNew {
			same = append(same, jmhSame{mode: r.mode, threads: r.threads})
		}
		r.place = place
		same[place].modes = same[place].modes || same[place].mode != r.mode
		same[place].several = same[place].several || same[place].threads != r.threads
	}
	for r := range runs.All() {
		if r.failed && !r.primary.score.OK {
			continue
		}
		name, differ := names.names[r.place], same[r.place]
		if differ.modes || differ.several {
			ps := slices.Clone(r.params)
			if differ.modes {
				ps = append(ps, read.Parameter{Name: "mode", Value: r.mode})
			}
			if differ.several {
				ps = append(ps, read.Parameter{Name: "threads", Value: r.threads})
			}
			name = withParameters(r.benchmark, ps)
		}
		r.add(&g, name)
	}
	return g.results(opts, reason, runs.Len())
}

// jmhSame are the runs of one benchmark with the same parameters: the first one's mode and threads, and whether another's differ.
type jmhSame struct {
	mode, threads  string
	modes, several bool
}

func (r *jmhRun) read(s *read.Scanner) error {
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "benchmark":
			return s.Str(&r.benchmark)
		case "mode":
			return s.Str(&r.mode)
		case "threads":
			return s.Str(&r.threads)
		case "params":
			return s.Params(&r.params)
		case "primaryMetric":
			return r.primary.read(s)
		case "secondaryMetrics":
			return s.Members(func(key []byte) error {
				m := jmhMetric{name: s.Keep(key)}
				err := m.read(s)
				r.secondary = append(r.secondary, m)
				return err
			})
		}
		return s.Skip()
	})
}

func (m *jmhMetric) read(s *read.Scanner) error {
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "score":
			return s.Opt(&m.score)
		case "scoreUnit":
			return s.Str(&m.unit)
		case "scoreConfidence":
			n := 0
			return s.Each(func() error {
				n++
				if n == 1 {
					return s.Opt(&m.lower)
				}
				return s.Opt(&m.upper)
			})
		case "scorePercentiles":
			return s.Members(func(key []byte) error {
				p := jmhPoint{name: strings.TrimSuffix(s.Keep(key), ".0")}
				var v read.Opt
				err := s.Opt(&v)
				if p.value = v.Value; v.OK {
					m.percentiles = append(m.percentiles, p)
				}
				return err
			})
		case "rawData":
			return s.Each(func() error {
				before := len(m.samples)
				err := s.Nums(&m.samples)
				m.forks = append(m.forks, len(m.samples)-before)
				return err
			})
		case "rawDataHistogram": // of mode sample: [fork][iteration][[value, how often]]
			return s.Each(func() error { return s.Each(func() error { return s.Each(func() error { return m.bucket(s) }) }) })
		}
		return s.Skip()
	})
}

// jmhBuckets is how many buckets the iterations of a benchmark may have together: each has hundreds.
const jmhBuckets = 1_000_000

// bucket reads [value, how often].
func (m *jmhMetric) bucket(s *read.Scanner) error {
	var pair []float64
	if err := s.Nums(&pair); err != nil || len(pair) != 2 || !(pair[1] >= 1) {
		return err
	}
	m.calls = append(m.calls, jmhCalls{pair[0], math.Floor(pair[1])})
	if len(m.calls) > jmhBuckets {
		return fault.TooLargef("JMH: a histogram of more than %d buckets", jmhBuckets)
	}
	return nil
}

// expand makes a sample of each call, or of calls at equal distances where there are more than a metric may have: the buckets of an
// iteration are sorted, so that the first of them would be the fastest. It returns how many calls there are.
func (m *jmhMetric) expand() (total float64) {
	for _, c := range m.calls {
		total += c.times
	}
	if total == 0 {
		return 0
	}
	step := max(1, total/limits.SamplesPerMetric)
	m.samples = make([]float64, 0, int(total/step))
	next, passed := step/2, 0.0
	for _, c := range m.calls {
		for passed += c.times; next < passed && len(m.samples) < limits.SamplesPerMetric; next += step {
			m.samples = append(m.samples, c.value)
		}
	}
	return total
}

// jmhJSON reports whether what begins with a bracket is the results, and not "[info] " of a log.
func jmhJSON(s *read.Scanner) bool {
	s.Ensure(64)
	window := s.Window()
	rest := bytes.TrimSpace(window[1:min(len(window), 64)])
	return len(rest) == 0 || rest[0] == '{' || rest[0] == ']'
}

// jmhTable reads CSV. Its last columns are the parameters: "Param: size".
func jmhTable(t *read.Table, runs *read.Rows[jmhRun]) error {
	var last *jmhRun
	deviation := -1
	for i, c := range t.Columns {
		if strings.HasPrefix(c, "Score Error") {
			deviation = i
		}
	}
	for t.Next() {
		r := jmhRun{
			benchmark: t.Scanner.Keep(t.Field(t.Column("Benchmark"))), mode: t.Scanner.Keep(t.Field(t.Column("Mode"))),
			threads: t.Scanner.Keep(t.Field(t.Column("Threads"))), line: t.Line,
			primary: jmhMetric{unit: t.Scanner.Keep(t.Field(t.Column("Unit")))},
		}
		for i, c := range t.Columns {
			if name, ok := strings.CutPrefix(c, "Param: "); ok && len(t.Field(i)) > 0 {
				r.params = append(r.params, read.Parameter{Name: name, Value: read.OneLine(t.Scanner.Keep(t.Field(i)))})
			}
		}
		if v, ok := jmhNumber(t.Field(t.Column("Score"))); ok && read.Finite(v) {
			r.primary.score, r.primary.rounded = read.Opt{Value: v, OK: true}, v == 0
			if d, ok := jmhNumber(t.Field(deviation)); ok && read.Finite(d) {
				r.primary.lower, r.primary.upper = read.Opt{Value: v - d, OK: true}, read.Opt{Value: v + d, OK: true}
			}
		}
		// "org.Bench.method:gc.alloc.rate" is a secondary metric of the row before.
		if base, secondary, ok := strings.Cut(r.benchmark, ":"); ok && last != nil && last.benchmark == base {
			r.primary.name = secondary
			last.secondary = append(last.secondary, r.primary)
			continue
		}
		last = runs.Next()
		*last = r
		if err := tooManyRuns(runs.Len()); err != nil {
			return err
		}
	}
	return nil
}

func (r *jmhRun) add(g *gathering, name string) {
	switch {
	case r.benchmark == "":
		g.problem("", r.line, "a result has no benchmark")
		return
	case !r.primary.score.OK:
		g.problem(name, r.line, "%s", r.primary.about())
		return
	}
	if n := r.primary.expand(); n > limits.SamplesPerMetric {
		g.problem(name, r.line, "of %.0f calls as many were taken for samples, evenly, as a metric may have: %d", n, limits.SamplesPerMetric)
	}
	m, factor := jmhMeasure(r.primary.unit)
	if r.primary.rounded && (m == unit.Latency || m == unit.Throughput) {
		g.problem(name, r.line, "%s", r.primary.about())
		return
	}
	g.metric(name, r.primary.metric(m, factor), r.line)
	if r.mode == "sample" {
		for _, p := range r.primary.percentiles {
			g.value(name, latencyAt("p"+p.name), p.value*factor, r.line)
		}
	}
	for _, second := range r.secondary {
		if !second.score.OK {
			continue
		}
		title := strings.TrimLeft(second.name, "·+ ")
		if p, ok := strings.CutPrefix(title, "p"); ok { // a percentile in CSV: p0.999
			if v, ok := read.Number([]byte(p)); ok {
				if m, factor := jmhMeasure(second.unit); m == unit.Latency {
					if len(r.primary.percentiles) > 0 {
						continue // it has them already
					}
					g.value(name, latencyAt("p"+shortFloat(math.Round(v*1e8)/1e6)), second.score.Value*factor, r.line)
					continue
				}
			}
		}
		m, factor := jmhMeasure(second.unit)
		own := *m
		switch {
		case m == unit.Latency || m == unit.Throughput: // of a method of a group, or an auxiliary counter
			if second.rounded {
				continue
			}
		case strings.HasPrefix(title, "gc.") || title == "CPI":
			own.Direction = unit.Lower // a rate of garbage is none that is better higher
		case title == "IPC":
			own.Direction = unit.Higher
		case m.Direction == unit.Higher: // classes/sec and the like
			own.Direction = unit.Unknown
		}
		own.Name, own.Slug = title, ""
		if own.Units == "" {
			own.Units = unit.Generic
		}
		if _, known := unit.KnownMeasure(title); known {
			own.Name += " (counter)"
		}
		const rounding = 1e-6
		if n := len(second.samples); n > 0 &&
			!(math.Abs(stats.Mean(second.samples)-second.score.Value) <= rounding*math.Abs(second.score.Value)) {
			second.samples = nil // the score is their sum, or the largest
		}
		g.metric(name, second.metric(&own, factor), r.line)
	}
}

func (m *jmhMetric) metric(measure *unit.Measure, factor float64) Metric {
	out := Metric{Measure: measure, Value: m.score.Value * factor, Samples: scaleAll(m.samples, factor), Processes: m.forks}
	if m.lower.OK && m.upper.OK {
		out.Lower, out.Upper = m.lower.Times(factor).Pointer(), m.upper.Times(factor).Pointer()
	}
	return out
}

// jmhNumber reads a number of CSV, where the language may have a decimal comma; digits are never grouped.
func jmhNumber(text []byte) (float64, bool) {
	if bytes.IndexByte(text, ',') >= 0 {
		text = bytes.Replace(text, []byte(","), []byte("."), 1)
	}
	return read.Number(text)
}

// jmhMeasure is what a score's unit measures: "us/op" is latency, "ops/ms" throughput.
func jmhMeasure(u string) (*unit.Measure, float64) {
	if t, ok := strings.CutPrefix(u, "ops/"); ok {
		if nanos, ok := jmhTime(t); ok {
			return unit.Throughput, 1e9 / nanos
		}
	}
	if t, ok := strings.CutSuffix(u, "/op"); ok {
		if nanos, ok := jmhTime(t); ok {
			return unit.Latency, nanos
		}
	}
	return unit.Guess(u), 1
}

// jmhTime is how many nanoseconds one of Java's units of time has.
func jmhTime(u string) (float64, bool) {
	if u == "day" {
		return 24 * 3600e9, true
	}
	return nanosPer(u)
}
