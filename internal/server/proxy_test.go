package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// quiet is a server without a listener.
func quiet(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	cfg := settings(t, t.TempDir())
	change(&cfg)
	s, err := New(t.Context(), cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestOneProxyIsBelievedByAllEdges asks API, registry and pages, which each name the server's own address or the caller's.
func TestOneProxyIsBelievedByAllEdges(t *testing.T) {
	t.Parallel()
	for peer, scheme := range map[string]string{"10.1.2.3:999": "https", "192.0.2.1:999": "http"} {
		s := quiet(t, func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/8"} })
		for _, path := range []string{"/v0/server/config/console", "/v2/"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://tacho.example"+path, nil)
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-Proto", "https")
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if got := w.Body.String() + w.Header().Get("WWW-Authenticate"); !strings.Contains(got, scheme+"://tacho.example") {
				t.Errorf("%s from %s: want %s, got %s", path, peer, scheme, got)
			}
		}
	}
}
