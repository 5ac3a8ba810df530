package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// Ruby's Benchmark.bm prints a header "user     system      total        real" and rows "label  0.012345   0.000000   0.012345 (  0.012399)", in seconds. bmbm prints two tables: a rehearsal between lines of dashes, which counts as
// warm-up, and the one that counts.
//
// Identity is the label. The value is the real time; a label that comes again, as in several runs behind each other, gives samples.
//
// Unlike Bencher, user and system time are kept, and a rehearsal is left out.
var rubyBenchmarkTool = tool{
	name: "ruby_benchmark", about: "Ruby's Benchmark.bm and bmbm", example: `tacho run "ruby bench.rb"`,
	measures: []string{"Latency (ns, lower)", "User Time (ns, lower)", "System Time (ns, lower)"}, samples: "each row of the same label",
	needles: []string{" system      total        real"}, hit: func(line []byte) int {
		if bytes.Contains(line, []byte("user ")) {
			return 100
		}
		return 0
	}, trace: "the header of Ruby's Benchmark",
	parse: parseRubyBenchmark, averages: []Average{AverageMean, AverageMedian},
}

func parseRubyBenchmark(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	inTable, rehearsal := false, false
	for line := range s.lines() {
		switch {
		case bytes.HasPrefix(line, []byte("Rehearsal ---")):
			rehearsal, inTable = true, true
			continue
		case rehearsal && bytes.HasPrefix(line, []byte("---")):
			rehearsal, inTable = false, false
			continue
		case bytes.Contains(line, []byte(" system      total        real")):
			inTable = true
			continue
		}
		name, times, ok := readRubyRow(line)
		if !inTable || rehearsal || !ok {
			continue
		}
		n++
		for i, m := range []*unit.Measure{unit.UserTime, unit.SystemTime, nil, unit.Latency} {
			if m == nil {
				continue // user and system, once more
			}
			if err := g.value(name, m, times[i]*1e9, s.lineNumber); err != nil {
				return Results{}, err
			}
		}
	}
	return g.results(opts, "%d rows of Ruby's Benchmark", n), nil
}

// readRubyRow reads a row: a label, three times, and one in parentheses.
func readRubyRow(line []byte) (name string, times [4]float64, ok bool) {
	before, real, found := bytes.Cut(line, []byte("("))
	for found && bytes.IndexByte(real, '(') >= 0 { // the label has one
		at := bytes.LastIndexByte(line, '(')
		before, real = line[:at], line[at+1:]
	}
	if !found || !bytes.HasSuffix(bytes.TrimRight(real, " "), []byte(")")) {
		return "", times, false
	}
	if times[3], ok = number(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimRight(real, " "), []byte(")")))); !ok {
		return "", times, false
	}
	before = bytes.TrimRight(before, " ")
	for i := 2; i >= 0; i-- {
		at := bytes.LastIndexByte(before, ' ') + 1
		if times[i], ok = number(before[at:]); !ok {
			return "", times, false
		}
		before = bytes.TrimRight(before[:at], " ")
	}
	if name = oneLine(string(before)); name == "" {
		name = "real"
	}
	return name, times, true
}
