package adapter

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// JUnit XML is <testsuites><testsuite name hostname><testcase classname name time>…, times in seconds, of which some writers group the
// digits, "1,234.5", and some follow the locale, "0,123"; <failure> or <error> within a test case says that it failed, <skipped> that it
// did not run, and some writers say so in status or result. Many test runners write it, and how long tests take is worth watching.
//
// Identity is class and name, joined by "::"; the suite's name stands in where there is no class. Where tests of that name are in several
// suites, as for several browsers, the suite is in braces, and so is its host. A test that comes again in its suite, as runners repeat
// those that fail, gives samples. A test that failed is a problem and has no time: how long it took to fail says nothing.
var junitTool = tool{
	name: "junit", about: "JUnit XML", example: `tacho run --file report.xml "pytest --junit-xml report.xml"`,
	measures: []string{"Latency (ns, lower) of each test that passed"}, samples: "each run of a test that was repeated", parameters: "suite and host, where a test is in several",
	signs: slices.Concat(junitSigns("testsuites."), junitSigns("")),
	parse: parseJUnit, averages: []Average{AverageMean, AverageMedian},
}

// junitSigns are those of suites in suites: PHPUnit has four.
func junitSigns(root string) (signs []sign) {
	path := root
	for range 5 {
		path += "testsuite."
		signs = append(signs, sign{xmlForm, []string{path + "testcase.@time"}, 90, "<" + strings.TrimSuffix(cmp.Or(root, "testsuite."), ".") + "> with <testcase time>"})
	}
	return signs
}

// junitRead is the place in the document.
type junitRead struct {
	gathering
	n, timeless    int
	suites         []junitPlace // that are open, each with the names of those around it
	test           junitPlace
	time, failed   string
	skipped        bool
	inCase         bool
	points, commas bool // decimal marks that were seen

	places map[string]junitPlace // by the gathered name
	homes  map[string]junitHome  // by the test's name

	numbers map[string]int // of suites and hosts
}

// junitPlace is where a test stands: suite has the names of the suites around it. The numbers are those of both texts, which may be long.
type junitPlace struct {
	name, suite, host       string
	suiteNumber, hostNumber int
}

// junitHome is the first place of a test, and whether there are others.
type junitHome struct {
	first         junitPlace
	suites, hosts bool
}

// number is the number of a text; each has its own.
func (j *junitRead) number(text string) int {
	n, known := j.numbers[text]
	if !known {
		n = len(j.numbers)
		j.numbers[text] = n
	}
	return n
}

func parseJUnit(s *read.Scanner, opts Options) (Results, error) {
	j := &junitRead{places: map[string]junitPlace{}, homes: map[string]junitHome{}, numbers: map[string]int{}}
	if err := s.Elements(j.begin, func(e *read.Element, _ string) error {
		j.end(e)
		return nil
	}); err != nil {
		return Results{}, err
	}
	if j.timeless > 0 {
		j.problem("", 0, "%d test cases have no time", j.timeless)
	}
	out, err := j.results(opts, "%d test cases", j.n)
	out.distinct = false
	for i := range out.Benchmarks {
		out.Benchmarks[i].Name = j.title(j.places[out.Benchmarks[i].Name])
	}
	return out, err
}

