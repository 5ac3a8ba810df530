package threshold

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/store"
)

// Alert is a metric outside its boundary. HeadID is the head that its report went to.
type Alert struct {
	ID          string
	ProjectID   string
	MetricID    int64
	ReportID    string
	ThresholdID string
	ModelID     string
	HeadID      string
	Limit       string // "lower" or "upper"
	Status      api.AlertStatus
	Created     time.Time
	Modified    time.Time
}

const alertColumns = `a.id, a.project_id, a.metric_id, a.report_id, a.threshold_id, a.model_id, a.head_id, a.boundary_limit, a.status,
	a.created, a.modified`

func scanAlert(row interface{ Scan(...any) error }) (Alert, error) {
	var a Alert
	var created, modified int64
	err := row.Scan(&a.ID, &a.ProjectID, &a.MetricID, &a.ReportID, &a.ThresholdID, &a.ModelID, &a.HeadID, &a.Limit, &a.Status,
		&created, &modified)
	a.Created, a.Modified = store.TimeOf(created), store.TimeOf(modified)
	return a, err
}

// ofProcessed keeps the alerts a of reports whose results are all there.
const ofProcessed = ` and exists (select 1 from report r where r.id = a.report_id and r.status = 'processed')`

func scanAlerts(rows *sql.Rows) (Alert, error) { return scanAlert(rows) }

// InsertAlerts writes new alerts; Created and Modified are the transaction's time.
func InsertAlerts(ctx context.Context, tx *store.Tx, alerts []Alert) error {
	if len(alerts) == 0 {
		return nil
	}
	insert, err := tx.Prepare(ctx, `insert into alert (id, project_id, metric_id, report_id, threshold_id, model_id, head_id,
		boundary_limit, status, created, modified) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`)
	if err != nil {
		return fmt.Errorf("prepare alerts: %w", err)
	}
	defer insert.Close()
	for _, a := range alerts {
		if _, err := insert.ExecContext(ctx, a.ID, a.ProjectID, a.MetricID, a.ReportID, a.ThresholdID, a.ModelID, a.HeadID, a.Limit,
			string(a.Status), store.Micros(tx.Now())); err != nil {
			return fmt.Errorf("insert alert of report %s: %w", a.ReportID, err)
		}
	}
	return nil
}

// TellRaised tells of the active alerts of a report that this transaction has closed (notify): of all of them with one event, and with none
// if there are none.
func TellRaised(ctx context.Context, tx *store.Tx, projectID, reportID string) error {
	var active int
	if err := tx.QueryRow(ctx, `select count(*) from alert where report_id = $1 and status = 'active'`, reportID).Scan(&active); err != nil {
		return fmt.Errorf("count alerts of report %s: %w", reportID, err)
	}
	if active == 0 {
		return nil
	}
	return notify.Write(ctx, tx, notify.Event{Kind: notify.AlertRaised, ProjectID: projectID, Subject: reportID,
		Body: notify.Body{Report: reportID, Alerts: active}})
}

// FindAlert returns one alert of a project.
func FindAlert(ctx context.Context, tx *store.Tx, projectID, id string) (Alert, error) {
	a, err := scanAlert(tx.QueryRow(ctx, `select `+alertColumns+` from alert a where a.id = $1 and a.project_id = $2`+ofProcessed, id,
		projectID))
	return a, store.OneRow(err, "alert", id)
}

// AlertsByMetric returns the alerts of these metrics, keyed by metric.
func AlertsByMetric(ctx context.Context, tx *store.Tx, metricIDs []int64) (map[int64]Alert, error) {
	return store.ByID(ctx, tx, metricIDs, `select `+alertColumns+` from alert a where a.metric_id in `, scanAlerts,
		func(a Alert) int64 { return a.MetricID })
}

// CountAlerts returns how many alerts these reports have, keyed by report. Reports without alerts are absent.
func CountAlerts(ctx context.Context, tx *store.Tx, reportIDs []string) (map[string]api.AlertCount, error) {
	out := make(map[string]api.AlertCount, len(reportIDs))
	err := store.InChunks(reportIDs, func(in string, args []any) error {
		rows, err := tx.Query(ctx, `select report_id, count(*), sum(case when status = 'active' then 1 else 0 end)
			from alert a where a.report_id in `+in+ofProcessed+` group by report_id`, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var c api.AlertCount
			if err := rows.Scan(&id, &c.Total, &c.Active); err != nil {
				return err
			}
			out[id] = c
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("count alerts: %w", err)
	}
	return out, nil
}

// AlertFilter narrows a list of alerts. Empty fields do not.
type AlertFilter struct {
	Status   api.AlertStatus
	Archived bool // only those whose branch, testbed or measure is archived; otherwise only the others
	Modified bool // order by the time of the last change instead of that of making
}

// ListAlerts returns a page of a project's alerts, and how many there are in all.
func ListAlerts(ctx context.Context, tx *store.Tx, projectID string, f AlertFilter, page store.Page) ([]Alert, int, error) {
	where := ` from alert a join threshold t on t.id = a.threshold_id
		join branch b on b.id = t.branch_id join testbed d on d.id = t.testbed_id join measure e on e.id = t.measure_id
		where a.project_id = $1 and ($2 = '' or a.status = $2)` + ofProcessed + `
		and (b.archived is not null or d.archived is not null or e.archived is not null) = $3`
	args := []any{projectID, string(f.Status), f.Archived}
	by := "a.created"
	if f.Modified {
		by = "a.modified"
	}
	return store.PageOf(ctx, tx, "alerts", alertColumns, where, args, by+"%s, a.metric_id%s", page, scanAlerts)
}

// SetAlertStatus moves an alert to another status, and tells of it (notify). One that has left its status meanwhile is a Conflict, one that
// is gone a Missing fault.
func SetAlertStatus(ctx context.Context, tx *store.Tx, a Alert, to api.AlertStatus) error {
	res, err := tx.Exec(ctx, `update alert set status = $1, modified = $2 where id = $3 and status = $4`,
		string(to), store.Micros(tx.Now()), a.ID, string(a.Status))
	err = store.ExactlyOne(res, err, "alert", a.ID)
	if fault.Is(err, fault.Missing) {
		now, err := FindAlert(ctx, tx, a.ProjectID, a.ID)
		if err != nil {
			return err
		}
		return fault.Conflictf("alert %s is %s since somebody else changed it a moment ago; look at it again", a.ID, now.Status)
	}
	if err != nil {
		return err
	}
	return notify.Write(ctx, tx, notify.Event{Kind: notify.AlertChanged, ProjectID: a.ProjectID, Subject: a.ID,
		Body: notify.Body{Alert: a.ID, Report: a.ReportID, From: string(a.Status), To: string(to)}})
}
