package adapter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestMagicSaysWhatItRecognisedAndWhy(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"noise\nBenchmarkX-8 1 1 ns/op\nBenchmarkY-8 1 1 ns/op\n":             "go_bench: 2 lines begin with Benchmark and carry a number of iterations, values and units",
		"BenchmarkX-8 1 1 ns/op\n":                                            "go_bench: 1 line begins with Benchmark and carries a number of iterations, values and units",
		`{"Action":"output","Package":"p","Output":"BenchmarkX 1 1 ns/op\n"}`: "go_bench: 1 line begins",
		" \n{\"b\":{\"l\":{\"note\":[],\"value\":1}}}":                        `json: an object of 1 benchmark and 1 metric with a "value"`,
		`{"empty":{},"b":{"l":{"value":1}}}`:                                  "json: ",
		"\ufeff" + `{"b":{"l":{"value":1}}}`:                                  "json: ",
		`{"BenchmarkX-8 1 1 ns/op":{"l":{"value":1}}}`:                        "json: ",
		`{"version":1,"results":[{"mean":1,"command":"a"}]}`:                  `shell_hyperfine: "results" with "command" and "mean", 1 of them`,
		`{"results":{"latency":{"value":1}}}`:                                 "json: ",
	} {
		if got := parse(t, Magic, input); !strings.HasPrefix(got.Reason, want) || !strings.HasPrefix(got.Reason, string(got.Adapter)+": ") {
			t.Errorf("%q\nReason = %q, want %q", input, got.Reason, want)
		}
	}
}

func TestWhatIsNotRecognisedIsDescribedWithTheWayOut(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"":                                      "the output was not recognised: there is nothing in it. Name the tool with --adapter (`tacho adapters` lists 47), or have",
		" \n \n":                                "not recognised: there is nothing in it. ",
		"\n\nhello\a\n":                         `not recognised: it is text that begins "hello\a". Name the tool`,
		strings.Repeat("é", 100):                `it is text that begins "` + strings.Repeat("é", 30) + `"…. `,
		"sh: 1: cargo: not found\n":             `it is text that begins "sh: 1: cargo: not found". `,
		"== run ==\nready\nfib took 12 units\n": `it is text that begins "== run ==" and has "fib took 12 units". `,
		"{}":                                    "not recognised: it is JSON, an object. ",
		"[1,2]":                                 "not recognised: it is JSON, a list. ",
		`{"results":[1],"x":NaN,"y":`:           `not recognised: it is JSON, an object with "results", "x", "y". Name the tool with --adapter (` + "`tacho adapters` lists 47), or say with --map where",
		`[{"id":1,"time":2}]`:                   `it is JSON, a list of objects with "id", "time". `,
		`{"b":{"l":3}}`:                         `it is JSON, an object with "b". `,
		"<html><body></body></html>":            "it is XML, <html>. ",
		"id;time\na;1\nb;2\n":                   `it is a table with the columns "id;time". Name the tool with --adapter (` + "`tacho adapters` lists 47), or say with --map where",
		"10:00:00 hello\n10:00:01 took 3 x\n":   `it is text that begins "hello" and has "took 3 x". `,
		"PASS\nok  \texample.org\t1s":           `begins "PASS" and has "ok  \texample.org\t1s". `,
	} {
		refuses(t, Magic, input, want)
	}
	refuses(t, "cpp", "hello", `not recognised: it is text that begins "hello"; looked for cpp_google, cpp_catch2. `)
}

func TestMagicThatCannotTellTwoApartAsks(t *testing.T) {
	t.Parallel()
	sure := func(name Name, points int, why string) tool {
		return tool{name: name, needles: []string{"hello"}, hit: func([]byte) int { return points }, trace: why}
	}
	src := source{in: []byte("hello"), size: 5}
	_, _, err := choose(newToolSet(sure("a", 60, "it says A"), sure("b", 0, ""), sure("c", 60, "it says C")), src, nil)
	if want := `the output could be a (it says A) or c (it says C); name one with --adapter. It begins "hello"`; !fault.Is(err, fault.Invalid) || fault.Message(err) != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	got, _, err := choose(newToolSet(sure("a", 60, ""), sure("b", 61, ""), sure("c", 60, "")), src, nil)
	if err != nil || len(got) != 1 || got[0].tool.name != "b" {
		t.Errorf("chose %v, %v, want the one that is surest", got, err)
	}
	if _, _, err := choose(newToolSet(sure("a", 100, ""), sure("c", 100, "")), src, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("two that are sure of one line: %v, want an invalid fault", err)
	}
}

