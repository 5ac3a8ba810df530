package adapter

import (
	"testing"
)

func TestK6(t *testing.T) {
	t.Parallel()
	const iterations = "\niterations\n\tCount: 3 units, unknown\n\tThroughput: 1 operations / second (ops/s), higher\n"
	eachOutput(t, "k6", []output{
		{"a trend's count is no time", `{"root_group":{},"metrics":{"iterations":{"count":3,"rate":1},"iteration_duration":{"med":1,"p(99.9)":2,"count":7}}}`,
			iterations + "\niteration_duration\n\tLatency: 1e+06 nanoseconds (ns), lower\n\tLatency p99.9: 2e+06 nanoseconds (ns), lower\n\tCount: 7 units, unknown\n"},
		{"a check that failed is said, wherever it stands", `{"root_group":{"checks":{"a":{"name":"a","passes":1,"fails":0}},"groups":{"g":{"groups":[{"checks":[{"name":"b","passes":1,"fails":2}]}]}}},"metrics":{"iterations":{"count":3,"rate":1}}}`,
			iterations + "\nproblem: line 1: checks: the check \"b\" failed 2 of 3 times\n"},
		{"the machine-readable summary is a list", `{"metadata":{"k6_version":"1.8.1"},"results":{"checks":{"metrics":[{"contains":"default","name":"checks_failed","type":"rate","values":{"matches":1,"rate":0.25,"total":4}}],"results":[{"fails":1,"name":"c","passes":3}]},` +
			`"metrics":[{"contains":"time","name":"http_req_duration","type":"trend","values":{"avg":3,"med":1,"p90":2}},{"contains":"data","name":"data_sent","type":"counter","values":{"count":1420}},{"type":"gauge"}]},"version":"1.0.0"}`,
			"\nchecks_failed\n\tRatio: 25 percentage (%), lower\n\nhttp_req_duration\n\tLatency average: 3e+06 nanoseconds (ns), lower\n\tLatency: 1e+06 nanoseconds (ns), lower\n\tLatency p90: 2e+06 nanoseconds (ns), lower\n\ndata_sent\n\tSize: 1420 bytes (B), unknown\n" +
				"\nproblem: line 1: checks: the check \"c\" failed 1 of 4 times\n\nproblem: line 1: a metric has no name\n"},
		{"points are samples, and those of rates and counters are added up", `{"type":"Metric","data":{"name":"a","type":"trend","contains":"time"},"metric":"a"}` + "\n" + `{"metric":"a","type":"Point","data":{"time":"x","value":2,"tags":{}}}` + "\n" + `{"metric":"a","type":"Point","data":{"time":"x","value":4,"tags":{}}}` + "\n" +
			`{"type":"Metric","data":{"name":"http_req_failed","type":"rate","contains":"default"},"metric":"http_req_failed"}` + "\n" + `{"metric":"http_req_failed","type":"Point","data":{"value":1,"tags":{}}}` + "\n" + `{"metric":"http_req_failed","type":"Point","data":{"value":0,"tags":{}}}` + "\n" +
			`{"metric":"a","type":"Point","data":{"time":"x","value":null,"tags":{}}}` + "\n",
			"\na\n\tLatency: 3e+06 from 2e+06 to 4e+06 nanoseconds (ns), lower\n\t\t2e+06 4e+06\n\nhttp_req_failed\n\tRatio: 50 percentage (%), lower\n\nproblem: line 7: a: a point has no value\n"},
		{"points as CSV have the types of k6's own metrics", "metric_name,timestamp,metric_value,check,extra_tags\nhttp_reqs,1,1.000000,,\nhttp_req_duration,1,2.500000,,\nhttp_reqs,1,1.000000,,\nchecks,1,0.000000,is 200,\nchecks,1,1.000000,is 200,\nown,1,7.000000,,\nvus,1,x,,\n",
			"\nhttp_req_duration\n\tLatency: 2.5e+06 nanoseconds (ns), lower\n\nown\n\tValue: 7 units, unknown\n\nhttp_reqs\n\tCount: 2 units, unknown\n\nchecks\n\tRatio: 50 percentage (%), higher\n\nproblem: line 8: vus: a point has no value\n"},
		{"of points alone k6's own metrics are what they are", `{"metric":"http_reqs","type":"Point","data":{"time":"x","value":1,"tags":{}}}` + "\n" + `{"metric":"http_req_waiting","type":"Point","data":{"time":"x","value":3,"tags":{}}}` + "\n" + `{"metric":"http_reqs","type":"Point","data":{"time":"x","value":1,"tags":{}}}` + "\n",
			"\nhttp_req_waiting\n\tLatency: 3e+06 nanoseconds (ns), lower\n\nhttp_reqs\n\tCount: 2 units, unknown\n"},
		{"the printed summary has units", "   ✗ http_req_duration..............: avg=1m3s med=4.5s p(99.9)=99ns max=1h0m2s count=5\n       { name:http://a/...: }...: avg=1.5µs\n     iterations...: 15     776.25/s\n     data_sent....: 1.8 kB 104 kB/s\n     own..........: avg=5.5 count=3\n     vus..........: 1 min=1 max=2\n",
			"\nhttp_req_duration\n\tLatency average: 6.3e+10 nanoseconds (ns), lower\n\tLatency: 4.5e+09 nanoseconds (ns), lower\n\tLatency p99.9: 99 nanoseconds (ns), lower\n\tLatency max: 3.602e+12 nanoseconds (ns), lower\n\tCount: 5 units, unknown\n\nhttp_req_duration{name:http://a/...:}\n\tLatency average: 1500 nanoseconds (ns), lower\n\niterations\n\tCount: 15 units, unknown\n\tThroughput: 776.25 operations / second (ops/s), higher\n" +
				"\ndata_sent\n\tSize: 1800 bytes (B), unknown\n\tBandwidth: 0.104 megabytes / second (MB/s), higher\n\nown\n\tValue average: 5.5 units, unknown\n\tCount: 3 units, unknown\n\nvus\n\tValue: 1 units, unknown\n\tValue min: 1 units, unknown\n\tValue max: 2 units, unknown\n\nproblem: line 1: http_req_duration: a threshold was crossed\n"},
		{"a rate's counts are exact, its percentage is cut", "iterations...: 3 1/s\nhttp_req_failed...: 66.66% 2 out of 3\nchecks...: 33.33% ✓ 1 ✗ 2\n", iterations + "\nhttp_req_failed\n\tRatio: 66.66666666666666 percentage (%), lower\n\nchecks\n\tRatio: 33.33333333333333 percentage (%), higher\n"},
		{"a time that was rounded to zero is none, a zero is", "iterations...: 3 1/s\nhttp_req_duration...: avg=0.00s max=0.01s\nhttp_req_blocked...: avg=0s\n",
			iterations + "\nhttp_req_duration\n\tLatency max: 1e+07 nanoseconds (ns), lower\n\nhttp_req_blocked\n\tLatency average: 0 nanoseconds (ns), lower\n\nproblem: line 2: http_req_duration: times below what is printed are left out: --summary-time-unit rounds them to zero\n"},
		{"scenarios and groups tell the same metric apart", "  █ THRESHOLDS \n    m\n    ✓ 'avg<9' avg=1ms\n      {name:a}\n      ✗ 'avg<1' avg=1ms\n  █ TOTAL RESULTS \n    ✗ is 200\n      ↳  50% — ✓ 1 / ✗ 1\n    iterations...: 3 1/s\n  █ SCENARIO: one \n    ✗ is 200\n      ↳  50% — ✓ 1 / ✗ 1\n    m...: avg=1ms\n    ↳ GROUP: a \n      m...: avg=2ms\n      ↳ GROUP: b \n        m...: avg=3ms\n    ↳ GROUP: c \n      m...: avg=4ms\n",
			iterations + "\nm {scenario=one}\n\tLatency average: 1e+06 nanoseconds (ns), lower\n\nm {group=::a,scenario=one}\n\tLatency average: 2e+06 nanoseconds (ns), lower\n\nm {group=::a::b,scenario=one}\n\tLatency average: 3e+06 nanoseconds (ns), lower\n\nm {group=::c,scenario=one}\n\tLatency average: 4e+06 nanoseconds (ns), lower\n" +
				"\nproblem: line 5: m{name:a}: the threshold avg<1 was crossed\n\nproblem: line 7: checks: the check \"is 200\" failed 1 of 2 times\n"},
	})
}
