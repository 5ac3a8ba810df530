package adapter

import (
	"testing"
)

func TestMitata(t *testing.T) {
	t.Parallel()
	const rule = "------------------- -------------------------------\n"
	eachOutput(t, "mitata", []output{
		{"groups tell the same name apart, wherever they stand", `{"layout":[{"name":null},{"name":"g"}],"benchmarks":[{"alias":"a","group":0,"runs":[{"name":"a","args":{},"stats":{"avg":1}}]},{"runs":[{"name":"a","args":{"n":1},"stats":{"avg":2,"p50":3}}],"alias":"a","group":1}]}`,
			"\na\n\tLatency: 1 nanoseconds (ns), lower\n\ng > a {n=1}\n\tLatency: 2 nanoseconds (ns), lower\n\tLatency p50: 3 nanoseconds (ns), lower\n"},
		{"version 0.1 has no runs", `{"benchmarks":[{"name":"a","group":null,"warmup":true,"baseline":false,"stats":{"samples":[1,2],"avg":1.5,"p999":2}},{"name":"a","group":"g","warmup":true,"baseline":false,"stats":{"avg":2}},{"name":"b","group":null,"error":{"message":"no"}}]}`,
			"\na\n\tLatency: 1.5 nanoseconds (ns), lower\n\t\t1 2\n\tLatency p99.9: 2 nanoseconds (ns), lower\n\ng > a\n\tLatency: 2 nanoseconds (ns), lower\n\nproblem: line 1: b: it failed: no\n"},
		{"what is printed has extremes and heap below", "benchmark           avg (min … max) p75 / p99    (min … top 1%)\n" + rule + "a b                   1.50 µs/iter 438.06 ns █▃  !\n            (37.47 ns … 3.18 ms)   3.07 µs ██\n        (  4.63  b …   1.50 kb)   2.00 kb ███\n\n" +
			"c                     1.50 ps/iter\n    gc(  2.88 ms …  42.03 ms)   8.50  b (  1.98  b…161.49  b)\n\nbad                   error: no\n\n• g\n" + rule + "a b                   2.00 ns/iter   3.00 ns   4.00 ns █▁\na b                   5.00 ns/iter\n\n" + rule + "d    1.00 s/iter\n\nsummary\n  a b\n   2x faster than c\n",
			"\na b\n\tLatency: 1500 nanoseconds (ns), lower\n\tLatency p75: 438.06 nanoseconds (ns), lower\n\tLatency min: 37.47 nanoseconds (ns), lower\n\tLatency max: 3.18e+06 nanoseconds (ns), lower\n\tLatency p99: 3070 nanoseconds (ns), lower\n\tHeap per Iteration: 2048 bytes (B), lower\n" +
				"\nc\n\tLatency: 0.0015 nanoseconds (ns), lower\n\tHeap per Iteration: 8.5 bytes (B), lower\n\ng > a b\n\tLatency: 2 nanoseconds (ns), lower\n\tLatency p75: 3 nanoseconds (ns), lower\n\tLatency p99: 4 nanoseconds (ns), lower\n\ng > a b #2\n\tLatency: 5 nanoseconds (ns), lower\n" +
				"\nd\n\tLatency: 1e+09 nanoseconds (ns), lower\n\nproblem: line 10: bad: it failed: no\n"},
		{"a table of Markdown is read", "| benchmark |              avg |         min |         p75 |         p99 |         max |\n| --- | --- | --- | --- | --- | --- |\n| a|b | `301.50 ns/iter` | ` 37.00 ns` | `313.00 ns` | `  1.50 µs` | `  2.00 µs` |\n\n| • g |              avg |         min |         p75 |         p99 |         max |\n| a   | ` 1.00 ns/iter` | ` 1.00 ns` | `2.00 ns` | `3.00 ns` | `4.00 ns` |\n| b   | error: no |\n",
			"\na|b\n\tLatency: 301.5 nanoseconds (ns), lower\n\tLatency min: 37 nanoseconds (ns), lower\n\tLatency p75: 313 nanoseconds (ns), lower\n\tLatency p99: 1500 nanoseconds (ns), lower\n\tLatency max: 2000 nanoseconds (ns), lower\n" +
				"\ng > a\n\tLatency: 1 nanoseconds (ns), lower\n\tLatency min: 1 nanoseconds (ns), lower\n\tLatency p75: 2 nanoseconds (ns), lower\n\tLatency p99: 3 nanoseconds (ns), lower\n\tLatency max: 4 nanoseconds (ns), lower\n\nproblem: line 7: g > b: it failed: no\n"},
		{"version 0.1 parts thousands with an apostrophe", "benchmark      time (avg)             (min … max)       p75       p99      p995\n" + rule + "join         60.5 ns/iter   (34.50 ns … 2'474 ns)  36.75 ns  1'094 ns  2'066 ns\nbad     error: no\n",
			"\njoin\n\tLatency: 60.5 nanoseconds (ns), lower\n\tLatency min: 34.5 nanoseconds (ns), lower\n\tLatency max: 2474 nanoseconds (ns), lower\n\tLatency p75: 36.75 nanoseconds (ns), lower\n\tLatency p99: 1094 nanoseconds (ns), lower\n\tLatency p99.5: 2066 nanoseconds (ns), lower\n\nproblem: line 4: bad: it failed: no\n"},
	})
}
