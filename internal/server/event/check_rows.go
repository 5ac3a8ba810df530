package event

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/api"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Check is a row of event_check: a rerun of the versions before and after an event.
type Check struct {
	ID, EventID, HeadID, SpecID string // the head is beside the branch
	MeasurementID               string
	BeforeReport, AfterReport   string
	BeforeVersion, AfterVersion string // ids
	Pairs                       int
	From                        coreevent.State
	AccountID                   *string
	Created                     time.Time
	Ended                       *time.Time
	Outcome                     api.CheckOutcome // CheckRunning until it has ended
	Sentence                    string
}

const checkColumns = `c.id, c.event_id, c.head_id, c.spec_id, c.measurement_id, c.before_report, c.after_report, c.before_version,
	c.after_version, c.pairs, c.from_state, c.account_id, c.created, c.ended, coalesce(c.outcome, 'running'), coalesce(c.sentence, '')`

func scanCheck(row interface{ Scan(...any) error }) (c Check, err error) {
	var created int64
	var ended *int64
	err = row.Scan(&c.ID, &c.EventID, &c.HeadID, &c.SpecID, &c.MeasurementID, &c.BeforeReport, &c.AfterReport, &c.BeforeVersion,
		&c.AfterVersion, &c.Pairs, &c.From, &c.AccountID, &created, &ended, &c.Outcome, &c.Sentence)
	c.Created, c.Ended = store.TimeOf(created), store.TimePtr(ended)
	return c, err
}

func scanChecks(rows *sql.Rows) (Check, error) { return scanCheck(rows) }

// CheckLine is a row of event_check_line: a line that is checked, with the levels that were suspected. The rest is what the rerun saw.
type CheckLine struct {
	Place, Pairs                    int
	SeriesID                        int64
	Before, After                   float64
	Exact                           bool
	Outcome                         api.CheckOutcome // CheckRunning until the check has ended
	SeenBefore, SeenAfter           *float64
	Ratio, Low, High, P, Detectable *float64
}

func (l CheckLine) suspicion() coreevent.Suspicion {
	return coreevent.Suspicion{Before: l.Before, After: l.After, Exact: l.Exact}
}

