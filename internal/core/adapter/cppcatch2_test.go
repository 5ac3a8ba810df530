package adapter

import (
	"strings"
	"testing"
)

func TestCppCatch2(t *testing.T) {
	t.Parallel()
	line := func(c string) string { return strings.Repeat(c, 79) + "\n" }
	dots, rule := line("."), line("-")
	head := "benchmark name                       samples       iterations    estimated\n                                     mean          low mean      high mean\n                                     std dev       low std dev   high std dev\n" + rule
	short := "benchmark name                            samples    iterations          mean\n" + rule
	values := "                                        2 us    1 us    3 us \n                                       100 ns   50 ns   200 ns \n" + strings.Repeat(" ", 79) + "\n"
	open := func(titles string) string { return rule + titles + rule + "c.cc:5\n" + dots + "\n" }
	const two = "\tLatency: 2000 from 1900 to 2100 nanoseconds (ns), lower\n"
	eachOutput(t, "cpp_catch2", []output{
		{"without analysis a benchmark is one line", open("t\n") + short + "a name that is long enough for a                                               \nsecond line of 10 ms                             5           118     206.08 ns \nb                                                5          5401        3.5 ns printed 1 ms\n",
			"\nt: a name that is long enough for a second line of 10 ms\n\tLatency: 206.08 nanoseconds (ns), lower\n\nt: b\n\tLatency: 3.5 nanoseconds (ns), lower\n"},
		{"a test case's name that is broken is one", open("a test case with a name that is so long that it has to be broken into two\nlines of the console\n  a section whose name is so long that it also has to be broken into pieces of\n  two or more lines\n  next\n") + head + "a                                                5           121     129.47 us \n" + values,
			"\na test case with a name that is so long that it has to be broken into two lines of the console: a section whose name is so long that it also has to be broken into pieces of two or more lines: next: a\n" + two},
		{"a failure of several lines is not the next one's name", open("t\n") + head + "a                                    Benchmark failed (late\nfailure 10 ms) \nb                                                5           121     129.47 us \nBenchmark failed (later) \nc                                                5           121     129.47 us \n" + values,
			"\nt: c\n" + two + "\nproblem: line 11: t: a: it failed: late failure 10 ms\n\nproblem: line 13: t: b: it failed: later\n"},
		{"what a test prints is no name and no result", open("t\n") + head + "a                                                5           121     129.47 us printed\nmore\n" + strings.TrimRight(values, "\n ") + "\n" + strings.Repeat(" ", 79) + "between 12 ms\n\nb                                                5           121     129.47 us \n" + values,
			"\nt: a\n" + two + "\nt: b\n" + two},
		{"results that are not there are missed", open("t\n") + head + "a                                                5           121     129.47 us \nb                                                5           121     129.47 us \n" + values + "c                                                5           121     129.47 us \n" + line("="),
			"\nt: b\n" + two + "\nproblem: line 11: t: a: its results are not there\n\nproblem: line 16: t: c: its results are not there\n"},
		{"a test case that throws is told", open("t\n") + head + "a                                                5           121     129.47 us \n" + values + open("u\n") + "c.cc:9: FAILED:\ndue to unexpected exception with message:\n  it does not work\n\n",
			"\nt: a\n" + two + "\nproblem: line 23: u: it threw: it does not work\n"},
		{"a crash takes no other benchmark with it", `<Catch2TestRun><TestCase name="t"><BenchmarkResults name="a"><mean value="5"/></BenchmarkResults><BenchmarkResults name="b"><mean value="6"/>`,
			"\nt: a\n\tLatency: 5 nanoseconds (ns), lower\n\nproblem: line 1: the output was cut off, as by a crash: XML: unexpected EOF (line 1, column 142)\n"},
		{"without analysis there is no deviation", `<Catch2TestRun><TestCase name="t"><BenchmarkResults name="a"><mean value="5" lowerBound="5" upperBound="5" ci="0"/><standardDeviation value="0" ci="0"/></BenchmarkResults><FatalErrorCondition>SIGSEGV</FatalErrorCondition></TestCase></Catch2TestRun>`,
			"\nt: a\n\tLatency: 5 nanoseconds (ns), lower\n\nproblem: t: it threw: SIGSEGV\n"},
	})
}
