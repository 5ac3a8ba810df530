package report

import (
	"context"
	"fmt"
	"io"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/store"
)

// Reparse reads a processed report's raw output again with its settings, and replaces its metrics and alerts by what comes of it, judged at
// the same place of history. Output that cannot be read is an Invalid fault, a report that is not processed or whose output is gone a
// Conflict; then nothing is changed.
func (s *Service) Reparse(ctx context.Context, actor access.Actor, ref, reportID string) error {
	project, err := s.door.Find(ctx, actor, access.EditProject, ref)
	if err != nil {
		return err
	}
	var r Report
	var kept []Input
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if r, err = ByID(ctx, tx, reportID); err != nil {
			return err
		}
		if err := reparsable(project, r); err != nil {
			return err
		}
		kept, err = Inputs(ctx, tx, reportID)
		return err
	}); err != nil {
		return err
	}
	inputs, err := s.inputs(ctx, reportID, kept)
	if err != nil {
		return err
	}
	pass, err := s.work.Enter(ctx, results.Cost(inputs.Inputs))
	if err != nil {
		return err
	}
	defer pass.Leave()
	parsed, err := results.Parse(inputs.Inputs, r.Settings)
	if err != nil {
		return err
	}
	parsed.Sources = inputs.Sources
	noise := shownBy(r.Context, parsed)
	var slices bool
	if err := s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.InProject(project.ID)); err != nil {
			return err
		}
		rep, err := Hold(ctx, tx, reportID)
		if err != nil {
			return err
		}
		if err := reparsable(project, rep); err != nil {
			return err
		}
		before, err := CountMetrics(ctx, tx, rep.Seq)
		if err != nil {
			return err
		}
		if slices = s.judge.large(parsed) || before > limits.MetricsPerSlice; slices {
			if err := checkNames(ctx, tx, project.ID, parsed); err != nil {
				return err
			}
			_, err = Apply(ctx, tx, rep, corereport.Reread)
			return err
		}
		if err := DeleteMetrics(ctx, tx, rep.Seq); err != nil {
			return err
		}
		_, err = writeResults(ctx, tx, rep, parsed, noise, corereport.Replace)
		return err
	}); err != nil {
		return err
	}
	if slices {
		if err := s.judge.finishParsed(context.WithoutCancel(ctx), reportID, parsed); err != nil {
			return err // it stays pending, and Resume tries again
		}
	}
	return nil
}

func reparsable(project project.Project, report Report) error {
	if report.ProjectID != project.ID {
		return fault.Missingf("report %q does not exist in project %q", report.ID, project.Slug)
	}
	_, err := corereport.Next(report.ID, report.Status, corereport.Reread)
	return err
}

// inputs are the raw outputs of a report, from its submission or from its jobs.
func (s *Service) inputs(ctx context.Context, reportID string, kept []Input) (out job.Delivery, err error) {
	for _, in := range kept {
		text, err := s.text(ctx, in)
		if err != nil {
			return out, err
		}
		out.Inputs = append(out.Inputs, text)
	}
	if len(out.Inputs) > 0 {
		return out, nil
	}
	out, err = s.queue.Inputs(ctx, reportID)
	if err == nil && len(out.Inputs) == 0 {
		err = fault.Conflictf("report %s: its raw output has been deleted", reportID)
	}
	return out, err
}

func (s *Service) text(ctx context.Context, in Input) (string, error) {
	digest, err := blob.ParseDigest(in.Digest)
	if err != nil {
		return "", fmt.Errorf("input %d: %w", in.Iteration, err)
	}
	r, _, err := s.blobs.Open(ctx, digest, 0, -1)
	if err != nil {
		return "", fmt.Errorf("open input %d: %w", in.Iteration, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, limits.ReportBodyBytes))
	if err != nil {
		return "", fmt.Errorf("read input %d: %w", in.Iteration, err)
	}
	return string(raw), nil
}
