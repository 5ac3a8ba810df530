// Package history finds the values that come before a report: what a new value is judged by. It walks back along a head's reports and the
// stretches that the head shares with those it started from (package series), and reads each series as a range of the rows of metric.
//
// It only reads, and looks at reports and metrics as rows: a report need not be loaded for it. Package report calls it when it judges, in
// the transaction that writes; so may any room that needs the last values of a line. Its caller has asked who may.
package history

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Params say which earlier values are asked for.
type Params struct {
	HeadID    string
	TestbedID string
	SpecID    *string // only reports of the same hardware spec, or all without one
	Horizon   coreseries.Horizon
	Limit     int // values of each series, the newest
	SeriesIDs []int64
	From      map[int64]int64 // of series whose older values do not count: the first version that does (Accepted)
}

// Values returns the newest values of each series within the horizon, newest first: by version number, start time, arrival and
// iteration. Series without history are absent.
//
// Most series of a head are measured by each of its reports. So the newest Limit reports are found once, and all series are read from them;
// only for the series that these do not fill, and that have values elsewhere, are more of the head's reports looked at.
func Values(ctx context.Context, tx *store.Tx, p Params) (map[int64][]float64, error) {
	if p.Limit <= 0 || len(p.SeriesIDs) == 0 {
		return map[int64][]float64{}, nil
	}
	stretches, err := series.Stretches(ctx, tx, p.HeadID)
	if err != nil {
		return nil, err
	}
	w := walk{Params: p, left: stretches, ranks: map[int64]int{}, points: make(map[int64][]ranked, len(p.SeriesIDs))}
	open := p.SeriesIDs
	for size := p.Limit; len(open) > 0; size *= growth {
		seqs, err := w.reports(ctx, tx, size)
		if err != nil {
			return nil, err
		}
		if err := w.read(ctx, tx, open, seqs); err != nil {
			return nil, err
		}
		if len(seqs) < size { // there are no older ones
			break
		}
		if open, err = w.unfilled(ctx, tx, open); err != nil {
			return nil, err
		}
	}
	out := make(map[int64][]float64, len(w.points))
	for id, list := range w.points {
		if len(list) > 0 {
			out[id] = newest(list, p.Limit)
		}
	}
	return out, nil
}

// growth is how many times more reports are looked at with each step back.
const growth = 8

// walk goes back in the reports of a head, from the newest within the horizon.
type walk struct {
	Params
	left   []series.Stretch // of the head's history, oldest first; of the last one
	done   int              // reports were met
	ranks  map[int64]int    // of each report that was met: 0 is the newest
	number []int64          // of its version, by rank
	points map[int64][]ranked
}

// ranked is a value with the rank of its report.
type ranked struct {
	rank, iteration int
	value           float64
}

// newest are the newest values of a list, which is put in order: it mostly is, from the oldest to the newest.
func newest(list []ranked, limit int) []float64 {
	older := func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.iteration, b.iteration))
	}
	if !slices.IsSortedFunc(list, older) {
		slices.SortFunc(list, older)
	}
	out := make([]float64, min(len(list), limit))
	for i := range out {
		out[i] = list[len(list)-1-i].value
	}
	return out
}

// reportsQuery walks the versions of a stretch from the newest down and stops at the limit.
var reportsQuery = `select r.seq, hv.number from head_version hv
		join report r on r.version_id = hv.version_id and r.testbed_id = $1
		where hv.head_id = $2 and hv.number between $10 and $3 and r.start_time <= $4 and r.start_time >= $5 and r.seq <> $6
		and r.status = 'processed' and r.spec_id is not distinct from $7
		and not exists (select 1 from report_mark k where k.report_id = r.id)` + series.OfLineage(11) + `
		order by hv.number desc, r.start_time desc, r.seq desc limit $8 offset $9`

// reports returns the next reports within the horizon, from the newest on, and gives them their ranks.
func (w *walk) reports(ctx context.Context, tx *store.Tx, limit int) ([]int64, error) {
	before := len(w.ranks)
	var seqs []int64
	for len(w.left) > 0 && len(seqs) < limit {
		last := w.left[len(w.left)-1]
		rows, err := tx.Query(ctx, reportsQuery, w.TestbedID, last.HeadID, min(last.High, w.Horizon.Version), w.Horizon.Start,
			w.Horizon.Oldest, w.Horizon.Report, w.SpecID, limit-len(seqs), w.done, last.Low, w.HeadID)
		found, err := store.Collect(rows, err, func(rows *sql.Rows) (seq int64, err error) {
			var number int64
			err = rows.Scan(&seq, &number)
			w.number = append(w.number, number)
			return seq, err
		})
		if err != nil {
			return nil, fmt.Errorf("find reports before: %w", err)
		}
		w.done += len(found)
		if len(found) < limit-len(seqs) {
			w.left, w.done = w.left[:len(w.left)-1], 0
		}
		seqs = append(seqs, found...)
	}
	for i, seq := range seqs {
		w.ranks[seq] = before + i
	}
	return seqs, nil
}

// read adds the points of the series in the reports.
func (w *walk) read(ctx context.Context, tx *store.Tx, ids []int64, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	where, err := reportsOf(ctx, tx, ids[0], seqs)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(ids, store.IDsPerQuery) {
		if err := w.readChunk(ctx, tx, chunk, where, len(seqs)); err != nil {
			return err
		}
	}
	return nil
}

