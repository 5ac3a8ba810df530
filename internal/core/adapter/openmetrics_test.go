package adapter

import (
	"testing"
)

func TestOpenMetrics(t *testing.T) {
	t.Parallel()
	eachOutput(t, "openmetrics", []output{
		{"when a counter was created is no measurement", "# TYPE reqs counter\nreqs_total 3\nreqs_created 1.7e9\n# TYPE lat_seconds histogram\nlat_seconds_bucket{le=\"+Inf\"} 2 # {trace_id=\"a b\"} 0.2 1.7e9\nlat_seconds_sum 0.5\nlat_seconds_created 1.7e9\n# TYPE well_created gauge\nwell_created 4\n",
			"\nreqs_total\n\tCount: 3 units, unknown\n\nlat_seconds_bucket {le=+Inf}\n\tCount: 2 units, unknown\n\nlat_seconds_sum\n\tDuration: 0.5 seconds (s), lower\n\nwell_created\n\tValue: 4 units, unknown\n"},
		{"a point in time is no duration", "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.7e9\nbuild_timestamp_seconds 5\nwait_time_seconds 5 1700000000000\n",
			"\nprocess_start_time_seconds\n\tValue: 1.7e+09 units, unknown\n\nbuild_timestamp_seconds\n\tValue: 5 units, unknown\n\nwait_time_seconds\n\tDuration: 5 seconds (s), lower\n"},
		{"a name may stand in the braces, and blanks around", "# TYPE a gauge\n{\"a.b\",\"l.m\"=\"x\",n = \"y\" , } 1\na { n=\"}\\\\n\\n\" } 2 # {} 1\n", "\na.b {l.m=x,n=y}\n\tValue: 1 units, unknown\n\na {n=}\\n}\n\tValue: 2 units, unknown\n"},
		{"a line of a log is no sample", "Running 10 tests\n# TYPE a gauge\na 1\nb 2 x\nc 1 2 3\n{\"d\",\"e\"} 1\n{f=\"g\"} 1\na{b} 1\n",
			"\na\n\tValue: 1 units, unknown\n\nproblem: line 1: it is no sample: Running 10 tests\n\nproblem: line 4: it is no sample: b 2 x\n\nproblem: line 5: it is no sample: c 1 2 3\n\nproblem: line 6: it is no sample: {\"d\",\"e\"} 1\n\nproblem: line 7: it is no sample: {f=\"g\"} 1\n\nproblem: line 8: it is no sample: a{b} 1\n"},
		{"another scrape may follow the end", "# TYPE a gauge\na 1\n# EOF\nb 7\n# TYPE a gauge\na 3\n# EOF\n", "\na\n\tValue: 2 from 1 to 3 units, unknown\n\t\t1 3\n"},
		{"other units of time are seconds", "# TYPE a gauge\na_milliseconds 1500\n# UNIT b minutes\nb_sum 2\ndelay_seconds_gsum 3\ndelay_seconds_gcount 4\n",
			"\na_milliseconds\n\tDuration: 1.5 seconds (s), lower\n\nb_sum\n\tDuration: 120 seconds (s), lower\n\ndelay_seconds_gsum\n\tDuration: 3 seconds (s), lower\n\ndelay_seconds_gcount\n\tCount: 4 units, unknown\n"},
		{"what has no number is told", "# TYPE a summary\na{quantile=\"0.5\"} NaN\na{quantile=\"1\"} +Inf\na_count 0\n", "\na_count\n\tCount: 0 units, unknown\n\nproblem: line 2: a {quantile=0.5}: measure \"Value\": NaN is not a finite number\n\nproblem: line 3: a {quantile=1}: measure \"Value\": +Inf is not a finite number\n"},
	})
}
