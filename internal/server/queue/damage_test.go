package queue

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
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
			h := newHall(t)
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
