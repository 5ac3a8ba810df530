package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/tachograph/tacho/api"
)

func TestARunKeyPushesImagesAndDeletesNone(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	var run api.KeyCreated
	w.must(201, w.key, "POST", "/v0/projects", api.NewProject{Name: "shop"}, nil)
	w.must(201, w.key, "POST", "/v0/projects/shop/keys", api.NewKey{Name: "ci"}, &run)
	const layer = "a layer"
	sum := sha256.Sum256([]byte(layer))
	blob := "/v2/shop/app/blobs/sha256:" + hex.EncodeToString(sum[:])
	for _, step := range []struct {
		who, key, method, path, body string
		want                         int
	}{
		{"a run key", run.Secret, http.MethodPost, "/v2/shop/app/blobs/uploads/?digest=sha256:" + hex.EncodeToString(sum[:]), layer, 201},
		{"a run key", run.Secret, http.MethodHead, blob, "", 200},
		{"a run key", run.Secret, http.MethodDelete, blob, "", 403},
		{"a member", w.key, http.MethodDelete, blob, "", 202},
	} {
		if got := w.call(step.key, step.method, step.path, step.body, nil); got != step.want {
			t.Errorf("%s: %s %s: %d, want %d", step.who, step.method, step.path, got, step.want)
		}
	}
}

func TestARegistryTokenEndsWithTheKeyThatItWasTradedFrom(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	var run api.KeyCreated
	w.must(201, w.key, "POST", "/v0/projects", api.NewProject{Name: "shop"}, nil)
	w.must(201, w.key, "POST", "/v0/projects/shop/keys", api.NewKey{Name: "ci"}, &run)
	var traded struct{ Token string }
	w.must(200, run.Secret, "GET", "/v0/auth/oci/token?scope=repository:shop/app:pull,push", nil, &traded)
	const begin = "/v2/shop/app/blobs/uploads/"
	w.must(202, traded.Token, "POST", begin, nil, nil)
	w.must(204, w.key, "DELETE", "/v0/projects/shop/keys/"+run.UUID, nil, nil)
	w.must(401, traded.Token, "POST", begin, nil, nil)
}
