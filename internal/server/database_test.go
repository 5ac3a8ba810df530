package server

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/config"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/upkeep"
)

// onPostgres starts a server on a PostgreSQL database and a data folder.
func onPostgres(t *testing.T, address, data string, change ...func(*Config)) *fixture {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startWith(t, data, l, func(cfg *Config) {
		cfg.Database = address
		for _, f := range change {
			f(cfg)
		}
	})
}

// refusedToOpen is why a server cannot be opened with these settings.
func refusedToOpen(t *testing.T, address, data string) error {
	t.Helper()
	var cfg Config
	if _, err := config.Load(&cfg, config.Sources{}); err != nil {
		t.Fatal(err)
	}
	cfg.Data, cfg.Database = data, address
	s, err := New(t.Context(), cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err == nil {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	return err
}

func TestServersOfOneDatabaseShareAFolderAndNobodyElse(t *testing.T) {
	t.Parallel()
	address, data := testdb.PostgresConfig(t).URL, t.TempDir()
	a, b := onPostgres(t, address, data), onPostgres(t, address, data)
	if a.key == "" || b.key != "" {
		t.Errorf("keys %q and %q are shown, want one by the first alone", a.key, b.key)
	}
	run := map[string]any{"project": "shop", "branch": "main", "testbed": "lab", "settings": map[string]any{"adapter": "json"},
		"results": []string{`{"b":{"latency":{"value":1}}}`}}
	var made struct{ UUID string }
	a.must(http.StatusCreated, a.key, "POST", "/v0/run", run, &made)
	b.must(http.StatusOK, a.key, "GET", "/v0/projects/shop/reports/"+made.UUID, nil, nil)
	b.must(http.StatusCreated, a.key, "POST", "/v0/run", run, nil)

	if err := refusedToOpen(t, "", data); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "PostgreSQL") {
		t.Errorf("a server with a database of its own beside them: %v", err)
	}
	a.stop()
	b.stop()
	if err := refusedToOpen(t, "", data); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "--database") {
		t.Errorf("a server with a database of its own after them: %v", err)
	}
	other := testdb.PostgresConfig(t).URL
	if err := refusedToOpen(t, other, data); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "another PostgreSQL database") {
		t.Errorf("a server on another database: %v", err)
	}
	if err := refusedToOpen(t, address, data); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

func TestAFolderWithADatabaseOfItsOwnTakesNoOther(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s, err := opened(t.Context(), t, data, false)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := refusedToOpen(t, testdb.PostgresConfig(t).URL, data); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(),
		upkeep.Database) {
		t.Errorf("%v, want a Conflict that names the file", err)
	}
}

func TestAnAddressThatIsNoneIsRefusedWithoutItsText(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"host=db password=geheim", "mysql://u:geheim@db/x", "postgres://u:geheim@["} {
		if err := refusedToOpen(t, address, t.TempDir()); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%v, want an Invalid fault without the password", err)
		}
	}
}

// TestReadinessFollowsTheDatabase when it goes, comes back, and takes no writes.
func TestReadinessFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	direct := testdb.PostgresConfig(t).URL
	address, way := testdb.Through(t, direct)
	var mu sync.Mutex
	now := time.Now()
	w := onPostgres(t, address, t.TempDir(), func(cfg *Config) {
		cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	ready := func(status int, sentence string) {
		t.Helper()
		mu.Lock()
		now = now.Add(limits.HealthFresh + time.Second)
		mu.Unlock()
		res, err := http.Get(w.url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != status || !strings.Contains(string(body), sentence) {
			t.Errorf("%d %q (%v), want %d with %q", res.StatusCode, body, err, status, sentence)
		}
	}
	ready(http.StatusOK, "ready")
	way.Cut()
	ready(http.StatusServiceUnavailable, "the database does not answer")
	if status := w.call(w.key, "GET", "/v0/projects", nil, nil); status != http.StatusServiceUnavailable {
		t.Errorf("a request meanwhile: %d, want 503", status)
	}
	way.Mend()
	ready(http.StatusOK, "ready")
	testdb.Exec(t, direct, `do $$ begin
		execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`)
	way.Cut()
	way.Mend()
	ready(http.StatusServiceUnavailable, "takes no writes")
}

func TestBlobsOfAPostgresDatabaseAreCheckedAndCopied(t *testing.T) {
	t.Parallel()
	address, data := testdb.PostgresConfig(t).URL, t.TempDir()
	w := onPostgres(t, address, data)
	w.must(http.StatusCreated, w.key, "POST", "/v0/run", map[string]any{"project": "shop", "branch": "main", "testbed": "lab",
		"settings": map[string]any{"adapter": "json"}, "results": []string{`{"b":{"latency":{"value":1}}}`}}, nil)
	cfg := Config{Data: data, Database: address, Now: time.Now}
	quiet := func(int, int) {}
	if out, err := Check(t.Context(), cfg, quiet); err != nil || out.Blobs != 1 || len(out.Problems) != 0 || out.Schema == 0 {
		t.Errorf("%+v (%v), want one blob and no problem", out, err)
	}
	to := filepath.Join(t.TempDir(), "copy")
	for range 2 { // the second time nothing is new
		if n, _, err := CopyBlobs(t.Context(), cfg, upkeep.BackupParams{Data: data, To: to, Progress: quiet}); err != nil || n != 1 {
			t.Errorf("%d blobs were copied (%v), want 1", n, err)
		}
	}
	cfg.Data = to
	if out, err := Check(t.Context(), cfg, quiet); err != nil || out.Blobs != 1 || len(out.Problems) != 0 {
		t.Errorf("the copy: %+v (%v), want it whole", out, err)
	}
	cfg.Data = t.TempDir()
	if out, err := Check(t.Context(), cfg, quiet); err != nil || len(out.Problems) != 1 {
		t.Errorf("an empty folder: %+v (%v), want the missing blob", out, err)
	}
	key, err := RecoverKey(t.Context(), Config{Data: data, Database: address, Now: time.Now}, true)
	if err != nil || key.Revoked != 1 {
		t.Fatalf("a new key: %v, %d revoked", err, key.Revoked)
	}
	w.must(http.StatusUnauthorized, w.key, "GET", "/v0/projects", nil, nil)
	w.must(http.StatusOK, key.Secret, "GET", "/v0/projects", nil, nil)
}
