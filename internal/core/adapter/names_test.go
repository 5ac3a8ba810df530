package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestANameIsReadWhole(t *testing.T) {
	t.Parallel()
	const (
		head  = "benchmark name                       samples       iterations    estimated\n                                     mean          low mean      high mean\n                                     std dev       low std dev   high std dev\n"
		rule  = "-------------------------------------------------------------------------------\n"
		below = "20             2    1.00876 ms \n                                        24.1983 us     24.184 us     24.241 us \n                                         52.056 ns     17.268 ns    100.693 ns \n"
	)
	catch := func(titles string, lines ...string) string {
		var b strings.Builder
		b.WriteString(rule + titles + rule + "c.cc:7\n\n" + head + rule)
		for i, line := range lines {
			b.WriteString(line)
			if i < len(lines)-1 {
				b.WriteString(strings.Repeat(" ", 79-len(line)) + "\n")
			}
		}
		b.WriteString(strings.Repeat(" ", max(1, 46-len(lines[len(lines)-1]))) + below)
		return b.String()
	}
	const fine = "  Time (mean ± σ):      13.3 ms ±   1.9 ms    [User: 1.0 ms, System: 0.2 ms]\n  Range (min … max):    11.3 ms …  16.1 ms    3 runs\n \n"
	for claim, row := range map[string]struct {
		adapter Name
		input   string
		want    []string
	}{
		"Catch2 breaks at a blank":                    {"cpp_catch2", catch("t\n", "of 20, a name that is long enough", "for a second line"), []string{"t: of 20, a name that is long enough for a second line"}},
		"Catch2 breaks behind a stroke":               {"cpp_catch2", catch("t\n", "containers/std_vector/push_back/", "reserved"), []string{"t: containers/std_vector/push_back/reserved"}},
		"Catch2 breaks before a bracket":              {"cpp_catch2", catch("t\n", "std::unordered_multimap::emplace", "<std::string>"), []string{"t: std::unordered_multimap::emplace<std::string>"}},
		"Catch2 breaks behind colons":                 {"cpp_catch2", catch("t\n", "std::chrono::high_resolution::", "clock"), []string{"t: std::chrono::high_resolution::clock"}},
		"Catch2 cuts a word with a hyphen":            {"cpp_catch2", catch("t\n", "aWordThatIsTooWideForTheColumnOfTh-", "eTable"), []string{"t: aWordThatIsTooWideForTheColumnOfTheTable"}},
		"a hyphen of the name's own stays":            {"cpp_catch2", catch("t\n", "a name with a hyphen at its very-", "end"), []string{"t: a name with a hyphen at its very-end"}},
		"the rest of the name tells of commas":        {"cpp_catch2", catch("t\n", "pair<int,long> and map<int,string,", "less>"), []string{"t: pair<int,long> and map<int,string,less>"}},
		"what a test prints is no name":               {"cpp_catch2", catch("t\n", "printed", "of 20, a name that is long enough", "for a second line"), []string{"t: of 20, a name that is long enough for a second line"}},
		"blanks within a line stay":                   {"cpp_catch2", catch("t\n", "two  blanks"), []string{"t: two  blanks"}},
		"a section of a wide title is one":            {"cpp_catch2", catch("a title of a test case that is nearly as wide as the rule above and below it\n  deeper\n", "b"), []string{"a title of a test case that is nearly as wide as the rule above and below it: deeper: b"}},
		"a title with a colon goes on below it":       {"cpp_catch2", catch("Scenario: a title of a test case that is wider than the rule above and below\n          it\n  Given: one\n", "b"), []string{"Scenario: a title of a test case that is wider than the rule above and below it: Given: one: b"}},
		"hyperfine prints a command of several lines": {Hyperfine, "Benchmark 1: for i in 1 2; do\n  make  $i\ndone\n" + fine, []string{"for i in 1 2; do make  $i done"}},
		"in quotes":                                     {Hyperfine, "Benchmark 1: sh -c 'a\n\nb'\n" + fine, []string{"sh -c 'a b'"}},
		"with a stroke at the end":                      {Hyperfine, "Benchmark 1: make \\\n    all\n" + fine + "Benchmark 2: b\n" + fine, []string{`make \ all`, "b"}},
		"what commands print is no name":                {Hyperfine, "Benchmark 1: echo x\nx\nx\nx\n" + fine, []string{"echo x"}},
		"and is none behind a command of several lines": {Hyperfine, "Benchmark 1: echo x |\n  cat\nx\nx\nx\n" + fine, []string{"echo x | cat"}},
		"perf stat of a script":                         {"perf_stat", " Performance counter stats for 'sh -c a\n  b  c' (3 runs):\n\n   1,000      cycles\n\n   0.5 seconds time elapsed\n", []string{"sh -c a b  c"}},
		"perf stat of one that does not end":            {"perf_stat", " Performance counter stats for 'a\n   1,000      cycles\n", []string{"a"}},
		"time -v of a script":                           {"gnu_time", "\tCommand being timed: \"sh -c a\nb\"\n\tUser time (seconds): 1.00\n\tElapsed (wall clock) time (h:mm:ss or m:ss): 0:01.00\n\tExit status: 0\n", []string{"sh -c a b"}},
		"criterion's name on a line of its own":         {"rust_criterion", "a group/a  function/with blanks\n                        time:   [1.0 us 2.0 us 3.0 us]\n", []string{"a group/a  function/with blanks"}},
		"Google's names hold blanks":                    {"cpp_google", "-----\nBenchmark                 Time             CPU   Iterations\n-----\nBM_A<int,  long>/1      1.54 ns         1.54 ns      4564939\n", []string{"BM_A<int,  long>/1"}},
		"divan's tree behind what a log has":            {"divan", divanIn("[bench] "), []string{"s::m::a", "s::m::b", "s::c"}},
		"divan's tree that is indented":                 {"divan", divanIn("      "), []string{"s::m::a", "s::m::b", "s::c"}},
		"divan's tree behind a mark":                    {"divan", divanIn("│ >> "), []string{"s::m::a", "s::m::b", "s::c"}},
		"blanks around a name are not its own":          {Hyperfine, `{"results":[{"command":"  a","mean":1},{"command":"b  ","mean":1}]}`, []string{"a", "b"}},
		"two that differ in blanks alone are two":       {Hyperfine, `{"results":[{"command":"a  b","mean":1},{"command":"a b","mean":1}]}`, []string{"a  b", "a b"}},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			for what, input := range map[string]string{"plain": row.input, "in a log": inLog(row.input, "2026-03-01T10:00:00Z ")} {
				for _, as := range []Name{row.adapter, Magic} {
					if diff := cmp.Diff(row.want, namesOf(parse(t, as, input))); diff != "" {
						t.Errorf("%s, as %s, names (-want +got):\n%s", what, as, diff)
					}
				}
			}
		})
	}
}

