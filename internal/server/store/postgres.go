package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/tachograph/tacho/internal/core/fault"
)

// postgres is the database of several servers.
type postgres struct {
	sender string // tells this server's notifications from those of others
}

// Connections of one server, beside the one that listens: three servers stay below the hundred that PostgreSQL takes unless it is told
// otherwise.
const (
	postgresWriters = 10
	postgresReaders = 16
	postgresHolders = 4 // of Alone
)

// oldestPostgres is what the tests run on. Nothing newer is used.
const oldestPostgres = 150000

// parsePostgres reads an address like postgres://tacho@host/tacho. What it does not say comes from PGPASSWORD, PGHOST and their like,
// and from ~/.pgpass. The password is in no error.
func parsePostgres(address string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fault.Invalidf("the database's address cannot be read; it looks like postgres://user@host:5432/name?sslmode=verify-full")
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "tacho"
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	return cfg, nil
}

// IsPostgres reports whether a database is named by the address of a PostgreSQL server, and not by a file.
func IsPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// DatabaseName is a PostgreSQL address as it may be shown: host and name, without user and password.
func DatabaseName(address string) string {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return "with an address that cannot be read"
	}
	return cfg.Host + "/" + cfg.Database
}

func openPostgres(ctx context.Context, cfg *pgx.ConnConfig, connections int) (*sql.DB, error) {
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	var version int
	if err := db.QueryRowContext(ctx, `select current_setting('server_version_num')::int`).Scan(&version); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), db.Close())
	}
	if version < oldestPostgres {
		old := fault.Conflictf("the database is PostgreSQL %d; %d or newer is needed", version/10000, oldestPostgres/10000)
		return nil, errors.Join(old, db.Close())
	}
	return db, nil
}

func (postgres) goose() (goose.Dialect, string) { return goose.DialectPostgres, "migration/postgres" }

// migrationLock is the number of the lock that a server holds while it brings the schema up to date: "tacho" in a row of bytes.
const migrationLock = 0x746163686f

// exclusive holds a lock of the session meanwhile. It goes with its connection, however the server ends.
func (postgres) exclusive(ctx context.Context, db *sql.DB, f func() error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `select pg_advisory_lock($1)`, migrationLock); err != nil {
		return fmt.Errorf("wait for other servers: %w", err)
	}
	err = f()
	if _, unlock := conn.ExecContext(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, migrationLock); err == nil {
		err = unlock
	}
	return err
}

// options: a view is one snapshot of everything. A transaction that writes sees with each statement what others have committed before; see
// the package comment.
func (postgres) options(write bool) *sql.TxOptions {
	if write {
		return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

func (postgres) lock(ctx context.Context, q querier, name string) error {
	_, err := q.ExecContext(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, name)
	return err
}

// hold is a lock of the session, beside those of transactions: it goes with its connection, however the server ends.
func (postgres) hold(ctx context.Context, conn *sql.Conn, name string) error {
	_, err := conn.ExecContext(ctx, `select pg_advisory_lock(hashtextextended($1, 0))`, "alone "+name)
	return err
}

func (postgres) release(ctx context.Context, conn *sql.Conn, name string) error {
	_, err := conn.ExecContext(ctx, `select pg_advisory_unlock(hashtextextended($1, 0))`, "alone "+name)
	return err
}

// forUpdate locks rows, but not the keys by which others name them: a plain "for update" would hold up each row that refers to them.
func (postgres) forUpdate(of string) string { return " for no key update of " + of }

// draw takes the next number of a sequence; that of a transaction that is rolled back is left out for good.
func (postgres) draw(ctx context.Context, q querier, sequence string) (first int64, err error) {
	err = q.QueryRowContext(ctx, `select nextval($1::regclass)`, sequence).Scan(&first)
	return first, err
}

// touch writes a message to the write-ahead log that nobody reads.
func (postgres) touch(ctx context.Context, q querier) error {
	var readOnly bool
	if err := q.QueryRowContext(ctx, `select current_setting('transaction_read_only')::bool`).Scan(&readOnly); err != nil {
		return err
	}
	if readOnly {
		return fault.New(fault.Unavailable, postgresReadOnly)
	}
	_, err := q.ExecContext(ctx, `select pg_logical_emit_message(true, 'tacho', '')`)
	return err
}

// arguments replaces what PostgreSQL's text does not take, a zero byte and what is not UTF-8, by the sign for what cannot be shown. What is
// looked for is treated in the same way as what is stored.
func (postgres) arguments(args []any) []any {
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			args[i] = storable(v)
		case *string:
			if v != nil {
				args[i] = storable(*v)
			}
		case sql.NullString:
			v.String = storable(v.String)
			args[i] = v
		}
	}
	return args
}

func storable(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// newSender is a word that no other server uses.
func newSender() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%d/%d", strings.ReplaceAll(host, " ", "-"), os.Getpid(), time.Now().UnixNano())
}

// InspectPostgres is Inspect for a PostgreSQL database. Only View, Schema and Close may be called.
func InspectPostgres(ctx context.Context, address string) (*Store, error) {
	s := &Store{now: time.Now, dialect: postgres{}}
	cfg, err := parsePostgres(address)
	if err != nil {
		return nil, err
	}
	if s.reader, err = openPostgres(ctx, cfg, 2); err != nil {
		return nil, s.explain(err)
	}
	return s, nil
}

func (s *Store) openPostgres(ctx context.Context, cfg Config) error {
	d := postgres{sender: newSender()}
	s.dialect = d
	address, err := parsePostgres(cfg.URL)
	if err != nil {
		return err
	}
	if s.writer, err = openPostgres(ctx, address, postgresWriters); err != nil {
		return err
	}
	if err := migrate(ctx, s.writer, d, migrations); err != nil {
		return err
	}
	if s.reader, err = openPostgres(ctx, address, postgresReaders); err != nil {
		return err
	}
	if s.holders, err = openPostgres(ctx, address, postgresHolders); err != nil {
		return err
	}
	s.listening = newListening(address, d.sender)
	return nil
}
