package adapter

import (
	"testing"
)

func TestGatling(t *testing.T) {
	t.Parallel()
	const ten = "\tLatency: 1e+07 nanoseconds (ns), lower\n"
	eachOutput(t, "gatling", []output{
		{"before version 3.4 the user stands before the groups", "RUN\ta.B\tb\t1\t \t3.2.1\nREQUEST\t1\t\tget\t100\t110\tOK\t \nREQUEST\t2\tg,h\tget\t100\t110\tOK\t \n", "\nget\n" + ten + "\ng / h / get\n" + ten},
		{"in version 2 the scenario stands before that", "REQUEST\tscenario\t1\tg\tget\t100\t110\tOK\t \nREQUEST\tscenario\t2\tg\tget\t100\t110\tKO\tno\n", "\ng / get\n" + ten + "\tFailed Requests: 1 requests, lower\n\nproblem: line 2: g / get: 1 requests failed, the first with \"no\"\n"},
		{"before version 2.2 there are four times", "REQUEST\tscenario\t1\t\tget\t1776038459182\t1776038459183\t1776038459190\t1776038459192\tOK\t \n", "\nget\n" + ten},
		{"a name may be a number or OK", "REQUEST\t\t7\t100\t110\tOK\t \nREQUEST\t5\t7\t100\t110\tOK\t \nREQUEST\t\tOK\t100\t110\tOK\t \n", "\n7\n" + ten + "\n5 / 7\n" + ten + "\nOK\n" + ten},
		{"a group has its duration and the sum of its requests", "REQUEST\tg\ta\t100\t110\tOK\t \nGROUP\tg\t100\t150\t10\tOK\nGROUP\t3\tg\t100\t170\t30\tOK\nGROUP\tg\t100\t900\t10\tKO\n",
			"\ng / a\n" + ten + "\ng\n\tGroup Duration: 6e+07 from 5e+07 to 7e+07 nanoseconds (ns), lower\n\t\t5e+07 7e+07\n\tGroup Response Time: 2e+07 from 1e+07 to 3e+07 nanoseconds (ns), lower\n\t\t1e+07 3e+07\n"},
		{"errors are said, and records that are none are passed over", "ERROR\tno connection\t1776038459182\nERROR\tof someone else\nREQUEST\tg\ta\t110\t100\tOK\t \nREQUEST\tg\ta\t100\nGROUP\tg\nREQUEST\t\ta\t100\t110\tOK\t \n", "\na\n" + ten + "\nproblem: line 1: no connection\n"},
		{"statistics are of the requests that succeeded", `{"type":"GROUP","name":"All Requests","stats":{"name":"All Requests","numberOfRequests":{"total":3,"ok":2,"ko":1},"meanResponseTime":{"total":40,"ok":10,"ko":100}},"contents":{"r":{"type":"REQUEST","name":"a","stats":{"numberOfRequests":{"total":"1","ok":"0","ko":"1"},"meanResponseTime":{"total":"5","ok":"0"},"minResponseTime":{"ok":"-"}}},` +
			`"g":{"type":"GROUP","name":"g","stats":{"numberOfRequests":{"total":1,"ok":1,"ko":0}},"contents":{"x":{"type":"REQUEST","name":"b","stats":{"numberOfRequests":{"total":1,"ok":1,"ko":0},"meanResponseTime":{"ok":10},"percentiles1":{"ok":9}}}}}}}`,
			"\na\n\tFailed Requests: 1 requests, lower\n\ng / b\n" + ten + "\tFailed Requests: 0 requests, lower\n\tLatency p50: 9e+06 nanoseconds (ns), lower\n\ng\n\tFailed Requests: 0 requests, lower\n\nAll Requests\n" + ten + "\tFailed Requests: 1 requests, lower\n\nproblem: line 1: a: 1 of 1 requests failed\n\nproblem: line 1: All Requests: 1 of 3 requests failed\n"},
		{"the totals that are printed are those of the requests that succeeded", "---- Requests ---\n> Global      (OK=3     KO=1     )\n===\n---- Global Information --------------------------------------------------------\n> request count                                          4 (OK=3      KO=1     )\n> min response time                                     49 (OK=50     KO=49    )\n> max response time                                   4775 (OK=4775   KO=-     )\n" +
			"> mean response time                                  1416 (OK=1500   KO=-     )\n> std deviation                                        810 (OK=810    KO=-     )\n> response time 50th percentile                       1239 (OK=1240   KO=-     )\n> mean requests/sec                                2909.091 (OK=2909.5   KO=-     )\n---- Response Time Distribution ---\n> t < 800 ms                                             0 (  0%)\n",
			"\nAll Requests\n\tRequests: 4 requests, unknown\n\tFailed Requests: 1 requests, lower\n\tLatency min: 5e+07 nanoseconds (ns), lower\n\tLatency max: 4.775e+09 nanoseconds (ns), lower\n\tLatency: 1.5e+09 nanoseconds (ns), lower\n\tLatency Deviation: 8.1e+08 nanoseconds (ns), lower\n\tLatency p50: 1.24e+09 nanoseconds (ns), lower\n\tThroughput: 2909.5 operations / second (ops/s), higher\n" +
				"\nproblem: line 5: All Requests: 1 of 4 requests failed\n"},
		{"later versions print columns", "---- Global Information ------------------|---Total---|-----OK----|----KO----\n> request count                           |     2,000 |     2,000 |         0\n> mean response time (ms)                 |     1,416 |     1,416 |         -\n> response time 99.9th percentile (ms)    |     2,000 |     2,000 |         -\n> mean throughput (rps)                   |  1,454.55 |  1,454.55 |         -\n",
			"\nAll Requests\n\tRequests: 2000 requests, unknown\n\tFailed Requests: 0 requests, lower\n\tLatency: 1.416e+09 nanoseconds (ns), lower\n\tLatency p99.9: 2e+09 nanoseconds (ns), lower\n\tThroughput: 1454.55 operations / second (ops/s), higher\n"},
		{"global statistics stand alone", `{"name":"All Requests","numberOfRequests":{"total":4,"ok":3,"ko":1},"minResponseTime":{"total":1,"ok":2,"ko":1},"meanResponseTime":{"total":5,"ok":6,"ko":1},"percentiles1":{"total":5,"ok":7,"ko":1},"group1":{"name":"t < 800 ms","count":3,"percentage":75},"meanNumberOfRequestsPerSecond":{"total":2,"ok":1.5,"ko":0.5}}`,
			"\nAll Requests\n\tLatency: 6e+06 nanoseconds (ns), lower\n\tLatency min: 2e+06 nanoseconds (ns), lower\n\tThroughput: 1.5 operations / second (ops/s), higher\n\tFailed Requests: 1 requests, lower\n\tLatency p50: 7e+06 nanoseconds (ns), lower\n\nproblem: line 1: All Requests: 1 of 4 requests failed\n"},
	})
}
