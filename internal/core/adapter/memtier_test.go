package adapter

import (
	"testing"
)

func TestMemtier(t *testing.T) {
	t.Parallel()
	table := func(section, rate string) string {
		return section + "\n=====\nType         Ops/sec     Hits/sec   Misses/sec      Latency       KB/sec\n-----\nHset a   " + rate + "   ---   ---   0.5   ---\n\n"
	}
	eachOutput(t, "memtier", []output{
		{"of several runs it is the average, and operations that were not asked for are none", `{"configuration":{"clients":1,"threads":2,"ratio":"1:0"},"BEST RUN RESULTS":{"Totals":{"Count":9,"Ops/sec":9}},"AGGREGATED AVERAGE RESULTS (2 runs)":{"Runtime":{"Total duration":5},` +
			`"Sets":{"Count":5,"Ops/sec":5.5,"Average Latency":0.5,"Time-Serie":{"0":{"Count":3},"1":{"Count":2},"2":{"Count":1}},"Percentile Latencies":{"p50.00":0.25,"p99.90":0.75,"Histogram log format":{"Compressed Histogram":"HIST"}},"KB/sec":1000},"Gets":{"Count":0,"Ops/sec":0},"Totals":{"Count":5},"SET":[{"<=msec":0.1,"percent":50}]}}`,
			"\nSets {clients=1,ratio=1:0,threads=2}\n\tThroughput: 5.5 operations / second (ops/s), higher\n\t\t3 2\n\tLatency: 500000 nanoseconds (ns), lower\n\tBandwidth: 1.024 megabytes / second (MB/s), higher\n\tLatency p50: 250000 nanoseconds (ns), lower\n\tLatency p99.9: 750000 nanoseconds (ns), lower\n\nproblem: line 1: Totals {clients=1,ratio=1:0,threads=2}: it has no rate\n"},
		{"each run is a sample of the average", `{"configuration":{},"RUN #1 RESULTS":{"Totals":{"Count":1,"Ops/sec":1}},"RUN #2 RESULTS":{"Totals":{"Count":3,"Ops/sec":3}},"AGGREGATED AVERAGE RESULTS (2 runs)":{"Totals":{"Count":4,"Ops/sec":2,"Time-Serie":{"0":{"Count":4}}}}}`,
			"\nTotals\n\tThroughput: 2 operations / second (ops/s), higher\n\t\t1 3\n"},
		{"a second that is not whole is no sample, and errors are told", `{"configuration":{},"ALL STATS":{"Totals":{"Count":4,"Ops/sec":16,"MOVED/sec":0.5,"ASK/sec":0.25,"Connection Errors":3,"KB/sec RX":1000,"KB/sec TX":2000,"Time-Serie":{"0":{"Count":4}}}}}`,
			"\nTotals\n\tThroughput: 16 operations / second (ops/s), higher\n\tBandwidth RX: 1.024 megabytes / second (MB/s), higher\n\tBandwidth TX: 2.048 megabytes / second (MB/s), higher\n\tMoved: 0.5 operations / second (ops/s), lower\n\tAsk: 0.25 operations / second (ops/s), lower\n\tConnection Errors: 3 errors, lower\n"},
		{"the text has a table", "4         Threads\n50        Connections per thread\n10000     Requests per client\n\n\nALL STATS\n=====\nType         Ops/sec     Hits/sec   Misses/sec    Avg. Latency     p50 Latency   p99.9 Latency       KB/sec \n-----\nSets         2249.10          ---          ---         0.50000         0.25000         4.00000      1000.00 \nWaits           0.00          ---          ---             ---             ---             ---          --- \nTotals       4498.20         1.50         0.00         0.75000         0.25000         4.00000      2000.00 \n\n\nRequest Latency Distribution\nType     <= msec         Percent\n-----\nSET      10.047        0.000\nGET     191.487      100.000\n",
			"\nSets {clients=50,threads=4}\n\tThroughput: 2249.1 operations / second (ops/s), higher\n\tLatency: 500000 nanoseconds (ns), lower\n\tBandwidth: 1.024 megabytes / second (MB/s), higher\n\tLatency p50: 250000 nanoseconds (ns), lower\n\tLatency p99.9: 4e+06 nanoseconds (ns), lower\n" +
				"\nTotals {clients=50,threads=4}\n\tThroughput: 4498.2 operations / second (ops/s), higher\n\tLatency: 750000 nanoseconds (ns), lower\n\tBandwidth: 2.048 megabytes / second (MB/s), higher\n\tHits: 1.5 operations / second (ops/s), higher\n\tMisses: 0 operations / second (ops/s), lower\n\tLatency p50: 250000 nanoseconds (ns), lower\n\tLatency p99.9: 4e+06 nanoseconds (ns), lower\n"},
		{"of several runs in text it is the average as well, and another load is another run", "4         Threads\n1        Connections per thread\n" + table("RUN #1 RESULTS", "9") + table("RUN #2 RESULTS", "7") + table("BEST RUN RESULTS", "9") + table("WORST RUN RESULTS", "7") + table("AGGREGATED AVERAGE RESULTS (2 runs)", "8") + "8         Threads\n1        Connections per thread\n" + table("ALL STATS", "5"),
			"\nHset a {clients=1,threads=4}\n\tThroughput: 8 operations / second (ops/s), higher\n\t\t9 7\n\tLatency: 500000 nanoseconds (ns), lower\n\nHset a {clients=1,threads=8}\n\tThroughput: 5 operations / second (ops/s), higher\n\tLatency: 500000 nanoseconds (ns), lower\n"},
		{"older versions have the latency alone", `{"configuration":{},"ALL STATS":{"Totals":{"Count":5,"Ops/sec":5,"Latency":0.5}}}`, "\nTotals\n\tThroughput: 5 operations / second (ops/s), higher\n\tLatency: 500000 nanoseconds (ns), lower\n"},
	})
}
