package adapter

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// asv run prints "[ 50.00%] ··· module.Class.time_name        165±3ms" for each benchmark; one with parameters prints "ok", or how
// many failed, and below it a table whose first columns are parameters and whose other columns are the values of the last ones, "1 / asc",
// as many as fit the terminal. time_ has a unit of time, mem_ and peakmem_ a number with k, M or G, track_ a plain number or either, if
// its unit is seconds or bytes. Where the output is not Unicode, the marks are "---" and a value is "3~1us". asv's result files are JSON:
// see asvjson.go.
//
// Identity is the benchmark's name with its parameters in braces, and the environment where there are several. The value is asv's median
// and its spread on both sides; the console prints no samples. "failed" is a problem, "n/a" is nothing: it was skipped. Of several
// commits, as asv continuous and a range have, the first with results counts, which is the newest: a report is of one. Names that do not
// fit the terminal lose their beginning, which is told.
//
// Unlike Bencher, tables of parameters, memory and tracked values, and result files are read, and commits and environments are not mixed.
var pythonASVTool = tool{
	name: "python_asv", about: "asv run, console or result file", example: `tacho run "COLUMNS=200 asv run HEAD^!"`,
	measures: []string{"Latency (ns, lower; time_)", "Memory (B, lower; mem_)", "Peak Memory (B, lower; peakmem_)", "Value (track_)"}, samples: "each sample, with --record-samples, in result files",
	parameters: "in braces; the environment where there are several",
	signs: []sign{
		{jsonForm, []string{"commit_hash", "results", "result_columns[]"}, 100, `"commit_hash", "results" and "result_columns"`},
		{jsonForm, []string{"commit_hash", "results", "requirements", "python", "version"}, 90, `"commit_hash", "results" and "requirements" of asv`},
	},
	needles: []string{"%] ··· ", "%] --- ", "%] \xb7\xb7\xb7 ", "%] \ufffd\ufffd\ufffd "}, hit: hitASV, trace: `a line has "[ 50.00%] ··· name value"`,
	parse: parseASV, averages: []Average{AverageMedian},
}

var memory = &unit.Measure{Name: "Memory", Slug: "memory", Units: unit.Bytes, Direction: unit.Lower}

func hitASV(line []byte) int {
	depth, text := asvLine(line)
	if _, value, ok := readASV(text); ok && depth == 3 && len(value) > 0 {
		return 100
	}
	return 0
}

// asvMarks are the dots, as Unicode, where that cannot be written, in Windows's code page, and where that was taken for Unicode on the way.
var asvMarks = []string{"·", "-", "\xb7", "\ufffd"}

// asvLine takes "[ 50.00%] ··· " off a line. Depth is the number of dots; 0: it is another line.
func asvLine(line []byte) (depth int, text []byte) {
	if len(line) == 0 || line[0] != '[' {
		return 0, nil
	}
	_, rest, _ := bytes.Cut(line, []byte("%] "))
	for _, mark := range asvMarks {
		depth, text = 0, rest
		for bytes.HasPrefix(text, []byte(mark)) {
			depth, text = depth+1, text[len(mark):]
		}
		if depth > 0 && len(text) > 0 && text[0] == ' ' {
			return depth, text[1:]
		}
	}
	return 0, nil
}

// readASV takes "name   value" apart.
func readASV(text []byte) (name, value []byte, ok bool) {
	text = bytes.TrimRight(text, " ")
	if rest, old := bytes.CutPrefix(text, []byte("Running ")); old { // before asv 0.3 each name has it
		text = rest
	}
	name, value = text, nil
	if at := bytes.Index(text, []byte("  ")); at > 0 {
		name, value = text[:at], bytes.TrimSpace(text[at:])
	} else if at := bytes.LastIndexByte(text, ' '); at > 0 {
		name, value = text[:at], text[at+1:]
	}
	name = bytes.TrimRight(name, ".")                                        // on a terminal dots say that it runs
	if len(name) == 0 || name[0] == '(' || bytes.IndexByte(name, ' ') >= 0 { // "Running (…)", "Setting up …"
		return nil, nil, false
	}
	return name, value, true
}

