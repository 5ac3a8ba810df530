package server

import (
	"context"
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
