package notify

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// unspread is the query for whether there are new events.
const unspread = `select exists (select 1 from event where spread is null)`

// spread gives the oldest new events to those of subscribers that want them, and reports whether there may be more. One server does so at a
// time: another one could give a later event of a subject to its subscribers before this one has committed the earlier.
func spread(ctx context.Context, tx *store.Tx, subscribers []Subscriber) (more bool, err error) {
	if err := tx.Lock(ctx, store.Events); err != nil {
		return false, err
	}
	rows, err := tx.Query(ctx, `select `+eventColumns+` from event e where e.spread is null order by e.seq limit $1`, limits.EventSpread)
	fresh, err := store.Collect(rows, err, func(rows *sql.Rows) (Event, error) { return scanEvent(rows) })
	if err != nil {
		return false, fmt.Errorf("look for new events: %w", err)
	}
	now := store.Micros(tx.Now())
	for _, e := range fresh {
		for _, s := range subscribers {
			if !s.wants(e.Kind) {
				continue
			}
			if _, err := tx.Exec(ctx, `insert into event_delivery (event_seq, subscriber, subject, attempts, lease, due)
				values ($1, $2, $3, 0, 0, $4)`,
				e.Seq, s.Name, e.Subject, now); err != nil {
				return false, fmt.Errorf("give event %s to %s: %w", e.ID, s.Name, err)
			}
		}
		if _, err := tx.Exec(ctx, `update event set spread = $1 where seq = $2`, now, e.Seq); err != nil {
			return false, fmt.Errorf("spread event %s: %w", e.ID, err)
		}
	}
	return len(fresh) == limits.EventSpread, nil
}

// delivery is one that was taken.
type delivery struct {
	event   Event
	attempt int // from 1
	lease   int64
}

// open are the deliveries d that may be tried, for a subscriber $1 and the time $2: those that are due and have none of the same subject
// before them.
const open = ` from event_delivery d join event e on e.seq = d.event_seq
	where d.ended is null and d.subscriber = $1 and d.due <= $2 and not exists (select 1 from event_delivery b
		where b.ended is null and b.subscriber = d.subscriber and b.subject = d.subject and b.event_seq < d.event_seq)`

// hasDue reports whether there is something to take.
func hasDue(ctx context.Context, tx *store.Tx, subscriber string) (has bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select 1`+open+`)`, subscriber, store.Micros(tx.Now())).Scan(&has)
	return has, err
}

// take leases some deliveries of a subscriber that are due, the longest due first. Those that were tried often enough are given up instead:
// whoever was at them died each time.
func take(ctx context.Context, tx *store.Tx, subscriber string) (taken []delivery, err error) {
	now := tx.Now()
	rows, err := tx.Query(ctx, `select `+eventColumns+`, d.attempts, d.lease`+open+` order by d.due, d.event_seq limit $3`+tx.SkipLocked("d"),
		subscriber, store.Micros(now), limits.DeliveryBatch)
	all, err := store.Collect(rows, err, func(rows *sql.Rows) (d delivery, err error) {
		d.event, err = scanEvent(rows, &d.attempt, &d.lease)
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("take deliveries of %s: %w", subscriber, err)
	}
	for _, d := range all {
		if d.attempt >= limits.DeliveryTries {
			err = end(ctx, tx, subscriber, d, givenUp, fmt.Sprintf("try %d ended without an answer", d.attempt))
		} else {
			d.attempt++
			d.lease++
			_, err = tx.Exec(ctx, `update event_delivery set attempts = $1, lease = $2, due = $3 where event_seq = $4 and subscriber = $5`,
				d.attempt, d.lease, store.Micros(now.Add(limits.DeliveryLease)), d.event.Seq, subscriber)
			taken = append(taken, d)
		}
		if err != nil {
			return nil, fmt.Errorf("take event %s for %s: %w", d.event.ID, subscriber, err)
		}
	}
	return taken, nil
}

// The outcomes.
const (
	delivered = "delivered"
	givenUp   = "given_up"
)

// held is the condition for a delivery that is still under the lease with which it was taken.
const held = ` where event_seq = $1 and subscriber = $2 and lease = $3 and ended is null`

func end(ctx context.Context, tx *store.Tx, subscriber string, d delivery, outcome, why string) error {
	_, err := tx.Exec(ctx, `update event_delivery set ended = $4, outcome = $5, error = coalesce(nullif($6, ''), error)`+held,
		d.event.Seq, subscriber, d.lease, store.Micros(tx.Now()), outcome, why)
	return err
}

// again lets a delivery wait after a try that failed.
func again(ctx context.Context, tx *store.Tx, subscriber string, d delivery, why string) error {
	_, err := tx.Exec(ctx, `update event_delivery set due = $4, error = $5`+held, d.event.Seq, subscriber, d.lease,
		store.Micros(tx.Now().Add(pause(d.attempt))), why)
	return err
}

// giveBack returns a delivery that was taken and not tried.
func giveBack(ctx context.Context, tx *store.Tx, subscriber string, d delivery) error {
	_, err := tx.Exec(ctx, `update event_delivery set due = $4, attempts = attempts - 1`+held, d.event.Seq, subscriber, d.lease,
		store.Micros(tx.Now()))
	return err
}

// pause is the time before the next try.
func pause(attempt int) time.Duration {
	p := limits.DeliveryPause
	for range attempt - 1 {
		p = min(2*p, limits.DeliveryPauseMax)
	}
	return p
}

func (s Subscriber) wants(k Kind) bool { return len(s.Kinds) == 0 || slices.Contains(s.Kinds, k) }
