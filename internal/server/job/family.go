package job

import (
	"cmp"
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
//
// A comparison has two reports. A failure is its own side's: what the other side measures is a report of its own. A cancel is of the
// comparison: it ends both sides, but for one whose jobs have all delivered, and a retry takes up again what it ended.

// family does what an event of a job, which stood at before, means for its report and for the other jobs of its measurement.
func (s *Service) family(ctx context.Context, tx *store.Tx, row *Job, before api.JobStatus, e corejob.Kind) error {
	after := api.JobStatus(row.State)
	ended := after == api.JobFailed || after == api.JobCanceled
	again := corejob.Ended(before) && !corejob.Ended(after)
	if !ended && !again && (after != api.JobCompleted || row.Parts == 1 && !row.InTurn) {
		return nil
	}
	of, err := relatives(ctx, tx, *row)
	if err != nil {
		return err
	}
	over := of.over(*row)
	switch {
	case e == corejob.Retry:
		return s.revive(ctx, tx, *row, of)
	case after == api.JobCompleted && (over || again && row.Parts > 1): // it delivers what nothing waits for any more; a retry may
		return s.abandon(ctx, tx, row, abandoned)
	case again && !over:
		return s.Reports.ReopenReport(ctx, tx, row.ReportID)
	case ended && over && text(row.Reason) == string(api.ReasonCanceledByUser): // it was another one that was canceled
		reason := string(api.ReasonMeasurement)
		row.Reason = &reason
		return Save(ctx, tx, *row)
	case !ended || over:
		return nil
	}
	sentence := endOf(*row)
	if row.Parts > 1 {
		sentence += fmt.Sprintf(" (job %d of %d)", part(*row), row.Parts)
	}
	if err := s.giveUpReport(ctx, tx, row.ReportID, sentence, of.same, abandoned); err != nil {
		return err
	}
	if text(row.Reason) != string(api.ReasonCanceledByUser) || measurement.StandOf(states(of.other)) != measurement.Waiting {
		return nil
	}
	return s.giveUpReport(ctx, tx, of.other[0].ReportID, otherCanceled, of.other, otherCanceled)
}

// What is said of jobs that end although nothing happened to them.
const (
	abandoned     = "another job that its report waits for failed or was canceled; a retry of either takes both up again"
	otherCanceled = "the other side of the comparison was canceled; a retry of a job of either side takes both up again"
)

// giveUpReport closes a report without results, and ends its jobs with a sentence of theirs.
func (s *Service) giveUpReport(ctx context.Context, tx *store.Tx, reportID, sentence string, jobs []Job, why string) error {
	if err := s.Reports.FailReport(ctx, tx, reportID, sentence); err != nil {
		return err
	}
	for _, one := range jobs {
		if err := s.abandon(ctx, tx, &one, why); err != nil {
			return err
		}
	}
	return nil
}

// kin are the other jobs of a job's measurement, in the order in which they run: those that the same report waits for, and those of the
// other side of a comparison.
type kin struct{ same, other []Job }

// relatives are the kin of a job, held.
func relatives(ctx context.Context, tx *store.Tx, row Job) (k kin, err error) {
	all := []Job{row}
	switch {
	case row.InTurn:
		all, err = HoldOfMeasurement(ctx, tx, row.MeasurementID)
	case row.Parts > 1:
		all, err = HoldOfReport(ctx, tx, row.ReportID)
	}
	for _, one := range all {
		switch {
		case one.ReportID != row.ReportID:
			k.other = append(k.other, one)
		case one.ID != row.ID:
			k.same = append(k.same, one)
		}
	}
	return k, err
}

// over reports whether the report that a job belongs to was given up before, because of another job.
func (k kin) over(row Job) bool {
	if len(k.same) > 0 {
		return measurement.StandOf(states(k.same)) == measurement.Over
	}
	return row.CancelAsked != nil && slices.ContainsFunc(k.other, func(o Job) bool {
		return o.State == string(api.JobCanceled) && text(o.Reason) == string(api.ReasonCanceledByUser)
	})
}

// givenUp reports whether the other side of a comparison ended with the cancel of a job, and not by a failure of its own.
func (k kin) givenUp() bool {
	return measurement.StandOf(states(k.other)) == measurement.Over && len(k.other) > 0 && !slices.ContainsFunc(k.other, func(o Job) bool {
		reason := api.Reason(text(o.Reason))
		return o.State == string(api.JobProcessed) ||
			corejob.Ended(api.JobStatus(o.State)) && reason != api.ReasonMeasurement && reason != api.ReasonCanceledByUser
	})
}

// toCancel is the job that is canceled for a held one: itself, unless it is through and others of its measurement are not; then the one of
// these that would begin last.
func (s *Service) toCancel(ctx context.Context, tx *store.Tx, row Job) (Job, error) {
	state := api.JobStatus(row.State)
	if state == api.JobPending || corejob.InFlight(state) {
		return row, nil
	}
	of, err := relatives(ctx, tx, row)
	all := slices.Concat(of.same, of.other)
	slices.SortFunc(all, func(a, b Job) int { return cmp.Compare(b.Place, a.Place) })
	for _, other := range all {
		state := api.JobStatus(other.State)
		if state == api.JobPending || corejob.InFlight(state) && other.CancelAsked == nil {
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

// abandon ends a job that nothing waits for any more, and says why; one that runs is asked to.
func (s *Service) abandon(ctx context.Context, tx *store.Tx, row *Job, why string) error {
	if corejob.Ended(api.JobStatus(row.State)) {
		return nil
	}
	return s.applyAlone(ctx, tx, row, corejob.Event{Kind: corejob.Abandon, Error: why})
}

// revive makes a report wait again for all of its jobs, of which somebody retries one, and the report of the other side of a comparison
// that a cancel has ended.
func (s *Service) revive(ctx context.Context, tx *store.Tx, row Job, of kin) error {
	others, reports := of.same, []string{row.ReportID}
	for _, one := range of.other {
		if corejob.InFlight(api.JobStatus(one.State)) && one.CancelAsked != nil {
			return stillStopping(one)
		}
	}
	if of.givenUp() {
		others, reports = slices.Concat(others, of.other), append(reports, of.other[0].ReportID)
	}
	for _, other := range others {
		if corejob.InFlight(api.JobStatus(other.State)) {
			return stillStopping(other)
		}
	}
	for _, id := range reports {
		if err := s.Reports.ReopenReport(ctx, tx, id); err != nil {
			return err
		}
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

func stillStopping(row Job) error {
	return fault.Conflictf("job %s of the same measurement is still being stopped; retry when it has ended", row.ID)
}

// settleOthers is settled for the other jobs of a measurement, which end with the one that failed, and wait again with the one that is
// retried.
func (s *Service) settleOthers(ctx context.Context, row Job) {
	var all []Job
	err := s.Store.View(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		all, err = OfMeasurement(ctx, tx, row.MeasurementID)
		return err
	})
	s.note(ctx, "look for the other jobs of a measurement", err)
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
