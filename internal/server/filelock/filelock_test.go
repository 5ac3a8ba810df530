package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tachograph/tacho/internal/server/filelock"
)

func TestALockIsForOneOrForThoseWhoShareIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() }) // some are closed by then
		return f
	}
	free := func(f *os.File) {
		t.Helper()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	first, second := open(), open()
	if err := errors.Join(filelock.Share(first), filelock.Share(second)); err != nil {
		t.Fatal("two share it:", err)
	}
	alone := open()
	if err := filelock.Try(alone); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("beside two who share it: %v", err)
	}
	free(first)
	if err := filelock.Try(alone); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("beside one who shares it: %v", err)
	}
	free(second)
	if err := filelock.Try(alone); err != nil {
		t.Errorf("a free one: %v", err)
	}
	if err := filelock.Try(open()); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("beside one who has it alone: %v", err)
	}
	if err := filelock.TryShare(open()); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("who would share one that somebody has alone: %v", err)
	}
	got := make(chan error)
	waits := open()
	go func() { got <- filelock.Share(waits) }()
	free(alone)
	if err := <-got; err != nil {
		t.Errorf("who waited to share it: %v", err)
	}
	if err := filelock.TryShare(open()); err != nil {
		t.Errorf("who shares it too: %v", err)
	}
}
