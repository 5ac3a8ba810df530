package adapter

import (
	"testing"
)

func TestJUnit(t *testing.T) {
	t.Parallel()
	const second = "\n\tLatency: 1e+09 nanoseconds (ns), lower\n"
	eachOutput(t, "junit", []output{
		{"suites with the same tests are told apart", `<testsuites><testsuite name="chrome"><testcase classname="c" name="a" time="1"/><testcase classname="c" name="b" time="1"/></testsuite><testsuite name="all"><testsuite name="firefox"><testcase classname="c" name="a" time="1"/></testsuite></testsuite></testsuites>`,
			"\nc::a {suite=chrome}" + second + "\nc::b" + second + "\nc::a {suite=all > firefox}" + second},
		{"so are hosts", `<testsuites><testsuite name="s" hostname="x"><testcase name="a" time="1"/></testsuite><testsuite name="s" hostname="y"><testcase name="a" time="1"/></testsuite></testsuites>`, "\ns::a {host=x}" + second + "\ns::a {host=y}" + second},
		{"a test that is repeated has samples", `<testsuites><testsuite name="s"><testcase name="a" time="1"/><testcase name="a" time="3"/></testsuite><testsuite name="s"><testcase name="a" time="2"/></testsuite></testsuites>`,
			"\ns::a\n\tLatency: 2e+09 from 1e+09 to 3e+09 nanoseconds (ns), lower\n\t\t1e+09 3e+09 2e+09\n"},
		{"a comma may be a decimal mark", `<testsuite name="s" time="1.234,5"><testcase name="a" time="0,123"/><testcase name="b" time="1,234"/><testcase name="c" time="12,5"/><testcase name="d" time="1"/></testsuite>`,
			"\ns::a\n\tLatency: 1.23e+08 nanoseconds (ns), lower\n\ns::b\n\tLatency: 1.234e+09 nanoseconds (ns), lower\n\ns::c\n\tLatency: 1.25e+10 nanoseconds (ns), lower\n\ns::d" + second},
		{"or group the digits", `<testsuite name="s" time="2,469.5"><testcase name="a" time="1,234"/><testcase name="b" time="1,234.5"/><testcase name="c" time="1,234,567"/></testsuite>`,
			"\ns::a\n\tLatency: 1.234e+12 nanoseconds (ns), lower\n\ns::b\n\tLatency: 1.2345e+12 nanoseconds (ns), lower\n\ns::c\n\tLatency: 1.234567e+15 nanoseconds (ns), lower\n"},
		{"where nothing tells which, there is no number", `<testsuite name="s"><testcase name="a" time="1,234"/><testcase name="b" time="1"/><testcase name="c"/></testsuite>`,
			"\ns::b" + second + "\nproblem: s::a: its time \"1,234\" is no number, or more than one\n\nproblem: 1 test cases have no time\n"},
		{"libtest writes nanoseconds", `<testsuite name="test"><testcase classname="benchmark::tests" name="fib_10" time="5749.1"/><testcase classname="tests" name="ok" time="1"/></testsuite>`,
			"\ntests::ok" + second + "\nproblem: benchmark::tests::fib_10: its time is no time in seconds: read what libtest prints\n"},
		{"a test that did not run has no time", `<testsuite name="s"><testcase name="a" status="notrun" result="suppressed" time="0."/><testcase name="b" status="run" result="completed" time="1."/><testcase name="c" status="failed" time="9"/></testsuite>`,
			"\ns::b" + second + "\nproblem: s::c: the test did not pass: failed\n"},
		{"a test that passed at last has passed", `<testsuite name="s"><testcase name="a" time="1"><flakyFailure message="no"/></testcase><testcase name="b" time="1"><failure message="no"/><rerunFailure message="no"/></testcase></testsuite>`, "\ns::a" + second + "\nproblem: s::b: the test did not pass: failure: no\n"},
	})
}

func TestSuitesInSuitesAreRecognised(t *testing.T) {
	t.Parallel()
	const phpunit = `<testsuites><testsuite name="phpunit.xml"><testsuite name="unit"><testsuite name="T"><testsuite name="T::a"><testcase name="a" class="T" classname="T" time="1"/></testsuite></testsuite></testsuite></testsuite></testsuites>`
	if got := parse(t, Magic, phpunit); got.Adapter != "junit" || len(got.Benchmarks) != 1 || got.Benchmarks[0].Name != "T::a" {
		t.Errorf("%s read %+v, want junit and T::a", got.Adapter, got.Benchmarks)
	}
}
