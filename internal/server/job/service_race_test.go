package job_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// racingFixture is a fixture whose store the race is on.
func racingFixture(t *testing.T, race *storetest.Race) *fixture {
	t.Helper()
	return newFixture(t, func(h *fixture) { h.race = race })
}

// handing returns what hands a message of a runner to the queue.
func (h *fixture) handing(runner string, msg api.Message, reply *api.Message) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		*reply, err = h.queue.Handle(ctx, runner, msg)
		return err
	}
}

func (h *fixture) canceling(jobID string) func(context.Context) error {
	return func(ctx context.Context) error { return h.queue.Cancel(ctx, jobID) }
}

// TestAJobThatIsCanceledMeanwhileIsNotClaimed, and one that is claimed meanwhile is asked to end.
func TestAJobThatIsCanceledMeanwhileIsNotClaimed(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		box := h.runner("box")
		h.claim(box) // it was heard of, so that a claim is one transaction
		id := h.submit(order{})
		var got *api.ClaimedJob
		claim := func(ctx context.Context) (err error) {
			got, err = h.queue.Claim(ctx, box, nil, 0)
			return err
		}
		if of1, of2 := race.Run(1, h.canceling(id), claim); of1 != nil || of2 != nil || got != nil {
			t.Errorf("cancel: %v; claim: %+v, %v, want none", of1, got, of2)
		}
		h.expect(id, api.JobCanceled, api.ReasonCanceledByUser)
		id = h.submit(order{})
		if of1, of2 := race.Run(1, claim, h.canceling(id)); of1 != nil || of2 != nil || got == nil || h.row(id).CancelAsked == nil {
			t.Errorf("claim: %+v, %v; cancel: %v; the job is %+v, want it asked to end", got, of1, of2, h.row(id))
		}
	})
}

// TestNoWordAboutAJobIsLost: a person asks to cancel it while its runner says that it runs, and the other way round.
func TestNoWordAboutAJobIsLost(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		for i, box := range []string{h.runner("a"), h.runner("b")} {
			job := h.mustClaim(box, h.submit(order{}))
			var reply api.Message
			runs := h.handing(box, api.Message{Event: api.MsgRunning, Job: job.UUID, Epoch: job.Epoch, Seq: 1}, &reply)
			first, second := runs, h.canceling(job.UUID)
			if i == 1 {
				first, second = second, first
			}
			if of1, of2 := race.Run(1, first, second); of1 != nil || of2 != nil {
				t.Errorf("the first: %v; the second: %v", of1, of2)
			}
			if row := h.row(job.UUID); row.CancelAsked == nil || row.LastSeq != 1 && row.State != string(api.JobCanceled) {
				t.Errorf("the job is %s, asked to end %v, heard of up to %d; want both words", row.State, row.CancelAsked, row.LastSeq)
			}
		}
	})
}

// TestAResultAndTheEndOfItsLeaseAreOneOrTheOther: what came a moment before the sweeper is not lost.
func TestAResultAndTheEndOfItsLeaseAreOneOrTheOther(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		box := h.runner("box")
		job := h.running(box, order{})
		h.mustPut(box, job, api.ArtifactStdout, "", `{"b":{"latency":{"value":1}}}`)
		if err := h.queue.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.clock.advance(limits.LeaseTimeout + time.Second)
		var reply api.Message
		done := h.handing(box, api.Message{Event: api.MsgCompleted, Job: job.UUID, Epoch: job.Epoch, Seq: 99}, &reply)
		of1, of2 := race.Run(1, done, func(ctx context.Context) error { return h.queue.Expire(ctx, job.UUID) })
		if of1 != nil || of2 != nil || reply.Event != api.MsgAck {
			t.Errorf("the result: %s, %v; the lease: %v", reply.Event, of1, of2)
		}
		h.expect(job.UUID, api.JobCompleted, "")
	})
}

// TestFailuresOfOneMachineAreAllCounted when two of its jobs fail at once.
func TestFailuresOfOneMachineAreAllCounted(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		box := h.runner("box")
		a, b := h.running(box, order{}), h.running(box, order{})
		var reply api.Message
		unfit := func(job *api.ClaimedJob, reply *api.Message) func(context.Context) error {
			return h.handing(box, api.Message{Event: api.MsgFailed, Job: job.UUID, Epoch: job.Epoch, Seq: 99, Reason: api.ReasonHostUnfit,
				Error: "no"}, reply)
		}
		var other api.Message
		if of1, of2 := race.Run(1, unfit(a, &reply), unfit(b, &other)); of1 != nil || of2 != nil {
			t.Errorf("the first: %v; the second: %v", of1, of2)
		}
		var failures int
		h.tx(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `select failures from runner where id = $1`, box).Scan(&failures)
		})
		if failures != 2 {
			t.Errorf("%d failures are counted, want 2", failures)
		}
	})
}

