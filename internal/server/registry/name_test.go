package registry

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/property"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]target{
		"/v2":                                 {endpoint: atBase},
		"/v2/":                                {endpoint: atBase},
		"/v2/p/blobs/sha256:ab":               {atBlob, "p", "sha256:ab"},
		"/v2/p/app/blobs/sha256:ab":           {atBlob, "p/app", "sha256:ab"},
		"/v2/p/blobs/uploads/":                {atUploads, "p", ""},
		"/v2/p/blobs/uploads":                 {atUploads, "p", ""},
		"/v2/p/a/b/blobs/uploads/ID":          {atUpload, "p/a/b", "ID"},
		"/v2/p/manifests/v1":                  {atManifest, "p", "v1"},
		"/v2/p/app/manifests/sha256:ab":       {atManifest, "p/app", "sha256:ab"},
		"/v2/p/tags/list":                     {atTags, "p", ""},
		"/v2/p/app/referrers/sha256:ab":       {atReferrers, "p/app", "sha256:ab"},
		"/v2/p/manifests/manifests/v1":        {atManifest, "p/manifests", "v1"},
		"/v2/p/blobs/uploads/manifests/v1":    {atManifest, "p/blobs/uploads", "v1"},
		"/v2/p/manifests/tags/list":           {atTags, "p/manifests", ""},
		"/v2/p/blobs/blobs/uploads/":          {atUploads, "p/blobs", ""},
		"/v2/../etc/manifests/v1":             {atManifest, "../etc", "v1"}, // refused by ParseName
		"":                                    {},
		"/":                                   {},
		"/v1/p/tags/list":                     {},
		"/v2x/p/tags/list":                    {},
		"/v2p/tags/list":                      {},
		"/v2/_catalog":                        {},
		"/v2/p":                               {},
		"/v2/p/":                              {},
		"/v2/p/manifests/":                    {},
		"/v2/p/manifests":                     {},
		"/v2/manifests/v1":                    {},
		"/v2/tags/list":                       {},
		"/v2/blobs/uploads/":                  {},
		"/v2/blobs/uploads/ID":                {},
		"/v2/p/tags":                          {},
		"/v2/p/tags/list/":                    {},
		"/v2/p/blobs/sha256:ab/more":          {},
		"/v2/" + strings.Repeat("a/", 10_000): {},
	} {
		if diff := cmp.Diff(want, parsePath(path), cmp.AllowUnexported(target{})); diff != "" {
			t.Errorf("%.60s (-want +got):\n%s", path, diff)
		}
	}
}

// path writes a target as a client does.
func (t target) path() string {
	switch t.endpoint {
	case atBase:
		return "/v2/"
	case atBlob:
		return "/v2/" + t.name + "/blobs/" + t.reference
	case atUploads:
		return "/v2/" + t.name + "/blobs/uploads/"
	case atUpload:
		return "/v2/" + t.name + "/blobs/uploads/" + t.reference
	case atManifest:
		return "/v2/" + t.name + "/manifests/" + t.reference
	case atTags:
		return "/v2/" + t.name + "/tags/list"
	case atReferrers:
		return "/v2/" + t.name + "/referrers/" + t.reference
	}
	return "/nothing"
}

func TestEveryPathOfAValidNameIsReadBack(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		// Names out of the very words that the parser looks for.
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "blobs", "uploads", "manifests", "tags", "list", "referrers", "v2"}), 1,
			5).Draw(t, "words")
		name := strings.Join(words, "/")
		for _, want := range []target{
			{atBlob, name, "sha256:" + strings.Repeat("a", 64)},
			{atUploads, name, ""},
			{atUpload, name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
			{atManifest, name, "v1.2"},
			{atManifest, name, "sha256:" + strings.Repeat("a", 64)},
			{atTags, name, ""},
			{atReferrers, name, "sha256:" + strings.Repeat("a", 64)},
		} {
			if got := parsePath(want.path()); got != want {
				t.Fatalf("%s: want %+v, got %+v", want.path(), want, got)
			}
		}
		if got, err := ParseName(name); err != nil || got.String() != name {
			t.Fatalf("name %s: got %v, %v", name, got, err)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/v2/", "/v2/p/blobs/uploads/", "/v2/p/a/manifests/v1", "/v2//tags/list", "/v2/p/blobs/uploads/x", "v2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := parsePath(path)
		if got.endpoint == atNothing {
			if got != (target{}) {
				t.Errorf("%q leads nowhere but has %+v", path, got)
			}
			return
		}
		if again := parsePath(got.path()); again != got {
			t.Errorf("%q: %+v is written as %q and read as %+v", path, got, got.path(), again)
		}
		if name, err := ParseName(got.name); err == nil && name.String() != got.name {
			t.Errorf("name %q is read as %q", got.name, name)
		}
	})
}

func TestParseName(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Name{
		"ruby-bench":                           {"ruby-bench", ""},
		"ruby-bench/app":                       {"ruby-bench", "app"},
		"p/a/b/c":                              {"p", "a/b/c"},
		"p/a.b_c__d-e--f":                      {"p", "a.b_c__d-e--f"},
		"0190a5b2-7e6d-7c3a-9d1e-000000000001": {"0190a5b2-7e6d-7c3a-9d1e-000000000001", ""},
		"p/" + strings.Repeat("a", 253):        {"p", strings.Repeat("a", 253)},
	} {
		if got, err := ParseName(s); err != nil || got != want {
			t.Errorf("%s: want %+v, got %+v, %v", s, want, got, err)
		}
	}
	for _, s := range []string{
		"", "/", "p/", "/p", "P", "p/App", "my_project", "p//a", "p/a/", "p/../q", "p/.a", "p/a..b", "p/-a", "p/a___b", "p/ä", "p/a b",
		"0190A5B2-7E6D-7C3A-9D1E-000000000001", "p/" + strings.Repeat("a", 254), strings.Repeat("p", 65), "p\n", "p/a\n",
	} {
		if got, err := ParseName(s); fault.Of(err) != fault.Invalid {
			t.Errorf("%.60q: want invalid, got %+v, %v", s, got, err)
		}
	}
}

func TestIsTag(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"v1": true, "_": true, "latest": true, "A.b-c_1": true, strings.Repeat("a", 128): true,
		"": false, ".a": false, "-a": false, "a:b": false, "a/b": false, "a b": false, "ä": false, strings.Repeat("a", 129): false, "a\n": false,
	} {
		if got := isTag(s); got != want {
			t.Errorf("%.40q: want %v, got %v", s, want, got)
		}
	}
}

func TestParseScope(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"repository:p/app:pull,push":    "p/app pull,push",
		"repository:p:pull":             "p pull",
		"repository:p:*":                "p pull,push,delete",
		"repository:p:pull,pull,fly":    "p pull",
		"repository:p:":                 "p ",
		"registry:catalog:*":            "",
		"repository(plugin):p:pull":     "",
		"repository:P:pull":             "",
		"repository:p":                  "",
		"":                              "",
		"repository:host:5000/p/a:pull": "",
	} {
		name, actions, ok := parseScope(s)
		got := ""
		if ok {
			got = name.String() + " " + joinScope(actions)
		}
		if got != want {
			t.Errorf("%s: want %q, got %q", s, want, got)
		}
	}
}
