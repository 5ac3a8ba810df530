package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// libtest prints "test name ... bench:       1,234.56 ns/iter (+/- 78.90) = 12 MB/s" for each #[bench], and criterion prints the same with
// --output-format bencher. Numbers have commas between thousands; other harnesses write other units. What a benchmark prints itself stands
// before its line, or between the name and "bench:", on one line or on several. With -Z unstable-options --format json each event is a
// line: {"type": "bench", "name", "median", "deviation", "mib_per_second"}, of which the last is MB/s in spite of its name.
//
// Identity is the name, which is the path of the function, and before it the program where one input has the same name of several:
// "     Running unittests src/lib.rs (target/release/deps/sample-340dc6c42fd1bc08)" is a line of cargo on stderr. The value is the median.
// Its spread on both sides is for libtest the difference of largest and least, for criterion the standard deviation; neither prints
// samples. A test that failed or panicked is a problem: "test name ... FAILED", with -q "name --- FAILED".
//
// Unlike Bencher, units other than ns, throughput and failures are read.
var rustBenchTool = tool{
	name: "rust_bench", about: "libtest's #[bench], also with --format json; criterion --output-format bencher", example: `tacho run "cargo +nightly bench"`,
	measures: []string{"Latency (ns, lower)", "Bandwidth (MB/s, higher)", "other units of other harnesses"}, parameters: "the program, where one input has the same name of several",
	needles: []string{" ... bench: ", "ns/iter (+/- ", `"type": "bench"`}, hit: hitRustBench, trace: `a line has "test … bench: … /iter"`,
	parse: parseRustBench, averages: []Average{AverageMedian},
}

func hitRustBench(line []byte) int {
	var name string
	line = withoutReset(line)
	if l, ok := readRustBench(line); ok && len(l.name) > 0 || rustEvent(line, &name, &l) == "bench" {
		return 100
	}
	return 0
}

// rustLine is a line taken apart.
type rustLine struct {
	name, unit    []byte // no name: it stands above, and output of the benchmark between them
	value, spread float64
	bandwidth     read.Opt
}