// asvMeasure is what a benchmark measures, by its function's name.
func asvMeasure(name string) *unit.Measure {
	function := name[strings.LastIndexByte(name, '.')+1:]
	has := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(function, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("time", "Time"):
		return unit.Latency
	case has("peakmem", "PeakMem"):
		return unit.PeakMemory
	case has("mem", "Mem"):
		return memory
	}
	return counter("Value")
}

// asvTimes and asvSizes are the console's units, as powers of ten of a nanosecond and of one. (Its M for a month is taken for a million:
// nobody measures for so long.)
var (
	asvTimes = map[string]string{"ns": "", "us": "e3", "μs": "e3", "µs": "e3", "\xb5s": "e3", "ms": "e6", "s": "e9"}
	asvSizes = map[string]string{"": "", "k": "e3", "M": "e6", "G": "e9", "T": "e12", "P": "e15", "E": "e18"}
	asvLong  = map[string]float64{"m": 60e9, "h": 3600e9, "d": 24 * 3600e9, "w": 7 * 24 * 3600e9}
)

// asvValue is a value of the console with its spread.
type asvValue struct {
	value, deviation float64
	time, spread     bool // it has a unit of time, then it is in nanoseconds; it has a spread
}

// asvSpreads stand between a value and its spread, as the marks.
var asvSpreads = []string{"±", "~", "\xb1", "\ufffd"}

func readASVValue(text []byte) (v asvValue, ok bool) {
	first, last := text, text
	for _, mark := range asvSpreads {
		if before, after, found := bytes.Cut(text, []byte(mark)); found {
			first, last, v.spread = before, after, true
			break
		}
	}
	end := len(last)
	for end > 0 && !read.IsDigit(last[end-1]) {
		end--
	}
	factor := 1.0
	power, known := asvSizes[string(last[end:])]
	if !known {
		power, v.time = asvTimes[string(last[end:])]
		if !v.time {
			factor, v.time = asvLong[string(last[end:])]
		}
	}
	var room [64]byte
	readNumber := func(word []byte) (float64, bool) {
		if bytes.IndexByte(word, 'e') < 0 {
			word = append(append(room[:0], word...), power...) // 8.06k is 8060, and nothing behind that
		} else if power != "" {
			return 0, false
		}
		n, ok := read.Number(word)
		return n * factor, ok && read.Finite(n*factor)
	}
	n, ok := readNumber(last[:end])
	if !ok || !known && !v.time {
		return v, false
	}
	if !v.spread {
		v.value = n
		return v, true
	}
	v.deviation = n
	v.value, ok = readNumber(first)
	return v, ok
}

func parseASV(s *read.Scanner, opts Options) (Results, error) {
	if s.Peek() == '{' {
		return asvJSON(s, opts)
	}
	a := &asvRead{s: s}
	for line := range s.Lines() {
		a.line(line, s.Line())
	}
	return a.end(opts)
}

// asvRead is the place in the console's output.
type asvRead struct {
	gathering
	n                         int
	name, environment, commit string
	table                     *asvTable

	began        bool
	kept         string            // the commit whose results are read
	other        string            // one whose results are left out
	left, cutRow int               // how many those are; where the first name stands that was cut off
	environments map[string]bool   // with results
	plain        map[string]string // the name without the environment
	cut          map[string]bool   // names that were cut off

	s *read.Scanner
}

func (a *asvRead) line(line []byte, number int) {
	depth, text := asvLine(line)
	if depth == 0 {
		if a.table == nil {
			return
		}
		a.tableLine(line, number)
		return
	}
	a.table = nil
	switch depth {
	case 1:
		a.name = ""
		if commit, ok := asvCommit(text); ok {
			a.commit = commit
		}
	case 2:
		a.name = ""
		if environment, ok := bytes.CutPrefix(text, []byte("Benchmarking ")); ok {
			a.environment = read.OneLine(shorten(a.s.Keep(environment), limits.BenchmarkNameBytes/2))
		}
	case 3:
		if bytes.HasPrefix(text, []byte("===")) {
			a.table = &asvTable{}
			return
		}
		if before, why, skipped := bytes.Cut(text, []byte(" skipped")); skipped && bytes.IndexByte(before, ' ') < 0 { // because of something before it
			a.problem(string(before), number, "%s", strings.TrimSpace("it was skipped "+strings.TrimSpace(string(why))))
			return
		}
		if bytes.HasPrefix(text, []byte("Importing benchmark suite failed")) {
			a.problem("", number, "%s", text)
		}
		name, value, ok := readASV(text)
		if !ok {
			return
		}
		a.name = a.s.Keep(name)
		if len(value) > 0 && string(value) != "ok" && !bytes.HasSuffix(value, []byte(" failed")) {
			a.add(nil, value, number)
			return
		}
	}
}

