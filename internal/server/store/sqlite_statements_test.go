package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	driver "modernc.org/sqlite"
)

// onOneConn is a database with one connection, and that connection.
func onOneConn(t *testing.T) (*sql.DB, *keepingConn) {
	t.Helper()
	base, err := driver.NewConnector("file::memory:")
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(keeping{base})
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), `create table n (i integer primary key, text text)`); err != nil {
		t.Fatal(err)
	}
	var conn *keepingConn
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Raw(func(raw any) error {
		var able bool
		if conn, able = raw.(*keepingConn); !able {
			return fmt.Errorf("the driver's connection has become a %T that keeps nothing", raw)
		}
		s, err := conn.PrepareContext(t.Context(), `select $1`)
		if _, able := s.(sqliteStmt); err != nil || !able {
			return fmt.Errorf("the driver's statement is a %T: %w", s, err)
		}
		return s.Close()
	}); err != nil {
		t.Fatal(err)
	}
	return db, conn.closing(t, c)
}

func (c *keepingConn) closing(t *testing.T, conn *sql.Conn) *keepingConn {
	t.Helper()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStatementsThatComeAgainAreKept(t *testing.T) {
	t.Parallel()
	db, conn := onOneConn(t)
	for i := len(conn.kept); i < statementsAtOnce; i++ {
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`update n set text = 'y' where i = 2000%d`, i)); err != nil {
			t.Fatal(err)
		}
		if len(conn.kept) != i+1 {
			t.Fatalf("%d statements are kept, want each of the first %d at its first use", len(conn.kept), statementsAtOnce)
		}
	}
	for i := range 5 {
		if _, err := db.ExecContext(t.Context(), `insert into n (i, text) values ($1, $2)`, i, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		var got string
		row := db.QueryRowContext(t.Context(), `select text from n where text = $2 and i = $1`, i, fmt.Sprint(i))
		if err := row.Scan(&got); err != nil || got != fmt.Sprint(i) {
			t.Errorf("%d: %q, %v", i, got, err)
		}
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`update n set text = 'x' where i = 1000%d`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(conn.kept) != statementsAtOnce+2 {
		t.Errorf("%d statements are kept beside the first ones, want the two that came again", len(conn.kept)-statementsAtOnce)
	}
	for query, k := range conn.kept {
		if k.busy {
			t.Errorf("%s is still in use", query)
		}
	}
}

// TestAStatementWithinItself runs one statement while its own rows are read, as nested loops do.
func TestAStatementWithinItself(t *testing.T) {
	t.Parallel()
	db, _ := onOneConn(t)
	for i := range 3 {
		if _, err := db.ExecContext(t.Context(), `insert into n (i) values ($1)`, i); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	const query = `select i from n where i >= $1 order by i`
	for range 3 { // the third time it is kept
		pairs := 0
		outer, err := tx.QueryContext(t.Context(), query, 0)
		if err != nil {
			t.Fatal(err)
		}
		for outer.Next() {
			var from int
			if err := outer.Scan(&from); err != nil {
				t.Fatal(err)
			}
			inner, err := tx.QueryContext(t.Context(), query, from)
			if err != nil {
				t.Fatal(err)
			}
			for inner.Next() {
				pairs++
			}
			if err := errors.Join(inner.Err(), inner.Close()); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(outer.Err(), outer.Close()); err != nil {
			t.Fatal(err)
		}
		if pairs != 3+2+1 {
			t.Errorf("%d pairs, want 6", pairs)
		}
	}
}

func TestAKeptStatementOutlivesErrorsAndNewSchemas(t *testing.T) {
	t.Parallel()
	db, conn := onOneConn(t)
	insert := func(ctx context.Context, i int) error {
		_, err := db.ExecContext(ctx, `insert into n (i) values ($1)`, i)
		return err
	}
	for i := range 3 {
		if err := insert(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := insert(t.Context(), 0); !IsDuplicate(err) {
		t.Errorf("the same again: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := insert(gone, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("for nobody: %v", err)
	}
	if _, err := db.ExecContext(t.Context(), `alter table n add column more integer`); err != nil {
		t.Fatal(err)
	}
	if err := insert(t.Context(), 8); err != nil {
		t.Error(err)
	}
	for range 3 {
		rows, err := db.QueryContext(t.Context(), `select * from n`)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err := errors.Join(err, rows.Close()); err != nil || len(columns) != 3 {
			t.Errorf("columns %v, %v", columns, err)
		}
	}
	for _, query := range []string{`insert into n (i) values ($1)`, `select * from n`} {
		if conn.kept[query] == nil {
			t.Errorf("%s is not kept", query)
		}
	}
}

func TestOldStatementsAreForgotten(t *testing.T) {
	t.Parallel()
	db, conn := onOneConn(t)
	for round := range 3 {
		for i := range statementsKept + 20 {
			if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`update n set text = 'x' where i = %d`, i)); err != nil {
				t.Fatal(err)
			}
		}
		if len(conn.kept) > statementsKept || len(conn.met) > statementsMet || round > 0 && len(conn.kept) != statementsKept {
			t.Errorf("round %d: %d kept, %d met", round, len(conn.kept), len(conn.met))
		}
	}
}
