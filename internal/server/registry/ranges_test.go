package registry

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		size   int64
		want   string // "start+length", "unsatisfiable" or "ignored"
	}{
		{"bytes=0-0", 10, "0+1"},
		{"bytes=0-9", 10, "0+10"},
		{"bytes=0-99", 10, "0+10"},
		{"bytes=3-", 10, "3+7"},
		{"bytes=9-", 10, "9+1"},
		{"bytes=-3", 10, "7+3"},
		{"bytes=-99", 10, "0+10"},
		{"Bytes=1-2", 10, "1+2"},
		{"bytes=10-", 10, "unsatisfiable"},
		{"bytes=10-20", 10, "unsatisfiable"},
		{"bytes=-0", 10, "unsatisfiable"},
		{"bytes=0-", 0, "unsatisfiable"},
		{"bytes=-1", 0, "unsatisfiable"},
		{"bytes=2-1", 10, "ignored"},
		{"bytes=0-1,3-4", 10, "ignored"},
		{"bytes=a-b", 10, "ignored"},
		{"bytes=-", 10, "ignored"},
		{"bytes=", 10, "ignored"},
		{"bytes", 10, "ignored"},
		{"lines=0-1", 10, "ignored"},
		{"bytes=+1-2", 10, "ignored"},
		{"bytes=0-99999999999999999999", 10, "ignored"},
		{"", 10, "ignored"},
	} {
		r, satisfiable, ok := parseRange(c.header, c.size)
		got := fmt.Sprintf("%d+%d", r.start, r.length)
		if !ok {
			got = "ignored"
		} else if !satisfiable {
			got = "unsatisfiable"
		}
		if got != c.want {
			t.Errorf("%s of %d: want %s, got %s", c.header, c.size, c.want, got)
		}
	}
}

func TestParseContentRange(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"0-0": "0+1", "0-9": "0+10", "5-9": "5+5", " 5-9 ": "5+5", "bytes 5-9/20": "5+5", "bytes 5-9/*": "5+5",
		"": "", "-": "", "5-": "", "-5": "", "9-5": "", "a-b": "", "0-9/20": "", "0x1-2": "", "-1-2": "", "1--2": "",
		"0-9223372036854775807": "", "99999999999999999999-1": "",
	} {
		r, ok := parseContentRange(header)
		got := ""
		if ok {
			got = fmt.Sprintf("%d+%d", r.start, r.length)
		}
		if got != want {
			t.Errorf("%q: want %q, got %q", header, want, got)
		}
	}
}

// The bytes that a range selects, counted one by one.
func TestParseRangeSelectsWhatRFC9110Says(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 20).Draw(t, "size")
		first, last := rapid.Int64Range(-1, 25).Draw(t, "first"), rapid.Int64Range(-1, 25).Draw(t, "last")
		header, selected := "bytes=", func(i int64) bool { return i >= first }
		switch {
		case first < 0 && last < 0:
			t.Skip()
		case first < 0:
			header, selected = fmt.Sprintf("bytes=-%d", last), func(i int64) bool { return i >= size-last }
		case last < 0:
			header = fmt.Sprintf("bytes=%d-", first)
		default:
			header, selected = fmt.Sprintf("bytes=%d-%d", first, last), func(i int64) bool { return i >= first && i <= last }
		}
		var want []int64
		for i := range size {
			if selected(i) {
				want = append(want, i)
			}
		}
		r, satisfiable, ok := parseRange(header, size)
		if wantOK := first < 0 || last < 0 || first <= last; ok != wantOK {
			t.Fatalf("%s: understood %v, want %v", header, ok, wantOK)
		}
		if !ok {
			return
		}
		if satisfiable != (len(want) > 0) {
			t.Fatalf("%s of %d: satisfiable %v, want %v", header, size, satisfiable, want)
		}
		if satisfiable && (r.start != want[0] || r.length != int64(len(want))) {
			t.Fatalf("%s of %d: want %v, got %+v", header, size, want, r)
		}
	})
}

func FuzzRanges(f *testing.F) {
	f.Add("bytes=0-1", int64(10))
	f.Add("bytes=-5", int64(3))
	f.Add("0-9", int64(10))
	f.Add("bytes 0-9/10", int64(0))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size = max(size, 0)
		if r, satisfiable, ok := parseRange(header, size); ok && satisfiable {
			if r.start < 0 || r.length < 1 || r.start > size || r.length > size-r.start {
				t.Errorf("%q of %d selects %+v", header, size, r)
			}
		}
		if r, ok := parseContentRange(header); ok {
			if r.start < 0 || r.length < 1 || r.start+r.length < r.start {
				t.Errorf("%q is %+v", header, r)
			}
			if again, ok := parseContentRange(fmt.Sprintf("%d-%d", r.start, r.start+r.length-1)); !ok || again != r {
				t.Errorf("%q is %+v, written and read again %+v", header, r, again)
			}
		}
	})
}
