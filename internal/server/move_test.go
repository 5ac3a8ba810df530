package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/upkeep"
)

// moveFolder moves a folder's database.
func moveFolder(t *testing.T, data, to string, change ...func(*MoveParams)) (Moved, error) {
	t.Helper()
	p := MoveParams{To: to, Progress: func(string, int64, int64) {}}
	for _, c := range change {
		c(&p)
	}
	return Move(t.Context(), Config{Data: data}, p)
}

// inFile starts a server with a database in its folder, also in a run on PostgreSQL.
func inFile(t *testing.T, data string) *fixture {
	t.Helper()
	return onPostgres(t, "", data)
}

func TestAMovedFolderServesTheSameAnswers(t *testing.T) {
	t.Parallel()
	data, to := t.TempDir(), testdb.Empty(t)
	w := inFile(t, data)
	run := map[string]any{"project": "shop", "branch": "main", "testbed": "lab", "settings": map[string]any{"adapter": "json"},
		"thresholds": map[string]any{"models": map[string]any{"latency": map[string]any{"test": "percentage", "upper_boundary": 0.1}}}}
	for i := range 5 {
		run["results"] = []string{`{"b":{"latency":{"value":1` + strings.Repeat("0", i/4) + `}},"ü":{"latency":{"value":2}}}`}
		w.must(http.StatusCreated, w.key, "POST", "/v0/run", run, nil)
	}
	w.push("shop/bench")
	w.must(http.StatusCreated, w.key, "POST", "/v0/projects/shop/keys", map[string]any{"name": "ci"}, nil)
	key := w.key
	answers := func(w *fixture) map[string]any {
		t.Helper()
		out := map[string]any{}
		for _, path := range []string{"/v0/projects", "/v0/projects/shop/reports", "/v0/projects/shop/alerts", "/v0/projects/shop/thresholds",
			"/v0/projects/shop/benchmarks", "/v0/projects/shop/branches", "/v0/projects/shop/keys", "/v0/specs"} {
			var answer json.RawMessage
			w.must(http.StatusOK, key, "GET", path, nil, &answer)
			out[path] = strings.ReplaceAll(string(answer), w.url, "")
		}
		return out
	}
	want := answers(w)
	if _, err := moveFolder(t, data, to); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "in use by the server") {
		t.Errorf("beside its server: %v", err)
	}
	w.stop()
	looked, err := moveFolder(t, data, to, func(p *MoveParams) { p.DryRun = true })
	if err != nil || looked.Kept != "" || looked.Rows == 0 {
		t.Errorf("a dry run: %+v, %v", looked, err)
	}
	w = inFile(t, data) // it has changed nothing
	w.stop()
	moved, err := moveFolder(t, data, to)
	if err != nil {
		t.Fatal(err)
	}
	if moved.Kept != filepath.Join(data, upkeep.Moved) {
		t.Errorf("kept %q", moved.Kept)
	}
	if left, err := filepath.Glob(filepath.Join(data, upkeep.Database) + "*"); err != nil || len(left) != 1 || left[0] != moved.Kept {
		t.Errorf("of the file is left %v (%v)", left, err)
	}
	w = onPostgres(t, to, data)
	if w.key != "" {
		t.Error("a first key is shown again")
	}
	if diff := cmp.Diff(want, answers(w)); diff != "" {
		t.Errorf("answers (-before +after):\n%s", diff)
	}
	w.must(http.StatusCreated, key, "POST", "/v0/run", run, nil)
	w.stop()

	if err := refusedToOpen(t, "", data); !fault.Is(err, fault.Conflict) {
		t.Errorf("a server with a file: %v", err)
	}
	if _, err := moveFolder(t, data, to); !fault.Is(err, fault.Missing) || !strings.Contains(err.Error(), "moved before") {
		t.Errorf("once more: %v", err)
	}
}

func TestAMoveThatBreaksOffAfterTheCopyGoesOn(t *testing.T) {
	t.Parallel()
	data, to := t.TempDir(), testdb.Empty(t)
	inFile(t, data).stop()
	if _, err := moveFolder(t, data, to); err != nil {
		t.Fatal(err)
	}
	file, aside, claim := filepath.Join(data, upkeep.Database), filepath.Join(data, upkeep.Moved), filepath.Join(data, ownerName)
	for name, c := range map[string]struct {
		undo  func() error
		serve map[string]bool // database → whether a server takes the folder
	}{
		"before the folder was claimed": {func() error { return errors.Join(os.Rename(aside, file), os.Remove(claim)) },
			map[string]bool{"": true, to: false}},
		"before the file was put aside": {func() error { return os.Rename(aside, file) }, map[string]bool{"": false, to: false}},
	} {
		if err := c.undo(); err != nil {
			t.Fatal(err)
		}
		for address, serves := range c.serve {
			if err := refusedToOpen(t, address, data); (err == nil) != serves {
				t.Errorf("%s: database %q: %v", name, address, err)
			}
		}
		moved, err := moveFolder(t, data, to)
		if err != nil || !moved.There {
			t.Errorf("%s: %+v, %v", name, moved, err)
		}
		if err := refusedToOpen(t, to, data); err != nil {
			t.Errorf("%s: a server afterwards: %v", name, err)
		}
	}
}

func TestAFolderWhoseObjectsAreAnotherDatabasesIsNotMoved(t *testing.T) {
	t.Parallel()
	data, to := t.TempDir(), testdb.Empty(t)
	inFile(t, data).stop()
	if err := os.WriteFile(filepath.Join(data, ownerName), []byte(`{"account":"someone"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := moveFolder(t, data, to); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v, want a Conflict", err)
	}
	if _, err := moveFolder(t, t.TempDir(), to); !fault.Is(err, fault.Missing) {
		t.Errorf("an empty folder: %v, want Missing", err)
	}
	for _, address := range []string{"", "mysql://u:geheim@db/x", "postgres://u:geheim@["} {
		if _, err := moveFolder(t, data, address); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v, want an error without the password", address, err)
		}
	}
}