// unfilled are those of the series that have fewer values than are asked for, and values in reports that were not met yet.
func (w *walk) unfilled(ctx context.Context, tx *store.Tx, ids []int64) (out []int64, err error) {
	var short []int64
	for _, id := range ids {
		if len(w.points[id]) < w.Limit && w.number[len(w.number)-1] >= w.From[id] {
			short = append(short, id)
		}
	}
	for chunk := range slices.Chunk(short, store.IDsPerQuery) {
		rows, err := tx.Query(ctx, countsQuery+store.Integers(chunk)+` group by m.series_id`, w.Horizon.Report)
		found, err := store.Collect(rows, err, func(rows *sql.Rows) (c seriesCount, err error) { return c, rows.Scan(&c.id, &c.metrics) })
		if err != nil {
			return nil, fmt.Errorf("count values: %w", err)
		}
		for _, c := range found {
			if c.metrics > len(w.points[c.id]) {
				out = append(out, c.id)
			}
		}
	}
	return out, nil
}

type seriesCount struct {
	id      int64
	metrics int
}

const countsQuery = `select m.series_id, count(*) from metric m where m.report_seq <> $1 and m.series_id in `

// foreignRows is how many times more rows than reports a range may have before its reports are named one by one: to skip a
// row in a range is cheaper than to look one up.
const foreignRows = 4

// reportsOf says in SQL which rows of a series belong to the reports: all of a range, unless other branches have most of it.
func reportsOf(ctx context.Context, tx *store.Tx, id int64, seqs []int64) (string, error) {
	low, high := slices.Min(seqs), slices.Max(seqs)
	var rows int
	row := tx.QueryRow(ctx, `select count(*) from (select 1 from metric m
		where m.series_id = $1 and m.report_seq between $2 and $3 limit $4) as few`, id, low, high, foreignRows*len(seqs)+1)
	if err := row.Scan(&rows); err != nil {
		return "", fmt.Errorf("count values between reports: %w", err)
	}
	if rows <= foreignRows*len(seqs) {
		return fmt.Sprintf(" and m.report_seq between %d and %d", low, high), nil
	}
	return " and m.report_seq in " + store.Integers(slices.Sorted(slices.Values(seqs))), nil
}

const valuesQuery = `select m.series_id, m.report_seq, m.iteration, m.value from metric m`

// readChunk adds the points of some series in the reports that where names.
func (w *walk) readChunk(ctx context.Context, tx *store.Tx, ids []int64, where string, reports int) error {
	var current int64
	var list []ranked
	first := len(w.ranks) - reports // the ranks below are those of an earlier look
	if err := each(ctx, tx, ids, where, func(id, seq int64, iteration int, value float64) {
		rank, met := w.ranks[seq]
		if !met || rank < first || w.number[rank] < w.From[id] {
			return
		}
		if id != current {
			if current != 0 {
				w.points[current] = list
			}
			current, list = id, w.points[id]
			if list == nil {
				list = make([]ranked, 0, min(reports, w.Limit))
			}
		}
		list = append(list, ranked{rank, iteration, value})
	}); err != nil {
		return err
	}
	if current != 0 {
		w.points[current] = list
	}
	return nil
}

// Each calls f with values of the series; among them are all that they have in these reports, and those of each series come together.
func Each(ctx context.Context, tx *store.Tx, seriesIDs, reportSeqs []int64, f func(id, seq int64, iteration int, value float64)) error {
	if len(seriesIDs) == 0 || len(reportSeqs) == 0 {
		return nil
	}
	where, err := reportsOf(ctx, tx, seriesIDs[0], reportSeqs)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(seriesIDs, store.IDsPerQuery) {
		if err := each(ctx, tx, chunk, where, f); err != nil {
			return err
		}
	}
	return nil
}

// each reads the rows of some series that where names. Each column is taken as the driver has it: there are many rows.
func each(ctx context.Context, tx *store.Tx, ids []int64, where string, f func(id, seq int64, iteration int, value float64)) error {
	rows, err := tx.Query(ctx, valuesQuery+` where m.series_id in `+store.Integers(ids)+where)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	defer rows.Close()
	var id, seq, iteration, value any
	for rows.Next() {
		if err := rows.Scan(&id, &seq, &iteration, &value); err != nil {
			return fmt.Errorf("read history: %w", err)
		}
		f(id.(int64), seq.(int64), int(iteration.(int64)), value.(float64)) //nolint:forcetypeassert // columns that hold nothing else
	}
	return rows.Err()
}

// Accepted returns where the newest change of each series along a head begins that people accepted, up to version upTo: what came before
// says nothing of the level that is as it should be. Changes of heads that it started from are among them. Series without are absent.
func Accepted(ctx context.Context, tx *store.Tx, headID string, specID *string, upTo int64) (map[int64]int64, error) {
	rows, err := tx.Query(ctx, acceptedQuery, headID, specID, upTo)
	out := map[int64]int64{}
	_, err = store.Collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var number int64
		err = rows.Scan(&id, &number)
		out[id] = number
		return id, err
	})
	if err != nil {
		return nil, fmt.Errorf("find accepted levels of head %s: %w", headID, err)
	}
	return out, nil
}

const acceptedQuery = `select a.series_id, max(a.number) from head_lineage l join accepted_level a on a.head_id = l.ancestor_id
	where l.head_id = $1 and a.spec_id = coalesce($2, '') and a.number between l.low and l.high and a.number <= $3 group by a.series_id`
