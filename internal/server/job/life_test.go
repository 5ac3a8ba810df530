package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

func TestJobTravelsFromSubmitToAJudgedReport(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.mustClaim(r, h.submit(order{}))
	h.expect(job.UUID, api.JobClaimed, "")
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgPhase, Seq: 1, Phase: "pull", Detail: "3 of 7 layers"})
	if got := h.view(job.UUID); got.Phase != "pull" || got.Runner == nil || got.RunnerName != "box" {
		t.Errorf("while it pulls: %+v", got)
	}
	h.clock.advance(time.Second)
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 2})
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgLog, Seq: 3, Text: "warming up\n"})
	if got := h.view(job.UUID); got.Output == nil || *got.Output.Results[0].Stdout != "warming up\n" {
		t.Errorf("live output: %+v", got.Output)
	}
	h.mustPut(r, job, api.ArtifactStdout, "", ten)
	h.mustPut(r, job, api.ArtifactStderr, "", "careful\n")
	h.clock.advance(time.Second)
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{WallNS: 5}},
		Host: &api.HostFacts{Kernel: "6.1"}})
	h.expect(job.UUID, api.JobCompleted, "") // acknowledged means stored; reading comes after
	if got := h.report(job.UUID); got.Status != api.ReportPending {
		t.Errorf("the report is %s before it is read", got.Status)
	}
	h.process(job.UUID)
	h.expect(job.UUID, api.JobProcessed, "")
	if got := h.report(job.UUID); got.Status != api.ReportProcessed || got.Host.Kernel != "6.1" || !got.EndTime.Equal(h.clock.now()) {
		t.Errorf("report: %+v", got)
	}
	got := h.view(job.UUID)
	if got.Started == nil || got.Completed.Sub(*got.Started) != time.Second || got.Output.Results[0].WallNS != 5 ||
		*got.Output.Results[0].Stdout != ten || *got.Output.Results[0].Stderr != "careful\n" {
		t.Errorf("job: %+v, output %+v", got, got.Output)
	}
	var events []string
	for _, e := range got.Events {
		events = append(events, fmt.Sprintf("%s %s→%s %d", e.Event, e.From, e.To, e.Epoch))
	}
	want := []string{"submit →pending 0", "claim pending→claimed 1", "start claimed→running 1", "complete running→completed 1",
		"process completed→processed 1"}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

// TestHowResultsEndAJob is about what the runner called completed.
func TestHowResultsEndAJob(t *testing.T) {
	t.Parallel()
	allow := true
	result := func(change func(*api.IterationOutput)) []api.IterationOutput {
		var r api.IterationOutput
		change(&r)
		return []api.IterationOutput{r}
	}
	inline := func(stdout string, files map[string]string) []api.IterationOutput {
		return result(func(r *api.IterationOutput) { r.Stdout, r.Output = &stdout, files })
	}
	said := func(stdout, stderr string) []api.IterationOutput {
		return result(func(r *api.IterationOutput) { r.Stdout, r.Stderr = &stdout, &stderr })
	}
	exit := func(code int) []api.IterationOutput {
		stdout := ten
		return result(func(r *api.IterationOutput) { r.ExitCode, r.Stdout = code, &stdout })
	}
	for name, row := range map[string]struct {
		job     api.NewJob
		results []api.IterationOutput
		state   api.JobStatus
		reason  api.Reason
		says    string
	}{
		"results on stdout, in the message":    {api.NewJob{}, inline(ten, nil), api.JobProcessed, "", ""},
		"results on stderr, where time writes": {api.NewJob{}, said("\n", ten), api.JobProcessed, "", ""},
		"stdout wins over stderr":              {api.NewJob{}, said(ten, "noise"), api.JobProcessed, "", ""},
		"a file wins over stdout":              {api.NewJob{}, inline("noise", map[string]string{"/r.json": ten}), api.JobProcessed, "", ""},
		"no output":                            {api.NewJob{}, inline("", nil), api.JobFailed, api.ReasonNoResult, "left no output"},
		"white space":                          {api.NewJob{}, inline(" \n\n", nil), api.JobFailed, api.ReasonNoResult, "left no output"},
		"no iteration at all":                  {api.NewJob{}, nil, api.JobFailed, api.ReasonNoResult, "left no output"},
		"malformed output": {api.NewJob{}, inline(`{"b":{"latency":{"value":NaN}}}`, nil), api.JobFailed, api.ReasonAdapter,
			"want a number"},
		"a failure that the runner overlooked": {api.NewJob{}, exit(3), api.JobFailed, api.ReasonBenchmarkExit,
			"iteration 1 ended with exit code 3"},
		"a failure that is allowed": {api.NewJob{AllowFailure: &allow}, exit(3), api.JobProcessed, "", ""},
		"out of time, allowed or not": {api.NewJob{AllowFailure: &allow}, result(func(r *api.IterationOutput) { r.TimedOut = true }),
			api.JobFailed, api.ReasonBenchmarkTimeout, "timeout"},
		"out of memory": {api.NewJob{}, result(func(r *api.IterationOutput) { r.OOMKilled, r.ExitCode = true, 137 }),
			api.JobFailed, api.ReasonOutOfMemory, "memory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			r := h.runner("box")
			job := h.running(r, order{job: row.job})
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted, Results: row.results})
			h.process(job.UUID)
			h.expect(job.UUID, row.state, row.reason)
			report := h.report(job.UUID)
			if row.state == api.JobProcessed {
				if report.Status != api.ReportProcessed {
					t.Errorf("report %s", report.Status)
				}
				return
			}
			if report.Status != api.ReportFailed || !strings.Contains(report.Error, row.says) ||
				!strings.Contains(text(h.row(job.UUID).Error), row.says) {
				t.Errorf("report %s: %q; want a sentence with %q", report.Status, report.Error, row.says)
			}
		})
	}
}

