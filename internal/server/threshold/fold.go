package threshold

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Unfolded is an active alert that no change explains yet: the metric outside of its limit, and the version that it was measured on.
type Unfolded struct {
	ID        string
	MetricID  int64
	MeasureID string
	Limit     string // "lower" or "upper"
	Version   int64
	SpecID    string  // "": none
	EventID   *string // of a threshold, that it is a part of meanwhile
}

const unfoldedColumns = `select a.id, a.metric_id, t.measure_id, a.boundary_limit, v.number, coalesce(r.spec_id, ''),
	a.event_id from alert a
	join report r on r.id = a.report_id and r.status = 'processed' and r.testbed_id = $2
	join version v on v.id = r.version_id join threshold t on t.id = a.threshold_id`

const unfoldedQuery = unfoldedColumns + ` where a.head_id = $1 and a.event_id is null and a.status = 'active' order by a.metric_id desc
	limit $3`

// UnfoldedAlerts returns the newest active alerts of a head and testbed that belong to no event.
func UnfoldedAlerts(ctx context.Context, tx *store.Tx, headID, testbedID string, limit int) ([]Unfolded, error) {
	rows, err := tx.Query(ctx, unfoldedQuery, headID, testbedID, limit)
	return unfolded(rows, err)
}

// AlertsOfEvent returns the newest active alerts of an event of a testbed whose metrics are below a number.
func AlertsOfEvent(ctx context.Context, tx *store.Tx, eventID, testbedID string, below int64, limit int) ([]Unfolded, error) {
	rows, err := tx.Query(ctx, unfoldedColumns+` where a.event_id = $1 and a.status = 'active' and a.metric_id < $3
		order by a.metric_id desc limit $4`, eventID, testbedID, below, limit)
	return unfolded(rows, err)
}

// AlertsAt returns alerts of an event of a testbed at some versions, active or not.
func AlertsAt(ctx context.Context, tx *store.Tx, eventID, testbedID string, versions []int64) ([]Unfolded, error) {
	rows, err := tx.Query(ctx, unfoldedColumns+` where a.event_id = $1 and v.number in `+store.Integers(versions)+
		` order by a.metric_id desc limit $3`, eventID, testbedID, limits.AlertsOfAFold)
	return unfolded(rows, err)
}

func unfolded(rows *sql.Rows, err error) ([]Unfolded, error) {
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (a Unfolded, err error) {
		return a, rows.Scan(&a.ID, &a.MetricID, &a.MeasureID, &a.Limit, &a.Version, &a.SpecID, &a.EventID)
	})
	if err != nil {
		return nil, fmt.Errorf("find alerts to fold: %w", err)
	}
	return out, nil
}

// Fold makes alerts a part of an event.
func Fold(ctx context.Context, tx *store.Tx, alertIDs []string, eventID string) error {
	return store.InChunks(alertIDs, func(in string, args []any) error {
		if _, err := tx.Exec(ctx, `update alert set event_id = '`+eventID+`' where id in `+in, args...); err != nil {
			return fmt.Errorf("fold alerts into event %s: %w", eventID, err)
		}
		return nil
	})
}

// CountOfEvents returns how many alerts events stand for, and how many of these are active, keyed by event. Events without are absent.
func CountOfEvents(ctx context.Context, tx *store.Tx, eventIDs []string) (all, active map[string]int, err error) {
	all, active = map[string]int{}, map[string]int{}
	err = store.InChunks(eventIDs, func(in string, args []any) error {
		rows, err := tx.Query(ctx, `select a.event_id, count(*), sum(case when a.status = 'active' then 1 else 0 end) from alert a
			where a.event_id in `+in+` group by a.event_id`, args...)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (id string, err error) {
			var n, m int
			err = rows.Scan(&id, &n, &m)
			all[id], active[id] = n, m
			return id, err
		})
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("count alerts of events: %w", err)
	}
	return all, active, nil
}
