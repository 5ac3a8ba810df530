package adapter

import "github.com/tachograph/tacho/internal/core/unit"

// JUnit XML is <testsuites><testsuite name><testcase classname name time>…, times in seconds; <failure> or <error> within a test case says that it failed, <skipped> that it did not run. Many
// test runners write it, and how long tests take is worth watching.
//
// Identity is class and name, joined by "::"; the suite's name stands in where there is no class. A test that comes again, as runners repeat those that fail, gives samples. A test that failed is a problem and has no
// time: how long it took to fail says nothing.
var junitTool = tool{
	name: "junit", about: "JUnit XML", example: `tacho run --file report.xml "pytest --junit-xml report.xml"`,
	measures: []string{"Latency (ns, lower) of each test that passed"}, samples: "each run of a test that was repeated",
	signs: []sign{
		{xmlForm, []string{"testsuites.testsuite.testcase.@time"}, 90, "<testsuites> with <testcase time>"},
		{xmlForm, []string{"testsuite.testcase.@time"}, 90, "<testsuite> with <testcase time>"},
	},
	parse: parseJUnit, averages: []Average{AverageMean, AverageMedian},
}

func parseJUnit(s *scanner, opts Options) (Results, error) {
	var g gathering
	n := 0
	var suites []string
	var name, seconds, failed string
	skipped, inCase := false, false
	err := s.elements(func(e *element) error {
		switch e.name {
		case "testsuite":
			suites = append(suites, e.attr("name"))
		case "testcase":
			class := e.attr("classname")
			if class == "" && len(suites) > 0 {
				class = suites[len(suites)-1]
			}
			name, seconds = joinNames("::", class, e.attr("name")), e.attr("time")
			failed, skipped, inCase = "", false, true
		case "failure", "error":
			if inCase {
				failed = joinNames(" ", e.name+":", e.attr("message"))
			}
		case "skipped":
			skipped = true
		}
		return nil
	}, func(e *element, _ string) error {
		switch e.name {
		case "testsuite":
			suites = suites[:len(suites)-1]
		case "testcase":
			inCase = false
			n++
			v, ok := groupedNumber([]byte(seconds), ',')
			switch {
			case failed != "":
				g.problem(name, 0, "the test did not pass: %s", failed)
			case skipped:
			case !ok || !finite(v):
				g.problem(name, 0, "its time %q is no number", seconds)
			default:
				return g.value(name, unit.Latency, v*1e9, 0)
			}
		}
		return nil
	})
	if err != nil {
		return Results{}, err
	}
	return g.results(opts, "%d test cases", n), nil
}
