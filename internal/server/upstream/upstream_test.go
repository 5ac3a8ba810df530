package upstream

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/imageref"
)

// stranger starts a registry on loopback with an image and an index of two platforms, and returns its host and their digests.
func stranger(t *testing.T) (host, image, index string) {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	base, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.ConfigFile(base, &v1.ConfigFile{OS: "linux", Architecture: "arm64", RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	both := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
		mutate.IndexAddendum{Add: base, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}},
	)
	if err := remote.Write(parse(t, host+"/org/app:v1"), img); err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(parse(t, host+"/org/app:all"), both); err != nil {
		t.Fatal(err)
	}
	imageDigest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	indexDigest, err := both.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return host, imageDigest.String(), indexDigest.String()
}

func parse(t *testing.T, s string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestResolvePinsTagsOfListedRegistries(t *testing.T) {
	t.Parallel()
	host, image, index := stranger(t)
	r := New(Config{Allowed: []string{host}})
	for _, row := range []struct{ version, digest string }{{":v1", image}, {":all", index}, {"@" + image, image}} {
		ref, err := imageref.Parse(host + "/org/app" + row.version)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Resolve(t.Context(), ref)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if diff := cmp.Diff(Image{Digest: row.digest, Platforms: []Platform{{"linux", "arm64"}}, Listed: true}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
	}
}

func TestResolveRefusals(t *testing.T) {
	t.Parallel()
	host, _, _ := stranger(t)
	for name, row := range map[string]struct {
		allowed []string
		image   string
		want    fault.Kind
	}{
		"a missing tag":                         {[]string{host}, host + "/org/app:v2", fault.Missing},
		"a host that is not listed":             {nil, host + "/org/app:v1", fault.Invalid},
		"loopback when only public ones may be": {[]string{AnyPublic}, host + "/org/app:v1", fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, err := imageref.Parse(row.image)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := New(Config{Allowed: row.allowed}).Resolve(t.Context(), ref); fault.Of(err) != row.want || err == nil {
				t.Errorf("error = %v, want kind %v", err, row.want)
			}
		})
	}
}
