package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/store"
)

// said hands out the kinds of the events that are logged.
type said struct {
	slog.Handler
	kinds chan string
}

func (s said) Enabled(context.Context, slog.Level) bool { return true }

func (s said) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "event" {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "kind" {
				s.kinds <- a.Value.String()
			}
			return a.Key != "kind"
		})
	}
	return nil
}

func TestAServerLogsAndCountsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	cfg := settings(t, t.TempDir())
	heard := said{slog.DiscardHandler, make(chan string, 10)}
	s, err := New(t.Context(), cfg, slog.New(heard))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v0/run",
		strings.NewReader(`{"project":"shop","branch":"main","testbed":"lab","start_time":"2026-05-01T00:00:00Z",`+
			`"end_time":"2026-05-01T00:00:01Z","settings":{"adapter":"json"},"results":["{\"b\":{\"latency\":{\"value\":1}}}"]}`))
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, Local(r))
	if answer.Code != http.StatusCreated {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	if got := <-heard.kinds; got != "report.closed" {
		t.Errorf("got %s", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	scrape := httptest.NewRecorder()
	s.Handler().ServeHTTP(scrape, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, want := range []string{`tacho_events_total{kind="report.closed"} 1`, `tacho_events_total{kind="alert.raised"} 0`} {
		if !strings.Contains(scrape.Body.String(), want) {
			t.Errorf("the scrape has no %s", want)
		}
	}
}

func TestOldEventsAreForgottenByServersAndCommands(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	where := settings(t, t.TempDir())
	with := func(local bool) *Server {
		return quiet(t, func(c *Config) {
			*c = where
			c.Local, c.Now = local, func() time.Time { return now }
		})
	}
	// write leaves an event, and passes its life.
	write := func(s *Server) {
		if err := s.store.Tx(t.Context(), func(tx *store.Tx) error {
			return notify.Write(t.Context(), tx, notify.Event{Kind: notify.JobEnded, Subject: "j"})
		}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(limits.EventLife + time.Second)
	}
	want := func(s *Server, want int) {
		t.Helper()
		var got int
		if err := s.store.View(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `select count(*) from event`).Scan(&got)
		}); err != nil || got != want {
			t.Errorf("%d events (%v), want %d", got, err, want)
		}
	}
	server := with(false)
	write(server)
	want(server, 1)
	if _, err := server.collectOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(server, 0)
	write(server)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	want(with(true), 0)
}
