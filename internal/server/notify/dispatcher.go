package notify

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Subscriber is told of events.
type Subscriber struct {
	Name  string // stays the same from start to start: what was delivered is noted under it
	Kinds []Kind // that it is told of; none: all
	// Deliver tells it of an event. nil is the acknowledgement; after an error it is told again later. It is told of one event at a time by
	// each server, and has limits.DeliveryTimeout for it. One that talks to many receivers keeps the slow ones from the others by itself.
	Deliver func(ctx context.Context, e Event) error
}

// Config is what a dispatcher needs.
type Config struct {
	Store       *store.Store
	Subscribers []Subscriber
	Log         *slog.Logger     // nil: nothing is logged
	Now         func() time.Time // nil: time.Now
}

// Dispatcher tells subscribers of events. It is safe for concurrent use.
type Dispatcher struct {
	store       *store.Store
	subscribers []Subscriber
	log         *slog.Logger
	now         func() time.Time
	fresh       chan struct{}   // holds a token when there may be new events
	due         []chan struct{} // of each subscriber: when there may be deliveries
}

// New makes a dispatcher. It panics if two subscribers have one name.
func New(cfg Config) *Dispatcher {
	d := &Dispatcher{store: cfg.Store, subscribers: cfg.Subscribers, log: cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)), now: cfg.Now,
		fresh: make(chan struct{}, 1)}
	if d.now == nil {
		d.now = time.Now
	}
	names := map[string]bool{}
	for _, s := range cfg.Subscribers {
		if s.Name == "" || names[s.Name] {
			panic(fmt.Sprintf("subscriber %q: want a name of its own", s.Name))
		}
		names[s.Name] = true
		d.due = append(d.due, make(chan struct{}, 1))
	}
	return d
}

// Run tells subscribers of events until ctx ends; what is being delivered then is broken off, and counts as a failure. A commit with events
// wakes it, here or on another server; limits.EventTick finds what became due by time alone.
func (d *Dispatcher) Run(ctx context.Context) error {
	d.store.Hear(topic, func() { wake(d.fresh) })
	var work sync.WaitGroup
	work.Go(func() {
		d.loop(ctx, d.fresh, "give events to subscribers", func(ctx context.Context) error {
			spread, err := d.spread(ctx)
			for _, due := range d.due {
				if spread {
					wake(due)
				}
			}
			return err
		})
	})
	for i := range d.subscribers {
		work.Go(func() {
			d.loop(ctx, d.due[i], "deliver events", func(ctx context.Context) error { return d.deliver(ctx, d.subscribers[i]) })
		})
	}
	work.Wait()
	return nil
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has not looked since the last time
	}
}

// loop works at once, when it is woken, and with each tick.
func (d *Dispatcher) loop(ctx context.Context, woken <-chan struct{}, what string, work func(context.Context) error) {
	tick := time.NewTicker(limits.EventTick)
	defer tick.Stop()
	for {
		if err := work(ctx); err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-tick.C:
		}
	}
}

// Turn spreads all new events and delivers once what is due, for tests and for whoever does not Run.
func (d *Dispatcher) Turn(ctx context.Context) error {
	if _, err := d.spread(ctx); err != nil {
		return err
	}
	for _, s := range d.subscribers {
		if err := d.deliver(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// spread gives all new events to the subscribers; a look without the writer comes first.
func (d *Dispatcher) spread(ctx context.Context) (any bool, err error) {
	if err := d.store.View(ctx, func(tx *store.Tx) error { return tx.QueryRow(ctx, unspread).Scan(&any) }); err != nil || !any {
		return false, err
	}
	for more := true; more; {
		if err := d.store.Tx(ctx, func(tx *store.Tx) (err error) {
			more, err = spread(ctx, tx, d.subscribers)
			return err
		}); err != nil {
			return true, err
		}
	}
	return true, nil
}

// deliver delivers what is due to one subscriber.
func (d *Dispatcher) deliver(ctx context.Context, s Subscriber) error {
	for ctx.Err() == nil {
		has := false
		if err := d.store.View(ctx, func(tx *store.Tx) (err error) {
			has, err = hasDue(ctx, tx, s.Name)
			return err
		}); err != nil || !has {
			return err
		}
		var taken []delivery
		if err := d.store.Tx(ctx, func(tx *store.Tx) (err error) {
			taken, err = take(ctx, tx, s.Name)
			return err
		}); err != nil {
			return err
		}
		if len(taken) == 0 { // another server has them
			return nil
		}
		if err := d.tell(ctx, s, taken); err != nil {
			return err
		}
	}
	return nil
}

// tell tells a subscriber of events one by one and notes what became of them. Those for which the lease is too short are given back.
func (d *Dispatcher) tell(ctx context.Context, s Subscriber, taken []delivery) error {
	until := d.now().Add(limits.DeliveryLease - limits.DeliveryTimeout)
	failed := make([]error, 0, len(taken))
	for _, t := range taken {
		if ctx.Err() != nil || d.now().After(until) {
			break
		}
		err := one(ctx, s, t.event)
		failed = append(failed, err)
		switch {
		case err == nil:
		case t.attempt >= limits.DeliveryTries:
			d.log.ErrorContext(ctx, "gave up delivering an event", "event", t.event.ID, "kind", t.event.Kind, "subscriber", s.Name, "error", err)
		default:
			d.log.WarnContext(ctx, "deliver an event", "event", t.event.ID, "kind", t.event.Kind, "subscriber", s.Name, "try", t.attempt,
				"error", err)
		}
	}
	ctx = context.WithoutCancel(ctx) // what was delivered must not be delivered again
	return d.store.Tx(ctx, func(tx *store.Tx) error {
		for i, t := range taken {
			var err error
			switch {
			case i >= len(failed):
				err = giveBack(ctx, tx, s.Name, t)
			case failed[i] == nil:
				err = end(ctx, tx, s.Name, t, delivered, "")
			case t.attempt >= limits.DeliveryTries:
				err = end(ctx, tx, s.Name, t, givenUp, sentence(failed[i]))
			default:
				err = again(ctx, tx, s.Name, t, sentence(failed[i]))
			}
			if err != nil {
				return fmt.Errorf("note the delivery of event %s to %s: %w", t.event.ID, s.Name, err)
			}
		}
		return nil
	})
}

// one tells of one event. A panic is an error like others: it must not end the server again and again.
func one(ctx context.Context, s Subscriber, e Event) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limits.DeliveryTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return s.Deliver(ctx, e)
}

// sentence is what is kept of an error.
func sentence(err error) string {
	text := strings.ToValidUTF8(err.Error(), "�")
	if len(text) > limits.DeliveryError {
		text = strings.ToValidUTF8(text[:limits.DeliveryError], "") + "…"
	}
	return cmp.Or(text, "it failed without a word")
}
