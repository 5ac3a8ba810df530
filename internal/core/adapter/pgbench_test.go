package adapter

import (
	"testing"
)

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
		{"a script's rate stands behind its transactions or its number", "transaction type: multiple scripts\nlatency average = 1 ms\nSQL script 1: a.sql\n - 5 transactions (50.0% of total, tps = 50.5)\n - latency average = 0.5 ms\nSQL script 2: b.sql\n - 5 transactions (50.0% of total)\n - number of transactions actually processed: 5 (tps = 25.5)\n - number of deadlock failures: 2 (1.000%)\n - total number of retries: 4\n - number of transactions skipped: 1 (12.500%)\n",
			"\nmultiple scripts\n\tLatency: 1e+06 nanoseconds (ns), lower\n\nmultiple scripts a.sql\n\tThroughput: 50.5 operations / second (ops/s), higher\n\tLatency: 500000 nanoseconds (ns), lower\n\nmultiple scripts b.sql\n\tThroughput: 25.5 operations / second (ops/s), higher\n\tDeadlock Failures: 2 requests, lower\n\tRetries: 4 retries, lower\n\tSkipped Ratio: 12.5 percentage (%), lower\n"},
		{"the only script's statements have a dash in versions 9.6 and 10", "transaction type: x.sql\nlatency average = 1 ms\nscript statistics:\n - statement latencies in milliseconds:\n         0.250  BEGIN;\n", "\nx.sql\n\tLatency: 1e+06 nanoseconds (ns), lower\n\nx.sql BEGIN;\n\tLatency: 250000 nanoseconds (ns), lower\n"},
		{"failures are told apart, and old versions abort without a word before", "transaction type: x.sql\nnumber of failed transactions: 3 (30.000%)\nnumber of serialization failures: 2 (20.000%)\nnumber of other failures: 1 (10.000%)\nnumber of transactions retried: 5 (50.000%)\nlatency average = 1 ms\nclient 0 aborted in command 4 of script 0; ERROR\nRun was aborted; the above results are incomplete.\n",
			"\nx.sql\n\tLatency: 1e+06 nanoseconds (ns), lower\n\tFailed Requests: 3 requests, lower\n\tSerialization Failures: 2 requests, lower\n\tOther Failures: 1 requests, lower\n\tRetried Requests: 5 requests, lower\n\nproblem: line 1: x.sql: client 0 aborted in command 4 of script 0; ERROR\n\nproblem: line 1: x.sql: Run was aborted; the above results are incomplete.\n\nproblem: line 1: x.sql: transactions failed: 3 (30.000%)\n"},
		{"latencies of progress are samples, but not those of no transaction", "progress: 1.0 s, 4.0 tps, lat 0.250 ms stddev 0.1\nprogress: 1700000002.5 s, 0.0 tps, lat 0.000 ms stddev 0.0, 0 failed\nprogress: 3.0 s, 2.0 tps, lat 0.750 ms stddev 0.1, lag 0.1 ms\ntransaction type: x.sql\nlatency average = 0.5 ms\ntps = 2 (without initial connection time)\n",
			"\nx.sql\n\tThroughput: 2 operations / second (ops/s), higher\n\t\t4 0 2\n\tLatency: 500000 nanoseconds (ns), lower\n\t\t250000 750000\n"},
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
