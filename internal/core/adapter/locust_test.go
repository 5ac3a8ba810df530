package adapter

import "testing"

func TestLocust(t *testing.T) {
	t.Parallel()
	const header = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,99.9%,100%\n"
	eachOutput(t, "locust", []output{
		{"a percentile that is not known is none, and the hundredth is the largest", header + "GET,/a,4,1,2,2.5,1,9,100.5,8,2,2,N/A,9\n",
			"\nGET /a\n\tLatency: 2.5e+06 nanoseconds (ns), lower\n\tLatency min: 1e+06 nanoseconds (ns), lower\n\tLatency max: 9e+06 nanoseconds (ns), lower\n\tThroughput: 8 operations / second (ops/s), higher\n\tRequests: 4 requests, unknown\n\tFailed Requests: 1 requests, lower\n\tResponse Size: 100.5 bytes (B), unknown\n\tLatency p50: 2e+06 nanoseconds (ns), lower\n" +
				"\nproblem: line 2: GET /a: 1 of 4 requests failed\n"},
		{"a row of no request has no times", header + "GET,/a,0,0,0,0,0,0,0,0,0,0,0,0\n,Aggregated,2,0,2,2,2,2,0,1,0,2,2,2\n",
			"\nAggregated\n\tLatency: 2e+06 nanoseconds (ns), lower\n\tLatency min: 2e+06 nanoseconds (ns), lower\n\tLatency max: 2e+06 nanoseconds (ns), lower\n\tThroughput: 1 operations / second (ops/s), higher\n\tRequests: 2 requests, unknown\n\tFailed Requests: 0 requests, lower\n\tResponse Size: 0 bytes (B), unknown\n\tLatency p50: 2e+06 nanoseconds (ns), lower\n\tLatency p99.9: 2e+06 nanoseconds (ns), lower\n" +
				"\nproblem: line 2: GET /a: there was not a single request\n"},
	})
}
