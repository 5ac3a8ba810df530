package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/server/throttle"
)

// Whoever reads pages reads a sentence in our layout, and not JSON, when the server turns them away. The API stays as it is beside them.
func TestAPageThatIsRefusedIsAPage(t *testing.T) {
	t.Parallel()
	s := strict(t, func(c *throttle.Config) { c.Rates[throttle.AddressRequests] = throttle.Rate{PerSecond: 0.1, Burst: 1} })
	outside := httptest.NewServer(s.Handler())
	t.Cleanup(outside.Close)
	ask := func(method, path string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, outside.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		res, err := outside.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}
	ask("GET", "/healthz") // is not counted
	if res, _ := ask("GET", "/v0/server/version"); res.StatusCode != http.StatusOK {
		t.Fatalf("below the limit: %d", res.StatusCode)
	}
	for _, path := range []string{"/", "/projects", "/projects/x/perf?branches=a", "/runners", "/perf/x"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			res, body := ask(method, path)
			h := res.Header
			if res.StatusCode != http.StatusTooManyRequests || h.Get("Retry-After") != "10" || h.Get("Content-Type") != "text/html; charset=utf-8" ||
				h.Get("Content-Security-Policy") == "" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d %v", method, path, res.StatusCode, h)
			}
			switch {
			case method == http.MethodHead && body != "":
				t.Errorf("HEAD %s: has a body", path)
			case method == http.MethodHead:
			case !strings.Contains(body, "<title>Too many requests") || !strings.Contains(body, "from this address; try again in 10 s"):
				t.Errorf("%s: %s", path, body)
			}
		}
	}
	for method, path := range map[string]string{"GET": "/v0/projects", "POST": "/projects"} {
		res, body := ask(method, path)
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(body, "{") {
			t.Errorf("%s %s, which is no page: %d %v %s", method, path, res.StatusCode, res.Header, body)
		}
	}
}
