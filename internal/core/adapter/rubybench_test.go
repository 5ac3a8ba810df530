package adapter

import (
	"testing"
)

func TestRubyBench(t *testing.T) {
	t.Parallel()
	const plain, jit = "ruby 3.4.1 (2024-12-25 revision 48d4efcb85) +PRISM [x86_64-linux]\n", "ruby 3.4.1 (2024-12-25 revision 48d4efcb85) +YJIT +PRISM [x86_64-linux]\n"
	const fib = "Running benchmark \"fib\" (1/1)\n+ ruby fib.rb\n"
	const first, second = "itr:   time\n #1:  9ms\n #2:  5ms\nRSS: 1.5MiB\nAverage of last 1, non-warmup iters: 5ms\n", "itr:   time\n #1:  9ms\n #2:  3ms\nAverage of last 1, non-warmup iters: 3ms\n"
	const metadata = `{"metadata":{},"raw_data":`
	eachOutput(t, "ruby_bench", []output{
		{"executables behind each other are as the legend calls them", fib + plain + first + fib + jit + second + "Total time spent benchmarking: 2s\n\ninterp: " + plain + "yjit: " + jit,
			"\nfib {interp}\n\tLatency: 5e+06 nanoseconds (ns), lower\n\t\t5e+06\n\tMemory: 1.572864e+06 bytes (B), lower\n\nfib {yjit}\n\tLatency: 3e+06 nanoseconds (ns), lower\n\t\t3e+06\n"},
		{"or as they are where the log ends before", fib + plain + first + fib + jit + second,
			"\nfib {ruby 3.4.1 +PRISM}\n\tLatency: 5e+06 nanoseconds (ns), lower\n\t\t5e+06\n\tMemory: 1.572864e+06 bytes (B), lower\n\nfib {ruby 3.4.1 +YJIT +PRISM}\n\tLatency: 3e+06 nanoseconds (ns), lower\n\t\t3e+06\n"},
		{"other columns are no times", fib + plain + "itr:   time   marking  sweeping\n #1:  9ms   1.5ms    2.0ms  1,234\n #2:  5ms   1.5ms    2.0ms  1,234\nAverage of last 2, non-warmup iters: 7ms\n",
			"\nfib\n\tLatency: 7e+06 from 5e+06 to 9e+06 nanoseconds (ns), lower\n\t\t9e+06 5e+06\n"},
		{"what failed behind its average has failed", fib + plain + first + "Command \"ruby fib.rb\" failed with exit code 7 in directory /\n" + "Running benchmark \"nbody\" (2/3)\n" + plain + first + "Running benchmark \"once\" (3/3)\n #1: 5ms\nRSS: 1.0MiB\n",
			"\nnbody\n\tLatency: 5e+06 nanoseconds (ns), lower\n\t\t5e+06\n\tMemory: 1.572864e+06 bytes (B), lower\n\nproblem: line 1: fib: it failed with exit code 7\n\nproblem: line 17: once: how many of its iterations were warm-up is not printed; the file output_NNN.json tells it\n"},
		{"Ractors are told apart in a log", fib + "r:   itr:   time\n0     #1:   20ms\n0     #2:   30ms\n4     #1:    8ms\nRSS: 1.0MiB\n",
			"\nfib {ractors=0}\n\tLatency: 2.5e+07 from 2e+07 to 3e+07 nanoseconds (ns), lower\n\t\t2e+07 3e+07\n\nfib {ractors=4}\n\tLatency: 8e+06 nanoseconds (ns), lower\n\t\t8e+06\n"},
		{"and in a file", metadata + `{"a":{"fib":{"warmup":[],"bench":[1.5,2.5],"bench_by_ractors":{"0":[1.5],"4":[2.5]},"rss":7}}}}`,
			"\nfib {ractors=0}\n\tLatency: 1.5e+09 nanoseconds (ns), lower\n\t\t1.5e+09\n\nfib {ractors=4}\n\tLatency: 2.5e+09 nanoseconds (ns), lower\n\t\t2.5e+09\n\nfib\n\tMemory: 7 bytes (B), lower\n"},
		{"whole milliseconds are not seconds", metadata + `{"a":{"fib":{"warmup":[],"bench":[150,250],"rss":7},"nop":{"warmup":[],"bench":[0.001]},"x":{"warmup":[1],"bench":[2]}}}}`,
			"\nx\n\tLatency: 2e+09 nanoseconds (ns), lower\n\t\t2e+09\n\nproblem: line 1: fib: its times are milliseconds of several numbers of Ractors, mixed; newer versions of ruby-bench keep them apart\n\nproblem: line 1: nop: the harness once measures nothing\n"},
		{"what one executable has and another has not is told", metadata + `{"a":{"fib":{"warmup":[1],"bench":[2]}},"b":{}}}`, "\nfib {a}\n\tLatency: 2e+09 nanoseconds (ns), lower\n\t\t2e+09\n\nproblem: fib {b}: it has no results: it failed, or was not run\n"},
		{"garbage collection is in milliseconds", metadata + `{"a":{"fib":{"warmup":[1],"bench":[2],"gc_marking_time_bench":[1.5],"gc_sweeping_time_bench":[0.5],"gc_major_count_bench":[2]}}}}`,
			"\nfib\n\tLatency: 2e+09 nanoseconds (ns), lower\n\t\t2e+09\n\tGC Marking: 1.5e+06 nanoseconds (ns), lower\n\t\t1.5e+06\n\tGC Sweeping: 500000 nanoseconds (ns), lower\n\t\t500000\n\tGC Major Count: 2 units, lower\n\t\t2\n"},
	})
}
