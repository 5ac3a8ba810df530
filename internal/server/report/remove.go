package report

import (
	"context"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Delete removes a report with its results and alerts. One whose job is not over is a Conflict. It is invisible at once; the rows of many
// results go in slices, because all writers wait for each, and are gone when Delete returns. Resume goes on with what a process left.
func (s *Service) Delete(ctx context.Context, actor access.Actor, ref, id string) error {
	var hidden *Hidden
	if err := s.door.Change(ctx, actor, access.EditProject, ref, func(tx *store.Tx, project project.Project) error {
		hidden = nil
		r, err := ByID(ctx, tx, id)
		if err == nil && r.JobID != nil { // before its report, as everywhere
			_, err = job.HoldOfReport(ctx, tx, id)
		}
		if err == nil {
			r, err = Hold(ctx, tx, id)
		}
		if err != nil {
			return err
		}
		if r.ProjectID != project.ID {
			return fault.Missingf("report %q does not exist in project %q", id, project.Slug)
		}
		if err := Hide(ctx, tx, r, corereport.Remove); err != nil {
			return err
		}
		n, err := CountMetrics(ctx, tx, r.Seq)
		if err != nil {
			return err
		}
		if s.judge.fits(n) {
			return Delete(ctx, tx, id)
		}
		hidden = &Hidden{Seq: r.Seq, ID: id}
		return nil
	}); err != nil || hidden == nil {
		return err
	}
	return s.remove(context.WithoutCancel(ctx), *hidden) // it is gone for everybody, whether its sender waits or not
}

// remove takes away what is left of a report that is hidden. Two at once do no harm.
func (s *Service) remove(ctx context.Context, h Hidden) error {
	if err := s.judge.clear(ctx, h.Seq); err != nil {
		return err
	}
	err := s.store.Tx(ctx, func(tx *store.Tx) error { return Delete(ctx, tx, h.ID) })
	if fault.Is(err, fault.Missing) {
		return nil
	}
	return err
}