func readRustBench(line []byte) (l rustLine, ok bool) {
	sep := lastIndex(line, "bench: ")
	if sep < 0 {
		return l, false
	}
	l.name = rustName(line[:sep])
	value, rest := read.NextWord(line[sep+len("bench: "):])
	l.unit, rest = read.NextWord(rest)
	if l.value, ok = read.GroupedNumber(value, ','); !ok || len(l.unit) == 0 {
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
	if l.spread, ok = read.GroupedNumber(deviation, ','); !ok {
		return l, false
	}
	if _, more, found := bytes.Cut(rest, []byte("= ")); found {
		word, _ := read.NextWord(more)
		if v, ok := read.GroupedNumber(word, ','); ok {
			l.bandwidth = read.Opt{Value: v, OK: true}
		}
	}
	return l, true
}

// rustName is the name in "test name ... ", which what was printed before may precede on the line.
func rustName(line []byte) []byte {
	if !bytes.HasPrefix(line, []byte("test ")) {
		at := bytes.Index(line, []byte("test "))
		if at < 0 {
			return nil
		}
		line = line[at:]
	}
	name, _, ok := bytes.Cut(line[len("test "):], []byte(" ... "))
	if !ok {
		return nil
	}
	return bytes.TrimSpace(name)
}

// rustEvent reads a line of --format json and returns what it tells: "bench" of a result, "failed" of a failure, or nothing.
func rustEvent(line []byte, name *string, l *rustLine) string {
	if len(line) == 0 || line[0] != '{' {
		return ""
	}
	var kind, event string
	var median, deviation read.Opt
	s := read.Borrow(line)
	defer s.Free()
	if err := s.Object(func(key []byte) error {
		switch string(key) {
		case "type":
			return s.Str(&kind)
		case "event":
			return s.Str(&event)
		case "name":
			return s.Str(name)
		case "median":
			return s.Opt(&median)
		case "deviation":
			return s.Opt(&deviation)
		case "mib_per_second":
			return s.Opt(&l.bandwidth)
		}
		return s.Skip()
	}); err != nil {
		return ""
	}
	switch {
	case kind == "bench" && median.OK && deviation.OK && *name != "":
		l.value, l.spread, l.unit = median.Value, deviation.Value, []byte("ns/iter")
		return "bench"
	case kind == "test" && (event == "failed" || event == "timeout"):
		return "failed"
	}
	return ""
}

// rustBenchRead is what the lines before have told.
type rustBenchRead struct {
	gathering
	rustPrograms
	panics  rustPanics
	pending string // a test whose name was printed and whose result was not
	began   int    // the line of it
	told    bool   // what follows repeats what was captured of tests that failed
	n       int

	s *read.Scanner
}

func parseRustBench(s *read.Scanner, opts Options) (Results, error) {
	r := rustBenchRead{s: s}
	for line := range s.Lines() {
		r.line(withoutReset(line), s.Line())
	}
	r.finish()
	r.tellPrograms()
	return r.results(opts, `%d lines with "test … bench: … /iter"`, r.n)
}

func (r *rustBenchRead) line(line []byte, number int) {
	if l, ok := readRustBench(line); ok {
		name := read.OneLine(r.s.Keep(l.name))
		if name == "" {
			name = r.pending
		}
		if name != "" {
			r.result(name, l, number)
			return
		}
	}
	if r.runs(line) {
		r.finish()
		r.told = false
		return
	}
	var event string
	var l rustLine
	switch rustEvent(line, &event, &l) {
	case "bench":
		r.result(read.OneLine(event), l, number)
		return
	case "failed":
		r.problem(read.OneLine(event), number, "it failed")
		return
	}
	if string(line) == "failures:" || bytes.HasPrefix(line, []byte("test result: ")) {
		r.finish()
		r.told = line[0] == 'f'
	}
	if r.told || r.panics.read(line, number) {
		return
	}
	if failed, ok := rustFailed(line, r.pending); ok {
		r.problem(failed, number, "it failed%s", r.panics.said(": "))
		r.panics, r.pending = rustPanics{}, ""
		return
	}
	if started := rustName(line); len(started) > 0 && bytes.HasPrefix(line, []byte("test ")) {
		r.finish()
		r.started(read.OneLine(r.s.Keep(started)), line, number)
	}
}

// result adds a result.
func (r *rustBenchRead) result(name string, l rustLine, number int) {
	r.panics.flush(&r.gathering, r.pending)
	r.pending, r.told = "", false
	r.n++
	m, factor := unit.Latency, 1.0
	if string(l.unit) != "ns/iter" { // as almost all are
		m, factor = rustMeasure(string(l.unit))
	}
	gathered := r.again(r.of(name))
	r.metric(gathered, spread(m, l.value*factor, l.spread*factor), number)
	if !l.bandwidth.OK {
		return
	}
	r.value(gathered, unit.Bandwidth, l.bandwidth.Value, number)
}

// started begins a test of which the line has no result that is understood.
func (r *rustBenchRead) started(name string, line []byte, number int) {
	_, rest, _ := bytes.Cut(line, []byte(" ... "))
	switch at := lastIndex(line, "bench: "); {
	case at >= 0 && bytes.Contains(line[at:], []byte("(+/- ")):
		r.problem(name, number, "the result %q is not understood", bytes.TrimSpace(line[at:]))
	case bytes.HasPrefix(rest, []byte("ok")), bytes.HasPrefix(rest, []byte("ignored")):
	default:
		r.pending, r.began = name, number
	}
}

// finish says that nothing follows for the test that was printed last.
func (r *rustBenchRead) finish() {
	if r.pending != "" {
		r.problem(r.pending, r.began, "it has no result%s", r.panics.said(": "))
	} else {
		r.panics.flush(&r.gathering, "")
	}
	r.panics, r.pending = rustPanics{}, ""
}

// rustMeasure is what a unit measures: times for an iteration are latency.
func rustMeasure(u string) (*unit.Measure, float64) {
	if t, ok := bytes.CutSuffix([]byte(u), []byte("/iter")); ok {
		if nanos, ok := nanosPer(string(t)); ok && (len(t) > 1 || t[0] == 's') { // a lone M is no minute
			return unit.Latency, nanos
		}
		return &unit.Measure{Name: string(t), Units: u, Direction: unit.Lower}, 1
	}
	return unit.Guess(u), 1
}

// rustFailed is the name of a test that failed: "test name ... FAILED", with -q "name --- FAILED", and FAILED alone behind what the test
// printed.
func rustFailed(line []byte, pending string) (name string, ok bool) {
	line = bytes.TrimSpace(line)
	at := bytes.Index(line, []byte("FAILED"))
	if at < 0 {
		return "", false
	}
	if rest := bytes.TrimSpace(line[at+len("FAILED"):]); len(rest) > 0 && rest[0] != '<' && rest[0] != '(' { // --report-time writes "<0.1s>"
		return "", false
	}
	before := line[:at]
	if bytes.HasPrefix(before, []byte("test ")) && bytes.HasSuffix(before, []byte(" ... ")) {
		return read.OneLine(string(rustName(before))), true
	}
	if quiet, is := bytes.CutSuffix(before, []byte(" --- ")); is && !bytes.ContainsAny(quiet, " \t") {
		return string(quiet), true
	}
	return pending, at == 0 && pending != ""
}
