package adapter

import (
	"testing"
)

func TestRedisBenchmark(t *testing.T) {
	t.Parallel()
	eachOutput(t, "redis_benchmark", []output{
		{"before version 6.2 the rate stands alone", "====== SET ======\n  10000 requests completed in 0.11 seconds\n  50 parallel clients\n  3 bytes payload\n  keep alive: 1\n\n99.90% <= 1 milliseconds\n100.00% <= 1 milliseconds\n90909.09 requests per second\n\n",
			"\nSET {clients=50,payload=3}\n\tThroughput: 90909.09 operations / second (ops/s), higher\n"},
		{"before version 6.2 the table has no header", "\"SET\",\"90909.09\"\n\"MSET (10 keys)\",\"1000.5\"\n\"a note\",\"that is none\"\n\"x\": 5,\n", "\nSET\n\tThroughput: 90909.09 operations / second (ops/s), higher\n\nMSET (10 keys)\n\tThroughput: 1000.5 operations / second (ops/s), higher\n"},
		{"runs with other clients are others", "====== GET ======\n  4 parallel clients\n  threads: 2\nthroughput summary: 10.00 requests per second\n====== GET ======\n  8 parallel clients\nthroughput summary: 20.00 requests per second\n",
			"\nGET {clients=4,threads=2}\n\tThroughput: 10 operations / second (ops/s), higher\n\nGET {clients=8}\n\tThroughput: 20 operations / second (ops/s), higher\n"},
		{"a run of no time has no rate", "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"inf\",\"0.5\"\n=== q ===\nGET: inf requests per second, p50=0.25 msec\n====== PING ======\n  throughput summary: inf requests per second\n",
			"\nSET\n\tLatency: 500000 nanoseconds (ns), lower\n\nq / GET\n\tLatency p50: 250000 nanoseconds (ns), lower\n\nproblem: line 2: SET: Throughput is printed as +Inf: it took less than a millisecond\n\nproblem: line 4: q / GET: Throughput is printed as +Inf: it took less than a millisecond\n\nproblem: line 6: q / PING: Throughput is printed as +Inf: it took less than a millisecond\n"},
		{"the rows of another table are not its own", "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"10\",\"0.5\"\n\"Benchmark\",\"Mode\",\"Threads\"\n\"a.b\",\"avgt\",1\n\"a.c\",1,2,3\n", "\nSET\n\tThroughput: 10 operations / second (ops/s), higher\n\tLatency: 500000 nanoseconds (ns), lower\n"},
		{"a cluster and connections that are not kept are other loads", "====== SET ======\n  4 parallel clients\n  keep alive: 1\n  cluster mode: yes (3 masters)\nthroughput summary: 10.00 requests per second\n====== SET ======\n  4 parallel clients\n  keep alive: 0\nthroughput summary: 20.00 requests per second\n",
			"\nSET {clients=4,cluster=3 masters}\n\tThroughput: 10 operations / second (ops/s), higher\n\nSET {clients=4,keep-alive=0}\n\tThroughput: 20 operations / second (ops/s), higher\n"},
		{"an error of the server is said", "====== SET ======\nError from server: NOAUTH Authentication required.\n=== again ===\nSET: 5.5 requests per second, p50=0.25 msec\n", "\nagain / SET\n\tThroughput: 5.5 operations / second (ops/s), higher\n\tLatency p50: 250000 nanoseconds (ns), lower\n\nproblem: line 2: SET: Error from server: NOAUTH Authentication required.\n"},
	})
}

func TestRequestsPerSecondAreRedisBenchmarksOnlyInItsForms(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"  throughput summary: 83333.34 requests per second": 100, "SET: 90909.09 requests per second, p50=0.031 msec": 90, "SET: 90909.09 requests per second": 60,
		"the server: about 5 requests per second": 0, "90909.09 requests per second": 0, "limit: 5/s requests per second": 0,
	} {
		if got := hitRedis([]byte(line)); got != want {
			t.Errorf("%q is redis-benchmark's with %d of 100, want %d", line, got, want)
		}
	}
}
