package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// JMeter's JTL as CSV has a row for each request: timeStamp, elapsed, label, responseCode, …, success, …, bytes, …, Latency, …, Connect; times are milliseconds. Its console prints "summary =   1000 in 00:00:01 = 1034.1/s Avg:     0 Min:     0 Max:    36 Err:     0 (0.00%)"; lines
// with + are of an interval.
//
// Identity is the label. Each request that succeeded is a sample; the value is their median. Those that failed are counted, and a problem. Of the console's lines the last "summary =" counts.
var jmeterTool = tool{
	name: "jmeter", about: "JMeter, JTL as CSV or the console's summary", example: `tacho run --file results.jtl "jmeter -n -t plan.jmx -l results.jtl"`,
	measures: []string{"Latency (ns, lower)", "Failed Requests (lower)", "Throughput (ops/s, higher; console)", "Latency min, max (ns, lower; console)"}, samples: "each request, in JTL",
	signs:   []sign{{csvForm, []string{"timeStamp", "elapsed", "label", "success"}, 100, "the columns of JMeter"}},
	needles: []string{"summary = "}, hit: func(line []byte) int {
		if bytes.Contains(line, []byte("/s Avg: ")) {
			return 95
		}
		return 0
	}, trace: `a line "summary = … /s Avg:"`,
	parse: parseJMeter, averages: []Average{AverageMean, AverageMedian},
}

func parseJMeter(s *scanner, opts Options) (Results, error) {
	s.ensure(windowBytes)
	window := s.in[s.at:]
	if window = window[:min(len(window), lookChunk)]; bytes.Contains(window, []byte("elapsed")) && bytes.Contains(window, []byte("label")) {
		return jmeterTable(s, opts)
	}
	var g gathering
	var last []byte
	n, at := 0, 0
	for line := range s.lines() {
		if rest, ok := after(line, "summary = "); ok {
			last, at = append(last[:0], rest...), s.lineNumber
			n++
		}
	}
	if n > 0 {
		if err := g.jmeterSummary(last, at); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, `%d lines "summary ="`, n), nil
}

// jmeterSummary reads "1000 in 00:00:01 = 1034.1/s Avg:     0 Min:     0 Max:    36 Err:     0 (0.00%)".
func (g *gathering) jmeterSummary(line []byte, number int) error {
	words := bytes.Fields(line)
	var values []optional
	for i, w := range words {
		if rate, ok := bytes.CutSuffix(w, []byte("/s")); ok {
			values = append(values, optional{unit.Throughput, firstNumber(rate)})
		}
		if i+1 >= len(words) {
			break
		}
		v := firstNumber(words[i+1])
		switch string(w) {
		case "Avg:":
			values = append(values, optional{unit.Latency, v.times(1e6)})
		case "Min:":
			values = append(values, optional{latencyAt("min"), v.times(1e6)})
		case "Max:":
			values = append(values, optional{latencyAt("max"), v.times(1e6)})
		case "Err:":
			values = append(values, optional{requestsFailed, v})
			if v.v > 0 {
				g.problem("summary", number, "requests failed: %s", bytes.Join(words[i+1:], []byte(" ")))
			}
		}
	}
	return g.optional("summary", number, values)
}

func jmeterTable(s *scanner, opts Options) (Results, error) {
	t := s.newTable("elapsed", "label")
	if t == nil {
		return Results{}, s.fail("JMeter: there is no table with elapsed and label")
	}
	var g gathering
	elapsed, label, success, message := t.column("elapsed"), t.column("label"), t.column("success"), t.column("responseMessage")
	tally := newFailures()
	n := 0
	for t.next() {
		n++
		name := oneLine(string(t.field(label)))
		v, ok := number(t.field(elapsed))
		switch {
		case !ok:
			g.problem(name, t.line, "the time %q is no number", t.field(elapsed))
		case success >= 0 && string(t.field(success)) != "true":
			tally.add(name, string(t.field(message)), t.line)
		default:
			if err := g.value(name, unit.Latency, v*1e6, t.line); err != nil {
				return Results{}, err
			}
		}
	}
	if err := tally.report(&g); err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d requests of JMeter", n), nil
}

// failures counts what failed, by benchmark.
type failures struct {
	order []string
	by    map[string]*failure
}

type failure struct {
	n     int
	first string
	line  int
}

func newFailures() *failures { return &failures{by: map[string]*failure{}} }

func (f *failures) add(name, why string, line int) {
	if f.by[name] == nil {
		if len(f.order) >= maxAggregates {
			return
		}
		f.order = append(f.order, name)
		f.by[name] = &failure{first: why, line: line}
	}
	f.by[name].n++
}

// report adds the counts as metrics, and a problem for each benchmark that has some.
func (f *failures) report(g *gathering) error {
	for _, name := range f.order {
		one := f.by[name]
		g.problem(name, one.line, "%d requests failed, the first with %q", one.n, one.first)
		if err := g.value(name, requestsFailed, float64(one.n), one.line); err != nil {
			return err
		}
	}
	return nil
}