// TestAnEnvironmentStaysForTheRetryThatWasAsked while others are dropped.
func TestAnEnvironmentStaysForTheRetryThatWasAsked(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		h.queue.KeepEnv = time.Hour
		h.runner("box")
		id := h.submit(order{job: api.NewJob{Env: map[string]string{"TOKEN": "open sesame"}}})
		h.cancel(id)
		h.clock.advance(2 * time.Hour)
		of1, of2 := race.Run(1, func(ctx context.Context) error { return h.queue.Retry(ctx, id) },
			func(ctx context.Context) error { return h.queue.ForgetEnvironments(ctx, h.clock.now()) })
		if of1 != nil || of2 != nil {
			t.Errorf("retry: %v; forget: %v", of1, of2)
		}
		if row := h.row(id); row.State != string(api.JobPending) || !strings.Contains(row.Config, "open sesame") {
			t.Errorf("the job is %s with %s, want it to wait with its environment", row.State, row.Config)
		}
	})
}

// TestOutputsThatComeAtOnceStayWithinTheirSum: each is counted beside the other.
func TestOutputsThatComeAtOnceStayWithinTheirSum(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		box := h.runner("box")
		job := h.running(box, order{})
		h.mustPut(box, job, api.ArtifactFile, "/big", "x")
		h.tx(func(ctx context.Context, tx *store.Tx) error { // as if it were large
			_, err := tx.Exec(ctx, `update job_output set size = $1`, int64(limits.JobOutputTotal)-3)
			return err
		})
		put := func(path string) func(context.Context) error {
			return func(ctx context.Context) error {
				return h.queue.PutOutput(ctx, box, job.UUID, outputParams{Epoch: job.Epoch, Kind: api.ArtifactFile, Path: path},
					strings.NewReader("xx"))
			}
		}
		if of1, of2 := race.Run(1, put("/a"), put("/b")); of1 != nil || !fault.Is(of2, fault.TooLarge) {
			t.Errorf("the first: %v; the second: %v, want it to be too large", of1, of2)
		}
	})
}

// TestTwoJobsOfAReportEndAtOnce: one fails while the other delivers. Whichever is first, nothing is left waiting for the other.
func TestTwoJobsOfAReportEndAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		a, b := h.runner("a"), h.runner("b")
		for _, failsFirst := range []bool{true, false} {
			ids := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
			good, bad := h.mustClaim(a, ids[0]), h.mustClaim(b, ids[1])
			h.mustPut(a, good, api.ArtifactStdout, "", ten)
			var reply1, reply2 api.Message
			first := h.handing(a, api.Message{Event: api.MsgCompleted, Job: good.UUID, Epoch: good.Epoch, Seq: 99,
				Results: []api.IterationOutput{{}}}, &reply1)
			second := h.handing(b, api.Message{Event: api.MsgFailed, Job: bad.UUID, Epoch: bad.Epoch, Seq: 99,
				Reason: api.ReasonBenchmarkExit}, &reply2)
			if failsFirst {
				first, second = second, first
			}
			if of1, of2 := race.Run(1, first, second); of1 != nil || of2 != nil || reply1.Event != api.MsgAck || reply2.Event != api.MsgAck {
				t.Fatalf("first: %v; second: %v; replies %s, %s", of1, of2, reply1.Event, reply2.Event)
			}
			h.expect(ids[0], api.JobFailed, api.ReasonMeasurement)
			h.expect(ids[1], api.JobFailed, api.ReasonBenchmarkExit)
			if got := h.report(ids[0]); got.Status != api.ReportFailed {
				t.Errorf("the report is %s", got.Status)
			}
		}
	})
}

// TestTwoRunnersDoNotTakeTheSidesOfOneComparison when they ask at once.
func TestTwoRunnersDoNotTakeTheSidesOfOneComparison(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		a, b := h.runner("a"), h.runner("b")
		h.claim(a) // they were heard of, so that a claim is one transaction
		h.claim(b)
		h.submitAll(twoImages(1))
		claims := func(runner string, into **api.ClaimedJob) func(context.Context) error {
			return func(ctx context.Context) (err error) {
				*into, err = h.queue.Claim(ctx, runner, nil, 0)
				return err
			}
		}
		var one, other *api.ClaimedJob
		if of1, of2 := race.Run(1, claims(a, &one), claims(b, &other)); of1 != nil || of2 != nil {
			t.Fatalf("claims: %v, %v", of1, of2)
		}
		if (one == nil) == (other == nil) {
			t.Errorf("claims: %+v and %+v, want one", one, other)
		}
	})
}
