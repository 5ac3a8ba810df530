package ident

import "testing"

func TestSlips(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"json", "json", 0}, {"jsno", "json", 2},
		{"jso", "json", 1}, {"jsson", "json", 1}, {"bson", "json", 1}, {"a", "abcdefg", 6}} {
		if got := Slips(row.a, row.b); got != row.want {
			t.Errorf("Slips(%q, %q) = %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
