package adapter

import "testing"

func TestRedisBenchmark(t *testing.T) {
	t.Parallel()
	eachOutput(t, "redis_benchmark", []output{
		{"before version 6.2 the rate stands alone", "====== SET ======\n  10000 requests completed in 0.11 seconds\n  50 parallel clients\n  3 bytes payload\n  keep alive: 1\n\n99.90% <= 1 milliseconds\n100.00% <= 1 milliseconds\n90909.09 requests per second\n\n",
			"\nSET {clients=50,payload=3}\n\tThroughput: 90909.09 operations / second (ops/s), higher\n"},
		{"before version 6.2 the table has no header", "\"SET\",\"90909.09\"\n\"MSET (10 keys)\",\"1000.5\"\n\"a note\",\"that is none\"\n\"x\": 5,\n", "\nSET\n\tThroughput: 90909.09 operations / second (ops/s), higher\n\nMSET (10 keys)\n\tThroughput: 1000.5 operations / second (ops/s), higher\n"},
		{"runs with other clients are others", "====== GET ======\n  4 parallel clients\n  threads: 2\nthroughput summary: 10.00 requests per second\n====== GET ======\n  8 parallel clients\nthroughput summary: 20.00 requests per second\n",
			"\nGET {clients=4,threads=2}\n\tThroughput: 10 operations / second (ops/s), higher\n\nGET {clients=8}\n\tThroughput: 20 operations / second (ops/s), higher\n"},
		{"an error of the server is said", "====== SET ======\nError from server: NOAUTH Authentication required.\n=== again ===\nSET: 5.5 requests per second, p50=0.25 msec\n", "\nagain / SET\n\tThroughput: 5.5 operations / second (ops/s), higher\n\tLatency p50: 250000 nanoseconds (ns), lower\n\nproblem: line 2: SET: Error from server: NOAUTH Authentication required.\n"},
	})
}

func TestRequestsPerSecondAreRedisBenchmarksOnlyInItsForms(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"  throughput summary: 83333.34 requests per second": 95, "SET: 90909.09 requests per second, p50=0.031 msec": 90, "SET: 90909.09 requests per second": 60,
		"the server: about 5 requests per second": 0, "90909.09 requests per second": 0, "limit: 5/s requests per second": 0,
	} {
		if got := hitRedis([]byte(line)); got != want {
			t.Errorf("%q is redis-benchmark's with %d of 100, want %d", line, got, want)
		}
	}
}
