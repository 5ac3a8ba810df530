package adapter

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
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
		if got, want := fields(room, text)[1:], bytes.Fields(text); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("words of %q: %q, want %q", text, got, want)
		}
		if got, want := trimIndent(text), bytes.TrimLeft(text, " \t"); !bytes.Equal(got, want) {
			t.Fatalf("%q begins at %q, want %q", text, got, want)
		}
		if got, want := trimEnd(text), bytes.TrimRight(text, " \t"); !bytes.Equal(got, want) {
			t.Fatalf("%q ends as %q, want %q", text, got, want)
		}
	}
}
