package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// JMeter's JTL as CSV has a row for each request: timeStamp, elapsed, label, responseCode, …, success, …, bytes, …, Latency, …,
// Connect; times are milliseconds. As XML it has <testResults> with <httpSample t lt ct ts s lb rc rm by> or <sample>, whose parts (of a
// transaction, redirections, what a page embeds) stand in it. Its console prints "summary =   1000 in 00:00:01 = 1034.1/s Avg:     0
// Min:     0 Max:    36 Err:     0 (0.00%)"; lines with + are of an interval, "... end of run" ends a run. The dashboard has
// statistics.json: {label: {"transaction", "sampleCount", "errorCount", "meanResTime", "medianResTime", "minResTime", "maxResTime",
// "pct1ResTime" … "pct3ResTime", "throughput"}} with "Total" among the labels; its percentiles are 90, 95 and 99 if nobody changed them:
// it does not write which.
//
// Identity is the label, of a part behind that of the whole. Each request that succeeded is a sample; the value is their median. Those
// that failed are counted, and a problem. What JMeter calls latency is the time to the first byte. Where SampleCount (sc) is above 1, a
// row sums up so many requests: its sample is their mean. A JTL as XML of a run that was broken off has no end; what it has is read. Of
// the console's lines the last "summary =" of a run counts; its times have those that failed among them.
var jmeterTool = tool{
	name: "jmeter", about: "JMeter, JTL as CSV or XML, the dashboard's statistics.json or the console's summary", example: `tacho run --file results.jtl "jmeter -n -t plan.jmx -l results.jtl"`,
	measures: []string{"Latency (ns, lower)", "Time to First Byte, Connect Time (ns, lower; JTL)", "Response Size (B; JTL)", "Failed Requests (lower)", "Throughput (ops/s, higher; console, statistics.json)", "Requests (console, statistics.json)", "Latency min, max (ns, lower; console, statistics.json)", "Latency p90, p95, p99 (ns, lower; statistics.json)"}, samples: "each request, in JTL",
	signs: []sign{
		{csvForm, []string{"timeStamp", "elapsed", "label", "success"}, 100, "the columns of JMeter"},
		{xmlForm, []string{"testResults.httpSample.@t", "testResults.httpSample.@lb"}, 100, "<testResults> with <httpSample>"},
		{jsonForm, []string{"*.meanResTime", "*.sampleCount", "*.pct1ResTime"}, 100, `"meanResTime" and "sampleCount" of JMeter`},
		{xmlForm, []string{"testResults.sample.@t", "testResults.sample.@lb"}, 100, "<testResults> with <sample>"},
	},
	needles: []string{"summary = "}, hit: func(line []byte) int {
		if bytes.Contains(line, []byte("/s Avg: ")) {
			return 95
		}
		return 0
	}, trace: `a line "summary = … /s Avg:"`,
	parse: parseJMeter, averages: []Average{AverageMean, AverageMedian},
}

var (
	timeToFirstByte = phase("Time to First Byte", "time-to-first-byte")
	connectTime     = phase("Connect Time", "connect-time")
)

func parseJMeter(s *read.Scanner, opts Options) (Results, error) {
	switch s.Peek() {
	case '<':
		return jmeterXML(s, opts)
	case '{':
		return jmeterStatistics(s, opts)
	}
	s.Ensure(read.WindowBytes)
	window := s.Window()
	if window = window[:min(len(window), lookChunk)]; bytes.Contains(window, []byte("elapsed")) && bytes.Contains(window, []byte("label")) {
		return jmeterTable(s, opts)
	}
	var g gathering
	var last []byte
	n, at, title := 0, 0, ""
	flush := func() {
		if len(last) == 0 {
			return
		}
		n++
		g.jmeterSummary(titled(title, "summary"), last, at)
		last = last[:0]
	}
	for line := range s.Lines() {
		if rest, ok := after(line, "summary = "); ok {
			last, at = append(last[:0], rest...), s.Line()
			continue
		}
		b, isBanner := banner(line)
		if isBanner || bytes.HasPrefix(line, []byte("... end of run")) {
			flush()
		}
		if isBanner {
			title = b
		}
	}
	flush()
	return g.results(opts, `"summary =" of %d runs`, n)
}

