package adapter

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// fuzz holds what is true of every adapter and every input: no panic, errors for people, names and numbers that a report can hold, and the
// same results again.
func fuzz(f *testing.F, name Name) {
	for of, files := range samples(f) {
		if name != Magic && of != name {
			continue
		}
		for _, file := range files {
			if input := readFile(f, file); len(input) < 8<<10 { // a large seed is mutated slowly and teaches nothing more
				f.Add(input)
			}
		}
	}
	f.Add([]byte("BenchmarkA-2 \tnoise  20\t 5 ns/op\npanic: x\n--- FAIL: BenchmarkB\n    why\nFAIL\tp\n# p\nx.go:1\n"))
	f.Add([]byte("pkg: p\nBenchmarkA/k=v-2 20 5 ns/op\r\nBenchmarkA/k=v-4 20 5 ns/op 1 x\n"))
	f.Add([]byte(`{"Action":"output","Package":"p","Output":"BenchmarkA 1 1 ns/op\n"}`))
	f.Add([]byte("2026-01-02T03:04:05.6Z 00O \x1b[1mBenchmark 1 NaN ns/op 1 x\n"))
	f.Add([]byte(`{"results":[{"command":"a","mean":1,"times":[1,2],"exit_codes":[null,1],"parameters":{"n":"1"}}]}`))
	f.Add([]byte(`{"a_bencher_ignore":{"latency":{"value":1,"samples":[1],"units":"x","direction":"lower","e":[{}]}}}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		got, err := Parse(name, input, Options{})
		if err != nil {
			if fault.Of(err) != fault.Invalid && fault.Of(err) != fault.TooLarge {
				t.Errorf("error of kind %v: %v", fault.Of(err), err)
			}
			return
		}
		checkResults(t, got)
		if again, err := Parse(name, input, Options{}); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("the second reading differs: %v", err)
		}
		if name == Magic && got.Adapter != Magic {
			if named, err := Parse(got.Adapter, input, Options{}); err != nil || !reflect.DeepEqual(got, named) {
				t.Errorf("%s, which magic names, reads it otherwise: %v", got.Adapter, err)
			}
		}
	})
}

func checkResults(t *testing.T, r Results) {
	t.Helper()
	if len(r.Benchmarks) == 0 || len(r.Problems) > limits.ProblemsPerIteration {
		t.Errorf("%d benchmarks, %d problems", len(r.Benchmarks), len(r.Problems))
	}
	seen := map[string]bool{}
	for _, b := range r.Benchmarks {
		if checkName("benchmark", b.Name, limits.BenchmarkNameBytes) != nil || len(b.Metrics) == 0 || seen[b.Name] {
			t.Errorf("benchmark %q with %d metrics, there before: %v", b.Name, len(b.Metrics), seen[b.Name])
		}
		seen[b.Name] = true
		measures := map[string]bool{}
		for _, m := range b.Metrics {
			if measures[identity(m.Measure)] {
				t.Errorf("benchmark %q has measure %q twice", b.Name, m.Measure.Name)
			}
			measures[identity(m.Measure)] = true
			if message := flaw(&m); message != "" {
				t.Errorf("benchmark %q: %s", b.Name, message)
			}
		}
	}
}

func FuzzJSON(f *testing.F) { fuzz(f, JSON) }

func FuzzGoBench(f *testing.F) { fuzz(f, GoBench) }

func FuzzHyperfine(f *testing.F) { fuzz(f, Hyperfine) }

func FuzzMagic(f *testing.F) { fuzz(f, Magic) }

func FuzzBenchmarkIps(f *testing.F) { fuzz(f, "benchmark_ips") }

func FuzzBenchmarktoolsJl(f *testing.F) { fuzz(f, "benchmarktools_jl") }

func FuzzCSharpDotNet(f *testing.F) { fuzz(f, "c_sharp_dot_net") }

func FuzzCargoCriterion(f *testing.F) { fuzz(f, "cargo_criterion") }

func FuzzCppCatch2(f *testing.F) { fuzz(f, "cpp_catch2") }

func FuzzCppGoogle(f *testing.F) { fuzz(f, "cpp_google") }

func FuzzCsv(f *testing.F) { fuzz(f, "csv") }

func FuzzDartBenchmarkHarness(f *testing.F) { fuzz(f, "dart_benchmark_harness") }

func FuzzDenoBench(f *testing.F) { fuzz(f, "deno_bench") }

func FuzzDivan(f *testing.F) { fuzz(f, "divan") }

func FuzzGatling(f *testing.F) { fuzz(f, "gatling") }

func FuzzGnuTime(f *testing.F) { fuzz(f, "gnu_time") }

func FuzzHey(f *testing.F) { fuzz(f, "hey") }

func FuzzJavaJmh(f *testing.F) { fuzz(f, "java_jmh") }

func FuzzJmeter(f *testing.F) { fuzz(f, "jmeter") }

func FuzzJsBenchmark(f *testing.F) { fuzz(f, "js_benchmark") }

func FuzzJsTime(f *testing.F) { fuzz(f, "js_time") }

func FuzzJsVitest(f *testing.F) { fuzz(f, "js_vitest") }

func FuzzJsonMap(f *testing.F) { fuzz(f, "json_map") }

func FuzzJunit(f *testing.F) { fuzz(f, "junit") }

func FuzzK6(f *testing.F) { fuzz(f, "k6") }

func FuzzLnt(f *testing.F) { fuzz(f, "lnt") }

func FuzzLocust(f *testing.F) { fuzz(f, "locust") }

func FuzzMemtier(f *testing.F) { fuzz(f, "memtier") }

func FuzzMitata(f *testing.F) { fuzz(f, "mitata") }

func FuzzOpenmetrics(f *testing.F) { fuzz(f, "openmetrics") }

func FuzzPerfStat(f *testing.F) { fuzz(f, "perf_stat") }

func FuzzPgbench(f *testing.F) { fuzz(f, "pgbench") }

func FuzzPhpbench(f *testing.F) { fuzz(f, "phpbench") }

func FuzzPyperf(f *testing.F) { fuzz(f, "pyperf") }

func FuzzPythonAsv(f *testing.F) { fuzz(f, "python_asv") }

func FuzzPythonPytest(f *testing.F) { fuzz(f, "python_pytest") }

func FuzzRedisBenchmark(f *testing.F) { fuzz(f, "redis_benchmark") }

func FuzzRubyBench(f *testing.F) { fuzz(f, "ruby_bench") }

func FuzzRubyBenchmark(f *testing.F) { fuzz(f, "ruby_benchmark") }

func FuzzRustBench(f *testing.F) { fuzz(f, "rust_bench") }

func FuzzRustCriterion(f *testing.F) { fuzz(f, "rust_criterion") }

func FuzzRustGungraun(f *testing.F) { fuzz(f, "rust_gungraun") }

func FuzzRustIai(f *testing.F) { fuzz(f, "rust_iai") }

func FuzzSysbench(f *testing.F) { fuzz(f, "sysbench") }

func FuzzTinybench(f *testing.F) { fuzz(f, "tinybench") }

func FuzzVegeta(f *testing.F) { fuzz(f, "vegeta") }

func FuzzWrk(f *testing.F) { fuzz(f, "wrk") }

func FuzzWrk2(f *testing.F) { fuzz(f, "wrk2") }

// FuzzMapping holds that any mapping is read or refused, and reads any table.
func FuzzMapping(f *testing.F) {
	f.Add("name=a,param=b,value=c:ms:lower", "a,b,c\n1,2,3\n")
	f.Add("name=r[].n,value=r[].v:s:higher:T", `{"r":[{"n":"x","v":1}]}`)
	f.Add("name=#1,value=#2", "x;1,5\ny;2\n")
	f.Fuzz(func(t *testing.T, mapping, input string) {
		got, err := Parse(Magic, []byte(input), Options{Mapping: mapping})
		switch {
		case err == nil:
			checkResults(t, got)
		case fault.Of(err) != fault.Invalid && fault.Of(err) != fault.TooLarge:
			t.Errorf("error of kind %v: %v", fault.Of(err), err)
		}
	})
}

// TestEachAdapterHasAFuzzTarget keeps the list above whole.
func TestEachAdapterHasAFuzzTarget(t *testing.T) {
	t.Parallel()
	source := string(readFile(t, "fuzz_test.go"))
	for _, name := range Names() {
		if !strings.Contains(source, fmt.Sprintf("fuzz(f, %q)", name)) && name != JSON && name != GoBench && name != Hyperfine && name != Magic {
			t.Errorf("adapter %s has no fuzz target", name)
		}
	}
}

// FuzzScanner holds our JSON reader against the standard library's: what one accepts the other does too.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,true,null,"\ud83d\ude00\n"]}`, `[0,-0,01]`, `"\u12"`, `1e999`, "\"\xc3\"", `{"a":"\\"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		s := read.ScanBytes(input)
		err := s.Skip()
		ok := err == nil && s.Peek() == 0 && s.Offset() == int64(len(input))
		if ok && !json.Valid(input) {
			t.Errorf("%q is no JSON", input)
		}
		if !ok && json.Valid(input) && !strings.Contains(fmt.Sprint(err), "UTF-8") && !strings.Contains(fmt.Sprint(err), "deep") {
			t.Errorf("%q is JSON, but: %v", input, err)
		}
		text, err := read.ScanBytes(input).Text()
		var want string
		if err == nil && json.Unmarshal(input, &want) == nil && text != want {
			t.Errorf("text %q, want %q", text, want)
		}
	})
}
