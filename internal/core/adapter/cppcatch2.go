package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Catch2 prints, for each test case, a table of benchmarks of three lines each: name, samples, iterations and the estimate; mean with its
// bounds; standard deviation with its bounds, each with a unit. With --benchmark-no-analysis it is one line, which ends with the mean.
// Names that are wider than their column go over several lines, as those of test cases and sections do above the table, and what the test
// prints stands between the lines. Its XML reporter writes <TestCase name><BenchmarkResults name samples><mean value lowerBound upperBound
// ci/><standardDeviation value/>…, in ns, within <Catch2TestRun> (version 3) or <Catch> (version 2); <Section> nests. Its JSON has no
// benchmarks.
//
// Identity is "Test Case: benchmark", with the sections between them. The value is the mean and its standard deviation; Catch2 prints no
// samples. A benchmark that runs again, for another section or a generated value of its test case, gets a number: what it ran with is not
// printed. XML that ends in the middle, because a test crashed, is read as far as it goes.
//
// Unlike Bencher, XML is read, sections are part of the name, and a benchmark that threw is a problem.
var cppCatch2Tool = tool{
	name: "cpp_catch2", about: "Catch2, console or -r xml", example: `tacho run "./tests '[!benchmark]' -r xml"`,
	measures: []string{"Latency (ns, lower)"},
	signs: []sign{
		{xmlForm, []string{"Catch2TestRun.TestCase"}, 100, "<Catch2TestRun>"},
		{xmlForm, []string{"Catch.Group.TestCase"}, 100, "<Catch> with test cases"},
	},
	needles: []string{"benchmark name  "}, hit: hitCatch2, trace: "the header of Catch2's table of benchmarks",
	parse: parseCatch2, averages: []Average{AverageMean},
}

func hitCatch2(line []byte) int {
	if bytes.HasPrefix(line, []byte("benchmark name")) && bytes.Contains(line, []byte(" samples ")) && bytes.Contains(line, []byte(" iterations ")) {
		return 100
	}
	return 0
}

func parseCatch2(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	readForm := catch2Text
	if s.Peek() == '<' {
		readForm = catch2XML
	}
	n, err := readForm(s, &g)
	if err != nil && (n == 0 || !fault.Is(err, fault.Invalid) || !s.Over()) {
		return Results{}, err
	} else if err != nil { // the elements are written one by one
		row, _ := s.Position()
		g.problem("", row, "the output was cut off, as by a crash: %v", err)
	}
	return g.results(opts, "%d benchmarks of Catch2", n)
}

func catch2XML(s *read.Scanner, g *gathering) (n int, err error) {
	var names []string // of the test case and the sections
	var bench, failed string
	var mean, deviation read.Opt
	analysed := true
	value := func(e *read.Element) (o read.Opt) {
		if v, ok := read.Number([]byte(e.Attr("value"))); ok && read.Finite(v) {
			o = read.Opt{Value: v, OK: true}
		}
		return o
	}
	full := func() string {
		var room [8]string
		return joinNames(": ", append(append(room[:0], names...), bench)...)
	}
	err = s.Elements(func(e *read.Element) error {
		switch e.Name {
		case "TestCase", "Section":
			names = append(names, e.Attr("name"))
		case "BenchmarkResults":
			bench, mean, deviation, failed = e.Attr("name"), read.Opt{}, read.Opt{}, ""
		case "mean":
			mean, analysed = value(e), e.Attr("ci") != "0"
		case "failed":
			failed = e.Attr("message")
		case "standardDeviation":
			deviation = value(e)
		}
		return nil
	}, func(e *read.Element, text string) error {
		switch e.Name {
		case "TestCase", "Section":
			names = names[:len(names)-1]
		case "failed":
			if failed == "" {
				failed = text
			}
		case "Exception", "FatalErrorCondition":
			g.problem(joinNames(": ", names...), 0, "it threw: %s", text)
		case "BenchmarkResults":
			n++
			if !mean.OK {
				g.problem(full(), 0, "it failed: %s", failed)
				return nil
			}
			metric := Metric{Measure: unit.Latency, Value: mean.Value}
			if deviation.OK && analysed {
				metric = spread(unit.Latency, mean.Value, deviation.Value)
			}
			g.metric(g.again(full()), metric, 0)
			return nil
		}
		return nil
	})
	return n, err
}

// catch2Console reads the console's tables.
type catch2Console struct {
	*gathering
	n        int
	titles   []string // of the test case and its sections, one for each line
	names    []string // of those
	cell     int      // how wide a name may be
	width    int      // of the table
	analysis bool     // a benchmark has three lines
	wrapped  []string // the first lines of a long name
	bench    string
	row      int // of the benchmark: 1 is the mean's, 2 the deviation's, 0 means that the next one begins
	line     int // where the benchmark begins
	mean     float64
	message  []string // the lines of a failure that are still to be ended; nil if no test has failed

	s *read.Scanner // that keeps texts
}

