package job_test

import (
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestEventsSayHowAJobEnded(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	good := h.running(r, order{})
	h.mustPut(r, good, api.ArtifactStdout, "", ten)
	h.says(r, good, api.MsgAck, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}})
	storetest.WantEvents(t, h.store) // it is not over before its results are read
	h.process(good.UUID)
	storetest.WantEvents(t, h.store, "job.ended completed processed", "report.closed pending processed")

	bad := h.running(r, order{})
	h.says(r, bad, api.MsgAck, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}})
	h.process(bad.UUID)
	storetest.WantEvents(t, h.store, "job.ended completed failed no_result", "report.closed pending failed")

	waits := h.submit(order{})
	if err := h.queue.Cancel(t.Context(), waits); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, h.store, "job.ended pending canceled canceled_by_user", "report.closed pending failed")
	if err := h.queue.Cancel(t.Context(), waits); !fault.Is(err, fault.Conflict) {
		t.Errorf("canceled again: %v, want a conflict", err)
	}
	storetest.WantEvents(t, h.store)
	if err := h.queue.Retry(t.Context(), waits); err != nil {
		t.Fatal(err)
	}
	storetest.WantEvents(t, h.store, "report.reopened failed pending")
}
