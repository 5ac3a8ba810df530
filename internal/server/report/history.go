package report

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// HistoryParams say which earlier values are asked for.
type HistoryParams struct {
	HeadID    string
	TestbedID string
	SpecID    *string // only reports of the same hardware spec, or all without one
	Horizon   coreseries.Horizon
	Limit     int // values of each series, the newest
	SeriesIDs []int64
}

// History returns the newest values of each series within the horizon, newest first: by version number, start time, arrival and
// iteration. Series without history are absent.
//
// Most series of a head are measured by each of its reports. So the newest Limit reports are found once and all series are read from
// them; only for a series that these do not fill are all its points read, and only if some lie outside are the head's other reports.
func History(ctx context.Context, tx *store.Tx, p HistoryParams) (map[int64][]float64, error) {
	if p.Limit <= 0 || len(p.SeriesIDs) == 0 {
		return map[int64][]float64{}, nil
	}
	newest, err := historyReports(ctx, tx, p, p.Limit)
	if err != nil {
		return nil, err
	}
	points, err := historyPoints(ctx, tx, p.SeriesIDs, newest)
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
		if err := fillHistory(ctx, tx, p, short, newest, points); err != nil {
			return nil, err
		}
	}
	out := make(map[int64][]float64, len(points))
	for id, list := range points {
		slices.SortFunc(list, func(a, b valuePoint) int { return coreseries.Compare(b.Point, a.Point) })
		values := make([]float64, min(len(list), p.Limit))
		for i := range values {
			values[i] = list[i].value
		}
		out[id] = values
	}
	return out, nil
}

type valuePoint struct {
	coreseries.Point
	value float64
}

// historyReportsQuery walks the versions of a head from the newest down and stops at the limit.
const historyReportsQuery = `select r.seq, hv.number, r.start_time from head_version hv
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2 and hv.number <= $3 and r.start_time <= $4 and r.start_time >= $5 and r.seq <> $6
		and r.status = 'processed' and r.spec_id is not distinct from $7` + series.OfLineage + `
		order by hv.number desc, r.start_time desc, r.seq desc limit $8`

// historyReports returns where the newest reports within the horizon stand, keyed by their sequence number.
func historyReports(ctx context.Context, tx *store.Tx, p HistoryParams, limit int) (map[int64]coreseries.Point, error) {
	rows, err := tx.Query(ctx, historyReportsQuery,
		p.TestbedID, p.HeadID, p.Horizon.Version, p.Horizon.Start, p.Horizon.Oldest, p.Horizon.Report, p.SpecID, limit)
	found, err := store.Collect(rows, err, func(rows *sql.Rows) (coreseries.Point, error) {
		var at coreseries.Point
		err := rows.Scan(&at.Report, &at.Version, &at.Start)
		return at, err
	})
	if err != nil {
		return nil, fmt.Errorf("find reports before: %w", err)
	}
	out := make(map[int64]coreseries.Point, len(found))
	for _, at := range found {
		out[at.Report] = at
	}
	return out, nil
}

// historyPoints reads the points of the series in the reports.
func historyPoints(ctx context.Context, tx *store.Tx, seriesIDs []int64, reports map[int64]coreseries.Point) (map[int64][]valuePoint,
	error) {
	out := make(map[int64][]valuePoint, len(seriesIDs))
	if len(reports) == 0 {
		return out, nil
	}
	seqs := make([]int64, 0, len(reports))
	for seq := range reports {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	in := ` and m.report_seq in ` + store.Integers(seqs)
	for chunk := range slices.Chunk(seriesIDs, store.IDsPerQuery) {
		if err := eachValue(ctx, tx, ` where m.series_id in `+store.Integers(chunk)+in, func(id int64, at coreseries.Point, value float64) {
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
func fillHistory(ctx context.Context, tx *store.Tx, p HistoryParams, short []int64, newest map[int64]coreseries.Point,
	points map[int64][]valuePoint) error {
	var all map[int64]coreseries.Point // loaded when the first point outside of newest is met
	for _, id := range short {
		var rest []valuePoint
		if err := eachValue(ctx, tx, ` where m.series_id in `+store.Integers([]int64{id}), func(_ int64, at coreseries.Point, value float64) {
			if _, known := newest[at.Report]; !known && at.Report != p.Horizon.Report {
				rest = append(rest, valuePoint{at, value})
			}
		}); err != nil {
			return err
		}
		if len(rest) > 0 && all == nil {
			var err error
			if all, err = historyReports(ctx, tx, p, math.MaxInt32); err != nil {
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

func eachValue(ctx context.Context, tx *store.Tx, where string, f func(seriesID int64, at coreseries.Point, value float64)) error {
	rows, err := tx.Query(ctx, historyValuesQuery+where)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var at coreseries.Point
		var value float64
		if err := rows.Scan(&id, &at.Report, &at.Iteration, &value); err != nil {
			return fmt.Errorf("read history: %w", err)
		}
		f(id, at, value)
	}
	return rows.Err()
}
