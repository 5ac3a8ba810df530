package adapter

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// divan prints a tree of modules, functions and arguments, with the columns fastest, slowest, median, mean, samples and iters:
//
//	sample         fastest       │ slowest       │ median        │ mean          │ samples │ iters
//	├─ words                     │               │               │               │         │
//	│  ├─ 10       177.2 ns      │ 1.123 µs      │ 181.2 ns      │ 192 ns        │ 100     │ 1600
//	│  │           902.9 MB/s    │ …
//	│  │           max alloc:    │
//	│  │             1           │ …
//	│  │             160 B       │ …
//
// Rates of counters, and counts and sizes of allocations, stand below their benchmark. The first column begins where the header's does,
// but farther right on the line of a name that is wider than divan foresaw, as those of threads may be. What a benchmark prints, and its
// panic, stand behind its name, whose row then follows on a line of its own.
//
// Identity is the path through the tree, joined by "::", and before it the program where one input has the same path of several. The value
// is the median between fastest and slowest, or the mean; divan prints no samples. A benchmark without a row is a problem.
var divanTool = tool{
	name: "divan", about: "divan", example: `tacho run "cargo bench"`,
	measures: []string{"Latency (ns, lower)", "Bandwidth (MB/s, higher)", "Items per Second (items/s, higher)", "Characters per Second (char/s, higher)", "Cycles per Second (Hz, higher)",
		"Allocations, Max Alloc Count, Dealloc Count, Grow Count, Shrink Count (allocs/op, lower)", "Allocated, Max Alloc Size, Dealloc Size, Grow Size, Shrink Size (B/op, lower)"},
	parameters: "arguments, types, constants and threads, as the last parts of the name; the program, where one input has the same name of several",
	needles:    []string{"slowest       │ median"}, hit: func(line []byte) int {
		if bytes.Contains(line, []byte("fastest ")) && bytes.Contains(line, []byte("│ iters")) {
			return 100
		}
		return 0
	}, trace: "the header of divan's table",
	parse: parseDivan, averages: []Average{AverageMean, AverageMedian},
}

// divanColumns are fastest, slowest, median, mean, samples and iters.
const divanColumns = 6

// divanRead is the place in the tree.
type divanRead struct {
	gathering
	rustPrograms
	panics  rustPanics
	opts    Options
	header  string   // until a row has told what stands before both: a log, or an indentation
	column  int      // where the first column begins, in characters
	before  int      // how many characters stand before each line
	path    []string // of the tree
	name    string
	key     string // as it is gathered
	waits   int    // the line of the name whose row has not come; 0: it has
	section string // "alloc" and so on
	rows    int    // of it that were read
	n       int

	s *read.Scanner
}

func parseDivan(s *read.Scanner, opts Options) (Results, error) {
	d := &divanRead{opts: opts, column: -1, s: s}
	for line := range s.Lines() {
		d.line(line, s.Line())
	}
	d.finish()
	d.tellPrograms()
	return d.results(opts, "divan's table, %d benchmarks", d.n)
}

func (d *divanRead) line(line []byte, number int) {
	text := d.s.Keep(line)
	if at := strings.Index(text, "fastest "); at >= 0 && strings.Contains(text, "│ iters") {
		d.finish()
		d.column = utf8.RuneCountInString(text[:at])
		d.path, d.name = []string{strings.TrimSpace(text[:at])}, ""
		d.header, d.before = text[:at], 0
		return
	}
	if d.runs(line) || d.column < 0 {
		return
	}
	at := max(strings.Index(text, "├─ "), strings.Index(text, "╰─ "))
	var room [16]string
	if at < 0 {
		if cells := read.Split(room[:0], text, "│"); len(cells) >= divanColumns {
			d.below(cells[len(cells)-divanColumns:], number)
			return
		}
		if d.panics.read(line, number); text == "" && d.waits == 0 {
			d.name = "" // no row of it follows, if a table does it is another tool's
		}
		return
	}
	d.finish()
	d.aligned(text[:at])
	cells := read.Split(room[:0], text[at+len("├─ "):], "│")
	const step = 3 // characters for each level
	indent := max(0, utf8.RuneCountInString(text[:at])-d.before)
	depth := min(indent/step+1, len(d.path))
	var label string
	label, cells[0] = divanLabel(cells[0], d.column-indent-step)
	d.path = append(d.path[:depth:depth], read.OneLine(label))
	d.name, d.section, d.rows = strings.Join(d.path, "::"), "", 0
	switch first := strings.TrimSpace(cells[0]); {
	case first == "(ignored)":
		d.name = ""
	case len(cells) < divanColumns:
		d.waits = number
		d.panics.read([]byte(cells[0]), number)
	case first != "": // else it is a module, or a function with arguments
		d.latency(cells, number)
		return
	}
}

// aligned takes what stands before the first row for what stands before all lines, if it stands before the header too.
func (d *divanRead) aligned(before string) {
	root, ok := strings.CutPrefix(d.header, before)
	if d.header != "" && ok && strings.TrimSpace(root) != "" {
		d.before = utf8.RuneCountInString(before)
		d.path = []string{strings.TrimSpace(root)}
		d.column -= d.before
	}
	d.header = ""
}

// finish says that nothing follows for the benchmark.
func (d *divanRead) finish() {
	if d.waits > 0 {
		d.problem(d.name, d.waits, "it has no result%s", d.panics.said(": "))
	} else {
		d.panics.flush(&d.gathering, d.name)
	}
	d.panics, d.waits = rustPanics{}, 0
}

