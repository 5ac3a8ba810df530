package adapter

import (
	"testing"
)

const wrkHead = "Running 1s test @ http://h/\n  2 threads and 4 connections\n  Thread Stats   Avg      Stdev     Max   +/- Stdev\n"

func TestWrk(t *testing.T) {
	t.Parallel()
	eachOutput(t, "wrk", []output{
		{"units of time and thousands are mixed", wrkHead + "    Latency   900.00us    1.00ms   1.00s    88.85%\n    Req/Sec     1.20k   300.00     1.27k    55.00%\n     50%    1.00m\n  1400 requests in 2.08s, 529.10KB read\nRequests/sec:    672.53\nTransfer/sec:    1.00KB\n",
			"\nhttp://h/ {connections=4,threads=2}\n\tLatency: 900000 from -100000 to 1.9e+06 nanoseconds (ns), lower\n\tLatency max: 1e+09 nanoseconds (ns), lower\n\tThroughput per Thread: 1200 from 900 to 1500 operations / second (ops/s), higher\n" +
				"\tLatency p50: 6e+10 nanoseconds (ns), lower\n\tRequests: 1400 requests, unknown\n\tThroughput: 672.53 operations / second (ops/s), higher\n\tBandwidth: 0.001024 megabytes / second (MB/s), higher\n"},
		{"without an answer the zeros are no times", wrkHead + "    Latency     0.00us    0.00us   0.00us    -nan%\n    Req/Sec     0.00      0.00     0.00      -nan%\n  0 requests in 1.00s, 0.00B read\n  Socket errors: connect 0, read 0, write 0, timeout 4\nRequests/sec:      0.00\nTransfer/sec:       0.00B\n",
			"\nhttp://h/ {connections=4,threads=2}\n\tFailed Requests: 4 requests, lower\n\nproblem: line 1: http://h/ {connections=4,threads=2}: Socket errors: connect 0, read 0, write 0, timeout 4\n\nproblem: line 1: http://h/ {connections=4,threads=2}: not a single request was answered\n"},
		{"runs of one address are told apart by banners, and what follows a run is not its", "=== before ===\n" + wrkHead + "    Latency   1.00us    0.00us   1.00us    1%\nRequests/sec:  5\nTransfer/sec:  1.00MB\n 99%  9.00s\n=== after ===\nunable to connect to h:80 Connection refused\n" + wrkHead + "    Latency   2.00us    0.00us   2.00us    1%\n",
			"\nbefore / http://h/ {connections=4,threads=2}\n\tLatency: 1000 from 1000 to 1000 nanoseconds (ns), lower\n\tLatency max: 1000 nanoseconds (ns), lower\n\tThroughput: 5 operations / second (ops/s), higher\n\tBandwidth: 1.048576 megabytes / second (MB/s), higher\n" +
				"\nafter / http://h/ {connections=4,threads=2}\n\tLatency: 2000 from 2000 to 2000 nanoseconds (ns), lower\n\tLatency max: 2000 nanoseconds (ns), lower\n\nproblem: line 10: after: unable to connect to h:80 Connection refused\n"},
	})
	const (
		row      = "    Latency     0.89ms  358.56us   2.01ms   66.07%\n"
		spectrum = "  Detailed Percentile spectrum:\n       Value   Percentile   TotalCount 1/(1-Percentile)\n\n       0.932     0.550000         2750         2.22\n       1.197     0.775000         3745         4.00\n       2.008     1.000000         4992          inf\n" +
			"#[Mean    =        0.887, StdDeviation   =        0.359]\n#[Max     =        2.008, Total count    =         4992]\n#[Buckets =           27, SubBuckets     =         2048]\n"
	)
	eachOutput(t, "wrk2", []output{
		{"the spectrum has more digits, and its whole percents are taken", wrkHead + row + "  Latency Distribution (HdrHistogram - Recorded Latency)\n 50.000%    0.88ms\n100.000%    2.01ms\n" + spectrum,
			"\nhttp://h/ {connections=4,threads=2}\n\tLatency: 887000 from 528000 to 1.246e+06 nanoseconds (ns), lower\n\tLatency max: 2.008e+06 nanoseconds (ns), lower\n\tLatency p50: 880000 nanoseconds (ns), lower\n\tLatency p55: 932000 nanoseconds (ns), lower\n"},
		{"what is not corrected is a measure of its own", wrkHead + "    Latency     1.00s    0.00us   2.00s    1%\n  Latency Distribution (HdrHistogram - Recorded Latency)\n 50.000%    1.00s\n  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))\n 50.000%    1.00ms\nRequests/sec:    998.43\n",
			"\nhttp://h/ {connections=4,threads=2}\n\tLatency: 1e+09 from 1e+09 to 1e+09 nanoseconds (ns), lower\n\tLatency max: 2e+09 nanoseconds (ns), lower\n\tLatency p50: 1e+09 nanoseconds (ns), lower\n\tLatency p50 uncorrected: 1e+06 nanoseconds (ns), lower\n\tThroughput: 998.43 operations / second (ops/s), higher\n"},
	})
}

func TestWrk2IsRecognisedByItsCalibration(t *testing.T) {
	t.Parallel()
	input := wrkHead + "  Thread calibration: mean lat.: 1.234ms, rate sampling interval: 10ms\n    Latency   1.00us    0.00us   1.00us    1%\nRequests/sec:  5\n"
	if got := parse(t, Magic, input); got.Adapter != "wrk2" {
		t.Errorf("it is taken for %s", got.Adapter)
	}
}
