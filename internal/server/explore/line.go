package explore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// LineParams say which reports make a line: those of a head and of what it started from, on a testbed.
type LineParams struct {
	HeadID    string
	TestbedID string
	SpecID    string     // empty: any
	From      *time.Time // start time, inclusive
	To        *time.Time // start time, inclusive
	Limit     int        // rows at most
}

// LineReport is what a point of a line needs of its report.
type LineReport struct {
	Seq       int64
	ID        string
	StartTime time.Time
	EndTime   time.Time
	Number    int64 // of the version
	Hash      *string
}

const lineReportsQuery = `select r.seq, r.id, r.start_time, r.end_time, hv.number, v.hash from head_version hv
		join version v on v.id = hv.version_id
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2 and r.status = 'processed' and ($3 = '' or r.spec_id = $3)
		and r.start_time >= coalesce($4, r.start_time) and r.start_time <= coalesce($5, r.start_time)` + series.OfLineage + `
		order by hv.number, r.start_time, r.seq limit $6`

// LineReports returns the reports of a line, oldest first: by version number, start time and arrival.
func LineReports(ctx context.Context, tx *store.Tx, p LineParams) ([]LineReport, error) {
	rows, err := tx.Query(ctx, lineReportsQuery, p.TestbedID, p.HeadID, p.SpecID, store.MicrosPtr(p.From), store.MicrosPtr(p.To), p.Limit)
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (LineReport, error) {
		var r LineReport
		var start, end int64
		err := rows.Scan(&r.Seq, &r.ID, &start, &end, &r.Number, &r.Hash)
		r.StartTime, r.EndTime = store.TimeOf(start), store.TimeOf(end)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("find reports of a line: %w", err)
	}
	return out, nil
}

const seriesMetricsQuery = `select ` + report.MetricColumns + ` from metric m where m.series_id = $1`

// SeriesMetrics calls f with each metric of a series, in no particular order, until f returns false. One scan of integers and numbers:
// the caller joins it with the reports of its line.
func SeriesMetrics(ctx context.Context, tx *store.Tx, seriesID int64, f func(report.Metric) bool) error {
	rows, err := tx.Query(ctx, seriesMetricsQuery, seriesID)
	if err != nil {
		return fmt.Errorf("read series %d: %w", seriesID, err)
	}
	defer rows.Close()
	for rows.Next() {
		m, err := report.ScanMetric(rows)
		if err != nil {
			return fmt.Errorf("read series %d: %w", seriesID, err)
		}
		if !f(m) {
			return nil
		}
	}
	return rows.Err()
}

// CountSeriesMetrics returns how many metrics a series has.
func CountSeriesMetrics(ctx context.Context, tx *store.Tx, seriesID int64) (n int, err error) {
	err = tx.QueryRow(ctx, `select count(*) from metric m where m.series_id = $1`, seriesID).Scan(&n)
	return n, err
}

// CountLineReports returns how many reports LineReports looks at.
func CountLineReports(ctx context.Context, tx *store.Tx, headID, testbedID string) (n int, err error) {
	err = tx.QueryRow(ctx, `select count(*) from head_version hv join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2`, testbedID, headID).Scan(&n)
	return n, err
}
