package store_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

func TestServersThatStartAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	cfg := store.Config{URL: testdb.Empty(t)}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := openPostgres(t, cfg)
	var twice int
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `select count(*) from (select version_id from goose_db_version group by version_id
			having count(*) > 1) as t`).Scan(&twice)
	}); err != nil || twice > 0 {
		t.Errorf("%d migrations were made twice (%v)", twice, err)
	}
}

// TestAMigrationThatIsKilledIsMadeAgain: the step that it died in leaves nothing, those before it stay.
func TestAMigrationThatIsKilledIsMadeAgain(t *testing.T) {
	t.Parallel()
	address := testdb.Empty(t)
	files := func(second string) fstest.MapFS {
		return fstest.MapFS{
			"migration/postgres/0001_one.sql": {Data: []byte("-- +goose Up\ncreate table one (id bigint);\n")},
			"migration/postgres/0002_two.sql": {Data: []byte("-- +goose Up\ncreate table two (id bigint);\n" + second)},
		}
	}
	testdb.Exec(t, address, `create function stop() returns void language sql as 'select pg_advisory_xact_lock(42)'`)
	holds := testdb.Hold(t, address, `select pg_advisory_lock(42)`)
	waits := testdb.Waits(t, address)
	ended := make(chan error, 1)
	go func() { ended <- store.MigratePostgres(t, address, files("select stop();\n")) }()
	for !waits() && len(ended) == 0 {
		runtime.Gosched()
	}
	testdb.Exec(t, address, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
		and pid <> pg_backend_pid() and wait_event_type = 'Lock'`)
	if err := <-ended; err == nil {
		t.Error("a migration that was killed has succeeded")
	}
	holds()
	if err := store.MigratePostgres(t, address, files("insert into one values (2);\n")); err != nil {
		t.Errorf("once more: %v", err)
	}
	testdb.Exec(t, address, `insert into two select id from one`) // both are there
}

func TestANewerSchemaIsRefusedByItsNumber(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, cfg store.Config) {
		s := openPostgres(t, cfg)
		if err := s.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `insert into goose_db_version (version_id, is_applied) values (9999, $1)`, true)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		other, err := store.Open(t.Context(), cfg)
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("%v, want a Conflict", err)
		}
		if err == nil {
			other.Close()
		}
	})
}

// TestADatabaseThatWasAwayIsUsedAgain, without a new start, and says meanwhile that it is away.
func TestADatabaseThatWasAwayIsUsedAgain(t *testing.T) {
	t.Parallel()
	cfg := testdb.PostgresConfig(t)
	address, way := testdb.Through(t, cfg.URL)
	s := openPostgres(t, store.Config{URL: address})
	add := func() error {
		return s.Tx(t.Context(), func(tx *store.Tx) error { return addAccount(t.Context(), tx) })
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	way.Cut()
	const away = "the database does not answer; it is away, or starts again; try again"
	for name, use := range map[string]func() error{"write": add, "ping": func() error { return s.Ping(t.Context()) },
		"read": func() error { return s.View(t.Context(), func(*store.Tx) error { return nil }) }} {
		if err := use(); !fault.Is(err, fault.Unavailable) || fault.Message(err) != away {
			t.Errorf("%s: %v, want that it does not answer", name, err)
		}
	}
	way.Mend()
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("when it is back: %v", err)
	}
	if err := add(); err != nil || countAccounts(t, s) != 2 {
		t.Errorf("when it is back: %v, %d accounts", err, countAccounts(t, s))
	}
	// Nobody has noticed that it was away: whoever takes an idle connection next hears that it has ended.
	for name, use := range map[string]func() error{"write": add, "read": func() error {
		return s.View(t.Context(), func(*store.Tx) error { return nil })
	}} {
		testdb.Exec(t, cfg.URL, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
			and pid <> pg_backend_pid()`)
		if err := use(); err != nil {
			t.Errorf("the first %s after it was away: %v", name, err)
		}
	}
}

