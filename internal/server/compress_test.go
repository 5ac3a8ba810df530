package server

import (
	"net/http"
	"testing"

	"github.com/tachograph/tacho/internal/server/registry"
)

// REST and pages are compressed for who accepts it; the registry's answers are not, above all its tokens.
func TestAnswersAreCompressedButTheRegistrys(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	for path, want := range map[string]string{"/v0/server/spec": "gzip", "/projects": "gzip", "/metrics": "gzip", "/v2/": "",
		registry.TokenPath: "", "/healthz": ""} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		vary := res.Header.Get("Vary") != ""
		if got := res.Header.Get("Content-Encoding"); got != want || vary && (path == "/v2/" || path == registry.TokenPath) {
			t.Errorf("%s: coding %q, want %q; %v", path, got, want, res.Header)
		}
	}
}