func TestResultsAreFoundInsideALogOfACISystem(t *testing.T) {
	t.Parallel()
	const stamp = "2026-01-02T03:04:05.6789Z "
	document := "{\n \"results\": [\n  {\"command\": \"make\", \"mean\": 1.5}\n ]\n}"
	inLog := stamp + "##[group]Run it\n" + stamp + "[INFO] {not json}\n" + stamp + "\x1b[36m" + strings.ReplaceAll(document, "\n", "\n"+stamp) + "\n" + stamp + "##[endgroup]\n"
	for name, input := range map[string]string{
		"time stamps": inLog, "Windows line ends": strings.ReplaceAll(inLog, "\n", "\r\n"), "no time stamps": strings.ReplaceAll(inLog, stamp, ""),
	} {
		got := parse(t, Magic, input)
		if got.Adapter != Hyperfine || len(got.Benchmarks) != 1 || got.Benchmarks[0].Metrics[0].Value != 1.5e9 || !strings.HasSuffix(got.Reason, ", from line 3 on") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := parse(t, Hyperfine, document+"\n"+strings.ReplaceAll(document, "make", "cc")); len(got.Benchmarks) != 2 {
		t.Errorf("of two documents behind each other there are %+v", got.Benchmarks)
	}
}

func TestWindowsEncodingIsRead(t *testing.T) {
	t.Parallel()
	in := []byte{0xff, 0xfe}
	for _, c := range `{"b":{"latency":{"value":1}}}` {
		in = append(in, byte(c), 0)
	}
	if got := parse(t, Magic, string(in)); got.Adapter != JSON {
		t.Errorf("%+v", got)
	}
}

func TestALogOfSeveralToolsIsReadByEach(t *testing.T) {
	t.Parallel()
	got := parse(t, Magic, "2026-01-02T03:04:05Z ##[group]go\n2026-01-02T03:04:06Z BenchmarkA 1 5 ns/op\n2026-01-02T03:04:07Z test b ... bench:   7 ns/iter (+/- 1)\n2026-01-02T03:04:08Z {\n2026-01-02T03:04:08Z \"results\":[{\"command\":\"c\",\"mean\":1}]}\ndone\n")
	var names []string
	for _, b := range got.Benchmarks {
		names = append(names, b.Name)
	}
	if diff := cmp.Diff([]string{"BenchmarkA", "b", "c"}, names); diff != "" || got.Adapter != Magic {
		t.Errorf("adapter %s, reason %s, benchmarks (-want +got):\n%s", got.Adapter, got.Reason, diff)
	}
	for _, tool := range []string{"go_bench: ", "; and rust_bench: ", "; and shell_hyperfine: "} {
		if !strings.Contains(got.Reason, tool) {
			t.Errorf("the reason %q does not name %s", got.Reason, tool)
		}
	}
}

func TestDocumentsOfSeveralToolsAreEachReadByTheirs(t *testing.T) {
	t.Parallel()
	const fine = `{"results":[{"command":"make","mean":2,"times":[2]}]}`
	const google = `{"context":{"num_cpus":1},"benchmarks":[{"name":"BM_A","run_name":"BM_A","run_type":"iteration","real_time":3,"cpu_time":2,"time_unit":"ns"}]}`
	const junit = `<testsuites><testsuite name="s"><testcase name="t" classname="c" time="1"/></testsuite></testsuites>`
	const phpbench = `<phpbench version="1"><suite><benchmark class="C"><subject name="s"><variant output-time-unit="microseconds" revs="1"><iteration time-net="3" time-avg="3"/><stats mean="3" mode="3"/></variant></subject></benchmark></suite></phpbench>`
	for name, row := range map[string]struct {
		input string
		want  []string
	}{
		"JSON and JSON":        {fine + "\n" + google + "\n", []string{"make", "BM_A"}},
		"the other way":        {google + "\n" + fine, []string{"BM_A", "make"}},
		"one after two":        {fine + strings.Replace(fine, "make", "ninja", 1) + google, []string{"make", "ninja", "BM_A"}},
		"XML and JSON":         {junit + "\n" + fine, []string{"c::t", "make"}},
		"XML and XML":          {junit + "\n" + phpbench, []string{"c::t", "C::s"}},
		"strict JSON and JSON": {`{"b":{"latency":{"value":1}}}` + "\n" + fine, []string{"b", "make"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, Magic, row.input)
			if diff := cmp.Diff(row.want, namesOf(got)); diff != "" || got.Adapter != Magic || len(got.Problems) > 0 {
				t.Errorf("%s %v, names (-want +got):\n%s", got.Adapter, got.Problems, diff)
			}
		})
	}
	t.Run("named, the other's is a problem", func(t *testing.T) {
		t.Parallel()
		got := parse(t, Hyperfine, fine+"\n"+google)
		want := []Problem{{Message: "a document that follows holds nothing of shell_hyperfine", Line: 2}}
		if diff := cmp.Diff(want, got.Problems); diff != "" || len(got.Benchmarks) != 1 {
			t.Errorf("%v, problems (-want +got):\n%s", namesOf(got), diff)
		}
	})
}

