package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestScrapeShowsRoutesAndNeverNames(t *testing.T) {
	t.Parallel()
	m := New("v1", "abc")
	m.Gauge("jobs_pending", "Jobs that wait.", func() float64 { return 7 })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v0/projects/{project}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	handler := m.Middleware(mux)
	for _, target := range []string{"/v0/projects/secret-name", "/nowhere/secret-name"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
	}
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "BREW", "/v0/projects/secret-name", nil))

	scrape := httptest.NewRecorder()
	m.Handler().ServeHTTP(scrape, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	text := scrape.Body.String()
	for _, want := range []string{
		`tacho_http_requests_total{method="GET",route="GET /v0/projects/{project}",status="418"} 1`,
		`tacho_http_requests_total{method="GET",route="other",status="404"} 1`,
		`tacho_http_requests_total{method="other",`,
		`tacho_jobs_pending 7`,
		`tacho_build_info{commit="abc",version="v1"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the scrape has no %s", want)
		}
	}
	if strings.Contains(text, "secret-name") {
		t.Error("the scrape shows a project's name")
	}
}
