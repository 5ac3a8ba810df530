package job_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// life runs the background work of one process until the returned function is called.
func (h *fixture) life() (end func()) {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.queue.Run(ctx) }()
	synctest.Wait()
	return func() {
		stop()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	}
}

// bubbleTime is a fixture whose clock is the bubble's, for tests in which the background works.
func bubbleTime(t *testing.T, f func(t *testing.T, h *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newFixture(t, func(h *fixture) { h.clock, h.inner = nil, true })) })
}

func TestJobsGoOnOverARestartOfTheServer(t *testing.T) {
	t.Parallel()
	bubbleTime(t, func(t *testing.T, h *fixture) {
		a, b, c := h.runner("a"), h.runner("b"), h.runner("c")
		end := h.life()
		running, done, lost := h.running(a, order{}), h.running(b, order{}), h.running(c, order{})
		h.mustPut(b, done, api.ArtifactStdout, "", ten)
		waits := h.submit(order{})
		time.Sleep(2 * limits.LeaseFlushInterval)
		end()
		h.says(b, done, api.MsgAck, api.Message{Event: api.MsgCompleted}) // stored, and nobody is there to read it
		h.expect(done.UUID, api.JobCompleted, "")
		time.Sleep(time.Hour) // the server is away for longer than any lease
		h.restart()
		end = h.life()
		h.expect(done.UUID, api.JobProcessed, "")
		h.expect(running.UUID, api.JobRunning, "")
		time.Sleep(limits.LeaseTimeout) // a runner may take that long to find the server again
		h.expect(running.UUID, api.JobRunning, "")
		for range (limits.RedialMax+limits.SweepInterval)/limits.HeartbeatInterval + 1 {
			h.says(a, running, api.MsgAck, api.Message{Event: api.MsgHeartbeat, Seq: 2})
			time.Sleep(limits.HeartbeatInterval)
		}
		h.expect(running.UUID, api.JobRunning, "")
		h.expect(lost.UUID, api.JobPending, api.ReasonRunnerLost)
		h.mustPut(a, running, api.ArtifactStdout, "", ten)
		h.says(a, running, api.MsgAck, api.Message{Event: api.MsgCompleted})
		synctest.Wait()
		h.expect(running.UUID, api.JobProcessed, "")
		h.expect(waits, api.JobPending, "")
		end()
		if n := h.queue.BeingRead(); n != 0 {
			t.Errorf("%d results are still being read", n)
		}
	})
}

func TestHeartbeatsOfTheLastSecondsSurviveAShutdown(t *testing.T) {
	t.Parallel()
	bubbleTime(t, func(t *testing.T, h *fixture) {
		r := h.runner("box")
		end := h.life()
		job := h.running(r, order{})
		time.Sleep(limits.LeaseFlushInterval + time.Second)
		before := *h.row(job.UUID).LeaseExpires
		h.says(r, job, api.MsgAck, api.Message{Event: api.MsgHeartbeat, Seq: 2})
		end()
		if after := *h.row(job.UUID).LeaseExpires; !after.After(before) {
			t.Errorf("the lease ends at %s, as before", after)
		}
	})
}

// TestASilentRunnerIsNoticedByTheSweeper and its job goes to one that waits, without anybody asking.
func TestASilentRunnerIsNoticedByTheSweeper(t *testing.T) {
	t.Parallel()
	bubbleTime(t, func(t *testing.T, h *fixture) {
		silent, next := h.runner("silent"), h.runner("next")
		end := h.life()
		job := h.running(silent, order{})
		changed, unsubscribe := h.queue.Subscribe(job.UUID)
		defer unsubscribe()
		begun := time.Now()
		got, err := h.queue.Claim(t.Context(), next, nil, time.Hour)
		if err != nil || got == nil || got.UUID != job.UUID || got.Epoch != 2 {
			t.Fatalf("claimed %+v, %v", got, err)
		}
		if took := time.Since(begun); took < limits.LeaseTimeout || took > limits.LeaseTimeout+limits.LeaseFlushInterval+limits.SweepInterval {
			t.Errorf("after %s", took)
		}
		<-changed
		h.says(silent, job, api.MsgAbandon, api.Message{Event: api.MsgCompleted})
		end()
	})
}

func TestCompletedJobsAreReadInTheBackground(t *testing.T) {
	t.Parallel()
	bubbleTime(t, func(t *testing.T, h *fixture) {
		r := h.runner("box")
		end := h.life()
		var ids []string
		for range 20 {
			job := h.running(r, order{})
			h.mustPut(r, job, api.ArtifactStdout, "", ten)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
			ids = append(ids, job.UUID)
		}
		synctest.Wait()
		for _, id := range ids {
			h.expect(id, api.JobProcessed, "")
		}
		end()
		if s := h.log.String(); s != "" {
			t.Errorf("the log has %s", s)
		}
	})
}
