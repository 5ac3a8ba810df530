package registry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/registry"
	"github.com/tachograph/tacho/internal/server/store"
)

const begin = "/blobs/uploads/"

func TestBlobComesBackWholeAndInParts(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	b := []byte("0123456789")
	digest := w.pushBlob("open/app", b)
	path := "/v2/open/app/blobs/" + digest
	for _, c := range []struct {
		header string
		status int
		want   string
		rng    string
	}{
		{"", 200, "0123456789", ""},
		{"Range: bytes=2-4", 206, "234", "bytes 2-4/10"},
		{"Range: bytes=-3", 206, "789", "bytes 7-9/10"},
		{"Range: bytes=8-", 206, "89", "bytes 8-9/10"},
		{"Range: bytes=5-4", 200, "0123456789", ""},
		{"Range: bytes=0-1,3-4", 200, "0123456789", ""},
	} {
		r := request{method: "GET", path: path}
		if c.header != "" {
			r.header = []string{c.header}
		}
		a := w.want(c.status, r)
		if string(a.body) != c.want || a.Header.Get("Content-Range") != c.rng || a.ContentLength != int64(len(c.want)) {
			t.Errorf("%s: want %q %q, got %q %q of length %d", c.header, c.want, c.rng, a.body, a.Header.Get("Content-Range"), a.ContentLength)
		}
		if a.Header.Get("Docker-Content-Digest") != digest {
			t.Errorf("%s: digest %s", c.header, a.Header.Get("Docker-Content-Digest"))
		}
	}
	a := w.refused(416, "SIZE_INVALID", request{method: "GET", path: path, header: []string{"Range: bytes=10-"}})
	if got := a.Header.Get("Content-Range"); got != "bytes */10" {
		t.Errorf("Content-Range of the refusal: %q", got)
	}
	a = w.want(200, request{method: "HEAD", path: path})
	if a.ContentLength != 10 || a.Header.Get("Docker-Content-Digest") != digest {
		t.Errorf("head: %d bytes, %v", a.ContentLength, a.Header)
	}
}

func TestBlobIsNoPageForABrowser(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushBlob("open", []byte("<script>alert(1)</script>"))
	a := w.want(200, request{method: "GET", path: "/v2/open/blobs/" + digest})
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: want %q, got %q", name, want, got)
		}
	}
}

func TestBlobIsSeenByItsProjectOnly(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushBlob("open/app", []byte("secret of open"))
	w.want(200, request{method: "HEAD", path: "/v2/open/tool/blobs/" + digest})
	w.want(200, request{method: "HEAD", path: "/v2/" + w.project("open").ID + "/blobs/" + digest})
	w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/other/app/blobs/" + digest})
}

func TestDeletedBlobIsGoneForOneProject(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushBlob("open", []byte("shared"))
	w.pushBlob("other", []byte("shared"))
	w.want(202, request{method: "DELETE", path: "/v2/open/blobs/" + digest})
	w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/open/blobs/" + digest})
	w.refused(404, "BLOB_UNKNOWN", request{method: "DELETE", path: "/v2/open/blobs/" + digest})
	w.want(200, request{method: "GET", path: "/v2/other/blobs/" + digest})
}

// A row whose bytes were lost must not make clients skip the upload that would heal it.
func TestBlobWithLostBytesIsUnknownUntilPushedAgain(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushBlob("open", []byte("lost"))
	hex := strings.TrimPrefix(digest, "sha256:")
	file := filepath.Join(filepath.Dir(w.database), "blobs", "sha256", hex[:2], hex)
	for what, lose := range map[string]func() error{
		"all": func() error { return os.Remove(file) },
		"some": func() error {
			return errors.Join(os.Chmod(file, 0o600), os.Truncate(file, 3))
		},
		"none, and more came": func() error {
			return errors.Join(os.Chmod(file, 0o600), os.WriteFile(file, []byte("lost and found"), 0o600))
		},
	} {
		if err := lose(); err != nil {
			t.Fatal(what, err)
		}
		w.want(404, request{method: "HEAD", path: "/v2/open/blobs/" + digest})
		w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/open/blobs/" + digest})
		w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/open/blobs/" + digest, header: []string{"Range: bytes=0-1"}})
		w.pushBlob("open", []byte("lost"))
		if a := w.want(200, request{method: "GET", path: "/v2/open/blobs/" + digest}); string(a.body) != "lost" {
			t.Errorf("%s: after it was pushed again: %q", what, a.body)
		}
	}
}

