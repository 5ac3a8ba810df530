package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// JMeter's JTL as CSV has a row for each request: timeStamp, elapsed, label, responseCode, …, success, …, bytes, …, Latency, …, Connect; times are milliseconds. Its console prints "summary =   1000 in 00:00:01 = 1034.1/s Avg:     0 Min:     0 Max:    36
// Err:     0 (0.00%)"; lines with + are of an interval, "... end of run" ends a run.
//
// Identity is the label. Each request that succeeded is a sample; the value is their median. Those that failed are counted, and a problem. What JMeter calls latency is the time to the first byte. Of the console's lines the last "summary =" of a run counts;
// its times have those that failed among them.
var jmeterTool = tool{
	name: "jmeter", about: "JMeter, JTL as CSV or the console's summary", example: `tacho run --file results.jtl "jmeter -n -t plan.jmx -l results.jtl"`,
	measures: []string{"Latency (ns, lower)", "Time to First Byte, Connect Time (ns, lower; JTL)", "Response Size (B; JTL)", "Failed Requests (lower)", "Throughput (ops/s, higher; console)", "Requests (console)", "Latency min, max (ns, lower; console)"}, samples: "each request, in JTL",
	signs:   []sign{{csvForm, []string{"timeStamp", "elapsed", "label", "success"}, 100, "the columns of JMeter"}},
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

func parseJMeter(s *scanner, opts Options) (Results, error) {
	s.ensure(windowBytes)
	window := s.in[s.at:]
	if window = window[:min(len(window), lookChunk)]; bytes.Contains(window, []byte("elapsed")) && bytes.Contains(window, []byte("label")) {
		return jmeterTable(s, opts)
	}
	var g gathering
	var last []byte
	n, at, title := 0, 0, ""
	flush := func() error {
		if len(last) == 0 {
			return nil
		}
		n++
		err := g.jmeterSummary(titled(title, "summary"), last, at)
		last = last[:0]
		return err
	}
	for line := range s.lines() {
		if rest, ok := after(line, "summary = "); ok {
			last, at = append(last[:0], rest...), s.lineNumber
			continue
		}
		b, isBanner := banner(line)
		if isBanner || bytes.HasPrefix(line, []byte("... end of run")) {
			if err := flush(); err != nil {
				return Results{}, err
			}
		}
		if isBanner {
			title = b
		}
	}
	if err := flush(); err != nil {
		return Results{}, err
	}
	return g.results(opts, `"summary =" of %d runs`, n), nil
}

// jmeterSummary reads "1000 in 00:00:01 = 1034.1/s Avg:     0 Min:     0 Max:    36 Err:     0 (0.00%)".
func (g *gathering) jmeterSummary(name string, line []byte, number int) error {
	words := bytes.Fields(line)
	count := firstNumber(line)
	if count.ok && count.v == 0 {
		g.problem(name, number, "there was not a single request") // the zeros beside it are none
		return nil
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
			values = append(values, optional{unit.Latency, v.times(1e6)})
		case "Min:":
			values = append(values, optional{latencyAt("min"), v.times(1e6)})
		case "Max:":
			values = append(values, optional{latencyAt("max"), v.times(1e6)})
		case "Err:":
			values = append(values, optional{requestsFailed, v})
			if v.v > 0 {
				g.problem(name, number, "requests failed: %s", bytes.Join(words[i+1:], []byte(" ")))
			}
		}
	}
	return g.optional(name, number, values)
}

func jmeterTable(s *scanner, opts Options) (Results, error) {
	t := s.newTable("elapsed", "label")
	if t == nil {
		return Results{}, s.fail("JMeter: there is no table with elapsed and label")
	}
	elapsed, label, success, message := t.column("elapsed"), t.column("label"), t.column("success"), t.column("responseMessage")
	firstByte, connect, size := t.column("Latency"), t.column("Connect"), t.column("bytes")
	value := func(column int) opt {
		v, ok := number(t.field(column))
		return opt{v, ok}
	}
	var g gathering
	log := newRequestLog(unit.Latency, timeToFirstByte, connectTime, responseSize)
	for t.next() {
		log.n++
		r, err := log.row(t.field(label), func() string { return oneLine(string(t.field(label))) })
		if err != nil {
			return Results{}, err
		}
		took := value(elapsed).times(1e6)
		switch {
		case !took.ok || !finite(took.v):
			g.problem(r.name, t.line, "the time %q is no number", t.field(elapsed))
		case success >= 0 && string(t.field(success)) != "true":
			r.fail(t.field(message), t.line)
		default:
			r.take(took, value(firstByte).times(1e6), value(connect).times(1e6), value(size))
		}
	}
	if err := log.report(&g, opts); err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d requests of JMeter", log.n), nil
}
