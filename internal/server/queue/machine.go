package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// heed notes what an event says about the machine of the runner that has the job: one that could not run it does not get it again, and one
// that fails several jobs in a row gets none until somebody says that it is repaired.
func (s *Service) heed(ctx context.Context, tx *store.Tx, row store.Job, e job.Event) error {
	sign := job.SignOf(e)
	if sign == job.NoSign || row.RunnerID == nil {
		return nil
	}
	r, err := tx.RunnerByRef(ctx, *row.RunnerID)
	if err != nil {
		return err
	}
	if sign == job.Sound {
		if r.Failures == 0 {
			return nil
		}
		r.Failures = 0
		return tx.SetRunnerHealth(ctx, r)
	}
	if err := tx.AvoidRunner(ctx, row.ID, r.ID, string(e.Reason)); err != nil {
		return err
	}
	r.Failures++
	if r.Failures >= limits.RunnerFailures && r.Drained == nil {
		now := tx.Now()
		r.Drained, r.DrainedWhy = &now, orNil(fmt.Sprintf("it could not run %d jobs in a row, the last because of %s: %s", r.Failures, e.Reason, e.Error))
	}
	return tx.SetRunnerHealth(ctx, r)
}

// tellDrained is called after the commit of a failure of a runner's machine: its operator reads in the log that it gets no more jobs.
func (s *Service) tellDrained(ctx context.Context, runnerID string) {
	var r store.Runner
	err := s.Store.View(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		var err error
		r, err = tx.RunnerByRef(ctx, runnerID)
		return err
	})
	s.note(ctx, "look whether a runner was drained", err)
	if err == nil && r.Drained != nil {
		s.Log.WarnContext(ctx, "runner is drained; when its machine is repaired: tacho runner undrain", "runner", r.Slug, "why", text(r.DrainedWhy))
	}
}

// endPauses lets jobs be taken whose pause is over, and wakes all who could: those that have waited longest may be the ones that may not.
func (s *Service) endPauses(ctx context.Context) error {
	var over []store.Job
	find := func(tx *store.Tx) (err error) {
		over, err = tx.PausesOver(ctx, sweepMost)
		return err
	}
	if err := s.Store.View(ctx, find); err != nil || len(over) == 0 {
		return err
	}
	err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		for _, row := range over {
			if err := tx.EndPause(ctx, row.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range over {
		s.streams.publish(row.ID)
		s.waiting.wakeAll(row.SpecID)
	}
	return nil
}

// blocked is job.Blocked of rows.
func blocked(spec string, rows []store.JobCandidate, until *time.Time) string {
	runners := make([]job.Candidate, len(rows))
	for i, r := range rows {
		runners[i] = job.Candidate(r)
	}
	return job.Blocked(spec, runners, until)
}
