package adapter

import (
	"testing"
)

func TestBenchmarkIPS(t *testing.T) {
	t.Parallel()
	const plain, jit = "ruby 3.4.1 (2024-12-25 revision 48d4efcb85) +PRISM [x86_64-linux]\n", "ruby 3.4.1 (2024-12-25 revision 48d4efcb85) +YJIT +PRISM [x86_64-linux]\n"
	const add = "                 add     38.819M (± 5.0%) i/s   (25.76 ns/i) -     39.413M in   1.018231s\n"
	eachOutput(t, "benchmark_ips", []output{
		{"a long name stands on the line before", plain + "Warming up --------------------------------------\nRubyVM::AbstractSyntaxTree + walk\n                         2.000 i/100ms\nCalculating -------------------------------------\nRubyVM::AbstractSyntaxTree + walk\n" +
			"                         21.000 (± 4.0%) i/s   (47.15 ms/i) -    106.000 in   5.003630s\n  Ripper.sexp + walk     10.000 (± 0.0%) i/s  (105.01 ms/i) -     48.000 in   5.047729s\n",
			"\nRubyVM::AbstractSyntaxTree + walk\n\tThroughput: 21 from 20.16 to 21.84 operations / second (ops/s), higher\n\nRipper.sexp + walk\n\tThroughput: 10 operations / second (ops/s), higher\n"},
		{"Rubies are told apart", plain + "Calculating ---\n" + add + jit + "Calculating ---\n" + add,
			"\nadd {ruby 3.4.1 +PRISM}\n\tThroughput: 3.8819e+07 from 3.687805e+07 to 4.075995e+07 operations / second (ops/s), higher\n\nadd {ruby 3.4.1 +YJIT +PRISM}\n\tThroughput: 3.8819e+07 from 3.687805e+07 to 4.075995e+07 operations / second (ops/s), higher\n"},
		{"by their revision if need be", "ruby 3.5.0dev (2025-01-01 master 1234) [x]\na 2.000 (±0.0%) i/s - 2.000 in 1.000000s\nruby 3.5.0dev (2025-01-02 master 5678) [x]\na 3.000 (±0.0%) i/s - 2.000 in 1.000000s\n",
			"\na {ruby 3.5.0dev (2025-01-01 master 1234) [x]}\n\tThroughput: 2 operations / second (ops/s), higher\n\na {ruby 3.5.0dev (2025-01-02 master 5678) [x]}\n\tThroughput: 3 operations / second (ops/s), higher\n"},
		{"of a slow one iterations and seconds have the digits", "      slow      0.000 (± 0.0%) i/s   (2500.00 s/i) -      1.000 in 2500.000000s\n   raw        0.0 (±0.0%) i/s -          1 in  40.000000s\n none 0.000 (± NaN%) i/s - 0.000 in 0.000000s\n",
			"\nslow\n\tThroughput: 0.0004 operations / second (ops/s), higher\n\nraw\n\tThroughput: 0.025 operations / second (ops/s), higher\n\nnone\n\tThroughput: 0 operations / second (ops/s), higher\n"},
		{"a further block measures something else", "n=10\nCalculating -------------------------------------\na 2.000 (±0.0%) i/s - 2.000 in 1.000000s\nn=100\nCalculating -------------------------------------\na 3.000 (±0.0%) i/s - 2.000 in 1.000000s\n",
			"\na\n\tThroughput: 2 operations / second (ops/s), higher\n\na #2\n\tThroughput: 3 operations / second (ops/s), higher\n"},
		{"billions are B", "a  1.500B (±10.0%) i/s - 7.000B in 5.0s\n", "\na\n\tThroughput: 1.5e+09 from 1.35e+09 to 1.65e+09 operations / second (ops/s), higher\n"},
		{"a single measurement has no deviation", `[{"name":"a","ips":2.5,"error":0,"stddev":0,"microseconds":1,"iterations":1,"cycles":1}]`, "\na\n\tThroughput: 2.5 operations / second (ops/s), higher\n"},
	})
}