// insertCheck makes a check and its lines. Its id and time are made.
func insertCheck(ctx context.Context, tx *store.Tx, c Check, lines []CheckLine) (Check, error) {
	c.ID, c.Created, c.Outcome = ident.NewUUID(), tx.Now(), api.CheckRunning
	if _, err := tx.Exec(ctx, `insert into event_check (id, event_id, head_id, spec_id, measurement_id, before_report, after_report,
		before_version, after_version, pairs, from_state, account_id, created)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, c.ID, c.EventID, c.HeadID, c.SpecID, c.MeasurementID,
		c.BeforeReport, c.AfterReport, c.BeforeVersion, c.AfterVersion, c.Pairs, string(c.From), c.AccountID,
		store.Micros(c.Created)); err != nil {
		return c, fmt.Errorf("write check of event %s: %w", c.EventID, err)
	}
	for _, l := range lines {
		if _, err := tx.Exec(ctx, `insert into event_check_line (check_id, place, series_id, level_before, level_after, exact)
			values ($1, $2, $3, $4, $5, $6)`, c.ID, l.Place, l.SeriesID, l.Before, l.After, l.Exact); err != nil {
			return c, fmt.Errorf("write line %d of the check of event %s: %w", l.Place, c.EventID, err)
		}
	}
	return c, nil
}

// endCheck writes what came of a check, and of its lines.
func endCheck(ctx context.Context, tx *store.Tx, c Check, lines []CheckLine) error {
	res, err := tx.Exec(ctx, `update event_check set ended = $1, outcome = $2, sentence = nullif($3, '') where id = $4 and ended is null`,
		store.Micros(tx.Now()), string(c.Outcome), c.Sentence, c.ID)
	if err := store.ExactlyOne(res, err, "check", c.ID); err != nil {
		return err
	}
	for _, l := range lines {
		if _, err := tx.Exec(ctx, `update event_check_line set outcome = $1, pairs = $2, seen_before = $3, seen_after = $4, ratio = $5,
			low = $6, high = $7, p = $8, detectable = $9 where check_id = $10 and place = $11`, string(l.Outcome), l.Pairs, l.SeenBefore,
			l.SeenAfter, l.Ratio, l.Low, l.High, l.P, l.Detectable, c.ID, l.Place); err != nil {
			return fmt.Errorf("write line %d of check %s: %w", l.Place, c.ID, err)
		}
	}
	return nil
}

// openCheck returns the check of an event that has not ended; false if there is none.
func openCheck(ctx context.Context, tx *store.Tx, eventID string) (Check, bool, error) {
	c, err := scanCheck(tx.QueryRow(ctx, `select `+checkColumns+` from event_check c where c.event_id = $1 and c.ended is null`, eventID))
	return store.FoundRow(c, err, "find the check of an event")
}

// checkByID returns one check.
func checkByID(ctx context.Context, tx *store.Tx, id string) (Check, error) {
	c, err := scanCheck(tx.QueryRow(ctx, `select `+checkColumns+` from event_check c where c.id = $1`, id))
	return c, store.OneRow(err, "check", id)
}

// checkOfReport returns the check that has not ended and waits for a report; false if none does.
func checkOfReport(ctx context.Context, tx *store.Tx, reportID string) (Check, bool, error) {
	c, err := scanCheck(tx.QueryRow(ctx, `select `+checkColumns+` from event_check c
		where (c.before_report = $1 or c.after_report = $1) and c.ended is null`, reportID))
	return store.FoundRow(c, err, "find the check of a report")
}

// openChecks returns the checks that have not ended, the oldest first.
func openChecks(ctx context.Context, tx *store.Tx) ([]Check, error) {
	rows, err := tx.Query(ctx, `select `+checkColumns+` from event_check c where c.ended is null order by c.created, c.id limit 1000`)
	out, err := store.Collect(rows, err, scanChecks)
	if err != nil {
		return nil, fmt.Errorf("find checks: %w", err)
	}
	return out, nil
}

// checksOf returns the newest checks of an event, the newest first.
func checksOf(ctx context.Context, tx *store.Tx, eventID string) ([]Check, error) {
	rows, err := tx.Query(ctx, `select `+checkColumns+` from event_check c where c.event_id = $1 order by c.created desc, c.id desc limit $2`,
		eventID, limits.EventChecks)
	out, err := store.Collect(rows, err, scanChecks)
	if err != nil {
		return nil, fmt.Errorf("find checks of event %s: %w", eventID, err)
	}
	return out, nil
}

// checkLines returns the lines of a check in their order.
func checkLines(ctx context.Context, tx *store.Tx, checkID string) ([]CheckLine, error) {
	rows, err := tx.Query(ctx, `select l.place, l.series_id, l.level_before, l.level_after, l.exact, coalesce(l.outcome, 'running'), l.pairs,
		l.seen_before, l.seen_after, l.ratio, l.low, l.high, l.p, l.detectable from event_check_line l where l.check_id = $1 order by l.place`,
		checkID)
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (l CheckLine, err error) {
		return l, rows.Scan(&l.Place, &l.SeriesID, &l.Before, &l.After, &l.Exact, &l.Outcome, &l.Pairs, &l.SeenBefore, &l.SeenAfter, &l.Ratio,
			&l.Low, &l.High, &l.P, &l.Detectable)
	})
	if err != nil {
		return nil, fmt.Errorf("find lines of check %s: %w", checkID, err)
	}
	return out, nil
}

// byRerun says whether the last check of an event that could say something has confirmed it.
func byRerun(ctx context.Context, tx *store.Tx, eventID string) (confirmed bool, err error) {
	var outcome string
	if err := tx.QueryRow(ctx, `select coalesce((select c.outcome from event_check c where c.event_id = $1
		and c.outcome in ('confirmed', 'refuted') order by c.ended desc, c.id desc limit 1), '')`, eventID).Scan(&outcome); err != nil {
		return false, fmt.Errorf("find what a rerun said of event %s: %w", eventID, err)
	}
	return api.CheckOutcome(outcome) == api.CheckConfirmed, nil
}
