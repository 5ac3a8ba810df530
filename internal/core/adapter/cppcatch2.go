package adapter

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// Catch2 prints, for each test case, a table of benchmarks of three lines each: name, samples, iterations and the estimate; mean with its bounds; standard deviation with its
// bounds, each with a unit. Its XML reporter writes <TestCase name><BenchmarkResults name samples><mean value lowerBound upperBound/><standardDeviation value/>…, in ns, within
// <Catch2TestRun> (version 3) or <Catch> (version 2); <Section> nests.
//
// Identity is "Test Case: benchmark", with the sections between them. The value is the mean and its standard deviation; Catch2 prints no samples.
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
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d benchmarks of Catch2", n), nil
}

func catch2XML(s *scanner, g *gathering) (n int, err error) {
	var names []string // of the test case and the sections
	var bench, failed string
	var mean, deviation opt
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
			mean = value(e)
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
		case "Exception":
			g.problem(joinNames(": ", names...), 0, "it threw: %s", text)
		case "BenchmarkResults":
			n++
			if !mean.ok {
				g.problem(full(), 0, "it failed: %s", failed)
				return nil
			}
			return g.metric(full(), spread(unit.Latency, mean.v, deviation.v), 0)
		}
		return nil
	})
	return n, err
}

// catch2Text reads the console's tables.
func catch2Text(s *scanner, g *gathering) (n int, err error) {
	const (
		outside = iota
		title   // between two rules
		head    // of a table
		table
	)
	state, row := outside, 0
	var names, wrapped []string
	var bench string
	var mean float64
	for {
		line, more := s.nextLine()
		if !more {
			return n, nil
		}
		switch {
		case rule(line, '-'):
			switch state {
			case title:
				state = outside
			case head:
				state, row, wrapped = table, 0, nil
			default:
				state, names = title, nil
			}
		case hitCatch2(line) > 0:
			state = head
		case rule(line, '=') || rule(line, '~') || rule(line, '.'):
			state = outside
		case state == title:
			names = append(names, string(line))
		case state == table && len(bytes.TrimSpace(line)) > 0:
			values, name := catch2Row(line)
			switch {
			case row == 0 && bytes.Contains(line, []byte("Benchmark failed (")):
				before, why, _ := strings.Cut(string(line), "Benchmark failed (")
				g.problem(joinNames(": ", append(append([]string{}, names...), joinNames(" ", append(wrapped, before)...))...), s.lineNumber, "it failed: %s", strings.TrimRight(why, ") "))
				wrapped = nil
			case len(values) == 1 && row == 0: // samples, iterations and the estimate, of which only the last has a unit
				bench, row = joinNames(" ", append(wrapped, name)...), 1
				wrapped = nil
			case len(values) == 0 && row == 0: // a long name goes over several lines
				wrapped = append(wrapped, string(line))
			case len(values) == 3 && row == 1:
				mean, row = values[0], 2
			case len(values) == 3 && row == 2:
				n, row = n+1, 0
				if err := g.metric(joinNames(": ", append(append([]string{}, names...), bench)...), spread(unit.Latency, mean, values[0]), s.lineNumber); err != nil {
					return n, err
				}
			case row > 0 && len(values) == 0:
				g.problem(joinNames(": ", append(append([]string{}, names...), bench)...), s.lineNumber, "its results are not there: %s", oneLine(string(line)))
				row = 0
			}
		}
	}
}

// rule reports whether the line is drawn with c.
func rule(line []byte, c byte) bool {
	return len(line) >= 20 && len(bytes.Trim(line, string(rune(c)))) == 0
}

// catch2Row takes the times off a line, from its end, in nanoseconds, and what stands before them without the counts at its end.
func catch2Row(line []byte) (values []float64, name string) {
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
	for range 2 {
		if len(words) > 0 && isDigits(words[len(words)-1]) {
			words = words[:len(words)-1]
		}
	}
	return values, strings.TrimSpace(string(bytes.Join(words, []byte(" "))))
}

func isDigits(word []byte) bool {
	for _, c := range word {
		if !isDigit(c) {
			return false
		}
	}
	return len(word) > 0
}
