package property

import (
	"flag"
	"testing"

	"pgregory.net/rapid"
)

// Not parallel: it changes the flags of the whole test binary.
func TestShortDoesNotThinAProperty(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	if checks == nil {
		t.Fatal("rapid has no flag rapid.checks any more")
	}
	was := flag.Lookup("test.short").Value.String()
	t.Cleanup(func() { flag.Set("test.short", was) })
	count := func(short string) (n int) {
		flag.Set("test.short", short)
		Check(t, func(*rapid.T) { n++ })
		return n
	}
	if long, short := count("false"), count("true"); short < long || long < cases {
		t.Errorf("%d cases with -short, %d without", short, long)
	}
}
