package words

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// sample is a text of n words drawn from 2,000 different ones, always the same.
func sample(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for range n {
		b.WriteString("word")
		b.WriteString(strconv.Itoa(random.IntN(2_000)))
		b.WriteByte(' ')
	}
	return b.String()
}

func TestWords(t *testing.T) {
	t.Parallel()
	const text = "to be or not to be"
	if got := Distinct(text); got != 4 {
		t.Errorf("Distinct = %d, want 4", got)
	}
	if got := Longest(text); got != "not" {
		t.Errorf("Longest = %q, want %q", got, "not")
	}
	if got, want := Reverse(text), "be to not or be to"; got != want {
		t.Errorf("Reverse = %q, want %q", got, want)
	}
}

func benchmark(b *testing.B, f func(text string)) {
	for _, n := range []int{1_000, 10_000} {
		b.Run("words="+strconv.Itoa(n), func(b *testing.B) {
			text := sample(n)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				f(text)
			}
		})
	}
}

func BenchmarkDistinct(b *testing.B) { benchmark(b, func(text string) { Distinct(text) }) }
func BenchmarkLongest(b *testing.B)  { benchmark(b, func(text string) { Longest(text) }) }
func BenchmarkReverse(b *testing.B)  { benchmark(b, func(text string) { Reverse(text) }) }
