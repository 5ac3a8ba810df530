package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/request"
)

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("a byte of the body was read before it was admitted")
	return 0, io.EOF
}

// narrow is a gate through which capacity fits, and where nobody may wait.
func narrow(capacity int64) *admit.Gate {
	return admit.New(admit.Config{Subject: "reports", Capacity: capacity, Patience: time.Minute, Retry: 7 * time.Second})
}

func TestABusyServerAnswers503AndWhenToComeAgain(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	for _, tc := range []struct {
		name, method, path string
		size               int64 // -1: not known
		full               func(*admit.Gates) **admit.Gate
		status             int
	}{
		{"a small body", "POST", "/v0/run", 100, func(g *admit.Gates) **admit.Gate { return &g.Small }, 503},
		{"a body of an ordinary request", "POST", "/v0/projects", 100, func(g *admit.Gates) **admit.Gate { return &g.Small }, 503},
		{"a change", "PATCH", "/v0/projects/shop", 100, func(g *admit.Gates) **admit.Gate { return &g.Small }, 503},
		{"a body of unknown length", "POST", "/v0/projects", -1, func(g *admit.Gates) **admit.Gate { return &g.Small }, 503},
		{"a large report", "POST", "/v0/run", limits.LargeBodyBytes + 1, func(g *admit.Gates) **admit.Gate { return &g.Bodies }, 503},
		{"a large report of a project", "POST", "/v0/projects/shop/reports", limits.LargeBodyBytes + 1,
			func(g *admit.Gates) **admit.Gate { return &g.Bodies }, 503},
		{"a report of unknown length", "POST", "/v0/run", -1, func(g *admit.Gates) **admit.Gate { return &g.Bodies }, 503},
		{"a request without a body", "GET", "/v0/projects", 0, func(g *admit.Gates) **admit.Gate { return &g.Small }, 200},
		{"the version", "GET", "/v0/server/version", 0, func(g *admit.Gates) **admit.Gate { return &g.Small }, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gate := narrow(1)
			full, err := gate.Enter(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			defer full.Leave()
			gates := admit.NewGates()
			*tc.full(&gates) = gate
			a := New(Config{Accounts: s.accounts, Gates: gates, Log: slog.New(slog.DiscardHandler), Services: s.api.cfg.Services})
			r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, nil)
			if tc.size != 0 {
				r.Body, r.ContentLength = io.NopCloser(unread{t}), tc.size
				if tc.size > 0 {
					r.Header.Set("Content-Length", fmt.Sprint(tc.size))
				}
			}
			w, e := serve(a, r.WithContext(request.WithActor(t.Context(), access.Actor{Kind: access.Local})))
			want := ""
			if tc.status == 503 {
				want = "7"
			}
			if w.Code != tc.status || w.Header().Get("Retry-After") != want {
				t.Errorf("%d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
			}
			if tc.status == 503 && (e.ErrorCode != "unavailable" || !strings.Contains(e.Message, "try again in 7 s") || e.RequestID == "") {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestGatesAreEmptyAfterEveryAnswer(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	gates := admit.Gates{Small: narrow(limits.MiB), Decode: narrow(16 * limits.MiB), Bodies: narrow(limits.MiB), Work: narrow(limits.GiB),
		Reads: narrow(limits.GiB)}
	a := New(Config{Accounts: s.accounts, Gates: gates, Log: slog.New(slog.DiscardHandler), Services: s.api.cfg.Services})
	pad := strings.Repeat(" ", limits.LargeBodyBytes)
	for name, body := range map[string]string{
		"a good small one":    `{"project":"shop","branch":"main","testbed":"lab","results":["{\"b\":{\"latency\":{\"value\":1}}}"]}`,
		"a bad small one":     `{"project":`,
		"one that is refused": `{"project":"shop","branch":"main","testbed":"lab","results":["nothing"]}`,
		"a good large one": `{"project":"shop","branch":"main","testbed":"lab","results":["{\"b\":{\"latency\":{\"value\":1}}}` + pad +
			`"]}`,
		"a bad large one":          `{"project":"` + pad,
		"a large one of bad types": `{"project":5,"results":["` + pad + `"]}`,
	} {
		for _, known := range []bool{true, false} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v0/run", strings.NewReader(body))
			if known {
				r.Header.Set("Content-Length", fmt.Sprint(len(body)))
			} else {
				r.ContentLength = -1
			}
			if w, e := serve(a, r.WithContext(request.WithActor(t.Context(), access.Actor{Kind: access.Local}))); w.Code == 503 || w.Code == 500 {
				t.Errorf("%s: %d %+v", name, w.Code, e)
			}
			for _, g := range []*admit.Gate{gates.Small, gates.Decode, gates.Bodies, gates.Work, gates.Reads} {
				if g.Used() != 0 || g.Waiting() != 0 {
					t.Errorf("%s: %d bytes are still held", name, g.Used())
				}
			}
		}
	}
}

// TestALargeReportIsReadAsASmallOneIs sends the same report with and without white space that makes it large.
func TestALargeReportIsReadAsASmallOneIs(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	send := func(pad int) (out api.Report) {
		body := s.newRun(map[string]any{"results": []string{`{"b":{"latency":{"value":1}}}` + strings.Repeat(" ", pad),
			`{"b":{"latency":{"value":2}}}`},
			"context": map[string]string{"a": `"]}`}})
		if status, _, message := s.call(http.MethodPost, "/v0/run", body, &out); status != 201 {
			t.Fatalf("%d %s", status, message)
		}
		return out
	}
	small, large := send(0), send(2*limits.LargeBodyBytes)
	view := func(r api.Report) string {
		text, err := json.Marshal([]any{r.Counts, r.Context, r.Recognised, r.Project, r.Results[0][0].Measures[0].Metric.Value,
			r.Results[1][0].Measures[0].Metric.Value, len(r.Results)})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if view(small) != view(large) {
		t.Errorf("small: %s\nlarge: %s", view(small), view(large))
	}
	for body, says := range map[string]string{
		`{"project":5,"results":["` + strings.Repeat(" ", limits.LargeBodyBytes) + `"]}`: "body.project: expected string",
		`{"results":[1` + strings.Repeat(" ", limits.LargeBodyBytes) + `]}`:              "list of texts",
		`{"results":["` + strings.Repeat(" ", limits.LargeBodyBytes) + `"]} x`:           "body",
	} {
		if status, _, message := s.call(http.MethodPost, "/v0/run", body, nil); status != 400 || !strings.Contains(message, says) {
			t.Errorf("want 400 that says %q, got %d %q", says, status, message)
		}
	}
}
