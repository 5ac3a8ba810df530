package adapter

import "testing"

func TestPgbench(t *testing.T) {
	t.Parallel()
	const head = "scaling factor: 1\nquery mode: simple\nnumber of clients: 2\nnumber of threads: 1\nmaximum number of tries: 1\n"
	const name = "x.sql {clients=2,mode=simple,scale=1,threads=1}"
	eachOutput(t, "pgbench", []output{
		{"with a connection for each transaction there is one rate", "transaction type: x.sql\n" + head + "latency average = 0.5 ms\naverage connection time = 0.25 ms\ntps = 12.5 (including reconnection times)\n",
			"\n" + name + "\n\tThroughput: 12.5 operations / second (ops/s), higher\n\tLatency: 500000 nanoseconds (ns), lower\n\tConnection Time: 250000 nanoseconds (ns), lower\n"},
		{"of the two rates of old versions one is without connecting", "transaction type: x.sql\nlatency average: 0.5 ms\nlatency stddev: 0.25 ms\ntps = 10 (including connections establishing)\ntps = 12.5 (excluding connections establishing)\n",
			"\nx.sql\n\tThroughput: 12.5 operations / second (ops/s), higher\n\tLatency: 500000 from 250000 to 750000 nanoseconds (ns), lower\n"},
		{"an average may include failures", "transaction type: x.sql\nnumber of failed transactions: 3 (30.000%)\nlatency average = 0.5 ms (including failures)\ntps = 12.5 (without initial connection time)\n",
			"\nx.sql\n\tThroughput: 12.5 operations / second (ops/s), higher\n\tLatency: 500000 nanoseconds (ns), lower\n\tFailed Requests: 3 requests, lower\n\nproblem: line 1: x.sql: transactions failed: 3 (30.000%)\n"},
		{"a limit has ratios", "transaction type: x.sql\nnumber of transactions skipped: 1 (0.500%)\nnumber of transactions above the 0.2 ms latency limit: 135/200 (67.500%)\nlatency average = 0.5 ms\nrate limit schedule lag: avg 0.125 (max 1.5) ms\n",
			"\nx.sql\n\tLatency: 500000 nanoseconds (ns), lower\n\tSkipped Ratio: 0.5 percentage (%), lower\n\tLate Ratio: 67.5 percentage (%), lower\n\tSchedule Lag: 125000 nanoseconds (ns), lower\n\tSchedule Lag max: 1.5e+06 nanoseconds (ns), lower\n"},
		{"a statement twice is two", "transaction type: x.sql\nlatency average = 1 ms\nstatement latencies in milliseconds and failures:\n 0.001 0 \\set a 1\n 0.5 0  SELECT 1;\n 0.25 2  SELECT 1;\nend\n 9 0 not a statement\n",
			"\nx.sql\n\tLatency: 1e+06 nanoseconds (ns), lower\n\nx.sql SELECT 1;\n\tLatency: 500000 nanoseconds (ns), lower\n\nx.sql SELECT 1; #2\n\tLatency: 250000 nanoseconds (ns), lower\n\tFailed Requests: 2 requests, lower\n"},
		{"a statement may begin with a number", "transaction type: x.sql\nlatency average = 1 ms\nstatement latencies in milliseconds:\n 0.5 1 + 1;\n", "\nx.sql\n\tLatency: 1e+06 nanoseconds (ns), lower\n\nx.sql 1 + 1;\n\tLatency: 500000 nanoseconds (ns), lower\n"},
		{"runs of one script are told apart by banners, and the progress of one that was aborted is not the next one's", "=== a ===\npgbench (15.18)\nprogress: 1.0 s, 99.0 tps, lat 1 ms stddev 1, 0 failed\npgbench: error: it broke\n=== x ===\npgbench (15.18)\nprogress: 1.0 s, 12.0 tps, lat 1 ms stddev 1, 0 failed\ntransaction type: x.sql\ntps = 12.5 (without initial connection time)\n=== b ===\npgbench (15.18)\ntransaction type: x.sql\ntps = 25 (without initial connection time)\n",
			"\nx.sql\n\tThroughput: 12.5 operations / second (ops/s), higher\n\t\t12\n\nb / x.sql\n\tThroughput: 25 operations / second (ops/s), higher\n\nproblem: a: it broke\n"},
		{"one run again is a sample", "transaction type: x.sql\ntps = 10 (without initial connection time)\ntransaction type: x.sql\ntps = 20 (without initial connection time)\n", "\nx.sql\n\tThroughput: 15 from 10 to 20 operations / second (ops/s), higher\n\t\t10 20\n"},
	})
}

func TestPgbenchIsRecognisedWhereTransactionsFailed(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"latency average = 1.355 ms (including failures)", "number of transactions actually processed: 89/200"} {
		if got := pgbenchTool.hit([]byte(line)); got < lookSure {
			t.Errorf("%q is pgbench's with %d of 100", line, got)
		}
	}
	if got := pgbenchTool.hit([]byte("the latency average = 5 ms")); got != 0 {
		t.Errorf("a sentence is pgbench's with %d of 100", got)
	}
}
