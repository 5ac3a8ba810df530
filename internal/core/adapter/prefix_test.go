package adapter

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// logPrefixes are what collectors of logs put before a line, by their name; n is the line's number.
var logPrefixes = map[string]func(n int) string{
	"a clock in brackets":        func(n int) string { return fmt.Sprintf("[10:%02d:%02d] ", n/60%60, n%60) },
	"a clock":                    func(n int) string { return fmt.Sprintf("10:%02d:%02d ", n/60%60, n%60) },
	"a clock with its fraction":  func(n int) string { return fmt.Sprintf("10:%02d:%02d.%03d ", n/60%60, n%60, n%1000) },
	"Jenkins's clock":            func(n int) string { return fmt.Sprintf("10:%02d:%02d  ", n/60%60, n%60) },
	"Jenkins's timestamper":      func(n int) string { return fmt.Sprintf("[2026-03-01T10:%02d:%02d.123Z] ", n/60%60, n%60) },
	"Go's log":                   func(n int) string { return fmt.Sprintf("2026/03/01 10:%02d:%02d ", n/60%60, n%60) },
	"Go's log with its fraction": func(n int) string { return fmt.Sprintf("2026/03/01 10:%02d:%02d.123456 ", n/60%60, n%60) },
	"a date without a year":      func(n int) string { return fmt.Sprintf("Mar 01 10:%02d:%02d ", n/60%60, n%60) },
	"syslog":                     func(n int) string { return fmt.Sprintf("Mar  1 10:%02d:%02d ci-7 bench[%d]: ", n/60%60, n%60, 812) },
	"journalctl -o short-iso": func(n int) string {
		return fmt.Sprintf("2026-03-01T10:%02d:%02d+0000 ci-7 bench[812]: ", n/60%60, n%60)
	},
	"GitHub": func(n int) string { return fmt.Sprintf("2026-03-01T10:%02d:%02d.1234567Z ", n/60%60, n%60) },
	"gh run view --log": func(n int) string {
		return fmt.Sprintf("bench (linux)\tRun make bench\t2026-03-01T10:%02d:%02d.1234567Z ", n/60%60, n%60)
	},
	"docker compose":        func(int) string { return "bench-1  | " },
	"docker compose of old": func(int) string { return "\x1b[36mbench_1 |\x1b[0m " },
	"docker compose logs -t": func(n int) string {
		return fmt.Sprintf("bench-1  | 2026-03-01T10:%02d:%02d.123456789Z ", n/60%60, n%60)
	},
	"foreman": func(n int) string { return fmt.Sprintf("10:%02d:%02d bench.1  | ", n/60%60, n%60) },
	"heroku": func(n int) string {
		return fmt.Sprintf("2026-03-01T10:%02d:%02d.123456+00:00 app[bench.1]: ", n/60%60, n%60)
	},
	"GitLab":                        func(n int) string { return fmt.Sprintf("2026-03-01T10:%02d:%02d.123456Z 00O ", n/60%60, n%60) },
	"TeamCity":                      func(n int) string { return fmt.Sprintf("[10:%02d:%02d] :\t [Step 1/2] ", n/60%60, n%60) },
	"TeamCity, a line of its own":   func(n int) string { return fmt.Sprintf("[10:%02d:%02d]W:\t [Step 2/2] ", n/60%60, n%60) },
	"Azure":                         func(n int) string { return fmt.Sprintf("2026-03-01T10:%02d:%02d.1234567Z ", n/60%60, n%60) },
	"a colour before the clock too": func(n int) string { return fmt.Sprintf("\x1b[90m[10:%02d:%02d]\x1b[0m ", n/60%60, n%60) },
}

// inLogOf is the input with the prefix before each line.
func inLogOf(input []byte, before func(int) string) []byte {
	var out bytes.Buffer
	n := 0
	for line := range bytes.Lines(input) {
		out.WriteString(before(n))
		out.Write(line)
		n++
	}
	return out.Bytes()
}

func TestWhatALogWritesBeforeEachLineChangesNothing(t *testing.T) {
	t.Parallel()
	for what, before := range logPrefixes {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for name, files := range samples(t) {
				for _, file := range files {
					input := readFile(t, file)
					if len(input) > 8<<10 || name == "csv" || name == "json_map" || bytes.Count(input, []byte("\n")) < 3 {
						continue
					}
					want, err := Parse(name, input, Options{})
					if err != nil {
						t.Fatal(err)
					}
					for _, as := range []Name{name, Magic} {
						got, err := Parse(as, inLogOf(input, before), Options{})
						if err != nil {
							t.Errorf("%s as %s: %.300v", file, as, err)
							continue
						}
						if diff := cmp.Diff(want.Benchmarks, got.Benchmarks); diff != "" {
							t.Errorf("%s as %s (-plain +prefixed):\n%.1000s", file, as, diff)
						}
						log := inLogOf(input, before)
						streamed, err := Read(as, dripping{log}, int64(len(log)), Options{})
						if err != nil || !cmp.Equal(got.Benchmarks, streamed.Benchmarks) {
							t.Errorf("%s as %s is read otherwise from a stream: %v", file, as, err)
						}
					}
				}
			}
		})
	}
}

