package job

import (
	"context"
	"fmt"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/measurement"
	"github.com/tachograph/tacho/internal/server/store"
)

// A report waits for all of its jobs. When one fails or is canceled, there will be no results: the others end too, with those that have
// delivered keeping what they left. When somebody retries one, all that did not deliver run again.

// family does what an event of a job, which stood at before, means for its report and for the other jobs of that report.
func (s *Service) family(ctx context.Context, tx *store.Tx, row *Job, before api.JobStatus, e corejob.Kind) error {
	after := api.JobStatus(row.State)
	ended := after == api.JobFailed || after == api.JobCanceled
	again := corejob.Ended(before) && !corejob.Ended(after)
	if row.Parts == 1 {
		switch {
		case ended:
			return s.Reports.FailReport(ctx, tx, row.ReportID, endOf(*row))
		case again:
			return s.Reports.ReopenReport(ctx, tx, row.ReportID)
		}
		return nil
	}
	if !ended && !again && after != api.JobCompleted {
		return nil
	}
	others, err := s.others(ctx, tx, *row)
	if err != nil {
		return err
	}
	over := measurement.StandOf(states(others)) == measurement.Over
	switch {
	case e == corejob.Retry:
		return s.revive(ctx, tx, *row, others)
	case after == api.JobCompleted && (over || again): // it delivers what nothing waits for any more; a retry may
		return s.abandon(ctx, tx, row)
	case ended && over && text(row.Reason) == string(api.ReasonCanceledByUser): // it was another one that was canceled
		reason := string(api.ReasonMeasurement)
		row.Reason = &reason
		return Save(ctx, tx, *row)
	case !ended || over:
		return nil
	}
	if err := s.Reports.FailReport(ctx, tx, row.ReportID, fmt.Sprintf("%s (job %d of %d)", endOf(*row), part(*row), row.Parts)); err != nil {
		return err
	}
	for _, other := range others {
		if err := s.abandon(ctx, tx, &other); err != nil {
			return err
		}
	}
	return nil
}

// toCancel is the job that is canceled for a held one: itself, unless it has delivered and others of its report have not; then the one of
// these that would begin last.
func (s *Service) toCancel(ctx context.Context, tx *store.Tx, row Job) (Job, error) {
	if row.Parts == 1 || row.State != string(api.JobCompleted) {
		return row, nil
	}
	others, err := s.others(ctx, tx, row)
	for _, other := range slices.Backward(others) {
		if state := api.JobStatus(other.State); state == api.JobPending || corejob.InFlight(state) {
			return other, err
		}
	}
	return row, err
}

// endOf says how a job ended that failed or was canceled.
func endOf(row Job) string {
	sentence := text(row.Error)
	if sentence == "" {
		sentence = text(row.Reason)
	}
	return fmt.Sprintf("the job %s: %s", row.State, sentence)
}

// others are the jobs that the same report waits for, held.
func (s *Service) others(ctx context.Context, tx *store.Tx, row Job) ([]Job, error) {
	all, err := HoldOfReport(ctx, tx, row.ReportID)
	var out []Job
	for _, one := range all {
		if one.ID != row.ID {
			out = append(out, one)
		}
	}
	return out, err
}

// part is a job's number among those of its report, from 1. With two sides each round has one of each.
func part(row Job) int {
	if row.InTurn {
		return row.Place/2 + 1
	}
	return row.Place + 1
}

func states(rows []Job) []api.JobStatus {
	out := make([]api.JobStatus, len(rows))
	for i, row := range rows {
		out[i] = api.JobStatus(row.State)
	}
	return out
}

// abandon ends a job that nothing waits for any more; one that runs is asked to.
func (s *Service) abandon(ctx context.Context, tx *store.Tx, row *Job) error {
	if corejob.Ended(api.JobStatus(row.State)) {
		return nil
	}
	return s.applyAlone(ctx, tx, row, corejob.Event{Kind: corejob.Abandon,
		Error: "another job that its report waits for failed or was canceled; a retry of either takes both up again"})
}

// revive makes a report wait again for all of its jobs, of which somebody retries one.
func (s *Service) revive(ctx context.Context, tx *store.Tx, row Job, others []Job) error {
	for _, other := range others {
		if corejob.InFlight(api.JobStatus(other.State)) {
			return fault.Conflictf("job %s of the same report is still being stopped; retry when it has ended", other.ID)
		}
	}
	if err := s.Reports.ReopenReport(ctx, tx, row.ReportID); err != nil {
		return err
	}
	for _, other := range others {
		if !corejob.Ended(api.JobStatus(other.State)) {
			continue
		}
		if err := s.applyAlone(ctx, tx, &other, corejob.Event{Kind: corejob.Retry}); err != nil {
			return err
		}
	}
	return nil
}

// settleOthers is settled for the other jobs of a report, which end with the one that failed, and wait again with the one that is retried.
func (s *Service) settleOthers(ctx context.Context, row Job) {
	var all []Job
	err := s.Store.View(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		all, err = OfReport(ctx, tx, row.ReportID)
		return err
	})
	s.note(ctx, "look for the other jobs of a report", err)
	for _, other := range all {
		if other.ID == row.ID {
			continue
		}
		s.streams.publish(other.ID)
		if other.State == string(api.JobPending) && other.NotBefore == nil && !other.InTurn {
			s.waiting.wake(StandOf(other))
		}
	}
}
