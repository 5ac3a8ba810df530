package event

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

// Kind is what an event blames.
type Kind string

// The kinds.
const (
	Code      Kind = "code"
	Machine   Kind = "machine"
	Threshold Kind = "threshold" // stands for the alerts of a measure and a limit that no change explains
)

// Event is a row of change_event. First, Last and Before are version numbers.
type Event struct {
	ID, ProjectID, BranchID, HeadID, TestbedID string
	Kind                                       Kind
	MeasureID, Side                            *string // of a threshold's
	State                                      coreevent.State
	Severity                                   policy.Severity
	Significant, Settled                       bool
	First, Last                                int64
	Before                                     *int64 // nil: nothing was measured before
	Score                                      float64
	Changes, Worse, Better                     int // significant ones
	Reason                                     string
	Until                                      *time.Time // of what is ignored
	Told                                       *time.Time // when others were told; nil again when that was taken back
	ToldNames                                  string     // whom the policy had named then, one a line; "": everybody who listens
	Version                                    int64
	Created, Modified                          time.Time
}

const eventColumns = `e.id, e.project_id, e.branch_id, e.head_id, e.testbed_id, e.kind, e.measure_id, e.side, e.state, e.significant,
	e.settled, e.first, e.last, e.before, e.score, e.changes, e.worse, e.better, coalesce(e.reason, ''), e.until, e.told, e.version,
	e.created, e.modified, e.severity, e.told_names`

func scanEvent(row interface{ Scan(...any) error }) (e Event, err error) {
	var until, told *int64
	var created, modified int64
	err = row.Scan(&e.ID, &e.ProjectID, &e.BranchID, &e.HeadID, &e.TestbedID, &e.Kind, &e.MeasureID, &e.Side, &e.State, &e.Significant,
		&e.Settled, &e.First, &e.Last, &e.Before, &e.Score, &e.Changes, &e.Worse, &e.Better, &e.Reason, &until, &told, &e.Version,
		&created, &modified, &e.Severity, &e.ToldNames)
	e.Until, e.Told, e.Created, e.Modified = store.TimePtr(until), store.TimePtr(told), store.TimeOf(created), store.TimeOf(modified)
	return e, err
}

func scanEvents(rows *sql.Rows) (Event, error) { return scanEvent(rows) }

// insert makes an event. Its id and times are made, and it is of version 1.
func insert(ctx context.Context, tx *store.Tx, e Event) (Event, error) {
	e.ID, e.Version, e.Created, e.Modified = ident.NewUUID(), 1, tx.Now(), tx.Now()
	_, err := tx.Exec(ctx, `insert into change_event (id, project_id, branch_id, head_id, testbed_id, kind, measure_id, side, state,
		significant, settled, first, last, before, score, changes, worse, better, reason, until, told, version, created, modified, severity)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, nullif($19, ''), $20, $21, $22, $23, $23, $24)`,
		e.ID, e.ProjectID, e.BranchID, e.HeadID, e.TestbedID, string(e.Kind), e.MeasureID, e.Side, string(e.State), e.Significant, e.Settled,
		e.First, e.Last, e.Before, e.Score, e.Changes, e.Worse, e.Better, e.Reason, store.MicrosPtr(e.Until), store.MicrosPtr(e.Told),
		e.Version, store.Micros(e.Created), string(cmp.Or(e.Severity, policy.Warn)))
	if err != nil {
		return e, fmt.Errorf("insert event: %w", err)
	}
	return e, nil
}

// update writes what may change of an event over its row, which the caller holds by LinesOf. seen says that people should know: the event
// has a new version then. A row that somebody has changed meanwhile is a Conflict.
func update(ctx context.Context, tx *store.Tx, e Event, seen bool) (Event, error) {
	before := e.Version
	if seen {
		e.Version, e.Modified = before+1, tx.Now()
	}
	var p store.Patch
	for _, c := range []struct {
		name  string
		value any
	}{
		{"kind", string(e.Kind)}, {"severity", string(e.Severity)},
		{"state", string(e.State)}, {"significant", e.Significant}, {"settled", e.Settled},
		{"first", e.First}, {"last", e.Last}, {"before", e.Before}, {"score", e.Score}, {"changes", e.Changes}, {"worse", e.Worse},
		{"better", e.Better},
		{"reason", e.Reason}, {"until", store.MicrosPtr(e.Until)}, {"told", store.MicrosPtr(e.Told)}, {"told_names", e.ToldNames},
		{"version", e.Version},
		{"modified", store.Micros(e.Modified)},
	} {
		p.Set(c.name, c.value)
	}
	res, err := p.Apply(ctx, tx, "change_event", e.ID, fmt.Sprintf(" and version = %d", before))
	if err == nil {
		if n, counted := res.RowsAffected(); counted == nil && n == 0 {
			return e, fault.Conflictf("event %s was changed meanwhile; look at it again", e.ID)
		}
	}
	if err != nil {
		return e, fmt.Errorf("update event %s: %w", e.ID, err)
	}
	return e, nil
}

// find returns one event of a project.
func find(ctx context.Context, tx *store.Tx, projectID, id string) (Event, error) {
	e, err := scanEvent(tx.QueryRow(ctx, `select `+eventColumns+` from change_event e where e.id = $1 and e.project_id = $2`,
		strings.ToLower(id), projectID))
	return e, store.OneRow(err, "event", id)
}

