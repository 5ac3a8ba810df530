package store

import (
	"context"
	"database/sql/driver"
	"regexp"
)

// statementsKept is how many statements a connection keeps prepared. The server has about three hundred; lists of ids come in sizes that
// are rounded, and so in few texts.
const statementsKept = 512

// statementsAtOnce is how many are kept at their first use. A command of a few milliseconds runs few statements, most of them two or three
// times.
const statementsAtOnce = 256

// statementsMet is how many texts are remembered that were met once. Beyond statementsAtOnce only the second time is a text worth keeping:
// some hold numbers.
const statementsMet = 2_048

// keeping makes connections that keep their statements prepared. Most of the server's statements look up a few rows, for which parsing
// and planning them is a large part of the cost.
type keeping struct{ driver.Connector }

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteStmt is what the driver's statements can do.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, able := c.(sqliteConn)
	if !able {
		return c, nil
	}
	return &keepingConn{sqliteConn: conn, kept: map[string]*kept{}, met: map[string]bool{}}, nil
}

// keepingConn is a connection with its statements. As every driver's connection it is used by one goroutine at a time.
type keepingConn struct {
	sqliteConn
	kept map[string]*kept
	met  map[string]bool // once
	tick int64
}

type kept struct {
	sqliteStmt
	used int64 // tick of the last use
	busy bool  // its rows are open, or a caller has prepared it
}

var numberedPlace = regexp.MustCompile(`\$([0-9]+)`)

// take returns the statement of a text, nil if it is not kept or busy.
func (c *keepingConn) take(ctx context.Context, query string) (*kept, error) {
	c.tick++
	if k := c.kept[query]; k != nil {
		if k.busy {
			return nil, nil
		}
		k.used, k.busy = c.tick, true
		return k, nil
	}
	if !c.met[query] && len(c.kept) >= statementsAtOnce {
		if len(c.met) >= statementsMet {
			clear(c.met)
		}
		c.met[query] = true
		return nil, nil
	}
	delete(c.met, query)
	if len(c.kept) >= statementsKept {
		c.forget()
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	k := &kept{sqliteStmt: s.(sqliteStmt), used: c.tick, busy: true} //nolint:forcetypeassert // checked by a test
	c.kept[query] = k
	return k, nil
}

// forget closes the statement whose last use is the longest ago.
func (c *keepingConn) forget() {
	oldest := ""
	for query, k := range c.kept {
		if !k.busy && (oldest == "" || k.used < c.kept[oldest].used) {
			oldest = query
		}
	}
	if k := c.kept[oldest]; k != nil {
		_ = k.Close() // what it has to say was said when it ran
		delete(c.kept, oldest)
	}
}

// numbered writes $1 as ?1, which SQLite finds by its number: a name is looked for among all names before it.
func numbered(query string) string { return numberedPlace.ReplaceAllString(query, "?$1") }

func (c *keepingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.sqliteConn.PrepareContext(ctx, numbered(query))
}

func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	k, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return c.sqliteConn.ExecContext(ctx, numbered(query), args)
	}
	defer func() { k.busy = false }()
	return k.ExecContext(ctx, args)
}

func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	k, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return c.sqliteConn.QueryContext(ctx, numbered(query), args)
	}
	rows, err := k.QueryContext(ctx, args)
	if err != nil {
		k.busy = false
		return nil, err
	}
	return &keptRows{rows, k}, nil
}

// Close closes the connection with its statements.
func (c *keepingConn) Close() error {
	for _, k := range c.kept {
		_ = k.Close()
	}
	clear(c.kept)
	return c.sqliteConn.Close()
}

// keptRows give their statement back when they are closed.
type keptRows struct {
	driver.Rows
	of *kept
}

func (r *keptRows) Close() error {
	err := r.Rows.Close()
	r.of.busy = false
	return err
}
