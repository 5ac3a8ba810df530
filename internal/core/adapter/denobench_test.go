package adapter

import (
	"testing"
)

func TestDeno(t *testing.T) {
	t.Parallel()
	const a = "\tLatency: 50 nanoseconds (ns), lower\n\tLatency min: 30 nanoseconds (ns), lower\n\tLatency max: 5000 nanoseconds (ns), lower\n\tLatency p75: 33.5 nanoseconds (ns), lower\n\tLatency p99: 600 nanoseconds (ns), lower\n\tLatency p99.5: 900 nanoseconds (ns), lower\n"
	const slow = "\tLatency: 1.5e+09 nanoseconds (ns), lower\n\tLatency min: 1.5e+09 nanoseconds (ns), lower\n\tLatency max: 1.5e+09 nanoseconds (ns), lower\n\tLatency p75: 1.5e+09 nanoseconds (ns), lower\n\tLatency p99: 1.5e+09 nanoseconds (ns), lower\n\tLatency p99.5: 1.5e+09 nanoseconds (ns), lower\n"
	eachOutput(t, "deno_bench", []output{
		{"files of the same name are told apart by their folders", `{"runtime":"Deno","benches":[{"origin":"file:///s/a/x.ts","group":null,"name":"n","results":[{"ok":{"avg":1}}]},{"origin":"file:///s/b/x.ts","group":"g","name":"n","results":[{"ok":{"avg":2}}]},{"origin":"file:///s/b/y.ts","group":null,"name":"n","results":[{"ok":{"avg":3}},{"failed":{"message":"no"}}]}]}`,
			"\na/x.ts > n\n\tLatency: 1 nanoseconds (ns), lower\n\nb/x.ts > g > n\n\tLatency: 2 nanoseconds (ns), lower\n\ny.ts > n\n\tLatency: 3 nanoseconds (ns), lower\n\nproblem: line 1: y.ts > n: it failed: no\n"},
		{"the printed table has a rate with more digits than the time", "    CPU | x\nRuntime | Deno 2.9.6\n\nfile:///s/x_bench.ts\n\n| benchmark     | time/iter (avg) |        iter/s |      (min … max)      |      p75 |      p99 |     p995 |\n| ------------- | --------------- | ------------- | --------------------- | -------- | -------- | -------- |\n" +
			"| a | b         |         51.0 ns |    20,000,000 | ( 30.0 ns …   5.0 µs) |  33.5 ns | 600.0 ns | 900.0 ns |\nbad           error: Error: no\n| slow          |           1.5 s |           0.7 | (   1.5 s …    1.5 s) |    1.5 s |    1.5 s |    1.5 s |\n\ngroup url\n| a             |         51.0 ns |    20,000,000 | ( 30.0 ns …   5.0 µs) |  33.5 ns | 600.0 ns | 900.0 ns |\n\nsummary\n  a\n     1.14x faster than b\n",
			"\nx_bench.ts > a | b\n" + a + "\nx_bench.ts > slow\n" + slow + "\nx_bench.ts > url > a\n" + a + "\nproblem: line 9: x_bench.ts > bad: it failed: Error: no\n"},
		{"older versions have other columns", "file:///s/x_bench.ts\nbenchmark      time (avg)        iter/s             (min … max)       p75       p99      p995\n------------------------------------------------------------- -----------------------------\na 1        51.0 ns/iter  20,000,000.0    (30.0 ns … 5.0 µs)   33.5 ns  600.0 ns  900.0 ns\nslow        1.5 s/iter           0.7        (1.5 s … 1.5 s)     1.5 s     1.5 s     1.5 s\n",
			"\nx_bench.ts > a 1\n" + a + "\nx_bench.ts > slow\n" + slow},
	})
}
