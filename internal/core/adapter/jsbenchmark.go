package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// benchmark.js prints "name x 1,431,759 ops/sec ±0.74% (93 runs sampled)". Its benchmarks are also written as JSON: the suite itself,
// {"0": {"name", "hz", "cycles", "stats": {"mean" in seconds, "rme", "deviation", "sample"}, "times"}}, a list of such benchmarks, or a
// script's own list with the statistics in the benchmark.
//
// Identity is the name; one without a name is "<Test #5>", by its "id", as it is printed. The value is the number of operations each
// second with its relative margin of error. Each "sample" is a cycle's time for one operation. A benchmark that failed or was aborted has
// zeros, or is printed as "name: " and no more.
//
// Unlike Bencher, JSON is read too.
var jsBenchmarkTool = tool{
	name: "js_benchmark", about: "benchmark.js", example: `tacho run "node bench.js"  # suite.on("cycle", e => console.log(String(e.target)))`,
	measures: []string{"Throughput (ops/s, higher)", "Latency (ns, lower; JSON)"}, samples: "each cycle, in JSON of the suite",
	signs: []sign{
		{jsonForm, []string{"*[].hz", "*[].cycles", "*[].rme"}, 95, `"hz", "rme" and "cycles"`},
		{jsonForm, []string{"*[].stats.rme", "*[].stats.moe", "*[].hz"}, 95, `"stats" and "hz" of benchmarks`},
		{jsonForm, []string{"*.stats.rme", "*.stats.moe", "*.hz", "*.times.period"}, 95, `"stats", "times" and "hz" of a suite`},
	},
	needles: []string{" sampled)"}, hit: hitJSBenchmark, trace: `a line has "ops/sec" and "runs sampled"`,
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
	none       bool // not a single run was sampled
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
	if l.hz, ok = read.GroupedNumber(line[at+len(" x "):end], ','); !ok || len(l.name) == 0 {
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
	l.margin, ok = read.GroupedNumber(percent, ',')
	l.none = bytes.HasPrefix(bytes.TrimLeft(behind, " "), []byte("(0 runs "))
	return l, ok
}

func parseJSBenchmark(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	if c := s.Peek(); c == '{' || c == '[' {
		err := s.Records(func(line int) error {
			n++
			return g.jsBenchmark(s, opts, line)
		})
		if err != nil {
			return Results{}, err
		}
		return g.results(opts, `%d results with "hz", "rme" and "cycles"`, n)
	}
	for line := range s.Lines() {
		l, ok := readJSBenchmark(line)
		if !ok {
			continue
		}
		n++
		if l.none {
			g.problem(read.OneLine(string(l.name)), s.Line(), "not a single run was sampled: it was aborted")
			continue
		}
		g.metric(g.again(read.OneLine(string(l.name))), spread(unit.Throughput, l.hz, l.hz*l.margin/100), s.Line())
	}
	return g.results(opts, `%d lines with "ops/sec" and "runs sampled"`, n)
}

// jsBenchmark reads one benchmark.
func (g *gathering) jsBenchmark(s *read.Scanner, opts Options, line int) error {
	var name, id, aborted string
	var t timing
	failed := ""
	member := func(key []byte) error {
		if string(key) == "sample" {
			return t.readSamples(s)
		}
		return t.member(s, key)
	}
	err := s.Object(func(key []byte) error {
		switch string(key) {
		case "name":
			return s.Str(&name)
		case "id":
			return s.Str(&id)
		case "aborted":
			return s.Str(&aborted)
		case "stats":
			return s.Members(member)
		case "error":
			if s.Absent() {
				return nil
			}
			failed = "an error"
			if s.Peek() == '"' {
				return s.Str(&failed)
			}
			return s.Members(func(key []byte) error {
				if string(key) == "message" {
					return s.Str(&failed)
				}
				return s.Skip()
			})
		}
		return member(key)
	})
	if err != nil {
		return err
	}
	if name = read.OneLine(name); name == "" && id != "" {
		name = "<Test #" + id + ">"
	}
	switch {
	case failed != "":
		g.problem(name, line, "it failed: %s", failed)
	case t.hz.Value == 0 && t.mean.Value == 0 && aborted == "true":
		g.problem(name, line, "it was aborted")
	case t.hz.Value == 0 && t.mean.Value == 0:
		g.problem(name, line, "it has no mean: it failed or did not run")
	default:
		if aborted == "true" {
			g.problem(name, line, "it was aborted; its numbers are of a part of its runs")
		}
		t.add(g, g.again(name), 1e9, opts.Average, line)
		return nil
	}
	return nil
}
