package event

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
)

// Point is a row of change_point: a change of a line. Number, First and Last are version numbers. Effect and its interval are absent where
// there is no ratio.
type Point struct {
	ID, ProjectID, HeadID, TestbedID, SpecID string
	SeriesID                                 int64
	EventID                                  *string
	Number, First, Last                      int64
	Scale                                    string // log, raw or exact
	Before, After                            float64
	Effect, Low, High                        *float64
	T, P                                     float64
	NBefore, NAfter                          int
	Settled, Weak, Significant               bool
	Worse                                    int // 1 worse, −1 better, 0 nobody knows
	Score                                    float64
}

const pointColumns = `p.id, p.project_id, p.head_id, p.testbed_id, p.spec_id, p.series_id, p.event_id, p.number, p.first, p.last, p.scale,
	p.level_before, p.level_after, p.effect, p.low, p.high, p.t, p.p, p.n_before, p.n_after, p.settled, p.weak, p.significant, p.worse,
	p.score`

func scanPoint(rows *sql.Rows) (p Point, err error) {
	return p, rows.Scan(&p.ID, &p.ProjectID, &p.HeadID, &p.TestbedID, &p.SpecID, &p.SeriesID, &p.EventID, &p.Number, &p.First, &p.Last,
		&p.Scale, &p.Before, &p.After, &p.Effect, &p.Low, &p.High, &p.T, &p.P, &p.NBefore, &p.NAfter, &p.Settled, &p.Weak, &p.Significant,
		&p.Worse, &p.Score)
}

// savePoint writes a change over its row, or makes one if it has no id yet.
func savePoint(ctx context.Context, tx *store.Tx, p Point) error {
	isNew := p.ID == ""
	if isNew {
		p.ID = ident.NewUUID()
	}
	_, err := tx.Exec(ctx, `insert into change_point (id, project_id, head_id, testbed_id, spec_id, series_id, event_id, number, first, last,
		scale, level_before, level_after, effect, low, high, t, p, n_before, n_after, settled, weak, significant, worse, score, created,
		modified) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
		$26, $26) on conflict (id) do update set number = excluded.number, first = excluded.first, last = excluded.last,
		scale = excluded.scale, level_before = excluded.level_before, level_after = excluded.level_after, effect = excluded.effect,
		low = excluded.low, high = excluded.high, t = excluded.t, p = excluded.p, n_before = excluded.n_before, n_after = excluded.n_after,
		settled = excluded.settled, weak = excluded.weak, significant = excluded.significant, worse = excluded.worse,
		score = excluded.score, modified = excluded.modified`,
		p.ID, p.ProjectID, p.HeadID, p.TestbedID, p.SpecID, p.SeriesID, p.EventID, p.Number, p.First, p.Last, p.Scale, p.Before, p.After,
		p.Effect, p.Low, p.High, p.T, p.P, p.NBefore, p.NAfter, p.Settled, p.Weak, p.Significant, p.Worse, p.Score, store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("write change of series %d: %w", p.SeriesID, err)
	}
	return nil
}

// pointsOfLines returns the changes of lines of a head, testbed and spec, keyed by series.
func pointsOfLines(ctx context.Context, tx *store.Tx, at lineKey, seriesIDs []int64) (map[int64][]Point, error) {
	out := map[int64][]Point{}
	for chunk := range slices.Chunk(seriesIDs, store.IDsPerQuery) {
		these, args := store.Among("p.series_id", chunk, 4)
		rows, err := tx.Query(ctx, `select `+pointColumns+` from change_point p where p.head_id = $1 and p.testbed_id = $2 and p.spec_id = $3
			and `+these+` order by p.id`, append([]any{at.HeadID, at.TestbedID, at.SpecID}, args...)...)
		found, err := store.Collect(rows, err, scanPoint)
		if err != nil {
			return nil, fmt.Errorf("find changes of lines: %w", err)
		}
		for _, p := range found {
			out[p.SeriesID] = append(out[p.SeriesID], p)
		}
	}
	return out, nil
}

// pointsOfHead returns all changes of a head, on all testbeds, that are or were significant.
func pointsOfHead(ctx context.Context, tx *store.Tx, headID string) ([]Point, error) {
	rows, err := tx.Query(ctx, `select `+pointColumns+` from change_point p where p.head_id = $1 order by p.id`, headID)
	out, err := store.Collect(rows, err, scanPoint)
	if err != nil {
		return nil, fmt.Errorf("find changes of head %s: %w", headID, err)
	}
	return out, nil
}

// pointsOfEvents returns the changes of events, keyed by event: at most so many of each, those that are significant before the others and
// the largest first.
func pointsOfEvents(ctx context.Context, tx *store.Tx, eventIDs []string, most int) (map[string][]Point, error) {
	out := make(map[string][]Point, len(eventIDs))
	columns := strings.ReplaceAll(pointColumns, "p.", "")
	err := store.InChunks(eventIDs, func(in string, args []any) error {
		rows, err := tx.Query(ctx, `select `+columns+` from (select p.*,
				row_number() over (partition by p.event_id order by p.significant desc, p.score desc, p.id) as place
				from change_point p where p.event_id in `+in+`) as ranked
			where place <= `+fmt.Sprint(most)+` order by event_id, place`, args...)
		found, err := store.Collect(rows, err, scanPoint)
		for _, p := range found {
			out[*p.EventID] = append(out[*p.EventID], p)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find changes of events: %w", err)
	}
	return out, nil
}

// setEvent says of which event a change is a part.
func setEvent(ctx context.Context, tx *store.Tx, pointID, eventID string) error {
	if _, err := tx.Exec(ctx, `update change_point set event_id = $1 where id = $2`, eventID, pointID); err != nil {
		return fmt.Errorf("write the event of change %s: %w", pointID, err)
	}
	return nil
}
