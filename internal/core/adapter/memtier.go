package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// memtier_benchmark --json-out-file writes {"configuration": {…}, "ALL STATS": {"Runtime", "Sets": {"Count", "Ops/sec", "Average Latency", "Min Latency", "Max Latency", "KB/sec", "Time-Serie": {second: …}, "Percentile Latencies": {"p50.00": ms, …}}, "Gets", "Waits",
// "Totals"}}. Several runs give "BEST RUN RESULTS", "WORST RUN RESULTS" and "AGGREGATED AVERAGE RESULTS (n runs)" beside or instead. Latencies are milliseconds.
//
// Identity is the operation, with clients, threads, pipeline and ratio in braces; of several runs the aggregated average is taken. The rate of each whole second is a sample, or with --print-all-runs that of each run ("RUN #1 RESULTS").
var memtierTool = tool{
	name: "memtier", about: "memtier_benchmark --json-out-file", example: `tacho run --file memtier.json "memtier_benchmark --json-out-file memtier.json"`,
	measures: []string{"Throughput (ops/s, higher)", "Latency (ns, lower)", "Latency min, max, p50 … (ns, lower)", "Bandwidth (MB/s, higher)", "Bandwidth RX, Bandwidth TX (MB/s, higher)", "Hits (ops/s, higher)", "Misses, Moved, Ask (ops/s, lower)", "Connection Errors (lower)"}, samples: "the operations of each second, or the rate of each run",
	parameters: "clients, threads, pipeline and ratio, in braces",
	signs: []sign{
		{jsonForm, []string{"configuration", "ALL STATS.Totals"}, 100, `"ALL STATS" of memtier`},
		{jsonForm, []string{"configuration", "run information", "*.Totals"}, 95, `"Totals" of memtier`},
	},
	parse: parseMemtier,
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

func parseMemtier(s *scanner, opts Options) (Results, error) {
	s.loose = true
	var ps []parameter
	var all, averaged []memtierOp
	runs := map[string][]float64{} // the rate of each, by operation
	err := s.object(func(key []byte) error {
		name := string(key)
		switch {
		case name == "configuration":
			return s.members(func(key []byte) error {
				switch string(key) {
				case "clients", "threads", "pipeline", "ratio", "data_size":
					p := parameter{name: string(key)}
					err := s.paramValue(&p.value)
					ps = append(ps, p)
					return err
				}
				return s.skip()
			})
		case name == "ALL STATS":
			return memtierOps(s, &all)
		case strings.HasPrefix(name, "AGGREGATED AVERAGE RESULTS"):
			return memtierOps(s, &averaged)
		case strings.HasPrefix(name, "RUN #"):
			var run []memtierOp
			err := memtierOps(s, &run)
			for _, op := range run {
				if op.rate.ok && err == nil {
					runs[op.name] = append(runs[op.name], op.rate.v)
					err = tooMany(len(runs[op.name]))
				}
			}
			return err
		}
		return s.skip()
	})
	if err != nil {
		return Results{}, err
	}
	if len(averaged) > 0 {
		all = averaged
	}
	var g gathering
	for _, op := range all {
		if op.count.ok && op.count.v == 0 {
			continue // an operation that was not asked for
		}
		if n := len(op.perSecond); n > 1 {
			op.perSecond = op.perSecond[:n-1] // the last second is not a whole one
		} else {
			op.perSecond = nil
		}
		if each := runs[op.name]; len(averaged) > 0 && len(each) > 0 {
			op.perSecond = each
		}
		if err := op.add(&g, withParameters(op.name, ps)); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, `"ALL STATS" of memtier, %d operations`, len(all)), nil
}

func memtierOps(s *scanner, to *[]memtierOp) error {
	return s.members(func(key []byte) error {
		if string(key) == "Runtime" || s.peek() != '{' { // the distribution of an operation is a list, of which its percentiles have what counts
			return s.skip()
		}
		line, _ := s.position()
		op := memtierOp{name: string(key), line: line}
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
				p := jmhPoint{name: string(key)}
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
