package event

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Sight says what could have been seen on a branch and a testbed.
type Sight struct {
	Lines      int                // that were looked at
	Exact      int                // of these: counted, so that any change is seen
	Learning   int                // too short, or too far off, to say how small a step is seen
	Half       *float64           // the step, as a part of the level, that is found in half of the others; nil: there are none
	Detectable map[string]float64 // of measured benchmarks that were named, by UUID; absent: not known
}

// sightOf are the lines of a head and a testbed. On a raw scale what is detectable is no ratio: the lower bound of what is expected is
// positive on the others only.
const sightOf = ` from line l join series s on s.id = l.series_id join measure m on m.id = s.measure_id
	where l.head_id = $1 and l.testbed_id = $2`

const ratioKnown = ` and l.detectable is not null and l.low > 0`

// Sight says what could have been seen on a branch and a testbed, and of these benchmarks of one measure (all UUIDs).
func (s *Service) Sight(ctx context.Context, actor access.Actor, ref, branch, testbed, measure string, benchmarks []string) (out Sight,
	err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		b, err := series.BranchByRef(ctx, tx, p.ID, branch)
		if err != nil {
			return err
		}
		row := tx.QueryRow(ctx, `select count(*), coalesce(sum(case when m.exact then 1 else 0 end), 0),
			coalesce(sum(case when not m.exact and l.detectable is not null and l.low > 0 then 1 else 0 end), 0)`+sightOf, b.HeadID, testbed)
		known := 0
		if err := row.Scan(&out.Lines, &out.Exact, &known); err != nil {
			return fmt.Errorf("count lines of branch %s: %w", b.ID, err)
		}
		out.Learning = out.Lines - out.Exact - known
		if known > 0 {
			var half float64
			if err := tx.QueryRow(ctx, `select l.detectable`+sightOf+` and not m.exact`+ratioKnown+
				` order by l.detectable limit 1 offset $3`, b.HeadID, testbed, (known-1)/2).Scan(&half); err != nil {
				return fmt.Errorf("find what is detectable on branch %s: %w", b.ID, err)
			}
			out.Half = &half
		}
		out.Detectable, err = detectableOf(ctx, tx, b.HeadID, testbed, measure, benchmarks)
		return err
	})
	return out, err
}

// detectableOf is what is detectable of some benchmarks, keyed by benchmark: of several hardware specs the least.
func detectableOf(ctx context.Context, tx *store.Tx, headID, testbedID, measureID string, benchmarks []string) (map[string]float64, error) {
	out := map[string]float64{}
	found, err := series.Of(ctx, tx, testbedID, measureID, benchmarks)
	if err != nil {
		return nil, err
	}
	ids, of := make([]int64, 0, len(found)), make(map[int64]string, len(found))
	for benchmark, s := range found {
		ids, of[s.ID] = append(ids, s.ID), benchmark
	}
	rows, err := tx.Query(ctx, `select l.series_id, min(l.detectable) from line l where l.head_id = $1 and l.testbed_id = $2
		and l.series_id in `+store.Integers(ids)+ratioKnown+` group by l.series_id`, headID, testbedID)
	_, err = store.Collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var v float64
		err = rows.Scan(&id, &v)
		out[of[id]] = v
		return id, err
	})
	if err != nil {
		return nil, fmt.Errorf("find what is detectable of series: %w", err)
	}
	return out, nil
}

// LineChange is a change of a line with the event that it belongs to.
type LineChange struct {
	Event   string // UUID
	Kind    Kind
	State   api.EventState
	Branch  string // UUID, as the testbed
	Testbed string
	api.EventChange
}

// Changes returns the significant changes of the lines of branches, testbeds, benchmarks and measures (UUIDs): of the newest versions,
// up to limits.LineChanges. A change that belongs to no event yet is not among them.
func (s *Service) Changes(ctx context.Context, actor access.Actor, ref string, branches, testbeds, benchmarks,
	measures []string) (out []LineChange, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		for _, branch := range branches {
			b, err := series.BranchByRef(ctx, tx, p.ID, branch)
			if err != nil {
				return err
			}
			for _, testbed := range testbeds {
				found, err := changesOfLines(ctx, tx, p.ID, b, testbed, benchmarks, measures)
				if err != nil {
					return err
				}
				out = append(out, found...)
			}
		}
		return nil
	})
	return out, err
}

func changesOfLines(ctx context.Context, tx *store.Tx, projectID string, b series.Branch, testbed string, benchmarks,
	measures []string) ([]LineChange, error) {
	var ids []int64
	lines := map[int64]series.Series{}
	for _, measure := range measures {
		found, err := series.Of(ctx, tx, testbed, measure, benchmarks)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			ids, lines[s.ID] = append(ids, s.ID), s
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `select `+pointColumns+` from change_point p
		where p.head_id = $1 and p.testbed_id = $2 and p.project_id = $3 and p.significant and p.event_id is not null and p.series_id in `+
		store.Integers(ids)+` order by p.number desc, p.id limit $4`, b.HeadID, testbed, projectID, limits.LineChanges)
	points, err := store.Collect(rows, err, scanPoint)
	if err != nil {
		return nil, fmt.Errorf("find changes on branch %s: %w", b.ID, err)
	}
	events, err := eventsOf(ctx, tx, points)
	if err != nil {
		return nil, err
	}
	var benchmarkIDs, measureIDs []string
	for _, s := range lines {
		benchmarkIDs, measureIDs = append(benchmarkIDs, s.BenchmarkID), append(measureIDs, s.MeasureID)
	}
	named, err := series.BenchmarksByID(ctx, tx, benchmarkIDs)
	if err != nil {
		return nil, err
	}
	measured, err := series.MeasuresByID(ctx, tx, measureIDs)
	if err != nil {
		return nil, err
	}
	out := make([]LineChange, len(points))
	for i, c := range points {
		of, e := lines[c.SeriesID], events[*c.EventID]
		out[i] = LineChange{Event: e.ID, Kind: e.Kind, State: api.EventState(e.stateAt(tx)), Branch: b.ID, Testbed: testbed,
			EventChange: c.wire(named[of.BenchmarkID], measured[of.MeasureID])}
	}
	return out, nil
}

// eventsOf returns the events that changes belong to, keyed by id.
func eventsOf(ctx context.Context, tx *store.Tx, points []Point) (map[string]Event, error) {
	ids := make([]string, len(points))
	for i, c := range points {
		ids[i] = *c.EventID
	}
	return store.ByID(ctx, tx, ids, `select `+eventColumns+` from change_event e where e.id in `, scanEvents, func(e Event) string {
		return e.ID
	})
}
