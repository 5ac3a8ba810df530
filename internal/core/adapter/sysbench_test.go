package adapter

import "testing"

func TestSysbench(t *testing.T) {
	t.Parallel()
	const head = "sysbench 1.0.20 (using system LuaJIT 2.1.0-beta3)\n\nNumber of threads: 2\n"
	const tail = "General statistics:\n    total time:          2.0000s\n    total number of events:   100\n\nLatency (ms):\n"
	const total = "\tTotal Time: 2e+09 nanoseconds (ns), unknown\n"
	eachOutput(t, "sysbench", []output{
		{"the rate that is printed counts, and each interval is a sample", head + "[ 1s ] thds: 2 eps: 40.00 lat (ms,95%): 0.02\n[ 2s ] thds: 2 eps: 60.00 lat (ms,95%): 0.04\nCPU speed:\n    events per second: 51.00\n" + tail + "         min:   0.02\n",
			"\ncpu {threads=2}\n\tThroughput: 51 operations / second (ops/s), higher\n\t\t40 60\n\tLatency min: 20000 nanoseconds (ns), lower\n" + total},
		{"without one it is events by time", head + tail + "  avg:   1.50\n", "\nsysbench {threads=2}\n\tThroughput: 50 operations / second (ops/s), higher\n\tLatency: 1.5e+06 nanoseconds (ns), lower\n" + total},
		{"the sum has the digits that the average has not, and 0.00 is no least time", head + tail + "  min:  0.00\n  avg:   0.00\n  max:  0.50\n  95th percentile:  0.00\n  sum:  0.25\n",
			"\nsysbench {threads=2}\n\tThroughput: 50 operations / second (ops/s), higher\n\tLatency: 2500 nanoseconds (ns), lower\n\tLatency max: 500000 nanoseconds (ns), lower\n" + total},
		{"a sum that is of something else is not taken", head + tail + "  avg:   1.50\n  sum:  999.00\n", "\nsysbench {threads=2}\n\tThroughput: 50 operations / second (ops/s), higher\n\tLatency: 1.5e+06 nanoseconds (ns), lower\n" + total},
		{"what the load was is part of the name", head + "Running memory speed test with the following options:\n  block size: 1KiB\n  total size: 512MiB\n  operation: read\n  scope: global\n\nTotal operations: 524288 (3502346.54 per second)\n\n512.00 MiB transferred (1000.00 MiB/sec)\n\n" + tail +
			head + "Running memory speed test with the following options:\n  block size: 1KiB\n  operation: write\n  scope: global\n" + tail,
			"\nmemory {block=1KiB,operation=read,scope=global,threads=2}\n\tThroughput: 3.50234654e+06 operations / second (ops/s), higher\n\tBandwidth: 1048.576 megabytes / second (MB/s), higher\n" + total +
				"\nmemory {block=1KiB,operation=write,scope=global,threads=2}\n\tThroughput: 50 operations / second (ops/s), higher\n" + total},
		{"version 1.1 has other sections", "sysbench 1.1.0 (using bundled LuaJIT 2.1.0-beta3)\nNumber of threads: 1\nExtra file open flags: (none)\n128 files, 16MiB each\nBlock size 16KiB\nDoing sequential read test\nThroughput:\n         read:  IOPS=2600.05 1.00 MiB/s (1.05 MB/s)\n         fsync: IOPS=5589.58\n    events/s (eps):  499.81\n    time elapsed:  2.0000s\n    total number of events:   1000\nLatency (ms):\n  avg:  2.00\n",
			"\nfileio {block=16KiB,files=128,mode=sequential read,size=16MiB,threads=1}\n\tThroughput: 499.81 operations / second (ops/s), higher\n\tLatency: 2e+06 nanoseconds (ns), lower\n\tReads: 2600.05 operations / second (ops/s), higher\n\tRead Bandwidth: 1.048576 megabytes / second (MB/s), higher\n\tFsyncs: 5589.58 operations / second (ops/s), higher\n" + total},
		{"a run that failed says why and the next is read", head + "FATAL: Thread initialization failed!\n" + head + "SQL statistics:\n    queries performed:\n        read:  9\n    transactions:  100  (50.25 per sec.)\n    queries:  200 (100.50 per sec.)\n    ignored errors:  3  (1.50 per sec.)\n" + tail,
			"\noltp {threads=2}\n\tThroughput: 50.25 operations / second (ops/s), higher\n\tQueries: 100.5 operations / second (ops/s), higher\n\tIgnored Errors: 3 errors, lower\n" + total + "\nproblem: line 1: sysbench {threads=2}: Thread initialization failed!\n\nproblem: line 1: sysbench {threads=2}: it has no statistics: it was aborted\n"},
	})
}
