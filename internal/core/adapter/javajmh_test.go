package adapter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/limits"
)

func TestJavaJMH(t *testing.T) {
	t.Parallel()
	const head = `"Benchmark","Mode","Threads","Samples","Score","Score Error (99,9%)","Unit","Param: n"` + "\r\n"
	second := func(metrics string) string {
		return `[{"benchmark":"a","mode":"avgt","primaryMetric":{"score":1,"scoreUnit":"ns/op","rawData":[[1,1],[1]]},"secondaryMetrics":{` + metrics + `}}]`
	}
	const one = "\na\n\tLatency: 1 nanoseconds (ns), lower\n\t\t1 1 1\n"
	eachOutput(t, "java_jmh", []output{
		{"some languages have a decimal comma", head + "\"a\",\"thrpt\",1,2,\"453118,5\",\"0,5\",\"ops/ms\",\r\n\"b\",\"avgt\",1,2,\"0,25\",NaN,\"us/op\",\"x, \"\"y\"\"\"\r\n",
			"\na\n\tThroughput: 4.531185e+08 from 4.53118e+08 to 4.53119e+08 operations / second (ops/s), higher\n\nb {n=x, \"y\"}\n\tLatency: 250 nanoseconds (ns), lower\n"},
		{"semicolons part columns too", strings.ReplaceAll(head, ",\"", ";\"") + "\"a\";\"thrpt\";1;2;453118,5;NaN;\"ops/s\";\r\n", "\na\n\tThroughput: 453118.5 operations / second (ops/s), higher\n"},
		{"what was rounded to zero took some time", head + "\"a\",\"avgt\",1,2,0.000000,0.000000,\"s/op\",\r\n\"a:gc.count\",\"avgt\",1,2,0.000000,NaN,\"counts\",\r\n\"b\",\"avgt\",1,2,1.000000,NaN,\"s/op\",\r\n\"b:gc.count\",\"avgt\",1,2,0.000000,NaN,\"counts\",\r\n",
			"\nb\n\tLatency: 1e+09 nanoseconds (ns), lower\n\tgc.count: 0 counts, lower\n\nproblem: line 2: a: its score is so near zero in s/op that it is rounded away: take another unit with -tu, or -rf json\n"},
		{"a group's methods have units as the group", second(`"get":{"score":2,"scoreUnit":"ops/us","rawData":[[1,3]]},"put":{"score":3,"scoreConfidence":[2,4],"scoreUnit":"ms/op"}`),
			one + "\tget: 2e+06 operations / second (ops/s), higher\n\t\t1e+06 3e+06\n\tput: 3e+06 from 2e+06 to 4e+06 nanoseconds (ns), lower\n"},
		{"there are slow units", `[{"benchmark":"a","mode":"avgt","primaryMetric":{"score":2,"scoreUnit":"day/op"}},{"benchmark":"b","mode":"thrpt","primaryMetric":{"score":3600,"scoreUnit":"ops/hr"}},{"benchmark":"c","mode":"ss","primaryMetric":{"score":1,"scoreUnit":"min/op"}}]`,
			"\na\n\tLatency: 1.728e+14 nanoseconds (ns), lower\n\nb\n\tThroughput: 1 operations / second (ops/s), higher\n\nc\n\tLatency: 6e+10 nanoseconds (ns), lower\n"},
		{"a counter is not the measure of its name", second(`"Latency":{"score":2,"scoreUnit":"#"}`), one + "\tLatency (counter): 2 #, unknown\n"},
		{"a sum's parts are no samples of it", second(`"·gc.count":{"score":5,"scoreUnit":"counts","rawData":[[0,0,5]]},"gc.alloc.rate.norm":{"score":2,"scoreUnit":"B/op","rawData":[[1,3]]}`),
			one + "\tgc.count: 5 counts, lower\n\tgc.alloc.rate.norm: 2 B/op, lower\n\t\t1 3\n"},
		{"not every rate is better when it is higher", second(`"class.load":{"score":2,"scoreUnit":"classes/sec"},"IPC":{"score":2,"scoreUnit":"insns/clk"},"CPI":{"score":0.5,"scoreUnit":"clks/insn"},"gc.alloc.rate":{"score":1,"scoreUnit":"MB/sec"}`),
			one + "\tclass.load: 2 classes/sec, unknown\n\tIPC: 2 insns/clk, higher\n\tCPI: 0.5 clks/insn, lower\n\tgc.alloc.rate: 1 MB/sec, lower\n"},
		{"a histogram has each call", `[{"benchmark":"a","mode":"sample","primaryMetric":{"score":2,"scorePercentiles":{"50.0":1},"scoreUnit":"us/op","rawDataHistogram":[[[[1,2],[4,1]],[[2,0],[3,1]]]]}}]`,
			"\na\n\tLatency: 2000 nanoseconds (ns), lower\n\t\t1000 1000 4000 3000\n\tLatency p50: 1000 nanoseconds (ns), lower\n"},
		{"a log has each iteration, and who failed", "[info] # Threads: 4 threads, will synchronize iterations\n[info] # Benchmark mode: Average time, time/op\n[info] # Benchmark: o.S.a\n[info] # Parameters: (n = 1, text = x, y)\n[info] # Warmup Iteration   1: 9.0 us/op\n[info] Iteration   1: 1,5 us/op\n" +
			"[info]                  gc.alloc.rate: 5 MB/sec\n[info] Iteration   2: 2,5 us/op\n[info] Result \"o.S.a\":\n[info]   2,000 ±(99.9%) 0,5 us/op [Average]\n[info]   (min, avg, max) = (1, 2, 3), stdev = 0\n[info]   CI (99.9%): [1, 3] (assumes normal distribution)\n[info] Secondary result \"o.S.a:gc.alloc.rate\":\n[info]   5.5 MB/sec\n" +
			"[info] Secondary result \"o.S.a:gc.count\":\n[info]   2.5 counts\n[info] Secondary result \"o.S.a:gc.time\":\n[info]   5.000 ±(99.9%) 0.001 ms [Sum]\n# Benchmark mode: Throughput, ops/time\n# Benchmark: o.S.b\n# Warmup Iteration   1: <failure>\n\njava.lang.Error: no\n\tat o.S.b\n# Benchmark: o.S.c\n<forked VM failed with exit code 1>\nBenchmark  Mode  Cnt  Score   Error  Units\nS.a        avgt    2  2.000 ± 0.500  us/op\n",
			"\no.S.a {n=1,text=x, y}\n\tLatency: 2000 from 1500 to 2500 nanoseconds (ns), lower\n\t\t1500 2500\n\tgc.alloc.rate: 5.5 MB/sec, lower\n\tgc.time: 5 ms, lower\n\nproblem: line 23: o.S.b: it failed: java.lang.Error: no\n\nproblem: line 26: o.S.c: it failed: forked VM failed with exit code 1\n"},
		{"a table has its columns where the header has them", "Benchmark      (s)   (t)   Mode  Cnt    Score   Error   Units\nS.a           a, b   N/A  thrpt    2  453,250 ± 0,250  ops/ms\nS.a:p0.50     a, b   N/A  thrpt        ≈ 10⁻⁵            s/op\nS.a:gc.count  a, b   N/A  thrpt    2      ≈ 0          counts\nS.b            N/A   1 2   avgt        ≈ 10⁻⁹            s/op\n\nS.c            N/A   1 2   avgt             1            s/op\n",
			"\nS.a {s=a, b}\n\tThroughput: 453250 from 453000 to 453500 operations / second (ops/s), higher\n\tgc.count: 0 counts, lower\n\nproblem: line 5: S.b {t=1 2}: its score is so near zero in s/op that it is rounded away: take another unit with -tu, or -rf json\n"},
	})
}

func TestJMHTakesSamplesOfManyCallsEvenly(t *testing.T) {
	t.Parallel()
	const calls = 4 * limits.SamplesPerMetric
	got := parse(t, "java_jmh", fmt.Sprintf(`[{"benchmark":"a","mode":"sample","primaryMetric":{"score":2,"scoreUnit":"ns/op","rawDataHistogram":[[[[1,%d],[2,%d]]]]}}]`, calls/4, 3*calls/4))
	samples, ones := got.Benchmarks[0].Metrics[0].Samples, 0
	for _, v := range samples {
		if v == 1 {
			ones++
		}
	}
	if len(samples) != limits.SamplesPerMetric || ones != limits.SamplesPerMetric/4 || len(got.Problems) != 1 {
		t.Errorf("%d samples, of which %d are of the first quarter, and the problems %v", len(samples), ones, got.Problems)
	}
}