func TestWhatACISystemPutsBeforeALineIsNotTheTools(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		before, after string
	}{
		"Jenkins":                     {"[2026-01-02T03:04:05.678Z] ", "\n"},
		"Jenkins, the time of day":    {"03:04:05  ", "\n"},
		"GitHub":                      {"2026-01-02T03:04:05.6789012Z ", "\n"},
		"GitLab":                      {"2026-01-02T03:04:05.678901Z 00O ", "\n"},
		"a colour behind the line":    {"\x1b[32m", "\r\x1b[0m\n"},
		"a colour, as Buildkite does": {"\x1b_bk;t=1767323045678\x07\x1b[1m", "\x1b[0m\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for tool, text := range map[Name]string{
				GoBench:         "pkg: p\nBenchmarkA-2 20 5 ns/op\n",
				"java_jmh":      `"Benchmark","Mode","Threads","Samples","Score","Score Error (99.9%)","Unit"` + "\n" + `"org.A.b","avgt",1,5,3.5,0.1,"ns/op"` + "\n",
				"benchmark_ips": "Warming up --------------------------------------\n               a     1.000k i/100ms\nCalculating -------------------------------------\n               a     10.000k (± 1.0%) i/s -     50.000k in   5.000000s\n",
			} {
				var wrapped strings.Builder
				for line := range strings.Lines(text) {
					wrapped.WriteString(row.before + strings.TrimSuffix(line, "\n") + row.after)
				}
				want := parse(t, tool, text)
				for _, as := range []Name{tool, Magic} {
					if diff := cmp.Diff(want.Benchmarks, parse(t, as, wrapped.String()).Benchmarks); diff != "" {
						t.Errorf("%s as %s (-plain +wrapped):\n%s", tool, as, diff)
					}
				}
			}
		})
	}
}

func TestALogBelowATableIsNoneOfItsRows(t *testing.T) {
	t.Parallel()
	const others = "\nDone in 3,5 s\n\"SET\",\"90909.09\",\"0.5\",\"0.1\",\"0.4\",\"0.9\"\n"
	for tool, text := range map[Name]string{
		"cpp_google":      "name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,error_occurred,error_message\n\"BM_A\",10,3,2,ns,,,,,\n",
		"java_jmh":        `"Benchmark","Mode","Threads","Samples","Score","Score Error (99.9%)","Unit"` + "\n" + `"org.A.b","avgt",1,5,3.5,0.1,"ns/op"` + "\n",
		"jmeter":          "timeStamp,elapsed,label,responseCode,success\n1795241160773,12,home,200,true\n",
		"locust":          "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time\nGET,/,5,0,2,3,1,9\n",
		"shell_hyperfine": "command,mean,stddev,median,user,system,min,max\nmake,2,0.1,2,1,0.1,1.9,2.1\n",
	} {
		want, got := parse(t, tool, text), parse(t, tool, text+others)
		if diff := cmp.Diff(want.Benchmarks, got.Benchmarks); diff != "" {
			t.Errorf("%s (-alone +with others below):\n%s", tool, diff)
		}
		if len(got.Problems) != len(want.Problems)+1 || !strings.Contains(got.Problems[len(want.Problems)].Message, "no rows of the table were passed over: 2 of them") {
			t.Errorf("%s: problems %v", tool, got.Problems)
		}
	}
}

