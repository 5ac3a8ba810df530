package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// asv run prints "[ 50.00%] ··· module.Class.time_name        165±3ms" for each benchmark; one with parameters prints "ok", or how many failed, and below it a table whose first columns are parameters and whose other columns are the
// values of the last parameter. time_ has a unit of time, mem_ and peakmem_ a number with k, M or G, track_ a plain number. asv's result files are JSON: see asvjson.go.
//
// Identity is the benchmark's name with its parameters in braces. The value is asv's median and its spread on both sides; the console prints no samples. "failed" is a problem, "n/a" is nothing: it was skipped.
//
// Unlike Bencher, tables of parameters, memory and tracked values, and result files are read.
var pythonASVTool = tool{
	name: "python_asv", about: "asv run, console or result file", example: `tacho run --file .asv/results/*/*.json "asv run --quick"`,
	measures: []string{"Latency (ns, lower; time_)", "Memory (B, lower; mem_)", "Peak Memory (B, lower; peakmem_)", "Value (track_)"}, samples: "each sample, with --record-samples, in result files",
	parameters: "in braces",
	signs: []sign{
		{jsonForm, []string{"commit_hash", "results", "result_columns[]"}, 100, `"commit_hash", "results" and "result_columns"`},
		{jsonForm, []string{"commit_hash", "results", "requirements", "python", "version"}, 90, `"commit_hash", "results" and "requirements" of asv`},
	},
	needles: []string{"%] ··· "}, hit: hitASV, trace: `a line has "[ 50.00%] ··· name value"`,
	parse: parseASV, averages: []Average{AverageMedian},
}

var memory = &unit.Measure{Name: "Memory", Slug: "memory", Units: unit.Bytes, Direction: unit.Lower}

func hitASV(line []byte) int {
	if name, value, ok := readASV(line); ok && len(name) > 0 && len(value) > 0 {
		return 100
	}
	return 0
}

// readASV takes "[ 50.00%] ··· name   value" apart.
func readASV(line []byte) (name, value []byte, ok bool) {
	_, rest, ok := bytes.Cut(line, []byte("%] ··· "))
	if !ok || len(line) == 0 || line[0] != '[' {
		return nil, nil, false
	}
	rest = bytes.TrimRight(rest, " ")
	name, value = rest, nil
	if at := bytes.Index(rest, []byte("  ")); at > 0 {
		name, value = rest[:at], bytes.TrimSpace(rest[at:])
	} else if at := bytes.LastIndexByte(rest, ' '); at > 0 {
		name, value = rest[:at], rest[at+1:]
	}
	if bytes.IndexByte(name, ' ') >= 0 { // "Running (…)", "Setting up …"
		return nil, nil, false
	}
	return name, value, true
}

// asvMeasure is what a benchmark measures, by its function's name.
func asvMeasure(name string) *unit.Measure {
	function := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case strings.HasPrefix(function, "time"):
		return unit.Latency
	case strings.HasPrefix(function, "peakmem"):
		return unit.PeakMemory
	case strings.HasPrefix(function, "mem"):
		return memory
	}
	return counter("Value")
}

// asvValue reads a value of the console with its spread, which is 0 where there is none.
func asvValue(text []byte) (value, deviation float64, ok bool) {
	first, second, both := bytes.Cut(text, []byte("±"))
	if !both {
		v, factor := text, 1.0
		if n := len(text); n > 1 {
			if f, scaled := map[byte]float64{'k': 1e3, 'M': 1e6, 'G': 1e9, 'T': 1e12}[text[n-1]]; scaled {
				v, factor = text[:n-1], f
			}
		}
		value, ok = number(v)
		return value * factor, 0, ok && finite(value)
	}
	end := len(second)
	for end > 0 && !isDigit(second[end-1]) && second[end-1] != '.' {
		end--
	}
	factor, known := nanosPer(string(second[end:]))
	value, ok = number(first)
	deviation, good := number(second[:end])
	return value * factor, deviation * factor, ok && good && known
}

func parseASV(s *scanner, opts Options) (Results, error) {
	if s.peek() == '{' {
		return asvJSON(s, opts)
	}
	a := &asvRead{}
	for line := range s.lines() {
		if err := a.line(line, s.lineNumber); err != nil {
			return Results{}, err
		}
	}
	return a.results(opts, `%d values behind "[ 50.00%%] ···"`, a.n), nil
}