func catch2Text(s *read.Scanner, g *gathering) (int, error) {
	const (
		outside = iota
		title   // between two rules
		head    // of a table
		table
	)
	c := &catch2Console{gathering: g, s: s}
	state, threw := outside, false
	for line := range s.Lines() {
		switch {
		case rule(line, '-'):
			switch state {
			case title:
				state = outside
				c.names = unwrapTitles(c.titles, len(line))
			case head:
				state, c.width = table, len(line)
			default:
				c.close()
				state, c.titles = title, nil
			}
		case hitCatch2(line) > 0:
			c.close()
			state = head
			c.analysis = bytes.Contains(line, []byte("estimated")) || bytes.Contains(line, []byte("est run time"))
			if c.cell = bytes.Index(line, []byte("samples")); !c.analysis {
				c.cell = max(1, c.cell-5) // the column's name is to the right
			}
		case rule(line, '=') || rule(line, '~') || rule(line, '.'):
			c.close()
			state = outside
		case bytes.HasPrefix(line, []byte("due to unexpected exception")), bytes.HasPrefix(line, []byte("due to a fatal error condition")):
			c.close()
			threw = true
		case threw:
			g.problem(joinNames(": ", slices.Clone(c.names)...), s.Line(), "it threw: %s", read.OneLine(string(line)))
			threw = false
		case state == title:
			c.titles = append(c.titles, s.Keep(line))
		case state == table:
			c.add(line, s.Line())
		}
	}
	c.close()
	return c.n, nil
}

func (c *catch2Console) name(bench string) string {
	var room [8]string
	return joinNames(": ", append(append(room[:0], c.names...), bench)...)
}

// close ends the table: what is not there will not come.
func (c *catch2Console) close() {
	if c.message != nil {
		c.failed()
	}
	if c.row > 0 {
		c.problem(c.name(c.bench), c.line, "its results are not there")
	}
	c.row, c.wrapped = 0, nil
}

func (c *catch2Console) failed() {
	c.problem(c.name(c.bench), c.line, "it failed: %s", strings.TrimSuffix(joinNames(" ", c.message...), ")"))
	c.row, c.wrapped, c.message = 0, nil, nil
}

// unwrapped is the name whose last line is given, with the lines above that go on with it: the last words of each would not have fitted
// the line before.
func (c *catch2Console) unwrapped(last string) string {
	lines := []string{strings.TrimRight(last, " ")}
	width := c.cell - 2 // a column has two blanks at its end
	for i := len(c.wrapped) - 1; i >= 0; i-- {
		above := strings.TrimRight(c.wrapped[i], " ")
		if !catch2Broken(above, strings.TrimSpace(lines[0]), width) {
			break
		}
		lines = append([]string{above}, lines...)
	}
	return catch2Joined(lines, width)
}

// add reads a line of a table, which may also be one that the test printed.
func (c *catch2Console) add(line []byte, at int) {
	text := bytes.TrimSpace(line)
	if c.message == nil {
		if before, why, ok := bytes.Cut(line, []byte("Benchmark failed (")); ok {
			if c.row == 0 {
				c.bench, c.line = c.unwrapped(string(before)), at
			}
			c.message = []string{string(why)}
			if !bytes.HasSuffix(text, []byte(")")) {
				return // a message of several lines
			}
			c.failed()
			return
		}
	} else {
		if len(text) > 0 {
			c.message = append(c.message, string(text))
		}
		if len(text) == 0 || bytes.HasSuffix(text, []byte(")")) {
			c.failed()
		}
		return
	}
	var room [3]float64
	values, counts, before := catch2Row(room[:0], line)
	if len(values) == 0 || len(values) != 3 && counts < 2 {
		values, counts, before = catch2Row(room[:0], line[:min(len(line), c.width)]) // the test may print behind the table's last column
	}
	switch {
	case len(values) == 1 && counts == 2: // samples, iterations and the estimate, or the mean
		whole := c.unwrapped(c.s.Keep(before))
		c.close()
		c.bench, c.line = whole, at
		if c.analysis {
			c.row = 1
			return
		}
		c.n++
		c.value(c.again(c.name(c.bench)), unit.Latency, values[0], at)
		return
	case len(values) == 3 && c.row == 1:
		c.mean, c.row = values[0], 2
	case len(values) == 3 && c.row == 2:
		c.n, c.row = c.n+1, 0
		c.metric(c.again(c.name(c.bench)), spread(unit.Latency, c.mean, values[0]), at)
		return
	case len(text) == 0 || len(bytes.TrimRight(line, " ")) > c.cell:
		c.wrapped = nil
	case c.row == 0 && len(c.wrapped) < 100: // a long name goes over several lines
		c.wrapped = append(c.wrapped, c.s.Keep(line))
	}
}

