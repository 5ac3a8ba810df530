package server

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/tachograph/tacho/internal/server/notify"
)

// told is the subscriber that every server has: it counts events for metrics and logs them for who looks for one.
type told struct {
	log    *slog.Logger
	counts map[notify.Kind]*atomic.Int64
}

func newTold(log *slog.Logger) *told {
	t := &told{log: log, counts: map[notify.Kind]*atomic.Int64{}}
	for _, kind := range notify.Kinds {
		t.counts[kind] = new(atomic.Int64)
	}
	return t
}

func (t *told) subscriber() notify.Subscriber {
	return notify.Subscriber{Name: "metrics", Deliver: t.deliver}
}

func (t *told) deliver(ctx context.Context, e notify.Event) error {
	if n, known := t.counts[e.Kind]; known { // a newer server on the same database may have others
		n.Add(1)
	}
	t.log.DebugContext(ctx, "event", "kind", e.Kind, "event", e.ID, "project", e.ProjectID, "subject", e.Subject, "from", e.Body.From, "to",
		e.Body.To)
	return nil
}

func (t *told) count(kind notify.Kind) int64 { return t.counts[kind].Load() }
