package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tachograph/tacho/internal/core/fault"
)

// MoveParams say what Move copies and where to.
type MoveParams struct {
	From     string // SQLite file, to which nobody writes meanwhile
	To       string // address of a PostgreSQL database without rows
	DryRun   bool   // look, and write nothing
	Progress func(step MoveStep, done, total int64)
}

// MoveStep is a part of a move, in rows.
type MoveStep string

// The steps.
const (
	MoveCopies   MoveStep = "copied"
	MoveCompares MoveStep = "compared"
)

// Moved is what a move did, or would do.
type Moved struct {
	Schema int64        `json:"schema"`
	Rows   int64        `json:"rows"`
	Tables []MovedTable `json:"tables"` // in the order in which they were written
	There  bool         `json:"there"`  // all of it was in the database before
}

// MovedTable is a table of it.
type MovedTable struct {
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	Digest string `json:"digest,omitempty"` // of the rows in any order, 64 hex digits; the same in both databases
}

// Move copies all rows of a SQLite database of this program's schema to a PostgreSQL database that has none. It is one transaction: before
// it commits it has read all rows back, and compared their number and digest in each table; a move that breaks off leaves at most the empty
// tables. Servers that start on the database meanwhile wait. Neither side is in memory: rows are streamed.
//
// Text that PostgreSQL cannot keep (a zero byte, what is not UTF-8) is changed as it is when a server on PostgreSQL writes it. A database
// that has exactly these rows already is left as it is; with others it is a Conflict.
func Move(ctx context.Context, p MoveParams) (out Moved, err error) {
	from, err := Inspect(ctx, p.From)
	if err != nil {
		return out, err
	}
	defer from.Close()
	if err := movable(ctx, from, &out); err != nil {
		return out, err
	}
	address, err := parsePostgres(p.To)
	if err != nil {
		return out, err
	}
	fresh, err := receive(ctx, address, out.Schema, p.DryRun)
	if err != nil {
		return out, ofTarget(address, err)
	}
	conn, err := pgx.ConnectConfig(ctx, address)
	if err != nil {
		return out, ofTarget(address, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	m := &move{from: from, to: conn, p: p, fresh: fresh}
	err = from.View(ctx, func(tx *Tx) error { return m.run(ctx, tx, &out) })
	explained, _ := postgres{}.explain(err)
	return out, explained
}

// ofTarget says of which database an error is, without its password.
func ofTarget(address *pgx.ConnConfig, err error) error {
	explained, _ := postgres{}.explain(err)
	if f, ok := errors.AsType[*fault.Error](explained); ok {
		return fault.Wrap(f.Kind, err, "database %s/%s: %s", address.Host, address.Database, f.Message)
	}
	return explained
}

// movable refuses a source of another schema, and one that is damaged.
func movable(ctx context.Context, from *Store, out *Moved) (err error) {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	if out.Schema, err = from.Schema(ctx); err != nil {
		return err
	}
	if out.Schema != newest {
		return fault.Conflictf("the folder's database has schema %d and this tacho writes schema %d; start the server of this tacho on it "+
			"once, stop it, and move it then", out.Schema, newest)
	}
	damage, err := from.Damage(ctx, 1)
	if err != nil {
		return err
	}
	if len(damage) > 0 {
		return fault.New(fault.Unavailable, "the folder's database is damaged: %s; restore it from a backup first", damage[0])
	}
	return nil
}

// newestMigration is the number of the schema that this program writes, in both databases.
func newestMigration() (newest int64, err error) {
	files, err := fs.Glob(migrations, "migration/postgres/*.sql")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("number of %s: %w", file, err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// receive sees to it that the database has our tables, unless it is only looked at. fresh says that it has none yet.
func receive(ctx context.Context, address *pgx.ConnConfig, schema int64, dry bool) (fresh bool, err error) {
	db, err := openPostgres(ctx, address, 2)
	if err != nil {
		return false, err
	}
	defer db.Close()
	var readOnly, ours bool
	var tables int
	if err := db.QueryRowContext(ctx, `select current_setting('transaction_read_only')::bool, to_regclass('goose_db_version') is not null,
		(select count(*) from pg_tables where schemaname = current_schema())`).Scan(&readOnly, &ours, &tables); err != nil {
		return false, fmt.Errorf("look at the database: %w", err)
	}
	switch {
	case readOnly:
		return false, fault.New(fault.Unavailable, "%s", postgresReadOnly)
	case !ours && tables > 0:
		return false, occupied("tables of something else")
	case dry && !ours:
		return true, nil
	case dry:
		var has int64
		err := db.QueryRowContext(ctx, `select coalesce(max(version_id), 0) from goose_db_version where is_applied`).Scan(&has)
		if err == nil && has != schema {
			err = occupied(fmt.Sprintf("schema %d instead of %d", has, schema))
		}
		return false, err
	}
	return false, migrate(ctx, db, postgres{}, migrations)
}

// move is a Move that has begun.
type move struct {
	from  *Store
	to    *pgx.Conn
	p     MoveParams
	fresh bool // the target has no tables: there is nothing to ask it
}

// movedTable is a table as both databases have it.
type movedTable struct {
	name    string
	columns []movedColumn
	rows    int64
	after   []string // tables that its rows refer to
}

type movedColumn struct {
	name, kind string
	sequence   string // that numbers its rows; ""
}

func (m *move) run(ctx context.Context, tx *Tx, out *Moved) error {
	if m.fresh {
		names, err := sqliteTables(ctx, tx)
		if err != nil {
			return err
		}
		for _, name := range names {
			n, err := countRows(ctx, tx, name)
			if err != nil {
				return err
			}
			out.Tables, out.Rows = append(out.Tables, MovedTable{Table: name, Rows: n}), out.Rows+n
		}
		return nil
	}
	if _, err := m.to.Exec(ctx, `select pg_advisory_lock($1)`, migrationLock); err != nil { // until the connection ends
		return fmt.Errorf("keep servers out: %w", err)
	}
	begun, err := m.to.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer begun.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it says that there is nothing to roll back
	if _, err := begun.Exec(ctx, `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
		set local synchronous_commit = on`); err != nil {
		return fmt.Errorf("set up transaction: %w", err)
	}
	tables, err := m.tables(ctx, tx, begun)
	if err != nil {
		return err
	}
	for _, t := range tables {
		out.Tables, out.Rows = append(out.Tables, MovedTable{Table: t.name, Rows: t.rows}), out.Rows+t.rows
	}
	there, err := m.lookAt(ctx, begun, tables)
	if err != nil {
		return err
	}
	out.There = there
	if m.p.DryRun && !there {
		return nil
	}
	digests, err := m.read(ctx, tx, begun, tables, out.Rows, !there)
	if err != nil {
		return err
	}
	if err := m.compare(ctx, begun, tables, digests, out); err != nil || there {
		return err
	}
	if err := m.numberOn(ctx, tx, begun, tables); err != nil {
		return err
	}
	if _, err := begun.Exec(ctx, `analyze`); err != nil { // plans of the first queries would be those of empty tables
		return fmt.Errorf("analyze: %w", err)
	}
	if err := begun.Commit(ctx); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// tables are all of both databases, each after those that it refers to.
func (m *move) tables(ctx context.Context, tx *Tx, to pgx.Tx) ([]movedTable, error) {
	names, err := sqliteTables(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := to.Query(ctx, `select c.table_name::text, c.column_name::text, c.data_type::text,
		coalesce(pg_get_serial_sequence(quote_ident(c.table_name), c.column_name), '')
		from information_schema.columns c join pg_tables t on t.schemaname = c.table_schema and t.tablename = c.table_name
		where c.table_schema = current_schema() and c.table_name not like 'goose\_%' order by c.table_name, c.ordinal_position`)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var found []movedTable
	var table string
	var c movedColumn
	if _, err := pgx.ForEachRow(rows, []any{&table, &c.name, &c.kind, &c.sequence}, func() error {
		if n := len(found); n == 0 || found[n-1].name != table {
			found = append(found, movedTable{name: table})
		}
		last := &found[len(found)-1]
		last.columns = append(last.columns, c)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	theirs := make([]string, len(found))
	for i := range found {
		t := &found[i]
		theirs[i] = t.name
		if t.rows, err = countRows(ctx, tx, t.name); err != nil {
			return nil, err
		}
		// A reference that is looked at when the transaction commits asks for no order.
		rows, err := to.Query(ctx, `select distinct confrelid::regclass::text from pg_constraint
			where contype = 'f' and not condeferrable and conrelid = to_regclass(quote_ident($1)) and confrelid <> conrelid`, t.name)
		if err != nil {
			return nil, fmt.Errorf("list references: %w", err)
		}
		if t.after, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return nil, fmt.Errorf("list references: %w", err)
		}
	}
	slices.Sort(theirs)
	if !slices.Equal(names, theirs) {
		return nil, fmt.Errorf("the databases have different tables: %v and %v", names, theirs)
	}
	return inOrder(found)
}

// inOrder puts each table after those that it refers to.
func inOrder(tables []movedTable) (out []movedTable, err error) {
	placed := map[string]bool{}
	for len(out) < len(tables) {
		before := len(out)
		for _, t := range tables {
			if !placed[t.name] && !slices.ContainsFunc(t.after, func(name string) bool { return !placed[name] }) {
				out, placed[t.name] = append(out, t), true
			}
		}
		if len(out) == before {
			return nil, errors.New("tables refer to each other in a circle")
		}
	}
	return out, nil
}

// sqliteTables lists the tables of our schema by name.
func sqliteTables(ctx context.Context, tx *Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `select name from sqlite_schema where type = 'table' and name not like 'sqlite\_%' escape '\'
		and name not like 'goose\_%' escape '\' order by name`)
	names, err := Collect(rows, err, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) })
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return names, nil
}

func countRows(ctx context.Context, tx *Tx, table string) (n int64, err error) {
	if err := tx.QueryRow(ctx, `select count(*) from `+quoted(table)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count rows of %s: %w", table, err)
	}
	return n, nil
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// names lists the columns for a statement of either database.
func (t movedTable) names() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = quoted(c.name)
	}
	return strings.Join(names, ", ")
}

// lookAt keeps everybody from writing to the tables, and says whether they may have the rows of the source already. Other rows are a
// Conflict.
func (m *move) lookAt(ctx context.Context, to pgx.Tx, tables []movedTable) (bool, error) {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = quoted(t.name)
	}
	mode := "exclusive"
	if m.p.DryRun {
		mode = "access share"
	}
	if _, err := to.Exec(ctx, `lock table `+strings.Join(names, ", ")+` in `+mode+` mode`); err != nil {
		return false, fmt.Errorf("lock tables: %w", err)
	}
	there, other := false, ""
	for _, t := range tables {
		var n int64
		if err := to.QueryRow(ctx, `select count(*) from `+quoted(t.name)).Scan(&n); err != nil {
			return false, fmt.Errorf("count rows of %s: %w", t.name, err)
		}
		there = there || n > 0
		if n != t.rows {
			other = cmp.Or(other, fmt.Sprintf("rows of something else (%s: %d; in the folder: %d)", t.name, n, t.rows))
		}
	}
	if there && other != "" {
		return false, ofTarget(m.to.Config(), occupied(other))
	}
	return there, nil
}

func occupied(what string) error {
	return fault.Conflictf("it has %s; make a new one with createdb, or drop this one first if nobody needs what it has", what)
}

// read streams the source's rows, to the target if they are to be written, and returns the digest of each table.
func (m *move) read(ctx context.Context, tx *Tx, to pgx.Tx, tables []movedTable, total int64, write bool) ([]tally, error) {
	out := make([]tally, len(tables))
	var done int64
	for i, t := range tables {
		rows, err := tx.Query(ctx, `select `+t.names()+` from `+quoted(t.name))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name, err)
		}
		source := &movedRows{rows: rows, table: t, tally: &out[i], seen: func() {
			if done++; done%1000 == 0 || done == total {
				m.p.Progress(MoveCopies, done, total)
			}
		}}
		if write {
			names := make([]string, len(t.columns))
			for i, c := range t.columns {
				names[i] = c.name
			}
			_, err = to.CopyFrom(ctx, pgx.Identifier{t.name}, names, source)
		} else {
			for source.Next() {
			}
			err = source.Err()
		}
		if err = errors.Join(err, rows.Close()); err != nil {
			return nil, fmt.Errorf("copy %s: %w", t.name, err)
		}
	}
	return out, nil
}