// divanIn is divan's table with the text before each line.
func divanIn(before string) string {
	const row = "1 ns          │ 3 ns          │ 2 ns          │ 2 ns          │ 100     │ 1600\n"
	return before + "s         fastest       │ slowest       │ median        │ mean          │ samples │ iters\n" + before + "├─ m                    │               │               │               │         │\n" +
		before + "│  ├─ a   " + row + before + "│  ╰─ b   " + row + before + "╰─ c      " + row
}

func TestOnlyWhatRepeatsIsTakenForSamples(t *testing.T) {
	t.Parallel()
	const (
		heyCSV  = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n0.0100,0.0010,0.0000,0.0001,0.0080,0.0001,503,0.0\n"
		hey     = "Summary:\n  Total:\t0.5 secs\n  Average:\t0.0020 secs\n  Requests/sec:\t100.5\n\n"
		vegeta  = "Requests      [total, rate, throughput]  3, 1.5, 1.5\nLatencies     [mean, 50, 95, 99, max]  1ms, 2ms, 3ms, 4ms, 5ms\n"
		shell   = "real 1.0\nuser 0.5\nsys 0.25\n"
		gnu     = "0.05user 0.06system 0:00.12elapsed 97%CPU (0avgtext+0avgdata 35632maxresident)k\n94456inputs+32outputs (16major+8699minor)pagefaults 0swaps\n"
		sleep   = "\tCommand being timed: \"sleep 1\"\n\tUser time (seconds): 1.00\n\tExit status: 0\n"
		oltp    = "sysbench 1.0.20 (using system LuaJIT 2.1.0)\n\nNumber of threads: 2\n\nSQL statistics:\n    transactions:                        500    (99.81 per sec.)\n\nGeneral statistics:\n    total time:                          5.0s\n    total number of events:              500\n\nLatency (ms):\n         avg:                                    2.00\n"
		cpu     = "sysbench 1.0.20 (using system LuaJIT 2.1.0)\n\nNumber of threads: 2\nPrime numbers limit: 10000\n\nGeneral statistics:\n    total time:                          5.0s\n    total number of events:              500\n\nLatency (ms):\n         avg:                                    2.00\n"
		k6      = "     http_req_duration..............: avg=1.61ms min=343.42µs med=851.99µs max=5ms p(90)=3ms p(95)=4.32ms\n     iterations.....................: 15 873.7/s\n"
		redis   = "SET: 90909.09 requests per second, p50=0.031 msec\n"
		libtest = "test a ... bench:   2 ns/iter (+/- 1)\n"
		crit    = "a    time:   [1.0 us 2.0 us 3.0 us]\n     thrpt:  [1.0 MiB/s 2.0 MiB/s 3.0 MiB/s]\n"
		divan   = "s         fastest       │ slowest       │ median        │ mean          │ samples │ iters\n╰─ a      1 ns          │ 3 ns          │ 2 ns          │ 2 ns          │ 100     │ 1600\n"
	)
	for claim, row := range map[string]struct {
		adapter Name
		input   string
		want    []string
		samples int // of the first benchmark's first metric
	}{
		"two summaries of hey":                 {"hey", hey + hey, []string{"hey", "hey #2"}, 0},
		"two tables of hey":                    {"hey", heyCSV + heyCSV, []string{"hey", "hey #2"}, 0},
		"two reports of vegeta":                {"vegeta", vegeta + "\n" + vegeta, []string{"vegeta", "vegeta #2"}, 0},
		"two times of a shell":                 {"gnu_time", shell + "\n" + shell, []string{"time", "time #2"}, 0},
		"two times without a command":          {"gnu_time", gnu + gnu, []string{"time", "time #2"}, 0},
		"two times of a command":               {"gnu_time", sleep + sleep, []string{"sleep 1"}, 2},
		"two scripts of sysbench":              {"sysbench", oltp + "\n" + oltp, []string{"oltp {threads=2}", "oltp {threads=2} #2"}, 0},
		"the same load of sysbench":            {"sysbench", cpu + "\n" + cpu, []string{"cpu {primes=10000,threads=2}"}, 2},
		"two runs of k6":                       {"k6", k6 + "\n" + k6, []string{"http_req_duration", "iterations", "http_req_duration #2", "iterations #2"}, 0},
		"two runs of redis-benchmark":          {"redis_benchmark", redis + redis, []string{"SET", "SET #2"}, 0},
		"libtest runs each once":               {"rust_bench", libtest + libtest, []string{"a", "a #2"}, 0},
		"criterion too, with its throughput":   {"rust_criterion", crit + crit, []string{"a", "a #2"}, 0},
		"divan too":                            {"divan", divan + divan, []string{"s::a", "s::a #2"}, 0},
		"go test -count repeats":               {GoBench, "BenchmarkA 1 5 ns/op\nBenchmarkA 1 6 ns/op\n", []string{"BenchmarkA"}, 2},
		"console.time of one label repeats":    {"js_time", "a: 12.5ms\na: 13.5ms\n", []string{"a"}, 2},
		"a banner that comes again repeats":    {"hey", "=== a ===\n" + hey + "=== a ===\n" + hey, []string{"a"}, 2},
		"two reports below one banner":         {"vegeta", "=== a ===\n" + vegeta + "\n" + vegeta, []string{"a", "a #2"}, 0},
		"two commands below one banner":        {"gnu_time", "=== a ===\n" + sleep + strings.Replace(sleep, "sleep", "wake", 1), []string{"a", "a #2"}, 0},
		"two documents of one command":         {Hyperfine, "a\n{\"results\":[{\"command\":\"a\",\"mean\":1}]}\nb\n{\"results\":[{\"command\":\"a\",\"mean\":2}]}\n", []string{"a", "a #2"}, 0},
		"a tool's own number is left as it is": {"rust_bench", "test a_#2 ... bench:   2 ns/iter (+/- 1)\n" + libtest + libtest + libtest, []string{"a_#2", "a", "a #2", "a #3"}, 0},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			got := parse(t, row.adapter, row.input)
			if diff := cmp.Diff(row.want, namesOf(got)); diff != "" {
				t.Fatalf("names (-want +got):\n%s", diff)
			}
			if n := len(got.Benchmarks[0].Metrics[0].Samples); n != row.samples {
				t.Errorf("%d samples, want %d", n, row.samples)
			}
		})
	}
}
