package adapter

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

var update = flag.Bool("update", false, "rewrite golden files")

// samples are the real outputs under testdata, by adapter.
func samples(t testing.TB) map[Name][]string {
	t.Helper()
	out := map[Name][]string{}
	for _, name := range Names() {
		files, err := filepath.Glob(filepath.Join("testdata", string(name), "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !strings.HasSuffix(f, ".golden") && !strings.HasSuffix(f, ".md") {
				out[name] = append(out[name], f)
			}
		}
	}
	return out
}

func TestRealOutputsAreReadWhole(t *testing.T) {
	t.Parallel()
	for name, files := range samples(t) {
		if name != Magic && len(files) == 0 {
			t.Errorf("adapter %s has no sample", name)
		}
		for _, file := range files {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				input, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				byName, err := Parse(name, input, Options{})
				if err != nil {
					t.Fatal(err)
				}
				byMagic, err := Parse(Magic, input, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(byName, byMagic); diff != "" {
					t.Errorf("magic reads it otherwise (-named +magic):\n%s", diff)
				}
				golden(t, file+".golden", byName)
			})
		}
	}
}

func golden(t *testing.T, file string, results Results) {
	t.Helper()
	got, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func names(r Results) []string {
	var out []string
	for _, b := range r.Benchmarks {
		out = append(out, b.Name)
	}
	return out
}

func parse(t *testing.T, name Name, input string) Results {
	t.Helper()
	out, err := Parse(name, []byte(input), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGoCountKeepsEachSample(t *testing.T) {
	t.Parallel()
	got := parse(t, GoBench, "pkg: example.org/x\nBenchmarkA/k=v-8 100 30 ns/op 16 B/op\nBenchmarkA/k=v-8 100 10 ns/op 16 B/op\nBenchmarkA/k=v-8 100 11 ns/op 16 B/op\n")
	least, most, same := 10.0, 30.0, 16.0
	want := []Benchmark{{Name: "example.org/x.BenchmarkA/k=v", Metrics: []Metric{
		{Measure: unit.Latency, Value: 11, Lower: &least, Upper: &most, Samples: []float64{30, 10, 11}},
		{Measure: unit.Allocated, Value: 16, Lower: &same, Upper: &same, Samples: []float64{16, 16, 16}},
	}}}
	if diff := cmp.Diff(want, got.Benchmarks); diff != "" {
		t.Errorf("benchmarks (-want +got):\n%s", diff)
	}
}

func TestGoIdentity(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		input string
		want  []string
	}{
		"the package is part of it":             {"pkg: a\nBenchmarkX 1 1 ns/op\npkg: b\nBenchmarkX 1 1 ns/op\n", []string{"a.BenchmarkX", "b.BenchmarkX"}},
		"one GOMAXPROCS is not":                 {"BenchmarkX-4 1 1 ns/op\n", []string{"BenchmarkX"}},
		"several are":                           {"BenchmarkX 1 1 ns/op\nBenchmarkX-4 1 1 ns/op\nBenchmarkY-4 1 1 ns/op\n", []string{"BenchmarkX", "BenchmarkX-4", "BenchmarkY"}},
		"time stamps and colours of a CI log":   {"2026-01-02T03:04:05.678Z \x1b[32mBenchmarkX-4 1 1 ns/op\x1b[0m\r\n", []string{"BenchmarkX"}},
		"logs in between are passed over":       {"BenchmarkX-4\n    x_test.go:1: hello\nBenchmarkX-4 1 1 ns/op\nBenchmark results follow 1 2\n", []string{"BenchmarkX"}},
		"a last line without its end is a line": {"BenchmarkX 1 1 ns/op", []string{"BenchmarkX"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(row.want, names(parse(t, GoBench, row.input))); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOneFailureIsNotTheLossOfTheOthers(t *testing.T) {
	t.Parallel()
	got := parse(t, GoBench, "BenchmarkA 1 5 ns/op\n--- FAIL: BenchmarkB\n    b_test.go:3: no\npanic: boom [recovered]\nFAIL\texample.org/x\t0.1s\n")
	if diff := cmp.Diff([]string{"BenchmarkA"}, names(got)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	want := []Problem{
		{Benchmark: "BenchmarkB", Message: "go test reports a failure", Line: 2},
		{Message: "panic: boom [recovered]", Line: 4},
		{Message: "FAIL example.org/x 0.1s", Line: 5},
	}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	fine := parse(t, Hyperfine, `{"results":[{"command":"a","mean":1,"stddev":null,"exit_codes":[0,null]},{"command":"b","stddev":0},{"command":"c","mean":2,"stddev":0}]}`)
	if diff := cmp.Diff([]string{"a", "c"}, names(fine)); diff != "" || len(fine.Problems) != 2 {
		t.Errorf("hyperfine: %s, problems %v", diff, fine.Problems)
	}
}

func TestIgnoreSuffixIsTakenOff(t *testing.T) {
	t.Parallel()
	for _, suffix := range ignoreSuffixes {
		got := parse(t, JSON, `{"a`+suffix+`":{"latency":{"value":1}}}`)
		if b := got.Benchmarks[0]; b.Name != "a" || !b.IgnoreAlerts {
			t.Errorf("suffix %s gave %+v", suffix, b)
		}
	}
}

// TestBadInputSaysWhatAndWhere has a row for each way in which results come broken.
func TestBadInputSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, limits.JSONDepth+5)
	for name, row := range map[string]struct {
		adapter Name
		input   string
		want    string
	}{
		"NaN":                {JSON, `{"b":{"latency":{"value":NaN}}}`, `benchmark "b", measure "latency": JSON: want a number, found "NaN}}}" (line 1, column 26)`},
		"infinity":           {JSON, `{"b":{"latency":{"value":-Infinity}}}`, `benchmark "b", measure "latency": JSON: want a number`},
		"out of range":       {JSON, `{"b":{"latency":{"value":1e999}}}`, `JSON: the number 1e999 is out of range`},
		"text as value":      {JSON, `{"b":{"latency":{"value":"1"}}}`, `want a number, found "\"1\"}}}"`},
		"null as value":      {JSON, `{"b":{"latency":{"value":null}}}`, `want a number`},
		"no value":           {JSON, `{"b":{"latency":{"lower_value":1}}}`, `benchmark "b", measure "latency": there is no value`},
		"not an object":      {JSON, `{"b":{"latency":3}}`, `benchmark "b", measure "latency": want an object with a value, found "3}}"`},
		"benchmark twice":    {JSON, `{"b":{"l":{"value":1}},"b":{"l":{"value":2}}}`, `benchmark "b" stands in the input twice`},
		"measure twice":      {JSON, `{"b":{"l":{"value":1},"l":{"value":2}}}`, `benchmark "b": measure "l" stands there twice`},
		"empty name":         {JSON, `{"":{"l":{"value":1}}}`, `a benchmark has an empty name`},
		"long name":          {JSON, `{"` + strings.Repeat("x", 2000) + `":{"l":{"value":1}}}`, `the name is 2000 bytes long, the limit is 1024`},
		"control character":  {JSON, `{"a\u0000":{"l":{"value":1}}}`, `the name holds a control character`},
		"array":              {JSON, `[1]`, `JSON: want '{', found "[1]"`},
		"cut off":            {JSON, "{\"b\":{\n\"l\":{\"value\":1", `JSON: want ',' or '}', found the end of the input (line 2, column 15)`},
		"something behind":   {JSON, `{"b":{"l":{"value":1}}} x`, `something follows the document`},
		"too deep":           {JSON, `{"b":{"l":{"value":1,"x":` + deep, `nested more than 64 deep`},
		"leading zero":       {JSON, `{"b":{"l":{"value":01}}}`, `want a number`},
		"no benchmark":       {JSON, `{}`, `json: the output holds no benchmark result (it begins "{}")`},
		"empty":              {Magic, "", `the output was not recognised; looked for json (Bencher Metric Format), go_bench (go test -bench), shell_hyperfine (hyperfine --export-json). It begins with nothing`},
		"something else":     {Magic, "\n\n\x1b[31mhello\n", `It begins "\x1b[31mhello"`},
		"Go without results": {GoBench, "PASS\nok  \tx\t1s\n", `go_bench: the output holds no benchmark result`},
		"unknown adapter":    {"rust", "x", `adapter "rust" is not known; there are magic, json, go_bench, shell_hyperfine`},
		"hyperfine not JSON": {Hyperfine, "<xml>", `shell_hyperfine: the output is not the JSON that hyperfine exports`},
		"hyperfine infinity": {Hyperfine, `{"results":[{"command":"a","mean":1e300,"stddev":1}]}`, `benchmark "a", measure "Latency": +Inf is not a finite number`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(row.adapter, []byte(row.input), Options{})
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) || !strings.Contains(fault.Message(err), row.want) {
				t.Errorf("error = %v\nwant one with %s", err, row.want)
			}
		})
	}
}

func TestAMillionBenchmarksAreRefused(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range 1_000_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"b%d":{"l":{"value":1}}`, i)
	}
	b.WriteByte('}')
	if _, err := Parse(JSON, b.Bytes(), Options{}); !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "100000") {
		t.Errorf("error = %v, want a too-large fault that names the limit", err)
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	one := func(value float64) Results {
		return Results{Adapter: JSON, Benchmarks: []Benchmark{{Name: "a", Metrics: []Metric{{Measure: unit.Latency, Value: value}}}}}
	}
	with := one(7)
	with.Benchmarks = append(with.Benchmarks, Benchmark{Name: "once", Metrics: []Metric{{Measure: unit.Latency, Value: 50}}})
	iterations := []Results{one(1), with, one(4)}
	for how, want := range map[FoldFunc]float64{FoldMin: 1, FoldMax: 7, FoldMean: 4, FoldMedian: 4} {
		got, err := Fold(iterations, how)
		if err != nil {
			t.Fatal(err)
		}
		if v := got.Benchmarks[0].Metrics[0]; v.Value != want || len(v.Samples) != 3 || *v.Lower != 1 || *v.Upper != 7 {
			t.Errorf("%s gave %+v, want %v", how, v, want)
		}
		if v := got.Benchmarks[1].Metrics[0].Value; v != 50 {
			t.Errorf("%s of a benchmark that one iteration has gave %v, want 50: absent is not zero", how, v)
		}
	}
	if _, err := Fold(iterations, "sum"); !fault.Is(err, fault.Invalid) {
		t.Errorf("fold by sum: %v", err)
	}
}

func TestAverageChoosesTheCentralValue(t *testing.T) {
	t.Parallel()
	input := []byte("BenchmarkX 1 1 ns/op\nBenchmarkX 1 2 ns/op\nBenchmarkX 1 9 ns/op\n")
	for average, want := range map[Average]float64{AverageDefault: 2, AverageMedian: 2, AverageMean: 4} {
		got, err := Parse(GoBench, input, Options{Average: average})
		if err != nil || got.Benchmarks[0].Metrics[0].Value != want {
			t.Errorf("average %q: %+v, %v, want %v", average, got, err, want)
		}
	}
}

func fuzz(f *testing.F, name Name) {
	for _, files := range samples(f) {
		for _, file := range files {
			input, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(input)
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		got, err := Parse(name, input, Options{})
		if err != nil {
			if fault.Of(err) != fault.Invalid && fault.Of(err) != fault.TooLarge {
				t.Errorf("error of kind %v: %v", fault.Of(err), err)
			}
			return
		}
		for _, b := range got.Benchmarks {
			if checkName(b.Name) != nil || len(b.Metrics) == 0 {
				t.Errorf("benchmark %q with %d metrics", b.Name, len(b.Metrics))
			}
			for _, m := range b.Metrics {
				if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
					t.Errorf("value %v", m.Value)
				}
			}
		}
		if again, err := Parse(name, input, Options{}); err != nil || cmp.Diff(got, again) != "" {
			t.Errorf("the second reading differs: %v", err)
		}
	})
}

func FuzzJSON(f *testing.F)      { fuzz(f, JSON) }
func FuzzGoBench(f *testing.F)   { fuzz(f, GoBench) }
func FuzzHyperfine(f *testing.F) { fuzz(f, Hyperfine) }
func FuzzMagic(f *testing.F)     { fuzz(f, Magic) }

// FuzzScanner holds our JSON reader against the standard library's: what one accepts the other does too.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,true,null,"\ud83d\ude00\n"]}`, `[0,-0,01]`, `"\u12"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		s := &scanner{in: input}
		err := s.skip()
		ok := err == nil && s.peek() == 0
		if ok && !json.Valid(input) {
			t.Errorf("%q is no JSON", input)
		}
		if !ok && json.Valid(input) {
			var v any
			if json.Unmarshal(input, &v) == nil && !strings.Contains(fmt.Sprint(err), "UTF-8") && !strings.Contains(fmt.Sprint(err), "deep") {
				t.Errorf("%q is JSON, but: %v", input, err)
			}
		}
	})
}

func large(n int) map[Name][]byte {
	var bmf, text, fine bytes.Buffer
	bmf.WriteString("{")
	text.WriteString("goos: linux\npkg: example.org/large\n")
	fine.WriteString(`{"results":[`)
	for i := range n {
		comma := ","
		if i == 0 {
			comma = ""
		}
		fmt.Fprintf(&bmf, `%s"example.org/large.BenchmarkThing/n=%d": {"latency": {"value": %d.25, "lower_value": 1000.125, "upper_value": 1300}}`, comma, i, 1000+i)
		fmt.Fprintf(&text, "BenchmarkThing/n=%d-8         \t 1000000\t      %d.5 ns/op\t  52.17 MB/s\t   54152 B/op\t      15 allocs/op\n", i, 1000+i)
		fmt.Fprintf(&fine, `%s{"command":"thing %d","mean":1.5,"stddev":0.01,"median":1.5,"user":1,"system":0.1,"min":1.4,"max":1.6,"times":[1.4,1.5,1.6,1.5,1.5],"exit_codes":[0,0,0,0,0]}`, comma, i)
	}
	bmf.WriteString("}")
	fine.WriteString("]}")
	return map[Name][]byte{JSON: bmf.Bytes(), GoBench: text.Bytes(), Hyperfine: fine.Bytes()}
}

func BenchmarkParse(b *testing.B) {
	for name, input := range large(10_000) {
		b.Run(string(name), func(b *testing.B) {
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(name, input, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
