package mask

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

func TestValuesAreHiddenWhereverTheyStand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values     []string
		text, want string
	}{
		{nil, "token s3cret", "token s3cret"},
		{[]string{"s3cret"}, "token s3cret, again s3crets3cret", "token ******, again ************"},
		{[]string{"abab"}, "xababab", "x******"}, // it overlaps with itself
		{[]string{"abcd", "cdef"}, "abcdef", "******"},
		{[]string{"long value", "long"}, "a long value, a long way", "a **********, a **** way"},
		{[]string{"key\nwith\nlines"}, "a\nkey\nwith\nlines\nb", "a\n**************\nb"},
		{[]string{"abc", ""}, "abc", "abc"}, // too short to be hidden
		{[]string{"s3cret"}, "s3cre", "s3cre"},
	} {
		if got := string(New(c.values).Bytes([]byte(c.text))); got != c.want {
			t.Errorf("%q without %q: %q, want %q", c.text, c.values, got, c.want)
		}
	}
}

func TestCutsOfTheStreamChangeNothing(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[ab]{4,7}`), 0, 3).Draw(t, "values")
		text := rapid.StringMatching(`[abc\n]{0,60}`).Draw(t, "text")
		want := string(New(values).Bytes([]byte(text)))
		var out bytes.Buffer
		w := New(values).Writer(&out)
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			if k, err := w.Write([]byte(rest[:n])); k != n || err != nil {
				t.Fatalf("wrote %d of %d, %v", k, n, err)
			}
			rest = rest[n:]
			if strings.Contains(out.String(), "*") != strings.Contains(want[:out.Len()], "*") || !strings.HasPrefix(want, out.String()) {
				t.Fatalf("after a part: %q is no beginning of %q", out.String(), want)
			}
		}
		if err := w.Flush(); err != nil || out.String() != want {
			t.Fatalf("%q, %v, want %q", out.String(), err, want)
		}
	})
}

func TestWhatCannotBeginAValueIsNotHeldBack(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := New([]string{"s3cret"}).Writer(&out)
	w.Write([]byte("50 %"))
	if out.String() != "50 %" {
		t.Errorf("shown so far: %q", out.String())
	}
	w.Write([]byte(" s3"))
	if out.String() != "50 % " {
		t.Errorf("shown so far: %q", out.String())
	}
}

func TestErrorsOfTheWriterAreTold(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	w := New([]string{"s3cret"}).Writer(writerFunc(func([]byte) (int, error) { return 0, full }))
	if _, err := w.Write([]byte("text")); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	w.Write([]byte("s3"))
	if err := w.Flush(); !errors.Is(err, full) {
		t.Errorf("flush: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestNamesThatSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"TOKEN": true, "GITHUB_TOKEN": true, "db_password": true, "AWS_SECRET_ACCESS_KEY": true, "API_KEY": true, "STRIPE_APIKEY": true,
		"SIGNING_KEY_FILE":   true,
		"GOOGLE_CREDENTIALS": true, "BENCHMARK": false, "KEY": false, "SORT_KEY": false, "TOKENIZER": false, "GOMAXPROCS": false,
		"PASSES": false, "SECRETARY": false,
	} {
		if got := LooksSecret(name, "0123456789"); got != want {
			t.Errorf("LooksSecret(%s) = %v", name, got)
		}
	}
	if LooksSecret("TOKEN", "1234567") {
		t.Error("a value that numbers have by chance is hidden")
	}
}
