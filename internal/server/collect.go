package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/upkeep"
)

// collectEvery is how often a server removes what nobody needs any more; it does so at its start too.
const collectEvery = 6 * time.Hour

func (s *Server) collect(ctx context.Context) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		out, err := s.collectOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.ErrorContext(ctx, "collect garbage", "error", err)
		case out.Blobs > 0 || out.Rows > 0 || out.Steps > 0:
			s.log.InfoContext(ctx, "collected garbage", "blobs", out.Blobs, "outputs", out.Rows, "steps", out.Steps)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Server) collectOnce(ctx context.Context) (upkeep.Collected, error) {
	now := s.cfg.Now()
	if s.cfg.RetentionEnvironments > 0 {
		if err := s.queue.ForgetEnvironments(ctx, now.Add(-s.cfg.RetentionEnvironments)); err != nil {
			return upkeep.Collected{}, err
		}
	}
	if err := notify.Forget(ctx, s.store, now); err != nil {
		return upkeep.Collected{}, err
	}
	keep := upkeep.Retention{Deleted: s.cfg.RetentionDeleted, Outputs: s.cfg.RetentionOutputs, Logs: s.cfg.RetentionLogs}
	return upkeep.Collect(ctx, s.cfg.Data, s.store, now, keep, func(ctx context.Context) (int, error) {
		return s.images.Collect(ctx, now.Add(-limits.RegistryKeepNew))
	})
}

// Collect removes what nobody needs any more from the data folder of a server that is stopped.
func Collect(ctx context.Context, cfg Config) (out upkeep.Collected, err error) {
	s, err := New(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return out, err
	}
	out, err = s.collectOnce(ctx)
	return out, errors.Join(err, s.Close())
}
