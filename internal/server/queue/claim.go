package queue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Claim waits up to wait for a job that the runner may take, and takes it. It returns nil when the time is over or ctx ends. One look at
// the database when it begins and one after each wake-up is all that an idle runner costs.
func (s *Service) Claim(ctx context.Context, runnerID string, meta *api.RunnerMeta, wait time.Duration) (*api.ClaimedJob, error) {
	specs, err := s.ready(ctx, runnerID, meta)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		w, ok := s.waiting.join(runnerID, specs)
		if !ok {
			return nil, fault.New(fault.Unavailable, "the server is shutting down")
		}
		claimed, err := s.take(ctx, runnerID)
		if claimed != nil || err != nil {
			s.waiting.leave(w, claimed != nil)
			return claimed, err
		}
		select {
		case <-w.wake:
			s.waiting.leave(w, true)
			if specs, err = s.specsOf(ctx, runnerID); err != nil {
				return nil, err
			}
		case <-timer.C:
			s.waiting.leave(w, false)
			return nil, nil
		case <-ctx.Done():
			s.waiting.leave(w, false)
			return nil, nil
		}
	}
}

// ready notes what a runner says of itself and returns the specs that it offers.
func (s *Service) ready(ctx context.Context, runnerID string, meta *api.RunnerMeta) ([]string, error) {
	if err := s.hear(ctx, runnerID, meta, false); err != nil {
		return nil, err
	}
	return s.specsOf(ctx, runnerID)
}

// hear stores a runner's word of itself; without one, only that it was heard of.
func (s *Service) hear(ctx context.Context, runnerID string, meta *api.RunnerMeta, draining bool) error {
	if meta == nil && !draining {
		s.mu.Lock()
		s.seen[runnerID] = s.Now()
		s.mu.Unlock()
		return nil
	}
	var raw *string
	if meta != nil {
		b, err := json.Marshal(meta)
		if err != nil {
			return err
		}
		word := string(b)
		raw = &word
	}
	return s.Store.Tx(ctx, func(tx *store.Tx) error { return tx.SetRunnerMeta(ctx, runnerID, raw, draining) })
}

func (s *Service) specsOf(ctx context.Context, runnerID string) ([]string, error) {
	var ids []string
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		r, err := tx.RunnerByRef(ctx, runnerID)
		if err != nil {
			return err
		}
		if r.Archived != nil {
			return fault.Unauthorizedf("runner %q is archived", r.Name)
		}
		specs, err := tx.SpecsOfRunners(ctx, []string{runnerID})
		for _, spec := range specs[runnerID] {
			ids = append(ids, spec.ID)
		}
		return err
	})
	return ids, err
}

