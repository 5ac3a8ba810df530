package adapter

import (
	"testing"
)

func TestRubyBenchmark(t *testing.T) {
	t.Parallel()
	const head = "       user     system      total        real\n"
	eachOutput(t, "ruby_benchmark", []output{
		{"a label may touch a long time", head + "n=10100.500000   0.250000 100.750000 (101.000000)\nfor:1100.500000   0.250000 1100.750000 (1101.000000)\n",
			"\nn=10\n\tUser Time: 1.005e+11 nanoseconds (ns), lower\n\tSystem Time: 2.5e+08 nanoseconds (ns), lower\n\tLatency: 1.01e+11 nanoseconds (ns), lower\n" +
				"\nfor:\n\tUser Time: 1.1005e+12 nanoseconds (ns), lower\n\tSystem Time: 2.5e+08 nanoseconds (ns), lower\n\tLatency: 1.101e+12 nanoseconds (ns), lower\n"},
		{"a further table measures something else", head + "a 1.0 0.5 1.5 ( 2.0)\na 1.0 0.5 1.5 ( 4.0)\n" + head + "a 1.0 0.5 1.5 ( 9.0)\n",
			"\na\n\tUser Time: 1e+09 from 1e+09 to 1e+09 nanoseconds (ns), lower\n\t\t1e+09 1e+09\n\tSystem Time: 5e+08 from 5e+08 to 5e+08 nanoseconds (ns), lower\n\t\t5e+08 5e+08\n\tLatency: 3e+09 from 2e+09 to 4e+09 nanoseconds (ns), lower\n\t\t2e+09 4e+09\n" +
				"\na #2\n\tUser Time: 1e+09 nanoseconds (ns), lower\n\tSystem Time: 5e+08 nanoseconds (ns), lower\n\tLatency: 9e+09 nanoseconds (ns), lower\n"},
		{"a label may be a number", head + "10  100.500000   0.250000 100.750000 (101.000000)\n", "\n10\n\tUser Time: 1.005e+11 nanoseconds (ns), lower\n\tSystem Time: 2.5e+08 nanoseconds (ns), lower\n\tLatency: 1.01e+11 nanoseconds (ns), lower\n"},
		{"a row may have no label", head + "  1.000000   0.250000   1.250000 (  2.000000)\n", "\nreal\n\tUser Time: 1e+09 nanoseconds (ns), lower\n\tSystem Time: 2.5e+08 nanoseconds (ns), lower\n\tLatency: 2e+09 nanoseconds (ns), lower\n"},
	})
}
