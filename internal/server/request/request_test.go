package request

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
)

func TestBearerReadsOneSchemeOnly(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"": "", "Bearer k": "k", "bearer  k ": "k", "BEARER k": "k", "Bearer": "", "Bearer ": "", "Basic dXNlcjprZXk=": "", "k": "",
		"Bearerk": "",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		if got := Bearer(r); got != want {
			t.Errorf("Bearer of %q = %q, want %q", header, got, want)
		}
	}
}

func TestSourceIPBelievesTheConnectionOnly(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{"192.0.2.1:4711": "192.0.2.1", "[2001:db8::1]:80": "2001:db8::1", "in-process": "in-process",
		"": ""} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", "10.0.0.1")
		r.Header.Set("X-Real-Ip", "10.0.0.1")
		if got := SourceIP(r); got != want {
			t.Errorf("SourceIP from %q = %q, want %q", remote, got, want)
		}
	}
}

func TestActorIsWhatTheContextSays(t *testing.T) {
	t.Parallel()
	if actor, ok := ActorOf(t.Context()); ok || actor.Kind != "" {
		t.Errorf("before authentication: %v %v", actor, ok)
	}
	ctx := WithActor(t.Context(), access.Actor{Kind: access.RunKey, ProjectID: "p"})
	if actor, ok := ActorOf(ctx); !ok || actor.ProjectID != "p" {
		t.Errorf("after it: %v %v", actor, ok)
	}
}

func TestWriteErrorShowsFaultsAndHidesTheRest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		err    error
		status int
		code   string
		says   string
		logged bool
	}{
		{"a fault", fault.Missingf("branch %q does not exist", "x"), 404, "not_found", `branch "x" does not exist`, false},
		{"a fault wrapped on its way", fmt.Errorf("load job: %w", fault.Conflictf("it ended")), 409, "conflict", "it ended", false},
		{"a fault with a cause", fault.Wrap(fault.Invalid, errors.New("secret"), "the image is malformed"), 400, "invalid",
			"the image is malformed", false},
		{"an error without a kind", errors.New("secret"), 500, "internal", "internal error", true},
		{"a caller that went away", fmt.Errorf("query: %w", context.Canceled), 499, "canceled", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			r := httptest.NewRequestWithContext(WithID(t.Context(), "the-id"), http.MethodGet, "/", nil)
			w := httptest.NewRecorder()
			WriteError(w, r, slog.New(slog.NewTextHandler(&log, nil)), tc.err)
			var e api.Error
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			if w.Code != tc.status || e.ErrorCode != tc.code || e.RequestID != "the-id" || !strings.Contains(e.Message, tc.says) ||
				strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%d %+v", w.Code, e)
			}
			if got := strings.Contains(log.String(), "the-id") && strings.Contains(log.String(), "secret"); got != tc.logged {
				t.Errorf("logged: %v, want %v: %s", got, tc.logged, &log)
			}
		})
	}
}

func TestWriteErrorSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"whole seconds", fault.Busyf(10*time.Second, "busy"), "10"},
		{"a part of a second is a whole one", fmt.Errorf("wrapped: %w", fault.Busyf(1500*time.Millisecond, "busy")), "2"},
		{"nobody knows", fault.New(fault.Unavailable, "the storage is full"), ""},
		{"the request is wrong", fault.Invalidf("no"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			WriteError(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), slog.New(slog.DiscardHandler), tc.err)
			if got := w.Header().Get("Retry-After"); got != tc.want || w.Code != fault.Of(tc.err).Status() {
				t.Errorf("%d with Retry-After %q, want %q", w.Code, got, tc.want)
			}
		})
	}
}
