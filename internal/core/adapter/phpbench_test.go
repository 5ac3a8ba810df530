package adapter

import (
	"testing"
)

func TestPHPBench(t *testing.T) {
	t.Parallel()
	const head, tail = `<phpbench version="1.2"><suite tag="a"><benchmark class="\N\C"><subject name="s"><executor name="remote"><parameter name="php_config" type="collection"/></executor>`, `</subject></benchmark></suite></phpbench>`
	const read = "\n\tLatency: 1500 nanoseconds (ns), lower\n\t\t1500\n"
	const iteration = `<iteration time-net="15" time-revs="10" time-avg="1.5"/><stats mean="1.5" stdev="0"/></variant>`
	eachOutput(t, "phpbench", []output{
		{"variants that differ in their revolutions are different", head + `<variant revs="1" warmup="0"><parameter-set name=""/>` + iteration + `<variant revs="8" warmup="0"><parameter-set name=""/>` + iteration + tail, "\nN\\C::s {revs=1}" + read + "\nN\\C::s {revs=8}" + read},
		{"and in their warm-ups", head + `<variant revs="1" warmup="0"><parameter-set name="x"/>` + iteration + `<variant revs="1" warmup="2"><parameter-set name="x"/>` + iteration + tail, "\nN\\C::s {warmup=0,x}" + read + "\nN\\C::s {warmup=2,x}" + read},
		{"a numbered set has its values in the name", head + `<variant revs="1"><parameter-set name="0"><parameter name="n" value="10"/></parameter-set>` + iteration + `<variant revs="1"><parameter-set name="0,1"><parameter name="n" value="20"/><parameter name="t" value="a  b"/></parameter-set>` + iteration + tail,
			"\nN\\C::s {n=10}" + read + "\nN\\C::s {n=20,t=a  b}" + read},
		{"unless they are no texts", head + `<variant revs="1"><parameter-set name="0"><parameter name="n" type="collection"><parameter name="k" value="1"/></parameter></parameter-set>` + iteration + `<variant revs="1"><parameter-set name="1"><parameter name="n" type="collection"/></parameter-set>` + iteration + tail,
			"\nN\\C::s {0}" + read + "\nN\\C::s {1}" + read},
		{"older versions number the set of none", head + `<variant revs="1"><parameter-set name="0"/>` + iteration + tail, "\nN\\C::s" + read},
		{"without an average the time is of all revolutions", head + `<variant revs="10"><parameter-set name=""/><iteration time-net="15"/></variant>` + tail, "\nN\\C::s" + read},
		{"an assertion that does not hold is told, and the time kept", head + `<variant revs="1"><parameter-set name=""/><failures><failure>too slow</failure></failures>` + iteration + `<variant revs="1"><parameter-set name="x"/><errors><error exception-class="E">no</error></errors></variant>` + tail,
			"\nN\\C::s" + read + "\nproblem: N\\C::s: an assertion does not hold: too slow\n\nproblem: N\\C::s {x}: it failed: E: no\n"},
	})
}
