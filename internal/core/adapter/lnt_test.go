package adapter

import (
	"testing"
)

func TestLNT(t *testing.T) {
	t.Parallel()
	eachOutput(t, "lnt", []output{
		{"the older format has the metric in the name", `{"Machine":{"Name":"m"},"Run":{"Info":{"tag":"nts"}},"Tests":[{"Name":"nts.a/b.c.exec","Data":[0.5,0.7],"Info":{}},{"Name":"nts.a/b.c.exec.status","Data":[0.0],"Info":{}},{"Name":"nts.a/b.c.compile","Data":[2]},{"Name":"nts.a/b.c.hash","Data":["x"]},` +
			`{"Name":"nts.d.exec","Data":[9]},{"Name":"nts.d.exec.status","Data":[1.0]},{"Name":"nts.f.mem","Data":[7]},{"Name":"compile.e.user","Data":[1]}]}`,
			"\na/b.c\n\tLatency: 6e+08 from 5e+08 to 7e+08 nanoseconds (ns), lower\n\t\t5e+08 7e+08\n\tCompile Time: 2e+09 nanoseconds (ns), lower\n\nf\n\tPeak Memory: 7 bytes (B), lower\n\ne\n\tUser Time: 1e+09 nanoseconds (ns), lower\n\nproblem: line 1: d: its execution failed\n"},
		{"what a failed test measured is left out", `{"format_version":"2","machine":{},"run":{},"tests":[{"name":"a","execution_time":0.0,"score":3,"execution_status":1,"compile_time":1,"compile_status":0},{"name":"b","execution_time":2,"execution_status":2},{"name":"c"}]}`,
			"\na\n\tCompile Time: 1e+09 nanoseconds (ns), lower\n\nb\n\tLatency: 2e+09 nanoseconds (ns), lower\n\nproblem: line 1: a: its execution failed\n\nproblem: line 1: c: it has no metric\n"},
		{"a metric may be called as a measure", `{"format_version":"2","machine":{},"run":{},"tests":[{"name":"a","execution_time":2,"throughput":5,"size.data":6}]}`,
			"\na\n\tLatency: 2e+09 nanoseconds (ns), lower\n\tthroughput (counter): 5 units, unknown\n\tsize.data: 6 units, unknown\n"},
	})
}
