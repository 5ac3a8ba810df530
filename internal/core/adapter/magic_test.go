package adapter

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestMagicSaysWhatItRecognisedAndWhy(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"noise\nBenchmarkX-8 1 1 ns/op\nBenchmarkY-8 1 1 ns/op\n":             "go_bench: 2 lines begin with Benchmark and carry a number of iterations, values and units",
		"BenchmarkX-8 1 1 ns/op\n":                                            "go_bench: 1 line begins with Benchmark and carries a number of iterations, values and units",
		`{"Action":"output","Package":"p","Output":"BenchmarkX 1 1 ns/op\n"}`: "go_bench: 1 line begins",
		" \n{\"b\":{\"l\":{\"note\":[],\"value\":1}}}":                        `json: an object of 1 benchmarks and 1 metrics with a "value"`,
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

func TestMagicThatRecognisesNothingSaysWhatItLookedForAndShowsTheBeginning(t *testing.T) {
	t.Parallel()
	const lookedFor = "the output was not recognised; looked for json (Bencher Metric Format), go_bench (go test -bench), shell_hyperfine (hyperfine --export-json). "
	for input, want := range map[string]string{
		"":                            lookedFor + "It begins with nothing. If you know the format, name it with --adapter",
		"\n\n\x1b[31mhello\n":         lookedFor + `It begins "\x1b[31mhello"`,
		strings.Repeat("é", 100):      `It begins "` + strings.Repeat("é", 30) + `"…`,
		"{}":                          `It begins "{}"`,
		"[1,2]":                       `It begins "[1,2]"`,
		`{"results":[1]}`:             lookedFor,
		"PASS\nok  \texample.org\t1s": lookedFor,
		`{"b":{"l":3}}`:               lookedFor,
	} {
		refuses(t, Magic, input, want)
	}
}

func TestMagicThatCannotTellTwoApartAsks(t *testing.T) {
	t.Parallel()
	sure := func(points int, why string) func([]byte) (int, string) {
		return func([]byte) (int, string) { return points, why }
	}
	_, err := choose([]tool{{name: "a", score: sure(60, "it says A")}, {name: "b", score: sure(0, "")}, {name: "c", score: sure(60, "it says C")}}, Magic, []byte("hello"))
	if want := `the output could be a (it says A) or c (it says C); name one with --adapter. It begins "hello"`; !fault.Is(err, fault.Invalid) || fault.Message(err) != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	got, err := choose([]tool{{name: "a", score: sure(60, "")}, {name: "b", score: sure(61, "")}, {name: "c", score: sure(60, "")}}, Magic, nil)
	if err != nil || got.name != "b" {
		t.Errorf("chose %q, %v, want the one that is surest", got.name, err)
	}
}
