package adapter

import "testing"

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
	})
}
