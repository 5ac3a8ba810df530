package imagepack

import (
	"archive/tar"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tachograph/tacho/internal/core/fault"
)

func sample(t *testing.T) Spec {
	t.Helper()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bench": 0o755, "data/a.txt": 0o644} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a.txt", filepath.Join(dir, "data", "link")); err != nil {
		t.Fatal(err)
	}
	return Spec{
		Files:        []File{{filepath.Join(dir, "bench"), "/usr/bin/bench"}, {filepath.Join(dir, "data"), "/data"}},
		Entrypoint:   []string{"/usr/bin/bench"},
		Architecture: "amd64",
	}
}

func contents(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	out := map[string]string{}
	rc := mutate.Extract(img)
	defer rc.Close()
	for tr := tar.NewReader(rc); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(h.Name, "/")] = h.FileInfo().Mode().String() + " " + h.Linkname + string(body)
	}
}

func TestBuildPacksFilesUnderTheirTargets(t *testing.T) {
	t.Parallel()
	img, err := Build(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"usr": "drwxr-xr-x ", "usr/bin": "drwxr-xr-x ", "usr/bin/bench": "-rwxr-xr-x bench",
		"data": "drwxr-xr-x ", "data/a.txt": "-rw-r--r-- data/a.txt", "data/link": "Lrwxrwxrwx a.txt",
	}
	if diff := cmp.Diff(want, contents(t, img)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestSameFilesGiveTheSameDigest(t *testing.T) {
	t.Parallel()
	spec := sample(t)
	first, err := Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	a, err := first.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(spec.Files[0].Source, time.Unix(9, 0), time.Unix(9, 0)); err != nil {
		t.Fatal(err)
	}
	second, err := Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := second.Digest(); err != nil || a != b {
		t.Errorf("digests %s and %s (%v)", a, b, err)
	}
}

func TestPushedImageCanBePulled(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	img, err := Build(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := Push(t.Context(), img, Target{Registry: host, Repository: "p/app", Tag: "v1", PlainHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/p/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	back, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := back.Digest(); err != nil || got.String() != digest {
		t.Errorf("pulled %s (%v), pushed %s", got, err, digest)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	t.Parallel()
	if _, err := Build(Spec{Files: []File{{"no-such-file", "/x"}}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Build(Spec{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no files: %v", err)
	}
	for _, s := range []string{"", ":/x", "a:relative"} {
		if f, err := ParseFile(s); err == nil {
			t.Errorf("ParseFile(%q) = %+v", s, f)
		}
	}
	img, err := Build(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Push(t.Context(), img, Target{Registry: "192.0.2.1", Repository: "a", Tag: "b", PlainHTTP: true,
		Key: "secret"}); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret") {
		t.Errorf("a key over plain HTTP: %v", err)
	}
}