func TestMalformedDigestsAreRefused(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	for _, digest := range []string{"sha256:zz", "nonsense", "sha256:" + strings.Repeat("A", 64), "sha512:" + strings.Repeat("a", 128),
		"..:.."} {
		w.refused(400, "DIGEST_INVALID", request{method: "GET", path: "/v2/open/blobs/" + digest})
		w.refused(400, "DIGEST_INVALID", request{method: "DELETE", path: "/v2/open/blobs/" + digest})
		w.refused(400, "DIGEST_INVALID", request{method: "POST", path: "/v2/open" + begin + "?digest=" + digest})
		w.refused(400, "DIGEST_INVALID", request{method: "POST", path: "/v2/open" + begin + "?mount=" + digest + "&from=other"})
		w.refused(400, "DIGEST_INVALID", request{method: "GET", path: "/v2/open/referrers/" + digest})
	}
}

// beginUpload opens a session and returns its location.
func (w *fixture) beginUpload(repository string) string {
	w.t.Helper()
	a := w.want(202, request{method: "POST", path: "/v2/" + repository + begin})
	if a.Header.Get("Range") != "0-0" || a.Header.Get("Docker-Upload-UUID") == "" {
		w.t.Errorf("begin: %v", a.Header)
	}
	return a.Header.Get("Location")
}

func TestUploadInChunks(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	b := []byte("0123456789")
	at := w.beginUpload("open/app")
	a := w.want(202, request{method: "PATCH", path: at, body: b[:4], header: []string{"Content-Range: 0-3"}})
	if got := a.Header.Get("Range"); got != "0-3" {
		t.Errorf("after the first chunk: %s", got)
	}
	a = w.want(202, request{method: "PATCH", path: a.Header.Get("Location"), reader: io.MultiReader(bytes.NewReader(b[4:6]))}) // streamed
	if got := a.Header.Get("Range"); got != "0-5" {
		t.Errorf("after the second chunk: %s", got)
	}
	a = w.want(204, request{method: "GET", path: at})
	if got := a.Header.Get("Range"); got != "0-5" {
		t.Errorf("status: %s", got)
	}
	a = w.want(201, request{method: "PUT", path: at + "?digest=" + digestOf(b), body: b[6:], header: []string{"Content-Range: 6-9"}})
	if want := "/v2/open/app/blobs/" + digestOf(b); a.Header.Get("Location") != want || a.Header.Get("Docker-Content-Digest") != digestOf(b) {
		t.Errorf("created: want %s, got %v", want, a.Header)
	}
	if a := w.want(200, request{method: "GET", path: "/v2/open/app/blobs/" + digestOf(b)}); !bytes.Equal(a.body, b) {
		t.Errorf("got %q", a.body)
	}
	w.refused(404, "BLOB_UPLOAD_UNKNOWN", request{method: "GET", path: at})
}

func TestUploadRefusesChunksThatDoNotFit(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	b := []byte("0123456789")
	at := w.beginUpload("open/app")
	w.want(202, request{method: "PATCH", path: at, body: b[:4]})
	for _, c := range []struct {
		contentRange string
		body         []byte
		streamed     bool
		status       int
	}{
		{"0-3", b[:4], false, 416},
		{"5-9", b[5:], false, 416},
		{"4-5", b[4:9], false, 400},
		{"4-9", b[4:6], false, 400},
		{"4-5", b[4:9], true, 400},
		{"9-4", b[4:], false, 400},
		{"chunk", b[4:], false, 400},
	} {
		for _, method := range []string{"PATCH", "PUT"} {
			r := request{method: method, path: at + "?digest=" + digestOf(b), body: c.body, header: []string{"Content-Range: " + c.contentRange}}
			if c.streamed {
				r.reader = io.MultiReader(bytes.NewReader(c.body))
			}
			a := w.refused(c.status, "BLOB_UPLOAD_INVALID", r)
			if got := a.Header.Get("Range"); got != "0-3" || a.Header.Get("Location") != at {
				t.Errorf("%s %s: the refusal says to go on after %s at %s", method, c.contentRange, got, a.Header.Get("Location"))
			}
		}
	}
	// None of them has left a byte.
	w.want(201, request{method: "PUT", path: at + "?digest=" + digestOf(b), body: b[4:]})
}

