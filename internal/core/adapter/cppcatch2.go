package adapter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Catch2 prints, for each test case, a table of benchmarks of three lines each: name, samples, iterations and the estimate; mean with its bounds; standard deviation with its
// bounds, each with a unit. With --benchmark-no-analysis it is one line, which ends with the mean. Names that are wider than their column go over several lines, as those of test
// cases and sections do above the table, and what the test prints stands between the lines. Its XML reporter writes <TestCase name><BenchmarkResults name samples><mean value
// lowerBound upperBound ci/><standardDeviation value/>…, in ns, within <Catch2TestRun> (version 3) or <Catch> (version 2); <Section> nests. Its JSON has no benchmarks.
//
// Identity is "Test Case: benchmark", with the sections between them. The value is the mean and its standard deviation; Catch2 prints no samples. A benchmark that runs again, for
// another section or generated value of its test case, gives samples. XML that ends in the middle, because a test crashed, is read as far as it goes.
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

func parseCatch2(s *scanner, opts Options) (Results, error) {
	var g gathering
	read := catch2Text
	if s.peek() == '<' {
		read = catch2XML
	}
	n, err := read(s, &g)
	if err != nil && (n == 0 || !fault.Is(err, fault.Invalid) || !s.over()) {
		return Results{}, err
	} else if err != nil { // the elements are written one by one
		row, _ := s.position()
		g.problem("", row, "the output was cut off, as by a crash: %v", err)
	}
	return g.results(opts, "%d benchmarks of Catch2", n), nil
}

func catch2XML(s *scanner, g *gathering) (n int, err error) {
	var names []string // of the test case and the sections
	var bench, failed string
	var mean, deviation opt
	analysed := true
	value := func(e *element) (o opt) {
		if v, ok := number([]byte(e.attr("value"))); ok && finite(v) {
			o = opt{v, true}
		}
		return o
	}
	full := func() string { return joinNames(": ", append(append([]string{}, names...), bench)...) }
	err = s.elements(func(e *element) error {
		switch e.name {
		case "TestCase", "Section":
			names = append(names, e.attr("name"))
		case "BenchmarkResults":
			bench, mean, deviation, failed = e.attr("name"), opt{}, opt{}, ""
		case "mean":
			mean, analysed = value(e), e.attr("ci") != "0"
		case "failed":
			failed = e.attr("message")
		case "standardDeviation":
			deviation = value(e)
		}
		return nil
	}, func(e *element, text string) error {
		switch e.name {
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
			if !mean.ok {
				g.problem(full(), 0, "it failed: %s", failed)
				return nil
			}
			metric := Metric{Measure: unit.Latency, Value: mean.v}
			if deviation.ok && analysed {
				metric = spread(unit.Latency, mean.v, deviation.v)
			}
			return g.metric(full(), metric, 0)
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
	message  []string // the lines of a failure that are still to be ended; nil: there is none
}

func catch2Text(s *scanner, g *gathering) (int, error) {
	const (
		outside = iota
		title   // between two rules
		head    // of a table
		table
	)
	c := &catch2Console{gathering: g}
	state, threw := outside, false
	for line := range s.lines() {
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
			g.problem(joinNames(": ", slices.Clone(c.names)...), s.lineNumber, "it threw: %s", oneLine(string(line)))
			threw = false
		case state == title:
			c.titles = append(c.titles, string(line))
		case state == table:
			if err := c.add(line, s.lineNumber); err != nil {
				return c.n, err
			}
		}
	}
	c.close()
	return c.n, nil
}

func (c *catch2Console) name(bench string) string {
	return joinNames(": ", append(slices.Clone(c.names), bench)...)
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

// add reads a line of a table, which may also be one that the test printed.
func (c *catch2Console) add(line []byte, at int) error {
	text := bytes.TrimSpace(line)
	if c.message == nil {
		if before, why, ok := strings.Cut(string(line), "Benchmark failed ("); ok {
			if c.row == 0 {
				c.bench, c.line = joinNames(" ", append(c.wrapped, before)...), at
			}
			c.message = []string{why}
			if !bytes.HasSuffix(text, []byte(")")) {
				return nil // a message of several lines
			}
			c.failed()
			return nil
		}
	} else {
		if len(text) > 0 {
			c.message = append(c.message, string(text))
		}
		if len(text) == 0 || bytes.HasSuffix(text, []byte(")")) {
			c.failed()
		}
		return nil
	}
	values, counts, name := catch2Row(line)
	if len(values) == 0 || len(values) != 3 && counts < 2 {
		values, counts, name = catch2Row(line[:min(len(line), c.width)]) // the test may print behind the table's last column
	}
	switch {
	case len(values) == 1 && counts == 2: // samples, iterations and the estimate, or the mean
		whole := joinNames(" ", append(c.wrapped, name)...)
		c.close()
		c.bench, c.line = whole, at
		if c.analysis {
			c.row = 1
			return nil
		}
		c.n++
		return c.value(c.name(c.bench), unit.Latency, values[0], at)
	case len(values) == 3 && c.row == 1:
		c.mean, c.row = values[0], 2
	case len(values) == 3 && c.row == 2:
		c.n, c.row = c.n+1, 0
		return c.metric(c.name(c.bench), spread(unit.Latency, c.mean, values[0]), at)
	case len(text) == 0 || len(bytes.TrimRight(line, " ")) > c.cell:
		c.wrapped = nil
	case c.row == 0 && len(c.wrapped) < 100: // a long name goes over several lines
		c.wrapped = append(c.wrapped, string(line))
	}
	return nil
}

// unwrapTitles puts the lines above a table together: the test case stands at the margin, each section is indented, and a name that does not fit the width goes
// over several lines.
func unwrapTitles(lines []string, width int) (names []string) {
	last := ""
	for _, line := range lines {
		text := strings.TrimSpace(line)
		first, _, _ := strings.Cut(text, " ")
		if len(names) > 0 && (!strings.HasPrefix(line, " ") || len(strings.TrimRight(last, " "))+1+len(first) > width) {
			names[len(names)-1] += " " + text
		} else {
			names = append(names, text)
		}
		last = line
	}
	return names
}

// rule reports whether the line is drawn with c.
func rule(line []byte, c byte) bool {
	return len(line) >= 20 && len(bytes.Trim(line, string(rune(c)))) == 0
}

// catch2Row takes the times off a line, from its end, in nanoseconds, then up to two counts, and gives what stands before them.
func catch2Row(line []byte) (values []float64, counts int, name string) {
	words := bytes.Fields(line)
	for len(words) >= 2 && len(values) < 3 {
		v, ok := number(words[len(words)-2])
		nanos, isTime := nanosPer(string(words[len(words)-1]))
		if !ok || !isTime {
			break
		}
		values = append([]float64{v * nanos}, values...)
		words = words[:len(words)-2]
	}
	for counts < 2 && len(words) > 0 && isDigits(words[len(words)-1]) {
		words = words[:len(words)-1]
		counts++
	}
	return values, counts, strings.TrimSpace(string(bytes.Join(words, []byte(" "))))
}

func isDigits(word []byte) bool {
	for _, c := range word {
		if !isDigit(c) {
			return false
		}
	}
	return len(word) > 0
}
