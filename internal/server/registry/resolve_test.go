package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/registry"
)

func TestResolveTellsDigestAndPlatforms(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	amd, arm := w.image("open/app", "amd64"), w.image("open/app", "arm64")
	amdDigest := w.pushManifest("open/app", "amd", ociManifest, amd)
	armDigest := w.pushManifest("open/app", "arm", ociManifest, arm)
	child := func(m []byte, os, architecture string) map[string]any {
		d := descriptor(ociManifest, m)
		if os != "" {
			d["platform"] = map[string]any{"os": os, "architecture": architecture}
		}
		return d
	}
	index := func(children ...any) []byte {
		return object(map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": children})
	}
	both := w.pushManifest("open/app", "both", ociIndex, index(child(amd, "linux", "amd64"), child(arm, "linux", "arm64"),
		child(amd, "unknown", "unknown")))
	untold := w.pushManifest("open/app", "untold", ociIndex, index(child(amd, "", ""), child(arm, "", "")))
	twice := w.pushManifest("open/app", "twice", ociIndex, index(child(amd, "linux", "amd64"), child(amd, "", "")))
	nested := w.pushManifest("open/app", "nested", ociIndex,
		index(descriptor(ociIndex, w.want(200, request{method: "GET", path: "/v2/open/app/manifests/untold"}).body)))
	empty := []byte("{}")
	w.pushBlob("open/app", empty)
	artifact := w.pushManifest("open/app", "artifact", ociManifest, object(map[string]any{
		"schemaVersion": 2, "config": descriptor("application/vnd.oci.empty.v1+json", empty), "layers": []any{},
	}))

	linux := func(architectures ...string) (platforms []registry.Platform) {
		for _, a := range architectures {
			platforms = append(platforms, registry.Platform{OS: "linux", Architecture: a})
		}
		return platforms
	}
	for reference, want := range map[string]struct {
		digest    string
		platforms []registry.Platform
	}{
		"amd":      {amdDigest, linux("amd64")},
		"arm":      {armDigest, linux("arm64")},
		armDigest:  {armDigest, linux("arm64")},
		"both":     {both, linux("amd64", "arm64")},
		"untold":   {untold, linux("amd64", "arm64")},
		"twice":    {twice, linux("amd64")},
		"nested":   {nested, linux("amd64", "arm64")},
		"artifact": {artifact, nil},
	} {
		digest, platforms, err := w.registry.Resolve(t.Context(), w.project("open"), "app", reference)
		if err != nil || digest != want.digest {
			t.Errorf("%s: want %s, got %s, %v", reference, want.digest, digest, err)
		}
		if diff := cmp.Diff(want.platforms, platforms); diff != "" {
			t.Errorf("%s: platforms (-want +got):\n%s", reference, diff)
		}
	}
}

func TestResolveOfWhatIsNotThereNamesTheImage(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.pushManifest("open/app", "v1", ociManifest, w.image("open/app", "amd64"))
	for _, c := range []struct{ project, repository, reference string }{
		{"open", "app", "v2"},
		{"open", "app", digestOf([]byte("absent"))},
		{"open", "", "v1"},
		{"other", "app", "v1"},
		{"open", "app", ""},
		{"open", "app", "../v1"},
	} {
		_, _, err := w.registry.Resolve(t.Context(), w.project(c.project), c.repository, c.reference)
		if fault.Of(err) != fault.Missing || !strings.Contains(fault.Message(err), c.project) {
			t.Errorf("%+v: want missing with the name, got %v", c, err)
		}
	}
}

func TestResolveOfAnImageWhoseConfigIsNotJSONIsInvalid(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	config := []byte("not json")
	w.pushBlob("open", config)
	w.pushManifest("open", "v1", ociManifest, object(map[string]any{
		"schemaVersion": 2, "config": descriptor("application/vnd.oci.image.config.v1+json", config), "layers": []any{},
	}))
	if _, _, err := w.registry.Resolve(t.Context(), w.project("open"), "", "v1"); fault.Of(err) != fault.Invalid {
		t.Errorf("want invalid, got %v", err)
	}
}
