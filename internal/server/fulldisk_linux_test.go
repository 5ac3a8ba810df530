package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/core/limits"
)

// A disk of 8 MiB is filled under a server and emptied again.
func TestFullDiskIsNotReadyUntilThereIsSpaceAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := unix.Mount("tacho-test", folder, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=8m"); err != nil {
		t.Skipf("needs the right to mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(folder, "data")
	log := slog.New(slog.DiscardHandler)
	s, err := New(t.Context(), settings(t, data), log)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s.health.now = func() time.Time { return now }
	s.setReady(true)
	check := func(want int, words string) {
		t.Helper()
		now = now.Add(limits.HealthFresh)
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if answer.Code != want || !strings.Contains(answer.Body.String(), words) {
			t.Errorf("readyz: want %d with %q, got %d, %s", want, words, answer.Code, answer.Body)
		}
	}
	check(200, "ready")
	filler := filepath.Join(folder, "filler")
	fill(t, filler)
	check(503, "full")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	check(200, "ready")
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	fill(t, filler)
	_, err = New(t.Context(), settings(t, filepath.Join(folder, "other")), log)
	if err == nil || !strings.Contains(err.Error(), "full; free space") {
		t.Errorf("a first start on a full disk: %v", err)
	}
}

// fill writes to a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, zeros{}); err == nil {
		t.Error("the disk has no end")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
