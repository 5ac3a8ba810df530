//go:build linux

package ocirun

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// TestAMachineThatCannotStartAnythingDoesNotBlameTheImage has runtimes that refuse every image, in words that might be about the image or
// about the machine.
func TestAMachineThatCannotStartAnythingDoesNotBlameTheImage(t *testing.T) {
	t.Parallel()
	works("")(t)
	for _, said := range []string{"no such file or directory", "permission denied", "cannot allocate memory"} {
		dir := t.TempDir()
		runtime, image := filepath.Join(dir, "runc"), filepath.Join(dir, "image")
		script := "#!/bin/sh\ncase \"$*\" in *' create '*) echo 'unable to start container process: " + said + "' >&2; exit 1;; esac\nexit 0\n"
		if err := os.WriteFile(runtime, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		sleeper(t, image)
		d, err := New(Config{Runtime: runtime, Dir: dir, Keeper: testKeeper})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Prepare(t.Context(), isolate.Task{
			ID: "broken" + strconv.FormatInt(time.Now().UnixNano(), 36), RootFS: image, Args: []string{"/sleep"},
			CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64, MaxWall: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context(), io.Discard, io.Discard); err == nil || fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", said, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if found := left(d, ""); len(found) > 0 {
			t.Errorf("left behind: %v", found)
		}
	}
}
