package adapter

import (
	"strings"
	"testing"
)

func TestPerfStat(t *testing.T) {
	t.Parallel()
	const head, elapsed = " Performance counter stats for 'x':\n\n", "\n       0.5 seconds time elapsed\n"
	const half = "\tLatency: 5e+08 nanoseconds (ns), lower\n"
	eachOutput(t, "perf_stat", []output{
		{"a count that shared its counter is the event's own", head + "   115,489,000      cpu_core/cycles/                (50.02%)\n             1      cs            ( +-100.00% )  (49.98%)\n" + elapsed,
			"\nx\n\tcpu_core/cycles/: 1.15489e+08 events, lower\n\tcs: 1 from 0 to 2 events, unknown\n" + half},
		{"what other programs print below the elapsed time is no count", head + "  5      cs\n" + elapsed + "\n       0.25 seconds user\n  5 passed\n  12 tests failed\n 3 seconds left\n",
			"\nx\n\tcs: 5 events, unknown\n" + half + "\tUser Time: 2.5e+08 nanoseconds (ns), lower\n"},
		{"the table has the time of each run", strings.Replace(head, ":\n", " (2 runs):\n", 1) + "  5      cs\n\n     # Table of individual measurements:\n     0.25 (-0.25) ###\n     0.75 (+0.25) #\n\n     # Final result:\n     0.500 +- 0.250 seconds time elapsed  ( +- 50.00% )\n",
			"\nx\n\tcs: 5 events, unknown\n\tLatency: 5e+08 from 2.5e+08 to 7.5e+08 nanoseconds (ns), lower\n\t\t2.5e+08 7.5e+08\n"},
		{"a point before three digits parts the thousands of a count, and is the mark of a time", head + "  1.234      cycles\n  1.234,50 msec task-clock\n\n  12,345 +- 0,512 seconds time elapsed  ( +-  4,15% )\n",
			"\nx\n\tcycles: 1234 events, lower\n\tCPU Time: 1.2345e+09 nanoseconds (ns), lower\n\tLatency: 1.2345e+10 from 1.18326825e+10 to 1.28573175e+10 nanoseconds (ns), lower\n"},
		{"French, Swiss and Indian thousands", head + "  1\u202f234\u202f567      cycles   # 1,24  insn per cycle\n  1\u2019234\u2019567      branches\n  12,34,567      cs\n" + elapsed,
			"\nx\n\tcycles: 1.234567e+06 events, lower\n\tInstructions per Cycle: 1.24 instructions / cycle, higher\n\tbranches: 1.234567e+06 events, unknown\n\tcs: 1.234567e+06 events, unknown\n" + half},
		{"old versions print milliseconds without a unit", head + "          0.580245      task-clock (msec)         #    0.551 CPUs utilized\n" + elapsed + "=== y ===\n0.580245,,task-clock,580245,100.00,0.551,CPUs utilized\n",
			"\nx\n\tCPU Time: 580245 nanoseconds (ns), lower\n" + half + "\ny\n\tCPU Time: 580245 nanoseconds (ns), lower\n"},
		{"the processors of -A are different benchmarks", strings.Replace(head, "x", "system wide", 1) + "CPU0                        5      cs                 #  438.540 /sec\nCPU1                       11      cs\nS0-D0-C1          2             7      cs\n            bash-123            8      cs\n" + elapsed,
			"\nsystem wide {cpu=0}\n\tcs: 5 events, unknown\n\nsystem wide {cpu=1}\n\tcs: 11 events, unknown\n\nsystem wide {core=S0-D0-C1}\n\tcs: 7 events, unknown\n\nsystem wide {thread=bash}\n\tcs: 8 events, unknown\n\nsystem wide\n" + half},
		{"so are those of CSV and JSON", "CPU0,5,,cs,9,100.00,,\nCPU1,11,,cs,9,100.00,,\nS0,2,7,,cs,9,100.00,,\n{\"core\" : \"S0-D0-C0\", \"counter-value\" : \"5.0\", \"unit\" : \"\", \"event\" : \"cs\", \"event-runtime\" : 9, \"pcnt-running\" : 100.00}\n",
			"\nperf stat {cpu=0}\n\tcs: 5 events, unknown\n\nperf stat {cpu=1}\n\tcs: 11 events, unknown\n\nperf stat {socket=S0}\n\tcs: 7 events, unknown\n\nperf stat {core=S0-D0-C0}\n\tcs: 5 events, unknown\n"},
		{"a cgroup is no event", head + "               123      cycles                           group\n               124 msec task-clock                       group             #  0.5 CPUs utilized\n" + elapsed + "=== y ===\n5,,cs,/group,9,100.00,,\n",
			"\nx {cgroup=group}\n\tcycles: 123 events, lower\n\tCPU Time: 1.24e+08 nanoseconds (ns), lower\n\nx\n" + half + "\ny {cgroup=/group}\n\tcs: 5 events, unknown\n"},
		{"intervals are added up", "#           time             counts unit events\n     1.000000001               2.50 msec task-clock     #    0.013 CPUs utilized\n     1.000000001      <not counted>      cs\nnoise 3 lines\n     1.500000001               0.50 msec task-clock\n     1.500000001                  4      cs\n     1.500000001    <not supported>      cycles\n",
			"\nperf stat\n\tCPU Time: 3e+06 nanoseconds (ns), lower\n\tcs: 4 events, unknown\n\nproblem: line 7: perf stat: cycles was not supported\n"},
		{"the summary of intervals takes their place, and a run that begins anew is another sample", "     1.000000001,2,,cs,9,100.00,,\n     1.500000001,3,,cs,9,100.00,,\n         summary,5,,cs,9,100.00,,\n=== y ===\n     1.000000001,2,,cs,9,100.00,,\n     1.500000001,3,,cs,9,100.00,,\n     1.000000001,7,,cs,9,100.00,,\n",
			"\nperf stat\n\tcs: 5 events, unknown\n\ny\n\tcs: 6 from 5 to 7 events, unknown\n\t\t5 7\n"},
		{"a large number is no time of an interval", "12345678.90,msec,cpu-clock,1,100.00,0.9,CPUs utilized\n", "\nperf stat\n\tCPU Clock: 1.23456789e+13 nanoseconds (ns), lower\n"},
		{"an event may hold the separator", "123,,cpu/event=0x3c,umask=0x1/,1000,100.00,,\n", "\nperf stat\n\tcpu/event=0x3c,umask=0x1/: 123 events, unknown\n"},
		{"user and kernel are not one measure", head + " 10      instructions:u     #  2.0  insn per cycle\n 20      instructions:k\n 500000000 ns   duration_time\n" + elapsed,
			"\nx\n\tInstructions: 10 instructions, lower\n\tInstructions per Cycle: 2 instructions / cycle, higher\n\tinstructions:k: 20 instructions, lower\n\tduration_time: 5e+08 nanoseconds (ns), lower\n" + half},
		{"each kind of core has its own metrics", head + " 10      cpu_core/cpu-cycles/     #  1.7 instructions  insn_per_cycle\n 11      cpu_atom/cpu-cycles/     #  0.6 instructions  insn_per_cycle  (50.37%)\n   TopdownL1 (cpu_core)    #      9.1 %  tma_retiring\n                           #     27.3 %  tma_frontend_bound   (49.74%)\n   TopdownL1 (cpu_atom)    #     -0.1 %  tma_retiring\n" + elapsed,
			"\nx\n\tcpu_core/cpu-cycles/: 10 events, lower\n\tInstructions per Cycle (cpu_core): 1.7 instructions / cycle, higher\n\tcpu_atom/cpu-cycles/: 11 events, lower\n\tInstructions per Cycle (cpu_atom): 0.6 instructions / cycle, higher\n\ttma_retiring (cpu_core): 9.1 percentage (%), unknown\n\ttma_frontend_bound (cpu_core): 27.3 percentage (%), unknown\n\ttma_retiring (cpu_atom): -0.1 percentage (%), unknown\n" + half},
		{"an event that is counted for two metrics is one", head + " 10      cycles   # 1.7 instructions  insn_per_cycle\n 12      cycles   # 0.1 GHz  cycles_frequency\n" + elapsed,
			"\nx\n\tcycles: 10 events, lower\n\tInstructions per Cycle: 1.7 instructions / cycle, higher\n" + half},
		{"further metrics of CSV stand in rows of their own", "18693525,,TOPDOWN.SLOTS,5552708,100.00,43.2,%  tma_backend_bound\n,,,,29.2,%  tma_frontend_bound\n", "\nperf stat\n\tTOPDOWN.SLOTS: 1.8693525e+07 events, unknown\n\ttma_backend_bound: 43.2 percentage (%), unknown\n\ttma_frontend_bound: 29.2 percentage (%), unknown\n"},
		{"JSON that is none in some versions and locales", "{\"counter-value\" : \"0,673464\", \"unit\" : \"msec\", \"event\" : \"task-clock\", \"variance\" : 1,50, \"event-runtime\" : 673464, \"pcnt-running\" : 100,00, \"metric-value\" : 0,013469, \"metric-unit\" : \"CPUs utilized\"}\n" +
			"{\"counter-value\" : \"5.000000\", \"unit\" : \"\", \"event\" : \"slots\", \"event-runtime\" : 9, \"pcnt-running\" : 100.00, }\n{\"metric-value\" : \"29.25\", \"metric-unit\" : \"%  tma_frontend_bound\", \"metric-threshold\" : \"bad\"}\n",
			"\nperf stat\n\tCPU Time: 673464 from 663362.04 to 683565.96 nanoseconds (ns), lower\n\tslots: 5 events, unknown\n\ttma_frontend_bound: 29.25 percentage (%), unknown\n"},
		{"metrics without counts are told", head + "       insn per cycle                  GHz\n                 0.85                 1.20\n" + elapsed, "\nx\n" + half + "\nproblem: line 4: x: a row of metrics without counts was not read\n"},
		{"a process has its number without quotes", strings.Replace(head, "'x'", "process id '12'", 1) + "  5      cs\n" + elapsed, "\nprocess id 12\n\tcs: 5 events, unknown\n" + half},
		{"runs of CSV and of text in one log", head + "  5      cs\n" + elapsed + "7,,cs,9,100.00,,\n8,,cs,9,100.00,,\n", "\nx\n\tcs: 5 events, unknown\n" + half + "\nperf stat\n\tcs: 7 events, unknown\n\nperf stat #2\n\tcs: 8 events, unknown\n"},
	})
}

