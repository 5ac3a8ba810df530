package adapter

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

func TestGoCountKeepsEachSampleAndTakesTheMedian(t *testing.T) {
	t.Parallel()
	got := parse(t, GoBench, "pkg: example.org/x\nBenchmarkA/k=v-8 100 30 ns/op 16 B/op\nBenchmarkA/k=v-8 100 10 ns/op 16 B/op\nBenchmarkA/k=v-8 100 11 ns/op 16 B/op\n")
	want := []Benchmark{{Name: "example.org/x.BenchmarkA/k=v", Metrics: []Metric{
		{Measure: unit.Latency, Value: 11, Lower: ptr(10), Upper: ptr(30), Samples: []float64{30, 10, 11}},
		{Measure: unit.Allocated, Value: 16, Lower: ptr(16), Upper: ptr(16), Samples: []float64{16, 16, 16}},
	}}}
	if diff := cmp.Diff(want, got.Benchmarks); diff != "" {
		t.Errorf("benchmarks (-want +got):\n%s", diff)
	}
	if want := "go_bench: 3 lines begin with Benchmark and carry a number of iterations, values and units"; got.Reason != want {
		t.Errorf("Reason = %q, want %q", got.Reason, want)
	}
}

func TestGoAverageChoosesTheCentralValue(t *testing.T) {
	t.Parallel()
	input := []byte("BenchmarkX 1 1 ns/op\nBenchmarkX 1 2 ns/op\nBenchmarkX 1 9 ns/op\n")
	for average, want := range map[Average]float64{AverageDefault: 2, AverageMedian: 2, AverageMean: 4} {
		got, err := Parse(GoBench, input, Options{Average: average})
		if err != nil || got.Benchmarks[0].Metrics[0].Value != want {
			t.Errorf("average %q: %+v, %v, want %v", average, got, err, want)
		}
	}
}

func TestGoKeepsEveryUnit(t *testing.T) {
	t.Parallel()
	got := parse(t, GoBench, "BenchmarkX-8 20 47.1 ns/op 1358.81 MB/s 12.5 p99-ns 3 rows/s 7 score 64 B/op 1 allocs/op\n")
	var measures []*unit.Measure
	for _, m := range got.Benchmarks[0].Metrics {
		measures = append(measures, m.Measure)
	}
	want := []*unit.Measure{
		unit.Latency, unit.Bandwidth, {Name: "p99-ns", Units: "p99-ns", Direction: unit.Lower}, {Name: "rows/s", Units: "rows/s", Direction: unit.Higher},
		{Name: "score", Units: "score", Direction: unit.Unknown}, unit.Allocated, unit.Allocations,
	}
	if diff := cmp.Diff(want, measures); diff != "" {
		t.Errorf("measures (-want +got):\n%s", diff)
	}
}

func TestGoLinesOfUnitsTellDirectionAndExactness(t *testing.T) {
	t.Parallel()
	got := parse(t, GoBench, "Unit score better=higher\nBenchmarkX 1 1 ns/op 7 score 5 steps 3 other\nUnit steps assume=exact better=lower\nUnit other better=sideways\n")
	var measures []*unit.Measure
	for _, m := range got.Benchmarks[0].Metrics[1:] {
		measures = append(measures, m.Measure)
	}
	want := []*unit.Measure{
		{Name: "score", Units: "score", Direction: unit.Higher}, {Name: "steps", Units: "steps", Direction: unit.Lower, Exact: true}, {Name: "other", Units: "other", Direction: unit.Unknown},
	}
	if diff := cmp.Diff(want, measures); diff != "" {
		t.Errorf("measures (-want +got):\n%s", diff)
	}
}

