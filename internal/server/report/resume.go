package report

import (
	"context"
	"errors"
	"fmt"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	corereport "github.com/tachograph/tacho/internal/core/report"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/store"
)

// finish writes the results of a report that its first transaction left pending. If that fails, the report is deleted as far as possible:
// its sender is told of the failure, and what it sends again must not be there twice.
func (s *Service) finish(ctx context.Context, reportID string, parsed results.Parsed) error {
	err := s.judge.finishParsed(ctx, reportID, parsed)
	if err == nil || fault.Is(err, fault.Conflict) { // somebody else has finished it
		return nil
	}
	return errors.Join(err, s.discard(ctx, reportID))
}

func (s *Service) discard(ctx context.Context, reportID string) error {
	var r Report
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		r, err = ByID(ctx, tx, reportID)
		return err
	})
	if err != nil || r.Status != api.ReportPending {
		return err
	}
	if err := s.judge.clear(ctx, r.Seq); err != nil {
		return err
	}
	return s.store.Tx(ctx, func(tx *store.Tx) error {
		r, err := Hold(ctx, tx, reportID)
		if err != nil {
			return err
		}
		if err := Hide(ctx, tx, r, corereport.Discard); err != nil {
			return err
		}
		return Delete(ctx, tx, reportID)
	})
}

// Resume finishes the reports that a process left half written, or half deleted, when it died. It returns after the last one; the errors of
// all that failed are joined, and the others are finished.
func (s *Service) Resume(ctx context.Context) error {
	var ids []string
	var hidden []Hidden
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if ids, err = Unfinished(ctx, tx); err != nil {
			return err
		}
		hidden, err = AllHidden(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	var failed error
	for _, h := range hidden {
		if err := s.remove(ctx, h); err != nil {
			failed = errors.Join(failed, fmt.Errorf("delete report %s: %w", h.ID, err))
		}
	}
	for _, id := range ids {
		if err := s.settle(ctx, id); err != nil {
			failed = errors.Join(failed, fmt.Errorf("finish report %s: %w", id, err))
		}
	}
	return failed
}

// settle finishes a report that is pending although no job is to bring its results, from its raw output. If another request is at it, it
// waits for that. For every other report it does nothing.
func (s *Service) settle(ctx context.Context, reportID string) error {
	var rep Report
	var unfinished bool
	var kept []Input
	look := func(tx *store.Tx) (err error) {
		unfinished, err = IsUnfinished(ctx, tx, reportID)
		return err
	}
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if err := look(tx); err != nil || !unfinished {
			return err
		}
		if rep, err = ByID(ctx, tx, reportID); err != nil {
			return err
		}
		kept, err = Inputs(ctx, tx, reportID)
		return err
	}); err != nil || !unfinished {
		return err
	}
	inputs, err := s.inputs(ctx, reportID, kept)
	if err != nil {
		return err
	}
	pass, err := s.work.Await(ctx, results.Cost(inputs.Inputs))
	if err != nil {
		return err
	}
	defer pass.Leave()
	if err := s.store.View(ctx, look); err != nil || !unfinished { // whoever was at it is done by now
		return err
	}
	parsed, err := results.Parse(inputs.Inputs, rep.Settings)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) { // it could be read once: another version of us was stricter
		return s.store.Tx(ctx, func(tx *store.Tx) error { return s.judge.FailReport(ctx, tx, reportID, fault.Message(err)) })
	}
	if err != nil {
		return err
	}
	if err := s.judge.finishParsed(context.WithoutCancel(ctx), reportID, parsed); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	return nil
}
