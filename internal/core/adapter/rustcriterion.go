package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// criterion prints "name                time:   [205.95 ns 206.80 ns 207.66 ns]" for each benchmark: the estimate between the bounds of
// its confidence interval. A name that is longer than the column stands on the line above. Where a throughput was declared
// "thrpt:  [870.34 MiB/s 893.46 MiB/s 938.78 MiB/s]" follows, twice for one of elements and bytes. Lines of "change:", and the times and
// throughputs below them, compare with an earlier run. A custom measurement writes its own units, which stand in these lines too. On
// stderr "Benchmarking name" goes before, and tells the name where output of the benchmark mixes with the lines.
//
// Identity is the name, group/function/parameter, and before it the program where one input has the same name of several. criterion prints
// no samples; cargo_criterion reads those. A panic ends the program: a problem.
//
// Unlike Bencher, throughput and custom measurements are kept, and percentages below "change:" are never taken for results.
var rustCriterionTool = tool{
	name: "rust_criterion", about: "criterion", example: `tacho run "cargo bench"`,
	measures:   []string{"Latency (ns, lower)", "Bandwidth (MB/s, higher)", "Elements per Second (elem/s, higher)", "a custom measurement in its unit (lower)"},
	parameters: "as they stand in the name; the program, where one input has the same name of several",
	needles:    []string{"time:   ["}, hit: hitCriterion, trace: `a line has "time: [low estimate high]"`,
	parse: parseCriterion, averages: []Average{AverageMean},
}

var elementsPerSecond = &unit.Measure{Name: "Elements per Second", Slug: "elements-per-second", Units: "elements / second (elem/s)", Direction: unit.Higher}

func hitCriterion(line []byte) int {
	if _, values, ok := readCriterion(nil, line, "time:"); ok && values[0].unit != "%" {
		return 100
	}
	return 0
}

// estimate is a number with its unit.
type estimate struct {
	v    float64
	unit string
}

// readCriterion reads "name  time:   [1 ns 2 ns 3 ns]".
func readCriterion(s *read.Scanner, line []byte, what string) (name []byte, values [3]estimate, ok bool) {
	if bytes.IndexByte(line, '[') < 0 { // as almost none has it
		return nil, values, false
	}
	at := lastIndex(line, what)
	if at < 0 {
		return nil, values, false
	}
	inside, ok := bytes.CutPrefix(bytes.TrimLeft(line[at+len(what):], " "), []byte("["))
	if !ok {
		return nil, values, false
	}
	inside, _, ok = bytes.Cut(inside, []byte("]"))
	if !ok {
		return nil, values, false
	}
	var room [16][]byte
	words := read.Words(room[:0], inside)
	if len(words) == 3 && bytes.HasSuffix(words[0], []byte("%")) {
		return nil, [3]estimate{{unit: "%"}}, true
	}
	of := len(words) / len(values) // words for each: a number and its unit
	if of < 2 || len(words) != of*len(values) {
		return nil, values, false
	}
	for i := range values {
		v, good := read.Number(words[of*i])
		if !good {
			return nil, values, false
		}
		u := words[of*i+1]
		if of > 2 {
			u = bytes.Join(words[of*i+1:of*(i+1)], []byte(" "))
		}
		values[i] = estimate{v, read.Kept(s, u)}
	}
	return bytes.TrimSpace(line[:at]), values, true
}

// criterionColumn is the longest name that does not stand on a line of its own.
const criterionColumn = 23

// criterionSteps stand behind the name of the benchmark that runs.
var criterionSteps = []string{": Warming up for ", ": Collecting ", ": Analyzing", ": Profiling for "}

// criterionRead is what the lines before have told.
type criterionRead struct {
	gathering
	rustPrograms
	panics  rustPanics
	started string // the benchmark that runs, as stderr tells it
	above   string // the line above
	name    string // as it is gathered, whose throughput may follow
	n       int

	s *read.Scanner
}

func parseCriterion(s *read.Scanner, opts Options) (Results, error) {
	c := criterionRead{s: s}
	for line := range s.Lines() {
		c.line(line, s.Line())
	}
	c.panics.flush(&c.gathering, c.started)
	c.tellPrograms()
	return c.results(opts, `%d lines with "time: [low estimate high]"`, c.n)
}

