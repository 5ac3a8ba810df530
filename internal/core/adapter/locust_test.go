package adapter

import (
	"testing"
)

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
		{"lines of a log around the table are no rows", header + "GET,/a,2,0,2,2,2,2,0,1,0,2,2,2\nresp wait: 1, 2, 3, 4\nGET,/b,22", "\nGET /a\n\tLatency: 2e+06 nanoseconds (ns), lower\n\tLatency min: 2e+06 nanoseconds (ns), lower\n\tLatency max: 2e+06 nanoseconds (ns), lower\n\tThroughput: 1 operations / second (ops/s), higher\n\tRequests: 2 requests, unknown\n\tFailed Requests: 0 requests, lower\n\tResponse Size: 0 bytes (B), unknown\n" +
			"\tLatency p50: 2e+06 nanoseconds (ns), lower\n\tLatency p99.9: 2e+06 nanoseconds (ns), lower\n\nproblem: line 3: lines that are no rows of the table were passed over: 2 of them, this is the first\n"},
		{"of the history the last row counts, and its totals give the rate", "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size\n" +
			"100,2,GET,/,0.0,0.0,N/A,10,0,4,9.0,1.5,40.0,3.0\n100,2,,Aggregated,0.0,0.0,N/A,0,0,0,0,0,0,0\n110,2,GET,/,3.0,0.0,4,60,1,4,6.5,1.5,50.0,3.0\n",
			"\nGET /\n\tLatency: 6.5e+06 nanoseconds (ns), lower\n\tLatency min: 1.5e+06 nanoseconds (ns), lower\n\tLatency max: 5e+07 nanoseconds (ns), lower\n\tThroughput: 5 operations / second (ops/s), higher\n\tRequests: 60 requests, unknown\n\tFailed Requests: 1 requests, lower\n\tResponse Size: 3 bytes (B), unknown\n" +
				"\nproblem: line 4: GET /: 1 of 60 requests failed\n\nproblem: line 3: Aggregated: there was not a single request\n"},
		{"a histogram gives the percentiles that locust prints", `[{"name":"/","method":"GET","last_request_timestamp":12.0,"start_time":2.0,"num_requests":100,"num_none_requests":0,"num_failures":0,"total_response_time":500.0,"max_response_time":90.5,"min_response_time":1.5,"total_content_length":200,"response_times":{"2":60,"90":1,"10":39}}]`,
			"\nGET /\n\tLatency: 5e+06 nanoseconds (ns), lower\n\tLatency min: 1.5e+06 nanoseconds (ns), lower\n\tLatency max: 9.05e+07 nanoseconds (ns), lower\n\tThroughput: 10 operations / second (ops/s), higher\n\tRequests: 100 requests, unknown\n\tFailed Requests: 0 requests, lower\n\tResponse Size: 2 bytes (B), unknown\n" +
				"\tLatency p50: 2e+06 nanoseconds (ns), lower\n\tLatency p66: 1e+07 nanoseconds (ns), lower\n\tLatency p75: 1e+07 nanoseconds (ns), lower\n\tLatency p80: 1e+07 nanoseconds (ns), lower\n\tLatency p90: 1e+07 nanoseconds (ns), lower\n\tLatency p95: 1e+07 nanoseconds (ns), lower\n\tLatency p98: 1e+07 nanoseconds (ns), lower\n\tLatency p99: 9e+07 nanoseconds (ns), lower\n\tLatency p99.9: 9e+07 nanoseconds (ns), lower\n\tLatency p99.99: 9e+07 nanoseconds (ns), lower\n"},
	})
}

func TestLocustsFilesWithoutTimesAreNamed(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"Method,Name,Error,Occurrences\nGET,/,HTTPError(404),61\n", "Count,Message,Traceback,Nodes\n"} {
		refuses(t, Magic, input, "want the file that ends in _stats.csv")
	}
}