// divanLabel parts a name from the first cell behind it, which begins at the column unless the name is too wide; two spaces are between
// them.
func divanLabel(text string, column int) (label, cell string) {
	n := 0
	for at := range text {
		if n == column && strings.HasSuffix(text[:at], "  ") {
			return text[:at], text[at:]
		}
		n++
	}
	trimmed := strings.TrimRight(text, " ")
	if at := strings.LastIndex(trimmed, "  "); at >= 0 {
		return trimmed[:at], trimmed[at:]
	}
	return trimmed, ""
}

// below reads a row that belongs to the benchmark above it.
func (d *divanRead) below(cells []string, number int) {
	if d.name == "" {
		return
	}
	if d.waits > 0 {
		d.latency(cells, number)
		return
	}
	if label, ok := strings.CutSuffix(strings.TrimSpace(cells[0]), ":"); ok {
		d.section, d.rows = label, 0
		return
	}
	if d.section == "" {
		m, factor := divanRate(strings.TrimSpace(cells[2]))
		d.row(m, cells, factor, number)
		return
	}
	d.rows++
	var m *unit.Measure
	readCell := func(cell string) (float64, bool) { return read.GroupedNumber([]byte(cell), ',') }
	switch what := d.section; {
	case d.rows == 1:
		m = &unit.Measure{Name: divanTitle(what) + " Count", Units: unit.AllocsPerOp, Direction: unit.Lower}
		if what == "alloc" {
			m = unit.Allocations
		}
	case d.rows == 2:
		m = &unit.Measure{Name: divanTitle(what) + " Size", Units: unit.BytesPerOp, Direction: unit.Lower}
		if what == "alloc" {
			m = unit.Allocated
		}
		readCell = divanSize
	default:
		return
	}
	d.row(m, cells, readCell, number)
}

func divanTitle(section string) string {
	words := strings.Fields(section)
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

// latency reads the row of a benchmark's times.
func (d *divanRead) latency(cells []string, number int) {
	d.waits = 0
	d.n++
	d.key = d.again(d.of(d.name))
	d.row(unit.Latency, cells, func(cell string) (float64, bool) {
		if days, ok := strings.CutSuffix(cell, " d"); ok {
			v, ok := read.GroupedNumber([]byte(days), ',')
			return v * 86400e9, ok
		}
		return nanoseconds([]byte(cell))
	}, number)
}

// row adds median or mean between the ends of a row. An end that cannot be read, because the benchmark printed before it or nothing was
// measured, is left out.
func (d *divanRead) row(m *unit.Measure, cells []string, readCell func(string) (float64, bool), number int) {
	var v [4]read.Opt
	for i := range v {
		v[i].Value, v[i].OK = readCell(strings.TrimSpace(cells[i]))
	}
	value, cell := v[2], cells[2]
	if d.opts.Average == AverageMean {
		value, cell = v[3], cells[3]
	}
	if !value.OK {
		d.problem(d.name, number, "%s: %q is not understood", m.Name, strings.TrimSpace(cell))
		return
	}
	out := Metric{Measure: m, Value: value.Value}
	if v[0].OK && v[1].OK && read.Finite(v[0].Value) && read.Finite(v[1].Value) {
		low, high := min(v[0].Value, v[1].Value), max(v[0].Value, v[1].Value)
		out.Lower, out.Upper = &low, &high
	}
	d.metric(d.key, out, number)
}

// divanRates are the measures of counters, by what stands behind the prefix of their unit.
var divanRates = map[string]*unit.Measure{
	"B/s":    unit.Bandwidth,
	"item/s": itemsPerSecond,
	"char/s": {Name: "Characters per Second", Slug: "characters-per-second", Units: "characters / second (char/s)", Direction: unit.Higher},
	"Hz":     {Name: "Cycles per Second", Slug: "cycles-per-second", Units: "hertz (Hz)", Direction: unit.Higher},
}

// divanRate is the measure of a rate.
func divanRate(cell string) (*unit.Measure, func(string) (float64, bool)) {
	kind := func(cell string) (v float64, base string, ok bool) {
		word, u, _ := strings.Cut(cell, " ")
		v, ok = read.GroupedNumber([]byte(word), ',')
		for base = range divanRates {
			if prefix, is := strings.CutSuffix(u, base); is {
				factor, known := byteFactor(prefix + "B")
				return v * factor, base, ok && known
			}
		}
		return 0, u, false
	}
	_, base, ok := kind(cell)
	m := divanRates[base]
	if !ok {
		m = &unit.Measure{Name: "the rate"}
	}
	return m, func(cell string) (float64, bool) {
		v, its, ok := kind(cell)
		if m == unit.Bandwidth {
			v *= 1e-6
		}
		return v, ok && its == base
	}
}

func divanSize(cell string) (float64, bool) {
	word, u, _ := strings.Cut(cell, " ")
	v, ok := read.GroupedNumber([]byte(word), ',')
	f, known := byteFactor(u)
	return v * f, ok && known
}

// byteFactor is how many bytes a unit of size has.
func byteFactor(u string) (float64, bool) {
	switch u {
	case "B", "b":
		return 1, true
	case "KB", "kB", "K":
		return 1e3, true
	case "MB", "M":
		return 1e6, true
	case "GB", "G":
		return 1e9, true
	case "TB", "T":
		return 1e12, true
	case "PB", "P":
		return 1e15, true
	case "KiB", "Ki":
		return 1 << 10, true
	case "MiB", "Mi":
		return 1 << 20, true
	case "GiB", "Gi":
		return 1 << 30, true
	case "TiB", "Ti":
		return 1 << 40, true
	case "PiB", "Pi":
		return 1 << 50, true
	}
	return 0, false
}