// jmeterSummary reads "1000 in 00:00:01 = 1034.1/s Avg:     0 Min:     0 Max:    36 Err:     0 (0.00%)".
func (g *gathering) jmeterSummary(name string, line []byte, number int) {
	var room [32][]byte
	words := read.Words(room[:0], line)
	count := firstNumber(line)
	if count.OK && count.Value == 0 {
		g.problem(name, number, "there was not a single request") // the zeros beside it are none
		return
	}
	values := []optional{{requests, count}}
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
			values = append(values, optional{unit.Latency, v.Times(1e6)})
		case "Min:":
			values = append(values, optional{latencyAt("min"), v.Times(1e6)})
		case "Max:":
			values = append(values, optional{latencyAt("max"), v.Times(1e6)})
		case "Err:":
			values = append(values, optional{requestsFailed, v})
			if v.Value > 0 {
				g.problem(name, number, "requests failed: %s", bytes.Join(words[i+1:], []byte(" ")))
			}
		}
	}
	g.optional(name, number, values)
}

func jmeterTable(s *read.Scanner, opts Options) (Results, error) {
	t := s.Table("elapsed", "label")
	if t == nil {
		return Results{}, s.Fail("JMeter: there is no table with elapsed and label")
	}
	elapsed, label, success, message := t.Column("elapsed"), t.Column("label"), t.Column("success"), t.Column("responseMessage")
	firstByte, connect, size := t.Column("Latency"), t.Column("Connect"), t.Column("bytes")
	value := func(column int) read.Opt {
		if column < 0 {
			return read.Opt{}
		}
		v, ok := read.Number(t.Field(column))
		return read.Opt{Value: v, OK: ok}
	}
	count, errors := t.Column("SampleCount"), t.Column("ErrorCount")
	var g gathering
	log := newRequestLog(unit.Latency, timeToFirstByte, connectTime, responseSize)
	for t.Next() {
		log.n++
		r, err := log.row(t.Field(label), func() string { return read.OneLine(string(t.Field(label))) })
		if err != nil {
			return Results{}, err
		}
		took := value(elapsed)
		if !took.OK || !read.Finite(took.Value) {
			g.problem(r.name, t.Line, "the time %q is no number", t.Field(elapsed))
			continue
		}
		how := t.Field(success)
		failed := string(how) == "false"
		if success >= 0 && !failed && string(how) != "true" {
			g.problem(r.name, t.Line, "want true or false for its success, found %q", how)
			continue
		}
		switch several := value(count); {
		case several.Value > 1:
			jmeterSample{took, value(firstByte), value(connect), value(size), several, value(errors)}.add(r, failed, t.Field(message), t.Line)
		case failed:
			r.fail(t.Field(message), t.Line)
		default:
			r.take(took.Times(1e6), value(firstByte).Times(1e6), value(connect).Times(1e6), value(size))
		}
	}
	log.report(&g, opts)
	return g.results(opts, "%d requests of JMeter", log.n)
}

// jmeterSample is a request, or several that were summed up.
type jmeterSample struct{ elapsed, firstByte, connect, size, count, errors read.Opt }

func (one jmeterSample) add(r *requestRow, failed bool, why []byte, line int) {
	share, several := 1.0, 1.0 // several that failed
	if one.count.Value > 1 {
		share, several = 1/one.count.Value, max(1, min(one.errors.Value, one.count.Value))
		failed = failed || one.errors.Value > 0
	}
	if failed {
		r.fail(why, line)
		r.failed += int(several) - 1
		return
	}
	r.take(one.elapsed.Times(1e6*share), one.firstByte.Times(1e6*share), one.connect.Times(1e6*share), one.size.Times(share))
}

