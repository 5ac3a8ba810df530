package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTraps holds what outputs do that a simple reader gets wrong: each row is an output, and all that is to be read of it, as golden
// files have it but for the first line.
func TestTraps(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		claim   string
		adapter Name
		average Average
		input   string
		want    string
	}{
		{"thousands have commas", "rust_bench", "", "test a ... bench:   1,234,567 ns/iter (+/- 1,000)\n", "\na\n\tLatency: 1.234567e+06 from 1.233567e+06 to 1.235567e+06 nanoseconds (ns), lower\n"},
		{"a harness may count in microseconds", "rust_bench", "", "test a ... bench:   2.5 us/iter (+/- 0.5)\n", "\na\n\tLatency: 2500 from 2000 to 3000 nanoseconds (ns), lower\n"},
		{"a change in percent is no result", "rust_criterion", "", "a    time:   [1.0 us 2.0 us 3.0 us]\n     change: [-1.0% +0.1% +1.2%] (p = 0.5 > 0.05)\n     change:\n          time:   [-1.0% +0.1% +1.2%]\n",
			"\na\n\tLatency: 2000 from 1000 to 3000 nanoseconds (ns), lower\n"},
		{"this run's count is the first of two", "rust_gungraun", "", "a::b::c id:1\n  Instructions:    1,805|2000     (-9.75%) [-1.1x]\n", "\na::b::c id:1\n\tInstructions: 1805 instructions, lower, exact\n"},
		{"there may be no run before", "rust_iai_callgrind", "", "a::b::c\n  Instructions:    1805|N/A     (*********)\n", "\na::b::c\n\tInstructions: 1805 instructions, lower, exact\n"},
		{"runs that differ in parameters are different", "java_jmh", "", `[{"benchmark":"a.b","mode":"avgt","params":{"n":"1"},"primaryMetric":{"score":1,"scoreError":"NaN","scoreConfidence":["NaN","NaN"],"scoreUnit":"ms/op"}},` +
			`{"benchmark":"a.b","mode":"avgt","params":{"n":"2"},"primaryMetric":{"score":2,"scoreError":"NaN","scoreConfidence":["NaN","NaN"],"scoreUnit":"ms/op"}}]`,
			"\na.b {n=1}\n\tLatency: 1e+06 nanoseconds (ns), lower\n\na.b {n=2}\n\tLatency: 2e+06 nanoseconds (ns), lower\n"},
		{"a benchmark in two modes is two", "java_jmh", "", `[{"benchmark":"a","mode":"avgt","primaryMetric":{"score":1,"scoreUnit":"ns/op"}},{"benchmark":"a","mode":"thrpt","primaryMetric":{"score":2,"scoreUnit":"ops/us"}}]`,
			"\na {mode=avgt}\n\tLatency: 1 nanoseconds (ns), lower\n\na {mode=thrpt}\n\tThroughput: 2e+06 operations / second (ops/s), higher\n"},
		{"a number that is none is no zero", "java_jmh", "", `[{"benchmark":"a","mode":"avgt","primaryMetric":{"score":"NaN","scoreUnit":"ns/op"}},{"benchmark":"b","mode":"avgt","primaryMetric":{"score":1,"scoreUnit":"ns/op"}}]`,
			"\nb\n\tLatency: 1 nanoseconds (ns), lower\n\nproblem: line 1: a: it has no score\n"},
		{"the median is taken with half of the interquartile range", "c_sharp_dot_net", AverageMedian, `{"HostEnvironmentInfo":{},"Benchmarks":[{"Namespace":"N","Type":"T","Method":"M","Parameters":"n=1&s=x","Statistics":{"Mean":3,"StandardDeviation":1,"Median":2,"InterquartileRange":4}}]}`,
			"\nN.T.M {n=1,s=x}\n\tLatency: 2 from 0 to 4 nanoseconds (ns), lower\n"},
		{"a benchmark that failed has no statistics", "c_sharp_dot_net", "", `{"HostEnvironmentInfo":{},"Benchmarks":[{"Type":"T","Method":"M","Statistics":null},{"Type":"T","Method":"N","Statistics":{"Mean":1}}]}`,
			"\nT.N\n\tLatency: 1 nanoseconds (ns), lower\n\nproblem: line 1: T.M: it has no statistics: it failed, or none of its iterations counted\n"},
		{"units differ within one run of asv", "python_asv", "", "[ 50.00%] ··· m.time_a   54.7±0.5μs\n[100.00%] ··· m.time_b   1.2±0s\n", "\nm.time_a\n\tLatency: 54700 from 54200 to 55200 nanoseconds (ns), lower\n\nm.time_b\n\tLatency: 1.2e+09 nanoseconds (ns), lower\n"},
		{"a calibration has no values", "pyperf", "", `{"version":"1.0","benchmarks":[{"metadata":{"name":"a","unit":"byte"},"runs":[{"warmups":[[1,9]]},{"values":[3]},{"values":[5,4]}]}]}`,
			"\na\n\tMemory: 4 from 3 to 5 bytes (B), lower\n\t\t3 5 4\n"},
		{"a rehearsal does not count", "ruby_benchmark", "", "Rehearsal -------\na   9.0   9.0   9.0 (  9.000000)\n--------- total: 9sec\n\n    user     system      total        real\na (x)   1.0   0.5   1.5 (  1.250000)\n",
			"\na (x)\n\tUser Time: 1e+09 nanoseconds (ns), lower\n\tSystem Time: 5e+08 nanoseconds (ns), lower\n\tLatency: 1.25e+09 nanoseconds (ns), lower\n"},
		{"a time may be a clock", "js_time", "", "a: 1:02.500 (m:ss.mmm)\nb: 1:00:00.000 (h:mm:ss.mmm)\nc: 12ms - timer ended\n", "\na\n\tLatency: 6.25e+10 nanoseconds (ns), lower\n\nb\n\tLatency: 3.6e+12 nanoseconds (ns), lower\n\nc\n\tLatency: 1.2e+07 nanoseconds (ns), lower\n"},
		{"repetitions are samples and their mean is none", "cpp_google", "", `{"context":{"num_cpus":1},"benchmarks":[{"name":"a","run_name":"a","run_type":"iteration","real_time":1,"cpu_time":1,"time_unit":"us"},{"name":"a","run_name":"a","run_type":"iteration","real_time":3,"cpu_time":1,"time_unit":"us"},` +
			`{"name":"a_mean","run_name":"a","run_type":"aggregate","aggregate_name":"mean","real_time":2,"cpu_time":1,"time_unit":"us"}]}`,
			"\na\n\tLatency: 2000 from 1000 to 3000 nanoseconds (ns), lower\n\t\t1000 3000\n\tCPU Time: 1000 from 1000 to 1000 nanoseconds (ns), lower\n\t\t1000 1000\n"},
		{"a failed test has no time", "junit", "", `<testsuite name="s"><testcase classname="c" name="a" time="1,234.5"/><testcase classname="c" name="b" time="9"><failure message="no"/></testcase><testcase name="d" time="2"/><testcase name="e" time="0"><skipped/></testcase></testsuite>`,
			"\nc::a\n\tLatency: 1.2345e+12 nanoseconds (ns), lower\n\ns::d\n\tLatency: 2e+09 nanoseconds (ns), lower\n\nproblem: c::b: the test did not pass: failure: no\n"},
		{"the marks of German numbers", "perf_stat", "", " Performance counter stats for 'x':\n\n      1.234.567      cycles\n         12,50 msec task-clock\n       0,001234567 seconds time elapsed\n",
			"\nx\n\tcycles: 1.234567e+06 events, lower\n\tCPU Time: 1.25e+07 nanoseconds (ns), lower\n\tLatency: 1.234567e+06 nanoseconds (ns), lower\n"},
		{"what was not counted is no zero", "perf_stat", "", "5,,cycles,100,100.00,,\n<not counted>,,branches,0,0.00,,\n", "\nperf stat\n\tcycles: 5 events, lower\n\nproblem: line 2: perf stat: branches was not counted\n"},
		{"a progress line is overwritten", "redis_benchmark", "", " SET: rps=0.0 (overall: inf)\r     \rSET: 1000.5 requests per second, p50=0.5 msec\n", "\nSET\n\tThroughput: 1000.5 operations / second (ops/s), higher\n\tLatency p50: 500000 nanoseconds (ns), lower\n"},
		{"a threshold that was crossed is said", "k6", "", `{"root_group":{},"metrics":{"iterations":{"count":3,"rate":1},"http_req_duration":{"avg":2,"med":1,"thresholds":{"p(95)<1":true,"max<9":false}}}}`,
			"\niterations\n\tCount: 3 units, unknown\n\tThroughput: 1 operations / second (ops/s), higher\n\nhttp_req_duration\n\tLatency average: 2e+06 nanoseconds (ns), lower\n\tLatency: 1e+06 nanoseconds (ns), lower\n\nproblem: line 1: http_req_duration: the threshold p(95)<1 was crossed\n"},
		{"requests that failed are no samples", "gatling", "", "REQUEST\tg\ta\t100\t110\tOK\t \nREQUEST\tg\ta\t100\t900\tKO\tstatus 500\n", "\ng / a\n\tLatency: 1e+07 nanoseconds (ns), lower\n\tFailed Requests: 1 requests, lower\n\nproblem: line 2: g / a: 1 requests failed, the first with \"status 500\"\n"},
		{"a label may hold a comma", "jmeter", "", "timeStamp,elapsed,label,success\n1,5,\"a, b\"\"c\",true\n", "\na, b\"c\n\tLatency: 5e+06 nanoseconds (ns), lower\n"},
		{"labels may be escaped", "openmetrics", "", "# TYPE a gauge\na{p=\"x\\\"y\",q=\"1\"} 2\n# EOF\nb 3\n", "\na {p=x\"y,q=1}\n\tValue: 2 units, unknown\n"},
		{"a decimal comma stands where semicolons part", "csv", "", "name;value;unit\na;1,5;ms\na;2,5;ms\nb;x;ms\n", "\na\n\tLatency: 2e+06 from 1.5e+06 to 2.5e+06 nanoseconds (ns), lower\n\t\t1.5e+06 2.5e+06\n\nproblem: line 4: b: the value \"x\" is no number\n"},
		{"a range is a spread", "json_map", "", `[{"name":"a","unit":"ns","value":10,"range":"± 2"},{"name":"b","unit":"Percent","value":50,"range":"5%"}]`,
			"\na\n\tLatency: 10 from 8 to 12 nanoseconds (ns), lower\n\nb\n\tPercentage: 50 from 47.5 to 52.5 percentage (%), unknown\n"},
		{"names show what they are and do nothing", "js_vitest", "", `{"files":[{"groups":[{"fullName":"<script>x</script>","benchmarks":[{"name":"a\u001b[31mb","mean":1},{"name":"c","mean":2,"hz":3}]}]}]}`,
			"\n<script>x</script> > c\n\tLatency: 2e+06 nanoseconds (ns), lower\n\tThroughput: 3 operations / second (ops/s), higher\n\nproblem: <script>x</script> > a [31mb: benchmark \"<script>x</script> > a\\x1b[31mb\": the name holds the control character U+001B\n"},
	} {
		t.Run(row.claim, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(row.adapter, []byte(row.input), Options{Average: row.average})
			if err != nil {
				t.Fatal(err)
			}
			_, text, _ := strings.Cut(written(got), "\n")
			if diff := cmp.Diff(row.want, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.adapter, diff)
			}
		})
	}
}

func TestMappingsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for mapping, want := range map[string]string{
		"name=a":                         "it has no value",
		"name":                           "is not understood",
		"nome=a,value=b":                 "there is name, param and value",
		"value=b:ms:down":                `the direction "down" is not lower or higher`,
		"value=a:b:lower:c:d":            "too many colons",
		"name=r[].n,value=v":             "has no []",
		"value=r[].a,value=s[].b":        "different arrays",
		"name=x,value=r[].a":             "does not stand in the rows",
		strings.Repeat("name=a,", 2_000): "the limit is",
	} {
		input := `{"r":[{"n":"a","a":1}]}`
		if _, err := Parse("json_map", []byte(input), Options{Mapping: mapping}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want an error with %q", mapping, err, want)
		}
	}
}

func TestAMappingReadsNestedJSON(t *testing.T) {
	t.Parallel()
	input := `{"meta":{"n":1},"suites":[{"tests":[{"id":{"file":"f","case":"c"},"size":10,"stats":{"s":0.5,"rate":"100"}},{"id":{"file":"f","case":"d"},"size":20,"stats":{"s":null}}]}]}`
	got, err := Parse(Magic, []byte(input), Options{Mapping: "name=suites[].tests[].id.file,name=suites[].tests[].id.case,param=suites[].tests[].size,value=suites[].tests[].stats.s:s,value=suites[].tests[].stats.rate:req/s:higher:Rate"})
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(written(got), "\n")
	want := "\nf/c {size=10}\n\tLatency: 5e+08 nanoseconds (ns), lower\n\tRate: 100 operations / second (ops/s), higher\n\nproblem: line 1: f/d {size=20}: suites[].tests[].stats.s is no number\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}
