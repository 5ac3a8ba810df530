package job_test

import (
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

func TestARunnerThatGetsItsLostJobAgainSpeaksInTheNewEpochOnly(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	first := h.running(r, order{})
	h.silence()
	second := h.mustClaim(r, first.UUID)
	for name, epoch := range map[string]int64{"the epoch before": first.Epoch, "an epoch to come": second.Epoch + 1} {
		claim := &api.ClaimedJob{UUID: first.UUID, Epoch: epoch}
		if err := h.put(r, claim, api.ArtifactStdout, "", "late"); !fault.Is(err, fault.Conflict) {
			t.Errorf("upload in %s: %v, want a conflict", name, err)
		}
		if _, err := h.queue.Refresh(t.Context(), r, first.UUID, epoch); !fault.Is(err, fault.Conflict) {
			t.Errorf("token in %s: %v, want a conflict", name, err)
		}
		if held, _, err := h.queue.CancelAsked(t.Context(), r, first.UUID, epoch); held || err != nil {
			t.Errorf("in %s: held %v, %v", name, held, err)
		}
	}
	if held, _, err := h.queue.CancelAsked(t.Context(), r, first.UUID, second.Epoch); !held || err != nil {
		t.Errorf("in its epoch: held %v, %v", held, err)
	}
}

func TestAJobThatWasHeardOfIsNotTakenFromARunnerThatAsksAgain(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.mustClaim(r, h.submit(order{}))
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgHeartbeat}) // in memory only, until the next flush
	if again := h.claim(r); again != nil {
		t.Errorf("the job was taken away and given out in epoch %d", again.Epoch)
	}
	h.expect(job.UUID, api.JobClaimed, "")
}

func TestARetriedJobIsNotCanceledByTheOldRequest(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	h.cancel(job.UUID)
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCanceled})
	if err := h.queue.Retry(t.Context(), job.UUID); err != nil {
		t.Fatal(err)
	}
	if got := h.view(job.UUID); got.CancelAsked != nil {
		t.Errorf("still to be canceled since %v", got.CancelAsked)
	}
	again := h.mustClaim(r, job.UUID)
	h.says(r, again, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
	h.says(r, again, api.MsgAck, api.Message{Event: api.MsgHeartbeat, Seq: 1})
}
