package registry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

func TestManifestComesBackToTheByte(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	m := append(w.image("open/app", "amd64"), "\n  "...) // white space counts
	digest := w.pushManifest("open/app", "v1", ociManifest, m)
	for _, reference := range []string{"v1", digest} {
		a := w.want(200, request{method: "GET", path: "/v2/open/app/manifests/" + reference})
		if !bytes.Equal(m, a.body) {
			t.Errorf("%s: got %q", reference, a.body)
		}
		head := w.want(200, request{method: "HEAD", path: "/v2/open/app/manifests/" + reference})
		if head.ContentLength != int64(len(m)) {
			t.Errorf("%s: head tells %d bytes of %d", reference, head.ContentLength, len(m))
		}
		for _, a := range []answer{a, head} {
			if got := a.Header.Get("Docker-Content-Digest"); got != digest {
				t.Errorf("%s: want digest %s, got %s", reference, digest, got)
			}
			if got := a.Header.Get("Content-Type"); got != ociManifest {
				t.Errorf("%s: got type %s", reference, got)
			}
		}
	}
	// It is this repository's alone, not its project's.
	w.refused(404, "MANIFEST_UNKNOWN", request{method: "GET", path: "/v2/open/manifests/" + digest})
}

func TestManifestMustNameWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	config := []byte(`{"os":"linux","architecture":"amd64"}`)
	layer := []byte("layer")
	manifest := func(layerSize int) []byte {
		d := descriptor("application/vnd.oci.image.layer.v1.tar", layer)
		d["size"] = layerSize
		return object(map[string]any{
			"schemaVersion": 2, "config": descriptor("application/vnd.oci.image.config.v1+json", config), "layers": []any{d},
		})
	}
	put := func(status int, code string, body []byte, mediaType string) {
		t.Helper()
		w.refused(status, code, request{method: "PUT", path: "/v2/open/app/manifests/v1", body: body,
			header: []string{"Content-Type: " + mediaType}})
	}
	put(404, "MANIFEST_BLOB_UNKNOWN", manifest(len(layer)), ociManifest)
	w.pushBlob("open/app", config)
	w.pushBlob("other/app", layer) // another project's blob does not count
	put(404, "MANIFEST_BLOB_UNKNOWN", manifest(len(layer)), ociManifest)
	w.pushBlob("open/app", layer)
	put(400, "MANIFEST_INVALID", manifest(len(layer)+1), ociManifest)
	w.refused(404, "MANIFEST_UNKNOWN", request{method: "GET", path: "/v2/open/app/manifests/v1"})
	w.pushManifest("open/app", "v1", ociManifest, manifest(len(layer)))

	child := w.image("open/app", "arm64")
	index := object(map[string]any{"schemaVersion": 2, "manifests": []any{descriptor(ociManifest, child)}})
	put(404, "MANIFEST_BLOB_UNKNOWN", index, ociIndex)
	w.pushManifest("open/tool", "", ociManifest, child) // another repository's manifest does not count
	put(404, "MANIFEST_BLOB_UNKNOWN", index, ociIndex)
	w.pushManifest("open/app", "", ociManifest, child)
	w.pushManifest("open/app", "v1", ociIndex, index)
}

func TestManifestThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	m := w.image("open/app", "amd64")
	put := func(reference, mediaType string, body []byte) request {
		return request{method: "PUT", path: "/v2/open/app/manifests/" + reference, body: body, header: []string{"Content-Type: " + mediaType}}
	}
	w.refused(400, "MANIFEST_INVALID", put("v1", ociManifest, []byte("{")))
	w.refused(400, "MANIFEST_INVALID", put("v1", "text/html", m))
	w.refused(400, "MANIFEST_INVALID", put("v1", ociIndex, m))
	w.refused(400, "MANIFEST_INVALID", put(".v1", ociManifest, m))
	w.refused(400, "MANIFEST_INVALID", put(strings.Repeat("a", 129), ociManifest, m))
	w.refused(400, "DIGEST_INVALID", put(digestOf([]byte("other")), ociManifest, m))
	w.refused(400, "DIGEST_INVALID", put("sha256:short", ociManifest, m))
	w.refused(413, "MANIFEST_INVALID", put("v1", ociManifest, bytes.Repeat([]byte(" "), limits.ManifestBytes+1)))
	streamed := put("v1", ociManifest, nil)
	streamed.reader = zeros(limits.ManifestBytes + 1)
	w.refused(413, "MANIFEST_INVALID", streamed)
	w.refused(404, "MANIFEST_UNKNOWN", request{method: "GET", path: "/v2/open/app/manifests/v1"})
	w.refused(404, "MANIFEST_UNKNOWN", request{method: "GET", path: "/v2/open/app/manifests/.v1"})
}

func TestTagMovesToTheLastPush(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	first := w.pushManifest("open", "latest", ociManifest, w.image("open", "amd64"))
	second := w.pushManifest("open", "latest", ociManifest, w.image("open", "arm64"))
	if got := w.want(200, request{method: "HEAD", path: "/v2/open/manifests/latest"}).Header.Get("Docker-Content-Digest"); got != second {
		t.Errorf("want %s, got %s", second, got)
	}
	w.want(200, request{method: "GET", path: "/v2/open/manifests/" + first})
}

func TestDeletedTagLeavesItsManifestAndDeletedManifestTakesItsTags(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	m := w.image("open", "amd64")
	digest := w.pushManifest("open", "a", ociManifest, m)
	w.pushManifest("open", "b", ociManifest, m)
	w.want(202, request{method: "DELETE", path: "/v2/open/manifests/a"})
	w.refused(404, "MANIFEST_UNKNOWN", request{method: "GET", path: "/v2/open/manifests/a"})
	w.refused(404, "MANIFEST_UNKNOWN", request{method: "DELETE", path: "/v2/open/manifests/a"})
	w.want(200, request{method: "GET", path: "/v2/open/manifests/" + digest})
	w.want(202, request{method: "DELETE", path: "/v2/open/manifests/" + digest})
	w.refused(404, "MANIFEST_UNKNOWN", request{method: "DELETE", path: "/v2/open/manifests/" + digest})
	w.refused(404, "MANIFEST_UNKNOWN", request{method: "GET", path: "/v2/open/manifests/b"})
	w.refused(400, "DIGEST_INVALID", request{method: "DELETE", path: "/v2/open/manifests/sha256:short"})
	w.refused(404, "NAME_UNKNOWN", request{method: "GET", path: "/v2/open/tags/list"})
}

func TestSlugAndUUIDAreTheSameRepository(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	digest := w.pushManifest("open/app", "v1", ociManifest, w.image("open/app", "amd64"))
	a := w.want(200, request{method: "HEAD", path: "/v2/" + w.project("open").ID + "/app/manifests/v1"})
	if got := a.Header.Get("Docker-Content-Digest"); got != digest {
		t.Errorf("want %s, got %s", digest, got)
	}
}

