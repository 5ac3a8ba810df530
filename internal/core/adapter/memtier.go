package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// memtier_benchmark --json-out-file writes {"configuration": {…}, "ALL STATS": {"Runtime", "Sets": {"Count", "Ops/sec", "Average
// Latency", "Min Latency", "Max Latency", "KB/sec", "Time-Serie": {second: …}, "Percentile Latencies": {"p50.00": ms, …}}, "Gets",
// "Waits", "Totals"}}. Several runs give "BEST RUN RESULTS", "WORST RUN RESULTS" and "AGGREGATED AVERAGE RESULTS (n runs)" beside or
// instead. Latencies are milliseconds.
//
// Its text has a table for each of these sections: "Type  Ops/sec  Hits/sec  Misses/sec  Avg. Latency  p50 Latency  p99 Latency  p99.9
// Latency  KB/sec" and rows "Sets  27127.17  ---  ---  0.46100 …"; before version 1.3 the only latency is "Latency".
//
// Identity is the operation, with clients, threads, pipeline and ratio in braces; of several runs the aggregated average is taken. The
// rate of each whole second is a sample, or with --print-all-runs that of each run ("RUN #1 RESULTS").
var memtierTool = tool{
	name: "memtier", about: "memtier_benchmark, text or --json-out-file", example: `tacho run --file memtier.json "memtier_benchmark --json-out-file memtier.json"`,
	measures: []string{"Throughput (ops/s, higher)", "Latency (ns, lower)", "Latency min, max, p50 … (ns, lower)", "Bandwidth (MB/s, higher)", "Bandwidth RX, Bandwidth TX (MB/s, higher)", "Hits (ops/s, higher)", "Misses, Moved, Ask (ops/s, lower)", "Connection Errors (lower)"}, samples: "the operations of each second, in JSON, or the rate of each run",
	parameters: "clients, threads, pipeline and ratio, in braces",
	signs: []sign{
		{jsonForm, []string{"configuration", "ALL STATS.Totals"}, 100, `"ALL STATS" of memtier`},
		{jsonForm, []string{"configuration", "run information", "*.Totals"}, 95, `"Totals" of memtier`},
	},
	needles: []string{"Misses/sec "}, hit: hitMemtier, trace: `a table with "Ops/sec" and "Misses/sec" of memtier`,
	parse: parseMemtier,
}

func hitMemtier(line []byte) int {
	if columns := memtierColumns(line); slices.Contains(columns, "Ops/sec") && slices.Contains(columns, "KB/sec") {
		return 100
	}
	return 0
}

var (
	memtierReceived = &unit.Measure{Name: "Bandwidth RX", Slug: "bandwidth-rx", Units: unit.MegabytesPerSec, Direction: unit.Higher}
	memtierSent     = &unit.Measure{Name: "Bandwidth TX", Slug: "bandwidth-tx", Units: unit.MegabytesPerSec, Direction: unit.Higher}
	memtierErrors   = &unit.Measure{Name: "Connection Errors", Slug: "connection-errors", Units: "errors", Direction: unit.Lower}
)

// memtierOp is one operation.
type memtierOp struct {
	name                                                   string
	count, rate, average, least, largest, kb, hits, misses read.Opt
	received, sent, moved, ask, errors                     read.Opt
	perSecond                                              []float64
	points                                                 []jmhPoint
	line                                                   int
}

// memtierStats are the sections of one run of memtier, or of several in a row.
type memtierStats struct {
	title         string
	params        []read.Parameter
	all, averaged []memtierOp
	runs          map[string][]float64 // the rate of each, by operation
}

// run takes the operations of one of several runs.
func (m *memtierStats) run(ops []memtierOp) error {
	if m.runs == nil {
		m.runs = map[string][]float64{}
	}
	for _, op := range ops {
		if op.rate.OK {
			m.runs[op.name] = append(m.runs[op.name], op.rate.Value)
		}
		if err := read.TooMany(len(m.runs[op.name])); err != nil {
			return err
		}
	}
	return nil
}

func (m *memtierStats) add(g *gathering) {
	all := m.all
	if len(m.averaged) > 0 {
		all = m.averaged
	}
	for _, op := range all {
		if op.count.OK && op.count.Value == 0 {
			continue // an operation that was not asked for
		}
		if n := len(op.perSecond); n > 1 {
			op.perSecond = op.perSecond[:n-1] // the last second is not a whole one
		} else {
			op.perSecond = nil
		}
		if each := m.runs[op.name]; len(m.averaged) > 0 && len(each) > 0 {
			op.perSecond = each
		}
		op.add(g, withParameters(titled(m.title, op.name), m.params))
	}
}

