package registry_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/tachograph/tacho/internal/server/registry"
)

// A token is worth what its key is worth at the moment of each request, and no more than it was given for.
func TestTokenEndsWithItsKey(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.pushManifest("shut/app", "v1", ociManifest, w.image("shut/app", "amd64"))
	key := "Bearer " + w.token(ownerKey, "repository:shut/app:pull,push")
	login := "Bearer " + w.token(ownerKey)
	upload := w.want(202, request{method: "POST", path: "/v2/shut/app" + begin, key: key}).Header.Get("Location")
	w.want(202, request{method: "PATCH", path: upload, body: []byte("one"), key: key})

	uses := []request{
		{method: "GET", path: "/v2/shut/app/manifests/v1", key: key},
		{method: "PATCH", path: upload, body: []byte("two"), key: key},
		{method: "PUT", path: upload + "?digest=" + digestOf([]byte("one")), key: key},
		{method: "DELETE", path: upload, key: key},
		{method: "POST", path: "/v2/shut/app" + begin, key: key},
		{method: "GET", path: "/v2/", key: login},
		{method: "GET", path: registry.TokenPath, key: key},
	}
	w.access.revoked.Store(true)
	for _, r := range uses {
		if a := w.want(401, r); a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s: the key was revoked, and the refusal has no challenge", r.method, r.path)
		}
	}
	w.access.revoked.Store(false)
	w.access.left.Store(true)
	for _, r := range uses[:5] {
		w.want(404, r) // a private project that is not the actor's any more is not there
	}
	w.access.left.Store(false)
	a := w.want(202, request{method: "PATCH", path: upload, body: []byte("two"), key: key})
	if got := a.Header.Get("Range"); got != "0-5" {
		t.Errorf("the refused pieces left something behind: %s", got)
	}
}

// lastByte is a body whose end comes only after its sender has lost the right to send it.
type lastByte struct {
	start io.Reader
	lose  func()
}

func (b *lastByte) Read(p []byte) (int, error) {
	n, err := b.start.Read(p)
	if err == io.EOF {
		b.lose()
	}
	return n, err
}

// What was sent while the right to send it was there is not kept if it is gone when the last byte arrives.
func TestBodyIsKeptOnlyIfItsSenderMayStillPush(t *testing.T) {
	t.Parallel()
	image := object(map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": []any{}})
	layer := []byte("a slow layer")
	for what, send := range map[string]func(w *fixture) request{
		"a piece": func(w *fixture) request {
			return request{method: "PATCH", path: w.want(202, request{method: "POST", path: "/v2/shut" + begin}).Header.Get("Location"), body: layer}
		},
		"the last piece": func(w *fixture) request {
			at := w.want(202, request{method: "POST", path: "/v2/shut" + begin}).Header.Get("Location")
			return request{method: "PUT", path: at + "?digest=" + digestOf(layer), body: layer}
		},
		"a whole blob": func(*fixture) request {
			return request{method: "POST", path: "/v2/shut" + begin + "?digest=" + digestOf(layer), body: layer}
		},
		"a manifest": func(*fixture) request {
			return request{method: "PUT", path: "/v2/shut/manifests/v1", body: image, header: []string{"Content-Type: " + ociIndex}}
		},
	} {
		for change, lose := range map[string]func(w *fixture){
			"its key was revoked": func(w *fixture) { w.access.revoked.Store(true) },
			"it left the project": func(w *fixture) { w.access.left.Store(true) },
			"the project is another": func(w *fixture) {
				w.exec(`update project set slug = 'was' where slug = 'shut'`)
				w.exec(`update project set slug = 'shut' where slug = 'open'`)
			},
		} {
			t.Run(what+", and "+change, func(t *testing.T) {
				t.Parallel()
				w := newFixture(t)
				r := send(w)
				w.access.asked = make(chan string, 10)
				body := r.body
				r.body, r.reader = nil, &lastByte{bytes.NewReader(body), func() {
					<-w.access.asked // the request was let in
					lose(w)
				}}
				r.key = ownerKey
				if a := w.do(r); a.StatusCode != http.StatusUnauthorized && a.StatusCode != http.StatusNotFound {
					t.Errorf("want a refusal, got %d %s", a.StatusCode, a.body)
				}
				var kept int
				if w.query(`select (select count(*) from registry_blob) + (select count(*) from registry_manifest)`, &kept); kept != 0 {
					t.Errorf("%d rows were kept", kept)
				}
			})
		}
	}
}