// take claims the first job that there is for the runner, in one transaction; nil when there is none.
func (s *Service) take(ctx context.Context, runnerID string) (*api.ClaimedJob, error) {
	var found bool
	err := s.Store.View(ctx, func(tx *store.Tx) error { // a look without the writer: most have no job
		var err error
		_, found, err = tx.NextJob(ctx, runnerID, s.tierLimits())
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	var row store.Job
	var spec store.Spec
	err = s.Store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if row, found, err = tx.NextJob(ctx, runnerID, s.tierLimits()); err != nil || !found {
			return err
		}
		row.RunnerID = &runnerID
		if err := s.apply(ctx, tx, &row, job.Event{Kind: job.Claim}); err != nil {
			return err
		}
		spec, err = tx.SpecByRef(ctx, row.SpecID)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	s.settled(ctx, row)
	return s.claimed(ctx, row, spec)
}

// claimed is the answer to the runner. If it cannot be made the job goes back at once.
func (s *Service) claimed(ctx context.Context, row store.Job, spec store.Spec) (*api.ClaimedJob, error) {
	config, err := configOf(row)
	if err == nil && config.Internal {
		var token string
		var life time.Duration
		if token, life, err = s.Tokens.MintPull(ctx, row.ProjectID, row.ID, row.Epoch); err == nil {
			return claimedJob(row, spec, config, token, life), nil
		}
	}
	if err != nil {
		s.note("give a claimed job back", s.change(context.WithoutCancel(ctx), row.ID, job.Event{Kind: job.Lose, Error: "the server could not hand it over"}))
		return nil, err
	}
	return claimedJob(row, spec, config, "", 0), nil
}

func claimedJob(row store.Job, spec store.Spec, config api.JobConfig, token string, life time.Duration) *api.ClaimedJob {
	return &api.ClaimedJob{
		UUID: row.ID, Epoch: row.Epoch, Attempt: row.Attempt, Spec: Spec(spec), Config: config, OCIToken: token, TokenTTL: int64(life / time.Second),
		Lease: int64(limits.LeaseTimeout / time.Second), Timeout: row.TimeoutSeconds, Created: row.Created,
	}
}

// Refresh makes a new pull token for the runner that holds the job.
func (s *Service) Refresh(ctx context.Context, runnerID, jobID string, epoch int64) (api.PullToken, error) {
	row, err := s.held(ctx, runnerID, jobID, epoch)
	if err != nil {
		return api.PullToken{}, err
	}
	token, life, err := s.Tokens.MintPull(ctx, row.ProjectID, row.ID, row.Epoch)
	return api.PullToken{Token: token, TTL: int64(life / time.Second)}, err
}

// held loads a job that the runner holds in that epoch; epoch 0 is the current one.
func (s *Service) held(ctx context.Context, runnerID, jobID string, epoch int64) (store.Job, error) {
	var row store.Job
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		row, err = tx.JobByID(ctx, jobID)
		return err
	})
	if err != nil {
		return row, err
	}
	mine := row.RunnerID != nil && *row.RunnerID == runnerID && (epoch == 0 || epoch == row.Epoch)
	if !mine || !job.InFlight(api.JobStatus(row.State)) && !jobOf(row).Lost() {
		return row, fault.Conflictf("job %s: it is not, or no longer, this runner's in epoch %d", jobID, epoch)
	}
	return row, nil
}

// change lets an event happen to a job in a transaction of its own.
func (s *Service) change(ctx context.Context, jobID string, e job.Event) error {
	var row store.Job
	err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if row, err = tx.JobByID(ctx, jobID); err != nil {
			return err
		}
		return s.apply(ctx, tx, &row, e)
	})
	if err == nil {
		s.settled(ctx, row)
	}
	return err
}

// Cancel ends a job that waits, and asks the runner of one that runs.
func (s *Service) Cancel(ctx context.Context, jobID string) error {
	return s.change(ctx, jobID, job.Event{Kind: job.Cancel, Error: "canceled on request"})
}

// Retry puts a job that failed or was canceled back into the queue.
func (s *Service) Retry(ctx context.Context, jobID string) error {
	return s.change(ctx, jobID, job.Event{Kind: job.Retry})
}

// Kick makes a waiting runner look again, because its specs changed or it was archived.
func (s *Service) Kick(runnerID string) { s.waiting.kick(runnerID) }

// Waiting reports whether a runner waits for work at this moment.
func (s *Service) Waiting(runnerID string) bool { return s.waiting.has(runnerID) }

// WaitingRunners is how many runners wait.
func (s *Service) WaitingRunners() int { return s.waiting.len() }

// Subscribe returns a channel that gets a token whenever the job changed, and is closed at shutdown.
func (s *Service) Subscribe(jobID string) (changed <-chan struct{}, unsubscribe func()) {
	return s.streams.subscribe(jobID)
}

// Spec maps a spec's row.
func Spec(r store.Spec) api.Spec {
	return api.Spec{
		UUID: r.ID, Name: r.Name, Slug: r.Slug, OS: r.OS, Architecture: r.Architecture, Isolation: r.Isolation, CPU: r.CPU, Memory: r.MemoryBytes,
		Disk: r.DiskBytes, Network: r.Network, Fallback: r.Fallback, Created: r.Created, Modified: r.Modified, Archived: r.Archived,
	}
}
