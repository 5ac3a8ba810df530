package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"
)

// Alone runs f while nobody else is in Alone with the same name, on this server or on another of the same database. It is for work that
// takes several transactions. Those that f begins, with the context that it gets, go over the connection that holds the name: when it
// breaks, so does the work, and nobody goes on with what somebody else has taken over.
func (s *Store) Alone(ctx context.Context, name string, f func(ctx context.Context) error) error {
	leave, err := s.inside.enter(ctx, name)
	if err != nil {
		return err
	}
	defer leave()
	if s.holders == nil { // no other server has the database open
		return f(ctx)
	}
	conn, err := s.holders.Conn(ctx)
	if err != nil {
		return s.explain(fmt.Errorf("connect to hold %s: %w", name, err))
	}
	defer conn.Close()
	if err := s.dialect.hold(ctx, conn, name); err != nil {
		return s.explain(fmt.Errorf("wait for %s: %w", name, err))
	}
	defer func() {
		if err := s.dialect.release(context.WithoutCancel(ctx), conn, name); err != nil { // the connection ends, and the name with it
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	return f(context.WithValue(ctx, holding{s}, conn))
}

// holding is the key of the connection that a context's transactions go over.
type holding struct{ store *Store }

func (s *Store) held(ctx context.Context) *sql.Conn {
	conn, _ := ctx.Value(holding{s}).(*sql.Conn)
	return conn
}

// inside are the names that somebody in this process is alone with. It is safe for concurrent use.
type inside struct {
	mu    sync.Mutex
	names map[string]chan struct{} // closed when it is free
}

// enter waits until the name is free, and returns what frees it again.
func (in *inside) enter(ctx context.Context, name string) (leave func(), err error) {
	mine := make(chan struct{})
	for {
		in.mu.Lock()
		other, taken := in.names[name]
		if !taken {
			if in.names == nil {
				in.names = map[string]chan struct{}{}
			}
			in.names[name] = mine
			in.mu.Unlock()
			return func() {
				in.mu.Lock()
				defer in.mu.Unlock()
				delete(in.names, name)
				close(mine)
			}, nil
		}
		in.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", name, context.Cause(ctx))
		}
	}
}
