package adapter

import "testing"

func TestVegeta(t *testing.T) {
	t.Parallel()
	eachOutput(t, "vegeta", []output{
		{"reports that follow each other are samples", `{"latencies":{"mean":1,"50th":1},"bytes_in":{"total":1},"requests":1,"success":1,"status_codes":{"200":1}}` + "\n" + `{"latencies":{"mean":3,"50th":5},"bytes_in":{"total":1},"requests":3,"success":1,"status_codes":{"204":3}}`,
			"\nvegeta\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\t\t1 3\n\tLatency p50: 3 from 1 to 5 nanoseconds (ns), lower\n\t\t1 5\n\tRequests: 2 from 1 to 3 requests, unknown\n\t\t1 3\n\tFailed Requests: 0 from 0 to 0 requests, lower\n\t\t0 0\n\tFailure Ratio: 0 from 0 to 0 percentage (%), lower\n\t\t0 0\n"},
		{"statuses that are no success are counted, and errors are said", `{"latencies":{"mean":1},"bytes_in":{"total":1,"mean":2},"bytes_out":{"mean":3},"requests":8,"success":0.25,"status_codes":{"0":1,"200":2,"503":5},"errors":["503 no"]}`,
			"\nvegeta\n\tLatency: 1 nanoseconds (ns), lower\n\tRequests: 8 requests, unknown\n\tFailed Requests: 6 requests, lower\n\tFailure Ratio: 75 percentage (%), lower\n\tResponse Size: 2 bytes (B), unknown\n\tRequest Size: 3 bytes (B), unknown\n\nproblem: line 1: vegeta: requests failed, by status: 0: 1, 503: 5\n\nproblem: line 1: vegeta: 503 no\n"},
		{"the text has its errors at its end", "=== a ===\nRequests      [total, rate, throughput]  8, 2.00, 1.00\nLatencies     [min, mean, 50, 90, 95, 99, max]  1ms, 1m2.5s, 5µs, 1ns, 1h, 2s, 3s\nSuccess       [ratio]  50.00%\nStatus Codes  [code:count]  0:4  200:4  \nError Set:\nGet \"http://h/\": refused\n\nnot an error\n",
			"\na\n\tLatency min: 1e+06 nanoseconds (ns), lower\n\tLatency: 6.25e+10 nanoseconds (ns), lower\n\tLatency p50: 5000 nanoseconds (ns), lower\n\tLatency p90: 1 nanoseconds (ns), lower\n\tLatency p95: 3.6e+12 nanoseconds (ns), lower\n\tLatency p99: 2e+09 nanoseconds (ns), lower\n\tLatency max: 3e+09 nanoseconds (ns), lower\n" +
				"\tThroughput: 1 operations / second (ops/s), higher\n\tRequests: 8 requests, unknown\n\tFailed Requests: 4 requests, lower\n\tFailure Ratio: 50 percentage (%), lower\n\nproblem: line 2: a: requests failed, by status: 0: 4\n\nproblem: line 2: a: Get \"http://h/\": refused\n"},
		{"a report of nothing has no times", "Requests      [total, rate, throughput]  0, 0.00, 0.00\nLatencies     [min, mean, max]  0s, 0s, 0s\n=== b ===\nRequests      [total, rate]  1, 1.00\nLatencies     [mean, 50, 95, 99, max]  2s, 1s, 1s, 1s, 1s\n",
			"\nb\n\tLatency: 2e+09 nanoseconds (ns), lower\n\tLatency p50: 1e+09 nanoseconds (ns), lower\n\tLatency p95: 1e+09 nanoseconds (ns), lower\n\tLatency p99: 1e+09 nanoseconds (ns), lower\n\tLatency max: 1e+09 nanoseconds (ns), lower\n\tRequests: 1 requests, unknown\n\nproblem: line 1: vegeta: there was not a single request\n"},
	})
}
