package job

import (
	"context"
	"fmt"
	"time"

	"github.com/tachograph/tacho/api"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
)

// heed notes what an event says about the machine of the runner that has the job: one that could not run it does not get it again, and one
// that fails several jobs in a row gets none until somebody says that it is repaired.
func (s *Service) heed(ctx context.Context, tx *store.Tx, row Job, e corejob.Event) error {
	sign := corejob.SignOf(e)
	if sign == corejob.NoSign || row.RunnerID == nil {
		return nil
	}
	r, err := fleet.HoldRunner(ctx, tx, *row.RunnerID)
	if err != nil {
		return err
	}
	if sign == corejob.Sound {
		if r.Failures == 0 {
			return nil
		}
		r.Failures = 0
		return fleet.SetRunnerHealth(ctx, tx, r)
	}
	others, err := AvoidedRunners(ctx, tx, row.ID)
	if err != nil {
		return err
	}
	if err := AvoidRunner(ctx, tx, row.ID, AvoidedRunner{RunnerID: r.ID, Reason: string(e.Reason), Said: e.Error}); err != nil {
		return err
	}
	if len(others) >= limits.JobBlames { // with that many machines it is as likely the job's own doing
		return nil
	}
	r.Failures++
	if r.Failures >= limits.RunnerFailures && r.Drained == nil {
		now := tx.Now()
		r.Drained, r.DrainedWhy = &now, orNil(fmt.Sprintf("it could not run %d jobs in a row, the last because of %s: %s", r.Failures, e.Reason,
			e.Error))
	}
	return fleet.SetRunnerHealth(ctx, tx, r)
}

// tellDrained is called after the commit of a failure of a runner's machine: its operator reads in the log that it gets no more jobs.
func (s *Service) tellDrained(ctx context.Context, runnerID string) {
	var r fleet.Runner
	err := s.Store.View(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		var err error
		r, err = fleet.RunnerByRef(ctx, tx, runnerID)
		return err
	})
	s.note(ctx, "look whether a runner was drained", err)
	if err == nil && r.Drained != nil {
		s.Log.WarnContext(ctx, "runner is drained; when its machine is repaired: tacho runner undrain", "runner", r.Slug, "why",
			text(r.DrainedWhy))
	}
}

// endPauses lets jobs be taken whose pause is over, and wakes all who could: those that have waited longest may be the ones that may not.
func (s *Service) endPauses(ctx context.Context) error {
	var over []Job
	find := func(tx *store.Tx) (err error) {
		over, err = PausesOver(ctx, tx, sweepMost)
		return err
	}
	if err := s.Store.View(ctx, find); err != nil || len(over) == 0 {
		return err
	}
	err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		for _, row := range over {
			if err := EndPause(ctx, tx, row.ID); err != nil {
				return err
			}
			if err := tell(ctx, tx, row); err != nil {
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
		s.waiting.wakeAll(StandOf(row))
	}
	return nil
}

// giveUp ends jobs that machines could not run and that waited in vain for another: one that neither failed them nor is drained, and that
// was heard of meanwhile; and jobs that wait for the one machine that has begun their measurement, and that is gone. A server that has just
// started has heard of nobody yet.
func (s *Service) giveUp(ctx context.Context) error {
	if s.Now().Before(s.begun.Add(limits.StartGrace)) {
		return nil
	}
	if err := s.giveUpEach(ctx, Stranded, noOther); err != nil {
		return err
	}
	return s.giveUpEach(ctx, Orphaned, machineGone)
}

// giveUpEach gives up the jobs that find finds. why returns the event, or ok false if nothing speaks against the job any more.
func (s *Service) giveUpEach(ctx context.Context, find func(context.Context, *store.Tx, time.Time, int) ([]Job, error),
	why func(context.Context, *store.Tx, Job) (e corejob.Event, ok bool, err error)) error {
	var found []Job
	look := func(tx *store.Tx) (err error) {
		found, err = find(ctx, tx, tx.Now().Add(-limits.MachineWait), sweepMost)
		return err
	}
	if err := s.Store.View(ctx, look); err != nil {
		return err
	}
	for _, row := range found {
		id, gone := row.ID, false
		err := s.Store.Tx(ctx, func(tx *store.Tx) (err error) {
			gone = false
			if row, err = Hold(ctx, tx, id); err != nil || row.State != string(api.JobPending) {
				return err
			}
			e, ok, err := why(ctx, tx, row)
			if err != nil || !ok {
				return err
			}
			gone = true
			return s.apply(ctx, tx, &row, e)
		})
		if err != nil {
			return fmt.Errorf("give up job %s: %w", id, err)
		}
		if gone {
			s.Log.InfoContext(ctx, "job given up", "job", row.ID, "why", text(row.Error))
			s.settled(ctx, row)
		}
	}
	return nil
}

// noOther says that machines could not run a job, and that no other came.
func noOther(ctx context.Context, tx *store.Tx, row Job) (e corejob.Event, ok bool, err error) {
	spec, err := fleet.SpecByRef(ctx, tx, row.SpecID)
	if err != nil {
		return e, false, err
	}
	failed, err := AvoidedRunners(ctx, tx, row.ID)
	if err != nil || len(failed) == 0 { // one was repaired a moment ago
		return e, false, err
	}
	words := make([]corejob.Failure, len(failed))
	for i, f := range failed {
		words[i] = corejob.Failure{Slug: f.Slug, Said: f.Said}
	}
	return corejob.Event{Kind: corejob.GiveUp, Reason: api.Reason(failed[len(failed)-1].Reason), Error: corejob.GaveUp(spec.Slug, words)},
		true, nil
}

// machineGone says that the machine is gone that has begun a job's measurement.
func machineGone(ctx context.Context, tx *store.Tx, row Job) (e corejob.Event, ok bool, err error) {
	id, err := Runner(ctx, tx, row.MeasurementID)
	if err != nil || id == nil {
		return e, false, err
	}
	runner, err := fleet.RunnerByRef(ctx, tx, *id)
	return corejob.Event{Kind: corejob.GiveUp, Reason: api.ReasonHostUnfit, Error: corejob.MachineGone(runner.Slug)}, err == nil, err
}

// blocked says why no runner takes a pending job of a spec, and the way out; "" if one may.
func blocked(ctx context.Context, tx *store.Tx, row Job, spec string) (string, error) {
	rows, err := Candidates(ctx, tx, row)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 && row.SlotID != nil {
		return "it waits for the machine of its place in a sweep", nil
	}
	if len(rows) == 0 && row.InTurn {
		id, err := Runner(ctx, tx, row.MeasurementID)
		if err != nil {
			return "", err
		}
		if id != nil {
			r, err := fleet.RunnerByRef(ctx, tx, *id)
			return corejob.BlockedByTurn(spec, r.Slug, r.Archived != nil), err
		}
	}
	runners := make([]corejob.Candidate, len(rows))
	for i, r := range rows {
		runners[i] = corejob.Candidate(r)
	}
	return corejob.Blocked(spec, runners, row.NotBefore), nil
}

// Busy returns the jobs that these runners have, by runner.
func (s *Service) Busy(ctx context.Context, tx *store.Tx, runnerIDs []string) (map[string]string, error) {
	return BusyRunners(ctx, tx, runnerIDs)
}

// Allow lets a runner have the jobs again that were kept from it.
func (s *Service) Allow(ctx context.Context, tx *store.Tx, runnerID string) error {
	return AllowJobs(ctx, tx, runnerID)
}
