package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/request"
)

// large is the results of n benchmarks.
func large(n int) map[string]any {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"b/%d":{"latency":{"value":%d}}`, i, i+1)
	}
	return map[string]any{"results": []string{"{" + b.String()[1:] + "}"}}
}

// reading is the fixture's API with other settings for answers.
func (s *fixture) reading(gate *admit.Gate, scratch string) *API {
	services := s.api.cfg.Services
	services.Explore = explore.New(project.NewDoor(s.db, nil), gate)
	return New(Config{Accounts: s.accounts, Gates: admit.NewGates(), Log: slog.New(slog.DiscardHandler), Services: services, Scratch: scratch})
}

func (s *fixture) local(method, path string, body any) *http.Request {
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(request.WithActor(s.t.Context(), access.Actor{Kind: access.Local}), method, path,
		bytes.NewReader(text))
	if method == http.MethodGet {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	return r
}

func TestLargeReadsAreRefusedWhileOthersFillTheGateAndCheapOnesAnswered(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	small := s.run(results(1))
	big := s.run(large(limits.CheapReadMetrics + 1))
	for range limits.CheapReadMetrics {
		s.run(results(1))
	}
	gate := narrow(1)
	full, err := gate.Enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Leave()
	a := s.reading(gate, "")
	const perf = "/v0/projects/shop/perf?branches=main&testbeds=lab&measures=latency&benchmarks="
	for path, status := range map[string]int{
		"/v0/projects/shop/reports/" + big.UUID:                    503,
		"/v0/projects/shop/reports?expand=true&per_page=255":       503,
		perf + small.Results[0][0].Benchmark.UUID:                  503,
		"/v0/projects/shop/reports/" + small.UUID:                  200,
		"/v0/projects/shop/reports/" + big.UUID + "?max_results=5": 200,
		"/v0/projects/shop/reports?per_page=255":                   200,
		"/v0/projects/shop":                                        200,
		"/v0/server/version":                                       200,
	} {
		w, e := serve(a, s.local(http.MethodGet, path, nil))
		if w.Code != status || (status == 503) != (w.Header().Get("Retry-After") == "7") || status == 503 && e.Message == "" {
			t.Errorf("%s: want %d, got %d, Retry-After %q, %+v", path, status, w.Code, w.Header().Get("Retry-After"), e)
		}
	}
}

// Whoever submitted must not come again because others read.
func TestACommittedReportIsAnsweredHoweverBusyReadsAre(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	gate := narrow(1)
	full, err := gate.Enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	a := s.reading(gate, "")
	answered := make(chan *httptest.ResponseRecorder)
	go func() {
		w, _ := serve(a, s.local(http.MethodPost, "/v0/run", s.newRun(large(limits.CheapReadMetrics+1))))
		answered <- w
	}()
	for gate.Waiting() == 0 {
		select {
		case w := <-answered:
			t.Fatalf("answered while the gate was full: %d %.300s", w.Code, w.Body)
		default:
			runtime.Gosched()
		}
	}
	if n := s.rows()["report"]; n != 1 {
		t.Errorf("%d reports while the answer waits, want 1", n)
	}
	full.Leave()
	var report api.Report
	if w := <-answered; w.Code != http.StatusCreated || json.Unmarshal(w.Body.Bytes(), &report) != nil ||
		len(report.Results[0]) != limits.CheapReadMetrics+1 {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
}

func TestALargeAnswerIsTheSameFromMemoryFromAFileAndWithoutOne(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	report := s.run(large(2_000))
	path := "/v0/projects/shop/reports/" + report.UUID
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(report); err != nil {
		t.Fatal(err)
	}
	if want.Len() < 2*limits.AnswerBytes {
		t.Fatalf("%d bytes need no file", want.Len())
	}
	folder := t.TempDir()
	for name, scratch := range map[string]string{"a file": folder, "no file": filepath.Join(folder, "none")} {
		w, _ := serve(s.reading(nil, scratch), s.local(http.MethodGet, path, nil))
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || !bytes.Equal(w.Body.Bytes(), want.Bytes()) {
			t.Errorf("%s: %d, %d bytes, want the %d of the whole", name, w.Code, w.Body.Len(), want.Len())
		}
	}
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	hidden, err2 := filepath.Glob(filepath.Join(folder, ".*"))
	if err != nil || err2 != nil || len(left)+len(hidden) != 0 {
		t.Errorf("left over: %q %q", left, hidden)
	}
}
