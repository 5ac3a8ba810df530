package adapter

import (
	"bytes"
	"math"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Ruby's Benchmark.bm prints a header "user     system      total        real" and rows "label  0.012345   0.000000   0.012345
// (  0.012399)", in seconds. bmbm prints two tables: a rehearsal between lines of dashes, which counts as warm-up, and the one that
// counts. From 100 seconds on a label that is wider than its column touches the user time, which is told from it by the total.
//
// Identity is the label, with a number where a further table has it too: scripts measure the same for several inputs. The value is the
// real time; a label that comes again in its table gives samples.
//
// Unlike Bencher, user and system time are kept, a rehearsal is left out, and further tables are told apart.
var rubyBenchmarkTool = tool{
	name: "ruby_benchmark", about: "Ruby's Benchmark.bm and bmbm", example: `tacho run "ruby bench.rb"`,
	measures: []string{"Latency (ns, lower)", "User Time (ns, lower)", "System Time (ns, lower)"}, samples: "each row of the same label in a table",
	needles: []string{" system      total        real"}, hit: func(line []byte) int {
		if bytes.Contains(line, []byte("user ")) {
			return 100
		}
		return 0
	}, trace: "the header of Ruby's Benchmark",
	parse: parseRubyBenchmark, averages: []Average{AverageMean, AverageMedian},
}

func parseRubyBenchmark(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	inTable, rehearsal, tables, turns := false, false, 0, blockTurns{}
	for line := range s.Lines() {
		switch {
		case bytes.HasPrefix(line, []byte("Rehearsal ---")):
			rehearsal, inTable = true, true
			continue
		case rehearsal && bytes.HasPrefix(line, []byte("---")):
			rehearsal, inTable = false, false
			continue
		case bytes.Contains(line, []byte(" system      total        real")):
			inTable = true
			tables++
			continue
		}
		name, times, ok := readRubyRow(line)
		if !inTable || rehearsal || !ok {
			continue
		}
		n++
		name = turns.title(name, tables)
		for i, m := range []*unit.Measure{unit.UserTime, unit.SystemTime, nil, unit.Latency} {
			if m == nil {
				continue // user and system, once more
			}
			g.value(name, m, times[i]*1e9, s.Line())
		}
	}
	return g.results(opts, "%d rows of Ruby's Benchmark", n)
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
	if times[3], ok = read.Number(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimRight(real, " "), []byte(")")))); !ok {
		return "", times, false
	}
	before = bytes.TrimRight(before, " ")
	for i := 2; i >= 0; i-- {
		at := bytes.LastIndexByte(before, ' ') + 1
		if i == 0 {
			at += touching(before[at:], times[2]-times[1])
		}
		if times[i], ok = read.Number(before[at:]); !ok {
			return "", times, false
		}
		before = bytes.TrimRight(before[:at], " ")
	}
	if name = read.OneLine(string(before)); name == "" {
		name = "real"
	}
	return name, times, true
}

// touching is where in a word a number begins to which a label was written without a space: it has six decimals and no blank before it,
// and is about as much as is wanted.
func touching(word []byte, want float64) int {
	const narrow = len("100.000000") // what is shorter has a space before it
	for at := len(word) - narrow; at > 0 && (read.IsDigit(word[at]) || word[at] == '.'); at-- {
		if v, ok := read.Number(word[at:]); ok && read.IsDigit(word[at]) && math.Abs(v-want) < 1e-5 {
			return at
		}
	}
	return 0
}
