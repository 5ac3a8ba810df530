// Package ingest turns raw tool output into metrics: it parses, judges each value against its history, raises alerts and closes the
// report. There is one way through it, for results that come with the request (intake calls Parse and Write) and for those of a job
// (the queue calls FinishReport when a runner has delivered).
//
// What it promises: nothing is written unless all of the output could be read; everything about a report is written in one transaction;
// judging the same report at the same place of history gives the same answer, whatever came later.
//
// It does not choose projects, branches or versions (intake), keep raw output (intake, queue) or tell anybody (the edges).
package ingest

import (
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service reads and judges results. It is safe for concurrent use.
type Service struct {
	store *store.Store
}

// New returns the service over a database.
func New(s *store.Store) *Service { return &Service{store: s} }

// FinishReport reads a job's outputs, one for each iteration, with the settings of its report, judges them, writes metrics and alerts and
// closes the report with the given end. inTx runs in the same transaction, after the report is written. Outputs that cannot be read are
// Invalid faults with a sentence for people; a report that is not pending is a Conflict. In both cases nothing is written.
func (s *Service) FinishReport(ctx context.Context, reportID string, inputs []string, end time.Time, host *api.HostFacts, inTx func(*store.Tx) error) error {
	var report store.Report
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		report, err = tx.Report(ctx, reportID)
		return err
	})
	if err != nil {
		return err
	}
	parsed, err := Parse(inputs, report.Settings)
	if err != nil {
		return err
	}
	return s.store.Tx(ctx, func(tx *store.Tx) error {
		report, err := tx.Report(ctx, reportID)
		if err != nil {
			return err
		}
		if report.Status != api.ReportPending {
			return fault.Conflictf("report %s is %s, only a pending one takes results", report.ID, report.Status)
		}
		report.EndTime = end
		if report.EndTime.Before(report.StartTime) { // the runner's clock, or a backdated job
			report.EndTime = report.StartTime
		}
		if host != nil {
			report.Host = host
		}
		if _, err := Write(ctx, tx, report, parsed); err != nil {
			return err
		}
		if inTx == nil {
			return nil
		}
		return inTx(tx)
	})
}

// FailReport closes a report without results. sentence is for people.
func (s *Service) FailReport(ctx context.Context, tx *store.Tx, reportID, sentence string) error {
	report, err := tx.Report(ctx, reportID)
	if err != nil {
		return err
	}
	if report.Status == api.ReportProcessed {
		return fault.Conflictf("report %s is processed, it cannot fail any more", report.ID)
	}
	report.Status, report.Error = api.ReportFailed, sentence
	return tx.CloseReport(ctx, report)
}

// ReopenReport makes a failed report pending again, for a job that is tried again. A processed one is a Conflict.
func (s *Service) ReopenReport(ctx context.Context, tx *store.Tx, reportID string) error {
	report, err := tx.Report(ctx, reportID)
	if err != nil {
		return err
	}
	if report.Status == api.ReportProcessed {
		return fault.Conflictf("report %s is processed; submit a new run instead", report.ID)
	}
	report.Status, report.Error, report.Recognised = api.ReportPending, "", ""
	report.Problems, report.Counts = nil, nil
	return tx.CloseReport(ctx, report)
}
