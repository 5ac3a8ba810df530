package adapter

import (
	"testing"
)

func TestAnASVResultFileWithNaNIsRecognised(t *testing.T) {
	t.Parallel()
	const input = `{"commit_hash": "c", "env_vars": {"a": NaN, "b": -Infinity}, "params": {"cpu": NaN}, "python": "3", "requirements": {}, "results": {"m.time_a": [[NaN], [], "v", 1, 2, NaN, [NaN], [NaN]], "m.time_b": [[1.5], [], "v", 1, 2, [NaN]]}, ` +
		`"result_columns": ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_q_25", "stats_q_75"], "version": 2}`
	for _, as := range []Name{"python_asv", "python", Magic} {
		for what, text := range map[string]string{"alone": input, "in a log": "$ cat results.json\n" + input + "\ndone\n"} {
			got := parse(t, as, text)
			if len(got.Benchmarks) != 1 || got.Benchmarks[0].Name != "m.time_b" || got.Adapter != "python_asv" {
				t.Errorf("%s, as %s: %v by %s", what, as, namesOf(got), got.Adapter)
			}
		}
	}
}

func TestASV(t *testing.T) {
	t.Parallel()
	eachOutput(t, "python_asv", []output{
		{"of two commits the newer counts, which comes first", "[ 0.00%] · For x commit 1234abcd <main>:\n[ 50.00%] ··· m.time_a   2.00±0ms\n[ 50.00%] · For x commit hash feed0123 <main~1>:\n[100.00%] ··· m.time_a   9.00±0ms\n",
			"\nm.time_a\n\tLatency: 2e+06 nanoseconds (ns), lower\n\nproblem: 1 results of commit feed0123, or of more commits, are left out: a report is of one, and those of 1234abcd came first\n"},
		{"rounds of one commit are one", "[ 0.00%] · For x commit 1234abcd <main> (round 1/2):\n[ 25.00%] ··· Running (m.time_a--)...\n[ 50.00%] · For x commit 1234abcd <main> (round 2/2):\n[100.00%] ··· m.time_a   9.00±0ms\n",
			"\nm.time_a\n\tLatency: 9e+06 nanoseconds (ns), lower\n"},
		{"environments are told apart", "[ 0.00%] ·· Benchmarking py3.11-numpy\n[ 50.00%] ··· m.time_a   2.00±0ms\n[ 50.00%] ·· Benchmarking py3.12-numpy\n[100.00%] ··· m.time_a   9.00±0ms\n",
			"\nm.time_a {env=py3.11-numpy}\n\tLatency: 2e+06 nanoseconds (ns), lower\n\nm.time_a {env=py3.12-numpy}\n\tLatency: 9e+06 nanoseconds (ns), lower\n"},
		{"plain numbers may be parameters and values", "[100.00%] ··· m.track_a   ok\n[100.00%] ··· ==== === === ====\n             --         c    \n             -------- --------\n              a    b   5   6  \n             ==== === === ====\n              1    2   3   4  \n             ==== === === ====\n",
			"\nm.track_a {a=1,b=2,c=5}\n\tValue: 3 units, unknown\n\nm.track_a {a=1,b=2,c=6}\n\tValue: 4 units, unknown\n"},
		{"a narrow table has the same names as a wide one", "[100.00%] ··· m.time_a   1/2 failed\n[100.00%] ··· === ======= ===========\n               n    o             \n             --- ------- ----------- \n              1    a  b     3±1ms    \n              2     µ       failed   \n             === ======= ===========\n",
			"\nm.time_a {n=1,o=a  b}\n\tLatency: 3e+06 from 2e+06 to 4e+06 nanoseconds (ns), lower\n\nproblem: line 6: m.time_a {n=2,o=µ}: its value is \"failed\"\n"},
		{"columns may be of several parameters", "[100.00%] ··· m.mem_a   ok\n[100.00%] ··· ====== ========= ==========\n             --           m / order      \n             ------ --------------------\n               n     1 / asc   1 / desc \n             ====== ========= ==========\n               10     1.5k       8     \n             ====== ========= ==========\n",
			"\nm.mem_a {m=1,n=10,order=asc}\n\tMemory: 1500 bytes (B), lower\n\nm.mem_a {m=1,n=10,order=desc}\n\tMemory: 8 bytes (B), lower\n"},
		{"a row that is not in its columns gives no number", "[100.00%] ··· m.track_a   ok\n[100.00%] ··· === ====\n               n     \n             --- ----\n             1000 23456\n             === ====\n[100.00%] ··· m.track_b   1\n",
			"\nm.track_b\n\tValue: 1 units, unknown\n\nproblem: line 5: m.track_a: the row does not stand in the columns of its table\n"},
		{"without Unicode marks are dashes", "[ 50.00%] --- m.time_a   3.54~0.02us\n[100.00%] --- m.time_b   3.54~0.5ms\n", "\nm.time_a\n\tLatency: 3540 from 3520 to 3560 nanoseconds (ns), lower\n\nm.time_b\n\tLatency: 3.54e+06 from 3.04e+06 to 4.04e+06 nanoseconds (ns), lower\n"},
		{"Windows has bytes for them", "[ 50.00%] \xb7\xb7\xb7 m.time_a   3.5\xb10.5ms\n", "\nm.time_a\n\tLatency: 3.5e+06 from 3e+06 to 4e+06 nanoseconds (ns), lower\n"},
		{"which may be lost on the way", "[ 50.00%] \ufffd\ufffd\ufffd m.time_a   3.5\ufffd0.5ms\n", "\nm.time_a\n\tLatency: 3.5e+06 from 3e+06 to 4e+06 nanoseconds (ns), lower\n"},
		{"tracked values may have a unit", "[ 50.00%] ··· m.track_s   1.50ms\n[ 50.00%] ··· m.track_h   2.0h\n[ 50.00%] ··· m.track_b   8.06k\n[ 50.00%] ··· m.track_e   1.5e-07\n[ 50.00%] ··· m.track_t   \"a b\"\n[ 50.00%] ··· m.track_i   Infinity\n",
			"\nm.track_s\n\tValue: 0.0015 units, unknown\n\nm.track_h\n\tValue: 7200 units, unknown\n\nm.track_b\n\tValue: 8060 units, unknown\n\nm.track_e\n\tValue: 1.5e-07 units, unknown\n\nproblem: line 5: m.track_t: its value is \"\\\"a b\\\"\"\n\nproblem: line 6: m.track_i: its value is \"Infinity\"\n"},
		{"functions may be named as classes are", "[ 50.00%] ··· m.TimeA   1.5±0m\n[ 50.00%] ··· m.PeakMemA   2.5G\n[ 50.00%] ··· m.MemA   20\n",
			"\nm.TimeA\n\tLatency: 9e+10 nanoseconds (ns), lower\n\nm.PeakMemA\n\tPeak Memory: 2.5e+09 bytes (B), lower\n\nm.MemA\n\tMemory: 20 bytes (B), lower\n"},
		{"names that were cut off are told, and never one", "[ 50.00%] ··· ...and_a_long_name   5.0±1ns\n[ 50.00%] ··· ...and_a_long_name   9.0±1ns\n[ 50.00%] ··· ...e.mem_x   9k\n[ 50.00%] ··· ...tracked   9k\n",
			"\n...and_a_long_name\n\tLatency: 5 from 4 to 6 nanoseconds (ns), lower\n\n...e.mem_x\n\tMemory: 9000 bytes (B), lower\n\n...tracked\n\tValue: 9000 units, unknown\n" +
				"\nproblem: line 2: ...and_a_long_name: its name was cut off and stands there twice: it may be another benchmark, and is left out\n\nproblem: line 1: 3 names were cut off to fit the terminal, the first here; COLUMNS=200 before asv leaves them whole\n"},
		{"older versions run what they name", "[ 50.00%] ··· Running m.time_a       11.4μs\n[100.00%] ··· Running m.track_b   failed\n[100.00%] ··· Running m.mem_c   ok\n", "\nm.time_a\n\tLatency: 11400 nanoseconds (ns), lower\n\nproblem: line 2: m.track_b: its value is \"failed\"\n"},
		{"what was skipped because of something else is told", "[ 25.00%] ··· Setting up m.py:3   failed\n[ 50.00%] ··· m.time_a skipped (setup_cache failed)\n[ 50.00%] ··· m.time_b skipped\n[ 60.00%] ··· Importing benchmark suite failed (skipping all benchmarks).\n[100.00%] ··· m.time_c   1.0±0s\n",
			"\nm.time_c\n\tLatency: 1e+09 nanoseconds (ns), lower\n\nproblem: line 2: m.time_a: it was skipped (setup_cache failed)\n\nproblem: line 3: m.time_b: it was skipped\n\nproblem: line 4: Importing benchmark suite failed (skipping all benchmarks).\n"},
		{"a time is no memory", "[ 50.00%] ··· m.mem_a   5.0ms\n[ 50.00%] ··· m.time_a   5\n[ 50.00%] ··· m.time_b..   1±0s\n", "\nm.time_b\n\tLatency: 1e+09 nanoseconds (ns), lower\n\nproblem: line 1: m.mem_a: its value is \"5.0ms\"\n\nproblem: line 2: m.time_a: its value is \"5\"\n"},
		{"what was skipped is nothing in a file too", `{"commit_hash":"a","result_columns":["result","params"],"results":{"m.time_a":[[1,NaN,null,"x",{}],[["'a'","'1'","u'c'","<class 'd'>","\"it's\""]]],"m.time_b":[null,[]]},"version":2}`,
			"\nm.time_a {param1=a}\n\tLatency: 1e+09 nanoseconds (ns), lower\n\nproblem: line 1: m.time_a {param1=c}: it failed\n\nproblem: line 1: m.time_a {param1=d}: its value is no number\n\nproblem: line 1: m.time_a {param1=\"it's\"}: its value is no number\n\nproblem: line 1: m.time_b: it failed\n"},
		{"version 1 has quartiles too", `{"commit_hash":"a","requirements":{},"python":"3","results":{"m.time_a":{"result":[1],"params":[],"stats":[{"q_25":0.5,"q_75":2,"number":1}]},"m.time_b":{"result":3,"stats":null},"m.time_c":4},"version":1}`,
			"\nm.time_a\n\tLatency: 1e+09 from 5e+08 to 2e+09 nanoseconds (ns), lower\n\nm.time_b\n\tLatency: 3e+09 nanoseconds (ns), lower\n\nm.time_c\n\tLatency: 4e+09 nanoseconds (ns), lower\n"},
	})
}
