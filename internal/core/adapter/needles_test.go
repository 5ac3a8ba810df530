package adapter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestNeedlesAreFoundWhereverTheyStand compares the one pass over a text with a search for each needle.
func TestNeedlesAreFoundWhereverTheyStand(t *testing.T) {
	t.Parallel()
	all := setOf[Magic].needles()
	var texts []string
	for _, n := range all.all {
		texts = append(texts, string(n.text))
	}
	if !all.many || all.strong == nil || len(all.strong.all) >= len(all.all) {
		t.Fatalf("%d needles, of which %v are not weak", len(texts), all.strong)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var chunk []byte
		for range r.IntN(12) {
			switch r.IntN(3) {
			case 0:
				chunk = append(chunk, texts[r.IntN(len(texts))]...)
			case 1:
				one := texts[r.IntN(len(texts))]
				chunk = append(chunk, one[:r.IntN(len(one)+1)]...)
			case 2:
				chunk = append(chunk, byte(r.IntN(256)))
			}
		}
		for _, set := range []*needleSet{all, all.strong} {
			var got, want []string
			set.scan(chunk, func(tool, at int) { got = append(got, fmt.Sprint(at, tool)) })
			for _, n := range set.all {
				for at := range chunk {
					if bytes.HasPrefix(chunk[at:], n.text) {
						want = append(want, fmt.Sprint(at, n.tool))
					}
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("%q: found %v, want %v", chunk, got, want)
			}
		}
	}
}

// TestAWeakToolCountsOnlyAlone has lines that almost any program prints before, between and behind those of a tool that is sure.
func TestAWeakToolCountsOnlyAlone(t *testing.T) {
	t.Parallel()
	const weak, sure = "compiling: 1.5ms\n", "BenchmarkX 10 5 ns/op\n"
	for _, one := range []struct {
		output string
		want   Name
	}{
		{weak, "js_time"}, {weak + sure, GoBench}, {sure + weak, GoBench}, {weak + sure + weak, GoBench},
		{weak + strings.Repeat("a line of a log\n", 8<<10) + sure, GoBench}, // which are parts that are looked at one by one
		{sure + strings.Repeat("a line of a log\n", 8<<10) + weak, GoBench},
	} {
		got, err := Parse(Magic, []byte(one.output), Options{})
		if err != nil || got.Adapter != one.want || len(got.Problems) > 0 {
			t.Errorf("%.60q: read by %s with %v, %v; want %s", one.output, got.Adapter, got.Problems, err, one.want)
		}
	}
}

// TestADocumentInALogIsReadByName: a small text is looked through for one also where the tool is named.
func TestADocumentInALogIsReadByName(t *testing.T) {
	t.Parallel()
	const document = `{"results":[{"command":"a","mean":1,"times":[1,2]}]}` + "\n"
	for _, before := range []string{"", "+ hyperfine a\n", "2026-01-02T03:04:05.678Z ", "\x1b[32m", "x\n  ", "10:00:00 a\n10:00:01 ", "[10:00:00] a\n[10:00:01] "} {
		got, err := Parse(Hyperfine, []byte(before+document), Options{})
		if err != nil || len(got.Benchmarks) != 1 || got.Benchmarks[0].Name != "a" {
			t.Errorf("behind %q: %+v, %v", before, got.Benchmarks, err)
		}
	}
}
