package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// memtier_benchmark --json-out-file writes {"configuration": {…}, "ALL STATS": {"Runtime", "Sets": {"Count", "Ops/sec", "Average Latency", "Min Latency", "Max Latency", "KB/sec", "Time-Serie": {second: …}, "Percentile Latencies": {"p50.00": ms, …}}, "Gets", "Waits",
// "Totals"}}. Several runs give "BEST RUN RESULTS", "WORST RUN RESULTS" and "AGGREGATED AVERAGE RESULTS (n runs)" beside or instead. Latencies are milliseconds.
//
// Its text has a table for each of these sections: "Type  Ops/sec  Hits/sec  Misses/sec  Avg. Latency  p50 Latency  p99 Latency  p99.9 Latency  KB/sec" and rows "Sets  27127.17  ---  ---  0.46100 …"; before version 1.3 the only latency is "Latency".
//
// Identity is the operation, with clients, threads, pipeline and ratio in braces; of several runs the aggregated average is taken. The rate of each whole second is a sample, or with --print-all-runs that of each run ("RUN #1 RESULTS").
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
	count, rate, average, least, largest, kb, hits, misses opt
	received, sent, moved, ask, errors                     opt
	perSecond                                              []float64
	points                                                 []jmhPoint
	line                                                   int
}

// memtierStats are the sections of one run of memtier, or of several in a row.
type memtierStats struct {
	title         string
	params        []parameter
	all, averaged []memtierOp
	runs          map[string][]float64 // the rate of each, by operation
}

// run takes the operations of one of several runs.
func (m *memtierStats) run(ops []memtierOp) error {
	if m.runs == nil {
		m.runs = map[string][]float64{}
	}
	for _, op := range ops {
		if op.rate.ok {
			m.runs[op.name] = append(m.runs[op.name], op.rate.v)
		}
		if err := tooMany(len(m.runs[op.name])); err != nil {
			return err
		}
	}
	return nil
}

