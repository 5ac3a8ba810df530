package job_test

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/store/powercut"
)

// What a runner was told is received, it deletes: the server must still have it after a power cut.
func TestAcknowledgedResultSurvivesAPowerCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		last   api.MessageEvent
		reason api.Reason
		want   api.JobStatus
	}{
		{api.MsgCompleted, "", api.JobCompleted},
		{api.MsgFailed, api.ReasonBenchmarkExit, api.JobFailed},
	} {
		t.Run(string(c.last), func(t *testing.T) {
			t.Parallel()
			disk := powercut.New()
			h := newFixture(t, func(h *fixture) { h.disk = disk })
			r := h.runner("box")
			job := h.running(r, order{})
			h.mustPut(r, job, api.ArtifactStdout, "", ten)
			h.says(r, job, api.MsgAck, api.Message{Event: c.last, Reason: c.reason})

			folder := t.TempDir()
			if err := disk.Cut(folder, 0, rand.New(rand.NewPCG(1, 2))); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(folder, "blobs"), os.DirFS(filepath.Join(h.dir, "blobs"))); err != nil {
				t.Fatal(err)
			}
			next := &fixture{t: t, inner: true, dir: folder, clock: h.clock, tokens: h.tokens, log: h.log, tiers: h.tiers}
			next.open()
			t.Cleanup(func() { _ = next.store.Close() })
			next.expect(job.UUID, c.want, c.reason)
			body, _, err := next.queue.OpenOutput(t.Context(), access.Actor{Kind: access.Local}, next.row(job.UUID).ProjectID, job.UUID, 0,
				api.ArtifactStdout, "")
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			if text, err := io.ReadAll(body); err != nil || string(text) != ten {
				t.Errorf("the output is %q, %v", text, err)
			}
		})
	}
}
