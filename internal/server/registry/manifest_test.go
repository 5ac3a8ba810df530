package registry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

const someDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

func TestParseManifest(t *testing.T) {
	t.Parallel()
	thing := `{"mediaType":"a/b","digest":"` + someDigest + `","size":2}`
	bad := strings.Replace(thing, someDigest, "sha256:zz", 1)
	sha512 := strings.Replace(thing, someDigest, "sha512:"+strings.Repeat("a", 128), 1)
	long := strings.Repeat("x", limits.RegistryAnnotationsBytes)
	for _, c := range []struct {
		name, header, body string
		want               string // media type, or a part of the refusal
	}{
		{"OCI image", ociManifest, `{"schemaVersion":2,"config":` + thing + `,"layers":[` + thing + `]}`, ociManifest},
		{"image without layers", ociManifest, `{"schemaVersion":2,"config":` + thing + `}`, ociManifest},
		{"header with parameter", ociManifest + "; charset=utf-8", `{"schemaVersion":2,"config":` + thing + `}`, ociManifest},
		{"type only in the body", "", `{"schemaVersion":2,"mediaType":"` + ociManifest + `","config":` + thing + `}`, ociManifest},
		{"OCI index", ociIndex, `{"schemaVersion":2,"manifests":[` + thing + `]}`, ociIndex},
		{"empty index", ociIndex, `{"schemaVersion":2,"manifests":[]}`, ociIndex},
		{"Docker image", dockerManifest, `{"schemaVersion":2,"config":` + thing + `,"layers":[]}`, dockerManifest},
		{"Docker list", dockerList, `{"schemaVersion":2,"manifests":[]}`, dockerList},
		{"with subject", ociManifest, `{"schemaVersion":2,"config":` + thing + `,"subject":` + thing + `,"annotations":{"a":"b"}}`, ociManifest},

		{"no JSON", ociManifest, `{"schemaVersion":`, "not the JSON"},
		{"empty", ociManifest, ``, "not the JSON"},
		{"a list", ociManifest, `[]`, "not the JSON"},
		{"two documents", ociManifest, `{"schemaVersion":2} {}`, "not the JSON"},
		{"layers of the wrong type", ociManifest, `{"schemaVersion":2,"layers":{}}`, "not the JSON"},
		{"no type at all", "", `{"schemaVersion":2,"config":` + thing + `}`, `media type ""`},
		{"Docker schema 1", "application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1}`, "unsupported media type"},
		{"text", "text/html", `{"schemaVersion":2}`, "unsupported media type"},
		{"two types", ociIndex, `{"schemaVersion":2,"mediaType":"` + ociManifest + `","config":` + thing + `}`, "Content-Type says"},
		{"schema version 1", ociManifest, `{"schemaVersion":1,"config":` + thing + `}`, "schema version 1"},
		{"no config", ociManifest, `{"schemaVersion":2,"layers":[]}`, "no config"},
		{"image and index", ociManifest, `{"schemaVersion":2,"config":` + thing + `,"manifests":[` + thing + `]}`, "field of an index"},
		{"index with layers", ociIndex, `{"schemaVersion":2,"manifests":[],"layers":[` + thing + `]}`, "field of an image"},
		{"index with config", ociIndex, `{"schemaVersion":2,"manifests":[],"config":` + thing + `}`, "field of an image"},
		{"layer without sound digest", ociManifest, `{"schemaVersion":2,"config":` + thing + `,"layers":[` + bad + `]}`, "layer: digest"},
		{"config without digest", ociManifest, `{"schemaVersion":2,"config":{}}`, "config: digest"},
		{"child without sound digest", ociIndex, `{"schemaVersion":2,"manifests":[` + bad + `]}`, "child: digest"},
		{"subject without sound digest", ociIndex, `{"schemaVersion":2,"manifests":[],"subject":` + bad + `}`, "subject: digest"},
		{"SHA-512", ociManifest, `{"schemaVersion":2,"config":` + sha512 + `}`, "SHA-256 only"},
		{"negative size", ociManifest, `{"schemaVersion":2,"config":{"digest":"` + someDigest + `","size":-1}}`, "size is -1"},
		{"too many layers", ociManifest, `{"schemaVersion":2,"config":` + thing + `,"layers":[` +
			strings.Repeat(thing+",", limits.RegistryManifestReferences) + thing + `]}`, "the limit is"},
		{"long annotations with a subject", ociManifest, `{"schemaVersion":2,"config":` + thing + `,"subject":` + thing +
			`,"annotations":{"a":"` + long + `"}}`, "annotations have"},
		{"annotations that are no text", ociManifest, `{"schemaVersion":2,"config":` + thing + `,"annotations":{"a":1}}`, "not the JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, mediaType, err := parseManifest([]byte(c.body), c.header)
			if err == nil {
				if mediaType != c.want {
					t.Errorf("want %s, got %s", c.want, mediaType)
				}
				return
			}
			if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Message(err), c.want) {
				t.Errorf("want %s, got %v", c.want, err)
			}
		})
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(`{"schemaVersion":2,"config":{"digest":"`+someDigest+`","size":2}}`, ociManifest)
	f.Add(`{"schemaVersion":2,"manifests":[{"digest":"`+someDigest+`"}]}`, ociIndex)
	f.Add(`{"mediaType":"x"}`, "")
	f.Fuzz(func(t *testing.T, body, header string) {
		m, mediaType, err := parseManifest([]byte(body), header)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Errorf("want an invalid fault, got %v", err)
			}
			return
		}
		for _, d := range append(m.blobs(), m.Manifests...) {
			if _, err := parseDigest(d.Digest); err != nil {
				t.Errorf("a manifest with %v was taken", d)
			}
		}
		if _, again, err := parseManifest([]byte(body), mediaType); err != nil || again != mediaType {
			t.Errorf("read again as %s: %s, %v", mediaType, again, err)
		}
	})
}

func TestForeignLayersAreNotAskedFor(t *testing.T) {
	t.Parallel()
	m := manifest{Config: &descriptor{Digest: "config"}, Layers: []descriptor{
		{Digest: "own", MediaType: "application/vnd.oci.image.layer.v1.tar+gzip"},
		{Digest: "foreign", MediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
		{Digest: "foreign", MediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"},
	}}
	var got []string
	for _, d := range m.blobs() {
		got = append(got, d.Digest)
	}
	if fmt.Sprint(got) != "[config own]" {
		t.Errorf("want [config own], got %v", got)
	}
}
