package adapter

import (
	"fmt"
	"strings"
	"testing"

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
	})
}

func TestALogOfMoreRequestsThanAreKeptSaysSo(t *testing.T) {
	t.Parallel()
	const over = 3
	got := parse(t, "jmeter", "timeStamp,elapsed,label,success\n"+strings.Repeat("1,5,a,true\n", limits.SamplesPerMetric+over))
	if n := len(got.Benchmarks[0].Metrics[0].Samples); n != limits.SamplesPerMetric {
		t.Errorf("%d samples, want %d", n, limits.SamplesPerMetric)
	}
	if want := fmt.Sprintf("%d requests over the limit", over); len(got.Problems) != 1 || !strings.HasPrefix(got.Problems[0].Message, want) {
		t.Errorf("problems %+v, want one that begins %q", got.Problems, want)
	}
}
