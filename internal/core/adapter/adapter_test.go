package adapter

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	input, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return input
}

func TestRealOutputsAreReadWhole(t *testing.T) {
	t.Parallel()
	all := samples(t)
	for _, name := range Names() {
		if name != Magic && len(all[name]) == 0 {
			t.Errorf("adapter %s has no sample", name)
		}
		if _, err := os.Stat(filepath.Join("testdata", string(name), "PROVENANCE.md")); name != Magic && err != nil {
			t.Errorf("nobody says where the samples of adapter %s are from: %v", name, err)
		}
	}
	for name, files := range all {
		for _, file := range files {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				input := readFile(t, file)
				byName, err := Parse(name, input, Options{})
				if err != nil {
					t.Fatal(err)
				}
				byMagic, err := Parse(Magic, input, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(byName, byMagic, cmpopts.IgnoreUnexported(Results{})); diff != "" {
					t.Errorf("magic reads it otherwise (-named +magic):\n%s", diff)
				}
				golden(t, file+".golden", byName)
			})
		}
	}
}

func golden(t *testing.T, file string, results Results) {
	t.Helper()
	got := written(results)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readFile(t, file)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// written is all of the results as a golden file shows them: for each metric its value with the spread, its measure and every sample.
func written(r Results) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Reason)
	for _, bench := range r.Benchmarks {
		fmt.Fprintf(&b, "\n%s\n", bench.Name)
		if bench.IgnoreAlerts {
			fmt.Fprintln(&b, "\tignores alerts")
		}
		for _, m := range bench.Metrics {
			fmt.Fprintf(&b, "\t%s: %v", m.Measure.Name, m.Value)
			if m.Lower != nil {
				fmt.Fprintf(&b, " from %v", *m.Lower)
			}
			if m.Upper != nil {
				fmt.Fprintf(&b, " to %v", *m.Upper)
			}
			fmt.Fprintf(&b, " %s, %s", m.Measure.Units, m.Measure.Direction)
			if m.Measure.Exact {
				fmt.Fprint(&b, ", exact")
			}
			fmt.Fprintln(&b)
			if m.Samples != nil {
				fmt.Fprintf(&b, "\t\t%s\n", strings.Trim(fmt.Sprint(m.Samples), "[]"))
			}
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\nproblem: %s\n", p.text())
	}
	return b.String()
}

func namesOf(r Results) []string {
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

func ptr(v float64) *float64 { return &v }

// refuses checks that the input is refused with a fault for people that has all the words.
func refuses(t *testing.T, name Name, input string, words ...string) {
	t.Helper()
	_, err := Parse(name, []byte(input), Options{})
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
		t.Errorf("error = %v, want an invalid or too-large fault", err)
		return
	}
	for _, w := range words {
		if !strings.Contains(fault.Message(err), w) {
			t.Errorf("error = %v\nwant one with %s", err, w)
		}
	}
}

func TestUnknownAdaptersAreNamedWithTheNearestKnown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"spectrum":         `adapter "spectrum" is not known; there are magic, json, go_bench, shell_hyperfine`,
		"go_bnech":         "did you mean go_bench? there are",
		"jsno":             "did you mean json?",
		"hyperfine":        "did you mean shell_hyperfine?",
		"go_ben":           "did you mean go_bench?",
		"shell_hyperfines": "did you mean shell_hyperfine?",
		"MAGIC":            "did you mean magic?",
	} {
		if _, err := ParseName(text); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), want) {
			t.Errorf("ParseName(%q) = %v, want an invalid fault with %s", text, err, want)
		}
		refuses(t, Name(text), "x", "is not known")
	}
	for _, n := range Names() {
		if got, err := ParseName(string(n)); err != nil || got != n {
			t.Errorf("ParseName(%q) = %q, %v", n, got, err)
		}
	}
	if got, err := ParseName(""); err != nil || got != Magic {
		t.Errorf("ParseName of nothing = %q, %v, want magic", got, err)
	}
}