func TestPartialResultsOfAFailedJobAreKept(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	h.mustPut(r, job, api.ArtifactStdout, "", "halfway")
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit, Error: "iteration 1 ended with exit code 2",
		Results: []api.IterationOutput{{ExitCode: 2}}})
	h.expect(job.UUID, api.JobFailed, api.ReasonBenchmarkExit)
	got := h.view(job.UUID)
	if r := got.Output.Results[0]; r.ExitCode != 2 || *r.Stdout != "halfway" || *got.Output.Error != "iteration 1 ended with exit code 2" {
		t.Errorf("output %+v", got.Output)
	}
	if report := h.report(job.UUID); report.Status != api.ReportFailed ||
		report.Error != "the job failed: iteration 1 ended with exit code 2" {
		t.Errorf("report %s: %q", report.Status, report.Error)
	}
}

func TestAJobMayEndWithoutHavingBegun(t *testing.T) {
	t.Parallel()
	for event, want := range map[api.MessageEvent]api.JobStatus{
		api.MsgCompleted: api.JobCompleted, api.MsgFailed: api.JobFailed, api.MsgCanceled: api.JobCanceled,
	} {
		h := newFixture(t)
		r := h.runner("box")
		job := h.mustClaim(r, h.submit(order{}))
		h.says(r, job, api.MsgAck, api.Message{Event: event, Reason: api.ReasonBenchmarkExit})
		if got := h.row(job.UUID).State; got != string(want) {
			t.Errorf("%s: %s, want %s", event, got, want)
		}
	}
}

// TestTheEndIsToldOnce repeats each terminal message, as after a lost ack, and then says the two others: nothing changes, and each is
// answered so that the runner can forget the job.
func TestTheEndIsToldOnce(t *testing.T) {
	t.Parallel()
	terminal := []api.MessageEvent{api.MsgCompleted, api.MsgFailed, api.MsgCanceled}
	for _, first := range terminal {
		t.Run(string(first), func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			r := h.runner("box")
			job := h.running(r, order{})
			if first == api.MsgCanceled {
				h.cancel(job.UUID)
			}
			stdout := ten
			h.says(r, job, api.MsgAck, api.Message{Event: first, Reason: api.ReasonBenchmarkExit, Results: []api.IterationOutput{{Stdout: &stdout}}})
			after := h.row(job.UUID)
			for _, again := range terminal {
				h.says(r, job, api.MsgAck, api.Message{Event: again, Reason: api.ReasonLimit, Results: []api.IterationOutput{{ExitCode: 9}}})
				if diff := cmp.Diff(after, h.row(job.UUID)); diff != "" {
					t.Errorf("%s after %s (-before +after):\n%s", again, first, diff)
				}
			}
			if first != api.MsgCompleted {
				return
			}
			h.process(job.UUID)
			h.process(job.UUID) // another time is nothing
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
			h.expect(job.UUID, api.JobProcessed, "")
		})
	}
}