// asvCommit reads "For project commit 1234abcd <main> (round 1/2):".
func asvCommit(text []byte) (string, bool) {
	at := bytes.LastIndex(text, []byte(" commit "))
	if at < 0 || !bytes.HasPrefix(text, []byte("For ")) {
		return "", false
	}
	rest, _ := bytes.CutPrefix(text[at+len(" commit "):], []byte("hash ")) // as it was called once
	word, _ := read.NextWord(rest)
	return shorten(string(bytes.TrimSuffix(word, []byte(":"))), limits.BenchmarkNameBytes), true
}

// asvTable is a table that is being read. Its columns are told by the places of the drawn lines, as a parameter's value may have spaces.
type asvTable struct {
	top    string // names of the parameters whose values the header has: "m / order"
	left   int    // how wide the columns of the others are; 0: there are no others
	header string
	rows   bool
	spans  [][2]int // of the columns, in characters
	names  []string
	heads  int // columns that are parameters
}

// asvColumns are more than any terminal shows.
const asvColumns = 1000

// tableLine reads a line of a table below its first.
func (a *asvRead) tableLine(line []byte, number int) {
	t := a.table
	text := bytes.TrimSpace(line)
	double, single := bytes.HasPrefix(text, []byte("===")), bytes.HasPrefix(text, []byte("---"))
	switch {
	case len(text) == 0, double && t.rows:
		a.table = nil
	case t.rows:
		a.row(a.s.Keep(line), number)
		return
	case double, single && t.top == "":
		t.rows = true
		t.columns(a.s.Keep(line))
	case single:
		t.left = len(bytes.Fields(text)[0])
	case t.header == "" && bytes.HasPrefix(text, []byte("-- ")):
		t.top = read.OneLine(string(text[len("-- "):]))
	default:
		t.header = a.s.Keep(line)
	}
}

// columns takes the places of the columns from the line above the rows, and their names from the header.
func (t *asvTable) columns(rule string) {
	width, end := 0, len(rule)
	for at := 0; at < end; {
		begin := at
		for at < end && rule[at] != ' ' {
			at++
		}
		if at > begin {
			t.spans = append(t.spans, [2]int{begin, at})
			if width += at - begin; width <= t.left {
				t.heads = len(t.spans)
			}
			width++
		}
		at++
	}
	if t.top == "" { // but for the last, all are parameters
		t.heads = max(0, len(t.spans)-1)
	}
	t.names, _ = t.cells(t.header)
}

// cells are the texts of a line's columns; not ok: something stands between them.
func (t *asvTable) cells(line string) (cells []string, ok bool) {
	if isASCII(line) {
		return t.bytes(line)
	}
	runes, end := []rune(line), 0
	between := func(to int) bool {
		return strings.TrimSpace(string(runes[min(end, len(runes)):min(to, len(runes))])) == ""
	}
	ok = true
	for _, span := range t.spans {
		ok = ok && between(span[0])
		end = span[1]
		cells = append(cells, read.OneLine(string(runes[min(span[0], len(runes)):min(end, len(runes))])))
	}
	return cells, ok && between(len(runes))
}

// bytes is cells for a line whose characters are its bytes.
func (t *asvTable) bytes(line string) (cells []string, ok bool) {
	cells, ok = make([]string, 0, len(t.spans)), true
	end := 0
	between := func(to int) bool { return strings.TrimSpace(line[min(end, len(line)):min(to, len(line))]) == "" }
	for _, span := range t.spans {
		ok = ok && between(span[0])
		end = span[1]
		cells = append(cells, read.OneLine(line[min(span[0], len(line)):min(end, len(line))]))
	}
	return cells, ok && between(len(line))
}