func TestAnAverageThatTheToolDoesNotOfferIsSaidAndNoFailure(t *testing.T) {
	t.Parallel()
	bmf := []byte(`{"b":{"latency":{"value":1}}}`)
	got, err := Parse(JSON, bmf, Options{Average: AverageMedian})
	if err != nil || !strings.Contains(got.Reason, "--average median changes nothing") {
		t.Errorf("Reason = %q, %v, want it to say that the average changes nothing", got.Reason, err)
	}
	if plain := parse(t, JSON, string(bmf)); strings.Contains(plain.Reason, "average") {
		t.Errorf("Reason = %q speaks of an average that nobody asked for", plain.Reason)
	}
	if _, err := Parse(JSON, bmf, Options{Average: "mode"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("average mode: %v, want an invalid fault", err)
	}
}

func TestIgnoreSuffixIsTakenOff(t *testing.T) {
	t.Parallel()
	for _, suffix := range ignoreSuffixes {
		for name, input := range map[Name]string{
			JSON: `{"a` + suffix + `":{"latency":{"value":1}}}`, GoBench: "Benchmark_a" + suffix + "-8 1 1 ns/op\n",
			Hyperfine: `{"results":[{"command":"a` + suffix + `","mean":1}]}`,
		} {
			if b := parse(t, name, input).Benchmarks[0]; strings.Contains(b.Name, "gnore") || !b.IgnoreAlerts {
				t.Errorf("%s: suffix %s gave %+v", name, suffix, b)
			}
		}
	}
	if b := parse(t, JSON, `{"a_bencher_ignore_x":{"l":{"value":1}}}`).Benchmarks[0]; b.IgnoreAlerts {
		t.Errorf("%+v ignores alerts, and the words stand in its middle", b)
	}
}

// TestWhatAReportCannotHoldIsAProblemAndNotTheLossOfTheRest holds for every adapter, because settle is behind all of them.
func TestWhatAReportCannotHoldIsAProblemAndNotTheLossOfTheRest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("X", limits.BenchmarkNameBytes+1)
	unit := strings.Repeat("u", limits.ResourceNameBytes+1)
	got := parse(t, GoBench, "BenchmarkGood 1 5 ns/op\nBenchmark"+long+" 1 5 ns/op\nBenchmarkA\xff 1 5 ns/op\nBenchmarkB\x01 1 5 ns/op\n"+
		"BenchmarkC 1 5 ns/op 6 "+unit+"\nBenchmarkD 1 NaN ns/op +Inf x 1e999 y 3 z\nBenchmarkE 1 7 ns/op 8 latency\n"+
		"BenchmarkF 1 5 ns/op\nBenchmarkFBencherIgnore 1 6 ns/op\n")
	if diff := cmp.Diff([]string{"BenchmarkGood", "BenchmarkC", "BenchmarkD", "BenchmarkE", "BenchmarkF", "BenchmarkF #2"}, namesOf(got)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for i, want := range []string{
		"NaN ns/op is not a finite number", "+Inf x is not", "+Inf y is not", "1034 bytes long, the limit is 1024", "not valid UTF-8", "control character U+0001",
		"65 bytes long, the limit is 64", `measure "latency" stands there twice`, `this one is kept as "BenchmarkF #2"`,
	} {
		if i >= len(got.Problems) || !strings.Contains(got.Problems[i].Message, want) {
			t.Errorf("problem %d is not the one with %q; there are %+v", i, want, got.Problems)
			break
		}
	}
	for _, p := range got.Problems {
		if len(p.Message) > limits.ProblemBytes+8 || len(p.Benchmark) > limits.ProblemBytes+8 || !utf8.ValidString(p.Message+p.Benchmark) || strings.ContainsAny(p.Message+p.Benchmark, "\x01\n") {
			t.Errorf("problem %+v is not fit to be shown", p)
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	got := parse(t, GoBench, "BenchmarkX 1 1 ns/op\n"+strings.Repeat("panic: again\n", 100_000))
	if n := len(got.Problems); n != limits.ProblemsPerIteration || got.Problems[n-1].Message != "there are more problems than are listed" {
		t.Errorf("%d problems, the last is %+v", n, got.Problems[n-1])
	}
}

func TestNameSetTellsNewFromKnownAtAnySize(t *testing.T) {
	t.Parallel()
	var s nameSet
	for i := range 40 {
		name := strings.Repeat("n", i+1)
		if !s.add(name) || s.add(name) || !s.has(name) || s.has(name+"x") {
			t.Fatalf("the set of %d is wrong about its newest", i+1)
		}
	}
	if s.add("n") {
		t.Error("the first name is new again")
	}
}

func TestShortenCutsBetweenCharacters(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "…", 1: "…", 2: "é…", 3: "é…", 4: "éé…", 6: "ééé"} {
		if got := shorten("ééé", n); got != want {
			t.Errorf("shorten(ééé, %d) = %q, want %q", n, got, want)
		}
	}
	if got := shorten("\x80\x80\x80", 2); !slices.Contains([]string{"…", "\x80\x80…"}, got) {
		t.Errorf("shorten of bytes that are no text = %q", got)
	}
}

// builtIns are copies of the built-in measures as they were before any output was read.
var builtIns = func() map[*unit.Measure]unit.Measure {
	out := map[*unit.Measure]unit.Measure{}
	for _, m := range []*unit.Measure{
		unit.Latency, unit.Throughput, unit.FileSize, unit.Allocated, unit.Allocations, unit.Bandwidth, unit.UserTime, unit.SystemTime, unit.PeakMemory,
		unit.Instructions, unit.EstimatedCycles, cpuTime, requests, failureRatio, memory,
	} {
		out[m] = *m
	}
	return out
}()

// TestNoOutputChangesASharedMeasure: all metrics of a measure point to the same one.
func TestNoOutputChangesASharedMeasure(t *testing.T) {
	t.Parallel()
	for name, files := range samples(t) {
		for _, file := range files {
			for _, average := range []Average{AverageDefault, AverageMean} {
				if _, err := Parse(name, readFile(t, file), Options{Average: average}); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
			}
		}
	}
	for now, before := range builtIns {
		if diff := cmp.Diff(before, *now); diff != "" {
			t.Errorf("%s has changed: %s", before.Name, diff)
		}
	}
}

func TestALanguageStandsForAllItsTools(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]Name{"c_sharp", "cpp", "dart", "go", "java", "js", "python", "ruby", "rust", "shell"}, Languages()); diff != "" {
		t.Errorf("languages (-want +got):\n%s", diff)
	}
	of := map[Name][]Name{}
	for _, language := range Languages() {
		if got, err := ParseName(string(language)); err != nil || got != language {
			t.Errorf("ParseName(%q) = %q, %v", language, got, err)
		}
		if err := CheckMapping(language, "name=a,value=b"); err == nil {
			t.Errorf("%s takes a mapping, and none of its tools does", language)
		}
		for _, tool := range ToolsOf(language) {
			of[tool] = append(of[tool], language)
		}
	}
	for name, files := range samples(t) {
		for _, file := range files {
			input := readFile(t, file)
			want, err := Parse(name, input, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, language := range of[name] {
				got, err := Parse(language, input, Options{})
				if err != nil {
					t.Errorf("%s as %s: %v", file, language, err)
				} else if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Results{})); diff != "" {
					t.Errorf("%s as %s (-as %s +as the language):\n%.1000s", file, language, name, diff)
				}
			}
		}
	}
	refuses(t, "rust", "BenchmarkA 1 5 ns/op\n", "; looked for rust_bench, rust_criterion, rust_iai, rust_gungraun, cargo_criterion, divan. ")
	if got := parse(t, "rust", "BenchmarkA 1 5 ns/op\ntest a ... bench: 5 ns/iter (+/- 1)\n"); got.Adapter != "rust_bench" || len(got.Benchmarks) != 1 {
		t.Errorf("of a log with Go's results too, rust has %s %v", got.Adapter, namesOf(got))
	}
}