// A streamed chunk that ends before its Content-Range keeps what came, and says so.
func TestUploadGoesOnAfterAShortChunk(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	b := []byte("0123456789")
	at := w.beginUpload("open")
	a := w.refused(400, "BLOB_UPLOAD_INVALID", request{method: "PATCH", path: at, reader: io.MultiReader(bytes.NewReader(b[:3])),
		header: []string{"Content-Range: 0-9"}})
	if got := a.Header.Get("Range"); got != "0-2" {
		t.Errorf("want 0-2, got %s", got)
	}
	w.want(201, request{method: "PUT", path: at + "?digest=" + digestOf(b), body: b[3:], header: []string{"Content-Range: 3-9"}})
}

func TestUploadWithAnotherDigestIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	at := w.beginUpload("open")
	w.want(202, request{method: "PATCH", path: at, body: []byte("some")})
	w.refused(400, "DIGEST_INVALID", request{method: "PUT", path: at})
	w.refused(400, "DIGEST_INVALID", request{method: "PUT", path: at + "?digest=sha256:short"})
	w.refused(400, "DIGEST_INVALID", request{method: "PUT", path: at + "?digest=" + digestOf([]byte("other"))})
	w.refused(404, "BLOB_UPLOAD_UNKNOWN", request{method: "GET", path: at})
	w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/open/blobs/" + digestOf([]byte("other"))})
	w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/open/blobs/" + digestOf([]byte("some"))})
	w.refused(400, "DIGEST_INVALID", request{method: "POST", path: "/v2/open" + begin + "?digest=" + digestOf([]byte("other")),
		body: []byte("some")})
}

func TestCanceledUploadIsUnknown(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	at := w.beginUpload("open")
	w.want(204, request{method: "DELETE", path: at})
	w.refused(404, "BLOB_UPLOAD_UNKNOWN", request{method: "DELETE", path: at})
	w.refused(404, "BLOB_UPLOAD_UNKNOWN", request{method: "PATCH", path: at, body: []byte("x")})
	w.refused(404, "BLOB_UPLOAD_UNKNOWN", request{method: "PATCH", path: "/v2/open" + begin + "nonsense", body: []byte("x")})
}

// The id of a session is no credential: another project, another repository and another person cannot use it.
func TestUploadBelongsToItsRepository(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	at := w.beginUpload("open/app")
	id := at[strings.LastIndex(at, "/")+1:]
	for _, repository := range []string{"other/app", "open/tool", "open"} {
		w.refused(404, "BLOB_UPLOAD_UNKNOWN", request{method: "PATCH", path: "/v2/" + repository + begin + id, body: []byte("x")})
		w.refused(404, "BLOB_UPLOAD_UNKNOWN", request{method: "DELETE", path: "/v2/" + repository + begin + id})
	}
	w.refused(403, "DENIED", request{method: "PATCH", path: at, key: otherKey, body: []byte("x")})
	w.refused(403, "DENIED", request{method: "GET", path: at, key: readerKey})
	if a := w.do(request{method: "PATCH", path: at, body: []byte("x")}); a.StatusCode != 401 {
		t.Errorf("anonymous: %d", a.StatusCode)
	}
	w.want(202, request{method: "PATCH", path: at, body: []byte("x")})
}

func TestBlobOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	w := newFixture(t, func(c *registry.Config) { c.MaxBlobBytes = 1000 })
	b := bytes.Repeat([]byte("x"), 1001)
	w.refused(413, "SIZE_INVALID", request{method: "POST", path: "/v2/open" + begin + "?digest=" + digestOf(b), body: b})
	at := w.beginUpload("open")
	w.want(202, request{method: "PATCH", path: at, body: b[:600]})
	w.refused(413, "SIZE_INVALID", request{method: "PATCH", path: at, body: b[:401]})
	w.refused(413, "SIZE_INVALID", request{method: "PATCH", path: at, reader: io.MultiReader(bytes.NewReader(b[:401]))})
	w.want(201, request{method: "PUT", path: at + "?digest=" + digestOf(b[:1000]), body: b[:400]})
}

