package imageref

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParse(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Reference{
		"app":                       {Path: "app", Tag: "latest"},
		"app:v1":                    {Path: "app", Tag: "v1"},
		"project/app:v1":            {Path: "project/app", Tag: "v1"},
		"app@" + digest:             {Path: "app", Digest: digest},
		"app:v1@" + digest:          {Path: "app", Tag: "v1", Digest: digest},
		"ghcr.io/org/bench:v1":      {Registry: "ghcr.io", Path: "org/bench", Tag: "v1"},
		"localhost/x":               {Registry: "localhost", Path: "x", Tag: "latest"},
		"localhost:5000/a/b":        {Registry: "localhost:5000", Path: "a/b", Tag: "latest"},
		"[::1]:5000/a":              {Registry: "[::1]:5000", Path: "a", Tag: "latest"},
		"Registry.Example.org/a__b": {Registry: "registry.example.org", Path: "a__b", Tag: "latest"},
	} {
		got, err := Parse(s)
		if err != nil {
			t.Errorf("Parse(%q): %v", s, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", s, diff)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("Parse(%q.String()) = %+v, %v", s, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "App", "a//b", "/a", "a/", "a:", "a:b:c", "a@sha256:12", "a@", "../a", "a/../b", "host.io/", "a b", "a\x00", "http://x/y", "-a.io/x",
		strings.Repeat("a", 600),
	} {
		if got, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", s, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ghcr.io/org/bench:v1@" + digest)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(r.String()); err != nil || again != r {
			t.Errorf("%q → %+v → %q → %+v, %v", s, r, r.String(), again, err)
		}
	})
}
