package adapter

import (
	"testing"
)

func TestVitest(t *testing.T) {
	t.Parallel()
	const header = "     name             hz     min     max    mean     p75     p99    p995    p999     rme  samples\n"
	const join = "   · join, all  2,000,000.00  0.0001  1.5000  0.0005  0.0100  0.0002  0.0002  0.0300  ±50.00%   100   fastest\n"
	const want = "\na.bench.ts > g > join, all\n\tLatency: 500 nanoseconds (ns), lower\n\tThroughput: 2e+06 from 1e+06 to 3e+06 operations / second (ops/s), higher\n\tLatency max: 1.5e+06 nanoseconds (ns), lower\n\tLatency p75: 10000 nanoseconds (ns), lower\n\tLatency p99.9: 30000 nanoseconds (ns), lower\n"
	eachOutput(t, "js_vitest", []output{
		{"printed times that have lost their digits are left out", " ✓ a.bench.ts > g 1019ms\n" + header + join + "   ↓ skipped [skipped]\n   · bad  0.0000  0.0000  0.0000  0.0000  0.0000  0.0000  0.0000  0.0000  ±0.00%        0\n", want + "\nproblem: line 5: a.bench.ts > g > bad: it has no mean: it failed or did not run\n"},
		{"a table that is printed again is one", " ✓ a.bench.ts > g 1019ms\n" + header + join + "\n ✓ a.bench.ts > g 1.1s\n" + header + join, want},
		{"what did not run is said", `{"files":[{"groups":[{"fullName":"a","benchmarks":[{"name":"b","rme":0,"samples":[],"hz":null,"mean":null},{"name":"c","mean":1}]}]}]}`,
			"\na > c\n\tLatency: 1e+06 nanoseconds (ns), lower\n\nproblem: line 1: a > b: it has no mean: it failed or did not run\n"},
	})
}
