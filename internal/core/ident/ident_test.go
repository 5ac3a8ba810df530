package ident

import (
	"crypto/rand"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/property"
)

func TestSlugIsItsOwnSlug(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		s := Slugify(rapid.String().Draw(t, "name"))
		if s != "" && !IsUUID(s) && !IsSlug(s) {
			t.Fatalf("Slugify gave %q, which is not its own slug", s)
		}
		if with := SlugWithSuffix(s, "x"); !IsSlug(with) {
			t.Fatalf("SlugWithSuffix(%q) = %q is no slug", s, with)
		}
	})
}

func TestSlugify(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"main": "main", "My Bench!": "my-bench", "--a__b--": "a-b", "日本": "", "feature/X": "feature-x",
		strings.Repeat("a", 70): strings.Repeat("a", 64),
	} {
		if got := Slugify(name); got != want {
			t.Errorf("Slugify(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSlugIsNeverTheTextOfAUUID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"main": true, "": false, "Main": false, "a--b": false, "-a": false, strings.Repeat("a", 65): false,
		"018f3b1c-0000-7000-8000-000000000000": false, "018f3b1c-0000-7000-8000-00000000000": true} {
		if got := IsSlug(text); got != want {
			t.Errorf("IsSlug(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestKeysRoundTripAndDetectTypos(t *testing.T) {
	t.Parallel()
	for _, kind := range []KeyKind{KeyUser, KeyRun, KeyRunner, KeyPull} {
		key, err := NewKey(kind, TachoForm, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := ParseKey(key)
		if !ok || got != kind {
			t.Errorf("ParseKey(%q) = %q, %v", key, got, ok)
		}
		broken := []byte(key)
		i := len("tacho_") + len(kind) + 5
		if broken[i]++; broken[i] == '9'+1 {
			broken[i] = '1'
		}
		if _, ok := ParseKey(string(broken)); ok {
			t.Errorf("ParseKey accepted %q, which differs in one digit from a real key", broken)
		}
		if hint := KeyHint(key); strings.Contains(hint, key[20:]) {
			t.Errorf("KeyHint(%q) = %q shows the secret", key, hint)
		}
	}
	for _, bad := range []string{"", "tacho_", "tacho_user_", "tacho_other_x", "bencher_user_abc"} {
		if _, ok := ParseKey(bad); ok {
			t.Errorf("ParseKey(%q) accepted", bad)
		}
	}
}

func TestKeysOfBenchersForm(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, kind := range []KeyKind{KeyUser, KeyRun, KeyRunner} {
		key, err := NewKey(kind, BencherForm, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^bencher_`+string(kind)+`_[0-9A-Za-z]{30}$`).MatchString(key) || seen[key] {
			t.Errorf("key %q: Bencher's clients want the prefix and exactly 30 digits and letters", key)
		}
		seen[key] = true
		if got, ok := ParseKey(key); !ok || got != kind {
			t.Errorf("ParseKey(%q) = %q, %v", key, got, ok)
		}
		if hint := KeyHint(key); hint != key[:len("bencher_")+len(kind)+1+4]+"…" {
			t.Errorf("KeyHint(%q) = %q", key, hint)
		}
	}
	good := strings.Repeat("a", 30)
	for _, bad := range []string{
		"bencher_user_" + good[1:], "bencher_user_" + good + "a", "bencher_user_" + good[1:] + "-", "bencher_pull_" + good, "bencher_" + good,
		"Bencher_user_" + good,
		"bencher_user_" + good[1:] + "\n", "tacho_user_" + good,
	} {
		if kind, ok := ParseKey(bad); ok {
			t.Errorf("ParseKey(%q) accepted as %s", bad, kind)
		}
	}
	for _, c := range []struct {
		kind KeyKind
		form KeyForm
	}{{KeyPull, BencherForm}, {KeyUser, ""}, {KeyUser, "jwt"}} {
		if key, err := NewKey(c.kind, c.form, rand.Reader); !fault.Is(err, fault.Invalid) {
			t.Errorf("NewKey(%s, %q) = %q, %v", c.kind, c.form, key, err)
		}
	}
}

func TestMetricUUIDInverts(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1<<60).Draw(t, "id")
		u := MetricUUID(n)
		if !IsUUID(u) {
			t.Fatalf("MetricUUID(%d) = %q is no UUID", n, u)
		}
		if back, ok := MetricID(u); !ok || back != n {
			t.Fatalf("MetricID(%q) = %d, %v, want %d", u, back, ok, n)
		}
	})
	if _, ok := MetricID(NewUUID()); ok {
		t.Error("MetricID accepted a random UUID")
	}
}

func TestBranchNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"main": true, "feature/x": true, "a..b": false, "a b": false, "x.lock": false, "-x": false, "a//b": false, "": false, "ü": true,
	} {
		if got := CheckBranchName(name) == nil; got != want {
			t.Errorf("CheckBranchName(%q) ok = %v, want %v", name, got, want)
		}
	}
}
