package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// benchmark.js prints "name x 1,431,759 ops/sec ±0.74% (93 runs sampled)". Scripts also write its statistics as JSON: a list with "name", "hz", "mean" in seconds,
// "rme", "deviation" and "cycles".
//
// Identity is the name. The value is the number of operations each second with its relative margin of error; benchmark.js prints no samples.
//
// Unlike Bencher, JSON is read too.
var jsBenchmarkTool = tool{
	name: "js_benchmark", about: "benchmark.js", example: `tacho run "node bench.js"  # suite.on("cycle", e => console.log(String(e.target)))`,
	measures: []string{"Throughput (ops/s, higher)", "Latency (ns, lower; JSON)"},
	signs:    []sign{{jsonForm, []string{"*[].hz", "*[].cycles", "*[].rme"}, 95, `"hz", "rme" and "cycles"`}},
	needles:  []string{" sampled)"}, hit: hitJSBenchmark, trace: `a line has "ops/sec" and "runs sampled"`,
	parse: parseJSBenchmark, averages: []Average{AverageMean, AverageMedian},
}

func hitJSBenchmark(line []byte) int {
	if _, ok := readJSBenchmark(line); ok {
		return 100
	}
	return 0
}

// jsLine is a line taken apart.
type jsLine struct {
	name       []byte
	hz, margin float64
}

func readJSBenchmark(line []byte) (l jsLine, ok bool) {
	end := bytes.Index(line, []byte(" ops/sec "))
	if end < 0 {
		return l, false
	}
	at := bytes.LastIndex(line[:end], []byte(" x "))
	if at <= 0 {
		return l, false
	}
	l.name = bytes.TrimSpace(line[:at])
	if l.hz, ok = groupedNumber(line[at+len(" x "):end], ','); !ok || len(l.name) == 0 {
		return l, false
	}
	rest, ok := bytes.CutPrefix(line[end+len(" ops/sec "):], []byte("±"))
	if !ok {
		return l, false
	}
	percent, behind, ok := bytes.Cut(rest, []byte("%"))
	if !ok || !bytes.Contains(behind, []byte(" sampled)")) {
		return l, false
	}
	l.margin, ok = groupedNumber(percent, ',')
	return l, ok
}

func parseJSBenchmark(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	if c := s.peek(); c == '{' || c == '[' {
		err := s.records(func(line int) error {
			n++
			var name string
			var t timing
			if err := s.object(func(key []byte) error {
				if string(key) == "name" {
					return s.str(&name)
				}
				return t.member(s, key)
			}); err != nil {
				return err
			}
			return t.add(&g, oneLine(name), 1e9, opts.Average, line)
		})
		return g.results(opts, `%d results with "hz", "rme" and "cycles"`, n), err
	}
	for line := range s.lines() {
		l, ok := readJSBenchmark(line)
		if !ok {
			continue
		}
		n++
		if err := g.metric(oneLine(string(l.name)), spread(unit.Throughput, l.hz, l.hz*l.margin/100), s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, `%d lines with "ops/sec" and "runs sampled"`, n), nil
}
