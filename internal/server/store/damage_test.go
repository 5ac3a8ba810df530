package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

// closedDatabase is the file of a database with a few hundred accounts, closed.
func closedDatabase(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tacho.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Tx(t.Context(), func(tx *Tx) error {
		for i := range 300 {
			name := fmt.Sprintf("a%d", i)
			if _, err := tx.Exec(t.Context(), `insert into account (id, name, slug, created) values ($1, $2, $1, 0)`,
				name, name+strings.Repeat("x", 300)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// damage writes over the page on which the names of the accounts begin.
func damage(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	found := bytes.Index(raw, []byte(strings.Repeat("x", 300)))
	if found < page {
		t.Fatal("no account in the file")
	}
	begin := found / page * page
	copy(raw[begin:begin+200], bytes.Repeat([]byte{0xff}, 200))
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantRefusal(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("want %v, got %v", kind, err)
		return
	}
	for _, w := range words {
		if !strings.Contains(fault.Message(err), w) {
			t.Errorf("the sentence lacks %q: %s", w, fault.Message(err))
		}
	}
}

func TestDatabaseOfANewerTachoIsRefused(t *testing.T) {
	t.Parallel()
	path := closedDatabase(t)
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.ExecContext(t.Context(), `insert into goose_db_version (version_id, is_applied) values (9001, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Config{Path: path})
	wantRefusal(t, err, fault.Conflict, "schema 9001", "newer tacho", "backup")
}

func TestFileThatIsNoDatabaseIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tacho.db")
	text := strings.Repeat("my notes\n", 1000)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Path: path, CheckBytes: 1 << 20})
	wantRefusal(t, err, fault.Unavailable, "not a database", "backup")
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("the file has changed: %v", err)
	}
}

func TestFolderInPlaceOfTheDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tacho.db")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Path: path})
	wantRefusal(t, err, fault.Unavailable, "cannot be opened")
}

func TestDamagedDatabaseIsFoundAtOpen(t *testing.T) {
	t.Parallel()
	path := closedDatabase(t)
	damage(t, path)
	_, err := Open(t.Context(), Config{Path: path, CheckBytes: 1 << 30})
	wantRefusal(t, err, fault.Unavailable, "damaged", "backup")
}

func TestDatabaseThatTurnsOutDamagedIsNotReady(t *testing.T) {
	t.Parallel()
	path := closedDatabase(t)
	damage(t, path)
	s, err := Open(t.Context(), Config{Path: path}) // unchecked
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("before anybody has met the damage: %v", err)
	}
	var length int
	err = s.View(t.Context(), func(tx *Tx) error {
		return tx.QueryRow(t.Context(), `select sum(length(name)) from account`).Scan(&length)
	})
	wantRefusal(t, err, fault.Unavailable, "damaged")
	wantRefusal(t, s.Ping(t.Context()), fault.Unavailable, "damaged")
}

func TestCheckIsOfSmallDatabasesAndOfThoseThatWereNotClosed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		database, log int64 // bytes; negative: not there
		checkUpTo     int64
		want          bool
	}{
		{"new", -1, -1, 100, false},
		{"small", 100, -1, 100, true},
		{"large", 101, -1, 100, false},
		{"large, log emptied", 101, 0, 100, false},
		{"large, not closed", 101, 1, 100, true},
		{"no check", 10, 10, 0, false},
	} {
		path := filepath.Join(t.TempDir(), "tacho.db")
		for suffix, size := range map[string]int64{"": c.database, "-wal": c.log} {
			if size < 0 {
				continue
			}
			if err := os.WriteFile(path+suffix, make([]byte, size), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := wantsCheck(Config{Path: path, CheckBytes: c.checkUpTo}); err != nil || got != c.want {
			t.Errorf("%s: want %t, got %t, %v", c.name, c.want, got, err)
		}
	}
}

func TestFullDiskIsSaidAndPasses(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	var pages int
	if err := s.writer.QueryRowContext(t.Context(), `pragma page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	most := func(pages int) {
		t.Helper()
		if _, err := s.writer.ExecContext(t.Context(), fmt.Sprintf(`pragma max_page_count = %d`, pages)); err != nil {
			t.Fatal(err)
		}
	}
	large := func(id string) error { return addAccount(t.Context(), s, id+strings.Repeat("x", 100_000)) }
	most(pages)
	wantRefusal(t, large("a"), fault.Unavailable, "full", "free space")
	most(1 << 20)
	if err := large("b"); err != nil {
		t.Errorf("after space was freed: %v", err)
	}
}

func TestDatabaseThatTakesNoWritesIsReadAndSaysSo(t *testing.T) {
	t.Parallel()
	path := closedDatabase(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The version that writing needs, at byte 18: SQLite only reads files that are of a later one (sqlite.org/fileformat2.html, 1.3.3). Root,
	// who runs some of our tests, may write to a file whatever its mode is.
	_, err = f.WriteAt([]byte{3}, 18)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantRefusal(t, s.Ping(t.Context()), fault.Unavailable, "cannot be written", "writable for the user that runs tacho")
	wantRefusal(t, addAccount(t.Context(), s, "lost"), fault.Unavailable, "cannot be written")
	if err := s.View(t.Context(), func(tx *Tx) error {
		var n int
		return tx.QueryRow(t.Context(), `select count(*) from account`).Scan(&n)
	}); err != nil {
		t.Errorf("read: %v", err)
	}
}

func TestDatabaseThatWasRemovedIsNotReadyAndTakesNothing(t *testing.T) {
	t.Parallel()
	path := closedDatabase(t)
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, suffix := range []string{"", "-wal"} {
		if err := os.Remove(path + suffix); err != nil {
			t.Fatal(err)
		}
	}
	wantRefusal(t, s.Ping(t.Context()), fault.Unavailable, "removed")
	if err := addAccount(t.Context(), s, "lost"); err == nil {
		t.Error("a row in a file without a name was acknowledged")
	}
}

// BenchmarkQuickCheck reads a database of metrics with samples; its speed says what the check at the start costs.
func BenchmarkQuickCheck(b *testing.B) {
	s, _ := open(b)
	for _, statement := range []string{
		`pragma foreign_keys = 0`,
		`insert into metric (id, series_id, report_seq, iteration, value)
			with recursive n (i) as (select 1 union all select i + 1 from n where i < 600000) select i, i % 1000, i / 1000, 0, i from n`,
		`insert into metric_sample (metric_id, samples) select id, randomblob(8 * 4) from metric`,
		`pragma wal_checkpoint(truncate)`,
	} {
		if _, err := s.writer.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	info, err := os.Stat(s.path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		if err := quickCheck(b.Context(), s.writer); err != nil {
			b.Fatal(err)
		}
	}
}
