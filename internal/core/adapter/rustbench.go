package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/unit"
)

// libtest prints "test name ... bench:       1,234.56 ns/iter (+/- 78.90) = 12 MB/s" for each #[bench], and criterion prints the same with --output-format bencher. Numbers have commas between thousands; other harnesses write other units.
//
// Identity is the name, which is the path of the function. The value is libtest's median with the difference of its largest and least as spread on both sides; libtest prints no samples. A test that panicked is a
// problem: "test name ... FAILED".
//
// Unlike Bencher, units other than ns, throughput and failures are read.
var rustBenchTool = tool{
	name: "rust_bench", about: "libtest's #[bench], criterion --output-format bencher", example: `tacho run "cargo +nightly bench"`,
	measures: []string{"Latency (ns, lower)", "Bandwidth (MB/s, higher)", "other units of other harnesses"}, samples: "each line of the same name",
	needles: []string{" ... bench: "}, hit: hitRustBench, trace: `a line has "test … bench: … /iter"`,
	parse: parseRustBench, averages: []Average{AverageMedian},
}

func hitRustBench(line []byte) int {
	if _, ok := readRustBench(line); ok {
		return 100
	}
	return 0
}

// rustLine is a line taken apart.
type rustLine struct {
	name, unit    []byte
	value, spread float64
	bandwidth     opt
}

func readRustBench(line []byte) (l rustLine, ok bool) {
	at := bytes.Index(line, []byte("test "))
	sep := bytes.Index(line, []byte(" ... bench: "))
	if at < 0 || sep < at+len("test ") {
		return l, false
	}
	l.name = bytes.TrimSpace(line[at+len("test ") : sep])
	rest := line[sep+len(" ... bench: "):]
	value, rest := nextWord(rest)
	l.unit, rest = nextWord(rest)
	if l.value, ok = groupedNumber(value, ','); !ok || len(l.unit) == 0 || len(l.name) == 0 {
		return l, false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte("(+/- "))
	if !ok {
		return l, false
	}
	deviation, rest, ok := bytes.Cut(rest, []byte(")"))
	if !ok {
		return l, false
	}
	if l.spread, ok = groupedNumber(deviation, ','); !ok {
		return l, false
	}
	if _, more, found := bytes.Cut(rest, []byte("= ")); found {
		word, _ := nextWord(more)
		if v, ok := groupedNumber(word, ','); ok {
			l.bandwidth = opt{v, true}
		}
	}
	return l, true
}

func parseRustBench(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	for line := range s.lines() {
		l, ok := readRustBench(line)
		if !ok {
			if name, failed := rustFailed(line); failed {
				g.problem(name, s.lineNumber, "it failed")
			}
			continue
		}
		n++
		name := oneLine(string(l.name))
		m, factor := unit.Latency, 1.0
		if string(l.unit) != "ns/iter" { // as almost all are
			m, factor = rustMeasure(string(l.unit))
		}
		if err := g.metric(name, spread(m, l.value*factor, l.spread*factor), s.lineNumber); err != nil {
			return Results{}, err
		}
		if err := g.optional(name, s.lineNumber, []optional{{unit.Bandwidth, l.bandwidth}}); err != nil {
			return Results{}, err
		}
	}
	return g.results(opts, `%d lines with "test … bench: … /iter"`, n), nil
}

// rustMeasure is what a unit measures: times for an iteration are latency.
func rustMeasure(u string) (*unit.Measure, float64) {
	if t, ok := bytes.CutSuffix([]byte(u), []byte("/iter")); ok {
		if nanos, ok := nanosPer(string(t)); ok {
			return unit.Latency, nanos
		}
		return &unit.Measure{Name: string(t), Units: u, Direction: unit.Lower}, 1
	}
	return unit.Guess(u), 1
}

// rustFailed is the name of a test that failed.
func rustFailed(line []byte) (name string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("test "))
	if !ok {
		return "", false
	}
	word, ok := bytes.CutSuffix(bytes.TrimSpace(rest), []byte(" ... FAILED"))
	return oneLine(string(word)), ok
}