// isASCII reports whether each character of the text is a byte.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// row reads a row: parameters, then a value for each of the header's.
func (a *asvRead) row(line string, number int) {
	t := a.table
	cells, ok := t.cells(line)
	if !ok {
		a.problem(a.name, number, "the row does not stand in the columns of its table")
		return
	}
	var ps []read.Parameter
	length := len(a.name) + len(t.top)
	for i := range t.heads {
		ps = append(ps, read.Parameter{Name: t.names[i], Value: cells[i]})
		length += len(t.names[i]) + len(cells[i])
	}
	if length > limits.BenchmarkNameBytes || len(cells) > asvColumns { // before it is written once for each column
		a.problem(a.name, number, "the row has %d columns and names of %d bytes, which is more than a benchmark's may have", len(cells), length)
		return
	}
	for i := t.heads; i < len(cells); i++ {
		a.add(append(ps[:len(ps):len(ps)], t.last(i)...), []byte(cells[i]), number)
	}
}

// last are the parameters that a column's header gives: of "m / order" and "1 / asc" two. They stay together where a value has a stroke
// itself.
func (t *asvTable) last(column int) []read.Parameter {
	if t.top == "" {
		return nil
	}
	names, values := strings.Split(t.top, " / "), strings.Split(t.names[column], " / ")
	if len(names) != len(values) {
		return []read.Parameter{{Name: t.top, Value: t.names[column]}}
	}
	ps := make([]read.Parameter, len(names))
	for i, name := range names {
		ps[i] = read.Parameter{Name: name, Value: values[i]}
	}
	return ps
}

// add adds a value of the benchmark at hand, if its commit is the one that counts.
func (a *asvRead) add(ps []read.Parameter, text []byte, line int) {
	if a.name == "" || len(text) == 0 || string(text) == "n/a" || a.err != nil {
		return
	}
	if !a.began {
		a.began, a.kept = true, a.commit
	}
	if a.commit != a.kept {
		a.left++
		a.other = a.commit
		return
	}
	name := a.name
	if len(ps) > 0 {
		name = a.withParameters(a.name, ps)
	}
	v, ok := readASVValue(text)
	m := Metric{Measure: asvMeasure(a.name), Value: v.value}
	rest, cut := strings.CutPrefix(a.name, "...")
	if cut && !strings.Contains(rest, ".") { // not even the function's name is whole
		m.Measure = counter("Value")
		if v.spread && v.time {
			m.Measure = unit.Latency
		}
	}
	if timed := m.Measure == unit.Latency; !ok || timed != v.time && m.Measure.Name != "Value" {
		a.problem(name, line, "its value is %q", text)
		return
	} else if v.time && !timed {
		v.value, v.deviation = v.value/1e9, v.deviation/1e9
		m.Value = v.value
	}
	if v.deviation != 0 { // ±0 is a single sample, or less than the last digit
		m = spread(m.Measure, v.value, v.deviation)
	}
	key := a.withParameters(a.name, append(ps, read.Parameter{Name: "env", Value: a.environment}))
	if cut {
		if a.cutRow == 0 {
			a.cutRow = line
		}
		if a.cut[key] {
			a.problem(name, line, "its name was cut off and stands there twice: it may be another benchmark, and is left out")
			return
		}
		if a.cut == nil {
			a.cut = map[string]bool{}
		}
		a.cut[key] = true
	}
	if a.environments == nil {
		a.environments, a.plain = map[string]bool{}, map[string]string{}
	}
	a.n++
	a.environments[a.environment] = true
	a.plain[key] = name
	a.metric(key, m, line)
}

// end are the results; environments are part of the names where there are several.
func (a *asvRead) end(opts Options) (Results, error) {
	if a.left > 0 {
		a.problem("", 0, "%d results of commit %.40s, or of more commits, are left out: a report is of one, and those of %.40s came first", a.left, a.other, a.kept)
	}
	if a.cutRow > 0 {
		a.problem("", a.cutRow, "%d names were cut off to fit the terminal, the first here; COLUMNS=200 before asv leaves them whole", len(a.cut))
	}
	out, err := a.results(opts, `%d values behind "[ 50.00%%] ···"`, a.n)
	if len(a.environments) < 2 {
		out.distinct = false
		for i := range out.Benchmarks {
			out.Benchmarks[i].Name = a.plain[out.Benchmarks[i].Name]
		}
	}
	return out, err
}