// TestWhoDoesNotHoldTheJobChangesNothing is the fence: another runner, an older claim, a job that does not exist.
func TestWhoDoesNotHoldTheJobChangesNothing(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	old, holder, stranger := h.runner("old"), h.runner("holder"), h.runner("stranger")
	first := h.running(old, order{})
	h.silence()
	h.expect(first.UUID, api.JobPending, api.ReasonRunnerLost)
	second := h.mustClaim(holder, first.UUID)
	if second.Epoch != 2 || second.Attempt != 2 {
		t.Fatalf("second claim: epoch %d, attempt %d", second.Epoch, second.Attempt)
	}
	h.says(holder, second, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
	before := h.row(first.UUID)
	stdout := "forged"
	for _, event := range []api.MessageEvent{api.MsgRunning, api.MsgHeartbeat, api.MsgPhase, api.MsgLog, api.MsgCompleted, api.MsgFailed,
		api.MsgCanceled} {
		msg := api.Message{Event: event, Seq: 7, Phase: "x", Text: "x", Results: []api.IterationOutput{{Stdout: &stdout}}}
		h.says(old, first, api.MsgAbandon, msg)
		h.says(stranger, second, api.MsgAbandon, msg)
		h.says(old, &api.ClaimedJob{UUID: "00000000-0000-0000-0000-000000000000", Epoch: 1}, api.MsgAbandon, msg)
	}
	for _, who := range []struct {
		runner string
		job    *api.ClaimedJob
	}{{old, first}, {stranger, second}, {old, second}} {
		if err := h.put(who.runner, who.job, api.ArtifactStdout, "", "forged"); !fault.Is(err, fault.Conflict) {
			t.Errorf("upload: %v, want a conflict", err)
		}
		if _, err := h.queue.Refresh(t.Context(), who.runner, who.job.UUID, who.job.Epoch); !fault.Is(err, fault.Conflict) {
			t.Errorf("token: %v, want a conflict", err)
		}
	}
	if diff := cmp.Diff(before, h.row(first.UUID)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if got := h.view(first.UUID); len(got.Outputs) != 0 || got.Output != nil {
		t.Errorf("outputs %+v, %+v", got.Outputs, got.Output)
	}
}

func TestAStaleRunnerDoesNotEndTheHoldersLease(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	old, holder := h.runner("old"), h.runner("holder")
	first := h.running(old, order{})
	h.silence()
	second := h.mustClaim(holder, first.UUID)
	for range 10 {
		h.clock.advance(limits.HeartbeatInterval)
		h.says(holder, second, api.MsgAck, api.Message{Event: api.MsgHeartbeat, Seq: 1})
		h.says(old, first, api.MsgAbandon, api.Message{Event: api.MsgHeartbeat, Seq: 1})
		h.sweep()
	}
	h.expect(first.UUID, api.JobClaimed, "")
}

func TestHeartbeatsAreWrittenInOneBatch(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	var runners []string
	var jobs []*api.ClaimedJob
	for i := range 20 {
		r := h.runner(fmt.Sprint("box ", i))
		runners, jobs = append(runners, r), append(jobs, h.running(r, order{}))
	}
	h.clock.advance(limits.LeaseTimeout - time.Second)
	before := h.row(jobs[0].UUID)
	for i, job := range jobs {
		h.says(runners[i], job, api.MsgAck, api.Message{Event: api.MsgHeartbeat, Seq: 2})
	}
	if diff := cmp.Diff(before, h.row(jobs[0].UUID)); diff != "" {
		t.Errorf("a heartbeat was written at once (-before +after):\n%s", diff)
	}
	began := h.store.Transactions()
	if err := h.queue.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.store.Transactions() - began; n != 1 {
		t.Errorf("%d transactions for %d heartbeats, want 1", n, len(jobs))
	}
	h.clock.advance(2 * time.Second) // past the first lease
	h.sweep()
	for _, job := range jobs {
		h.expect(job.UUID, api.JobRunning, "")
	}
	h.silence()
	h.expect(jobs[0].UUID, api.JobPending, api.ReasonRunnerLost)
}

func TestALostJobIsTriedAgainThenGivenUp(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	id := h.submit(order{})
	for i := range limits.InfraRetries + 1 {
		job := h.mustClaim(r, id)
		if job.Attempt != i+1 || job.Epoch != int64(i+1) {
			t.Fatalf("claim %d: attempt %d, epoch %d", i+1, job.Attempt, job.Epoch)
		}
		h.silence()
	}
	h.expect(id, api.JobFailed, api.ReasonRunnerLost)
	if report := h.report(id); report.Status != api.ReportFailed || !strings.Contains(report.Error, "not heard of") {
		t.Errorf("report %s: %q", report.Status, report.Error)
	}
	if h.claim(r) != nil {
		t.Error("it was claimed again")
	}
}

func TestAResultThatComesAfterAllIsTaken(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]bool{"while the job waits": false, "when it was given up": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			r := h.runner("box")
			id := h.submit(order{})
			times := 1
			if given {
				times += limits.InfraRetries
			}
			var job *api.ClaimedJob
			for range times {
				job = h.mustClaim(r, id)
				h.silence()
			}
			if given {
				h.expect(id, api.JobFailed, api.ReasonRunnerLost)
				h.says(r, job, api.MsgAck, api.Message{Event: api.MsgHeartbeat, Seq: 1}) // it may go on to its result
				h.expect(id, api.JobFailed, api.ReasonRunnerLost)
			}
			h.mustPut(r, job, api.ArtifactStdout, "", ten)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
			h.process(id)
			h.expect(id, api.JobProcessed, "")
			if report := h.report(id); report.Status != api.ReportProcessed || report.Error != "" {
				t.Errorf("report %s: %q", report.Status, report.Error)
			}
		})
	}
}

func TestAGenuineFailureIsNotOverriddenByALateResult(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonOutOfMemory})
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
	h.expect(job.UUID, api.JobFailed, api.ReasonOutOfMemory)
}