func TestPerfStatIsRecognisedWithoutItsClock(t *testing.T) {
	t.Parallel()
	for _, input := range []string{
		"5,,cycles:u,1000,100.00,,\n", "5;;cycles;1000;100.00;;\n", "CPU0,5,,cs,9,100.00,,\n", "<not supported>,,cycles,0,100.00,,\n7,,cs,0,100.00,,\n",
		"#           time             counts unit events\n     1.000000001                  2      cs\n",
	} {
		if got := parse(t, Magic, "make: done\n"+input); got.Adapter != "perf_stat" {
			t.Errorf("%q is %s's", input, got.Adapter)
		}
	}
	for _, line := range []string{"a,b,c,1,100.00", "1,ms,name,x,100.00", "2026,1,2,3,4", "5,100.00,,", ",,,100.00,IPC", ",100.00,x"} {
		if got := perfStatTool.hit([]byte(line)); got != 0 {
			t.Errorf("%q is perf's with %d of 100", line, got)
		}
	}
}

func TestToolsOfSystemsAreReadBesideOthers(t *testing.T) {
	t.Parallel()
	inputs := map[string]string{
		"perf_stat": "5,,cycles:u,1000,100.00,,\n", "gnu_time": "0.50user 0.25system 0:01.00elapsed 75%CPU (0avgtext+0avgdata 1maxresident)k\n", "memtier": "Type  Ops/sec  Hits/sec  Misses/sec  Latency  KB/sec\nTotals  5  ---  ---  0.5  ---\n",
		"redis_benchmark": "  throughput summary: 83333.34 requests per second\n", "pgbench": "transaction type: x\nnumber of transactions actually processed: 5/5\ntps = 5 (without initial connection time)\n",
		"sysbench": "sysbench 1.0.20 (using system LuaJIT 2.1.0-beta3)\nGeneral statistics:\n    total time:          2.0000s\n    total number of events:   100\n",
	}
	for a, first := range inputs {
		for b, second := range inputs {
			if a == b {
				continue
			}
			got := parse(t, Magic, first+"make: done\n"+second)
			for _, tool := range []string{a, b} {
				if !strings.Contains(got.Reason, tool+": ") {
					t.Errorf("%s and %s: %s", a, b, got.Reason)
				}
			}
		}
	}
}