// compare reads all rows of the target back.
func (m *move) compare(ctx context.Context, to pgx.Tx, tables []movedTable, want []tally, out *Moved) error {
	var done int64
	for i, t := range tables {
		rows, err := to.Query(ctx, `select `+t.names()+` from `+quoted(t.name))
		if err != nil {
			return fmt.Errorf("read %s back: %w", t.name, err)
		}
		var got tally
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				rows.Close()
				return fmt.Errorf("read %s back: %w", t.name, err)
			}
			got.add(values)
			if done++; done%1000 == 0 || done == out.Rows {
				m.p.Progress(MoveCompares, done, out.Rows)
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("read %s back: %w", t.name, err)
		}
		switch {
		case got == want[i]:
		case out.There:
			return ofTarget(m.to.Config(), occupied("rows of something else ("+t.name+": as many as in the folder, with other values)"))
		default:
			return fmt.Errorf("%s came back with %d rows of digest %s, and not with %d of %s", t.name, got.rows, got.digest(), want[i].rows,
				want[i].digest())
		}
		out.Tables[i].Digest = got.digest()
	}
	return nil
}

// numberOn lets the sequences go on after the numbers that were given, also those of rows that are gone: SQLite keeps these for tables
// whose numbers are never given again.
func (m *move) numberOn(ctx context.Context, tx *Tx, to pgx.Tx, tables []movedTable) error {
	for _, t := range tables {
		for _, c := range t.columns {
			if c.sequence == "" {
				continue
			}
			var last int64
			if err := tx.QueryRow(ctx, `select max(coalesce((select max(`+quoted(c.name)+`) from `+quoted(t.name)+`), 0),
				coalesce((select seq from sqlite_sequence where name = $1), 0))`, t.name).Scan(&last); err != nil {
				return fmt.Errorf("last number of %s: %w", t.name, err)
			}
			if err := setSequence(ctx, to, c.sequence, last); err != nil {
				return err
			}
		}
	}
	var metrics int64
	if err := tx.QueryRow(ctx, `select coalesce(max(first_id + metrics), 0) from metric_part`).Scan(&metrics); err != nil {
		return fmt.Errorf("last number of metrics: %w", err)
	}
	return setSequence(ctx, to, "metric_number", metrics)
}

