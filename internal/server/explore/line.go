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

var lineReportsQuery = `select r.seq, r.id, r.start_time, r.end_time, hv.number, v.hash from head_version hv
		join version v on v.id = hv.version_id
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2 and hv.number between $7 and $8 and r.status = 'processed' and ($3 = '' or r.spec_id = $3)
		and r.start_time >= coalesce($4, r.start_time) and r.start_time <= coalesce($5, r.start_time)` + series.OfLineage(9) + `
		order by hv.number, r.start_time, r.seq limit $6`

var linePlacesQuery = `select r.seq, hv.number, r.start_time from head_version hv
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2 and hv.number between $7 and $8 and r.status = 'processed' and ($3 = '' or r.spec_id = $3)
		and r.start_time >= coalesce($4, r.start_time) and r.start_time <= coalesce($5, r.start_time)` + series.OfLineage(9) + `
		order by hv.number, r.start_time, r.seq limit $6`

// linePlaces returns what LineReports does, but no more of each report than where it is.
func linePlaces(ctx context.Context, tx *store.Tx, p LineParams) ([]place, error) {
	out, err := alongLine(ctx, tx, p, linePlacesQuery, func(rows *sql.Rows) (r place, err error) {
		return r, rows.Scan(&r.seq, &r.number, &r.start)
	})
	if err != nil {
		return nil, fmt.Errorf("find places of a line: %w", err)
	}
	return out, nil
}

// alongLine runs a query for each stretch of the line's history, oldest first.
func alongLine[T any](ctx context.Context, tx *store.Tx, p LineParams, query string, scan func(*sql.Rows) (T, error)) ([]T, error) {
	stretches, err := series.Stretches(ctx, tx, p.HeadID)
	if err != nil {
		return nil, err
	}
	out := []T{}
	for _, s := range stretches {
		rows, err := tx.Query(ctx, query, p.TestbedID, s.HeadID, p.SpecID, store.MicrosPtr(p.From), store.MicrosPtr(p.To), p.Limit-len(out),
			s.Low, s.High, p.HeadID)
		found, err := store.Collect(rows, err, scan)
		if err != nil {
			return nil, err
		}
		if len(out) == 0 {
			out = found // mostly there is one stretch
		} else {
			out = append(out, found...)
		}
	}
	return out, nil
}

// reportName is what a dot of a plot needs of its report.
type reportName struct {
	seq      int64
	id, hash string
}

// reportNames returns the reports with these numbers, in no particular order.
func reportNames(ctx context.Context, tx *store.Tx, seqs []int64) ([]reportName, error) {
	rows, err := tx.Query(ctx, `select r.seq, r.id, coalesce(v.hash, '') from report r join version v on v.id = r.version_id
		where r.seq in `+store.Integers(seqs))
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (n reportName, err error) {
		return n, rows.Scan(&n.seq, &n.id, &n.hash)
	})
	if err != nil {
		return nil, fmt.Errorf("find reports of points: %w", err)
	}
	return out, nil
}

// LineReports returns the reports of a line, oldest first: by version number, start time and arrival.
func LineReports(ctx context.Context, tx *store.Tx, p LineParams) ([]LineReport, error) {
	out, err := alongLine(ctx, tx, p, lineReportsQuery, func(rows *sql.Rows) (LineReport, error) {
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

// Each column costs as much as reading the row, so iteration and whether the value is outside of its boundary are one.
const seriesSpotsQuery = `select m.report_seq, m.value,
		m.iteration * 2 + case when m.value < m.lower_limit or m.value > m.upper_limit then 1 else 0 end
		from metric m where m.series_id = $1 and m.report_seq between $2 and $3`

// seriesSpots calls f with each metric of a series between two reports, in no particular order.
func seriesSpots(ctx context.Context, tx *store.Tx, seriesID, from, to int64, f func(reportSeq int64, v spot)) error {
	rows, err := tx.Query(ctx, seriesSpotsQuery, seriesID, from, to)
	if err != nil {
		return fmt.Errorf("read series %d: %w", seriesID, err)
	}
	defer rows.Close()
	var seq, packed int64
	var v spot
	for rows.Next() {
		if err := rows.Scan(&seq, &v.value, &packed); err != nil {
			return fmt.Errorf("read series %d: %w", seriesID, err)
		}
		v.iteration, v.outside = int32(packed>>1), packed&1 == 1 //nolint:gosec // iterations are few
		f(seq, v)
	}
	return rows.Err()
}

// seriesMetricsAt calls f with the metrics of a series in these reports.
func seriesMetricsAt(ctx context.Context, tx *store.Tx, seriesID int64, reportSeqs []int64, f func(report.Metric)) error {
	rows, err := tx.Query(ctx, `select `+report.MetricColumns+` from metric m where m.series_id = $1 and m.report_seq in `+
		store.Integers(reportSeqs), seriesID)
	if err != nil {
		return fmt.Errorf("read points of series %d: %w", seriesID, err)
	}
	defer rows.Close()
	for rows.Next() {
		m, err := report.ScanMetric(rows)
		if err != nil {
			return fmt.Errorf("read points of series %d: %w", seriesID, err)
		}
		f(m)
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
	err = tx.QueryRow(ctx, `select count(*) from head_lineage l
		join head_version hv on hv.head_id = l.ancestor_id and hv.number between l.low and l.high
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where l.head_id = $2`, testbedID, headID).Scan(&n)
	return n, err
}
