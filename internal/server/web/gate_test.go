package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/server/admit"
)

func TestPagesThatDoNotFitAreRefusedWithoutBeingDrawn(t *testing.T) {
	t.Parallel()
	gate := admit.New(admit.Config{Subject: "pages", Capacity: 1, Patience: time.Minute, Retry: 2 * time.Second})
	source := &canned{answers: map[string]any{"/projects": []int{}}}
	pages := New(Config{Version: "test", Now: time.Now, Log: slog.New(slog.DiscardHandler), Gate: gate,
		Source: source})
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/projects", nil))
		return w
	}
	full, err := gate.Enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if w := get(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "2" || len(source.asked) != 0 {
		t.Errorf("%d, Retry-After %q, asked %d times", w.Code, w.Header().Get("Retry-After"), len(source.asked))
	}
	if w := get(); !strings.Contains(w.Body.String(), "<title>Busy just now") || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the refusal is no page: %v %s", w.Header(), w.Body)
	}
	full.Leave()
	if w := get(); w.Code != http.StatusOK || gate.Used() != 0 {
		t.Errorf("with room: %d, %d bytes are held after it", w.Code, gate.Used())
	}
}