func TestALostRunnerThatComesBackGoesOn(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	deadline := *h.row(job.UUID).Deadline
	h.silence()
	h.expect(job.UUID, api.JobPending, api.ReasonRunnerLost)
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgLog, Seq: 2, Text: "still here"})
	h.expect(job.UUID, api.JobRunning, "")
	row := h.row(job.UUID)
	if row.Epoch != 1 || row.InfraRetries != 0 || row.Deadline == nil || !row.Deadline.Equal(deadline) {
		t.Errorf("epoch %d, %d retries, deadline %v; want 1, 0 and %v", row.Epoch, row.InfraRetries, row.Deadline, deadline)
	}
	if got := h.view(job.UUID); got.Output == nil || *got.Output.Results[0].Stdout != "still here" {
		t.Errorf("output %+v", got.Output)
	}
	h.clock.advance(deadline.Sub(h.clock.now()) + time.Second)
	h.sweep()
	h.expect(job.UUID, api.JobFailed, api.ReasonDeadline)
}

func TestInfrastructureFailuresGoBackToTheQueue(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	id := h.submit(order{})
	for _, pause := range []time.Duration{limits.RetryPauseFirst, limits.RetryPauseNext} {
		h.says(r, h.mustClaim(r, id), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonImagePull, Error: "no route to host"})
		h.expect(id, api.JobPending, api.ReasonImagePull)
		h.clock.advance(pause - time.Microsecond)
		h.sweep()
		if h.claim(r) != nil {
			t.Errorf("the next try did not wait for %s", pause)
		}
		h.clock.advance(time.Microsecond)
		h.sweep()
		if report := h.report(id); report.Status != api.ReportPending {
			t.Errorf("report %s while the job is tried again", report.Status)
		}
	}
	h.says(r, h.mustClaim(r, id), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonImagePull, Error: "no route to host"})
	h.expect(id, api.JobFailed, api.ReasonImagePull)
}

func TestNoJobRunsForEver(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	timeout, iter := int64(60), 3
	job := h.running(r, order{job: api.NewJob{Timeout: &timeout, Iter: &iter}})
	all := 3*time.Minute + prepareAllowance + limits.TimeoutGrace
	for end := h.clock.now().Add(all); h.clock.now().Add(limits.HeartbeatInterval).Before(end); {
		h.clock.advance(limits.HeartbeatInterval)
		h.says(r, job, api.MsgAck, api.Message{Event: api.MsgHeartbeat})
		h.sweep()
	}
	h.expect(job.UUID, api.JobRunning, "")
	h.clock.advance(2 * limits.HeartbeatInterval)
	h.sweep()
	h.expect(job.UUID, api.JobFailed, api.ReasonDeadline)
	h.says(r, job, api.MsgAbandon, api.Message{Event: api.MsgHeartbeat})
}

// TestATasksTimeBeginsWithItsStart: machines on one computer take turns, and who waits for a turn has not begun.
func TestATasksTimeBeginsWithItsStart(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	timeout, slot := int64(60), "slot-1"
	r := h.inSlot("machine", slot)
	job := h.mustClaim(r, h.submit(order{job: api.NewJob{Timeout: &timeout}, slot: &slot}))
	beat := func(long time.Duration) {
		for end := h.clock.now().Add(long); h.clock.now().Before(end); {
			h.clock.advance(limits.HeartbeatInterval)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgHeartbeat})
			h.sweep()
		}
	}
	all := time.Minute + prepareAllowance + limits.TimeoutGrace
	beat(2 * all)
	h.expect(job.UUID, api.JobClaimed, "")
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgRunning})
	beat(all - limits.HeartbeatInterval)
	h.expect(job.UUID, api.JobRunning, "")
	h.clock.advance(2 * limits.HeartbeatInterval)
	h.sweep()
	h.expect(job.UUID, api.JobFailed, api.ReasonDeadline)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	t.Run("ends a job that waits", func(t *testing.T) {
		t.Parallel()
		h := newFixture(t)
		r := h.runner("box")
		id := h.submit(order{})
		h.cancel(id)
		h.expect(id, api.JobCanceled, api.ReasonCanceledByUser)
		if report := h.report(id); report.Status != api.ReportFailed || report.Error != "the job canceled: canceled on request" {
			t.Errorf("report %s: %q", report.Status, report.Error)
		}
		if h.claim(r) != nil {
			t.Error("a canceled job was claimed")
		}
	})
	t.Run("asks the runner of one that runs until it answers", func(t *testing.T) {
		t.Parallel()
		h := newFixture(t)
		r := h.runner("box")
		job := h.running(r, order{})
		h.cancel(job.UUID)
		h.cancel(job.UUID) // once more is the same
		if got := h.view(job.UUID); got.Status != api.JobRunning || got.CancelAsked == nil {
			t.Errorf("job %s, asked %v", got.Status, got.CancelAsked)
		}
		for i, event := range []api.MessageEvent{api.MsgHeartbeat, api.MsgLog, api.MsgPhase, api.MsgHeartbeat} {
			h.says(r, job, api.MsgCancel, api.Message{Event: event, Seq: int64(i) + 2})
		}
		h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCanceled})
		h.expect(job.UUID, api.JobCanceled, api.ReasonCanceledByUser)
	})
	t.Run("holds when the runner is lost, fails or runs out of time", func(t *testing.T) {
		t.Parallel()
		h := newFixture(t)
		r := h.runner("box")
		lost, failed := h.running(r, order{}), h.running(r, order{})
		h.cancel(lost.UUID)
		h.cancel(failed.UUID)
		h.says(r, failed, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonImagePull})
		h.silence()
		h.expect(lost.UUID, api.JobCanceled, api.ReasonCanceledByUser)
		h.expect(failed.UUID, api.JobCanceled, api.ReasonCanceledByUser)
		h.says(r, lost, api.MsgCancel, api.Message{Event: api.MsgHeartbeat}) // it did not hear yet
	})
	t.Run("comes too late for a result", func(t *testing.T) {
		t.Parallel()
		h := newFixture(t)
		r := h.runner("box")
		job := h.running(r, order{})
		h.mustPut(r, job, api.ArtifactStdout, "", ten)
		h.cancel(job.UUID)
		h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
		h.process(job.UUID)
		h.expect(job.UUID, api.JobProcessed, "")
		if err := h.queue.Cancel(t.Context(), job.UUID); !fault.Is(err, fault.Conflict) {
			t.Errorf("cancel of a processed job: %v", err)
		}
	})
}

