package job_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
)

// A job whose output the disk has changed or lost can still be looked at.
func TestJobIsShownAlthoughItsOutputIsDamaged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(path string) error
		want   string
	}{
		"changed": {func(path string) error {
			return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte(strings.Replace(ten, "10", "70", 1)), 0o600))
		}, "damaged"},
		"gone": {os.Remove, "not stored any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			r := h.runner("box")
			job := h.running(r, order{})
			h.mustPut(r, job, api.ArtifactStdout, "", ten)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
			files, err := filepath.Glob(filepath.Join(h.dir, "blobs", "sha256", "*", "*"))
			if err != nil || len(files) != 1 {
				t.Fatalf("want one blob, got %q, %v", files, err)
			}
			if err := c.damage(files[0]); err != nil {
				t.Fatal(err)
			}
			out := h.view(job.UUID).Output
			if out == nil || len(out.Results) != 1 || out.Results[0].Stdout == nil || !strings.Contains(*out.Results[0].Stdout, c.want) {
				t.Errorf("want an output that is said to be %s, got %+v", c.want, out)
			}
			if err := h.queue.Process(t.Context(), job.UUID); c.want == "damaged" && err == nil {
				t.Error("the damaged output was taken for results")
			}
			h.expect(job.UUID, api.JobCompleted, "")
		})
	}
}

// The end of a long output is shown without reading the rest of it. What is judged is read whole, and a changed byte anywhere keeps it from
// that.
func TestALongOutputIsJudgedOnlyIfAllOfItIsAsItWas(t *testing.T) {
	t.Parallel()
	const first, last = "first", "last line\n"
	long := first + strings.Repeat(" ", limits.LogTailBytes) + last
	for name, c := range map[string]struct {
		damage func(path string) error
		shown  string
	}{
		"a byte at its beginning": {func(path string) error { return os.WriteFile(path, []byte("w"+long[1:]), 0o600) }, last},
		"its end":                 {func(path string) error { return os.Truncate(path, int64(len(long)-1)) }, "damaged"},
		"nearly all":              {func(path string) error { return os.Truncate(path, 2) }, "damaged"},
		"it has grown":            {func(path string) error { return os.WriteFile(path, []byte(long+"more"), 0o600) }, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			r := h.runner("box")
			job := h.running(r, order{})
			h.mustPut(r, job, api.ArtifactStdout, "", long)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
			files, err := filepath.Glob(filepath.Join(h.dir, "blobs", "sha256", "*", "*"))
			if err != nil || len(files) != 1 {
				t.Fatalf("want one blob, got %q, %v", files, err)
			}
			if err := errors.Join(os.Chmod(files[0], 0o600), c.damage(files[0])); err != nil {
				t.Fatal(err)
			}
			if shown := *h.view(job.UUID).Output.Results[0].Stdout; !strings.Contains(shown, c.shown) {
				t.Errorf("want to be shown %q, got … %s", c.shown, shown[max(0, len(shown)-100):])
			}
			if err := h.queue.Process(t.Context(), job.UUID); !errors.Is(err, blob.ErrDamaged) {
				t.Errorf("read as results: %v", err)
			}
			h.expect(job.UUID, api.JobCompleted, "")
		})
	}
}
