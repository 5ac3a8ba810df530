package adapter

import (
	"testing"
)

func TestRustIai(t *testing.T) {
	t.Parallel()
	const block = "fib\n  Instructions:                1820 (-9.5%)\n  L1 Accesses:                 2601 (No change)\n\n"
	const read = "\tInstructions: 1820 instructions, lower, exact\n\tL1 Accesses: 2601 accesses, lower, exact\n"
	eachOutput(t, "rust_iai", []output{
		{"a benchmark that fails ends the program", block + "broken\n\nthread 'main' (6369) panicked at iai-0.1.1/src/lib.rs:118:9:\nFailed to run benchmark in cachegrind. Exit code: exit status: 101\nnote: run\n",
			"\nfib\n" + read + "\nproblem: line 7: broken: it panicked at iai-0.1.1/src/lib.rs:118:9: Failed to run benchmark in cachegrind. Exit code: exit status: 101\n"},
		{"the same name in two programs is two benchmarks", "     Running benches/a.rs (target/release/deps/a-340dc6c42fd1bc08)\n" + block + "     Running benches/b.rs (target/release/deps/b-340dc6c42fd1bc08)\n" + block, "\na::fib\n" + read + "\nb::fib\n" + read},
	})
}

func TestRustGungraun(t *testing.T) {
	t.Parallel()
	eachOutput(t, "rust_gungraun", []output{
		{"the total counts and not its parts", "a::b::c\n  ## pid: 5 thread: 1 part: 1          |N/A\n  Command:             target/release/deps/a\n  Instructions:    700|N/A     (*********)\n  ## pid: 5 thread: 2 part: 1          |N/A\n  Instructions:    300|N/A     (*********)\n  ## Total\n  Instructions:    1000|N/A     (*********)\na::b::d\n  Instructions:    5|N/A     (*********)\n",
			"\na::b::c\n\tInstructions: 1000 instructions, lower, exact\n\na::b::d\n\tInstructions: 5 instructions, lower, exact\n"},
		{"a comparison with another benchmark is no result", "a::b::c x:1\n  Instructions:    10|N/A     (*********)\n  Comparison with d x:1\n  Instructions:    10|20     (-50.0000%) [-2.00000x]\na::b::d x:1\n  Instructions:    20|N/A     (*********)\n",
			"\na::b::c x:1\n\tInstructions: 10 instructions, lower, exact\n\na::b::d x:1\n\tInstructions: 20 instructions, lower, exact\n"},
		{"tools that count the same are told apart", "a::b::c\n  ======= CALLGRIND ====================\n  Baselines:           1|2\n  Instructions:    10|N/A     (*********)\n  ======= DHAT ====================\n  Total bytes:     100|N/A     (*********)\n  Total lifetimes:     7|N/A     (*********)\n  Something new:     8|N/A     (*********)\n  ======= CACHEGRIND ====================\n  Instructions:    12|N/A     (*********)\n  ======= DRD ====================\n  Errors:     1|0     (+++inf+++) [+++inf+++]\n",
			"\na::b::c\n\tInstructions: 10 instructions, lower, exact\n\tTotal bytes: 100 bytes (B), lower, exact\n\tTotal lifetimes: 7 instructions, lower, exact\n\tSomething new: 8 something new, lower, exact\n\tCachegrind Instructions: 12 instructions, lower, exact\n\tDRD Errors: 1 errors, lower, exact\n"},
		{"lines may have a grid", "a::b::c\n|======== CALLGRIND ====================\n| Instructions:    10|N/A     (*********)\n|-Comparison with d x:1\n| Instructions:    10|20     (-50.0000%)\n", "\na::b::c\n\tInstructions: 10 instructions, lower, exact\n"},
		{"what was not measured this time is no count", "a::b::c\n  Instructions:    N/A|10     (*********)\n  L1 Hits:    3|N/A     (*********)\n", "\na::b::c\n\tL1 Hits: 3 hits, lower, exact\n"},
		{"regressions and messages are no counts", "a::b::c\n  Instructions:    5|4     (+25.0000%) [+1.25000x]\nPerformance has regressed: Instructions (4 -> 5) regressed by +25.0000% (>+1.00000%)\n\nRegressions:\n\n  a::b::c:\n    Instructions (4 -> 5): +25.0000% exceeds limit of +1.00000%\n", "\na::b::c\n\tInstructions: 5 instructions, lower, exact\n"},
		{"a benchmark that fails is told", "a::b::c\n  Instructions:    5|N/A     (*********)\na::b::d\n\nthread 'main' (1) panicked at benches/a.rs:3:43:\nno\nnote: run\ngungraun_runner: Error: Error running 'callgrind': Exit code was: '101'\n", "\na::b::c\n\tInstructions: 5 instructions, lower, exact\n\nproblem: line 5: a::b::d: it panicked at benches/a.rs:3:43: no\n"},
		{"so is one that fails without a panic", "a::b::c\n  Instructions:    5|N/A     (*********)\na::b::d\ngungraun_runner: Error: Error running 'callgrind': Exit code was: '1'\n", "\na::b::c\n\tInstructions: 5 instructions, lower, exact\n\nproblem: line 4: a::b::d: gungraun_runner: Error: Error running 'callgrind': Exit code was: '1'\n"},
		{"a failure between summaries is told", `{"module_path":"a::b","profiles":[{"summaries":{"total":{"summary":{"Callgrind":{"Ir":{"metrics":{"Left":{"Int":1}}}}}}},"tool":"Callgrind"}]}` + "\n\nthread 'main' (1) panicked at benches/a.rs:3:43:\nno\ngungraun_runner: Error: Error running 'callgrind'\n", "\na::b\n\tInstructions: 1 instructions, lower, exact\n\nproblem: line 3: it panicked at benches/a.rs:3:43: no\n"},
		{"each schema of the summary", `{"version":"3","module_path":"a::b::c","id":"x","details":"1","callgrind_summary":{"callgrind_run":{"segments":[{"events":{"Ir":{"metrics":{"Left":1}}}}],"total":{"summary":{"Ir":{"metrics":{"Both":[10,20]}},"L2hits":{"metrics":{"Right":3}}}}}},"tool_summaries":[{"tool":"DHAT","summaries":{"segments":[],"total":{"DhatSummary":{"TotalBytes":{"metrics":{"Left":7}}}}}}]}` + "\n" +
			"     Running benches/b.rs (target/release/deps/b-340dc6c42fd1bc08)\n" +
			`{"version":"6","module_path":"a::b::d","id":null,"details":"two","profiles":[{"summaries":{"parts":[{"metrics_summary":{"Callgrind":{"Ir":{"metrics":{"Left":{"Int":1}}}}}}],"total":{"summary":{"Callgrind":{"Ir":{"metrics":{"Left":{"Int":11}}},"L1HitRate":{"metrics":{"Both":[{"Float":99.5},{"Float":1.5}]}}}}}},"tool":"Callgrind"},{"summaries":{"total":{"summary":{"ErrorTool":{"Errors":{"metrics":{"Left":{"Int":2}}}}}}},"tool":"Helgrind"}]}` + "\n" +
			`{"version":"7","module_path":"a::b::e","description":"x","profiles":[{"data":{"parts":[],"total":{"metrics":{"Ir":{"change":null,"values":{"new":12,"old":20}},"Dr":{"values":{"old":20}}},"regressions":[]}},"tool":"callgrind"}]}` + "\n",
			"\na::b::c x:1\n\tInstructions: 10 instructions, lower, exact\n\tTotal bytes: 7 bytes (B), lower, exact\n\na::b::d two\n\tInstructions: 11 instructions, lower, exact\n\tL1 Hit Rate: 99.5 hitrate, higher, exact\n\tHelgrind Errors: 2 errors, lower, exact\n\na::b::e x\n\tInstructions: 12 instructions, lower, exact\n"},
	})
}
