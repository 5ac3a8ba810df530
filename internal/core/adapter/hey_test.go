package adapter

import (
	"testing"
)

func TestHey(t *testing.T) {
	t.Parallel()
	const summary = "\nSummary:\n  Total:\t5.0 secs\n  Slowest:\t0.5000 secs\n  Fastest:\t0.2500 secs\n  Average:\t0.3750 secs\n  Requests/sec:\t19.5\n  \n  Total data:\t100 bytes\n  Size/request:\t50 bytes\n"
	const read = "\tLatency max: 5e+08 nanoseconds (ns), lower\n\tLatency min: 2.5e+08 nanoseconds (ns), lower\n\tLatency: 3.75e+08 nanoseconds (ns), lower\n\tThroughput: 19.5 operations / second (ops/s), higher\n\tResponse Size: 50 bytes (B), unknown\n"
	eachOutput(t, "hey", []output{
		{"a percentile that was not reached is no zero", "=== a ===\n" + summary + "\nLatency distribution:\n  0% in 0.0000 secs\n", "\na\n" + read},
		{"the phases are read, and what is too short to be printed is not", "=== a ===\n" + summary + "\nDetails (average, fastest, slowest):\n  DNS+dialup:\t0.0010 secs, 0.0004 secs, 0.0026 secs\n  DNS-lookup:\t0.0000 secs, 0.0000 secs, 0.0000 secs\n",
			"\na\n" + read + "\tDNS+Dialup: 1e+06 nanoseconds (ns), lower\n"},
		{"a status without a number is none", summary + "\nStatus code distribution:\n  []\t5 responses\n  [\t5 responses\n  [200]\t3 responses\n  [503]\t4 responses\n", "\nhey\n" + read + "\tFailed Requests: 4 requests, lower\n\nproblem: line 16: hey: requests failed: [503] 4 responses\n"},
		{"each request is a sample with its phases", "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n0.5,0.25,0,0,0.125,0,200,0.1\n1.5,0.25,0,0,0.375,0,500,0.2\nx,,,,,,200,\n",
			"\nhey\n\tLatency: 1e+09 from 5e+08 to 1.5e+09 nanoseconds (ns), lower\n\t\t5e+08 1.5e+09\n\tDNS+Dialup: 2.5e+08 from 2.5e+08 to 2.5e+08 nanoseconds (ns), lower\n\t\t2.5e+08 2.5e+08\n\tDNS Lookup: 0 from 0 to 0 nanoseconds (ns), lower\n\t\t0 0\n" +
				"\tRequest Write: 0 from 0 to 0 nanoseconds (ns), lower\n\t\t0 0\n\tResponse Wait: 2.5e+08 from 1.25e+08 to 3.75e+08 nanoseconds (ns), lower\n\t\t1.25e+08 3.75e+08\n\tResponse Read: 0 from 0 to 0 nanoseconds (ns), lower\n\t\t0 0\n\tFailed Requests: 1 requests, lower\n" +
				"\nproblem: line 4: hey: the response time \"x\" is no number\n\nproblem: hey: 1 of 3 requests failed\n"},
	})
}
