package adapter

import (
	"testing"
)

func TestPyperf(t *testing.T) {
	t.Parallel()
	eachOutput(t, "pyperf", []output{
		{"each run has its peak memory", `{"version":"1.0","benchmarks":[{"metadata":{"name":"a"},"runs":[{"metadata":{"mem_max_rss":9},"warmups":[[1,9]]},{"metadata":{"mem_max_rss":7},"values":[3,4]},{"metadata":{"mem_max_rss":5},"values":[5]}]}]}`,
			"\na\n\tLatency: 4e+09 from 3e+09 to 5e+09 nanoseconds (ns), lower\n\t\t3e+09 4e+09 5e+09\n\tPeak Memory: 6 from 5 to 7 bytes (B), lower\n\t\t7 5\n"},
		{"what runs have in common is told once, and a command's memory is not that of its runner", `{"benchmarks":[{"metadata":{"command_max_rss":8},"runs":[{"metadata":{"mem_max_rss":5},"values":[1]}]}],"metadata":{"name":"a","unit":"integer","mem_max_rss":3}}`,
			"\na\n\tValue: 1 units, unknown\n\t\t1\n\tPeak Memory: 8 bytes (B), lower\n\t\t8\n"},
		{"of all benchmarks too", `{"benchmarks":[{"metadata":{"name":"a"},"runs":[{"values":[1]}]},{"metadata":{"name":"b","unit":"byte"},"runs":[{"warmups":[[1,1]]}]}],"metadata":{"mem_max_rss":3,"command_max_rss":4}}`,
			"\na\n\tLatency: 1e+09 nanoseconds (ns), lower\n\t\t1e+09\n\tPeak Memory: 4 bytes (B), lower\n\t\t4\n\nproblem: line 1: b: it has no values\n"},
	})
}