// jmeterXML reads a JTL as XML.
func jmeterXML(s *read.Scanner, opts Options) (Results, error) {
	type open struct {
		row    *requestRow
		label  string
		sample jmeterSample
		failed bool
		why    string
		line   int
	}
	var g gathering
	var stack []open
	log := newRequestLog(unit.Latency, timeToFirstByte, connectTime, responseSize)
	isSample := func(e *read.Element) bool { return e.Name == "httpSample" || e.Name == "sample" }
	err := s.Elements(func(e *read.Element) error {
		if !isSample(e) {
			return nil
		}
		label := read.OneLine(e.Attr("lb"))
		if len(stack) > 0 {
			label = joinNames(" / ", stack[len(stack)-1].label, label)
		}
		row, err := log.row([]byte(label), func() string { return label })
		if err != nil {
			return err
		}
		value := func(name string) read.Opt {
			v, ok := read.Number([]byte(e.Attr(name)))
			return read.Opt{Value: v, OK: ok && read.Finite(v)}
		}
		line, _ := s.Position()
		stack = append(stack, open{row, label, jmeterSample{value("t"), value("lt"), value("ct"), value("by"), value("sc"), value("ec")},
			e.Attr("s") != "true", e.Attr("rm"), line})
		return nil
	}, func(e *read.Element, text string) error {
		if e.Name == "failureMessage" && len(stack) > 0 && text != "" {
			stack[len(stack)-1].why = text
		}
		if !isSample(e) {
			return nil
		}
		log.n++
		one := stack[len(stack)-1]
		if stack = stack[:len(stack)-1]; !one.sample.elapsed.OK {
			g.problem(one.label, one.line, "the time %q is no number", e.Attr("t"))
			return nil
		}
		one.sample.add(one.row, one.failed, []byte(one.why), one.line)
		return nil
	})
	if err != nil {
		if log.n == 0 || fault.Is(err, fault.TooLarge) {
			return Results{}, err
		}
		line, _ := s.Position()
		g.problem("", line, "the file is not whole: %v", err)
		s.Drain()
	}
	log.report(&g, opts)
	return g.results(opts, "%d requests of JMeter", log.n)
}

// jmeterStatistics reads the dashboard's statistics.json.
func jmeterStatistics(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	err := s.Object(func(key []byte) error {
		if s.Peek() != '{' {
			return s.Skip()
		}
		n++
		line, _ := s.Position()
		name := read.OneLine(string(key))
		var count, failed, mean, median, least, most, p90, p95, p99, rate read.Opt
		places := map[string]*read.Opt{
			"sampleCount": &count, "errorCount": &failed, "meanResTime": &mean, "medianResTime": &median, "minResTime": &least, "maxResTime": &most,
			"pct1ResTime": &p90, "pct2ResTime": &p95, "pct3ResTime": &p99, "throughput": &rate,
		}
		if err := s.Object(func(key []byte) error {
			if to := places[string(key)]; to != nil {
				return s.Opt(to)
			}
			return s.Skip()
		}); err != nil {
			return err
		}
		if failed.Value > 0 {
			g.problem(name, line, "%v of %v requests failed", failed.Value, count.Value)
		}
		if count.OK && count.Value == 0 {
			g.problem(name, line, "there was not a single request") // the zeros beside it are none
			return nil
		}
		if opts.Average == AverageMedian && median.OK {
			mean = median
		}
		g.optional(name, line, []optional{
			{unit.Latency, mean.Times(1e6)}, {latencyAt("min"), least.Times(1e6)}, {latencyAt("max"), most.Times(1e6)},
			{latencyAt("p50"), median.Times(1e6)}, {latencyAt("p90"), p90.Times(1e6)}, {latencyAt("p95"), p95.Times(1e6)},
			{latencyAt("p99"), p99.Times(1e6)},
			{unit.Throughput, rate}, {requests, count}, {requestsFailed, failed},
		})
		return nil
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, "statistics of %d labels of JMeter", n)
}