func TestRetryRunsItAgainFromTheStart(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	h.queue.KeepEnv = time.Hour
	job := h.running(r, order{job: api.NewJob{Env: map[string]string{"TOKEN": "s3cret"}}})
	if err := h.queue.Retry(t.Context(), job.UUID); !fault.Is(err, fault.Conflict) {
		t.Errorf("retry of a running job: %v", err)
	}
	h.mustPut(r, job, api.ArtifactStdout, "", "first try")
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	if err := h.queue.Retry(t.Context(), job.UUID); err != nil {
		t.Fatal(err)
	}
	h.expect(job.UUID, api.JobPending, "")
	if report := h.report(job.UUID); report.Status != api.ReportPending || report.Error != "" {
		t.Errorf("report %s: %q", report.Status, report.Error)
	}
	again := h.mustClaim(r, job.UUID)
	if again.Epoch != 2 || again.Config.Env["TOKEN"] != "s3cret" {
		t.Errorf("claim: epoch %d, env %v", again.Epoch, again.Config.Env)
	}
	if got := h.view(job.UUID); len(got.Outputs) != 0 || got.Output != nil || got.Reason != "" || got.Completed != nil {
		t.Errorf("the second try begins with %+v", got)
	}
	h.says(r, job, api.MsgAbandon, api.Message{Event: api.MsgCompleted}) // of the first try
	h.mustPut(r, again, api.ArtifactStdout, "", ten)
	h.says(r, again, api.MsgAck, api.Message{Event: api.MsgCompleted})
	h.process(job.UUID)
	h.expect(job.UUID, api.JobProcessed, "")
	if err := h.queue.Retry(t.Context(), job.UUID); !fault.Is(err, fault.Conflict) {
		t.Errorf("retry of a processed job: %v", err)
	}
}

func TestEnvironmentIsNeverShownAndForgottenAtTheEnd(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{job: api.NewJob{Env: map[string]string{"TOKEN": "s3cret"}}})
	if job.Config.Env["TOKEN"] != "s3cret" {
		t.Errorf("the runner got %v", job.Config.Env)
	}
	shown := func() string {
		raw, err := json.Marshal(h.view(job.UUID))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw) + h.log.String()
	}
	if strings.Contains(shown(), "s3cret") {
		t.Error("the value is shown")
	}
	h.mustPut(r, job, api.ArtifactStdout, "", ten)
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
	h.process(job.UUID)
	h.expect(job.UUID, api.JobProcessed, "")
	if strings.Contains(h.row(job.UUID).Config, "s3cret") {
		t.Error("a processed job still has the value")
	}
	config, err := h.row(job.UUID).Configuration()
	if err != nil || config.Digest != digest {
		t.Errorf("the rest of the configuration: %+v, %v", config, err)
	}
}

