package event

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// exactScale is the scale of changes of what is counted.
const exactScale = "exact"

// lineKey says which line: a series along a head, on one hardware spec or ("") on none.
type lineKey struct {
	HeadID, TestbedID, SpecID string
	SeriesID                  int64
}

// Line is what is known of a line. Numbers are those of versions. Low and High are absent where each value is to be examined.
type Line struct {
	lineKey
	Frozen            int64 // values up to this version were let go; −1: none
	Seen              int64 // the newest version that was examined
	Due               int64 // the version from which on it is examined whatever its values are
	Low, High         *float64
	Accepted          *int64 // the version whose value was accepted last, of what is counted
	Detectable, Noise *float64
}

const lineColumns = `l.head_id, l.testbed_id, l.spec_id, l.series_id, l.frozen, l.seen, l.due, l.low, l.high, l.accepted, l.detectable,
	l.noise`

func scanLine(rows *sql.Rows) (l Line, err error) {
	return l, rows.Scan(&l.HeadID, &l.TestbedID, &l.SpecID, &l.SeriesID, &l.Frozen, &l.Seen, &l.Due, &l.Low, &l.High, &l.Accepted,
		&l.Detectable, &l.Noise)
}

// knownOf returns the lines that changes are of.
func knownOf(ctx context.Context, tx *store.Tx, points []Point) (map[lineKey]Line, error) {
	out := map[lineKey]Line{}
	ids := map[lineKey][]int64{} // of each head, testbed and spec
	for _, p := range points {
		at := lineKey{HeadID: p.HeadID, TestbedID: p.TestbedID, SpecID: p.SpecID}
		ids[at] = append(ids[at], p.SeriesID)
	}
	for at, series := range ids {
		lines, err := linesOf(ctx, tx, at, series)
		if err != nil {
			return nil, err
		}
		for id, l := range lines {
			at.SeriesID = id
			out[at] = l
		}
	}
	return out, nil
}

// linesOf returns those of the lines of a head, testbed and spec that are known, keyed by series.
func linesOf(ctx context.Context, tx *store.Tx, at lineKey, seriesIDs []int64) (map[int64]Line, error) {
	these, args := store.Among("l.series_id", seriesIDs, 4)
	rows, err := tx.Query(ctx, `select `+lineColumns+` from line l where l.head_id = $1 and l.testbed_id = $2 and l.spec_id = $3
		and `+these, append([]any{at.HeadID, at.TestbedID, at.SpecID}, args...)...)
	found, err := store.Collect(rows, err, scanLine)
	if err != nil {
		return nil, fmt.Errorf("find lines: %w", err)
	}
	out := make(map[int64]Line, len(found))
	for _, l := range found {
		out[l.SeriesID] = l
	}
	return out, nil
}

// linesAt returns all lines of a head and testbed that are known.
func linesAt(ctx context.Context, tx *store.Tx, at report.Line) ([]Line, error) {
	rows, err := tx.Query(ctx, `select `+lineColumns+` from line l where l.head_id = $1 and l.testbed_id = $2`, at.HeadID, at.TestbedID)
	out, err := store.Collect(rows, err, scanLine)
	if err != nil {
		return nil, fmt.Errorf("find lines of head %s: %w", at.HeadID, err)
	}
	return out, nil
}

// saveLines writes lines over their rows, or makes them.
func saveLines(ctx context.Context, tx *store.Tx, lines []Line) error {
	save, err := tx.Prepare(ctx, `insert into line (head_id, testbed_id, spec_id, series_id, frozen, seen, due, low, high, accepted,
		detectable, noise) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (head_id, testbed_id, spec_id, series_id) do update set frozen = excluded.frozen, seen = excluded.seen,
		due = excluded.due, low = excluded.low, high = excluded.high, accepted = excluded.accepted, detectable = excluded.detectable,
		noise = excluded.noise`)
	if err != nil {
		return fmt.Errorf("prepare lines: %w", err)
	}
	defer save.Close()
	for _, l := range lines {
		if _, err := save.ExecContext(ctx, l.HeadID, l.TestbedID, l.SpecID, l.SeriesID, l.Frozen, l.Seen, l.Due, l.Low, l.High, l.Accepted,
			l.Detectable, l.Noise); err != nil {
			return fmt.Errorf("write line of series %d: %w", l.SeriesID, err)
		}
	}
	return nil
}

// dropLines forgets lines that have no results.
func dropLines(ctx context.Context, tx *store.Tx, keys []lineKey) error {
	for _, k := range keys {
		if _, err := tx.Exec(ctx, `delete from line where head_id = $1 and testbed_id = $2 and spec_id = $3 and series_id = $4`, k.HeadID,
			k.TestbedID, k.SpecID, k.SeriesID); err != nil {
			return fmt.Errorf("forget line of series %d: %w", k.SeriesID, err)
		}
	}
	return nil
}

// countLines returns how many lines of a head are known on each testbed.
func countLines(ctx context.Context, tx *store.Tx, headID string) (map[string]int, error) {
	out := map[string]int{}
	rows, err := tx.Query(ctx, `select l.testbed_id, count(*) from line l where l.head_id = $1 group by l.testbed_id`, headID)
	_, err = store.Collect(rows, err, func(rows *sql.Rows) (id string, err error) {
		var n int
		err = rows.Scan(&id, &n)
		out[id] = n
		return id, err
	})
	if err != nil {
		return nil, fmt.Errorf("count lines of head %s: %w", headID, err)
	}
	return out, nil
}

// reportsAt returns for each version that was measured on the event's testbed the newest report, keyed by version number.
func reportsAt(ctx context.Context, tx *store.Tx, e Event, versionIDs []string) (map[int64]string, error) {
	out := map[int64]string{}
	err := store.InChunks(versionIDs, func(in string, args []any) error {
		n := len(args)
		rows, err := tx.Query(ctx, `select v.number, r.id from version v join report r on r.version_id = v.id
			where v.id in `+in+fmt.Sprintf(` and r.testbed_id = $%d and r.status = 'processed'`, n+1)+series.OfLineage(n+2)+
			` order by r.seq`, append(args, e.TestbedID, e.HeadID)...)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (number int64, err error) {
			var id string
			err = rows.Scan(&number, &id)
			out[number] = id
			return number, err
		})
		return err
	})
	return out, err
}
