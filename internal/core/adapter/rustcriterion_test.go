package adapter

import (
	"testing"
)

func TestRustCriterion(t *testing.T) {
	t.Parallel()
	const two = "\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n"
	eachOutput(t, "rust_criterion", []output{
		{"each of two throughputs is kept, and bits are bytes", "words/both              time:   [1.0000 ns 2.0000 ns 3.0000 ns]\n                        thrpt:  [900.0 Kelem/s 1.0000 Melem/s 2.0000 Melem/s]\n                        thrpt:  [1.0000 MiB/s 2.0000 MiB/s 3.0000 MiB/s]\nwords/bits              time:   [1.0000 ns 2.0000 ns 3.0000 ns]\n                        thrpt:  [800.00 Kb/s 8.0000 Mb/s 16.000 Mb/s]\n",
			"\nwords/both\n" + two + "\tElements per Second: 1e+06 from 900000 to 2e+06 elements / second (elem/s), higher\n\tBandwidth: 2.097152 from 1.048576 to 3.145728 megabytes / second (MB/s), higher\n\nwords/bits\n" + two + "\tBandwidth: 1 from 0.1 to 2 megabytes / second (MB/s), higher\n"},
		{"a custom measurement has its own units", "cycles/words            time:   [3736.9 cycles 5048.1 cycles 7295.8 cycles]\n                        thrpt:  [4.5599 cpb 3.1551 cpb 2.3356 cpb]\nb                       time:   [1.0 cache misses 2.0 cache misses 3.0 cache misses]\nc                       time:   [1.0 cycles 2.0 Kcycles 3.0 Kcycles]\nd                       time:   [1 2 3]\n",
			"\ncycles/words\n\tcycles: 5048.1 from 3736.9 to 7295.8 cycles, lower\n\tcpb: 3.1551 from 2.3356 to 4.5599 cpb, unknown\n\nb\n\tcache misses: 2 from 1 to 3 cache misses, lower\n\nproblem: line 4: c: the unit \"cycles\" beside \"Kcycles\" is not known\n\nproblem: line 5: d: \"time:   [1 2 3]\" is not understood\n"},
		{"a name may look like a label", "a time: of day          time:   [1.0000 ns 2.0000 ns 3.0000 ns]\n", "\na time: of day\n" + two},
		{"what a benchmark prints is not in its name", "Benchmarking fib\nBenchmarking fib: Analyzing\nhellofib                time:   [1.0000 ns 2.0000 ns 3.0000 ns]\nBenchmarking a name of more than the column: Analyzing\na name of more than the column\nhello\n                        time:   [1.0000 ns 2.0000 ns 3.0000 ns]\n",
			"\nfib\n" + two + "\na name of more than the column\n" + two},
		{"lines of --verbose are no results", "fib                     time:   [1.0000 ns 2.0000 ns 3.0000 ns]\nslope  [221.36 ns 236.33 ns] R^2            [0.9048943 0.9040078]\nmean   [217.95 ns 272.39 ns] std. dev.      [8.2347 ns 72.202 ns]\nmedian [219.03 ns 242.64 ns] med. abs. dev. [3.6513 ns 39.977 ns]\n", "\nfib\n" + two},
		{"a panic is the benchmark's that runs", "Benchmarking a\na                       time:   [1.0000 ns 2.0000 ns 3.0000 ns]\n\nBenchmarking b: x\nBenchmarking b: x: Warming up for 100.00 ms\n\nthread 'main' (4615) panicked at benches/crit.rs:32:36:\nit does not work\nnote: run\n",
			"\na\n" + two + "\nproblem: line 7: b: x: it panicked at benches/crit.rs:32:36: it does not work\n"},
		{"the same name in two programs is two benchmarks", "     Running benches/a.rs (target/release/deps/a-340dc6c42fd1bc08)\nx                       time:   [1.0000 ns 2.0000 ns 3.0000 ns]\ny                       time:   [1.0000 ns 2.0000 ns 3.0000 ns]\n     Running benches/b.rs (target/release/deps/b-340dc6c42fd1bc08)\nx                       time:   [1.0000 ns 2.0000 ns 3.0000 ns]\n",
			"\na::x\n" + two + "\ny\n" + two + "\nb::x\n" + two},
	})
}