func TestTagsAreListedInPages(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	m := w.image("open/app", "amd64")
	for _, tag := range []string{"b", "A", "c", "B", "a", "1.0", "_x"} {
		w.pushManifest("open/app", tag, ociManifest, m)
	}
	list := func(path string) (tags []string, next string) {
		t.Helper()
		a := w.want(200, request{method: "GET", path: path})
		var body struct {
			Name string
			Tags []string
		}
		if err := json.Unmarshal(a.body, &body); err != nil || body.Name != "open/app" || body.Tags == nil {
			t.Fatalf("%s, %v", a.body, err)
		}
		if link := a.Header.Get("Link"); link != "" {
			next, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
		}
		return body.Tags, next
	}
	all := []string{"1.0", "_x", "A", "a", "B", "b", "c"} // letters without regard to case
	got, next := list("/v2/open/app/tags/list")
	if diff := cmp.Diff(all, got); diff != "" || next != "" {
		t.Errorf("all tags (-want +got), next %q:\n%s", next, diff)
	}
	var paged []string
	for path, pages := "/v2/open/app/tags/list?n=3", 0; path != ""; pages++ {
		if got, path = list(path); len(got) > 3 || pages > 5 {
			t.Fatalf("page %d has %v", pages, got)
		}
		paged = append(paged, got...)
	}
	if diff := cmp.Diff(all, paged); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if got, _ := list("/v2/open/app/tags/list?last=aa"); cmp.Diff([]string{"B", "b", "c"}, got) != "" {
		t.Errorf("after a tag that does not exist: %v", got)
	}
	if got, next := list("/v2/open/app/tags/list?n=0"); len(got) != 0 || next != "" {
		t.Errorf("none: %v, next %q", got, next)
	}
	for _, n := range []string{"-1", "x", "99999999999999999999"} {
		w.refused(400, "PAGINATION_NUMBER_INVALID", request{method: "GET", path: "/v2/open/app/tags/list?n=" + n})
	}
	w.refused(404, "NAME_UNKNOWN", request{method: "GET", path: "/v2/open/nothing/tags/list"})
}

// referrers reads a list and the path of the next page.
func (w *fixture) referrers(path string) (digests []string, a answer) {
	w.t.Helper()
	a = w.want(200, request{method: "GET", path: path})
	var body struct {
		SchemaVersion int
		MediaType     string
		Manifests     []struct {
			Digest, ArtifactType, MediaType string
			Size                            int64
			Annotations                     map[string]string
		}
	}
	if err := json.Unmarshal(a.body, &body); err != nil || body.SchemaVersion != 2 || body.MediaType != ociIndex || body.Manifests == nil {
		w.t.Fatalf("%s, %v", a.body, err)
	}
	for _, m := range body.Manifests {
		digests = append(digests, m.Digest+" "+m.ArtifactType+" "+m.Annotations["by"])
		if m.Size == 0 || m.MediaType != ociManifest {
			w.t.Errorf("descriptor %+v", m)
		}
	}
	return digests, a
}