// asvRead is the place in the console's output.
type asvRead struct {
	gathering
	n       int
	name    string
	rules   int      // drawn lines of the table that were seen
	last    string   // its name
	columns []string // names of the other parameters
}

func (a *asvRead) line(line []byte, number int) error {
	if _, rest, ok := bytes.Cut(line, []byte("%] ··· ===")); ok && len(rest) > 0 && line[0] == '[' { // the first line of a table
		a.rules, a.columns, a.last = 1, nil, ""
		return nil
	}
	if name, value, ok := readASV(line); ok {
		a.name, a.rules = string(name), 0
		switch {
		case len(value) == 0, string(value) == "ok", string(value) == "n/a", bytes.HasSuffix(value, []byte(" failed")):
			return nil
		}
		return a.add(a.name, value, number)
	}
	if a.name == "" || a.rules == 0 {
		return nil
	}
	text := bytes.TrimSpace(line)
	switch {
	case len(text) == 0:
		a.rules = 0
	case bytes.HasPrefix(text, []byte("===")):
		if a.rules++; a.rules > 2 { // the last line
			a.rules = 0
		}
	case bytes.HasPrefix(text, []byte("---")):
		if a.rules == 1 && a.last == "" { // with one parameter the rows begin here
			a.rules = 2
		}
	case a.rules == 1:
		a.header(text)
	case a.rules == 2:
		return a.row(text, number)
	}
	return nil
}

// header reads the lines between the first two rules: "n" alone, or "-- order" with the last parameter's name and below it "n  asc  desc".
func (a *asvRead) header(text []byte) {
	cells := asvCells(text)
	switch {
	case len(cells) >= 2 && cells[0] == "--":
		a.last = cells[len(cells)-1]
	case a.last != "":
		a.columns = append(a.columns, cells...)
	default:
		a.columns = cells
	}
}

// row reads a row: the other parameters, then a value for each value of the last one.
func (a *asvRead) row(text []byte, number int) error {
	cells := asvCells(text)
	if a.last == "" { // one parameter
		if len(cells) < 2 || len(a.columns) == 0 {
			return nil
		}
		return a.add(withParameters(a.name, []parameter{{a.columns[0], strings.Join(cells[:len(cells)-1], " ")}}), []byte(cells[len(cells)-1]), number)
	}
	if len(cells) != len(a.columns) {
		a.problem(a.name, number, "the row has %d cells, its header %d", len(cells), len(a.columns))
		return nil
	}
	// Which of the columns are parameters is not drawn: they are those before the first value.
	values := 0
	for i := len(cells) - 1; i > 0; i-- {
		if _, _, ok := asvValue([]byte(cells[i])); !ok && cells[i] != "failed" && cells[i] != "n/a" {
			break
		}
		values++
	}
	head := a.heads(cells, values)
	var ps []parameter
	for i := range head {
		ps = append(ps, parameter{a.columns[i], cells[i]})
	}
	for i := head; i < len(cells); i++ {
		if err := a.add(withParameters(a.name, append(ps[:len(ps):len(ps)], parameter{a.last, a.columns[i]})), []byte(cells[i]), number); err != nil {
			return err
		}
	}
	return nil
}

// heads is how many cells are parameters. Times are told from them by their units; plain numbers are not, and then one column is taken for a parameter.
func (a *asvRead) heads(cells []string, values int) int {
	head := len(cells) - values
	for i, c := range cells {
		if strings.Contains(c, "±") {
			return max(i, 1)
		}
	}
	return max(head, 1)
}

// asvCells are the words of a row that two spaces part.
func asvCells(text []byte) (cells []string) {
	for cell := range strings.SplitSeq(string(text), "  ") {
		if cell = strings.TrimSpace(cell); cell != "" {
			cells = append(cells, cell)
		}
	}
	return cells
}

func (a *asvRead) add(name string, value []byte, number int) error {
	if string(value) == "n/a" {
		return nil
	}
	v, deviation, ok := asvValue(value)
	if !ok {
		a.problem(name, number, "its value is %q", value)
		return nil
	}
	a.n++
	m := Metric{Measure: asvMeasure(a.name), Value: v}
	if bytes.Contains(value, []byte("±")) {
		m = spread(m.Measure, v, deviation)
	}
	return a.metric(name, m, number)
}
