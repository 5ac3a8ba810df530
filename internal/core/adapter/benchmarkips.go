package adapter

import (
	"bytes"
	"strconv"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// benchmark-ips prints "   name    23.254k (± 0.5%) i/s   (43.00 μs/i) -     48.804k in   2.098763s" below "Calculating ---"; a name of
// more than 20 characters stands on the line before. Above "Warming up ---" newer versions tell the Ruby. Its json! writes a list of
// {"name", "central_tendency", "ips", "error", "stddev", "microseconds", "iterations", "cycles"}; scripts wrap such lists.
//
// Identity is the name, with the Ruby in braces where there are several, such as with and without YJIT, and a number where a further block
// has that name too: scripts measure the same for several inputs. The value is iterations in a second with their standard deviation;
// benchmark-ips prints no samples. Of less than one in ten seconds it prints no more than two digits, and then iterations and seconds say
// it. Rows of the warm-up ("i/100ms") and of the comparison are left out.
var benchmarkIPSTool = tool{
	name: "benchmark_ips", about: "benchmark-ips, console or json!", example: `tacho run "ruby bench.rb"`,
	measures: []string{"Throughput (ops/s, higher)"}, parameters: "the Ruby, where there are several",
	signs: []sign{
		{jsonForm, []string{"[].name", "[].ips", "[].cycles"}, 95, `a list with "ips" and "cycles"`},
		{jsonForm, []string{"*[].name", "*[].ips", "*[].iterations"}, 90, `a list with "ips" and "iterations"`},
	},
	needles: []string{") i/s "}, hit: hitIPS, trace: `a line has "(± …%) i/s"`,
	parse: parseIPS, averages: []Average{AverageMean},
}

func hitIPS(line []byte) int {
	if r, ok := readIPS(line); ok && (r.name != "" || len(line) > 0 && line[0] == ' ') {
		return 100
	}
	return 0
}

// ipsRow is a row of the console.
type ipsRow struct {
	ruby, name   string // the name is empty where it stands on the line before
	ips, percent float64
	line, block  int
}

func readIPS(line []byte) (r ipsRow, ok bool) {
	before, rest, ok := bytes.Cut(line, []byte(" (±"))
	if !ok {
		return r, false
	}
	inside, rest, ok := bytes.Cut(rest, []byte("%) i/s"))
	at := bytes.LastIndex(rest, []byte(" in "))
	if !ok || at < 0 {
		return r, false
	}
	iterations, seconds := rest[:at], rest[at+len(" in "):]
	before = bytes.TrimRight(before, " ")
	end := bytes.LastIndexByte(before, ' ')
	if end < 0 {
		return r, false
	}
	if r.ips, ok = scaledNumber(before[end+1:]); !ok {
		return r, false
	}
	if r.ips < 0.1 {
		iterations = bytes.TrimSpace(iterations[bytes.LastIndexByte(iterations, '-')+1:])
		n, counted := scaledNumber(iterations)
		if s, timed := read.Number(bytes.TrimSuffix(bytes.TrimSpace(seconds), []byte("s"))); counted && timed && n > 0 && s > 0 {
			r.ips = n / s
		}
	}
	r.percent, ok = read.Number(bytes.TrimSpace(inside))
	r.name = read.OneLine(string(before[:end]))
	return r, ok
}

// metric is the row's; a deviation that is not told, or 0 as of a single measurement, is no spread.
func (r *ipsRow) metric() Metric { return ipsMetric(r.ips, r.ips*r.percent/100) }

func ipsMetric(ips, deviation float64) Metric {
	if deviation == 0 || !read.Finite(deviation) {
		return Metric{Measure: unit.Throughput, Value: ips}
	}
	return spread(unit.Throughput, ips, deviation)
}

// blockTurns count in how many blocks of an output each name was.
type blockTurns map[string]struct{ block, n int }

// title is the name, with a number from the second block on that has it. Blocks must come in their order.
func (t blockTurns) title(name string, block int) string {
	turn, known := t[name]
	if !known || turn.block != block {
		turn.block, turn.n = block, turn.n+1
		t[name] = turn
	}
	if turn.n > 1 {
		name += " #" + strconv.Itoa(turn.n)
	}
	return name
}

// rubyDescription reports whether the line is a Ruby's own description: "ruby 3.3.11 (2026-03-26 revision 1f2d15125a) +YJIT
// [x86_64-linux]".
func rubyDescription(line []byte) bool {
	const longest = 300 // bytes
	engine, version, ok := bytes.Cut(line[:min(len(line), longest+1)], []byte(" "))
	return ok && len(line) <= longest && bytes.HasSuffix(engine, []byte("ruby")) && len(version) > 0 && read.IsDigit(version[0]) &&
		bytes.HasSuffix(line, []byte("]"))
}

// shortRuby is a description without what stands in parentheses and brackets, its revision and machine.
func shortRuby(description string) string {
	var out []byte
	depth := 0
	for i := range len(description) {
		switch c := description[i]; {
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case depth == 0:
			out = append(out, c)
		}
	}
	return string(bytes.Join(bytes.Fields(out), []byte{' '})) // what was taken out leaves a blank on each side
}

// rubyNames are how the Rubies are written in names: short where that tells them apart, and not at all where there is one.
func rubyNames(rows []ipsRow) map[string]string {
	names, short := map[string]string{}, map[string]bool{}
	for _, r := range rows {
		if _, known := names[r.ruby]; !known {
			names[r.ruby] = shortRuby(r.ruby)
			short[names[r.ruby]] = true
		}
	}
	for ruby := range names {
		switch {
		case len(names) == 1:
			names[ruby] = ""
		case len(short) < len(names):
			names[ruby] = read.OneLine(ruby)
		}
	}
	return names
}

// scaledNumber reads "23.254k": a number with a letter for its thousands.
func scaledNumber(text []byte) (float64, bool) {
	factor := 1.0
	if n := len(text); n > 1 {
		if f, ok := map[byte]float64{'k': 1e3, 'K': 1e3, 'M': 1e6, 'B': 1e9, 'G': 1e9, 'T': 1e12, 'Q': 1e15}[text[n-1]]; ok {
			text, factor = text[:n-1], f
		}
	}
	v, ok := read.GroupedNumber(text, ',')
	return v * factor, ok && read.Finite(v)
}

func parseIPS(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	if c := s.Peek(); c == '{' || c == '[' {
		n := 0
		err := s.Records(func(line int) error {
			n++
			var name string
			var ips, deviation read.Opt
			if err := s.Object(func(key []byte) error {
				switch string(key) {
				case "name":
					return s.Str(&name)
				case "ips", "central_tendency":
					return s.Opt(&ips)
				case "stddev", "ips_stddev", "error":
					return s.Opt(&deviation)
				}
				return s.Skip()
			}); err != nil {
				return err
			}
			if !ips.OK {
				g.problem(read.OneLine(name), line, "it has no ips")
				return nil
			}
			g.metric(read.OneLine(name), ipsMetric(ips.Value, deviation.Value), line)
			return nil
		})
		if err != nil {
			return Results{}, err
		}
		return g.results(opts, `%d results with "ips"`, n)
	}
	var rows []ipsRow
	ruby, block := "", 0
	var last []byte // the line before
	for line := range s.Lines() {
		if rubyDescription(line) {
			ruby = string(line)
		}
		if bytes.HasPrefix(line, []byte("Calculating ---")) {
			block++
		}
		r, ok := readIPS(line)
		if !ok {
			last = append(last[:0], line[:min(len(line), limits.BenchmarkNameBytes+1)]...)
			continue
		}
		r.ruby, r.line, r.block = ruby, s.Line(), block
		if r.name == "" {
			r.name, last = read.OneLine(string(last)), last[:0]
		}
		rows = append(rows, r)
		if err := tooManyRuns(len(rows)); err != nil {
			return Results{}, err
		}
	}
	turns := blockTurns{}
	names := rubyNames(rows)
	for _, r := range rows {
		if r.name == "" {
			g.problem("", r.line, "a rate without a name")
			continue
		}
		name := turns.title(withParameters(r.name, []read.Parameter{{Name: "", Value: names[r.ruby]}}), r.block)
		g.metric(name, r.metric(), r.line)
	}
	return g.results(opts, `%d lines with "(± …%%) i/s"`, len(rows))
}
