package adapter

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// fuzz holds what is true of every adapter and every input: no panic, errors for people, names and numbers that a report can hold, and the same
// results again.
func fuzz(f *testing.F, name Name) {
	for _, files := range samples(f) {
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
		if name == Magic {
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
			if message := flaw(m); message != "" {
				t.Errorf("benchmark %q: %s", b.Name, message)
			}
		}
	}
}

func FuzzJSON(f *testing.F)      { fuzz(f, JSON) }
func FuzzGoBench(f *testing.F)   { fuzz(f, GoBench) }
func FuzzHyperfine(f *testing.F) { fuzz(f, Hyperfine) }
func FuzzMagic(f *testing.F)     { fuzz(f, Magic) }

// FuzzScanner holds our JSON reader against the standard library's: what one accepts the other does too.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,true,null,"\ud83d\ude00\n"]}`, `[0,-0,01]`, `"\u12"`, `1e999`, "\"\xc3\"", `{"a":"\\"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		s := scanBytes(input)
		err := s.skip()
		ok := err == nil && s.peek() == 0 && s.at == len(input)
		if ok && !json.Valid(input) {
			t.Errorf("%q is no JSON", input)
		}
		if !ok && json.Valid(input) && !strings.Contains(fmt.Sprint(err), "UTF-8") && !strings.Contains(fmt.Sprint(err), "deep") {
			t.Errorf("%q is JSON, but: %v", input, err)
		}
		text, err := scanBytes(input).text()
		var want string
		if err == nil && json.Unmarshal(input, &want) == nil && text != want {
			t.Errorf("text %q, want %q", text, want)
		}
	})
}
