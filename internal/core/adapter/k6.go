package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// k6 hands its summary to handleSummary: {"root_group", "state", "metrics": {name: {"type": "trend" | "counter" | "rate" | "gauge",
// "contains": "time" | "data" | "default", "values": {"avg", "p(95)", "rate", …}, "thresholds": {expression: {"ok"}}}}}. The older
// --summary-export has the values in the metric itself, no types, and thresholds whose truth value means that they failed; with
// --new-machine-readable-summary, of 1.5 and later, {"results": {"metrics": [{"name", "type", "contains", "values"}], "checks":
// {"metrics", "results": [{"name", "passes", "fails"}]}}} without thresholds. --out json writes a line for each metric and each point,
// --out csv a row for each point without its type. Times are milliseconds. What k6 prints at the end of a run is read too (k6text.go),
// with the digits that it has.
//
// Identity is the metric's name, with a submetric's tags as k6 writes them. Of a trend the value is the median, or the average. A
// threshold that failed is a problem, and so is a check, which stands in the root group or a group below it. Points of a trend are
// samples. A trend's "count" is how many values it has, and no time.
var k6Tool = tool{
	name: "k6", about: "k6: handleSummary, --summary-export, --new-machine-readable-summary, --out json or csv, the printed summary", example: `tacho run --file summary.json "k6 run --summary-export summary.json script.js"`,
	measures: []string{"Latency, and avg, min, max, p90, p95 (ns, lower) of trends of time", "Count, Rate of counters", "Ratio (%) of rates", "Value of gauges"}, samples: "each point, of --out json and csv",
	signs: []sign{
		{jsonForm, []string{"root_group", "metrics.*.values"}, 100, `"root_group" and "metrics" with "values"`},
		{jsonForm, []string{"metrics.iterations.values.count", "metrics.iteration_duration.values.avg"}, 100, `"metrics" of k6 with "values"`},
		{jsonForm, []string{"root_group", "metrics.iterations.count"}, 100, `"root_group" and "metrics"`},
		{jsonForm, []string{"metrics.iterations.rate", "metrics.iteration_duration.avg"}, 100, `"metrics" of k6`},
		{jsonForm, []string{"results.metrics[].contains", "results.metrics[].values", "metadata.k6_version"}, 100, `"results" of k6 with "values"`},
		{jsonForm, []string{"results.metrics[].contains", "results.metrics[].values", "metadata.k6Version"}, 100, `"results" of k6 with "values"`},
		{jsonForm, []string{"type=Metric", "data.contains", "metric"}, 100, `"type": "Metric" and "Point"`},
		{jsonForm, []string{"type=Point", "data.value", "data.tags", "metric"}, 95, `"type": "Point"`},
		{csvForm, []string{"metric_name", "timestamp", "metric_value"}, 100, "the columns of k6"},
	},
	needles: []string{"...:"}, hit: hitK6, trace: `a line "iterations...: " of k6's summary`,
	parse: parseK6, averages: []Average{AverageMean, AverageMedian},
}

// k6Metric is one metric.
type k6Metric struct {
	name, kind, contains string
	values               []k6Value
	failed               []string // thresholds
	coarse               bool     // some values are too small for the digits that were printed
	line                 int
}

type k6Value struct {
	name  string
	value float64
}

func parseK6(s *read.Scanner, opts Options) (Results, error) {
	g := &k6Read{opts: opts}
	n := 0
	if c := s.Peek(); c != '{' && c != 0 {
		return g.plain(s)
	}
	for s.Peek() == '{' { // the summary, or one object for each line
		line, _ := s.Position()
		if err := g.object(s, line, &n); err != nil {
			return Results{}, err
		}
	}
	g.points()
	return g.results(opts, `%d metrics or points of k6`, n)
}

