package event

import (
	"strings"
	"testing"
)

func TestFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b c", true}, {"?", "", false}, {"?", "é", true}, {"a?c", "abc", true},
		{"a*c", "ac", true}, {"a*c", "abcbc", true}, {"a*c", "abcb", false}, {"*sort*", "quicksort/100", true}, {"*sort", "sort/100", false},
		{"a.c", "abc", false}, {"[ab]", "a", false}, {"**", "x", true}, {"a**b", "ab", true},
		{strings.Repeat("*a", 100) + "b", strings.Repeat("a", 1024), false},
	} {
		if got := Fits(c.pattern, c.name); got != c.want {
			t.Errorf("%.20q, %.20q: want %v, got %v", c.pattern, c.name, c.want, got)
		}
	}
}
