package adapter

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/limits"
)

func TestTinybench(t *testing.T) {
	t.Parallel()
	const a = "\na\n\tLatency: 200 from 190 to 210 nanoseconds (ns), lower\n\tThroughput: 5000 from 4900 to 5100 operations / second (ops/s), higher\n\tLatency p50: 150 nanoseconds (ns), lower\n"
	eachOutput(t, "tinybench", []output{
		{"the printed table has units and margins, in any shell's drawing", "┌───┐\n│ (index) │ Task name │ Latency avg (ns) │ Latency med (ns) │ Throughput avg (ops/s) │ Throughput med (ops/s) │ Samples │ Error │\n├───┤\n" +
			"│ 0 │ 'a' │ '200.00 ± 5.00%' │ '150.00 ± 10.00' │ '5000 ± 2.00%' │ '6000 ± 1' │ 64 │ │\n│ 1 │ b │ 2000000000 ± 1.00% │ 1 ± 1 │ 1 ± 1.00% │ 1 ± 0 │ 5 │ │\n│ 2 │ 'c │ d' │ │ │ │ │ │ 'no' │\n└───┘\nlater │ x │ y │ z\n",
			a + "\nb\n\tLatency: 2e+09 from 1.98e+09 to 2.02e+09 nanoseconds (ns), lower\n\tThroughput: 0.5 operations / second (ops/s), higher\n\tLatency p50: 1 nanoseconds (ns), lower\n\nproblem: line 6: c │ d: it failed: no\n"},
		{"digits of version 2 are grouped as the machine's language has it", "│ (index) │ Task Name │ ops/sec │ Average Time (ns) │ Margin │ Samples │\n│ 0 │ 'a' │ '1.638.832' │ 500.5 │ '±100.00%' │ 1639 │\n│ 1 │ 'b' │ 'NaN' │ 'NaN' │ 'NaN' │ 'NaN' │\n",
			"\na\n\tLatency: 500.5 from 0 to 1001 nanoseconds (ns), lower\n\tThroughput: 1.998001998001998e+06 operations / second (ops/s), higher\n\nproblem: line 3: b: it has no mean: it failed or did not run\n"},
		{"the table is also written as JSON", `[null,{"Task name":"a","Latency avg (ns)":"200.00 ± 5.00%","Latency med (ns)":"150.00 ± 10.00","Throughput avg (ops/s)":"5000 ± 2.00%","Samples":64},{"Task name":"b","Error":"no","Stack":"at"}]`,
			a + "\nproblem: line 1: b: it failed: no\n"},
		{"lists of an object are told apart by their names", `{"results":[{"name":"a","result":{"latency":{"mean":1},"throughput":{"mean":2}}}],"other":[{"name":"a","result":{"latency":{"mean":2},"throughput":{"mean":1}}}]}`,
			"\na\n\tLatency: 1e+06 nanoseconds (ns), lower\n\tThroughput: 2 operations / second (ops/s), higher\n\nother > a\n\tLatency: 2e+06 nanoseconds (ns), lower\n\tThroughput: 1 operations / second (ops/s), higher\n"},
		{"what was aborted is said", `[{"name":"a","result":{"aborted":true,"latency":{"mean":1},"throughput":{"mean":2}}},{"name":"b","result":{"state":"aborted-with-statistics","latency":{"mean":1},"throughput":{"mean":2}}},{"name":"c","result":{"state":"not-started"}}]`,
			"\na\n\tLatency: 1e+06 nanoseconds (ns), lower\n\tThroughput: 2 operations / second (ops/s), higher\n\nb\n\tLatency: 1e+06 nanoseconds (ns), lower\n\tThroughput: 2 operations / second (ops/s), higher\n" +
				"\nproblem: line 1: a: it was aborted; its numbers are of a part of its time\n\nproblem: line 1: b: it was aborted; its numbers are of a part of its time\n\nproblem: line 1: c: its state is \"not-started\"\n"},
	})
}

func TestOfMillionsOfSamplesSomeAreKeptFromTheWholeList(t *testing.T) {
	t.Parallel()
	samples := "[" + strings.Repeat("1,", 2*limits.SamplesPerMetric) + strings.Repeat("3,", 2*limits.SamplesPerMetric) + "9]"
	got := parse(t, "tinybench", `[{"name":"a","result":{"hz":1,"period":1,"rme":1,"mean":2,"samples":`+samples+`}},{"name":"b","result":{"mean":1,"samples":[1,2]}}]`)
	kept := got.Benchmarks[0].Metrics[0].Samples
	threes := 0
	for _, v := range kept {
		if v == 3e6 {
			threes++
		}
	}
	if len(got.Benchmarks) != 2 || len(kept) != limits.SamplesPerMetric/2+1 || threes != limits.SamplesPerMetric/4 || kept[len(kept)-1] != 9e6 || len(got.Problems) != 1 {
		t.Errorf("%d samples, %d of them of the second half, problems %+v", len(kept), threes, got.Problems)
	}
}