func parseMemtier(s *read.Scanner, opts Options) (Results, error) {
	if s.Peek() != '{' {
		return parseMemtierText(s, opts)
	}
	s.Loose = true
	var stats memtierStats
	err := s.Object(func(key []byte) error {
		name := s.Keep(key)
		switch {
		case name == "configuration":
			return s.Members(func(key []byte) error {
				switch string(key) {
				case "clients", "threads", "pipeline", "ratio", "data_size":
					p := read.Parameter{Name: s.Keep(key)}
					err := s.ParamValue(&p.Value)
					stats.params = append(stats.params, p)
					return err
				}
				return s.Skip()
			})
		case name == "ALL STATS":
			return memtierOps(s, &stats.all)
		case strings.HasPrefix(name, "AGGREGATED AVERAGE RESULTS"):
			return memtierOps(s, &stats.averaged)
		case strings.HasPrefix(name, "RUN #"):
			var run []memtierOp
			if err := memtierOps(s, &run); err != nil {
				return err
			}
			return stats.run(run)
		}
		return s.Skip()
	})
	if err != nil {
		return Results{}, err
	}
	var g gathering
	stats.add(&g)
	return g.results(opts, `"ALL STATS" of memtier, %d operations`, max(len(stats.all), len(stats.averaged)))
}

// memtierColumns are the names of a table's columns, "Avg. Latency" among them; none where the line is no head.
func memtierColumns(line []byte) (columns []string) {
	line = read.TrimIndent(line)
	if !bytes.HasPrefix(line, []byte("Type ")) {
		return nil
	}
	words := bytes.Fields(line)
	for i := 1; i < len(words); i++ {
		name := string(words[i])
		if !strings.HasSuffix(name, "/sec") && name != "Latency" && i+1 < len(words) {
			i++
			name += " " + string(words[i])
		}
		columns = append(columns, name)
	}
	return columns
}

func parseMemtierText(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	var stats memtierStats
	var columns []string
	var to []memtierOp
	section, n := "", 0
	flush := func() error { // the table that was read
		ops := to
		to, columns = nil, nil
		switch {
		case strings.HasPrefix(section, "AGGREGATED AVERAGE RESULTS"):
			stats.averaged = ops
		case strings.HasPrefix(section, "RUN #"):
			return stats.run(ops)
		case section == "ALL STATS":
			stats.all = ops
		}
		return nil
	}
	next := func(title string) error { // the run
		err := flush()
		if err == nil {
			stats.add(&g)
		}
		stats, section = memtierStats{title: title}, ""
		return err
	}
	for line := range s.Lines() {
		line = bytes.TrimSpace(line)
		if columns == nil && !memtierHead(line) {
			continue // as most lines of a log
		}
		text := string(line)
		count, what, _ := strings.Cut(text, " ")
		var err error
		if b, ok := banner(line); ok {
			err = next(b)
		} else if names := memtierColumns(line); len(names) > 0 && slices.Contains(names, "Ops/sec") {
			columns = names
		} else if parameter, ok := memtierParameter(count, strings.TrimSpace(what)); ok {
			if len(stats.all)+len(stats.averaged) > 0 || len(to) > 0 { // further runs print it anew
				err = next(stats.title)
			}
			if err == nil && len(stats.params) < 10 {
				stats.params = append(stats.params, parameter)
			}
		} else if text == "ALL STATS" || strings.HasSuffix(text, " RUN RESULTS") || strings.HasPrefix(text, "RUN #") && strings.HasSuffix(text, " RESULTS") || strings.HasPrefix(text, "AGGREGATED AVERAGE RESULTS (") {
			err = flush()
			section = text
		} else if op, ok := memtierRow(columns, text); ok {
			op.line = s.Line()
			n++
			to = append(to, op)
			err = tooManyRuns(len(to))
		} else if !strings.HasPrefix(text, "---") {
			columns = nil
		}
		if err != nil {
			return Results{}, err
		}
	}
	if err := next(""); err != nil {
		return Results{}, err
	}
	return g.results(opts, `%d rows of memtier's tables`, n)
}

// memtierHead reports whether something of a table's head or its surroundings may stand in the line.
func memtierHead(line []byte) bool {
	for _, end := range []string{"Threads", "per thread", "RESULTS", "runs)", "===", "ALL STATS", "/sec"} {
		if bytes.HasSuffix(line, []byte(end)) {
			return true
		}
	}
	return false
}

// memtierParameter reads "4         Threads" and "50        Connections per thread".
func memtierParameter(count, what string) (read.Parameter, bool) {
	name := map[string]string{"Threads": "threads", "Connections per thread": "clients"}[what]
	return read.Parameter{Name: name, Value: count}, name != "" && read.IsDigits([]byte(count))
}

