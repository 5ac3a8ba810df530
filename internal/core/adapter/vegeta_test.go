package adapter

import (
	"testing"

	"github.com/tachograph/tacho/internal/core/unit"
)

func TestVegeta(t *testing.T) {
	t.Parallel()
	eachOutput(t, "vegeta", []output{
		{"reports that follow each other are two", `{"latencies":{"mean":1,"50th":1},"bytes_in":{"total":1},"requests":1,"success":1,"status_codes":{"200":1}}` + "\n" + `{"latencies":{"mean":3,"50th":5},"bytes_in":{"total":1},"requests":3,"success":1,"status_codes":{"204":3}}`,
			"\nvegeta\n\tLatency: 1 nanoseconds (ns), lower\n\tLatency p50: 1 nanoseconds (ns), lower\n\tRequests: 1 requests, unknown\n\tFailed Requests: 0 requests, lower\n\tFailure Ratio: 0 percentage (%), lower\n" +
				"\nvegeta #2\n\tLatency: 3 nanoseconds (ns), lower\n\tLatency p50: 5 nanoseconds (ns), lower\n\tRequests: 3 requests, unknown\n\tFailed Requests: 0 requests, lower\n\tFailure Ratio: 0 percentage (%), lower\n"},
		{"statuses that are no success are counted, and errors are said", `{"latencies":{"mean":1},"bytes_in":{"total":1,"mean":2},"bytes_out":{"mean":3},"requests":8,"success":0.25,"status_codes":{"0":1,"200":2,"503":5},"errors":["503 no"]}`,
			"\nvegeta\n\tLatency: 1 nanoseconds (ns), lower\n\tRequests: 8 requests, unknown\n\tFailed Requests: 6 requests, lower\n\tFailure Ratio: 75 percentage (%), lower\n\tResponse Size: 2 bytes (B), unknown\n\tRequest Size: 3 bytes (B), unknown\n\nproblem: line 1: vegeta: requests failed, by status: 0: 1, 503: 5\n\nproblem: line 1: vegeta: 503 no\n"},
		{"the text has its errors at its end", "=== a ===\nRequests      [total, rate, throughput]  8, 2.00, 1.00\nLatencies     [min, mean, 50, 90, 95, 99, max]  1ms, 1m2.5s, 5µs, 1ns, 1h, 2s, 3s\nSuccess       [ratio]  50.00%\nStatus Codes  [code:count]  0:4  200:4  \nError Set:\nGet \"http://h/\": refused\n\nnot an error\n",
			"\na\n\tLatency min: 1e+06 nanoseconds (ns), lower\n\tLatency: 6.25e+10 nanoseconds (ns), lower\n\tLatency p50: 5000 nanoseconds (ns), lower\n\tLatency p90: 1 nanoseconds (ns), lower\n\tLatency p95: 3.6e+12 nanoseconds (ns), lower\n\tLatency p99: 2e+09 nanoseconds (ns), lower\n\tLatency max: 3e+09 nanoseconds (ns), lower\n" +
				"\tThroughput: 1 operations / second (ops/s), higher\n\tRequests: 8 requests, unknown\n\tFailed Requests: 4 requests, lower\n\tFailure Ratio: 50 percentage (%), lower\n\nproblem: line 2: a: requests failed, by status: 0: 4\n\nproblem: line 2: a: Get \"http://h/\": refused\n"},
		{"a report of nothing has no times", "Requests      [total, rate, throughput]  0, 0.00, 0.00\nLatencies     [min, mean, max]  0s, 0s, 0s\n=== b ===\nRequests      [total, rate]  1, 1.00\nLatencies     [mean, 50, 95, 99, max]  2s, 1s, 1s, 1s, 1s\n",
			"\nb\n\tLatency: 2e+09 nanoseconds (ns), lower\n\tLatency p50: 1e+09 nanoseconds (ns), lower\n\tLatency p95: 1e+09 nanoseconds (ns), lower\n\tLatency p99: 1e+09 nanoseconds (ns), lower\n\tLatency max: 1e+09 nanoseconds (ns), lower\n\tRequests: 1 requests, unknown\n\nproblem: line 1: vegeta: there was not a single request\n"},
		{"requests as JSON are samples, and those that failed are not", `{"attack":"","seq":0,"code":200,"timestamp":"2020-01-01T00:00:00Z","latency":1000,"bytes_out":1,"bytes_in":512,"error":"","body":"eyJsYXRlbmNpZXMiOjF9","method":"GET","url":"http://a/"}` + "\n" +
			`{"attack":"","seq":1,"code":200,"latency":3000,"bytes_out":1,"bytes_in":512,"error":"","method":"GET","url":"http://a/"}` + "\n" + `{"attack":"b","seq":2,"code":500,"latency":3000,"bytes_out":1,"bytes_in":5,"error":"","method":"GET","url":"http://a/"}` + "\n",
			"\nGET http://a/\n\tLatency: 2000 from 1000 to 3000 nanoseconds (ns), lower\n\t\t1000 3000\n\tResponse Size: 512 from 512 to 512 bytes (B), unknown\n\t\t512 512\n\tRequest Size: 1 from 1 to 1 bytes (B), unknown\n\t\t1 1\n\nb / GET http://a/\n\tFailed Requests: 1 requests, lower\n\nproblem: line 3: b / GET http://a/: 1 requests failed, the first with \"status 500\"\n"},
		{"and as CSV, which has no header", "1700000000000000000,200,1000,1,512,,Ym9keQ==,,0,GET,http://a/,SGVhZGVy\n1700000000000000000,0,3000,0,0,\"dial, refused\",,,1,GET,http://a/,\n1700000000000000000,200,10\n",
			"\nGET http://a/\n\tLatency: 1000 nanoseconds (ns), lower\n\tResponse Size: 512 bytes (B), unknown\n\tRequest Size: 1 bytes (B), unknown\n\tFailed Requests: 1 requests, lower\n\nproblem: line 2: GET http://a/: 1 requests failed, the first with \"dial, refused\"\n"},
		{"of a plot whole percents are read", "Value(ms)  Percentile  TotalCount  1/(1-Percentile)\n0.076715   0.000000    0           1.000000\n0.439      0.500000    6000        2.000000\n0.5        0.525000    6300        2.105263\n1.5        0.999000    11988       1000.000000\n2.5        1.000000    12000       inf\n",
			"\nvegeta\n\tLatency p50: 439000 nanoseconds (ns), lower\n\tLatency p99.9: 1.5e+06 nanoseconds (ns), lower\n\tLatency max: 2.5e+06 nanoseconds (ns), lower\n\tRequests: 12000 requests, unknown\n"},
	})
}

func TestTheMedianOfAReportOfVegetaIsTakenIfAsked(t *testing.T) {
	t.Parallel()
	for _, input := range []string{`{"latencies":{"mean":9,"50th":7},"bytes_in":{"total":1},"requests":1,"success":1,"status_codes":{"200":1}}`, "Requests      [total, rate, throughput]  8, 2.00, 1.00\nLatencies     [min, mean, 50, 90, 95, 99, max]  1ns, 9ns, 7ns, 8ns, 8ns, 8ns, 8ns\n"} {
		got, err := Parse("vegeta", []byte(input), Options{Average: AverageMedian})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got.Benchmarks[0].Metrics {
			if m.Measure == unit.Latency && m.Value != 7 {
				t.Errorf("latency %v, want 7", m.Value)
			}
		}
	}
}
