package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// health asks whether the server's storage takes what it is given. It writes and flushes, so one look serves all who ask meanwhile and a
// little longer; a disk that hangs makes them say no, and does not gather goroutines.
type health struct {
	looks []func(context.Context) error // one after the other
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	running chan struct{} // closed at the end of the look that runs; nil: none runs
	at      time.Time     // end of the last look
	found   error         // by it
}

// check returns what is wrong, or that nobody knows by the time ctx ends.
func (h *health) check(ctx context.Context) error {
	h.mu.Lock()
	if h.running == nil {
		if age := h.now().Sub(h.at); !h.at.IsZero() && age >= 0 && age < limits.HealthFresh {
			defer h.mu.Unlock()
			return h.found
		}
		h.running = make(chan struct{})
		go h.look(context.WithoutCancel(ctx))
	}
	running := h.running
	h.mu.Unlock()
	select {
	case <-running:
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.found
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "the disk of the data folder does not answer")
	}
}

func (h *health) look(ctx context.Context) {
	var found error
	defer func() {
		if r := recover(); r != nil {
			found = fmt.Errorf("look at the storage: panic: %v", r)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if found != nil && h.found == nil {
			h.log.ErrorContext(ctx, "the storage fails", "error", found)
		} else if found == nil && h.found != nil {
			h.log.InfoContext(ctx, "the storage works again")
		}
		h.found, h.at = found, h.now()
		close(h.running)
		h.running = nil
	}()
	for _, look := range h.looks {
		if found = look(ctx); found != nil {
			return
		}
	}
}

// readyz says whether the server takes work: it is not shutting down, and its database and its blobs can be written.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	if !ready {
		http.Error(w, "not ready: the server is starting or shutting down", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), limits.HealthTimeout)
	defer cancel()
	if err := s.health.check(ctx); err != nil {
		reason := "the storage fails; the server's log says more"
		if fault.Of(err) != fault.Internal {
			reason = fault.Message(err)
		}
		http.Error(w, "not ready: "+reason, http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}
