package adapter

import (
	"testing"
)

func TestRustBench(t *testing.T) {
	t.Parallel()
	eachOutput(t, "rust_bench", []output{
		{"what a benchmark prints stands before its result or in the middle of it", "test a     ... hello\nfrom stderr\nbench:         117.56 ns/iter (+/- 23.18)\ntest b     ... hellobench:         2.00 ns/iter (+/- 1.00) = 8 MB/s\nhellotest c     ... bench:         3.00 ns/iter (+/- 1.00)\n",
			"\na\n\tLatency: 117.56 from 94.38 to 140.74 nanoseconds (ns), lower\n\nb\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\tBandwidth: 8 megabytes / second (MB/s), higher\n\nc\n\tLatency: 3 from 2 to 4 nanoseconds (ns), lower\n"},
		{"a test fails in several ways", "test a ... FAILED\ntest b ... FAILED <0.003s>\ntests::c --- FAILED\ntest d - should panic ... FAILED\ntest e ... \n\nthread 'main' (45) panicked at src/lib.rs:10:49:\nno\nnote: run\nFAILED\ntest f ... bench:   2 ns/iter (+/- 1)\n\nfailures:\n\n---- a stdout ----\nthread 'main' panicked at 'no', src/lib.rs:1:2\n\ntest result: FAILED. 0 passed; 1 failed\n",
			"\nf\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\nproblem: line 1: a: it failed\n\nproblem: line 2: b: it failed\n\nproblem: line 3: tests::c: it failed\n\nproblem: line 4: d - should panic: it failed\n\nproblem: line 10: e: it failed: it panicked at src/lib.rs:10:49: no\n"},
		{"a panic of criterion's program ends it", "test a ... bench:   2 ns/iter (+/- 1)\ntest b ... hello\nthread 'main' panicked at benches/x.rs:1:2:\nno\n",
			"\na\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\nproblem: line 2: b: it has no result: it panicked at benches/x.rs:1:2: no\n"},
		{"a unit of one letter is a second or no time", "test a ... bench:   2 s/iter (+/- 1)\ntest b ... bench:   2 M/iter (+/- 1)\n", "\na\n\tLatency: 2e+09 from 1e+09 to 3e+09 nanoseconds (ns), lower\n\nb\n\tM: 2 from 1 to 3 M/iter, lower\n"},
		{"a terminal has colours", "test a ... \x1b[36mbench\x1b(B\x1b[m:         112.33 ns/iter (+/- 12.33)\ntest b ... \x1b[31mFAILED\x1b(B\x1b[m\n", "\na\n\tLatency: 112.33 from 100 to 124.66 nanoseconds (ns), lower\n\nproblem: line 2: b: it failed\n"},
		{"a name that holds a NUL is none", "test a\x00b ... bench:   1 ns/iter (+/- 1)\ntest c ... bench:   2 ns/iter (+/- 1)\n", "\nc\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\nproblem: a b: benchmark \"a\\x00b\": the name holds the control character U+0000\n"},
		{"a program that is killed leaves a test without result", "test a ... bench:   2 ns/iter (+/- 1)\ntest b ... ok\ntest c ... ignored, slow\ntest d ... hello\nsignal: 9\n", "\na\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\nproblem: line 4: d: it has no result\n"},
		{"events as JSON", `{ "type": "suite", "event": "started", "test_count": 3 }` + "\n" + `{ "type": "test", "name": "t::c", "event": "failed", "stdout": "thread 'main' panicked at x" }` + "\n" + `{ "type": "bench", "name": "t::a", "median": 1234.5, "deviation": 30, "mib_per_second": 1701 }` + "\n" + `{ "type": "test", "name": "t::b", "event": "ignored" }` + "\n",
			"\nt::a\n\tLatency: 1234.5 from 1204.5 to 1264.5 nanoseconds (ns), lower\n\tBandwidth: 1701 megabytes / second (MB/s), higher\n\nproblem: line 2: t::c: it failed\n"},
		{"the same path in two programs is two benchmarks", "     Running unittests src/lib.rs (target/release/deps/x-340dc6c42fd1bc08)\ntest t::a ... bench:   2 ns/iter (+/- 1)\ntest t::b ... bench:   2 ns/iter (+/- 1)\n     Running unittests src/main.rs (target/release/deps/x-340dc6c42fd1bc09)\ntest t::a ... bench:   3 ns/iter (+/- 1)\n   Running target\\release\\deps\\y-340dc6c42fd1bc08.exe\ntest t::a ... bench:   4 ns/iter (+/- 1)\ntest t::a ... bench:   6 ns/iter (+/- 1)\n",
			"\nx::t::a\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\nt::b\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\nx src/main.rs::t::a\n\tLatency: 3 from 2 to 4 nanoseconds (ns), lower\n\ny::t::a\n\tLatency: 4 from 3 to 5 nanoseconds (ns), lower\n\ny::t::a #2\n\tLatency: 6 from 5 to 7 nanoseconds (ns), lower\n"},
		{"two programs of one name are two", "     Running benches/x.rs (target/release/deps/x-340dc6c42fd1bc08)\ntest a ... bench:   2 ns/iter (+/- 1)\n     Running benches/x.rs (target/release/deps/x-340dc6c42fd1bc09)\ntest a ... bench:   3 ns/iter (+/- 1)\ntest b ... bench:   3 ns/iter (+/- 1)\n     Running benches/x.rs (target/release/deps/x-340dc6c42fd1bc08)\ntest a ... bench:   4 ns/iter (+/- 1)\n",
			"\nx::a\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\nx #2::a\n\tLatency: 3 from 2 to 4 nanoseconds (ns), lower\n\nb\n\tLatency: 3 from 2 to 4 nanoseconds (ns), lower\n\nx::a #2\n\tLatency: 4 from 3 to 5 nanoseconds (ns), lower\n"},
		{"a number that is not understood is told", "test a ... bench:   1,1000.00 ns/iter (+/- 2.00)\ntest b ... bench:   2 ns/iter (+/- 1)\n", "\nb\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n\nproblem: line 1: a: the result \"bench:   1,1000.00 ns/iter (+/- 2.00)\" is not understood\n"},
		{"a test without a benchmark is neither", "test a ... ignored, slow\ntest b ... ok\ntest c ... bench:   2 ns/iter (+/- 1)\n", "\nc\n\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n"},
	})
}
