package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// storage is a storage that a test breaks, with a clock that it moves.
type storage struct {
	mu    sync.Mutex
	t     time.Time
	err   error
	looks int
}

func (s *storage) now() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.t }

func (s *storage) look(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return s.err
}

func (s *storage) set(err error, later time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.t = err, s.t.Add(later)
}

func TestOneLookAtTheStorageServesAllWhoAsk(t *testing.T) {
	t.Parallel()
	s := &storage{t: time.Unix(1e9, 0)}
	h := &health{looks: []func(context.Context) error{s.look}, now: s.now, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	full := errors.New("full")
	for i, c := range []struct {
		err   error
		later time.Duration
		want  error
		looks int
	}{
		{nil, 0, nil, 1},
		{full, limits.HealthFresh - 1, nil, 1},
		{full, 1, full, 2},
		{nil, limits.HealthFresh - 1, full, 2},
		{nil, 1, nil, 3},
		{full, -time.Hour, full, 4}, // a clock that was set back does not make an old look new
	} {
		s.set(c.err, c.later)
		if got := h.check(t.Context()); !errors.Is(got, c.want) || s.looks != c.looks {
			t.Errorf("step %d: want %v after %d looks, got %v after %d", i, c.want, c.looks, got, s.looks)
		}
	}
}

func TestStorageThatHangsOrPanicsIsNotReady(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}), make(chan struct{})
	hangs := func(context.Context) error {
		close(begun) // a second look would panic
		<-end
		panic("boom")
	}
	h := &health{looks: []func(context.Context) error{hangs}, now: time.Now, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-begun; cancel() }()
		if err := h.check(ctx); !fault.Is(err, fault.Unavailable) {
			t.Errorf("want unavailable, got %v", err)
		}
	}
	close(end)
	if err := h.check(t.Context()); err == nil {
		t.Error("a look that panicked says that all is well")
	}
}
