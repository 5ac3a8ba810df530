package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/series"
)

// HistoryParams say which earlier values are asked for.
type HistoryParams struct {
	HeadID    string
	TestbedID string
	SpecID    *string // only reports of the same hardware spec, or all without one
	Horizon   series.Horizon
	Limit     int // values of each series, the newest
	SeriesIDs []int64
}

// History returns the newest values of each series within the horizon, newest first: by version number, start time, arrival and
// iteration. Series without history are absent.
//
// Most series of a head are measured by each of its reports. So the newest Limit reports are found once and all series are read from
// them; only for a series that these do not fill are all its points read, and only if some lie outside are the head's other reports.
func (tx *Tx) History(ctx context.Context, p HistoryParams) (map[int64][]float64, error) {
	if p.Limit <= 0 || len(p.SeriesIDs) == 0 {
		return map[int64][]float64{}, nil
	}
	newest, err := tx.historyReports(ctx, p, p.Limit)
	if err != nil {
		return nil, err
	}
	points, err := tx.historyPoints(ctx, p.SeriesIDs, newest)
	if err != nil {
		return nil, err
	}
	if len(newest) == p.Limit { // there may be older reports
		var short []int64
		for _, id := range p.SeriesIDs {
			if len(points[id]) < p.Limit {
				short = append(short, id)
			}
		}
		if err := tx.fillHistory(ctx, p, short, newest, points); err != nil {
			return nil, err
		}
	}
	out := make(map[int64][]float64, len(points))
	for id, list := range points {
		slices.SortFunc(list, func(a, b valuePoint) int { return series.Compare(b.Point, a.Point) })
		values := make([]float64, min(len(list), p.Limit))
		for i := range values {
			values[i] = list[i].value
		}
		out[id] = values
	}
	return out, nil
}

type valuePoint struct {
	series.Point
	value float64
}

// ofLineage keeps the reports r that are a head's own: of itself and of the heads that its versions hv were copied from. Another branch
// that measured one of these versions is not its history.
const ofLineage = ` and exists (select 1 from head_lineage l where l.head_id = hv.head_id and l.ancestor_id = r.head_id)`

// historyReportsQuery walks the versions of a head from the newest down and stops at the limit.
const historyReportsQuery = `select r.seq, hv.number, r.start_time from head_version hv
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2 and hv.number <= $3 and r.start_time <= $4 and r.start_time >= $5 and r.seq <> $6
		and r.status = 'processed' and r.spec_id is not distinct from $7` + ofLineage + `
		order by hv.number desc, r.start_time desc, r.seq desc limit $8`

// historyReports returns where the newest reports within the horizon stand, keyed by their sequence number.
func (tx *Tx) historyReports(ctx context.Context, p HistoryParams, limit int) (map[int64]series.Point, error) {
	rows, err := tx.q.QueryContext(ctx, historyReportsQuery,
		p.TestbedID, p.HeadID, p.Horizon.Version, p.Horizon.Start, p.Horizon.Oldest, p.Horizon.Report, p.SpecID, limit)
	found, err := collect(rows, err, func(rows *sql.Rows) (series.Point, error) {
		var at series.Point
		err := rows.Scan(&at.Report, &at.Version, &at.Start)
		return at, err
	})
	if err != nil {
		return nil, fmt.Errorf("find reports before: %w", err)
	}
	out := make(map[int64]series.Point, len(found))
	for _, at := range found {
		out[at.Report] = at
	}
	return out, nil
}

// historyPoints reads the points of the series in the reports.
func (tx *Tx) historyPoints(ctx context.Context, seriesIDs []int64, reports map[int64]series.Point) (map[int64][]valuePoint, error) {
	out := make(map[int64][]valuePoint, len(seriesIDs))
	if len(reports) == 0 {
		return out, nil
	}
	seqs := make([]int64, 0, len(reports))
	for seq := range reports {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	in := ` and m.report_seq in ` + integers(seqs)
	for chunk := range slices.Chunk(seriesIDs, idsPerQuery) {
		if err := tx.eachValue(ctx, ` where m.series_id in `+integers(chunk)+in, func(id int64, at series.Point, value float64) {
			iteration := at.Iteration
			at = reports[at.Report]
			at.Iteration = iteration
			out[id] = append(out[id], valuePoint{at, value})
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fillHistory completes the points of series that the newest reports do not fill.
func (tx *Tx) fillHistory(ctx context.Context, p HistoryParams, short []int64, newest map[int64]series.Point, points map[int64][]valuePoint) error {
	var all map[int64]series.Point // loaded when the first point outside of newest is met
	for _, id := range short {
		var rest []valuePoint
		if err := tx.eachValue(ctx, ` where m.series_id in `+integers([]int64{id}), func(_ int64, at series.Point, value float64) {
			if _, known := newest[at.Report]; !known && at.Report != p.Horizon.Report {
				rest = append(rest, valuePoint{at, value})
			}
		}); err != nil {
			return err
		}
		if len(rest) > 0 && all == nil {
			var err error
			if all, err = tx.historyReports(ctx, p, math.MaxInt32); err != nil {
				return err
			}
		}
		for _, point := range rest {
			if at, within := all[point.Report]; within {
				at.Iteration = point.Iteration
				points[id] = append(points[id], valuePoint{at, point.value})
			}
		}
	}
	return nil
}

const historyValuesQuery = `select m.series_id, m.report_seq, m.iteration, m.value from metric m`

func (tx *Tx) eachValue(ctx context.Context, where string, f func(seriesID int64, at series.Point, value float64)) error {
	rows, err := tx.q.QueryContext(ctx, historyValuesQuery+where)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var at series.Point
		var value float64
		if err := rows.Scan(&id, &at.Report, &at.Iteration, &value); err != nil {
			return fmt.Errorf("read history: %w", err)
		}
		f(id, at, value)
	}
	return rows.Err()
}

// integers writes numbers as a list for SQL. They are ours, so that nothing can be smuggled in, and a list of thousands needs no
// parameters.
func integers(ids []int64) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(id, 10))
	}
	b.WriteByte(')')
	return b.String()
}
