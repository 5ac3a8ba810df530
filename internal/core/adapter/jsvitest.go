package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// vitest bench --outputJson writes {"files": [{"filepath", "groups": [{"fullName", "benchmarks": [{"name", "rank", "rme", "samples", "hz",
// "mean", "sd", "median", "min", "max", "p75", "p99", "p995", "p999"}]}]}]}; times are milliseconds, and "samples" is empty unless they
// are asked for. What did not run has no mean. It prints a table for each group, below "✓ a.bench.ts > group 413ms": "name hz min max
// mean p75 p99 p995 p999 rme samples" and rows "· join  12,549,234.31  0.0001 …". Milliseconds with four decimals say little of what is
// fast: below one the latency is taken from hz, and of the other times those from 0.01 ms on. A table may be printed again.
//
// Identity is the group's full name, which begins with the file, and the benchmark's. The value of latency is the mean and its standard
// deviation, or the median between least and largest; of throughput hz with its margin of error.
//
// Unlike Bencher, percentiles and samples are kept.
var jsVitestTool = tool{
	name: "js_vitest", about: "vitest bench, --outputJson or what it prints", example: `tacho run --file bench.json "npx vitest bench --run --outputJson bench.json"`,
	measures: []string{"Latency (ns, lower)", "Throughput (ops/s, higher)", "Latency min, max, p75, p99, p99.5, p99.9 (ns, lower)"},
	samples:  "each call, with benchmark.includeSamples",
	signs:    []sign{{jsonForm, []string{"files[].groups[].benchmarks[].hz"}, 100, `"files", "groups" and "benchmarks" with "hz"`}},
	needles:  []string{"rme  ", "rme\x1b[22m"}, hit: hitVitest, trace: "the header of vitest's tables",
	parse: parseVitest, averages: []Average{AverageMean, AverageMedian},
}

func parseVitest(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	if c := s.Peek(); c != '{' && c != 0 {
		err := g.vitestText(s, &n)
		if n > 0 && opts.Average == AverageMedian {
			g.problem("", 0, "what vitest prints has no medians; the values are means")
		}
		if err != nil {
			return Results{}, err
		}
		return g.results(opts, `%d rows of vitest's tables`, n)
	}
	group := func() error {
		var full string
		return s.Members(func(key []byte) error {
			switch string(key) {
			case "fullName":
				return s.Str(&full)
			case "benchmarks":
				return s.Each(func() error {
					n++
					line, _ := s.Position()
					var name string
					var t timing
					if err := s.Members(func(key []byte) error {
						if string(key) == "name" {
							return s.Str(&name)
						}
						return t.member(s, key)
					}); err != nil {
						return err
					}
					t.add(&g, joinNames(" > ", full, name), 1e6, opts.Average, line)
					return nil
				})
			}
			return s.Skip()
		})
	}
	err := s.Object(func(key []byte) error {
		if string(key) != "files" {
			return s.Skip()
		}
		return s.Each(func() error {
			return s.Members(func(key []byte) error {
				if string(key) == "groups" {
					return s.Each(group)
				}
				return s.Skip()
			})
		})
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, `"files" and "groups" with %d "benchmarks"`, n)
}

// vitestColumns are those of a printed table.
var vitestColumns = []string{"hz", "min", "max", "mean", "p75", "p99", "p995", "p999", "rme", "samples"}

func hitVitest(line []byte) int {
	if words := strings.Fields(string(line)); len(words) > 1 && words[0] == "name" && slices.Equal(words[1:], vitestColumns) {
		return 95
	}
	return 0
}

// vitestText reads the tables.
func (g *gathering) vitestText(s *read.Scanner, n *int) error {
	group := ""
	seen := nameSet{}
	for line := range s.Lines() {
		line = bytes.TrimSpace(line)
		if heading, ok := bytes.CutPrefix(line, []byte("✓ ")); ok {
			group = vitestGroup(string(heading))
			continue
		}
		text, ok := bytes.CutPrefix(line, []byte("· "))
		if !ok || !bytes.Contains(text, []byte(" ±")) {
			continue
		}
		row := string(text)
		if !seen.add(group + "\n" + row) {
			continue
		}
		if *n++; *n > limits.BenchmarksPerIteration {
			return tooManyBenchmarks()
		}
		g.vitestRow(group, row, s.Line())
	}
	return nil
}

// vitestGroup is the name in "a.bench.ts > group 413ms".
func vitestGroup(heading string) string {
	if at := strings.LastIndexByte(heading, ' '); at > 0 {
		if _, ok := nanoseconds([]byte(heading[at+1:])); ok {
			return heading[:at]
		}
	}
	return heading
}

// vitestRow reads "join  12,549,234.31  0.0001  0.3614 … ±3.73%  250985   fastest".
func (g *gathering) vitestRow(group, row string, line int) {
	values, rest, _ := strings.Cut(row, " ±")
	var cells [8]read.Opt // hz to p999, cut off from behind because a name may hold anything
	for i := len(cells) - 1; i >= 0; i-- {
		values = strings.TrimRight(values, " ")
		at := strings.LastIndexByte(values, ' ')
		v, ok := read.GroupedNumber([]byte(values[at+1:]), ',')
		if cells[i] = (read.Opt{Value: v, OK: ok && read.Finite(v)}); at < 0 {
			return
		}
		values = values[:at]
	}
	name := joinNames(" > ", group, values)
	percent, rest, _ := strings.Cut(rest, "%")
	hz := cells[0]
	if calls := firstNumber([]byte(rest)); !hz.OK || hz.Value <= 0 || calls.OK && calls.Value == 0 {
		g.problem(name, line, "it has no mean: it failed or did not run")
		return
	}
	mean := cells[3].Times(1e6)
	if !mean.OK || mean.Value < 1e6 { // of what is fast hz has more digits
		mean.Value = 1e9 / hz.Value
	}
	g.value(name, unit.Latency, mean.Value, line)
	margin, _ := read.GroupedNumber([]byte(percent), ',')
	g.metric(name, spread(unit.Throughput, hz.Value, hz.Value*margin/100), line)
	for i, point := range []string{1: "min", 2: "max", 4: "p75", 5: "p99", 6: "p99.5", 7: "p99.9"} {
		if point == "" || !cells[i].OK || cells[i].Value < 0.01 {
			continue
		}
		g.value(name, latencyAt(point), cells[i].Value*1e6, line)
	}
}
