package event

import (
	"context"
	"fmt"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

// Mark marks a report as bad, for a reason: its results are left out of lines, whose changes are found anew. They stay in the report and in
// plots. A report that is marked gets the new reason.
func (s *Service) Mark(ctx context.Context, actor access.Actor, ref, reportID, reason string) (out api.ReportMark, err error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return out, fault.Invalidf("reason: marking a report as bad needs one, so that others can tell why it does not count")
	}
	if len(reason) > limits.EventReasonBytes {
		return out, fault.Invalidf("reason: %d bytes, the limit is %d", len(reason), limits.EventReasonBytes)
	}
	err = s.mark(ctx, actor, ref, reportID, func(tx *store.Tx, r report.Report) error {
		var by *string
		if actor.AccountID != "" {
			by = &actor.AccountID
		}
		_, err := tx.Exec(ctx, `insert into report_mark (report_id, reason, account_id, created) values ($1, $2, $3, $4)
			on conflict (report_id) do update set reason = excluded.reason, account_id = excluded.account_id`, r.ID, reason, by,
			store.Micros(tx.Now()))
		if err != nil {
			return fmt.Errorf("mark report %s: %w", r.ID, err)
		}
		out = api.ReportMark{Report: r.ID, Reason: reason}
		var created int64
		err = tx.QueryRow(ctx, `select created from report_mark where report_id = $1`, r.ID).Scan(&created)
		out.Created = store.TimeOf(created)
		return err
	})
	return out, err
}

// Unmark takes the mark of a report away. One that has none is a Missing fault.
func (s *Service) Unmark(ctx context.Context, actor access.Actor, ref, reportID string) error {
	return s.mark(ctx, actor, ref, reportID, func(tx *store.Tx, r report.Report) error {
		res, err := tx.Exec(ctx, `delete from report_mark where report_id = $1`, r.ID)
		return store.ExactlyOne(res, err, "mark of report", r.ID)
	})
}

// mark changes whether a report counts, and looks at its lines anew before it returns.
func (s *Service) mark(ctx context.Context, actor access.Actor, ref, reportID string, f func(*store.Tx, report.Report) error) error {
	var r report.Report
	if err := s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, p project.Project) (err error) {
		if r, err = report.Hold(ctx, tx, strings.ToLower(reportID)); err != nil {
			return err
		}
		if r.ProjectID != p.ID {
			return fault.Missingf("report %q does not exist in project %q", reportID, p.Slug)
		}
		if r.Status != api.ReportProcessed {
			return fault.Conflictf("report %s is %s: only one with results can be marked", r.ID, r.Status)
		}
		if err := f(tx, r); err != nil {
			return err
		}
		return report.LookAgain(ctx, tx, r)
	}); err != nil {
		return err
	}
	return s.Look(context.WithoutCancel(ctx), r.ProjectID, report.Line{HeadID: r.HeadID, TestbedID: r.TestbedID})
}
