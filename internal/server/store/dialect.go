package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
)

// dialect is what differs between the two databases, besides how they are opened: sqlite (sqlite*.go) and postgres (postgres*.go). The
// statements of the rooms are the same for both.
type dialect interface {
	goose() (dialect goose.Dialect, folder string)                                 // the migrations
	exclusive(ctx context.Context, db *sql.DB, f func() error) error               // runs f while no other server migrates
	options(write bool) *sql.TxOptions                                             // how a transaction is begun
	lock(ctx context.Context, q querier, name string) error                        // Tx.Lock
	hold(ctx context.Context, conn *sql.Conn, name string) error                   // waits for a name of Alone
	release(ctx context.Context, conn *sql.Conn, name string) error                // gives it back
	notify(ctx context.Context, q querier, channel, payload string) error          // Tx.Notify
	forUpdate(of string) string                                                    // Tx.ForUpdate; "" where there is one writer
	draw(ctx context.Context, q querier, sequence string) (first int64, err error) // Tx.Draw
	arguments(args []any) []any                                                    // what cannot be stored, made storable
	touch(ctx context.Context, q querier) error                                    // writes without changing anything
	again(err error) bool                                                          // whether another try of the transaction may succeed
	// explain puts what the database says of its disk, its file or its connection into words that a person may read; other errors stay as
	// they are. damaged says that its own structure is broken, which no later try mends.
	explain(err error) (explained error, damaged bool)
	lost(err error) bool // whether the connection is gone
}

// IsDuplicate reports whether err is a violated unique constraint.
func IsDuplicate(err error) bool { return sqliteDuplicate(err) || postgresDuplicate(err) }

// IsReferenced reports whether err is a violated foreign key: the row is still named by others, or names one that is not there.
func IsReferenced(err error) bool { return sqliteReferenced(err) || postgresReferenced(err) }
