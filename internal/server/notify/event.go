package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Kind is what happened.
type Kind string

// The kinds.
const (
	ReportClosed   Kind = "report.closed"   // its results are there, or there will be none
	ReportReopened Kind = "report.reopened" // closed before, it waits for results again
	ReportDeleted  Kind = "report.deleted"
	AlertRaised    Kind = "alert.raised"  // one event for all active alerts of a report that was closed; its subject is the report
	AlertChanged   Kind = "alert.changed" // by a person; or all alerts of a head were silenced, and the subject is the head
	JobEnded       Kind = "job.ended"
	// ChangeConfirmed tells of an event (package event) that was confirmed, once. What is told of here is called a notice there.
	ChangeConfirmed Kind = "change.confirmed"
	// ChangeWithdrawn takes ChangeConfirmed back: with later values the event is only suspected, or not found any more. Should it be
	// confirmed again, that is told of again.
	ChangeWithdrawn Kind = "change.withdrawn"
	// PolicyChanged says that the lines of a project are judged in another way. Its subject is the project.
	PolicyChanged Kind = "policy.changed"
)

// Kinds lists all kinds.
var Kinds = []Kind{ReportClosed, ReportReopened, ReportDeleted, AlertRaised, AlertChanged, JobEnded, ChangeConfirmed, ChangeWithdrawn,
	PolicyChanged}

// Body says what happened in a few words. Fields that an event has no use for are empty.
type Body struct {
	Report string `json:"report,omitempty"` // id
	Job    string `json:"job,omitempty"`    // id
	Alert  string `json:"alert,omitempty"`  // id
	Event  string `json:"event,omitempty"`  // id, of what happened to a branch's numbers
	Head   string `json:"head,omitempty"`   // id
	From   string `json:"from,omitempty"`   // the state before
	To     string `json:"to,omitempty"`     // and after
	Reason string `json:"reason,omitempty"` // of a job that failed
	Alerts int    `json:"alerts,omitempty"` // how many
	// Names are whom the project's policy names; none: everybody who listens.
	Names []string `json:"names,omitempty"`
}

// Event is something that was committed.
type Event struct {
	Seq       int64 // set by Write: the order
	ID        string
	Kind      Kind
	ProjectID string // "": of no project
	Subject   string // id of what it happened to
	Body      Body
	Created   time.Time // set by Write: the transaction's time
}

// topic is announced with each commit that has events.
const topic = "events"

// Write puts an event into the outbox, with the caller's transaction or not at all. The caller holds the subject's row, by having changed
// it or by ForUpdate.
func Write(ctx context.Context, tx *store.Tx, e Event) error {
	body, err := json.Marshal(e.Body)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", e.Kind, err)
	}
	if len(body) > limits.EventBodyBytes {
		return fault.TooLargef("event %s of %s: %d bytes, the limit is %d", e.Kind, e.Subject, len(body), limits.EventBodyBytes)
	}
	if _, err := tx.Exec(ctx, `insert into event (id, kind, project_id, subject, body, created)
		values ($1, $2, nullif($3, ''), $4, $5, $6)`, ident.NewUUID(), string(e.Kind), e.ProjectID, e.Subject, string(body),
		store.Micros(tx.Now())); err != nil {
		return fmt.Errorf("write event %s of %s: %w", e.Kind, e.Subject, err)
	}
	return tx.Announce(ctx, topic)
}

const eventColumns = `e.seq, e.id, e.kind, coalesce(e.project_id, ''), e.subject, e.body, e.created`

// scanEvent reads an event, and behind its columns what else was selected.
func scanEvent(row interface{ Scan(...any) error }, more ...any) (e Event, err error) {
	var body string
	var created int64
	if err := row.Scan(append([]any{&e.Seq, &e.ID, &e.Kind, &e.ProjectID, &e.Subject, &body, &created}, more...)...); err != nil {
		return e, err
	}
	e.Created = store.TimeOf(created)
	if err := json.Unmarshal([]byte(body), &e.Body); err != nil {
		return e, fmt.Errorf("decode event %s: %w", e.ID, err)
	}
	return e, nil
}

// forgettable are the events e that need not be kept: those that all subscribers were told of before $1, and any before $2.
const forgettable = ` from event e where e.created < $1 and (e.created < $2 or e.spread is not null and not exists (
	select 1 from event_delivery d where d.event_seq = e.seq and (d.outcome is null or d.outcome = 'given_up')))`

// Forget removes the events that need not be kept any more, in small steps.
func Forget(ctx context.Context, s *store.Store, now time.Time) error {
	told, any := store.Micros(now.Add(-limits.EventKeep)), store.Micros(now.Add(-limits.EventLife))
	old := false
	if err := s.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `select exists (select 1`+forgettable+`)`, told, any).Scan(&old)
	}); err != nil || !old {
		return err
	}
	for more := true; more; {
		if err := s.Tx(ctx, func(tx *store.Tx) error {
			res, err := tx.Exec(ctx, `delete from event where seq in (select e.seq`+forgettable+` order by e.seq limit $3)`, told, any,
				limits.UpkeepBatch)
			if err != nil {
				return fmt.Errorf("forget events: %w", err)
			}
			n, err := res.RowsAffected()
			more = n == limits.UpkeepBatch
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
