package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// rowsEach is how many rows each table of a filled database has.
const rowsEach = 3

// newFilled makes a SQLite database with rows in each of its tables, which refer to each other as the schema says, and closes it.
func newFilled(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tacho.db")
	s, err := store.Open(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := sqliteFile(t, path)
	defer db.Close()
	f := &filler{t: t, db: db, columns: map[string][]fillColumn{}}
	for _, table := range f.tables() {
		f.describe(table)
	}
	for table := range f.columns {
		f.fill(table)
	}
	return path
}

func sqliteFile(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path) // without foreign keys
	if err != nil {
		t.Fatal(err)
	}
	return db
}

type fillColumn struct{ name, kind, parent, of string } // parent.of is what it refers to

type filler struct {
	t       *testing.T
	db      *sql.DB
	columns map[string][]fillColumn
}

func (f *filler) tables() []string {
	f.t.Helper()
	rows, err := f.db.QueryContext(f.t.Context(), `select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'
		and name not like 'goose_%'`)
	names, err := store.Collect(rows, err, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) })
	if err != nil {
		f.t.Fatal(err)
	}
	return names
}

func (f *filler) describe(table string) {
	f.t.Helper()
	rows, err := f.db.QueryContext(f.t.Context(), `select c.name, c.type, coalesce(k."table", ''), coalesce(k."to", '')
		from pragma_table_info($1) c left join pragma_foreign_key_list($1) k on k."from" = c.name group by c.cid order by c.cid`, table)
	f.columns[table], err = store.Collect(rows, err, func(rows *sql.Rows) (c fillColumn, err error) {
		return c, rows.Scan(&c.name, &c.kind, &c.parent, &c.of)
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// value is what column has in row i of table.
func (f *filler) value(table, column string, i int) any {
	f.t.Helper()
	at := slices.IndexFunc(f.columns[table], func(c fillColumn) bool { return c.name == column })
	c := f.columns[table][at]
	switch table + "." + column {
	case "plot.x_axis":
		return "version"
	case "plot.y_axis", "change_point.scale":
		return "log"
	case "change_event.kind":
		return "code"
	case "event_delivery.ended", "event_delivery.outcome":
		return nil
	case "spec.fallback": // of one row
		if i > 0 {
			return nil
		}
	case "report.error":
		return "a\x00zero, \xff and ☃"
	case "metric.value":
		return []float64{math.SmallestNonzeroFloat64, math.Inf(1), math.MaxFloat64}[i]
	}
	switch {
	case c.parent != "":
		return f.value(c.parent, c.of, i)
	case c.kind == "INTEGER":
		return i + 1
	case c.kind == "REAL":
		return float64(i) + 1.0/3
	case c.kind == "BLOB":
		return []byte{0, 0xff, byte(i)}
	}
	return fmt.Sprintf("%s %s %d", table, column, i)
}

func (f *filler) fill(table string) {
	f.t.Helper()
	for i := range rowsEach {
		var names, places []string
		var values []any
		for _, c := range f.columns[table] {
			values = append(values, f.value(table, c.name, i))
			names, places = append(names, `"`+c.name+`"`), append(places, fmt.Sprintf("$%d", len(values)))
		}
		if _, err := f.db.ExecContext(f.t.Context(), `insert into `+table+` (`+strings.Join(names, ",")+`) values (`+
			strings.Join(places, ",")+`)`, values...); err != nil {
			f.t.Fatalf("%s: %v", table, err)
		}
	}
}

func moveTo(ctx context.Context, from, to string, change ...func(*store.MoveParams)) (store.Moved, error) {
	p := store.MoveParams{From: from, To: to, Progress: func(store.MoveStep, int64, int64) {}}
	for _, c := range change {
		c(&p)
	}
	return store.Move(ctx, p)
}

func TestMoveCopiesEachTable(t *testing.T) {
	t.Parallel()
	from := newFilled(t)
	db := sqliteFile(t, from)
	if _, err := db.ExecContext(t.Context(), `delete from model where seq = 3`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	to := testdb.Empty(t)

	looked, err := moveTo(t.Context(), from, to, func(p *store.MoveParams) { p.DryRun = true })
	if err != nil || looked.Rows == 0 {
		t.Fatalf("a dry run: %+v, %v", looked, err)
	}
	var steps []string
	moved, err := moveTo(t.Context(), from, to, func(p *store.MoveParams) {
		p.Progress = func(step store.MoveStep, done, total int64) { steps = append(steps, fmt.Sprint(step, done, total)) }
	})
	if err != nil {
		t.Fatal(err)
	}
	if moved.Rows != looked.Rows || len(moved.Tables) != len(looked.Tables) || len(moved.Tables) < 30 || moved.There {
		t.Errorf("%d rows of %d tables were moved, %d of %d seen before", moved.Rows, len(moved.Tables), looked.Rows, len(looked.Tables))
	}
	for _, table := range moved.Tables {
		if table.Rows == 0 || len(table.Digest) != 64 {
			t.Errorf("%+v: the test has no row of it, or it has no digest", table)
		}
	}
	if want := []string{fmt.Sprint(store.MoveCopies, moved.Rows, moved.Rows), fmt.Sprint(store.MoveCompares, moved.Rows,
		moved.Rows)}; !slices.Equal(steps, want) {
		t.Errorf("progress %v, want %v", steps, want)
	}

	s := openPostgres(t, store.Config{URL: to})
	type read struct {
		Text   string
		Values []float64
		Dirty  bool
		Model  int64 // the next number
		Metric int64
	}
	var got read
	if err := s.Tx(t.Context(), func(tx *store.Tx) error {
		got = read{}
		rows, err := tx.Query(t.Context(), `select value from metric order by value`)
		if got.Values, err = store.Collect(rows, err, func(rows *sql.Rows) (v float64, err error) { return v, rows.Scan(&v) }); err != nil {
			return err
		}
		if err := tx.QueryRow(t.Context(), `select error, dirty from report where seq = 1`).Scan(&got.Text, &got.Dirty); err != nil {
			return err
		}
		if err := tx.QueryRow(t.Context(), `insert into model (id, threshold_id, test, created)
			select 'next', id, 't_test', 1 from threshold limit 1 returning seq`).Scan(&got.Model); err != nil {
			return err
		}
		got.Metric, err = tx.Draw(t.Context(), "metric_number")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := read{"a\uFFFDzero, \uFFFD and ☃", []float64{math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(1)}, true, 4, 0}
	if got.Metric <= 2*rowsEach { // its parts are 1, 2 and 3 long and begin there
		t.Errorf("the next metric is %d, which was given", got.Metric)
	}
	got.Metric = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAMoveThatBreaksOffLeavesNothingAndGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	from, to := newFilled(t), testdb.Empty(t)
	address, way := testdb.Through(t, to)
	for name, broken := range map[string]func() error{
		"the way is cut": func() error {
			_, err := moveTo(t.Context(), from, address, func(p *store.MoveParams) {
				p.Progress = func(store.MoveStep, int64, int64) { way.Cut() }
			})
			way.Mend()
			return err
		},
		"it is interrupted at the end of the copy": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := moveTo(ctx, from, to, func(p *store.MoveParams) { p.Progress = func(store.MoveStep, int64, int64) { cancel() } })
			return err
		},
		"it is interrupted at the end of the comparison": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := moveTo(ctx, from, to, func(p *store.MoveParams) {
				p.Progress = func(step store.MoveStep, _, _ int64) {
					if step == store.MoveCompares {
						cancel()
					}
				}
			})
			return err
		},
	} {
		if err := broken(); err == nil {
			t.Errorf("%s: no error", name)
		}
		var n int
		s := openPostgres(t, store.Config{URL: to})
		if err := s.View(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), `select (select count(*) from account) + (select count(*) from metric)`).Scan(&n)
		}); err != nil || n != 0 {
			t.Errorf("%s: %d rows are left (%v)", name, n, err)
		}
	}
	first, err := moveTo(t.Context(), from, to)
	if err != nil || first.There {
		t.Fatalf("once more: %+v, %v", first, err)
	}
	again, err := moveTo(t.Context(), from, to)
	if err != nil || !again.There {
		t.Errorf("when all is there: %+v, %v", again, err)
	}
	first.There = true
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
}

func TestAMoveIsRefused(t *testing.T) {
	t.Parallel()
	from := newFilled(t)
	prepared := func(t *testing.T, statements ...string) string {
		t.Helper()
		to := testdb.Empty(t)
		s := openPostgres(t, store.Config{URL: to})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, statement := range statements {
			testdb.Exec(t, to, statement)
		}
		return to
	}
	const account = `insert into account (id, name, slug, created) values ('other', 'o', 'o', 1)`
	for name, c := range map[string]struct {
		to   func(t *testing.T) string
		from func(t *testing.T, db *sql.DB)
		kind fault.Kind
		says string
		dry  bool // seen by a dry run, too
	}{
		"tables of something else": {to: func(t *testing.T) string {
			to := testdb.Empty(t)
			testdb.Exec(t, to, `create table wiki (page text)`)
			return to
		}, kind: fault.Conflict, says: "tables of something else", dry: true},
		"a database in use": {to: func(t *testing.T) string { return prepared(t, account) }, kind: fault.Conflict, says: "account: 1", dry: true},
		"a newer target": {to: func(t *testing.T) string {
			return prepared(t, `insert into goose_db_version (version_id, is_applied) values (9999, true)`)
		}, kind: fault.Conflict, says: "schema 9999", dry: true},
		"a target that takes no writes": {to: func(t *testing.T) string {
			return prepared(t, `do $$ begin
				execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`)
		}, kind: fault.Unavailable, says: "takes no writes", dry: true},
		"a target that changes what it is given": {to: func(t *testing.T) string {
			return prepared(t, `create function change() returns trigger language plpgsql as
				$$ begin new.name := 'changed'; return new; end $$`, `create trigger change before insert on benchmark
				for each row execute function change()`, `alter table benchmark drop constraint benchmark_project_id_name_key`)
		}, kind: fault.Internal, says: "benchmark came back with"},
		"an older source": {from: func(t *testing.T, db *sql.DB) {
			if _, err := db.ExecContext(t.Context(), `delete from goose_db_version where version_id = (select max(version_id)
				from goose_db_version)`); err != nil {
				t.Fatal(err)
			}
		}, kind: fault.Conflict, says: "start the server of this tacho on it once", dry: true},
		"a source with a reference into nothing": {from: func(t *testing.T, db *sql.DB) {
			if _, err := db.ExecContext(t.Context(), `delete from account`); err != nil {
				t.Fatal(err)
			}
		}, kind: fault.Unavailable, says: "damaged", dry: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := from, ""
			if c.from != nil {
				from = newFilled(t)
				db := sqliteFile(t, from)
				c.from(t, db)
				db.Close()
			}
			if c.to != nil {
				to = c.to(t)
			} else {
				to = testdb.Empty(t)
			}
			for _, dry := range []bool{true, false} {
				_, err := moveTo(t.Context(), from, to, func(p *store.MoveParams) { p.DryRun = dry })
				if dry && !c.dry {
					if err != nil {
						t.Errorf("a dry run: %v", err)
					}
					continue
				}
				if f, ok := errors.AsType[*fault.Error](err); err == nil || !strings.Contains(err.Error(), c.says) || ok && f.Kind != c.kind ||
					!ok && c.kind != fault.Internal {
					t.Errorf("dry %v: %v, want %v with %q", dry, err, c.kind, c.says)
				}
			}
		})
	}
	t.Run("the same number of rows with another value", func(t *testing.T) {
		t.Parallel()
		to := testdb.Empty(t)
		if _, err := moveTo(t.Context(), from, to); err != nil {
			t.Fatal(err)
		}
		testdb.Exec(t, to, `update metric set value = 7 where report_seq = 2`)
		if _, err := moveTo(t.Context(), from, to); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "metric: as many") {
			t.Errorf("%v, want a Conflict that names the table", err)
		}
	})
}