func TestOpenUploadsOfAProjectAreLimited(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	open := w.project("open")
	for i := range limits.RegistryUploadsPerProject {
		err := w.store.Tx(t.Context(), func(tx *store.Tx) error {
			return image.InsertUpload(t.Context(), tx, fmt.Sprintf("upload-%d", i), open.ID, "")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.refused(429, "TOOMANYREQUESTS", request{method: "POST", path: "/v2/open" + begin})
	w.want(202, request{method: "POST", path: "/v2/other" + begin})
}

func TestMount(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	inShut := w.pushBlob("shut/app", []byte("in shut"))
	inOpen := w.pushBlob("open/app", []byte("in open"))
	mount := func(to, digest, from, key string) int {
		return w.do(request{method: "POST", path: "/v2/" + to + begin + "?mount=" + digest + "&from=" + from, key: key}).StatusCode
	}
	if got := mount("other/app", inOpen, "open/app", ownerKey); got != 201 {
		t.Errorf("from a project that one may pull from: want 201, got %d", got)
	}
	w.want(200, request{method: "HEAD", path: "/v2/other/app/blobs/" + inOpen})

	// A blob that cannot be had from there begins an upload, and nothing tells whether it exists.
	for what, got := range map[string]int{
		"from a project that one may not see": mount("other/app", inShut, "shut/app", otherKey),
		"of a blob that the source lacks":     mount("other/app", inShut, "open/app", ownerKey),
		"from nowhere":                        mount("other/app", inOpen, "nowhere", ownerKey),
		"without source":                      mount("other/app", inShut, "", ownerKey),
		"from a name that cannot be":          mount("other/app", inShut, "../shut", ownerKey),
	} {
		if got != 202 {
			t.Errorf("mount %s: want 202, got %d", what, got)
		}
	}
	w.refused(404, "BLOB_UNKNOWN", request{method: "GET", path: "/v2/other/app/blobs/" + inShut})
}

func TestTwoPushesOfTheSameBlobBothSucceed(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	b := bytes.Repeat([]byte("same bytes "), 50_000)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			project := []string{"open", "other"}[i%2]
			at := w.do(request{method: "POST", path: "/v2/" + project + begin, key: ownerKey}).Header.Get("Location")
			if a := w.do(request{method: "PATCH", path: at, body: b[:300_000], key: ownerKey}); a.StatusCode != 202 {
				t.Errorf("patch: %d %s", a.StatusCode, a.body)
			}
			if a := w.do(request{method: "PUT", path: at + "?digest=" + digestOf(b), body: b[300_000:], key: ownerKey}); a.StatusCode != 201 {
				t.Errorf("put: %d %s", a.StatusCode, a.body)
			}
		})
	}
	wg.Wait()
	for _, project := range []string{"open", "other"} {
		if a := w.want(200, request{method: "GET", path: "/v2/" + project + "/blobs/" + digestOf(b)}); !bytes.Equal(a.body, b) {
			t.Errorf("%s: other bytes came back", project)
		}
	}
}

// A large blob passes through, up and down, in pieces.
func TestBlobsAreStreamed(t *testing.T) { // not parallel: it measures the memory that the process allocates
	const size = 256 << 20
	w := newFixture(t)
	sum := sha256.New()
	io.Copy(sum, zeros(size))
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	at := w.beginUpload("open")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.want(202, request{method: "PATCH", path: at, reader: zeros(size)})
	w.want(201, request{method: "PUT", path: at + "?digest=" + digest})
	res, err := w.server.Client().Get(w.server.URL + "/v2/open/blobs/" + digest)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || n != size {
		t.Fatalf("want %d bytes, got %d, %v", size, n, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > size/8 {
		t.Errorf("%d MiB were allocated to move %d MiB twice", got>>20, size>>20)
	}
}

func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Half a push, a new process, the other half.
func TestUploadSurvivesARestart(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	b := []byte("0123456789")
	at := w.beginUpload("open")
	w.want(202, request{method: "PATCH", path: at, body: b[:4]})
	w.restart()
	w.want(201, request{method: "PUT", path: at + "?digest=" + digestOf(b), body: b[4:]})
}

var _ http.Handler = (*registry.Registry)(nil)
