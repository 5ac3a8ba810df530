package adapter

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// TestWordsAreThoseOfPackageBytes: what is done by hand, because it is done for each line, comes out as the standard library has it.
func TestWordsAreThoseOfPackageBytes(t *testing.T) {
	t.Parallel()
	parts := []string{" ", "\t", "\n", "\v", "\f", "\r", "a", "bc", "1.5", "\u00a0", "\u2003", "é", "\x85", "\xa0", "\xff", "=", ""}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var text []byte
		for range r.IntN(8) {
			text = append(text, parts[r.IntN(len(parts))]...)
		}
		room := [][]byte{[]byte("before")}
		if got, want := read.Words(room, text)[1:], bytes.Fields(text); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("words of %q: %q, want %q", text, got, want)
		}
		if got, want := read.TrimIndent(text), bytes.TrimLeft(text, " \t"); !bytes.Equal(got, want) {
			t.Fatalf("%q begins at %q, want %q", text, got, want)
		}
		if got, want := read.TrimEnd(text), bytes.TrimRight(text, " \t"); !bytes.Equal(got, want) {
			t.Fatalf("%q ends as %q, want %q", text, got, want)
		}
	}
}

// TestAPlainNameIsOneOfPrintableASCII looks at each byte in each place of names of any length: eight are looked at at once.
func TestAPlainNameIsOneOfPrintableASCII(t *testing.T) {
	t.Parallel()
	if plainName("") || plainName(" a") || plainName("a ") || !plainName("a b") {
		t.Error("a name is not empty and has no blank at an end")
	}
	for n := 1; n < 20; n++ {
		for at := range n {
			for c := range 256 {
				name := bytes.Repeat([]byte{'x'}, n)
				name[at] = byte(c)
				want := c > ' ' && c < 0x7f || c == ' ' && at > 0 && at < n-1
				if plainName(string(name)) != want {
					t.Fatalf("%q: %v, want %v", name, !want, want)
				}
			}
		}
	}
}

// TestParametersAreOrderedByNameInPlace compares names that are made in room of the stack with those of the plain way.
func TestParametersAreOrderedByNameInPlace(t *testing.T) {
	t.Parallel()
	names, values := []string{"", "a", "ab", "b", "scale", "mode"}, []string{"", "1", "x,y", "x,y=z", "é"}
	r := rand.New(rand.NewPCG(1, 2))
	var g gathering
	for range 20_000 {
		ps := make([]read.Parameter, r.IntN(10))
		for i := range ps {
			ps[i] = read.Parameter{Name: names[r.IntN(len(names))], Value: values[r.IntN(len(values))]}
		}
		given := append([]read.Parameter{}, ps...)
		if got, want := g.withParameters("name", ps), withParameters("name", given); got != want || !reflect.DeepEqual(ps, given) {
			t.Fatalf("%v: %q, want %q", given, got, want)
		}
	}
}
