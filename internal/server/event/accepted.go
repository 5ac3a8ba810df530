package event

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	coreevent "github.com/tachograph/tacho/internal/core/event"
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
	alerts, err := alertsThatCount(ctx, tx, e)
	if err != nil {
		return err
	}
	if err := forgetLevels(ctx, tx, e.ID); err != nil {
		return err
	}
	metrics, err := metricsOf(ctx, tx, alerts)
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

// alertsThatCount are the newest active alerts of an event but those of reports that are marked as bad: lines have no values of these.
func alertsThatCount(ctx context.Context, tx *store.Tx, e Event) ([]threshold.Unfolded, error) {
	alerts, err := threshold.AlertsOfEvent(ctx, tx, e.ID, e.TestbedID, math.MaxInt64, limits.AlertsOfAFold)
	if err != nil {
		return nil, err
	}
	marked := map[string]bool{}
	rows, err := tx.Query(ctx, `select a.id from alert a join report_mark k on k.report_id = a.report_id where a.event_id = $1`, e.ID)
	if _, err = store.Collect(rows, err, func(rows *sql.Rows) (id string, err error) {
		err = rows.Scan(&id)
		marked[id] = true
		return id, err
	}); err != nil {
		return nil, fmt.Errorf("find alerts of event %s that do not count: %w", e.ID, err)
	}
	return slices.DeleteFunc(alerts, func(a threshold.Unfolded) bool { return marked[a.ID] }), nil
}

// followResults keeps the levels that were accepted with events of thresholds where results are: of a level whose results went away that of
// the alert before it holds, and without one none.
func followResults(ctx context.Context, tx *store.Tx, at report.Line) error {
	own, err := ofThresholds(ctx, tx, at)
	if err != nil {
		return err
	}
	for _, e := range own {
		if e.State != coreevent.Accepted {
			continue
		}
		if err := followAlerts(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// bareLevels are the levels of an event at whose version the line has no results that count.
const bareLevels = `select l.spec_id, l.series_id, l.number from accepted_level l where l.event_id = $1 and not exists (
	select 1 from head_version hv join report r on r.version_id = hv.version_id and r.testbed_id = $2
		and coalesce(r.spec_id, '') = l.spec_id
	join metric m on m.series_id = l.series_id and m.report_seq = r.seq
	where hv.head_id = l.head_id and hv.number = l.number` + countsQuery + `) order by l.spec_id, l.series_id`

func followAlerts(ctx context.Context, tx *store.Tx, e Event) error {
	bare := map[levelKey]int64{} // version
	rows, err := tx.Query(ctx, bareLevels, e.ID, e.TestbedID)
	if _, err = store.Collect(rows, err, func(rows *sql.Rows) (k levelKey, err error) {
		var number int64
		err = rows.Scan(&k.spec, &k.series, &number)
		bare[k] = number
		return k, err
	}); err != nil {
		return fmt.Errorf("find accepted levels of event %s without results: %w", e.ID, err)
	}
	if len(bare) == 0 {
		return nil
	}
	alerts, err := alertsThatCount(ctx, tx, e)
	if err != nil {
		return err
	}
	metrics, err := metricsOf(ctx, tx, alerts)
	if err != nil {
		return err
	}
	before := map[levelKey]int64{}
	for _, a := range alerts {
		k := levelKey{a.SpecID, metrics[a.MetricID].SeriesID}
		if number, is := bare[k]; is && a.Version < number {
			before[k] = max(before[k], a.Version)
		}
	}
	for k := range bare {
		const place = ` where event_id = $1 and spec_id = $2 and series_id = $3`
		if number, is := before[k]; is {
			_, err = tx.Exec(ctx, `update accepted_level set number = $4`+place, e.ID, k.spec, k.series, number)
		} else {
			_, err = tx.Exec(ctx, `delete from accepted_level`+place, e.ID, k.spec, k.series)
		}
		if err != nil {
			return fmt.Errorf("move the accepted levels of event %s: %w", e.ID, err)
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