// unwrapTitles puts the lines above a table together: the test case stands at the margin, each section is indented, and a name that does
// not fit the width goes over several lines, which are indented farther where it has a colon.
func unwrapTitles(lines []string, width int) (names []string) {
	var parts []string // of the last name
	for _, line := range lines {
		text := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		goesOn := len(parts) > 0 && indent != catch2Section
		if len(parts) > 0 && !goesOn && strings.HasPrefix(parts[0], "  ") && !strings.Contains(parts[0], ": ") { // of a section without one
			goesOn = catch2Broken(parts[len(parts)-1], text, width)
		}
		if !goesOn {
			if len(parts) > 0 {
				names = append(names, catch2Joined(parts, width))
			}
			parts = nil
		}
		parts = append(parts, strings.TrimRight(line, " "))
	}
	if len(parts) > 0 {
		names = append(names, catch2Joined(parts, width))
	}
	return names
}

// catch2Section is how far in a section's name is.
const catch2Section = 2

// Catch2 ends a line at a blank, before a bracket that opens and behind most punctuation; a word that is as wide as the line is cut with
// a hyphen. The blanks at the end of a line are lost.
const (
	catch2Before = "[({<|"
	catch2Behind = "])}>.,:;*+-=&/\\"
)

// catch2Broken reports whether the name above goes on with the text because what its text begins with did not fit any more.
func catch2Broken(above, text string, width int) bool {
	end := len(text)
	for i := range text {
		if i > 0 && (text[i] == ' ' || strings.IndexByte(catch2Before, text[i]) >= 0 || strings.IndexByte(catch2Behind, text[i-1]) >= 0) {
			end = i
			break
		}
	}
	return len(strings.TrimRight(above, " "))+1+end > width || catch2Hyphen(above, width)
}

// catch2Hyphen reports whether the line ends in the middle of a word.
func catch2Hyphen(line string, width int) bool {
	text, ok := strings.CutSuffix(line, "-")
	return ok && len(line) == width && !strings.ContainsAny(strings.TrimLeft(text, " "), " "+catch2Before+catch2Behind)
}

// catch2Joined puts the lines of a name together. Where a line ends at punctuation nobody knows whether a blank was there: the rest of
// the name tells how it has it, else what is usual.
func catch2Joined(lines []string, width int) string {
	whole := strings.Join(lines, "\n")
	name := strings.TrimSpace(lines[0])
	for i, line := range lines[1:] {
		text := strings.TrimSpace(line)
		switch {
		case name == "" || text == "":
			name += text
		case catch2Hyphen(lines[i], width):
			name = name[:len(name)-1] + text
		case catch2Blank(whole, name, text):
			name += " " + text
		default:
			name += text
		}
	}
	return name
}

func catch2Blank(whole, before, after string) bool {
	last, first := before[len(before)-1], after[0]
	switch {
	case strings.HasSuffix(before, "::"), last == ':' && first == ':':
		return false
	case strings.IndexByte(catch2Behind, last) >= 0:
		if with, without := catch2Uses(whole, last, 1); with != without {
			return with
		}
		return strings.IndexByte(",;:)]}>", last) >= 0 || len(before) > 1 && before[len(before)-2] == ' '
	case strings.IndexByte(catch2Before, first) >= 0:
		if with, without := catch2Uses(whole, first, -1); with != without {
			return with
		}
		return first != '<' && strings.Contains(strings.TrimSpace(before), " ")
	}
	return true
}

// catch2Uses reports whether the name has the character with a blank at its side, and whether without, where it does not stand at the end
// of a line.
func catch2Uses(whole string, c byte, side int) (with, without bool) {
	for i := range len(whole) {
		at := i + side
		if whole[i] != c || at < 0 || at >= len(whole) || whole[at] == '\n' {
			continue
		}
		with = with || whole[at] == ' '
		without = without || whole[at] != ' '
	}
	return with, without
}

// rule reports whether the line is drawn with c.
func rule(line []byte, c byte) bool {
	for i := range line {
		if line[i] != c {
			return false
		}
	}
	return len(line) >= 20
}

// catch2Row takes the times off a line, from its end, in nanoseconds, then up to two counts, and gives what stands before them.
func catch2Row(values []float64, line []byte) (_ []float64, counts int, name []byte) {
	for len(values) < 3 {
		rest, u := lastWord(line)
		rest, digits := lastWord(rest)
		v, ok := read.Number(digits)
		nanos, isTime := nanosPer(string(u))
		if !ok || !isTime {
			break
		}
		values = slices.Insert(values, 0, v*nanos)
		line = rest
	}
	for counts < 2 {
		rest, word := lastWord(line)
		if !read.IsDigits(word) {
			break
		}
		line = rest
		counts++
	}
	return values, counts, bytes.TrimSpace(line)
}

// lastWord parts the last word from a text.
func lastWord(text []byte) (rest, word []byte) {
	text = read.TrimEnd(text)
	at := read.LastBlank(text) + 1
	return text[:at], text[at:]
}