// memtierRow reads a row below columns, in which --- stands for nothing.
func memtierRow(columns []string, text string) (op memtierOp, ok bool) {
	words := strings.Fields(text)
	names := len(words) - len(columns) // a command may have spaces
	if len(columns) == 0 || names < 1 {
		return op, false
	}
	op.name = strings.Join(words[:names], " ")
	for i, column := range columns {
		word := words[names+i]
		v, number := read.Number([]byte(word))
		if word != "---" && !number {
			return op, false
		}
		value := read.Opt{Value: v, OK: number && read.Finite(v)}
		switch column {
		case "Ops/sec":
			op.rate = value
		case "Hits/sec":
			op.hits = value
		case "Misses/sec":
			op.misses = value
		case "MOVED/sec":
			op.moved = value
		case "ASK/sec":
			op.ask = value
		case "KB/sec":
			op.kb = value
		case "Latency", "Avg. Latency":
			op.average = value
		default:
			if point, ok := strings.CutSuffix(column, " Latency"); ok && value.OK {
				op.points = append(op.points, jmhPoint{name: point, value: v})
			}
		}
	}
	op.count = read.Opt{Value: 0, OK: op.rate.OK && op.rate.Value == 0} // it was not asked for
	return op, true
}

func memtierOps(s *read.Scanner, to *[]memtierOp) error {
	return s.Members(func(key []byte) error {
		if string(key) == "Runtime" || s.Peek() != '{' { // the distribution of an operation is a list, of which its percentiles have what counts
			return s.Skip()
		}
		line, _ := s.Position()
		op := memtierOp{name: s.Keep(key), line: line}
		err := op.read(s)
		*to = append(*to, op)
		if err != nil {
			return err
		}
		return tooManyRuns(len(*to))
	})
}

func (op *memtierOp) read(s *read.Scanner) error {
	return s.Members(func(key []byte) error {
		switch string(key) {
		case "Count":
			return s.Opt(&op.count)
		case "Ops/sec":
			return s.Opt(&op.rate)
		case "Average Latency":
			return s.Opt(&op.average)
		case "Latency":
			if op.average.OK {
				return s.Skip()
			}
			return s.Opt(&op.average)
		case "Min Latency":
			return s.Opt(&op.least)
		case "Max Latency":
			return s.Opt(&op.largest)
		case "KB/sec":
			return s.Opt(&op.kb)
		case "KB/sec RX":
			return s.Opt(&op.received)
		case "KB/sec TX":
			return s.Opt(&op.sent)
		case "MOVED/sec":
			return s.Opt(&op.moved)
		case "ASK/sec":
			return s.Opt(&op.ask)
		case "Connection Errors":
			return s.Opt(&op.errors)
		case "Hits/sec":
			return s.Opt(&op.hits)
		case "Misses/sec":
			return s.Opt(&op.misses)
		case "Percentile Latencies":
			return s.Members(func(key []byte) error {
				p := jmhPoint{name: s.Keep(key)}
				if !strings.HasPrefix(p.name, "p") {
					return s.Skip() // the histogram
				}
				var o read.Opt
				err := s.Opt(&o)
				if p.value = o.Value; o.OK {
					op.points = append(op.points, p)
				}
				return err
			})
		case "Time-Serie":
			return s.Members(func([]byte) error {
				return s.Members(func(key []byte) error {
					if string(key) != "Count" {
						return s.Skip()
					}
					var o read.Opt
					err := s.Opt(&o)
					if o.OK {
						op.perSecond = append(op.perSecond, o.Value)
					}
					if err != nil {
						return err
					}
					return read.TooMany(len(op.perSecond))
				})
			})
		}
		return s.Skip()
	})
}

func (op *memtierOp) add(g *gathering, name string) {
	if !op.rate.OK {
		g.problem(name, op.line, "it has no rate")
		return
	}
	g.metric(name, Metric{Measure: unit.Throughput, Value: op.rate.Value, Samples: op.perSecond}, op.line)
	lower := func(name string) *unit.Measure {
		m := perSecond(name, strings.ToLower(name))
		m.Direction = unit.Lower
		return m
	}
	g.optional(name, op.line, []optional{
		{unit.Latency, op.average.Times(1e6)}, {latencyAt("min"), op.least.Times(1e6)}, {latencyAt("max"), op.largest.Times(1e6)},
		{unit.Bandwidth, op.kb.Times(1024e-6)}, {memtierReceived, op.received.Times(1024e-6)}, {memtierSent, op.sent.Times(1024e-6)},
		{perSecond("Hits", "hits"), op.hits}, {lower("Misses"), op.misses}, {lower("Moved"), op.moved}, {lower("Ask"), op.ask}, {memtierErrors, op.errors},
	})
	for _, p := range op.points {
		v, ok := read.Number([]byte(p.name[1:]))
		if !ok {
			continue
		}
		g.value(name, latencyAt("p"+shortFloat(v)), p.value*1e6, op.line)
	}
}
