package adapter

import (
	"testing"
)

func TestJSBenchmark(t *testing.T) {
	t.Parallel()
	eachOutput(t, "js_benchmark", []output{
		{"what was aborted has zeros, which are no rates", "a x 0.00 ops/sec ±0.00% (0 runs sampled)\nb x 1,234 ops/sec ±1.00% (1 run sampled)\n",
			"\nb\n\tThroughput: 1234 from 1221.66 to 1246.34 operations / second (ops/s), higher\n\nproblem: line 1: a: not a single run was sampled: it was aborted\n"},
		{"a suite has its benchmarks under numbers, with the time of each cycle", `{"0":{"name":"a","id":1,"stats":{"moe":1,"rme":10,"deviation":0.5,"mean":2,"sample":[1,3],"variance":1},"times":{"period":2},"cycles":3,"hz":0.5},` +
			`"1":{"id":2,"stats":{"moe":0,"rme":0,"deviation":0,"mean":0,"sample":[],"variance":0},"times":{"period":0},"cycles":0,"error":{},"aborted":true},"2":{"id":3,"stats":{"mean":0},"aborted":true},"options":{"name":"s"},"length":3}`,
			"\na\n\tLatency: 2e+09 from 1.5e+09 to 2.5e+09 nanoseconds (ns), lower\n\t\t1e+09 3e+09\n\tThroughput: 0.5 from 0.45 to 0.55 operations / second (ops/s), higher\n" +
				"\nproblem: line 1: <Test #2>: it failed: an error\n\nproblem: line 1: <Test #3>: it was aborted\n"},
		{"a list may have the statistics apart", `[{"name":"a","hz":0.5,"stats":{"moe":1,"rme":10,"mean":2}},{"name":"b","hz":0,"stats":{"moe":0,"rme":0,"mean":0},"error":"no"}]`,
			"\na\n\tLatency: 2e+09 nanoseconds (ns), lower\n\tThroughput: 0.5 from 0.45 to 0.55 operations / second (ops/s), higher\n\nproblem: line 1: b: it failed: no\n"},
	})
}

func TestTheMedianOfSamplesIsTakenWhereThereIsNone(t *testing.T) {
	t.Parallel()
	input := `[{"name":"a","hz":0.5,"stats":{"moe":1,"rme":10,"mean":4,"sample":[1,3,8]}},{"name":"b","hz":0.5,"stats":{"moe":1,"rme":10,"mean":2}}]`
	got, err := Parse("js_benchmark", []byte(input), Options{Average: AverageMedian})
	if err != nil || len(got.Benchmarks) != 2 || got.Benchmarks[0].Metrics[0].Value != 3e9 || got.Benchmarks[1].Metrics[0].Value != 2e9 ||
		len(got.Problems) != 1 || got.Problems[0].Message != "it has no median; the value is its mean" {
		t.Errorf("%+v, %v", got, err)
	}
}
