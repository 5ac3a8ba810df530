package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

// lookout brings the lines of a project up to date when its reports or its policy have changed, and ends the check of an event that waited
// for a report.
func (s *Server) lookout() notify.Subscriber {
	kinds := []notify.Kind{notify.ReportClosed, notify.ReportReopened, notify.ReportDeleted, notify.PolicyChanged}
	return notify.Subscriber{Name: "events", Kinds: kinds,
		Deliver: func(ctx context.Context, e notify.Event) error {
			_, err := s.changes.CatchUp(ctx, e.ProjectID, math.MaxInt)
			return errors.Join(err, s.changes.Checked(ctx, e.Subject))
		}}
}

// lookEvery is how often lines are looked for that a delivery did not reach: after an upgrade, or when it was given up.
const lookEvery = time.Minute

// lookAround brings the lines of all projects up to date, and ends checks of events, now and then. What fails keeps nothing else from it.
func (s *Server) lookAround(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := errors.Join(s.lookEverywhere(ctx), s.changes.EndChecks(ctx)); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "look for events", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Server) lookEverywhere(ctx context.Context) error {
	var projects []string
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		projects, err = report.ProjectsWithNews(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	var failed []error
	for _, id := range projects {
		if _, err := s.changes.CatchUp(ctx, id, math.MaxInt); err != nil {
			failed = append(failed, fmt.Errorf("project %s: %w", id, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}