// setSequence lets the sequence go on after last. One of which nothing was taken stays at its start.
func setSequence(ctx context.Context, to pgx.Tx, sequence string, last int64) error {
	if last <= 0 {
		return nil
	}
	if _, err := to.Exec(ctx, `select setval($1::text::regclass, $2)`, sequence, last); err != nil {
		return fmt.Errorf("set %s: %w", sequence, err)
	}
	return nil
}

// movedRows are the rows of a table of SQLite as PostgreSQL takes them.
type movedRows struct {
	rows   *sql.Rows
	table  movedTable
	tally  *tally
	seen   func()
	values []any
	err    error
}

func (r *movedRows) Next() bool {
	if r.err != nil || !r.rows.Next() {
		return false
	}
	if r.values == nil {
		r.values = make([]any, len(r.table.columns))
	}
	into := make([]any, len(r.values))
	for i := range into {
		r.values[i] = nil
		into[i] = &r.values[i]
	}
	if r.err = r.rows.Scan(into...); r.err != nil {
		return false
	}
	for i, c := range r.table.columns {
		if r.values[i], r.err = movedValue(r.values[i], c.kind); r.err != nil {
			r.err = fmt.Errorf("%s.%s: %w", r.table.name, c.name, r.err)
			return false
		}
	}
	r.tally.add(r.values)
	r.seen()
	return true
}

