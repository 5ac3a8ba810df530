package adapter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"sync"
	"testing"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// TestResultsAreNobodyElses reads all real outputs, several at once and in other orders, while the results of all are kept: what one input
// was read with is used again for the next, and nothing of it may be in two results.
func TestResultsAreNobodyElses(t *testing.T) {
	t.Parallel()
	type input struct {
		name  Name
		bytes []byte
		want  string
	}
	shown := func(r Results, err error) string {
		out := fmt.Sprintf("%s %s %+v %v\n", r.Adapter, r.Reason, r.Problems, err)
		for _, b := range r.Benchmarks {
			out += fmt.Sprintf("%s %v\n", b.Name, b.IgnoreAlerts)
			for _, m := range b.Metrics {
				out += fmt.Sprintf("  %+v %v %v %v\n", *m.Measure, m.Value, reflect.Indirect(reflect.ValueOf(m.Lower)), m.Samples)
			}
		}
		return out
	}
	var inputs []input
	for name, files := range samples(t) {
		for _, file := range files {
			if one := readFile(t, file); len(one) < 64<<10 {
				inputs = append(inputs, input{name: name, bytes: one}, input{name: Magic, bytes: one})
			}
		}
	}
	for i := range inputs {
		inputs[i].want = shown(Parse(inputs[i].name, bytes.Clone(inputs[i].bytes), Options{}))
	}
	var all sync.WaitGroup
	for seed := range uint64(4) {
		all.Go(func() {
			order := rand.New(rand.NewPCG(seed, 0)).Perm(len(inputs))
			results, errs, taken := make([]Results, len(inputs)), make([]error, len(inputs)), make([][]byte, len(inputs))
			for _, i := range order {
				taken[i] = bytes.Clone(inputs[i].bytes)
				results[i], errs[i] = Parse(inputs[i].name, taken[i], Options{})
				for m := range results[i].Benchmarks { // what a caller may do with what is his
					b := &results[i].Benchmarks[m]
					_ = append(b.Metrics, Metric{Value: -1})
				}
			}
			for _, i := range order {
				clear(taken[i]) // what was read is the caller's, and so is the buffer
			}
			for _, i := range order {
				if got := shown(results[i], errs[i]); got != inputs[i].want {
					t.Errorf("%s: read among others it is\n%s\nalone it is\n%s", inputs[i].name, got, inputs[i].want)
					return
				}
			}
		})
	}
	all.Wait()
}

// The grammar of what terminals read, by which cutEscapes is judged.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b[\\]_P^][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[()*+][0-9A-Za-z]|\x1b[@-Z\\\\-_=>]")

func TestEscapesAreCutByTheirGrammar(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const alphabet = "\x1b\x1b\x1b\x1b[[]]_P^\\\x07()*+=>@A0Zaz;? -/~{`\xff\nµ"
	for range 200_000 {
		line := make([]byte, random.IntN(12))
		for i := range line {
			line[i] = alphabet[random.IntN(len(alphabet))]
		}
		at := bytes.IndexByte(line, 0x1b)
		if at < 0 {
			continue
		}
		if got, want := read.CutEscapes(line, at), escapes.ReplaceAll(line, nil); !bytes.Equal(got, want) {
			t.Fatalf("%q: cut %q, want %q", line, got, want)
		}
	}
}