// plain reads what is no JSON: points as CSV, or the printed summary.
func (g *k6Read) plain(s *read.Scanner) (Results, error) {
	s.Ensure(read.WindowBytes)
	window := s.Window()
	n := 0
	if window = window[:min(len(window), lookChunk)]; !bytes.Contains(window, []byte("metric_name")) || !bytes.Contains(window, []byte("metric_value")) {
		g.text(s, &n)
		return g.results(g.opts, `%d metrics of k6's summary`, n)
	}
	t := s.Table("metric_name", "metric_value")
	if t == nil {
		return Results{}, s.Fail("k6: there is no table with metric_name and metric_value")
	}
	names := map[string]string{} // so that a point costs no allocation
	column, value := t.Column("metric_name"), t.Column("metric_value")
	for t.Next() {
		n++
		name, known := names[string(t.Field(column))]
		if !known {
			name = strings.Clone(read.OneLine(string(t.Field(column))))
			if names[name] = name; len(names) > limits.BenchmarksPerIteration {
				return Results{}, tooManyBenchmarks()
			}
		}
		v, ok := read.Number(t.Field(value))
		if err := g.point(name, read.Opt{Value: v, OK: ok && read.Finite(v)}, t.Line); err != nil {
			return Results{}, err
		}
	}
	g.points()
	return g.results(g.opts, `%d points of k6`, n)
}

// k6Read gathers.
type k6Read struct {
	gathering
	opts  Options
	kinds map[string]k6Metric // of --out json
	room  []k6Value           // of the metric that is read
	sums  []k6Sum
	bySum map[string]int
}

// k6Sum adds up the points of a counter or a rate.
type k6Sum struct {
	metric   k6Metric
	sum      float64
	n        int
	line     int
	counting bool
}

func (g *k6Read) object(s *read.Scanner, line int, n *int) error {
	var kind, name, description string
	var contains string
	var value read.Opt
	return firstError(s.Object(func(key []byte) error {
		switch string(key) {
		case "metrics":
			return s.Members(func(key []byte) error {
				*n++
				line, _ := s.Position()
				m := k6Metric{name: s.Keep(key), line: line, values: g.room[:0]}
				if err := m.read(s); err != nil {
					return err
				}
				g.room = m.values
				g.add(m)
				return nil
			})
		case "root_group":
			return g.checks(s)
		case "results":
			return s.Members(func(key []byte) error {
				switch string(key) {
				case "metrics":
					return g.list(s, n)
				case "checks":
					return s.Members(func(key []byte) error {
						if string(key) == "metrics" {
							return g.list(s, n)
						}
						return g.check(s)
					})
				}
				return s.Skip()
			})
		case "type":
			return s.Str(&kind)
		case "metric":
			return s.Str(&name)
		case "data":
			return s.Members(func(key []byte) error {
				switch string(key) {
				case "type":
					return s.Str(&description)
				case "contains":
					return s.Str(&contains)
				case "value":
					return s.Opt(&value)
				}
				return s.Skip()
			})
		}
		return s.Skip()
	}), func() error {
		switch kind {
		case "Metric":
			g.know(k6Metric{name: name, kind: description, contains: contains})
		case "Point":
			*n++
			return g.point(name, value, line)
		}
		return nil
	})
}

// know keeps a metric's type for the points that follow.
func (g *k6Read) know(m k6Metric) {
	if g.kinds == nil {
		g.kinds = map[string]k6Metric{}
	}
	g.kinds[m.name] = m
}

// list reads the metrics of the machine-readable summary.
func (g *k6Read) list(s *read.Scanner, n *int) error {
	return s.Each(func() error {
		*n++
		line, _ := s.Position()
		m := k6Metric{line: line}
		if err := m.read(s); err != nil {
			return err
		}
		if m.name == "" {
			g.problem("", line, "a metric has no name")
			return nil
		}
		g.add(m)
		return nil
	})
}

// checks looks for checks that failed in a group and in those below it, which are a list or stand under their names.
func (g *k6Read) checks(s *read.Scanner) error {
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "groups":
			if s.Peek() == '[' {
				return s.Array(func() error { return g.checks(s) })
			}
			return s.Members(func([]byte) error { return g.checks(s) })
		case "checks":
			return g.check(s)
		}
		return s.Skip()
	})
}

// check reads a list of checks, or an object that has them under their names.
func (g *k6Read) check(s *read.Scanner) error {
	one := func() error {
		line, _ := s.Position()
		var name string
		var passes, fails read.Opt
		err := s.Members(func(key []byte) error {
			switch string(key) {
			case "name":
				return s.Str(&name)
			case "passes":
				return s.Opt(&passes)
			case "fails":
				return s.Opt(&fails)
			}
			return s.Skip()
		})
		if fails.Value > 0 {
			g.problem("checks", line, "the check %q failed %v of %v times", name, fails.Value, fails.Value+passes.Value)
		}
		return err
	}
	if s.Peek() == '[' {
		return s.Array(one)
	}
	return s.Members(func([]byte) error { return one() })
}