func TestADatabaseThatTakesNoWritesSaysSo(t *testing.T) {
	t.Parallel()
	cfg := testdb.PostgresConfig(t)
	s := openPostgres(t, cfg)
	testdb.Exec(t, cfg.URL, `do $$ begin
		execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`)
	testdb.Exec(t, cfg.URL, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
		and pid <> pg_backend_pid()`)
	const readOnly = "the database takes no writes: it is a standby, or set to read only; point tacho at the primary server"
	if err := s.Ping(t.Context()); !fault.Is(err, fault.Unavailable) || fault.Message(err) != readOnly {
		t.Errorf("ping: %v, want that it takes no writes", err)
	}
	if err := s.Tx(t.Context(), func(tx *store.Tx) error { return addAccount(t.Context(), tx) }); fault.Message(err) != readOnly {
		t.Errorf("write: %v, want that it takes no writes", err)
	}
	if err := s.View(t.Context(), func(*store.Tx) error { return nil }); err != nil {
		t.Errorf("read: %v", err)
	}
}

// TestWhatPostgresRefusesIsSaid lets the database itself raise what it would say of its disk and its connections.
func TestWhatPostgresRefusesIsSaid(t *testing.T) {
	t.Parallel()
	cfg := testdb.PostgresConfig(t)
	s := openPostgres(t, cfg)
	testdb.Exec(t, cfg.URL, `create function refuse() returns trigger language plpgsql as
		$$ begin raise exception 'no' using errcode = new.name; end $$`)
	testdb.Exec(t, cfg.URL, `create trigger refuse before insert on account for each row execute function refuse()`)
	insert := func(code string) error {
		return s.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `insert into account (id, name, slug, created) values ($1, $1, $1, 1)`, code)
			return err
		})
	}
	for code, says := range map[string]string{
		"53100": "the disk of the database is full; free space there and try again",
		"58030": "the disk of the database cannot be read or written; look at PostgreSQL's log, then try again",
		"53300": "the database has no connection left; raise max_connections, or run fewer servers on it",
		"42501": "the database's user may not do this; make it the owner of the database",
		"40001": "other writers were in the way each time it was tried; try again",
		"57P03": "the database does not answer; it is away, or starts again; try again",
	} {
		if err := insert(code); !fault.Is(err, fault.Unavailable) || fault.Message(err) != says {
			t.Errorf("%s: %v, want %q", code, err, says)
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the next transaction: %v", err)
	}
	if err := insert("XX001"); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "damaged") {
		t.Errorf("a damaged page: %v", err)
	}
	if err := s.Ping(t.Context()); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "damaged") {
		t.Errorf("ready with a damaged page: %v", err)
	}
}

// TestASlowDatabaseHoldsNobodyLongerThanTheyWait: whoever gives up leaves at once, and the store goes on.
func TestASlowDatabaseHoldsNobodyLongerThanTheyWait(t *testing.T) {
	t.Parallel()
	cfg := testdb.PostgresConfig(t)
	s := openPostgres(t, cfg)
	release := testdb.Hold(t, cfg.URL, `begin; lock table account in access exclusive mode`)
	waits := testdb.Waits(t, cfg.URL)
	for name, use := range map[string]func(ctx context.Context) error{
		"write": func(ctx context.Context) error {
			return s.Tx(ctx, func(tx *store.Tx) error { return addAccount(ctx, tx) })
		},
		"read": func(ctx context.Context) error {
			return s.View(ctx, func(tx *store.Tx) error {
				var n int
				return tx.QueryRow(ctx, `select count(*) from account`).Scan(&n)
			})
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- use(ctx) }()
		for !waits() && len(ended) == 0 {
			runtime.Gosched()
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want that it was given up", name, err)
		}
	}
	release()
	if err := s.Tx(t.Context(), func(tx *store.Tx) error { return addAccount(t.Context(), tx) }); err != nil || countAccounts(t, s) != 1 {
		t.Errorf("afterwards: %v, %d accounts, want 1", err, countAccounts(t, s))
	}
}

// TestWhatIsWrongWithADatabaseIsSaidAtTheStart, and never with the password.
func TestWhatIsWrongWithADatabaseIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	cfg := testdb.PostgresConfig(t)
	for _, tc := range []struct {
		name, address string
		kind          fault.Kind
	}{
		{"an address that is none", "postgres://u:geheim@[", fault.Invalid},
		{"nobody there", "postgres://u:geheim@127.0.0.1:1/x?connect_timeout=2", fault.Unavailable},
		{"no such database", testdb.Other(t, cfg.URL, "nowhere"), fault.Unavailable},
	} {
		s, err := store.Open(t.Context(), store.Config{URL: tc.address})
		if !fault.Is(err, tc.kind) {
			t.Errorf("%s: %v, want kind %v", tc.name, err, tc.kind)
		}
		if err == nil {
			s.Close()
		} else if text := err.Error(); len(text) == 0 || strings.Contains(text, "geheim") {
			t.Errorf("%s: %s", tc.name, text)
		}
	}
}