// ofHead returns the events of a head that changes make, oldest first.
func ofHead(ctx context.Context, tx *store.Tx, headID string) ([]Event, error) {
	rows, err := tx.Query(ctx, `select `+eventColumns+` from change_event e where e.head_id = $1 and e.kind <> 'threshold' order by e.id`,
		headID)
	out, err := store.Collect(rows, err, scanEvents)
	if err != nil {
		return nil, fmt.Errorf("find events of head %s: %w", headID, err)
	}
	return out, nil
}

// ofThresholds returns the events of a head and testbed that stand for alerts of thresholds.
func ofThresholds(ctx context.Context, tx *store.Tx, at report.Line) ([]Event, error) {
	rows, err := tx.Query(ctx, `select `+eventColumns+` from change_event e where e.head_id = $1 and e.testbed_id = $2
		and e.kind = 'threshold' order by e.id`, at.HeadID, at.TestbedID)
	out, err := store.Collect(rows, err, scanEvents)
	if err != nil {
		return nil, fmt.Errorf("find events of thresholds: %w", err)
	}
	return out, nil
}

// Filter narrows a list of events. Empty fields do not.
type Filter struct {
	BranchID, TestbedID string
	Kind                Kind       // "": all but those of thresholds
	State               string     // a state, or open
	Gone                bool       // only those that are no longer significant; otherwise only the others
	Since               *time.Time // made at or after
	Newest              bool       // the newest first, instead of the largest
	Benchmark           string     // a pattern with * and ?: those with a significant change of such a benchmark
}

// stateNow is an event's state: what was ignored until a time that is over is as it was before. Parameter $1 is the time.
const stateNow = `case when e.state = 'ignored' and e.until <= $1 then case when e.settled then 'confirmed' else 'suspected' end
	else e.state end`

// openStates are those of State.Open, as a list for SQL.
var openStates = func() string {
	var quoted []string
	for _, s := range coreevent.States {
		if s.Open() {
			quoted = append(quoted, "'"+string(s)+"'")
		}
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}()

// list returns a page of a project's events, and how many there are in all. Those of a head that was replaced are not in it: nobody can act
// on them any more.
func list(ctx context.Context, tx *store.Tx, projectID string, f Filter, page store.Page) ([]Event, int, error) {
	from := ` from change_event e join branch b on b.id = e.branch_id and b.head_id = e.head_id
		where e.project_id = $2 and e.significant = $3 and ($4 = '' or e.branch_id = $4) and ($5 = '' or e.testbed_id = $5)
		and e.created >= coalesce($6, e.created)`
	args := []any{store.Micros(tx.Now()), projectID, !f.Gone, f.BranchID, f.TestbedID, store.MicrosPtr(f.Since)}
	if f.Kind == "" {
		from += ` and e.kind <> 'threshold'`
	} else {
		args = append(args, string(f.Kind))
		from += fmt.Sprintf(` and e.kind = $%d`, len(args))
	}
	switch f.State {
	case "":
		from += ` and coalesce(e.until, $1) is not null` // always; a parameter that no condition names has no type
	case "open":
		from += ` and ` + stateNow + ` in ` + openStates
	default:
		args = append(args, f.State)
		from += ` and ` + stateNow + fmt.Sprintf(` = $%d`, len(args))
	}
	if f.Benchmark != "" {
		args = append(args, globPattern(f.Benchmark))
		from += fmt.Sprintf(` and exists (select 1 from change_point p join series s on s.id = p.series_id
			join benchmark n on n.id = s.benchmark_id where p.event_id = e.id and p.significant
			and lower(n.name) like lower($%d) escape '\')`, len(args))
	}
	order := "e.score%s, e.id%s"
	if f.Newest {
		order = "e.created%s, e.id%s"
	}
	return store.PageOf(ctx, tx, "events", eventColumns, from, args, order, page, scanEvents)
}

// globPattern makes a pattern with * (any text) and ? (one character) one for "like … escape '\'".
func globPattern(glob string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`, `?`, `_`).Replace(glob)
}

// Step is a row of an event's life.
type Step struct {
	Number    int
	Time      time.Time
	Verb      coreevent.Verb
	From, To  coreevent.State
	AccountID *string
	Reason    string
}

// addStep writes that something happened to an event.
func addStep(ctx context.Context, tx *store.Tx, eventID string, s Step) error {
	_, err := tx.Exec(ctx, `insert into change_event_step (event_id, number, time, verb, from_state, to_state, account_id, reason)
		select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, nullif($7, '') from change_event_step where event_id = $1`,
		eventID, store.Micros(tx.Now()), string(s.Verb), string(s.From), string(s.To), s.AccountID, s.Reason)
	if err != nil {
		return fmt.Errorf("write step of event %s: %w", eventID, err)
	}
	return nil
}

// steps returns the newest steps of an event, the oldest first.
func steps(ctx context.Context, tx *store.Tx, eventID string) ([]Step, error) {
	rows, err := tx.Query(ctx, `select number, time, verb, from_state, to_state, account_id, coalesce(reason, '') from (
			select * from change_event_step where event_id = $1 order by number desc limit $2) as newest order by number`,
		eventID, limits.EventSteps)
	return store.Collect(rows, err, func(rows *sql.Rows) (s Step, err error) {
		var at int64
		err = rows.Scan(&s.Number, &at, &s.Verb, &s.From, &s.To, &s.AccountID, &s.Reason)
		s.Time = store.TimeOf(at)
		return s, err
	})
}