// firstError calls next if there is no error yet.
func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func (m *k6Metric) read(s *read.Scanner) error {
	value := func(key []byte) error {
		v := k6Value{name: s.Keep(key)}
		var o read.Opt
		err := s.Opt(&o)
		if v.value = o.Value; o.OK {
			m.values = append(m.values, v)
		}
		return err
	}
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "name":
			return s.Str(&m.name)
		case "type":
			return s.Str(&m.kind)
		case "contains":
			return s.Str(&m.contains)
		case "values":
			return s.Members(value)
		case "thresholds":
			return s.Members(func(key []byte) error {
				expression := s.Keep(key)
				if s.Peek() == '{' {
					return s.Object(func(key []byte) error {
						var ok string
						err := s.Str(&ok)
						if string(key) == "ok" && ok == "false" {
							m.failed = append(m.failed, expression)
						}
						return err
					})
				}
				var crossed string
				err := s.Str(&crossed)
				if crossed == "true" {
					m.failed = append(m.failed, expression)
				}
				return err
			})
		}
		return value(key)
	})
}

// k6Kinds are the types of k6's own metrics that are no trends: points do not say theirs, unless a line of --out json has told it.
var k6Kinds = map[string]string{
	"vus": "gauge", "vus_max": "gauge", "iterations": "counter", "dropped_iterations": "counter", "http_reqs": "counter", "data_sent": "counter", "data_received": "counter",
	"ws_sessions": "counter", "ws_msgs_sent": "counter", "ws_msgs_received": "counter", "grpc_streams": "counter", "grpc_streams_msgs_sent": "counter", "grpc_streams_msgs_received": "counter",
	"browser_data_sent": "counter", "browser_data_received": "counter", "checks": "rate", "http_req_failed": "rate", "browser_http_req_failed": "rate",
}

// settle fills in what --summary-export does not say: the type by the values that there are, and what k6's own trends contain.
func (m *k6Metric) settle() {
	has := func(name string) bool {
		for _, v := range m.values {
			if v.name == name {
				return true
			}
		}
		return false
	}
	base, _, _ := strings.Cut(m.name, "{")
	if m.kind == "" {
		m.kind = k6Kinds[base]
	}
	if m.kind == "" {
		switch {
		case has("passes"):
			m.kind = "rate"
		case has("value"):
			m.kind = "gauge"
		case has("rate"):
			m.kind = "counter"
		default: // of a trend the user chooses the values
			m.kind = "trend"
		}
	}
	if m.contains != "" {
		return
	}
	for _, prefix := range k6Timed {
		if m.kind == "trend" && strings.HasPrefix(base, prefix) {
			m.contains = "time"
		}
	}
	if strings.HasSuffix(base, "data_sent") || strings.HasSuffix(base, "data_received") {
		m.contains = "data"
	}
}

// k6Timed begin the names of trends that k6 has of times.
var k6Timed = []string{"http_req_", "iteration_duration", "group_duration", "grpc_req_duration", "ws_connecting",
	"ws_session_duration", "ws_ping", "browser_web_vital_fcp", "browser_web_vital_fid", "browser_web_vital_inp",
	"browser_web_vital_lcp", "browser_web_vital_ttfb", "browser_http_req_duration"}

// measure is the measure of a trend's or gauge's point, and the factor to its unit.
func (m *k6Metric) measure(point string) (*unit.Measure, float64) {
	direction := unit.Unknown
	switch m.contains {
	case "time", "nanoseconds":
		factor := 1e6
		if m.contains != "time" {
			factor = 1
		}
		if point == "" {
			return unit.Latency, factor
		}
		return latencyAt(point), factor
	case "data":
		out := &unit.Measure{Name: "Size", Units: unit.Bytes, Direction: direction}
		if point != "" {
			out.Name += " " + point
		}
		return out, 1
	}
	if point == "" {
		return k6Gauge, 1
	}
	return counter("Value " + point), 1
}

// k6Points writes the points of a trend as other tools do.
var k6Points = strings.NewReplacer("p(", "p", ")", "", "avg", "average", "med", "p50")