func TestLiveOutputEndsAtItsLimitAndSaysSo(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	chunk := strings.Repeat("x", limits.LogChunkBytes)
	for i := range int64(limits.LiveLogBytes/limits.LogChunkBytes + 5) {
		h.says(r, job, api.MsgAck, api.Message{Event: api.MsgLog, Seq: i + 2, Text: chunk})
		if i == 3 { // the count is found again
			h.queue.ForgetLogged()
		}
	}
	logs, err := h.queue.Logs(t.Context(), access.Actor{Kind: access.Local}, h.row(job.UUID).ProjectID, job.UUID, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	total, stops := 0, 0
	for _, l := range logs {
		if l.Text == logStops {
			stops++
			continue
		}
		total += len(l.Text)
	}
	if total != limits.LiveLogBytes || stops != 1 {
		t.Errorf("%d bytes and %d marks, want %d and 1", total, stops, limits.LiveLogBytes)
	}
}

func TestAChunkThatComesTwiceIsOne(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	for _, seq := range []int64{2, 2, 4, 3} { // 3 comes after 4: it was resent, and 4 had been seen
		h.says(r, job, api.MsgAck, api.Message{Event: api.MsgLog, Seq: seq, Text: fmt.Sprint(seq), Stream: api.ArtifactStderr})
	}
	// a place in another epoch begins anew
	logs, err := h.queue.Logs(t.Context(), access.Actor{Kind: access.Local}, h.row(job.UUID).ProjectID, job.UUID, 0, 99)
	if err != nil {
		t.Fatal(err)
	}
	want := []api.JobLog{{Seq: 2, Epoch: 1, Stream: api.ArtifactStderr, Text: "2"}, {Seq: 4, Epoch: 1, Stream: api.ArtifactStderr, Text: "4"}}
	if diff := cmp.Diff(want, logs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if logs, err = h.queue.Logs(t.Context(), access.Actor{Kind: access.Local}, h.row(job.UUID).ProjectID, job.UUID, 1, 2); err != nil ||
		len(logs) != 1 || logs[0].Seq != 4 {
		t.Errorf("behind 2: %v, %v", logs, err)
	}
}

func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	iter := 2
	j := h.running(r, order{job: api.NewJob{Iter: &iter}})
	for name, row := range map[string]struct {
		params outputParams
		want   fault.Kind
	}{
		"an unknown kind":           {outputParams{Kind: "trace"}, fault.Invalid},
		"a stream with a path":      {outputParams{Kind: api.ArtifactStdout, Path: "/x"}, fault.Invalid},
		"a file without one":        {outputParams{Kind: api.ArtifactFile}, fault.Invalid},
		"a path without end":        {outputParams{Kind: api.ArtifactFile, Path: strings.Repeat("x", limits.ImagePathBytes+1)}, fault.Invalid},
		"an iteration before all":   {outputParams{Kind: api.ArtifactStdout, Iteration: -1}, fault.Invalid},
		"an iteration behind all":   {outputParams{Kind: api.ArtifactStdout, Iteration: 2}, fault.Invalid},
		"an iteration out of sight": {outputParams{Kind: api.ArtifactStdout, Iteration: 1 << 30}, fault.Invalid},
		"another epoch":             {outputParams{Kind: api.ArtifactStdout, Epoch: 2}, fault.Conflict},
	} {
		if row.params.Epoch == 0 {
			row.params.Epoch = 1
		}
		if err := h.queue.PutOutput(t.Context(), r, j.UUID, row.params, strings.NewReader("x")); !fault.Is(err, row.want) {
			t.Errorf("%s: %v, want %s", name, err, row.want)
		}
	}
	if err := h.queue.PutOutput(t.Context(), r, "nowhere", outputParams{Kind: api.ArtifactStdout}, strings.NewReader("")); !fault.Is(err,
		fault.Missing) {
		t.Errorf("a job that is not there: %v", err)
	}
	if got := h.view(j.UUID).Outputs; len(got) != 0 {
		t.Errorf("refused and still there: %+v", got)
	}
	bound := &boundBlobs{Store: h.queue.Blobs}
	h.queue.Blobs = bound
	if h.mustPut(r, j, api.ArtifactStdout, "", "x"); bound.most != limits.UploadBodyBytes {
		t.Errorf("one body may have %d bytes, want %d", bound.most, limits.UploadBodyBytes)
	}
	h.tx(func(ctx context.Context, tx *store.Tx) error { // as if that much had come
		return job.PutJobOutput(ctx, tx, j.UUID, job.Output{Epoch: 1, Kind: "stdout", Digest: digest, SizeBytes: limits.JobOutputTotal - 2})
	})
	if err := h.put(r, j, api.ArtifactFile, "/a", "123"); !fault.Is(err, fault.TooLarge) {
		t.Errorf("over the total: %v", err)
	}
	h.mustPut(r, j, api.ArtifactFile, "/a", "12")
	h.mustPut(r, j, api.ArtifactFile, "/a", "21") // in its place, not beside it
	if got := h.view(j.UUID); len(got.Outputs) != 2 {
		t.Errorf("outputs %+v", got.Outputs)
	}
}

// boundBlobs notes how much a body may have.
type boundBlobs struct {
	blob.Store
	most int64
}

func (b *boundBlobs) Put(ctx context.Context, r io.Reader, most int64) (blob.Digest, int64, error) {
	b.most = most
	return b.Store.Put(ctx, r, most)
}

func TestAnUploadThatTookTooLongIsRefused(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r, other := h.runner("box"), h.runner("other")
	job := h.running(r, order{})
	slow := readerFunc(func(p []byte) (int, error) { // meanwhile the job becomes another's
		h.silence()
		h.mustClaim(other, job.UUID)
		return copy(p, "late"), io.EOF
	})
	err := h.queue.PutOutput(t.Context(), r, job.UUID, outputParams{Epoch: 1, Kind: api.ArtifactStdout}, slow)
	if !fault.Is(err, fault.Conflict) || len(h.view(job.UUID).Outputs) != 0 {
		t.Errorf("%v, outputs %v", err, h.view(job.UUID).Outputs)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestLongOutputsAreShownByTheirEnd(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	h.mustPut(r, job, api.ArtifactStdout, "", strings.Repeat("x", limits.LogTailBytes)+"the end")
	for i := range 12 {
		h.mustPut(r, job, api.ArtifactFile, fmt.Sprintf("/f%02d", i), strings.Repeat("y", limits.LogTailBytes))
	}
	got := h.view(job.UUID)
	stdout := *got.Output.Results[0].Stdout
	if !strings.HasSuffix(stdout, "xthe end") || !strings.HasPrefix(stdout, "[… the first 7 bytes are left out here") {
		t.Errorf("stdout begins %.80q and ends %.20q", stdout, stdout[len(stdout)-20:])
	}
	total := len(stdout)
	for _, body := range got.Output.Results[0].Output {
		total += len(body)
	}
	if most := limits.JobTextBytes + 13*200; total > most || len(got.Output.Results[0].Output) != 12 || len(got.Outputs) != 13 {
		t.Errorf("%d bytes in %d files of %d, want at most %d", total, len(got.Output.Results[0].Output), len(got.Outputs), most)
	}
}

func TestHelloSettlesWhatTheRunnerHolds(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r, other := h.runner("box"), h.runner("other")
	running, finished, forgotten, canceled := h.running(r, order{}), h.running(r, order{}), h.running(r, order{}), h.running(r, order{})
	foreign := h.running(other, order{})
	h.cancel(canceled.UUID)
	held := func(job *api.ClaimedJob, done bool) api.HeldJob {
		return api.HeldJob{Job: job.UUID, Epoch: job.Epoch, Finished: done}
	}
	replies, err := h.queue.Hello(t.Context(), r, api.Message{Event: api.MsgHello, Seq: 4, Runner: &api.RunnerMeta{Version: "1"},
		Held: []api.HeldJob{
			held(running, false), held(finished, true), held(canceled, false), held(foreign, false), held(foreign, true), {Job: "unknown", Epoch: 1},
			{Job: running.UUID, Epoch: 9, Finished: true},
		}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range replies {
		got = append(got, fmt.Sprintf("%s %s %d", m.Event, m.Job, m.Epoch))
	}
	want := []string{
		"ack " + running.UUID + " 1", "ack " + finished.UUID + " 1", "cancel " + canceled.UUID + " 1", "abandon " + foreign.UUID + " 1",
		"abandon " + foreign.UUID + " 1",
		"abandon unknown 1", "abandon " + running.UUID + " 9", "ack  0",
	}
	if diff := cmp.Diff(want, got); diff != "" || replies[len(replies)-1].Seq != 4 {
		t.Errorf("last %+v (-want +got):\n%s", replies[len(replies)-1], diff)
	}
	h.expect(forgotten.UUID, api.JobPending, api.ReasonRunnerLost) // it is not with the runner any more
	h.expect(foreign.UUID, api.JobRunning, "")
	h.clock.advance(limits.LeaseTimeout - time.Second)
	if err := h.queue.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAJobThatNeverReachedItsRunnerGoesBackWhenTheRunnerAsksAgain(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	first := h.mustClaim(r, h.submit(order{}))
	second := h.mustClaim(r, first.UUID) // the answer to the first was lost
	if second.Epoch != 2 {
		t.Errorf("epoch %d, want 2", second.Epoch)
	}
	h.says(r, second, api.MsgAck, api.Message{Event: api.MsgPhase, Seq: 1, Phase: "pull"})
	if h.claim(r) != nil {
		t.Error("a job that the runner works on was taken away")
	}
	h.expect(second.UUID, api.JobClaimed, "")
}

func TestAJobThatCannotBeHandedOverGoesBack(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.mustClaim(r, h.submit(order{}))
	if err := h.queue.GiveBack(t.Context(), r, job.UUID, job.Epoch); err != nil {
		t.Fatal(err)
	}
	h.expect(job.UUID, api.JobPending, api.ReasonRunnerLost)
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1}) // it did arrive
	h.expect(job.UUID, api.JobRunning, "")
	if err := h.queue.GiveBack(t.Context(), r, job.UUID, job.Epoch); err != nil {
		t.Fatal(err)
	}
	h.expect(job.UUID, api.JobRunning, "") // and is not taken away again

	h.tokens.err = errBoom
	waits := h.submit(order{})
	if job, err := h.queue.Claim(t.Context(), r, nil, 0); job != nil || !errors.Is(err, errBoom) {
		t.Errorf("without a token: %v, %v", job, err)
	}
	h.expect(waits, api.JobPending, api.ReasonRunnerLost)
}

func TestPullTokenIsRenewedForTheHolder(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	got, err := h.queue.Refresh(t.Context(), r, job.UUID, job.Epoch)
	if want := (api.PullToken{Token: "pull " + job.Config.Project + " for " + job.UUID, TTL: 600}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
	if _, err := h.queue.Refresh(t.Context(), r, job.UUID, job.Epoch); !fault.Is(err, fault.Conflict) {
		t.Errorf("after the end: %v", err)
	}
}

func TestARunnerThatCountsNoEpochsSpeaksForItsLastClaim(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r, other := h.runner("box"), h.runner("other")
	job := h.running(r, order{})
	stdout := ten
	for _, row := range []struct {
		runner string
		want   api.MessageEvent
	}{{other, api.MsgAbandon}, {r, api.MsgAck}} {
		reply, err := h.queue.Handle(t.Context(), row.runner, api.Message{Event: api.MsgCompleted, Job: job.UUID,
			Results: []api.IterationOutput{{Stdout: &stdout}}})
		if err != nil || reply.Event != row.want {
			t.Errorf("%+v, %v; want %s", reply, err, row.want)
		}
	}
	h.process(job.UUID)
	h.expect(job.UUID, api.JobProcessed, "")
}

// flaky fails to finish reports, or panics, so many times.
type flaky struct {
	job.Reports
	failures int
	panics   bool
	calls    int
}

func (f *flaky) FinishReport(ctx context.Context, reportID string, d job.Delivery, inTx func(*store.Tx) error) error {
	f.calls++
	switch {
	case f.calls > f.failures:
		return f.Reports.FinishReport(ctx, reportID, d, inTx)
	case f.panics:
		panic("boom")
	}
	return errBoom
}

func TestReadingIsTriedAgainThenGivenUp(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		failures int
		panics   bool
		state    api.JobStatus
		reason   api.Reason
	}{
		"a disk that was full for a while": {limits.ReadTries - 1, false, api.JobProcessed, ""},
		"a database that stays away":       {limits.ReadTries, false, api.JobFailed, api.ReasonServer},
		"a reader that breaks":             {limits.ReadTries, true, api.JobFailed, api.ReasonServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			broken := &flaky{Reports: report.NewJudge(h.store, nil), failures: row.failures, panics: row.panics}
			h.queue.Reports = broken
			r := h.runner("box")
			job := h.running(r, order{})
			h.mustPut(r, job, api.ArtifactStdout, "", ten)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
			for range limits.ReadTries * 2 {
				h.sweep() // brings it, unless it is too early
				h.sweep() // and not twice
				if n := len(h.queue.ToRead()); n > 1 {
					t.Fatalf("it waits %d times", n)
				}
				select {
				case id := <-h.queue.ToRead():
					_ = h.queue.Process(t.Context(), id) // its error is what the row is about
					h.queue.Readable(id)
				default:
				}
				h.clock.advance(limits.ReadRetryMax)
			}
			h.expect(job.UUID, row.state, row.reason)
			if broken.calls > limits.ReadTries {
				t.Errorf("%d tries", broken.calls)
			}
			if h.report(job.UUID).Status == api.ReportPending {
				t.Error("the report is still pending")
			}
		})
	}
}

func TestOldLiveOutputGoesWhenTheResultsAreThere(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgLog, Seq: 2, Text: "x"})
	h.mustPut(r, job, api.ArtifactStdout, "", ten)
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
	h.process(job.UUID)
	count := func() int {
		logs, err := h.queue.Logs(t.Context(), access.Actor{Kind: access.Local}, h.row(job.UUID).ProjectID, job.UUID, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(logs)
	}
	h.sweep()
	if count() != 1 {
		t.Error("it went before a follower could read it")
	}
	h.clock.advance(logLife + time.Second)
	h.sweep()
	if count() != 0 {
		t.Error("it stays")
	}
}

func TestRunnersAreNotAskedToBeTrusted(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	_, err := h.queue.Claim(t.Context(), r, &api.RunnerMeta{Version: strings.Repeat("x", limits.RunnerMetaBytes)}, 0)
	if !fault.Is(err, fault.TooLarge) {
		t.Errorf("too many words of itself: %v", err)
	}
	job := h.running(r, order{})
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: "everything", Error: strings.Repeat("é", 1<<20/2)})
	row := h.row(job.UUID)
	if text(row.Reason) != string(api.ReasonBenchmarkExit) || len(text(row.Error)) > 5*limits.KiB ||
		!strings.HasSuffix(text(row.Error), "é…") {
		t.Errorf("reason %s, a sentence of %d bytes", text(row.Reason), len(text(row.Error)))
	}
}
