package server

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/config"
	"github.com/tachograph/tacho/internal/core/fault"
)

// opened is a server or a command on a folder with a database of its own, also in a run on PostgreSQL: there servers share a folder
// (TestServersOfOneDatabaseShareAFolderAndNobodyElse), and no command has one without a server.
func opened(ctx context.Context, t *testing.T, folder string, local bool) (*Server, error) {
	t.Helper()
	var cfg Config
	if _, err := config.Load(&cfg, config.Sources{}); err != nil {
		t.Fatal(err)
	}
	cfg.Data, cfg.Local = folder, local
	if !local {
		cfg.URL = "http://127.0.0.1:1"
	}
	return New(ctx, cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

func wantSentence(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("want %v, got %v", kind, err)
	}
	for _, w := range words {
		if !strings.Contains(fault.Message(err), w) {
			t.Errorf("the sentence lacks %q: %s", w, fault.Message(err))
		}
	}
}

func TestServedFolderIsRefusedAtOnceWithThePidOfItsServer(t *testing.T) {
	t.Parallel()
	folder, pid := t.TempDir(), "process "+strconv.Itoa(os.Getpid())
	first, err := opened(t.Context(), t, folder, false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = opened(t.Context(), t, folder, false)
	wantSentence(t, err, fault.Conflict, folder, pid, "http://127.0.0.1:1", "--data")
	_, err = opened(t.Context(), t, folder, true)
	wantSentence(t, err, fault.Conflict, folder, pid, "--host http://127.0.0.1:1")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := opened(t.Context(), t, folder, false)
	if err != nil {
		t.Fatalf("after the first has closed: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestCommandIsWaitedFor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, err := opened(t.Context(), t, folder, true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockFolder(t.Context(), folder, holder{}, 0)
	wantSentence(t, err, fault.Unavailable, folder, "process "+strconv.Itoa(os.Getpid()), "try again")
	given, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = opened(given, t, folder, true)
	wantSentence(t, err, fault.Unavailable, "try again")

	done := make(chan error, 1)
	go func() {
		second, err := opened(t.Context(), t, folder, false)
		if err == nil {
			err = second.Close()
		}
		done <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLockOfADeadProcessIsNone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "lock"), []byte(`{"pid":1,"serves":true,"url":"http://gone.example"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := lockFolder(t.Context(), folder, holder{PID: 7}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}

func TestServerThatCannotStartGivesTheFolderFree(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	database := filepath.Join(folder, "tacho.db")
	if err := os.WriteFile(database, []byte(strings.Repeat("notes\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := opened(t.Context(), t, folder, false)
	wantSentence(t, err, fault.Unavailable, folder, "not a database")
	if err := os.Remove(database); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "blobs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = opened(t.Context(), t, folder, false)
	wantSentence(t, err, fault.Invalid, folder, "is a file")
	if err := os.Remove(filepath.Join(folder, "blobs")); err != nil {
		t.Fatal(err)
	}
	s, err := opened(t.Context(), t, folder, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFolderThatCannotBeWrittenIsSaid(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := opened(t.Context(), t, folder, false)
	wantSentence(t, err, fault.Invalid, folder, "cannot be written by this user", "--data")
}

func TestACommandLetsOthersInWhileItRests(t *testing.T) {
	t.Parallel()
	resting := func(t *testing.T, meanwhile func(folder string)) (bool, error) {
		t.Helper()
		folder := t.TempDir()
		s, err := opened(t.Context(), t, folder, true)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Errorf("closed twice: %v", err)
			}
		}()
		if err := s.Rest(t.Context()); err != nil {
			t.Fatal(err)
		}
		meanwhile(folder)
		same, err := s.Wake(t.Context())
		if same {
			_, err := lockFolder(t.Context(), folder, holder{}, 0)
			wantSentence(t, err, fault.Unavailable, "try again")
			if _, err := s.accounts.FirstKey(t.Context()); err != nil {
				t.Errorf("its store cannot be written any more: %v", err)
			}
		}
		return same, err
	}
	t.Run("another command", func(t *testing.T) {
		t.Parallel()
		same, err := resting(t, func(folder string) {
			other, err := opened(t.Context(), t, folder, true)
			if err == nil {
				err = other.Close()
			}
			if err != nil {
				t.Errorf("another command: %v", err)
			}
		})
		if !same || err != nil {
			t.Errorf("the folder is as it was, but Wake says %v, %v", same, err)
		}
	})
	t.Run("a server that stays", func(t *testing.T) {
		t.Parallel()
		_, err := resting(t, func(folder string) {
			other, err := opened(t.Context(), t, folder, false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = other.Close() })
		})
		wantSentence(t, err, fault.Conflict, "--host http://127.0.0.1:1")
	})
	t.Run("another database", func(t *testing.T) {
		t.Parallel()
		same, err := resting(t, func(folder string) {
			name := filepath.Join(folder, "tacho.db")
			if err := errors.Join(os.Rename(name, name+".old"), os.WriteFile(name, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		})
		if same || err != nil {
			t.Errorf("Wake says %v, %v", same, err)
		}
	})
	t.Run("a newer schema", func(t *testing.T) {
		t.Parallel()
		same, err := resting(t, func(folder string) {
			db, err := sql.Open("sqlite", filepath.Join(folder, "tacho.db"))
			if err == nil {
				_, err = db.ExecContext(t.Context(), `insert into goose_db_version (version_id, is_applied) values (9999, true)`)
				err = errors.Join(err, db.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		if same || err != nil {
			t.Errorf("Wake says %v, %v", same, err)
		}
	})
}