func TestAPrefixIsWhatSeveralLinesHave(t *testing.T) {
	t.Parallel()
	for claim, row := range map[string]struct {
		adapter Name
		input   string
		want    []string
	}{
		"a service that starts below a build": {GoBench, "#5 [2/3] RUN go build\nAttaching to bench-1, db-1\ndb-1     | ready\ndb-1     | listening\nbench-1  | pkg: p\nbench-1  | BenchmarkA 1 5 ns/op\n" +
			"bench-1 exited with code 0\n", []string{"p.BenchmarkA"}},
		"Jenkins writes its own lines without the time": {"js_time", "[Pipeline] stage\n[Pipeline] { (bench)\n[Pipeline] sh\n10:00:00  + node bench.js\n10:00:01  parse: 12.5ms\n[Pipeline] }\n10:00:01  print: 2ms\n[Pipeline] }\n",
			[]string{"parse", "print"}},
		"GitLab's sections": {"js_time", "2026-03-01T10:00:00.000001Z 00O section_start:1767225600:step_script\r\x1b[0K\n2026-03-01T10:00:00.000002Z 00O+\x1b[0K\x1b[36;1mnode bench.js\x1b[0;m\n" +
			"2026-03-01T10:00:00.000003Z 01O parse: 1\n2026-03-01T10:00:00.000004Z 01O+2.5ms\n2026-03-01T10:00:00.000004Z 01O print: 2.25ms\n2026-03-01T10:00:00.000005Z 00O section_end:1767225600:step_script\r\x1b[0K\n", []string{"parse", "print"}},
		"a benchmark that logs between its results": {GoBench, "pkg: p\n2026/03/01 10:00:00 connecting\n2026/03/01 10:00:00 connected\nBenchmarkA-2 \t2026/03/01 10:00:00 once\n     100\t      12.5 ns/op\n2026/03/01 10:00:00 bye\n",
			[]string{"p.BenchmarkA"}},
		"GitHub's mark at the beginning of a step": {"js_time", "build\tset up\t\ufeff2026-03-01T10:00:00.1234567Z go\nbuild\tbench\t\ufeff2026-03-01T10:00:00.1234567Z parse: 12.5ms\n", []string{"parse"}},
		"labels with a bar name each row":          {"js_time", "parse | small: 12.5ms\nprint | small: 2ms\n", []string{"parse | small", "print | small"}},
		"a label with the time of day":             {"js_time", "10:00:00 parse: 12.5ms\nprint: 2ms\nthrow: 2ms\ncatch: 2ms\n", []string{"10:00:00 parse", "print", "throw", "catch"}},
		"a label with colons":                      {"js_time", "db:query: 12.5ms\ndb:insert: 2ms\n", []string{"db:query", "db:insert"}},
		"a label of a host and a program":          {"js_time", "ci parse: 12.5ms\nci print: 2ms\n", []string{"ci parse", "ci print"}},
		"words that could be a month":              {"js_time", "Mar 01 load: 12.5ms\nMar 02 load: 2ms\n", []string{"Mar 01 load", "Mar 02 load"}},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			for _, as := range []Name{row.adapter, Magic} {
				if diff := cmp.Diff(row.want, namesOf(parse(t, as, row.input))); diff != "" {
					t.Errorf("as %s, names (-want +got):\n%s", as, diff)
				}
			}
		})
	}
	if got := parse(t, "js_time", "2026-03-01T10:00:00.1Z 00O parse: 1\n2026-03-01T10:00:00.1Z 00O+2.5ms\n").Benchmarks[0].Metrics[0].Value; got != 12.5e6 {
		t.Errorf("a line that GitLab took in parts is %v ns, want 12.5e6", got)
	}
}

func TestADocumentThatIsIndentedInALogIsFound(t *testing.T) {
	t.Parallel()
	const document = "{\n  \"results\": [\n    {\n      \"command\": \"make\",\n      \"mean\": 1.5\n    }\n  ]\n}\n"
	const junit = "<?xml version=\"1.0\"?>\n<testsuites>\n  <testsuite name=\"s\">\n    <testcase name=\"t\" classname=\"c\" time=\"1\"/>\n  </testsuite>\n</testsuites>\n"
	indented := func(text, by string) string {
		return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
	}
	for claim, row := range map[string]struct {
		adapter Name
		input   string
		want    []string
	}{
		"by blanks":               {Hyperfine, "$ cat fine.json\n" + indented(document, "    ") + "done\n", []string{"make"}},
		"by a tab":                {Hyperfine, "$ cat fine.json\n" + indented(document, "\t") + "done\n", []string{"make"}},
		"XML":                     {"junit", "report:\n" + indented(junit, "  ") + "done\n", []string{"c::t"}},
		"behind a time":           {Hyperfine, inLog("$ cat fine.json\n"+indented(document, "   "), "2026-03-01T10:00:00Z "), []string{"make"}},
		"behind a service":        {Hyperfine, inLog("$ cat fine.json\n"+indented(document, "   "), "bench-1  | "), []string{"make"}},
		"two of them":             {Hyperfine, "a\n" + indented(document, "  ") + "b\n" + indented(strings.Replace(document, "make", "ninja", 1), "      "), []string{"make", "ninja"}},
		"below one of others":     {Hyperfine, "a\n{\n  \"level\": {\n    \"a\": 1\n  }\n}\n" + indented(document, "  "), []string{"make"}},
		"not a part of another's": {GoBench, "{\n  \"wrapped\":\n" + indented(document, "  ") + "}\nBenchmarkA 1 5 ns/op\n", []string{"BenchmarkA"}},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			for _, as := range []Name{row.adapter, Magic} {
				if diff := cmp.Diff(row.want, namesOf(parse(t, as, row.input))); diff != "" {
					t.Errorf("as %s, names (-want +got):\n%s", as, diff)
				}
			}
		})
	}
}

func inLog(text, before string) string {
	return string(inLogOf([]byte(text), func(int) string { return before }))
}
