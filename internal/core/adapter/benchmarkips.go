package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// benchmark-ips prints "   name    23.254k (± 0.5%) i/s   (43.00 μs/i) -     48.804k in   2.098763s" below "Calculating ---"; with YJIT the same under a second Ruby. Its json! writes a list of {"name", "central_tendency", "ips", "error", "stddev",
// "microseconds", "iterations", "cycles"}; scripts wrap such lists.
//
// Identity is the name. The value is iterations in a second with their standard deviation; benchmark-ips prints no samples. Rows of the warm-up ("i/100ms") and of the comparison are left out.
var benchmarkIPSTool = tool{
	name: "benchmark_ips", about: "benchmark-ips, console or json!", example: `tacho run "ruby bench.rb"`,
	measures: []string{"Throughput (ops/s, higher)"},
	signs: []sign{
		{jsonForm, []string{"[].name", "[].ips", "[].cycles"}, 95, `a list with "ips" and "cycles"`},
		{jsonForm, []string{"*[].name", "*[].ips", "*[].iterations"}, 90, `a list with "ips" and "iterations"`},
	},
	needles: []string{") i/s "}, hit: hitIPS, trace: `a line has "(± …%) i/s"`,
	parse: parseIPS, averages: []Average{AverageMean},
}

func hitIPS(line []byte) int {
	if _, _, _, ok := readIPS(line); ok {
		return 100
	}
	return 0
}

func readIPS(line []byte) (name string, ips, percent float64, ok bool) {
	before, rest, ok := bytes.Cut(line, []byte(" (±"))
	if !ok {
		return "", 0, 0, false
	}
	inside, rest, ok := bytes.Cut(rest, []byte("%) i/s"))
	if !ok || !bytes.Contains(rest, []byte(" in ")) {
		return "", 0, 0, false
	}
	before = bytes.TrimRight(before, " ")
	at := bytes.LastIndexByte(before, ' ')
	if at < 0 {
		return "", 0, 0, false
	}
	if ips, ok = scaledNumber(before[at+1:]); !ok {
		return "", 0, 0, false
	}
	percent, ok = number(bytes.TrimSpace(inside))
	name = oneLine(string(before[:at]))
	return name, ips, percent, ok && name != ""
}

// scaledNumber reads "23.254k": a number with a letter for its thousands.
func scaledNumber(text []byte) (float64, bool) {
	factor := 1.0
	if n := len(text); n > 1 {
		if f, ok := map[byte]float64{'k': 1e3, 'K': 1e3, 'M': 1e6, 'B': 1e9, 'G': 1e9, 'T': 1e12, 'Q': 1e15}[text[n-1]]; ok {
			text, factor = text[:n-1], f
		}
	}
	v, ok := groupedNumber(text, ',')
	return v * factor, ok && finite(v)
}

func parseIPS(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	if c := s.peek(); c == '{' || c == '[' {
		err := s.records(func(line int) error {
			n++
			var name string
			var ips, deviation opt
			if err := s.object(func(key []byte) error {
				switch string(key) {
				case "name":
					return s.str(&name)
				case "ips", "central_tendency":
					return s.opt(&ips)
				case "stddev", "ips_stddev", "error":
					return s.opt(&deviation)
				}
				return s.skip()
			}); err != nil {
				return err
			}
			if !ips.ok {
				g.problem(oneLine(name), line, "it has no ips")
				return nil
			}
			return g.metric(oneLine(name), spread(unit.Throughput, ips.v, deviation.v), line)
		})
		return g.results(opts, `%d results with "ips"`, n), err
	}
	for line := range s.lines() {
		name, ips, percent, ok := readIPS(line)
		if !ok {
			continue
		}
		n++
		if err := g.metric(name, spread(unit.Throughput, ips, ips*percent/100), s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, `%d lines with "(± …%%) i/s"`, n), nil
}
