package sweep

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Jobs is what this room needs of the job queue.
type Jobs interface {
	// ResolveImage pins an image to its digest.
	ResolveImage(ctx context.Context, p project.Project, image string) (job.Image, error)
	// Prepare checks a job before any transaction.
	Prepare(ctx context.Context, p job.PrepareParams) (*job.Prepared, error)
	// Insert queues its jobs in the transaction of the report that waits for them.
	Insert(ctx context.Context, tx *store.Tx, p *job.Prepared, head, base string) (jobIDs []string, err error)
	// Cancel ends a job that waits, and asks the runner of one that runs.
	Cancel(ctx context.Context, jobID string) error
	// Stored opens an output that a job left; the caller closes it, and has asked whether it may be seen.
	Stored(ctx context.Context, o job.Output) (io.ReadCloser, int64, error)
	// Kick makes a waiting runner look again.
	Kick(runnerID string)

	// What guests do, each in a transaction of the caller's that knows whose runner it is.
	TakeFor(ctx context.Context, tx *store.Tx, runnerID string, lease time.Duration, then *job.Done) (*job.Taken, error)
	HandleFor(ctx context.Context, tx *store.Tx, runnerID string, msg api.Message, lease time.Duration, then *job.Done) (api.Message, error)
	// Keep stores a body that a row is to name.
	Keep(ctx context.Context, body io.Reader, maxBytes int64) (job.Output, error)
}

// Runners is what this room needs of the fleet.
type Runners interface {
	NewRunnerKey() (string, error)
	// Retired ends the connections of a runner whose machine is gone, after the commit.
	Retired(runnerID string)
}

// Config are the parts that Service is made of. All are needed but those that say what their absence means.
type Config struct {
	Store    *store.Store
	Door     *project.Door
	Jobs     Jobs
	Runners  Runners
	Branches *series.Branches
	Random   io.Reader
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
}

// Service are the use cases of sweeps. It is safe for concurrent use. Run must run for what a server that died left undone to be done.
type Service struct {
	Config

	mu    sync.Mutex // of what follows
	heard time.Time  // when this process last saw that it could hear machines
	since time.Time  // since when it has, without a break
}

// NewService makes them.
func NewService(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	now := cfg.Now().Round(0)
	return &Service{Config: cfg, heard: now, since: now}
}

// hearing is since when machines are heard without a break. While this process stood still, or its database was away, nobody could be: a
// machine is lost only when it could have been heard and was not. The clock is the wall's, because the other one may stand still, too.
func (s *Service) hearing(now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Round(0).Sub(s.heard) > limits.SweepDeaf {
		return now
	}
	return s.since
}

// hears notes that the database answers.
func (s *Service) hears(now time.Time) {
	since := s.hearing(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.since = now.Round(0), since
}

// Subscriber moves slots and sweeps when jobs end.
func (s *Service) Subscriber() notify.Subscriber {
	return notify.Subscriber{Name: "sweeps", Kinds: []notify.Kind{notify.JobEnded}, Deliver: s.jobEnded}
}

// Run looks now and then for what a server that died left undone, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(limits.SweepTidy)
	defer tick.Stop()
	for {
		if err := s.Tidy(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "tidy sweeps", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// after is what is to be done with runners when a transaction has committed. One that is repeated begins with a new one.
type after struct {
	drained []string // they get no more jobs
	retired []string // their machines are gone
}

func (s *Service) do(a after) {
	for _, id := range a.drained {
		s.Jobs.Kick(id)
	}
	for _, id := range a.retired {
		s.Runners.Retired(id)
	}
}