func (c *criterionRead) line(line []byte, number int) {
	if inLine, values, ok := readCriterion(c.s, line, "time:"); ok {
		if values[0].unit == "%" {
			c.name = "" // a comparison: what follows belongs to it
			return
		}
		name := read.OneLine(c.s.Keep(inLine))
		if name == "" {
			name = c.above
			if len(c.above) <= criterionColumn && c.started != "" {
				name = c.started
			}
		}
		if c.started != "" && strings.HasSuffix(name, c.started) {
			name = c.started // and before it what the benchmark printed
		}
		c.panics.flush(&c.gathering, "")
		c.name, c.started = c.again(c.of(name)), ""
		c.n++
		m, factor := criterionTime(values[1].unit)
		c.criterion(c.name, m, values, factor, number)
		return
	}
	if _, values, ok := readCriterion(c.s, line, "thrpt:"); ok {
		if c.name == "" || values[0].unit == "%" {
			return
		}
		m, factor := criterionRate(values[1].unit)
		c.criterion(c.name, m, values, factor, number)
		return
	}
	if at := bytes.IndexByte(line, '['); at < 0 {
	} else if at := lastIndex(line, "time:   ["); at >= 0 {
		name, _, _ := strings.Cut(string(line), "time:   [")
		c.problem(read.OneLine(name), number, "%q is not understood", line[at:])
		return
	}
	if c.runs(line) {
		c.panics.flush(&c.gathering, c.started)
		c.started, c.name, c.above = "", "", ""
		return
	}
	text := bytes.TrimSpace(line)
	switch rest, started := bytes.CutPrefix(text, []byte("Benchmarking ")); {
	case started:
		for _, what := range criterionSteps {
			if at := lastIndex(rest, what); at > 0 {
				rest = rest[:at]
			}
		}
		c.started = read.OneLine(c.s.Keep(rest))
	case bytes.HasPrefix(text, []byte("change:")):
		c.name = ""
	case len(text) > 0 && !c.panics.read(line, number):
		c.above = read.OneLine(c.s.Keep(text))
	}
}

// criterion adds an estimate with its bounds, each in its own unit. The bounds of a cost for each byte stand the other way round.
func (g *gathering) criterion(name string, m *unit.Measure, values [3]estimate, factor func(string) (float64, bool), line int) {
	var v [3]float64
	for i, e := range values {
		f, ok := factor(e.unit)
		if !ok {
			_, bare := programOf(name)
			g.problem(bare, line, "the unit %q beside %q is not known", e.unit, values[1].unit)
			return
		}
		v[i] = e.v * f
	}
	ends := &[2]float64{min(v[0], v[2]), max(v[0], v[2])}
	g.metric(name, Metric{Measure: m, Value: v[1], Lower: &ends[0], Upper: &ends[1]}, line)
}

// The factors of criterion's units.
var (
	criterionTimes = map[string]float64{"ps": 1e-3, "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9}
	criterionBytes = map[string]float64{
		"B/s": 1e-6, "KiB/s": 1024e-6, "MiB/s": 1.048576, "GiB/s": 1073.741824, "TiB/s": 1099511.627776, "KB/s": 1e-3, "MB/s": 1, "GB/s": 1e3, "TB/s": 1e6,
		"b/s": 1e-6 / 8, "Kb/s": 1e-3 / 8, "Mb/s": 1. / 8, "Gb/s": 1e3 / 8, "Tb/s": 1e6 / 8,
	}
	criterionElements = map[string]float64{"elem/s": 1, "Kelem/s": 1e3, "Melem/s": 1e6, "Gelem/s": 1e9, "Telem/s": 1e12}
)

// criterionTime is what a unit behind "time:" measures, and the factor of each unit of its kind. A custom measurement is a cost: criterion
// calls its rise a regression.
func criterionTime(u string) (*unit.Measure, func(string) (float64, bool)) {
	scale := criterionTimes
	m := unit.Latency
	if _, isTime := scale[u]; !isTime {
		scale = map[string]float64{u: 1}
		m = &unit.Measure{Name: u, Units: u, Direction: unit.Lower}
	}
	return m, func(u string) (float64, bool) {
		f, ok := scale[u]
		return f, ok
	}
}

// criterionRate is the measure of a throughput's unit, and the factor of each unit of its kind.
func criterionRate(u string) (*unit.Measure, func(string) (float64, bool)) {
	scale := criterionBytes
	m := unit.Bandwidth
	if strings.HasSuffix(u, "elem/s") {
		scale = criterionElements
		m = elementsPerSecond
	}
	if _, known := scale[u]; !known { // of a custom measurement
		scale = map[string]float64{u: 1}
		m = unit.Guess(u)
	}
	return m, func(u string) (float64, bool) {
		f, ok := scale[u]
		return f, ok
	}
}
