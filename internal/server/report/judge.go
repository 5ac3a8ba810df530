package report

import (
	"context"
	"slices"

	"github.com/tachograph/tacho/internal/core/limits"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/store"
)

// Judge reads and judges results, and closes their reports. It is safe for concurrent use.
type Judge struct {
	store *store.Store
	work  *admit.Gate

	slice      int          // metrics of one transaction
	afterSlice func() error // see Slices
}

// NewJudge returns one over a database. Large results pass the gate while they are read and written; nil: no bound.
func NewJudge(s *store.Store, work *admit.Gate) *Judge {
	return &Judge{store: s, work: work, slice: limits.MetricsPerSlice}
}

// Slices sets how many metrics one transaction writes, and what happens after each, whose error ends the work there as a kill would. It is
// for tests, before the first use.
func (j *Judge) Slices(metrics int, after func() error) { j.slice, j.afterSlice = metrics, after }

// FinishReport reads what the jobs of a report left, one text for each iteration, with the settings of the report, judges it, writes
// metrics and alerts and closes the report. inTx runs in the transaction that closes it, before the report is touched there. Outputs that
// cannot be read are Invalid faults with a sentence for people; a report that is not pending is a Conflict. In both cases nothing is
// written.
func (j *Judge) FinishReport(ctx context.Context, reportID string, d job.Delivery, inTx func(*store.Tx) error) error {
	var r Report
	err := j.store.View(ctx, func(tx *store.Tx) (err error) {
		r, err = ByID(ctx, tx, reportID)
		return err
	})
	if err != nil {
		return err
	}
	pass, err := j.work.Await(ctx, results.Cost(d.Inputs))
	if err != nil {
		return err
	}
	defer pass.Leave()
	parsed, err := results.Parse(d.Inputs, r.Settings)
	if err != nil {
		return err
	}
	parsed.Sources = d.Sources
	return j.finish(ctx, finishing{reportID: reportID, parsed: parsed, inTx: inTx, change: func(report *Report) {
		report.EndTime = d.End
		if report.EndTime.Before(report.StartTime) { // the runner's clock, or a backdated job
			report.EndTime = report.StartTime
		}
		if d.Host != nil {
			report.Host = d.Host
		}
		for _, w := range d.Warnings {
			if !slices.Contains(report.Warnings, w) { // it may be closed for the second time
				report.Warnings = append(report.Warnings, w)
			}
		}
	}})
}

// FailReport closes a report without results. sentence is for people.
func (j *Judge) FailReport(ctx context.Context, tx *store.Tx, reportID, sentence string) error {
	rep, err := Hold(ctx, tx, reportID)
	if err != nil {
		return err
	}
	rep.Error = sentence
	_, err = Apply(ctx, tx, rep, corereport.Fail)
	return err
}

// ReopenReport makes a failed report pending again, for a job that is tried again. A processed one is a Conflict.
func (j *Judge) ReopenReport(ctx context.Context, tx *store.Tx, reportID string) error {
	rp, err := Hold(ctx, tx, reportID)
	if err != nil {
		return err
	}
	rp.Error, rp.Recognised = "", ""
	rp.Problems, rp.Counts = nil, nil
	_, err = Apply(ctx, tx, rp, corereport.Reopen)
	return err
}
