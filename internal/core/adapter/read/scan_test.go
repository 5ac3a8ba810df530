package read

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tachograph/tacho/internal/core/limits"
)

// TestASkippedValueIsTheSameInOneLoop skips values, whole and broken, in one loop over the window and part by part, from memory and from a
// stream: both end at the same byte, or with the same words.
func TestASkippedValueIsTheSameInOneLoop(t *testing.T) {
	t.Parallel()
	parts := []string{"{", "}", "[", "]", `"a"`, `"a":`, ":", ",", "1", "-0.5e-7", "01", "1.", "-", "1e", "true", "false", "null", "nul", " ",
		"\n", "\t", `"é"`, `"\u00e9"`, `"\x"`, "\"\x01\"", "\"\xff\"", `"`, "NaN",
		"-Infinity", "x", `{"a":[1,{"b":null}],"c":"d"}`, "[]", "{}", "[1,2]"}
	r := rand.New(rand.NewPCG(1, 2))
	deep := strings.Repeat("[", limits.JSONDepth-2) + strings.Repeat("]", limits.JSONDepth-2)
	texts := []string{
		deep, deep, deep, deep, // in none, one, two and three others
		strings.Repeat("[", limits.JSONDepth) + strings.Repeat("]", limits.JSONDepth),
		strings.Repeat("[", limits.JSONDepth+1) + strings.Repeat("]", limits.JSONDepth+1),
		strings.Repeat(`{"a":`, limits.JSONDepth+1) + "1" + strings.Repeat("}", limits.JSONDepth+1),
		strings.Repeat("1", numberBytes-1), strings.Repeat("1", numberBytes),
		"[" + strings.Repeat("1", numberBytes-1) + "]", "[" + strings.Repeat("1", numberBytes) + "]",
		`{"a":1]`, "[1}", "{1:2}", `{"a":1,}`, "[1,]", `["a":1]`, "[1 2]",
	}
	for range 30_000 {
		var text strings.Builder
		for range 1 + r.IntN(9) {
			text.WriteString(parts[r.IntN(len(parts))])
		}
		texts = append(texts, text.String())
	}
	whole := 0
	for i, text := range texts {
		within := i % 4 // containers around the value, which count too
		for _, loose := range []bool{false, true} {
			slow := ScanBytes([]byte(text + " "))
			slow.Loose, slow.depth = loose, within
			err := slow.skipSlowly()
			want := fmt.Sprint(slow.Offset(), err)
			fast := ScanBytes([]byte(text + " "))
			fast.Loose, fast.depth = loose, within
			if fast.skipWhole() {
				whole++
				if err != nil || fast.Offset() != slow.Offset() {
					t.Fatalf("%q is skipped to byte %d in one loop; part by part %s", text, fast.Offset(), want)
				}
			} else if fast.Offset() != 0 {
				t.Fatalf("%q: %d bytes were read of what was not skipped", text, fast.Offset())
			}
			for _, in := range []io.Reader{bytes.NewReader([]byte(text + " ")), iotest.OneByteReader(strings.NewReader(text + " "))} {
				s := NewScanner(in)
				s.Loose, s.depth = loose, within
				if got := fmt.Sprint(s.Skip(), s.Offset()); err == nil && got != fmt.Sprint(nil, slow.Offset()) ||
					err != nil && !strings.HasPrefix(got, err.Error()) {
					t.Fatalf("%q from a stream: %s; from memory %s", text, got, want)
				}
			}
		}
	}
	if whole < 1000 {
		t.Errorf("only %d values of %d were skipped in one loop", whole, len(texts))
	}
}
