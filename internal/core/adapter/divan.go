package adapter

import (
	"bytes"
	"strings"

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
// Rates of a counter, and counts and sizes of allocations, stand below their benchmark. Identity is the path through the tree, joined by "::". The value is the median between fastest and slowest, or the mean; divan prints no samples.
var divanTool = tool{
	name: "divan", about: "divan", example: `tacho run "cargo bench"`,
	measures:   []string{"Latency (ns, lower)", "Bandwidth (MB/s, higher)", "Items per Second (items/s, higher)", "Allocations, Max Allocations (allocs/op, lower)", "Allocated, Max Allocated (B/op, lower)"},
	parameters: "arguments, as the last part of the name",
	needles:    []string{"slowest       │ median"}, hit: func(line []byte) int {
		if bytes.Contains(line, []byte("fastest ")) && bytes.Contains(line, []byte("│ iters")) {
			return 100
		}
		return 0
	}, trace: "the header of divan's table",
	parse: parseDivan, averages: []Average{AverageMean, AverageMedian},
}

// divanRead is the place in the tree.
type divanRead struct {
	gathering
	opts    Options
	column  int      // where the first column begins, in characters
	path    []string // of the tree
	name    string
	section string // "alloc" and so on
	rows    int    // of it that were read
	n       int
}

func parseDivan(s *scanner, opts Options) (Results, error) {
	d := &divanRead{opts: opts, column: -1}
	for line := range s.lines() {
		if err := d.line([]rune(string(line)), s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	return d.results(opts, "divan's table, %d benchmarks", d.n), nil
}

func (d *divanRead) line(line []rune, number int) error {
	text := string(line)
	if at := strings.Index(text, "fastest "); at >= 0 && strings.Contains(text, "│ iters") {
		d.column = len([]rune(text[:at]))
		d.path, d.name = []string{strings.TrimSpace(text[:at])}, ""
		return nil
	}
	if d.column < 0 || len(line) <= d.column || !strings.Contains(text, "│") {
		if len(text) > 0 && !strings.ContainsAny(text, "│├╰") {
			d.column = -1 // the table is over
		}
		return nil
	}
	left, cells := string(line[:d.column]), strings.Split(string(line[d.column:]), "│")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	branch := strings.IndexAny(left, "├╰")
	if branch < 0 {
		return d.below(cells, number)
	}
	depth := len([]rune(left[:branch]))/3 + 1
	_, label, _ := strings.Cut(left[branch:], "─ ")
	label = oneLine(label)
	if cells[0] == "(ignored)" {
		d.name = ""
		return nil
	}
	if depth > len(d.path) {
		depth = len(d.path)
	}
	d.path = append(d.path[:depth:depth], label)
	d.name, d.section, d.rows = strings.Join(d.path, "::"), "", 0
	if len(cells) < 4 || cells[0] == "" {
		return nil // a module or a function with arguments
	}
	return d.row(unit.Latency, cells, func(cell string) (float64, bool) { return nanoseconds([]byte(cell)) }, number)
}

// below reads a row that belongs to the benchmark above it.
func (d *divanRead) below(cells []string, number int) error {
	if d.name == "" || len(cells) < 4 {
		return nil
	}
	if label, ok := strings.CutSuffix(cells[0], ":"); ok {
		d.section, d.rows = label, 0
		return nil
	}
	if d.section == "" {
		m, factor := divanRate(cells[2])
		return d.row(m, cells, factor, number)
	}
	d.rows++
	var m *unit.Measure
	read := func(cell string) (float64, bool) { return groupedNumber([]byte(cell), ',') }
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
		read = divanSize
	default:
		return nil
	}
	return d.row(m, cells, read, number)
}

func divanTitle(section string) string {
	words := strings.Fields(section)
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

// row adds median or mean between the ends of a row.
func (d *divanRead) row(m *unit.Measure, cells []string, read func(string) (float64, bool), number int) error {
	var v [4]float64
	for i := range v {
		var ok bool
		if v[i], ok = read(cells[i]); !ok {
			d.problem(d.name, number, "%s: %q is not understood", m.Name, cells[i])
			return nil
		}
	}
	if m == unit.Latency {
		d.n++
	}
	value := v[2]
	if d.opts.Average == AverageMean {
		value = v[3]
	}
	low, high := min(v[0], v[1]), max(v[0], v[1])
	return d.metric(d.name, Metric{Measure: m, Value: value, Lower: &low, Upper: &high}, number)
}

// divanRate is the measure of a rate.
func divanRate(cell string) (*unit.Measure, func(string) (float64, bool)) {
	_, u, _ := strings.Cut(cell, " ")
	if f, ok := byteFactor(strings.TrimSuffix(u, "/s")); ok && strings.HasSuffix(u, "B/s") {
		_ = f
		return unit.Bandwidth, func(cell string) (float64, bool) {
			word, u, _ := strings.Cut(cell, " ")
			v, ok := groupedNumber([]byte(word), ',')
			f, known := byteFactor(strings.TrimSuffix(u, "/s"))
			return v * f * 1e-6, ok && known
		}
	}
	return itemsPerSecond, func(cell string) (float64, bool) {
		word, u, _ := strings.Cut(cell, " ")
		v, ok := groupedNumber([]byte(word), ',')
		if len(u) > 0 {
			if f, known := map[byte]float64{'K': 1e3, 'M': 1e6, 'G': 1e9, 'T': 1e12}[u[0]]; known {
				v *= f
			}
		}
		return v, ok
	}
}

func divanSize(cell string) (float64, bool) {
	word, u, _ := strings.Cut(cell, " ")
	v, ok := groupedNumber([]byte(word), ',')
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
	case "KiB", "Ki":
		return 1 << 10, true
	case "MiB", "Mi":
		return 1 << 20, true
	case "GiB", "Gi":
		return 1 << 30, true
	case "TiB", "Ti":
		return 1 << 40, true
	}
	return 0, false
}
