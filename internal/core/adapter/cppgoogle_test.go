package adapter

import (
	"testing"
)

func TestCppGoogle(t *testing.T) {
	t.Parallel()
	const (
		head    = "name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,error_occurred,error_message"
		context = `{"context":{"num_cpus":1},"benchmarks":[`
		table   = "Benchmark                Time             CPU   Iterations UserCounters...\n"
	)
	eachOutput(t, "cpp_google", []output{
		{"a benchmark that is called as an aggregate is none", head + "\n\"sum\",9,1,1,ns,,,,,\n\"sum_mean\",9,2,2,ns,,,,,\n\"sum_median\",9,3,3,ns,,,,,\n",
			"\nsum\n\tLatency: 1 nanoseconds (ns), lower\n\tCPU Time: 1 nanoseconds (ns), lower\n\nsum_mean\n\tLatency: 2 nanoseconds (ns), lower\n\tCPU Time: 2 nanoseconds (ns), lower\n\nsum_median\n\tLatency: 3 nanoseconds (ns), lower\n\tCPU Time: 3 nanoseconds (ns), lower\n"},
		{"aggregates of the user stand behind the others", head + "\n\"a\",9,1,1,ns,,,,,\n\"a\",9,3,3,ns,,,,,\n\"a_mean\",2,2,2,ns,,,,,\n\"a_median\",2,2,2,ns,,,,,\n\"a_stddev\",2,1,1,ns,,,,,\n\"a_cv\",2,50,50,ns,,,,,\n\"a_max\",2,3,3,ns,,,,,\n\"a_b\",9,4,4,ns,,,,,\n",
			"\na\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\t\t1 3\n\tCPU Time: 2 from 1 to 3 nanoseconds (ns), lower\n\t\t1 3\n\na_b\n\tLatency: 4 nanoseconds (ns), lower\n\tCPU Time: 4 nanoseconds (ns), lower\n"},
		{"there may be nothing but aggregates", head + "\n\"a_mean\",2,2,5,us,,,,,\n\"a_median\",2,2,5,us,,,,,\n\"a_stddev\",2,0.5,1,us,,,,,\n\"a_max\",2,3,6,us,,,,,\n",
			"\na\n\tLatency: 2000 from 1500 to 2500 nanoseconds (ns), lower\n\tCPU Time: 5000 from 4000 to 6000 nanoseconds (ns), lower\n\tLatency max: 3000 nanoseconds (ns), lower\n"},
		{"complexity is no benchmark, whatever its name", head + "\n\"a/8\",9,1,1,ns,,,,,\n\"x_BigO\",,5,5,N,,,,,\n\"x_RMS\",,0.1,0.1,,,,,,\n\"y_BigO\",9,2,2,ns,,,,,\n",
			"\na/8\n\tLatency: 1 nanoseconds (ns), lower\n\tCPU Time: 1 nanoseconds (ns), lower\n\ny_BigO\n\tLatency: 2 nanoseconds (ns), lower\n\tCPU Time: 2 nanoseconds (ns), lower\n"},
		{"a further header has its own counters, and a warning is no row", head + ",\"m\"\n\"a\",9,1,1,ns,,,,,,7\n***WARNING*** Library was built as DEBUG.\n" + head + ",\"n\"\n\"b\",9,2,2,ns,,,,,,8\n\"c\",,,,,,,,true,\"no, \"\"x\"\"\"\n\"d\",,,,,,,,false,\"not here\"\n",
			"\na\n\tLatency: 1 nanoseconds (ns), lower\n\tCPU Time: 1 nanoseconds (ns), lower\n\tm: 7 units, unknown\n\nb\n\tLatency: 2 nanoseconds (ns), lower\n\tCPU Time: 2 nanoseconds (ns), lower\n\tn: 8 units, unknown\n\nproblem: line 6: c: it reports an error: no, \"x\"\n\nproblem: line 7: d: it was skipped: not here\n"},
		{"what is skipped took no time", context + `{"name":"a","run_name":"a","run_type":"iteration","family_index":0,"skipped":true,"skip_message":"not here","iterations":0,"real_time":0.0,"cpu_time":0.0,"time_unit":"ns"},{"name":"b","run_type":"iteration","family_index":1,"real_time":2,"cpu_time":NaN,"time_unit":"ns"}]}`,
			"\nb\n\tLatency: 2 nanoseconds (ns), lower\n\nproblem: line 1: a: it was skipped: not here\n\nproblem: line 1: b: cpu_time is no number\n"},
		{"a counter is not the measure of its name", context + `{"name":"a","run_type":"iteration","real_time":2,"cpu_time":2,"time_unit":"ns","Latency":5,"throughput":6,"allocs_per_iter":3,"max_bytes_used":4}]}`,
			"\na\n\tLatency: 2 nanoseconds (ns), lower\n\tCPU Time: 2 nanoseconds (ns), lower\n\tLatency (counter): 5 units, unknown\n\tthroughput (counter): 6 units, unknown\n\tAllocations: 3 allocations / operation (allocs/op), lower\n\tPeak Memory: 4 bytes (B), lower\n"},
		{"two functions of one name are no repetitions", context + `{"name":"a","run_name":"a","run_type":"iteration","family_index":0,"real_time":2,"time_unit":"ns"},{"name":"a","run_name":"a","run_type":"iteration","family_index":1,"real_time":9,"time_unit":"ns"},{"name":"a","run_name":"a","run_type":"iteration","family_index":1,"real_time":9,"time_unit":"ns"}]}`,
			"\na\n\tLatency: 2 nanoseconds (ns), lower\n\nproblem: line 1: a: another benchmark has the same name; the first is kept\n"},
		{"versions before 1.5 tell aggregates by name", context + `{"name":"a","iterations":9,"real_time":1,"cpu_time":1,"time_unit":"ns"},{"name":"a","iterations":9,"real_time":3,"cpu_time":3,"time_unit":"ns"},{"name":"a_mean","iterations":9,"real_time":2,"cpu_time":2,"time_unit":"ns"},{"name":"a_stddev","iterations":0,"real_time":1,"cpu_time":1,"time_unit":"ns"},{"name":"a_BigO","cpu_coefficient":1,"real_coefficient":1,"big_o":"N","time_unit":"ns"},{"name":"a_RMS","rms":0.1}]}`,
			"\na\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\t\t1 3\n\tCPU Time: 2 from 1 to 3 nanoseconds (ns), lower\n\t\t1 3\n"},
		{"a crash takes no other benchmark with it", context + "\n" + `{"name":"a","run_type":"iteration","real_time":2,"time_unit":"ns"},` + "\n" + `{"name":"b","run_type":"iteration","real_time":12`,
			"\na\n\tLatency: 2 nanoseconds (ns), lower\n\nproblem: line 3: the output was cut off, as by a crash: JSON: want ',' or '}', found the end of the input (line 3, column 50)\n"},
		{"the console's counters have prefixes, and a label is none", "warm up\n" + table + "a b/8                 1.54 ns         1.60 ns      4564939 bytes_per_second=1.5G/s k=2.5Mi n=4k ops=1.25M/s z=120u a=5 k=7\nand a name that is longer than its column 1.00 us    2.00 us            7\n",
			"\na b/8\n\tLatency: 1.54 nanoseconds (ns), lower\n\tCPU Time: 1.6 nanoseconds (ns), lower\n\tBandwidth: 1610.612736 megabytes / second (MB/s), higher\n\tk: 2.62144e+06 units, unknown\n\tn: 4000 units, unknown\n\tops: 1.25e+06 units, unknown\n\tz: 0.00012 units, unknown\n" +
				"\nand a name that is longer than its column\n\tLatency: 1000 nanoseconds (ns), lower\n\tCPU Time: 2000 nanoseconds (ns), lower\n"},
		{"the console's header may name the counters", "Benchmark                Time             CPU   Iterations        bar        foo\n\x1b[0;32ma                  \x1b[m\x1b[0;33m    12 ns         0.000 ns   \x1b[m\x1b[0;36m         3\x1b[m          5\x1b[m       1k/s\x1b[m size=3\nb                  ERROR OCCURRED: 'it's broken'\nc                  SKIPPED: 'not here'\nd                      12 %            12 %\n",
			"\na\n\tLatency: 12 nanoseconds (ns), lower\n\tbar: 5 units, unknown\n\tfoo: 1000 units, unknown\n\nproblem: line 2: a: its time is 0.000 ns of CPU, which is rounded: JSON has all digits\n\nproblem: line 3: b: it reports an error: it's broken\n\nproblem: line 4: c: it was skipped: not here\n"},
		{"old versions write rates without a name", table + "a                      1.54 ns         1.60 ns      4564939 n=inf o=2    1.5GB/s   2k items/s label\n",
			"\na\n\tLatency: 1.54 nanoseconds (ns), lower\n\tCPU Time: 1.6 nanoseconds (ns), lower\n\to: 2 units, unknown\n\tBandwidth: 1610.612736 megabytes / second (MB/s), higher\n\tItems per Second: 2048 items / second (items/s), higher\n\nproblem: line 2: a: measure \"n\": +Inf is not a finite number\n"},
		{"the console's aggregates are told by their names", table + "a_mean                 2.00 ns         5.00 ns            2\na_median               2.00 ns         5.00 ns            2\na_stddev              0.500 ns         1.00 ns            2\na_cv                  25.00 %         20.00 %             2\n",
			"\na\n\tLatency: 2 from 1.5 to 2.5 nanoseconds (ns), lower\n\tCPU Time: 5 from 4 to 6 nanoseconds (ns), lower\n"},
	})
}