func TestGoIdentity(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		input string
		want  []string
	}{
		"the package is part of it":              {"pkg: a\nBenchmarkX 1 1 ns/op\npkg: b\nBenchmarkX 1 1 ns/op\n", []string{"a.BenchmarkX", "b.BenchmarkX"}},
		"one GOMAXPROCS is not":                  {"BenchmarkX-4 1 1 ns/op\n", []string{"BenchmarkX"}},
		"several are":                            {"BenchmarkX 1 1 ns/op\nBenchmarkX-4 1 1 ns/op\nBenchmarkY-4 1 1 ns/op\n", []string{"BenchmarkX", "BenchmarkX-4", "BenchmarkY"}},
		"several in another package do not":      {"pkg: a\nBenchmarkX-2 1 1 ns/op\npkg: b\nBenchmarkX-4 1 1 ns/op\n", []string{"a.BenchmarkX", "b.BenchmarkX"}},
		"sizes at GOMAXPROCS 1 stay apart":       {"BenchmarkX/n-16 1 1 ns/op\nBenchmarkX/n-32 1 1 ns/op\n", []string{"BenchmarkX/n-16", "BenchmarkX/n-32"}},
		"a number of a name at GOMAXPROCS 1":     {"BenchmarkY 1 1 ns/op\nBenchmarkX/sha-256 1 1 ns/op\n", []string{"BenchmarkY", "BenchmarkX/sha-256"}},
		"numbers of names at several GOMAXPROCS": {"BenchmarkY 1 1 ns/op\nBenchmarkY-2 1 1 ns/op\nBenchmarkX/n-16 1 1 ns/op\nBenchmarkX/n-32 1 1 ns/op\nBenchmarkX/n-16-2 1 1 ns/op\nBenchmarkX/n-32-2 1 1 ns/op\n", []string{"BenchmarkY", "BenchmarkY-2", "BenchmarkX/n-16", "BenchmarkX/n-32", "BenchmarkX/n-16-2", "BenchmarkX/n-32-2"}},
		"parameters are":                         {"BenchmarkX/k=v/n=1-4 1 1 ns/op\nBenchmarkX/k=v/n=2-4 1 1 ns/op\n", []string{"BenchmarkX/k=v/n=1", "BenchmarkX/k=v/n=2"}},
		"a lone dash is part of the name":        {"BenchmarkX- 1 1 ns/op\nBenchmarkY-v2 1 1 ns/op\n", []string{"BenchmarkX-", "BenchmarkY-v2"}},
		"the bare word is a name":                {"Benchmark-4 1 1 ns/op\n", []string{"Benchmark"}},
		"time stamps and colours of a CI log":    {"2026-01-02T03:04:05.678Z \x1b[32mBenchmarkX-4 1 1 ns/op\x1b[0m\r\n", []string{"BenchmarkX"}},
		"stamps in brackets and with offsets":    {"[2026-01-02T03:04:05,678+01:00] BenchmarkX 1 1 ns/op\n2026-01-02 03:04:05 BenchmarkY 1 1 ns/op\n", []string{"BenchmarkX", "BenchmarkY"}},
		"GitLab's stream marks":                  {"2026-01-02T03:04:05.678901Z 00O BenchmarkX 1 1 ns/op\n2026-01-02T03:04:05.678901Z 01E BenchmarkY 1 1 ns/op\n", []string{"BenchmarkX", "BenchmarkY"}},
		"a small letter behind Benchmark":        {"Benchmark_foo-8 100 5 ns/op\nBenchmarkfoo-8   \t     100\t      12.5 ns/op\t  16 B/op\n", []string{"Benchmark_foo", "Benchmarkfoo"}},
		"sub-benchmarks with small letters":      {"pkg: p\nBenchmarkA/b-8 100 5 ns/op\nBenchmarkencode/c=1-8 100 5 ns/op\n", []string{"p.BenchmarkA/b", "p.Benchmarkencode/c=1"}},
		"what a log says of benchmarks":          {"Benchmarking 3 5 files\nBenchmarks 10 2 done\nBenchmarking a/op 5\nBenchmarkX 1 1 ns/op\n", []string{"BenchmarkX"}},
		"a line that GitLab took in parts":       {"2026-01-02T03:04:05.678901Z 00O BenchmarkX \n2026-01-02T03:04:06.678901Z 00O+\t1 1 ns/op\n", []string{"BenchmarkX"}},
		"Buildkite's marks":                      {"\x1b_bk;t=1700000000000\x07BenchmarkX 1 1 ns/op\n", []string{"BenchmarkX"}},
		"a byte order mark and Windows line end": {"\ufeffBenchmarkX 1 1 ns/op\r\nBenchmarkY 1 1 ns/op\r\n", []string{"BenchmarkX", "BenchmarkY"}},
		"a last line without its end is a line":  {"BenchmarkX 1 1 ns/op", []string{"BenchmarkX"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(row.want, namesOf(parse(t, GoBench, row.input))); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGoLogsDoNotHideResultsAndAreNoResults(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		input string
		want  []float64 // samples of ns/op in all benchmarks
	}{
		"lines in between":                   {"BenchmarkX-4\n    x_test.go:1: hello\nBenchmarkX-4 1 5 ns/op\n", []float64{5}},
		"printed after the name":             {"BenchmarkX-2         \thello\nworld\n      20\t        31.55 ns/op\t  1 B/op\n", []float64{31.55}},
		"printed after the name, no newline": {"BenchmarkX-2         \tpartial      20\t        26.05 ns/op\n", []float64{26.05}},
		"printed before the name":            {"partialBenchmarkX-2   \t      20\t        25.55 ns/op\n", []float64{25.55}},
		"a glued number of eight digits":     {"BenchmarkX-2         \tdone100000000\t        7 ns/op\n", []float64{7}},
		"a table in a log is no result":      {"BenchmarkX-2         \ttable\n  12\t 3 apples\nBenchmarkX-2 1 5 ns/op\n", []float64{5}},
		"a sentence is no result":            {"Benchmark results follow 1 2\nBenchmarking 3 5 files\nBenchmarkX 1 5 ns/op\nran BenchmarkX 1 9 ns/op\n", []float64{5}},
		"a result cut off is none":           {"BenchmarkX 1 5 ns/op\nBenchmarkX 1 5\nBenchmarkX 1 5 ns/op 6\nBenchmarkX x 5 ns/op\n", []float64{5}},
		"a JSON log is no event":             {"{\"Action\": 3\n{\"level\":\"info\"}\nBenchmarkX 1 5 ns/op\n", []float64{5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, GoBench, row.input)
			if len(got.Benchmarks) != 1 || got.Benchmarks[0].Name != "BenchmarkX" {
				t.Fatalf("benchmarks are %v, want BenchmarkX alone", namesOf(got))
			}
			if diff := cmp.Diff(row.want, got.Benchmarks[0].Metrics[0].Samples); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGoFailuresAreProblemsBesideTheResults(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		input string
		want  []Problem
	}{
		"a failure, its log after it": {
			"pkg: p\n--- FAIL: BenchmarkB-2\n    b_test.go:3: no\n    b_test.go:4: more\nFAIL\tp\t0.1s\n",
			[]Problem{{Benchmark: "p.BenchmarkB", Message: "go test reports a failure: b_test.go:3: no", Line: 3}, {Message: "FAIL p 0.1s", Line: 6}},
		},
		"a failure, its log before it as with -v": {
			"BenchmarkB\n    b_test.go:3: no\n--- FAIL: BenchmarkB (0.01s)\n",
			[]Problem{{Benchmark: "BenchmarkB", Message: "go test reports a failure: b_test.go:3: no", Line: 4}},
		},
		"a panic behind the name": {
			"BenchmarkB-2   \tpanic: boom\n\tmore\n", []Problem{{Benchmark: "BenchmarkB", Message: "panic: boom", Line: 2}},
		},
		"a panic whose stack has the name": {
			"pkg: p\npanic: boom [recovered]\n\tpanic: boom\n\ngoroutine 5 [running]:\nmain.helper(...)\np.BenchmarkB.func1(0x1)\n\t/x/b_test.go:12 +0x28\nexit status 2\nFAIL\tp\t0.1s\n",
			[]Problem{{Benchmark: "p.BenchmarkB", Message: "panic: boom [recovered]", Line: 3}, {Message: "FAIL p 0.1s", Line: 11}},
		},
		"a package that does not build": {
			"# p [p.test]\np/c_test.go:5:38: undefined: undefined\np/c_test.go:6:1: more\nFAIL\tp [build failed]\n",
			[]Problem{{Message: "FAIL p [build failed]: p/c_test.go:5:38: undefined: undefined", Line: 5}},
		},
		"out of time": {"panic: test timed out after 1s\n", []Problem{{Message: "panic: test timed out after 1s", Line: 2}}},
		"killed":      {"signal: killed\nFAIL\tp\t3s\n", []Problem{{Message: "signal: killed", Line: 2}, {Message: "FAIL p 3s", Line: 3}}},
		"the log of the next benchmark is not its reason": {
			"--- FAIL: BenchmarkA\nBenchmarkB\n    b_test.go:3: no\n--- FAIL: BenchmarkB\n",
			[]Problem{{Benchmark: "BenchmarkA", Message: "go test reports a failure", Line: 2}, {Benchmark: "BenchmarkB", Message: "go test reports a failure: b_test.go:3: no", Line: 5}},
		},
		"the log of another benchmark is not its reason": {
			"BenchmarkL-2 1 1 ns/op\n--- BENCH: BenchmarkL-2\n    l_test.go:1: a note\n--- FAIL: BenchmarkB\n    b_test.go:3: no\n",
			[]Problem{{Benchmark: "BenchmarkB", Message: "go test reports a failure: b_test.go:3: no", Line: 5}},
		},
		"skipped": {"--- SKIP: BenchmarkS\n    b_test.go:3: not here\nok  \tp\t1s\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, GoBench, "BenchmarkA 1 5 ns/op\n"+row.input)
			if got.Benchmarks[0].Name != "BenchmarkA" || got.Benchmarks[0].Metrics[0].Value != 5 {
				t.Errorf("the first benchmark is %+v", got.Benchmarks[0])
			}
			if diff := cmp.Diff(row.want, got.Problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
	refuses(t, GoBench, "--- FAIL: BenchmarkB\n    b_test.go:3: no\n", "holds no benchmark result; line 1: BenchmarkB: go test reports a failure: b_test.go:3: no")
	refuses(t, GoBench, "PASS\nok  \tx\t1s\n", "go_bench: the output holds no benchmark result", `it begins "PASS"`)
}

func TestGoEventsAreReadAsTheirText(t *testing.T) {
	t.Parallel()
	event := func(pkg, output string) string {
		return fmt.Sprintf("{\"Time\":\"2026-04-12T07:13:08Z\",\"Action\":\"output\",\"Package\":%q,\"Output\":%q}\n", pkg, output)
	}
	got := parse(t, GoBench, "not an event\n{\"Action\":\"start\",\"Package\":\"a\"}\n"+
		event("a", "BenchmarkX\n")+event("a", "BenchmarkX-2 \t")+event("b", "BenchmarkX-2 \t 20\t 7 ns/op\n")+event("a", " 20\t 5 ns/op\n")+
		event("b", "--- FAIL: BenchmarkY\n")+event("b", "BenchmarkZ 1 9 ns/op")+
		`{"ImportPath":"c [c.test]","Action":"build-output","Output":"# c [c.test]\n"}`+"\n"+
		`{"ImportPath":"c [c.test]","Action":"build-output","Output":"c/c_test.go:5:2: undefined: x\n"}`+"\n"+
		event("c", "FAIL\tc [build failed]\n"))
	if diff := cmp.Diff([]string{"b.BenchmarkX", "a.BenchmarkX", "b.BenchmarkZ"}, namesOf(got)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	want := []Problem{
		{Message: "FAIL c [build failed]: c/c_test.go:5:2: undefined: x", Line: 11},
		{Benchmark: "b.BenchmarkY", Message: "go test reports a failure", Line: 7},
	}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestGoAgreesWithBenchfmt holds our reading of real outputs against the Go project's own reader: the same values for the same names and
// units.
func TestGoAgreesWithBenchfmt(t *testing.T) {
	t.Parallel()
	for _, file := range samples(t)[GoBench] {
		if name := filepath.Base(file); strings.HasPrefix(name, "here_") || strings.HasPrefix(name, "made") {
			continue // benchfmt reads neither events nor results with output in them
		}
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			input := readFile(t, file)
			type key struct{ benchmark, unit string }
			want, got := map[key][]float64{}, map[key][]float64{}
			r := benchfmt.NewReader(bytes.NewReader(input), file)
			for r.Scan() {
				res, ok := r.Result().(*benchfmt.Result)
				if !ok {
					continue
				}
				base, parts := res.Name.Parts()
				name := "Benchmark" + string(base)
				for _, p := range parts {
					if p[0] != '-' {
						name += string(p)
					}
				}
				if pkg := res.GetConfig("pkg"); pkg != "" {
					name = pkg + "." + name
				}
				for _, v := range res.Values {
					value, u := v.Value, v.Unit
					if v.OrigUnit != "" {
						value, u = v.OrigValue, v.OrigUnit
					}
					m, known := goUnits[u]
					if !known {
						m = &unit.Measure{Name: u}
					}
					want[key{name, m.Name}] = append(want[key{name, m.Name}], value)
				}
			}
			for _, b := range parse(t, GoBench, string(input)).Benchmarks {
				for _, m := range b.Metrics {
					got[key{b.Name, m.Measure.Name}] = m.Samples
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("samples (-benchfmt +ours):\n%s", diff)
			}
		})
	}
}

func TestGoLinesThatNobodyReadsArePassedOver(t *testing.T) {
	t.Parallel()
	got := parse(t, GoBench, strings.Repeat("x", limits.AdapterLineBytes+1)+"\nBenchmarkX 1 5 ns/op\n")
	if len(got.Benchmarks) != 1 || len(got.Problems) != 1 || got.Problems[0].Line != 1 {
		t.Errorf("got %v with problems %+v", namesOf(got), got.Problems)
	}
}

func TestGoTooManyBenchmarksOrMeasuresAreRefused(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for i := range limits.BenchmarksPerIteration + 1 {
		fmt.Fprintf(&b, "BenchmarkX/n=%d 1 1 ns/op\n", i)
	}
	if _, err := Parse(GoBench, b.Bytes(), Options{}); !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "100000") {
		t.Errorf("error = %v, want a too-large fault that names the limit", err)
	}
}

// TestGoLineCostsItsLength feeds lines that are made to be looked at again and again.
func TestGoLineCostsItsLength(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"tabs behind numbers": "BenchmarkX \tx" + strings.Repeat(" 1\t1 a", limits.AdapterLineBytes/6-10),
		"values and units":    "BenchmarkX \tx" + strings.Repeat(" 1 1", limits.AdapterLineBytes/4-10),
		"spaces":              "BenchmarkX \tx" + strings.Repeat(" ", limits.AdapterLineBytes-100),
		"names":               strings.Repeat("Benchmark ", limits.AdapterLineBytes/10-1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, GoBench, "BenchmarkGood 1 5 ns/op\n"+line+"\n")
			if got.Benchmarks[0].Name != "BenchmarkGood" {
				t.Errorf("names are %v", namesOf(got))
			}
		})
	}
}
