package event

import (
	"context"
	"fmt"
	"math"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// acceptLevels makes the levels after an event's changes what later values are held against. Of what is counted that is the newest value.
// Of the rest the values since the change: limits of thresholds and comparisons with a history leave older ones out (history.Accepted).
func acceptLevels(ctx context.Context, tx *store.Tx, e Event) error {
	if _, err := tx.Exec(ctx, `update line set accepted = seen where exists (select 1 from change_point p where p.event_id = $1
		and p.scale = 'exact' and p.significant and p.head_id = line.head_id and p.testbed_id = line.testbed_id and p.spec_id = line.spec_id
		and p.series_id = line.series_id)`, e.ID); err != nil {
		return fmt.Errorf("accept the levels of event %s: %w", e.ID, err)
	}
	if e.Kind == Threshold {
		return acceptAlerts(ctx, tx, e)
	}
	return followChanges(ctx, tx, e.HeadID)
}

// followChanges keeps the accepted levels of a head where the changes of its accepted events are: a look may have moved them, found more of
// them, or lost them.
func followChanges(ctx context.Context, tx *store.Tx, headID string) error {
	for _, query := range []string{
		`delete from accepted_level where head_id = $1 and event_id in (select id from change_event where head_id = $1 and kind <> 'threshold')`,
		`insert into accepted_level (event_id, head_id, spec_id, series_id, number)
			select p.event_id, p.head_id, p.spec_id, p.series_id, max(p.number) from change_event e join change_point p on p.event_id = e.id
			where e.head_id = $1 and e.state = 'accepted' and e.kind <> 'threshold' and p.significant
			group by p.event_id, p.head_id, p.spec_id, p.series_id`,
	} {
		if _, err := tx.Exec(ctx, query, headID); err != nil {
			return fmt.Errorf("write accepted levels of head %s: %w", headID, err)
		}
	}
	return nil
}

// acceptAlerts accepts the level of each line that an event of a threshold has active alerts of. No change says where it began, so it is
// that of the newest alert.
func acceptAlerts(ctx context.Context, tx *store.Tx, e Event) error {
	alerts, err := threshold.AlertsOfEvent(ctx, tx, e.ID, e.TestbedID, math.MaxInt64, limits.AlertsOfAFold)
	if err != nil {
		return err
	}
	if err := forgetLevels(ctx, tx, e.ID); err != nil {
		return err
	}
	ids := make([]int64, len(alerts))
	for i, a := range alerts {
		ids[i] = a.MetricID
	}
	metrics, err := report.MetricsByID(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		if _, err := tx.Exec(ctx, `insert into accepted_level (event_id, head_id, spec_id, series_id, number) values ($1, $2, $3, $4, $5)
			on conflict (event_id, series_id, spec_id) do update set number = case when excluded.number > accepted_level.number
				then excluded.number else accepted_level.number end`,
			e.ID, e.HeadID, a.SpecID, metrics[a.MetricID].SeriesID, a.Version); err != nil {
			return fmt.Errorf("accept the levels of event %s: %w", e.ID, err)
		}
	}
	return nil
}

// forgetLevels takes back what was accepted with an event.
func forgetLevels(ctx context.Context, tx *store.Tx, eventID string) error {
	if _, err := tx.Exec(ctx, `delete from accepted_level where event_id = $1`, eventID); err != nil {
		return fmt.Errorf("take back the levels of event %s: %w", eventID, err)
	}
	return nil
}