func (j *junitRead) begin(e *read.Element) error {
	switch e.Name {
	case "testsuites":
		j.read(e.Attr("time"))
	case "testsuite":
		j.read(e.Attr("time"))
		p := junitPlace{name: e.Attr("name"), suite: e.Attr("name"), host: read.OneLine(e.Attr("hostname"))}
		if n := len(j.suites); n > 0 {
			p.suite = joinNames(" > ", j.suites[n-1].suite, p.suite)
		}
		const long = limits.BenchmarkNameBytes / 4 // for the two of them there must be room in a name
		p.name, p.host = shorten(p.name, limits.BenchmarkNameBytes+1), shorten(p.host, long)
		if p.suiteNumber = j.number(p.suite); len(p.suite) > long {
			p.suite = shorten(p.suite, long) + " #" + strconv.Itoa(p.suiteNumber)
		}
		p.hostNumber = j.number(p.host)
		j.suites = append(j.suites, p)
	case "testcase":
		class := e.Attr("classname")
		j.test = junitPlace{}
		if n := len(j.suites); n > 0 {
			j.test = j.suites[n-1]
			if class == "" {
				class = j.test.name
			}
		}
		j.test.name = joinNames("::", class, e.Attr("name"))
		j.time, j.failed, j.skipped, j.inCase = e.Attr("time"), "", false, true
		for _, said := range []string{e.Attr("status"), e.Attr("result")} {
			switch strings.ToLower(said) {
			case "notrun", "skipped", "disabled", "suppressed", "ignored":
				j.skipped = true
			case "fail", "failed", "failure", "error":
				j.failed = said
			}
		}
	case "failure", "error":
		if j.inCase {
			j.failed = joinNames(" ", e.Name+":", e.Attr("message"))
		}
	case "skipped":
		j.skipped = true
	}
	return nil
}

func (j *junitRead) end(e *read.Element) {
	switch e.Name {
	case "testsuite":
		j.suites = j.suites[:len(j.suites)-1]
	case "testcase":
		j.inCase = false
		j.n++
		v, ok := j.read(j.time)
		switch {
		case j.failed != "":
			j.problem(j.test.name, 0, "the test did not pass: %s", j.failed)
		case j.skipped:
		case j.time == "":
			j.timeless++
		case v >= 1000 && strings.HasPrefix(j.test.name, "benchmark::"): // of libtest, which writes the sum of its nanoseconds there
			j.problem(j.test.name, 0, "its time is no time in seconds: read what libtest prints")
		case !ok || !read.Finite(v):
			j.problem(j.test.name, 0, "its time %q is no number, or more than one", j.time)
		default:
			j.add(v * 1e9)
			return
		}
	}
}

// read reads seconds. A single comma before three digits may group or part them: the other times of the document tell.
func (j *junitRead) read(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	comma, point := strings.IndexByte(text, ','), strings.IndexByte(text, '.')
	decimal := func() (float64, bool) {
		return read.GroupedNumber([]byte(text), '.')
	}
	grouped := func() (float64, bool) {
		return read.GroupedNumber([]byte(text), ',')
	}
	switch {
	case comma < 0:
		v, ok := read.Number([]byte(text))
		j.points = j.points || ok && point >= 0
		return v, ok
	case point > comma:
		j.points = true
		return grouped()
	case point >= 0, strings.HasPrefix(text, "0,"), len(text)-comma-1 != len("000") && strings.Count(text, ",") == 1:
		j.commas = true
		return decimal()
	case strings.Count(text, ",") > 1, j.points && !j.commas:
		return grouped()
	case j.commas && !j.points:
		return decimal()
	}
	return 0, false
}

func (j *junitRead) add(nanos float64) {
	if j.err != nil { // places hold no more names than there may be benchmarks
		return
	}
	p := j.test
	key := p.name + "\x00" + strconv.Itoa(p.suiteNumber) + " " + strconv.Itoa(p.hostNumber)
	if _, known := j.places[key]; !known {
		j.places[key] = p
		home, other := j.homes[p.name]
		if !other {
			home.first = p
		}
		home.suites = home.suites || p.suiteNumber != home.first.suiteNumber
		home.hosts = home.hosts || p.hostNumber != home.first.hostNumber
		j.homes[p.name] = home
	}
	j.value(key, unit.Latency, nanos, 0)
}

// title is the test's name, with its place as far as others of that name stand elsewhere.
func (j *junitRead) title(p junitPlace) string {
	var ps []read.Parameter
	home := j.homes[p.name]
	if home.suites {
		ps = append(ps, read.Parameter{Name: "suite", Value: p.suite})
	}
	if home.hosts {
		ps = append(ps, read.Parameter{Name: "host", Value: p.host})
	}
	return withParameters(p.name, ps)
}
