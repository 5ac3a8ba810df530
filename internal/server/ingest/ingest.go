// Package ingest turns raw tool output into metrics: it parses, judges each value against its history, raises alerts and closes the
// report. There is one way through it, for results that come with the request (intake calls Parse and Write) and for those of a job
// (the queue calls FinishReport when a runner has delivered).
//
// What it promises: nothing is written unless all of the output could be read; readers see all of a report's results or none; judging the
// same report at the same place of history gives the same answer, whatever came later.
//
// # Slices
//
// SQLite has one writer, and a project is one writer's in PostgreSQL; neither must be held for long. Results of up to
// limits.MetricsPerSlice metrics are judged and written in one transaction. Larger ones are prepared outside of the writer and written in
// slices of that size, between which other writers get their turn. Until the last transaction, which closes it, the report is pending, and
// the metrics and alerts of a report that is not processed are shown to nobody and are nobody's history (store filters them by the
// report's status). They are judged on one snapshot, as if the report had been written at that moment. When something dies in between,
// what was written stays unseen. The next try deletes it and begins again from the raw output: the queue brings a completed job again,
// intake a pending report without a job, at the start of the server or
// when its sender comes again with the same idempotency key.
//
// It does not choose projects, branches or versions (intake), keep raw output (intake, queue) or tell anybody (the edges).
package ingest

import (
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service reads and judges results. It is safe for concurrent use.
type Service struct {
	store *store.Store
	work  *admit.Gate

	slice      int          // metrics of one transaction
	afterSlice func() error // see Slices
}

// New returns the service over a database. Large results pass the gate while they are read and written; nil: no bound.
func New(s *store.Store, work *admit.Gate) *Service {
	return &Service{store: s, work: work, slice: limits.MetricsPerSlice}
}

// Slices sets how many metrics one transaction writes, and what happens after each, whose error ends the work there as a kill would. It is
// for tests, before the first use.
func (s *Service) Slices(metrics int, after func() error) { s.slice, s.afterSlice = metrics, after }

// FinishReport reads a job's outputs, one for each iteration, with the settings of its report, judges them, writes metrics and alerts and
// closes the report with the given end. inTx runs in the transaction that closes it, before the report is touched there. Outputs that
// cannot be read are Invalid faults with a sentence for people; a report that is not pending is a Conflict. In both cases nothing is
// written.
func (s *Service) FinishReport(ctx context.Context, reportID string, inputs []string, end time.Time, host *api.HostFacts,
	inTx func(*store.Tx) error) error {
	var r report.Report
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		r, err = report.ByID(ctx, tx, reportID)
		return err
	})
	if err != nil {
		return err
	}
	pass, err := s.work.Await(ctx, Cost(inputs))
	if err != nil {
		return err
	}
	defer pass.Leave()
	parsed, err := Parse(inputs, r.Settings)
	if err != nil {
		return err
	}
	return s.finish(ctx, finishing{reportID: reportID, parsed: parsed, inTx: inTx, change: func(report *report.Report) {
		report.EndTime = end
		if report.EndTime.Before(report.StartTime) { // the runner's clock, or a backdated job
			report.EndTime = report.StartTime
		}
		if host != nil {
			report.Host = host
		}
	}})
}

// FailReport closes a report without results. sentence is for people.
func (s *Service) FailReport(ctx context.Context, tx *store.Tx, reportID, sentence string) error {
	rep, err := report.Hold(ctx, tx, reportID)
	if err != nil {
		return err
	}
	rep.Error = sentence
	_, err = report.Apply(ctx, tx, rep, corereport.Fail)
	return err
}

// ReopenReport makes a failed report pending again, for a job that is tried again. A processed one is a Conflict.
func (s *Service) ReopenReport(ctx context.Context, tx *store.Tx, reportID string) error {
	rp, err := report.Hold(ctx, tx, reportID)
	if err != nil {
		return err
	}
	rp.Error, rp.Recognised = "", ""
	rp.Problems, rp.Counts = nil, nil
	_, err = report.Apply(ctx, tx, rp, corereport.Reopen)
	return err
}
