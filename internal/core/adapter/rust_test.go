package adapter

import (
	"testing"
)

func TestColoursDoNotHideRustResults(t *testing.T) {
	t.Parallel()
	const two = "\tLatency: 2 from 1 to 3 nanoseconds (ns), lower\n"
	eachOutput(t, Magic, []output{
		{"libtest", "test a ... \x1b[36mbench\x1b(B\x1b[m:           2.00 ns/iter (+/- 1.00)\n", "\na\n" + two},
		{"criterion", "Benchmarking a: Analyzing\r\x1b[2K\x1b[38;5;2ma\x1b[0m                       time:   [\x1b[2m1.0000 ns\x1b[0m \x1b[1m2.0000 ns\x1b[0m \x1b[2m3.0000 ns\x1b[0m]\r\n", "\na\n" + two},
		{"gungraun", "\x1b[32ma::b::c\x1b[0m \x1b[36mx\x1b[0m\x1b[36m:\x1b[0m\x1b[1;34m10\x1b[0m\n\x1b[90m  \x1b[0mInstructions:                        \x1b[1m1805\x1b[0m|N/A                  (\x1b[90m*********\x1b[0m)\n", "\na::b::c x:10\n\tInstructions: 1805 instructions, lower, exact\n"},
		{"gungraun's errors", "\x1b[32ma::b::c\x1b[0m\n\x1b[90m  \x1b[0m\x1b[90m=======\x1b[0m MEMCHECK \x1b[90m======\x1b[0m\n\x1b[90m  \x1b[0mSuppressed Errors:                        \x1b[1m1\x1b[0m|N/A                  (\x1b[90m*********\x1b[0m)\n", "\na::b::c\n\tMemcheck Suppressed Errors: 1 suppressed errors, lower, exact\n"},
	})
}

func TestCargoNamesTheProgramThatRuns(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"     Running unittests src/lib.rs (target/release/deps/sample-340dc6c42fd1bc08)":           "sample",
		"     Running unittests src/main.rs (target/release/deps/sample-340dc6c42fd1bc08)":          "sample src/main.rs",
		"     Running benches/a.rs (target/release/deps/two-words-340dc6c42fd1bc08)":                "two-words",
		"     Running unittests (target\\release\\deps\\sample-340dc6c42fd1bc08.exe)":               "sample",
		"     Running target/release/deps/sample-340dc6c42fd1bc08":                                  "sample",
		"     Running benches/a.rs (/somewhere (else)/target/release/deps/sample-340dc6c42fd1bc08)": "sample",
		"Running the server on port-80":                                                             "",
		"Running sample-340dc6c42fd1bc0":                                                            "",
		"     Doc-tests sample":                                                                     "",
		"     Running -340dc6c42fd1bc08":                                                            "",
		"     Running a\x00-340dc6c42fd1bc08":                                                       "",
	} {
		if got, _, ok := rustProgram([]byte(line)); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t, want %q", line, got, ok, want)
		}
	}
}