func (m *memtierStats) add(g *gathering) error {
	all := m.all
	if len(m.averaged) > 0 {
		all = m.averaged
	}
	for _, op := range all {
		if op.count.ok && op.count.v == 0 {
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
		if err := op.add(g, withParameters(titled(m.title, op.name), m.params)); err != nil {
			return err
		}
	}
	return nil
}

func parseMemtier(s *scanner, opts Options) (Results, error) {
	if s.peek() != '{' {
		return parseMemtierText(s, opts)
	}
	s.loose = true
	var stats memtierStats
	err := s.object(func(key []byte) error {
		name := s.keep(key)
		switch {
		case name == "configuration":
			return s.members(func(key []byte) error {
				switch string(key) {
				case "clients", "threads", "pipeline", "ratio", "data_size":
					p := parameter{name: s.keep(key)}
					err := s.paramValue(&p.value)
					stats.params = append(stats.params, p)
					return err
				}
				return s.skip()
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
		return s.skip()
	})
	if err != nil {
		return Results{}, err
	}
	var g gathering
	if err := stats.add(&g); err != nil {
		return Results{}, err
	}
	return g.results(opts, `"ALL STATS" of memtier, %d operations`, max(len(stats.all), len(stats.averaged))), nil
}

// memtierColumns are the names of a table's columns, "Avg. Latency" among them; none where the line is no head.
func memtierColumns(line []byte) (columns []string) {
	line = trimIndent(line)
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

func parseMemtierText(s *scanner, opts Options) (Results, error) {
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
			err = stats.add(&g)
		}
		stats, section = memtierStats{title: title}, ""
		return err
	}
	for line := range s.lines() {
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
			op.line = s.lineNumber
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
	return g.results(opts, `%d rows of memtier's tables`, n), nil
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
func memtierParameter(count, what string) (parameter, bool) {
	name := map[string]string{"Threads": "threads", "Connections per thread": "clients"}[what]
	return parameter{name, count}, name != "" && isDigits([]byte(count))
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
		v, number := number([]byte(word))
		if word != "---" && !number {
			return op, false
		}
		value := opt{v, number && finite(v)}
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
			if point, ok := strings.CutSuffix(column, " Latency"); ok && value.ok {
				op.points = append(op.points, jmhPoint{name: point, value: v})
			}
		}
	}
	op.count = opt{0, op.rate.ok && op.rate.v == 0} // it was not asked for
	return op, true
}

func memtierOps(s *scanner, to *[]memtierOp) error {
	return s.members(func(key []byte) error {
		if string(key) == "Runtime" || s.peek() != '{' { // the distribution of an operation is a list, of which its percentiles have what counts
			return s.skip()
		}
		line, _ := s.position()
		op := memtierOp{name: s.keep(key), line: line}
		err := op.read(s)
		*to = append(*to, op)
		if err != nil {
			return err
		}
		return tooManyRuns(len(*to))
	})
}

func (op *memtierOp) read(s *scanner) error {
	return s.members(func(key []byte) error {
		switch string(key) {
		case "Count":
			return s.opt(&op.count)
		case "Ops/sec":
			return s.opt(&op.rate)
		case "Average Latency":
			return s.opt(&op.average)
		case "Latency":
			if op.average.ok {
				return s.skip()
			}
			return s.opt(&op.average)
		case "Min Latency":
			return s.opt(&op.least)
		case "Max Latency":
			return s.opt(&op.largest)
		case "KB/sec":
			return s.opt(&op.kb)
		case "KB/sec RX":
			return s.opt(&op.received)
		case "KB/sec TX":
			return s.opt(&op.sent)
		case "MOVED/sec":
			return s.opt(&op.moved)
		case "ASK/sec":
			return s.opt(&op.ask)
		case "Connection Errors":
			return s.opt(&op.errors)
		case "Hits/sec":
			return s.opt(&op.hits)
		case "Misses/sec":
			return s.opt(&op.misses)
		case "Percentile Latencies":
			return s.members(func(key []byte) error {
				p := jmhPoint{name: s.keep(key)}
				if !strings.HasPrefix(p.name, "p") {
					return s.skip() // the histogram
				}
				var o opt
				err := s.opt(&o)
				if p.value = o.v; o.ok {
					op.points = append(op.points, p)
				}
				return err
			})
		case "Time-Serie":
			return s.members(func([]byte) error {
				return s.members(func(key []byte) error {
					if string(key) != "Count" {
						return s.skip()
					}
					var o opt
					err := s.opt(&o)
					if o.ok {
						op.perSecond = append(op.perSecond, o.v)
					}
					if err != nil {
						return err
					}
					return tooMany(len(op.perSecond))
				})
			})
		}
		return s.skip()
	})
}

func (op *memtierOp) add(g *gathering, name string) error {
	if !op.rate.ok {
		g.problem(name, op.line, "it has no rate")
		return nil
	}
	if err := g.metric(name, Metric{Measure: unit.Throughput, Value: op.rate.v, Samples: op.perSecond}, op.line); err != nil {
		return err
	}
	lower := func(name string) *unit.Measure {
		m := perSecond(name, strings.ToLower(name))
		m.Direction = unit.Lower
		return m
	}
	if err := g.optional(name, op.line, []optional{
		{unit.Latency, op.average.times(1e6)}, {latencyAt("min"), op.least.times(1e6)}, {latencyAt("max"), op.largest.times(1e6)},
		{unit.Bandwidth, op.kb.times(1024e-6)}, {memtierReceived, op.received.times(1024e-6)}, {memtierSent, op.sent.times(1024e-6)},
		{perSecond("Hits", "hits"), op.hits}, {lower("Misses"), op.misses}, {lower("Moved"), op.moved}, {lower("Ask"), op.ask}, {memtierErrors, op.errors},
	}); err != nil {
		return err
	}
	for _, p := range op.points {
		v, ok := number([]byte(p.name[1:]))
		if !ok {
			continue
		}
		if err := g.value(name, latencyAt("p"+shortFloat(v)), p.value*1e6, op.line); err != nil {
			return err
		}
	}
	return nil
}
