package adapter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/limits"
)

func TestJMeter(t *testing.T) {
	t.Parallel()
	const line = "summary =   %s in 00:00:01 = 1034.1/s Avg:     5 Min:     1 Max:    36 Err:     2 (0.20%%)\n"
	const read = "\tThroughput: 1034.1 operations / second (ops/s), higher\n\tLatency: 5e+06 nanoseconds (ns), lower\n\tLatency min: 1e+06 nanoseconds (ns), lower\n\tLatency max: 3.6e+07 nanoseconds (ns), lower\n\tFailed Requests: 2 requests, lower\n"
	summary := func(n string) string { return fmt.Sprintf(line, n) }
	eachOutput(t, "jmeter", []output{
		{"a request's parts are samples, and those of one that failed are not", "timeStamp,elapsed,label,responseCode,responseMessage,success,bytes,Latency,Connect\n1,5,a,200,OK,true,10,4,2\n2,900,a,500,Server Error,false,1,900,0\n3,7,a,200,OK,true,20,6,4\n4,x,a,200,OK,true,20,6,4\n",
			"\na\n\tLatency: 6e+06 from 5e+06 to 7e+06 nanoseconds (ns), lower\n\t\t5e+06 7e+06\n\tTime to First Byte: 5e+06 from 4e+06 to 6e+06 nanoseconds (ns), lower\n\t\t4e+06 6e+06\n\tConnect Time: 3e+06 from 2e+06 to 4e+06 nanoseconds (ns), lower\n\t\t2e+06 4e+06\n" +
				"\tResponse Size: 15 from 10 to 20 bytes (B), unknown\n\t\t10 20\n\tFailed Requests: 1 requests, lower\n\nproblem: line 5: a: the time \"x\" is no number\n\nproblem: line 3: a: 1 requests failed, the first with \"Server Error\"\n"},
		{"of the console the last line of each run counts", summary("500") + summary("1000") + "Tidying up ...\n... end of run\n=== b ===\n" + summary("7") + "... end of run\n",
			"\nsummary\n\tRequests: 1000 requests, unknown\n" + read + "\nb / summary\n\tRequests: 7 requests, unknown\n" + read + "\nproblem: line 2: summary: requests failed: 2 (0.20%)\n\nproblem: line 6: b / summary: requests failed: 2 (0.20%)\n"},
		{"a run of nothing has no times", summary("0") + "... end of run\n=== b ===\n" + summary("7"), "\nb / summary\n\tRequests: 7 requests, unknown\n" + read + "\nproblem: line 1: summary: there was not a single request\n\nproblem: line 4: b / summary: requests failed: 2 (0.20%)\n"},
		{"of a row that sums up several requests the sample is their mean", "timeStamp,elapsed,label,responseMessage,success,bytes,SampleCount,ErrorCount\n1,50,a,OK,true,100,10,0\n1,7,a,OK,true,12,1,0\n1,90,a,no,true,9,9,2\n",
			"\na\n\tLatency: 6e+06 from 5e+06 to 7e+06 nanoseconds (ns), lower\n\t\t5e+06 7e+06\n\tResponse Size: 11 from 10 to 12 bytes (B), unknown\n\t\t10 12\n\tFailed Requests: 2 requests, lower\n\nproblem: line 4: a: 2 requests failed, the first with \"no\"\n"},
		{"the dashboard's statistics are read", `{"a":{"transaction":"a","sampleCount":20,"errorCount":1,"errorPct":5.0,"meanResTime":9.5,"medianResTime":8.0,"minResTime":2.0,"maxResTime":90.0,"pct1ResTime":20.0,"pct2ResTime":30.0,"pct3ResTime":80.0,"throughput":12.5,"receivedKBytesPerSec":1.0,"sentKBytesPerSec":1.0},"none":{"sampleCount":0,"meanResTime":0,"pct1ResTime":0}}`,
			"\na\n\tLatency: 9.5e+06 nanoseconds (ns), lower\n\tLatency min: 2e+06 nanoseconds (ns), lower\n\tLatency max: 9e+07 nanoseconds (ns), lower\n\tLatency p50: 8e+06 nanoseconds (ns), lower\n\tLatency p90: 2e+07 nanoseconds (ns), lower\n\tLatency p95: 3e+07 nanoseconds (ns), lower\n\tLatency p99: 8e+07 nanoseconds (ns), lower\n" +
				"\tThroughput: 12.5 operations / second (ops/s), higher\n\tRequests: 20 requests, unknown\n\tFailed Requests: 1 requests, lower\n\nproblem: line 1: a: 1 of 20 requests failed\n\nproblem: line 1: none: there was not a single request\n"},
		{"a row that was cut is no request", "timeStamp,elapsed,label,success\n1,5,a,true\nTidying up ...\n1,7,a,tr", "\na\n\tLatency: 5e+06 nanoseconds (ns), lower\n\nproblem: line 4: a: want true or false for its success, found \"tr\"\n"},
		{"XML has the parts of a request in it", `<?xml version="1.0" encoding="UTF-8"?>` + "\n<testResults version=\"1.2\">\n<sample t=\"9\" lt=\"0\" ts=\"1\" s=\"true\" lb=\"all\" rc=\"200\" rm=\"ok\" by=\"30\">\n <httpSample t=\"5\" lt=\"4\" ct=\"2\" s=\"true\" lb=\"/a &amp; b\" by=\"10\"><java.net.URL>http://a/</java.net.URL></httpSample>\n" +
			" <httpSample t=\"4\" lt=\"3\" ct=\"1\" s=\"false\" lb=\"/c\" rm=\"OK\" by=\"20\"><assertionResult><failure>true</failure><failureMessage>not it</failureMessage></assertionResult></httpSample>\n</sample>\n<httpSample t=\"x\" s=\"true\" lb=\"bad\"/>\n</testResults>\n",
			"\nall\n\tLatency: 9e+06 nanoseconds (ns), lower\n\tTime to First Byte: 0 nanoseconds (ns), lower\n\tResponse Size: 30 bytes (B), unknown\n\nall / /a & b\n\tLatency: 5e+06 nanoseconds (ns), lower\n\tTime to First Byte: 4e+06 nanoseconds (ns), lower\n\tConnect Time: 2e+06 nanoseconds (ns), lower\n\tResponse Size: 10 bytes (B), unknown\n" +
				"\nall / /c\n\tFailed Requests: 1 requests, lower\n\nproblem: line 7: bad: the time \"x\" is no number\n\nproblem: line 5: all / /c: 1 requests failed, the first with \"not it\"\n"},
		{"XML of a run that was broken off is read as far as it goes", "<testResults>\n<httpSample t=\"5\" s=\"true\" lb=\"a\"/>\n<httpSample t=\"6\" s=\"tr", "\na\n\tLatency: 5e+06 nanoseconds (ns), lower\n\nproblem: line 3: the file is not whole: XML: unexpected EOF (line 3, column 24)\n"},
	})
	if got := parse(t, Magic, `{"Total":{"sampleCount":2,"meanResTime":1,"pct1ResTime":1}}`); got.Adapter != "jmeter" {
		t.Errorf("%+v", got)
	}
	if got := parse(t, Magic, "<testResults version=\"1.2\">\n<httpSample t=\"5\" s=\"true\" lb=\"a\"/>\n</testResults>\n"); got.Adapter != "jmeter" {
		t.Errorf("%+v", got)
	}
}

func TestALogOfMoreRequestsThanAreKeptSaysSo(t *testing.T) {
	t.Parallel()
	const warm = limits.SamplesPerMetric * 2 / 3 // requests of the warm-up
	got := parse(t, "jmeter", "timeStamp,elapsed,label,success\n"+strings.Repeat("1,50,a,true\n", warm)+strings.Repeat("1,5,a,true\n", warm*2))
	latency := got.Benchmarks[0].Metrics[0]
	if n := len(latency.Samples); n != warm*3/2 || latency.Value != 5e6 {
		t.Errorf("%d samples, median %v", n, latency.Value)
	}
	want := []Problem{{Benchmark: "a", Message: fmt.Sprintf("%d samples, the limit is %d: one of 2 is kept, evenly", warm*3, limits.SamplesPerMetric)}}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
