package adapter

import (
	"testing"
)

func TestDivan(t *testing.T) {
	t.Parallel()
	const head = "d         fastest       │ slowest       │ median        │ mean          │ samples │ iters\n"
	const times = "1 ns          │ 3 ns          │ 2 ns          │ 2.5 ns        │ 100     │ 1600\n"
	const two = "\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n"
	eachOutput(t, "divan", []output{
		{"each counter is a measure of its own", head + "╰─ a      " + times +
			"          1.664 GB/s    │ 701 MB/s      │ 1.65 GB/s     │ 1.472 GB/s    │         │\n          16.64 Mchar/s │ 7.01 Mchar/s  │ 16.5 Mchar/s  │ 14.72 Mchar/s │         │\n          728.1 KHz     │ 306.7 KHz     │ 722.1 KHz     │ 644.3 KHz     │         │\n          inf item/s    │ 131.4 Kitem/s │ 2 Pitem/s     │ 276.1 Kitem/s │         │\n",
			"\nd::a\n" + two + "\tBandwidth: 1650 from 701 to 1664 megabytes / second (MB/s), higher\n\tCharacters per Second: 1.65e+07 from 7.01e+06 to 1.664e+07 characters / second (char/s), higher\n\tCycles per Second: 722100 from 306700 to 728100 hertz (Hz), higher\n\tItems per Second: 2e+15 items / second (items/s), higher\n"},
		{"a name may be wider than the header knows", "d  fastest       │ slowest       │ median        │ mean          │ samples │ iters\n├─ t             │               │               │               │         │\n│  ├─ t=1  " + times + "│  ╰─ t=128  " + times + "╰─ u         " + times,
			"\nd::t::t=1\n" + two + "\nd::t::t=128\n" + two + "\nd::u\n" + two},
		{"what a benchmark prints ends no table", head + "├─ a      hello\nfrom stderr\n\n" + times + "├─ b      hello1 ns          │ 3 ns          │ 2 ns          │ 2.5 ns        │ 100     │ 1600\nwarning: slow\n├─ c      (ignored)     │               │               │               │         │\n├─ d      warning: No benchmark function registered for 'd'\n\n╰─ e      " + times,
			"\nd::a\n" + two + "\nd::b\n\tLatency: 2 nanoseconds (ns), lower\n\nd::e\n" + two + "\nproblem: line 9: d::d: it has no result\n"},
		{"a panic is the benchmark's that runs", head + "├─ a      " + times + "├─ b      \nthread 'main' (4377) panicked at benches/div.rs:17:32:\nno\n\nthread 'main' (4377) panicked at divan/src/benchmark/mod.rs:716:21:\nDivan benchmarking thread 0 panicked\n",
			"\nd::a\n" + two + "\nproblem: line 3: d::b: it has no result: it panicked at benches/div.rs:17:32: no\n"},
		{"another table behind it is not its", head + "╰─ a      " + times + "\n│ 1 │ 2 │ 3 │ 4 │ 5 │ 6 │\n", "\nd::a\n" + two},
		{"two programs of one name are two", "     Running benches/d.rs (target/release/deps/d-340dc6c42fd1bc08)\n" + head + "╰─ a      " + times + "     Running benches/d.rs (target/release/deps/d-340dc6c42fd1bc09)\n" + head + "╰─ a      " + times, "\nd::d::a\n" + two + "\nd #2::d::a\n" + two},
		{"days are a time", head + "╰─ a      1 d           │ 3 d           │ 2 d           │ 2.5 d         │ 1       │ 1\n", "\nd::a\n\tLatency: 1.728e+14 from 8.64e+13 to 2.592e+14 nanoseconds (ns), lower\n"},
	})
}