// k6Known are the points that k6 has by itself.
var k6Known = func() map[string]string {
	out := map[string]string{}
	for _, name := range strings.Fields("avg min med max p(50) p(75) p(90) p(95) p(99) p(99.9) p(99.99)") {
		out[name] = k6Points.Replace(name)
	}
	return out
}()

func k6Point(name string) string {
	if point, known := k6Known[name]; known {
		return point
	}
	return k6Points.Replace(name)
}

func (g *k6Read) add(m k6Metric) {
	m.settle()
	for _, expression := range m.failed {
		g.problem(m.name, m.line, "the threshold %s was crossed", expression)
	}
	central := "med"
	if g.opts.Average == AverageMean {
		central = "avg"
	}
	for _, v := range m.values {
		measure, factor := m.measure("")
		switch {
		case m.kind == "trend" && v.name == "count":
			measure, factor = k6Counter, 1
		case m.kind == "trend" && v.name == central:
		case m.kind == "trend":
			measure, factor = m.measure(k6Point(v.name))
		case m.kind == "gauge" && v.name == "value":
		case m.kind == "gauge":
			measure, factor = m.measure(v.name)
		case m.kind == "counter" && v.name == "count":
			measure, factor = k6Count(m.contains), 1
		case m.kind == "counter" && v.name == "rate":
			measure, factor = k6Rate(m.contains)
		case m.kind == "rate" && (v.name == "rate" || v.name == "value"):
			measure, factor = k6Ratio(m.name), 100
		default:
			continue // passes and fails, which the ratio has
		}
		g.value(m.name, measure, v.value*factor, m.line)
	}
	if len(m.values) == 0 {
		g.problem(m.name, m.line, "it has no values")
	}
}

func k6Count(contains string) *unit.Measure {
	if contains == "data" {
		return k6Size
	}
	return k6Counter
}

func k6Rate(contains string) (*unit.Measure, float64) {
	if contains == "data" {
		return unit.Bandwidth, 1e-6
	}
	return unit.Throughput, 1
}

// Measures of metrics that contain no time.
var (
	k6Counter     = counter("Count")
	k6Gauge       = counter("Value")
	k6Size        = &unit.Measure{Name: "Size", Units: unit.Bytes, Direction: unit.Unknown}
	k6RatioUp     = &unit.Measure{Name: "Ratio", Units: unit.Percentage, Direction: unit.Higher}
	k6RatioDown   = &unit.Measure{Name: "Ratio", Units: unit.Percentage, Direction: unit.Lower}
	k6RatioOfUser = &unit.Measure{Name: "Ratio", Units: unit.Percentage, Direction: unit.Unknown}
)

// k6Ratio is the measure of a ratio: k6 itself keeps some of which it is known what is better.
func k6Ratio(name string) *unit.Measure {
	switch base, _, _ := strings.Cut(name, "{"); base {
	case "checks", "checks_succeeded":
		return k6RatioUp
	case "http_req_failed", "checks_failed":
		return k6RatioDown
	}
	return k6RatioOfUser
}

// point takes one point of --out json.
func (g *k6Read) point(name string, v read.Opt, line int) error {
	m, known := g.kinds[name]
	if !known {
		m = k6Metric{name: name}
	}
	m.settle()
	if !known {
		g.know(m)
	}
	if !v.OK {
		g.problem(name, line, "a point has no value")
		return nil
	}
	switch m.kind {
	case "counter", "rate":
		if g.bySum == nil {
			g.bySum = map[string]int{}
		}
		at, seen := g.bySum[name]
		if !seen {
			at = len(g.sums)
			g.bySum[name] = at
			g.sums = append(g.sums, k6Sum{metric: m, line: line, counting: m.kind == "counter"})
			if err := tooManyRuns(len(g.sums)); err != nil {
				return err
			}
		}
		g.sums[at].sum += v.Value
		g.sums[at].n++
		return nil
	}
	measure, factor := m.measure("")
	g.value(name, measure, v.Value*factor, line)
	return nil
}

// points adds what was added up.
func (g *k6Read) points() {
	for _, sum := range g.sums {
		m := sum.metric
		value, measure := sum.sum, k6Count(m.contains)
		if !sum.counting {
			value, measure = sum.sum/float64(sum.n)*100, k6Ratio(m.name)
		}
		g.value(m.name, measure, value, sum.line)
	}
}