func (r *movedRows) Values() ([]any, error) { return r.values, r.err }

func (r *movedRows) Err() error { return cmp.Or(r.err, r.rows.Err()) }

// movedValue is a value of SQLite in a column of PostgreSQL of this kind.
func movedValue(v any, kind string) (any, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case int64:
		switch kind {
		case "bigint":
			return x, nil
		case "boolean":
			return x != 0, nil
		}
	case float64:
		if kind == "double precision" {
			return x, nil
		}
	case string:
		if kind == "text" {
			return storable(x), nil
		}
	case []byte:
		if kind == "bytea" {
			return x, nil
		}
	}
	return nil, fmt.Errorf("a %T is not a %s", v, kind)
}

// tally counts rows, and adds up the SHA-256 of each, so that it is the same in whatever order they come.
type tally struct {
	rows int64
	sum  [4]uint64
}

func (t *tally) add(values []any) {
	buf := make([]byte, 0, 256)
	for _, v := range values {
		switch x := v.(type) {
		case nil:
			buf = append(buf, 'n')
		case int64:
			buf = binary.BigEndian.AppendUint64(append(buf, 'i'), uint64(x))
		case bool:
			buf = strconv.AppendBool(append(buf, 'b'), x)
		case float64:
			buf = binary.BigEndian.AppendUint64(append(buf, 'f'), math.Float64bits(x))
		case string:
			buf = append(binary.BigEndian.AppendUint64(append(buf, 's'), uint64(len(x))), x...)
		case []byte:
			buf = append(binary.BigEndian.AppendUint64(append(buf, 'x'), uint64(len(x))), x...)
		default:
			buf = fmt.Appendf(append(buf, '?'), "%T %v", x, x)
		}
	}
	sum := sha256.Sum256(buf)
	for i := range t.sum {
		t.sum[i] += binary.BigEndian.Uint64(sum[8*i:])
	}
	t.rows++
}

func (t *tally) digest() string {
	var sum [32]byte
	for i, n := range t.sum {
		binary.BigEndian.PutUint64(sum[8*i:], n)
	}
	return hex.EncodeToString(sum[:])
}
