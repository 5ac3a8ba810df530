package adapter

import (
	"testing"
)

func TestDart(t *testing.T) {
	t.Parallel()
	eachOutput(t, "dart_benchmark_harness", []output{
		{"the unit may be another, or none", "A(RunTime): 1.5 us.\nB(RunTimeRaw): 2.5 ns.\nC(RunTime): 3.25\nD.x (y)(RunTime): 1e-7 us.\n",
			"\nA\n\tLatency: 1500 nanoseconds (ns), lower\n\nB\n\tLatency: 2.5 nanoseconds (ns), lower\n\nC\n\tLatency: 3250 nanoseconds (ns), lower\n\nD.x (y)\n\tLatency: 9.999999999999999e-05 nanoseconds (ns), lower\n"},
		{"there are other metrics", "A(CpuCycles): 12.5\nA(MajorPageFaults): 0.0\nA.totalIterations(Count): 2000.0\nA(RunTime): 1.0 us.\nA(CodeSize): 5102\nwarning(x): 3\n",
			"\nA\n\tCPU Cycles: 12.5 cycles, lower\n\tMajor Page Faults: 0 faults, lower\n\tIterations: 2000 units, unknown\n\tLatency: 1000 nanoseconds (ns), lower\n\tCode Size: 5102 bytes (B), lower, exact\n"},
		{"Flutter writes before each line", "I/flutter ( 5566): A(RunTime): 1.0 us.\nI/flutter (17001): A(RunTime): 3.0 us.\nflutter: B(RunTime): 1.0 us.\n",
			"\nA\n\tLatency: 2000 from 1000 to 3000 nanoseconds (ns), lower\n\t\t1000 3000\n\nB\n\tLatency: 1000 nanoseconds (ns), lower\n"},
		{"a time that is none is told", "A(RunTime): NaN us.\nB(RunTime): 1.0 us.\n", "\nB\n\tLatency: 1000 nanoseconds (ns), lower\n\nproblem: line 1: A: measure \"Latency\": NaN is not a finite number\n"},
		{"a detailed report is a line", "A: b: avg=2.000 ms · median=1.900 ms · CV=5.00% · samples=9 · min=1.500 ms\n", "\nA: b\n\tLatency: 2e+06 from 1.9e+06 to 2.1e+06 nanoseconds (ns), lower\n\tLatency min: 1.5e+06 nanoseconds (ns), lower\n"},
	})
}
