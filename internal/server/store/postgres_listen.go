package store

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tachograph/tacho/internal/core/limits"
)

// notifications is the one channel of PostgreSQL that all servers on a database listen to. A payload is the sender, our channel and what
// is to be told, with spaces between.
const notifications = "tacho"

func (p postgres) notify(ctx context.Context, q querier, channel, payload string) error {
	_, err := q.ExecContext(ctx, `select pg_notify($1, $2)`, notifications, p.sender+" "+channel+" "+payload)
	return err
}

// Listen calls f with what other servers tell with Tx.Notify, one call after another, from now until Close. f must be quick. It is called
// with "" when something may have been missed, because the connection was broken: then anything may have happened. Where there is one
// server f is never called.
func (s *Store) Listen(channel string, f func(payload string)) {
	if s.listening != nil {
		s.listening.add(channel, f)
	}
}

// Shared reports whether other servers may use the database, too.
func (s *Store) Shared() bool { return s.listening != nil }

// listening is a connection that waits for notifications. It is safe for concurrent use.
type listening struct {
	address *pgx.ConnConfig
	sender  string
	end     context.CancelFunc
	work    sync.WaitGroup
	ctx     context.Context // of the goroutine; it begins with the first listener

	mu   sync.Mutex
	told map[string][]func(string)
}

func newListening(address *pgx.ConnConfig, sender string) *listening {
	l := &listening{address: address, sender: sender, told: map[string][]func(string){}}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

func (l *listening) add(channel string, f func(string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.told) == 0 {
		l.work.Go(l.run)
	}
	l.told[channel] = append(l.told[channel], f)
}

func (l *listening) close() {
	l.end()
	l.work.Wait()
}

func (l *listening) run() {
	for l.ctx.Err() == nil {
		l.hear()
		timer := time.NewTimer(limits.ListenPause)
		select {
		case <-timer.C:
		case <-l.ctx.Done():
		}
		timer.Stop()
	}
}

// hear listens until the connection breaks.
func (l *listening) hear() {
	conn, err := pgx.ConnectConfig(l.ctx, l.address)
	if err != nil {
		return // Ping says what is wrong, and nothing depends on us
	}
	defer conn.Close(context.WithoutCancel(l.ctx))
	if _, err := conn.Exec(l.ctx, `listen `+notifications); err != nil {
		return
	}
	l.all()
	for {
		n, err := conn.WaitForNotification(l.ctx)
		if err != nil {
			return
		}
		sender, rest, _ := strings.Cut(n.Payload, " ")
		channel, payload, _ := strings.Cut(rest, " ")
		if sender != l.sender {
			l.tell(channel, payload)
		}
	}
}

func (l *listening) tell(channel, payload string) {
	l.mu.Lock()
	told := l.told[channel]
	l.mu.Unlock()
	for _, f := range told {
		f(payload)
	}
}

// all tells everybody that something may have been missed.
func (l *listening) all() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, told := range l.told {
		for _, f := range told {
			f("")
		}
	}
}
