package adapter

import (
	"math"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// JMH writes an array of {"benchmark", "mode", "threads", "params", "primaryMetric": {"score", "scoreError", "scoreConfidence", "scorePercentiles",
// "scoreUnit", "rawData": [fork][iteration]}, "secondaryMetrics": {name: as primary}} with -rf json, and a table with -rf csv. Errors of few samples are the
// text "NaN".
//
// Identity is the benchmark with its parameters, with its mode where one input has it in several, and with its threads where those differ. Scores in
// ops/T are throughput in ops/s, scores in T/op latency in ns. The value is the score with its confidence interval; each iteration of each fork is a
// sample. Percentiles are metrics in mode sample only, where they are of single calls. A profiler's secondary metrics keep their names.
//
// Unlike Bencher, parameters, modes and threads tell runs apart, and samples and secondary metrics are kept.
var javaJMHTool = tool{
	name: "java_jmh", about: "JMH, -rf json or csv", example: `tacho run --file jmh.json "java -jar benchmarks.jar -rf json -rff jmh.json"`,
	measures:   []string{"Latency (ns, lower)", "Throughput (ops/s, higher)", "Latency p50 … p100 (ns, lower; mode sample)", "each profiler's metric in its unit"},
	samples:    "each iteration of each fork; of mode sample, each call",
	parameters: "in braces; mode and threads where one input has several",
	signs: []sign{
		{jsonForm, []string{"[].benchmark", "[].mode", "[].primaryMetric.score"}, 100, `"benchmark", "mode" and "primaryMetric"`},
		{csvForm, []string{"Benchmark", "Mode", "Threads", "Samples", "Score", "Unit"}, 100, "the columns of JMH"},
	},
	parse: parseJMH, averages: []Average{AverageMean},
}

// jmhRun is one element.
type jmhRun struct {
	benchmark, mode, threads string
	params                   []parameter
	primary                  jmhMetric
	secondary                []jmhMetric
	line, place              int // in the input, and among the names
}

type jmhMetric struct {
	name, unit          string
	score, lower, upper opt
	samples             []float64
	dropped             int // samples over the limit
	percentiles         []jmhPoint
}

type jmhPoint struct {
	name  string
	value float64
}

func parseJMH(s *scanner, opts Options) (Results, error) {
	s.loose = true
	var runs rows[jmhRun]
	var err error
	if s.peek() == '[' {
		err = s.array(func() error {
			run := runs.next()
			run.line, _ = s.position()
			if err := run.read(s); err != nil {
				return err
			}
			return tooManyRuns(runs.n)
		})
	} else {
		err = jmhTable(s, &runs)
	}
	if err != nil {
		return Results{}, err
	}
	var g gathering
	var names nameTable
	var same []jmhSame // by place in names
	for r := range runs.all() {
		place, isNew := names.add(withParameters(r.benchmark, r.params))
		if isNew {
			same = append(same, jmhSame{mode: r.mode, threads: r.threads})
		}
		r.place = place
		same[place].modes = same[place].modes || same[place].mode != r.mode
		same[place].several = same[place].several || same[place].threads != r.threads
	}
	for r := range runs.all() {
		name, differ := names.names[r.place], same[r.place]
		if differ.modes || differ.several {
			ps := slices.Clone(r.params)
			if differ.modes {
				ps = append(ps, parameter{"mode", r.mode})
			}
			if differ.several {
				ps = append(ps, parameter{"threads", r.threads})
			}
			name = withParameters(r.benchmark, ps)
		}
		if err := r.add(&g, name); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, `"benchmark", "mode" and "primaryMetric", %d runs`, runs.n), nil
}

// jmhSame are the runs of one benchmark with the same parameters: the first one's mode and threads, and whether another's differ.
type jmhSame struct {
	mode, threads  string
	modes, several bool
}

func (r *jmhRun) read(s *scanner) error {
	return s.members(func(key []byte) error {
		switch string(key) {
		case "benchmark":
			return s.str(&r.benchmark)
		case "mode":
			return s.str(&r.mode)
		case "threads":
			return s.str(&r.threads)
		case "params":
			return s.params(&r.params)
		case "primaryMetric":
			return r.primary.read(s)
		case "secondaryMetrics":
			return s.members(func(key []byte) error {
				m := jmhMetric{name: string(key)}
				err := m.read(s)
				r.secondary = append(r.secondary, m)
				return err
			})
		}
		return s.skip()
	})
}

func (m *jmhMetric) read(s *scanner) error {
	return s.members(func(key []byte) error {
		switch string(key) {
		case "score":
			return s.opt(&m.score)
		case "scoreUnit":
			return s.str(&m.unit)
		case "scoreConfidence":
			n := 0
			return s.each(func() error {
				n++
				if n == 1 {
					return s.opt(&m.lower)
				}
				return s.opt(&m.upper)
			})
		case "scorePercentiles":
			return s.members(func(key []byte) error {
				p := jmhPoint{name: strings.TrimSuffix(string(key), ".0")}
				var v opt
				err := s.opt(&v)
				if p.value = v.v; v.ok {
					m.percentiles = append(m.percentiles, p)
				}
				return err
			})
		case "rawData":
			return s.each(func() error { return s.nums(&m.samples) })
		case "rawDataHistogram": // of mode sample: [fork][iteration][[value, how often]]
			return s.each(func() error { return s.each(func() error { return s.each(func() error { return m.bucket(s) }) }) })
		}
		return s.skip()
	})
}

// bucket reads [value, how often].
func (m *jmhMetric) bucket(s *scanner) error {
	var pair []float64
	if err := s.nums(&pair); err != nil || len(pair) != 2 {
		return err
	}
	for n := int(pair[1]); n > 0; n-- {
		if len(m.samples) >= limits.SamplesPerMetric {
			m.dropped += n
			break
		}
		m.samples = append(m.samples, pair[0])
	}
	return nil
}

// jmhTable reads CSV. Its last columns are the parameters: "Param: size".
func jmhTable(s *scanner, runs *rows[jmhRun]) error {
	t := s.newTable("Benchmark", "Mode", "Score", "Unit")
	if t == nil {
		return s.fail("JMH: there is neither JSON nor a table with Benchmark, Mode, Score and Unit")
	}
	var last *jmhRun
	deviation := -1
	for i, c := range t.columns {
		if strings.HasPrefix(c, "Score Error") {
			deviation = i
		}
	}
	for t.next() {
		r := jmhRun{
			benchmark: string(t.field(t.column("Benchmark"))), mode: string(t.field(t.column("Mode"))), threads: string(t.field(t.column("Threads"))), line: t.line,
			primary: jmhMetric{unit: string(t.field(t.column("Unit")))},
		}
		for i, c := range t.columns {
			if name, ok := strings.CutPrefix(c, "Param: "); ok && len(t.field(i)) > 0 {
				r.params = append(r.params, parameter{name, oneLine(string(t.field(i)))})
			}
		}
		if v, ok := number(t.field(t.column("Score"))); ok && finite(v) {
			r.primary.score = opt{v, true}
			if d, ok := number(t.field(deviation)); ok && finite(d) {
				r.primary.lower, r.primary.upper = opt{v - d, true}, opt{v + d, true}
			}
		}
		// "org.Bench.method:gc.alloc.rate" is a secondary metric of the row before.
		if base, secondary, ok := strings.Cut(r.benchmark, ":"); ok && last != nil && last.benchmark == base {
			r.primary.name = secondary
			last.secondary = append(last.secondary, r.primary)
			continue
		}
		last = runs.next()
		*last = r
		if err := tooManyRuns(runs.n); err != nil {
			return err
		}
	}
	return nil
}

func (r *jmhRun) add(g *gathering, name string) error {
	switch {
	case r.benchmark == "":
		g.problem("", r.line, "a result has no benchmark")
		return nil
	case !r.primary.score.ok:
		g.problem(name, r.line, "it has no score")
		return nil
	}
	if n := r.primary.dropped; n > 0 {
		g.problem(name, r.line, "%d samples over the limit of %d for a metric are left out", n, limits.SamplesPerMetric)
	}
	m, factor := jmhMeasure(r.primary.unit)
	if err := g.metric(name, r.primary.metric(m, factor), r.line); err != nil {
		return err
	}
	if r.mode == "sample" {
		for _, p := range r.primary.percentiles {
			if err := g.value(name, latencyAt("p"+p.name), p.value*factor, r.line); err != nil {
				return err
			}
		}
	}
	for _, second := range r.secondary {
		if !second.score.ok {
			continue
		}
		title := strings.TrimLeft(second.name, "·+ ")
		if p, ok := strings.CutPrefix(title, "p"); ok { // a percentile in CSV: p0.999
			if v, ok := number([]byte(p)); ok {
				if m, factor := jmhMeasure(second.unit); m == unit.Latency {
					if len(r.primary.percentiles) > 0 {
						continue // it has them already
					}
					if err := g.value(name, latencyAt("p"+shortFloat(math.Round(v*1e8)/1e6)), second.score.v*factor, r.line); err != nil {
						return err
					}
					continue
				}
			}
		}
		m := unit.Guess(second.unit)
		m.Name = title
		if strings.HasPrefix(title, "gc.") {
			m.Direction = unit.Lower // a rate of garbage is none that is better higher
		}
		if m.Units == "" {
			m.Units = unit.Generic
		}
		if err := g.metric(name, second.metric(m, 1), r.line); err != nil {
			return err
		}
	}
	return nil
}

func (m *jmhMetric) metric(measure *unit.Measure, factor float64) Metric {
	out := Metric{Measure: measure, Value: m.score.v * factor, Samples: scaleAll(m.samples, factor)}
	if m.lower.ok && m.upper.ok {
		out.Lower, out.Upper = m.lower.times(factor).pointer(), m.upper.times(factor).pointer()
	}
	return out
}

// jmhMeasure is what a score's unit measures: "us/op" is latency, "ops/ms" throughput.
func jmhMeasure(u string) (*unit.Measure, float64) {
	if t, ok := strings.CutPrefix(u, "ops/"); ok {
		if nanos, ok := nanosPer(t); ok {
			return unit.Throughput, 1e9 / nanos
		}
	}
	if t, ok := strings.CutSuffix(u, "/op"); ok {
		if nanos, ok := nanosPer(t); ok {
			return unit.Latency, nanos
		}
	}
	return unit.Guess(u), 1
}