func TestReferrers(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	image := w.image("open/app", "amd64")
	subject := digestOf(image)
	empty := []byte("{}")
	w.pushBlob("open/app", empty)
	about := func(artifactType, configType, by string) string {
		m := map[string]any{
			"schemaVersion": 2, "mediaType": ociManifest, "subject": descriptor(ociManifest, image),
			"config": descriptor(configType, empty), "layers": []any{}, "annotations": map[string]string{"by": by},
		}
		if artifactType != "" {
			m["artifactType"] = artifactType
		}
		body := object(m)
		a := w.want(201, request{method: "PUT", path: "/v2/open/app/manifests/" + digestOf(body), body: body,
			header: []string{"Content-Type: " + ociManifest}})
		if got := a.Header.Get("OCI-Subject"); got != subject {
			t.Errorf("OCI-Subject: want %s, got %s", subject, got)
		}
		return digestOf(body)
	}
	// They may come before their subject.
	if got, _ := w.referrers("/v2/open/app/referrers/" + subject); got != nil {
		t.Errorf("before any: %v", got)
	}
	signature := about("example/signature", "application/vnd.oci.empty.v1+json", "me")
	sbom := about("", "example/sbom", "you")
	w.pushManifest("open/app", "v1", ociManifest, image)

	got, a := w.referrers("/v2/open/app/referrers/" + subject)
	want := []string{signature + " example/signature me", sbom + " example/sbom you"}
	if want[0] > want[1] {
		want[0], want[1] = want[1], want[0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("referrers (-want +got):\n%s", diff)
	}
	if a.Header.Get("Content-Type") != ociIndex || a.Header.Get("OCI-Filters-Applied") != "" {
		t.Errorf("headers %v", a.Header)
	}
	got, a = w.referrers("/v2/open/app/referrers/" + subject + "?artifactType=example/sbom")
	if diff := cmp.Diff([]string{sbom + " example/sbom you"}, got); diff != "" || a.Header.Get("OCI-Filters-Applied") != "artifactType" {
		t.Errorf("filtered by %q (-want +got):\n%s", a.Header.Get("OCI-Filters-Applied"), diff)
	}
	if got, _ := w.referrers("/v2/open/tool/referrers/" + subject); got != nil {
		t.Errorf("of another repository: %v", got)
	}
}

func TestReferrersAreListedInPages(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	subject := digestOf([]byte("subject"))
	project := w.project("open")
	most := limits.RegistryReferrersPage
	err := w.store.Tx(t.Context(), func(tx *store.Tx) error {
		for i := range 2*most + 1 {
			m := image.Manifest{ProjectID: project.ID, MediaType: ociManifest, ArtifactType: "a/b", Subject: subject,
				Body: fmt.Appendf(nil, "%d", i)}
			m.Digest = digestOf(m.Body)
			if err := image.PutManifest(t.Context(), tx, m, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	pages := 0
	for path := "/v2/open/referrers/" + subject + "?artifactType=a/b"; path != ""; pages++ {
		got, a := w.referrers(path)
		for _, d := range got {
			seen[d] = true
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">")
	}
	if len(seen) != 2*most+1 || pages != 3 {
		t.Errorf("want %d in 3 pages, got %d in %d", 2*most+1, len(seen), pages)
	}
}

func TestPathsAndMethodsThatAreNot(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.refused(404, "UNSUPPORTED", request{method: "GET", path: "/v2/_catalog"})
	w.refused(404, "UNSUPPORTED", request{method: "GET", path: "/v2/open"})
	w.refused(400, "NAME_INVALID", request{method: "GET", path: "/v2/Open/manifests/v1"})
	w.refused(400, "NAME_INVALID", request{method: "GET", path: "/v2/open/-a/manifests/v1"})
	for path, allow := range map[string]string{
		"/v2/":                      "GET, HEAD",
		"/v2/open/tags/list":        "GET",
		"/v2/open/manifests/v1":     "DELETE, GET, HEAD, PUT",
		"/v2/open/blobs/uploads/":   "POST",
		"/v2/open/blobs/uploads/ID": "DELETE, GET, PATCH, PUT",
	} {
		a := w.refused(405, "UNSUPPORTED", request{method: "OPTIONS", path: path})
		if got := a.Header.Get("Allow"); got != allow {
			t.Errorf("%s: allowed %q, want %q", path, got, allow)
		}
	}
}

// Several clients push the first image of a project that does not exist yet.
func TestManyPushesToANewProject(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	config, layer := []byte(`{"os":"linux","architecture":"amd64"}`), []byte("layer")
	m := object(map[string]any{
		"schemaVersion": 2, "config": descriptor("application/vnd.oci.image.config.v1+json", config),
		"layers": []any{descriptor("application/vnd.oci.image.layer.v1.tar", layer)},
	})
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for _, b := range [][]byte{config, layer} {
				if a := w.do(request{method: "POST", path: "/v2/fresh/app" + begin + "?digest=" + digestOf(b), body: b,
					key: ownerKey}); a.StatusCode != 201 {
					t.Errorf("blob: %d %s", a.StatusCode, a.body)
				}
			}
			for _, tag := range []string{"latest", fmt.Sprintf("v%d", i)} {
				if a := w.do(request{method: "PUT", path: "/v2/fresh/app/manifests/" + tag, body: m, header: []string{"Content-Type: " + ociManifest},
					key: ownerKey}); a.StatusCode != 201 {
					t.Errorf("manifest: %d %s", a.StatusCode, a.body)
				}
			}
		})
	}
	wg.Wait()
	a := w.want(200, request{method: "GET", path: "/v2/fresh/app/tags/list"})
	if want := `{"name":"fresh/app","tags":["latest","v0","v1","v2","v3","v4","v5"]}`; string(a.body) != want {
		t.Errorf("want %s, got %s", want, a.body)
	}
}
