package event

import (
	"context"

	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/server/store"
)

// Rows sets how many rows one transaction of a look writes.
func (s *Service) Rows(n int) { s.rows = n }

// The statements, for the tests of how they are read.
var (
	MeasuredQuery = measuredQuery
	QuietQuery    = quietQuery + `(1))`
)

// Rerun has a rerun confirm an event.
func Rerun(ctx context.Context, tx *store.Tx, projectID, id string) error {
	e, err := find(ctx, tx, projectID, id)
	for _, verb := range []coreevent.Verb{coreevent.Check, coreevent.Confirm} {
		if err == nil {
			e, err = apply(ctx, tx, e, verb, nil, "")
		}
	}
	return err
}