func TestEachDocumentOfALogIsRead(t *testing.T) {
	t.Parallel()
	doc := func(name string) string {
		return "{\n  \"results\": [\n{\"command\":\"" + name + "\",\"mean\":1}\n]}\n"
	}
	const suite = `<testsuites><testsuite name="s"><testcase name="t" classname="c" time="1"/></testsuite></testsuites>`
	log := "building\n[info] ready\n" + doc("a") + "between\n{\"level\":\"info\"}\n{}\n" + suite + "\n" + doc("b") + "2026-01-02T03:04:05Z " + strings.ReplaceAll(doc("c"), "\n", "\n2026-01-02T03:04:05Z ") + "\ndone\n"
	for _, as := range []Name{Magic, Hyperfine} {
		got := parse(t, as, log)
		want := []string{"a", "c::t", "b", "c"}
		if as == Hyperfine {
			want = []string{"a", "b", "c"}
		}
		names := namesOf(got)
		slices.Sort(names)
		slices.Sort(want)
		if diff := cmp.Diff(want, names); diff != "" || len(got.Problems) > 0 {
			t.Errorf("as %s: problems %v, names (-want +got):\n%s", as, got.Problems, diff)
		}
	}
	var many strings.Builder
	for i := range furtherDocuments + 5 {
		many.WriteString("next\n" + doc(fmt.Sprint(i)))
	}
	got := parse(t, Hyperfine, many.String())
	if len(got.Benchmarks) != furtherDocuments+1 || len(got.Problems) != 1 || !strings.Contains(got.Problems[0].Message, "more than 1000 documents of shell_hyperfine") {
		t.Errorf("%d benchmarks, %v", len(got.Benchmarks), got.Problems)
	}
}

func TestToolsOfALogAreReadHoweverSurelyEachIsRecognised(t *testing.T) {
	t.Parallel()
	const (
		hey    = "Summary:\n  Total:\t0.5 secs\n  Average:\t0.0020 secs\n  Requests/sec:\t100.5\n\n"                                      // 90
		vegeta = "Requests      [total, rate, throughput]  3, 1.5, 1.5\nLatencies     [mean, 50, 95, 99, max]  1ms, 2ms, 3ms, 4ms, 5ms\n" // 100
		wrk    = "Running 1s test @ http://a/\n  1 threads and 2 connections\n    Latency   1.00ms    1.00ms   2.00ms   75.00%\n"
		wrk2   = "  Latency Distribution (HdrHistogram - Recorded Latency)\n 50.000%    1.00ms\nRequests/sec:     10.00\nTransfer/sec:      1.00KB\n"
	)
	for claim, row := range map[string]struct{ input, want string }{
		"the surer one stands below":           {hey + vegeta, "hey, vegeta"},
		"the surer one stands above":           {vegeta + hey, "vegeta, hey"},
		"wrk2 reads what looks like wrk":       {wrk + wrk2, "wrk2"},
		"a table stands below a text":          {hey + "Type,Name,Request Count,Failure Count,Average Response Time\n", "hey, locust"},
		"a table stands above a text":          {"Type,Name,Request Count,Failure Count,Average Response Time\n" + hey, "locust, hey"},
		"any table is less sure than a tool":   {"name,value\n" + vegeta, "vegeta"},
		"what several could print is not read": {vegeta + "parse: 12.5ms\n", "vegeta"},
	} {
		all, _, err := choose(setOf[Magic], source{in: []byte(row.input), size: int64(len(row.input))}, nil)
		var names []string
		for _, f := range all {
			names = append(names, string(f.tool.name))
		}
		if got := strings.Join(names, ", "); err != nil || got != row.want {
			t.Errorf("%s: chose %s, %v, want %s", claim, got, err, row.want)
		}
	}
	if got := parse(t, Magic, hey+vegeta); got.Adapter != Magic || len(got.Benchmarks) != 2 || !strings.HasPrefix(got.Reason, "hey: ") || !strings.Contains(got.Reason, "; and vegeta: ") {
		t.Errorf("%+v", got)
	}
}

func TestALessSureToolIsNotPassedOverWithoutAWord(t *testing.T) {
	t.Parallel()
	got := parse(t, Magic, "# TYPE up gauge\nup 1\n# EOF\nBenchmarkX 1 1 ns/op\nparse: 12.5ms\n")
	want := []Problem{{Message: "what could be openmetrics (a line \"# TYPE name type\") is not read beside surer tools; name it with --adapter if it is"}}
	if diff := cmp.Diff(want, got.Problems); diff != "" || got.Adapter != GoBench {
		t.Errorf("%s, problems (-want +got):\n%s", got.Adapter, diff)
	}
}
