package job_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
)

// fails lets a runner claim a job and fail it.
func (h *fixture) fails(runner, jobID string, reason api.Reason) {
	h.t.Helper()
	h.says(runner, h.mustClaim(runner, jobID), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: reason, Error: "no loop device is left"})
}

// succeeds lets a runner claim a job and complete it.
func (h *fixture) succeeds(runner, jobID string) {
	h.t.Helper()
	job := h.mustClaim(runner, jobID)
	h.mustPut(runner, job, api.ArtifactStdout, "", ten)
	h.says(runner, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
	h.process(jobID)
	h.expect(jobID, api.JobProcessed, "")
}

// later lets all pauses pass.
func (h *fixture) later() {
	h.t.Helper()
	h.clock.advance(limits.RetryPauseNext)
	h.sweep()
}

func (h *fixture) machine(runner string) (r fleet.Runner) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		r, err = fleet.RunnerByRef(ctx, tx, runner)
		return err
	})
	return r
}

// undrain is what fleet.UpdateRunner does.
func (h *fixture) undrain(runner string) {
	h.t.Helper()
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		r, err := fleet.RunnerByRef(ctx, tx, runner)
		if err != nil {
			return err
		}
		r.Failures, r.Drained, r.DrainedWhy = 0, nil, nil
		if err := fleet.SetRunnerHealth(ctx, tx, r); err != nil {
			return err
		}
		return job.AllowJobs(ctx, tx, r.ID)
	})
	h.queue.Kick(runner)
}

func TestOneBrokenMachineDoesNotBurnAJob(t *testing.T) {
	t.Parallel()
	for _, reason := range []api.Reason{api.ReasonSandbox, api.ReasonHostUnfit} {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			broken, sound := h.runner("broken"), h.runner("sound")
			first := h.submit(order{})
			h.fails(broken, first, reason)
			h.expect(first, api.JobPending, reason)
			if h.claim(sound) != nil || h.claim(broken) != nil {
				t.Fatal("the next try did not wait")
			}
			if got := h.view(first).Blocked; got != "next try at 00:00:10 UTC" {
				t.Errorf("its line says %q", got)
			}
			h.clock.advance(limits.RetryPauseFirst)
			h.sweep()
			for range 3 {
				if h.claim(broken) != nil {
					t.Fatal("the broken machine gets the job that it could not run")
				}
			}
			h.restart() // what is known of machines is stored
			if h.claim(broken) != nil {
				t.Fatal("it gets it after a restart of the server")
			}
			if got := h.view(first).Blocked; got != "" {
				t.Errorf("a job that a runner may take says %q", got)
			}
			h.succeeds(sound, first)
			if h.machine(broken).Drained != nil {
				t.Fatal("drained after one failure")
			}
			second := h.submit(order{})
			h.fails(broken, second, reason)
			if r := h.machine(broken); r.Drained == nil || !strings.Contains(text(r.DrainedWhy), "no loop device is left") ||
				!strings.Contains(text(r.DrainedWhy), string(reason)) {
				t.Errorf("drained %v: %s", r.Drained, text(r.DrainedWhy))
			}
			if !strings.Contains(h.log.String(), "runner is drained") {
				t.Errorf("the log has %s", h.log)
			}
			third := h.submit(order{})
			h.restart()
			if h.claim(broken) != nil {
				t.Fatal("a drained runner gets a job")
			}
			h.succeeds(sound, third)
			h.later()
			h.succeeds(sound, second)
			if h.machine(sound).Failures != 0 {
				t.Error("the other's failures count against it")
			}
		})
	}
}

func TestFailuresThatAreNotInARowDoNotDrain(t *testing.T) {
	t.Parallel()
	for reason, want := range map[api.Reason]bool{ // what comes between two failures, and whether the runner is drained all the same
		"": false, api.ReasonBenchmarkExit: false, api.ReasonBenchmarkTimeout: false, api.ReasonOutOfMemory: false, api.ReasonLimit: false,
		api.ReasonNoResult:  false,
		api.ReasonImagePull: true, api.ReasonImageInvalid: true, api.ReasonRunnerAborted: true,
	} {
		t.Run("between "+string(reason), func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			r := h.runner("box")
			h.fails(r, h.submit(order{}), api.ReasonSandbox)
			between := h.submit(order{})
			if reason == "" {
				h.succeeds(r, between)
			} else {
				h.fails(r, between, reason)
				if h.row(between).State == string(api.JobPending) { // out of the way
					h.cancel(between)
				}
			}
			h.fails(r, h.submit(order{}), api.ReasonSandbox)
			if got := h.machine(r).Drained != nil; got != want {
				t.Errorf("drained: %t, want %t", got, want)
			}
		})
	}
}

func TestAFailureOfAGivenUpRunnerCountsToo(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	job := h.running(r, order{})
	h.silence()
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonSandbox})
	h.expect(job.UUID, api.JobPending, api.ReasonSandbox)
	h.later()
	if h.claim(r) != nil || h.machine(r).Failures != 1 {
		t.Errorf("it gets the job again, or its failure was not counted: %d", h.machine(r).Failures)
	}
}

func TestAJobThatNoMachineCanRunWaitsAndSaysWhy(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	other := h.submit(order{})
	h.fails(a, other, api.ReasonSandbox)
	h.cancel(other)
	id := h.submit(order{})
	h.fails(a, id, api.ReasonSandbox)
	h.later()
	h.fails(b, id, api.ReasonHostUnfit)
	until := h.clock.now().Add(limits.RetryPauseFirst)
	if row := h.row(id); row.NotBefore == nil || !row.NotBefore.Equal(until) {
		t.Errorf("the third try comes after %v, want %s", row.NotBefore, until)
	}
	for range 3 {
		h.later()
		if h.claim(a) != nil || h.claim(b) != nil {
			t.Fatal("a machine gets the job that it could not run")
		}
	}
	h.expect(id, api.JobPending, api.ReasonHostUnfit)
	const why = "no runner may take it: a is drained, b could not run it; when a machine is repaired: tacho runner undrain a"
	if got := h.view(id); got.Blocked != why || *got.QueuePosition != 1 {
		t.Errorf("place %d: %s", *got.QueuePosition, got.Blocked)
	}
	h.undrain(a)
	if got := h.view(id).Blocked; got != "" {
		t.Errorf("after the repair its line says %q", got)
	}
	h.succeeds(a, id)
}

func TestAJobFindsTheOneSoundMachineAmongBrokenOnes(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	broken := h.runner("a")
	id := h.submit(order{})
	for _, next := range []string{"b", "c", "d", "e", "f"} {
		h.fails(broken, id, api.ReasonSandbox)
		broken = h.runner(next)
		h.expect(id, api.JobPending, api.ReasonSandbox)
		h.later()
	}
	sound := h.runner("sound")
	h.mustClaim(sound, id)
	h.silence() // its retries are there for what else may happen
	h.expect(id, api.JobPending, api.ReasonRunnerLost)
	h.succeeds(sound, id)
}

// What fails on machine after machine may be the job's own doing: it must not take all of them out of service.
func TestAJobThatFailsEverywhereCountsAgainstFewMachines(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	var runners []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		runners = append(runners, h.runner(name))
	}
	for range limits.RunnerFailures {
		id := h.submit(order{})
		for _, r := range runners {
			if h.machine(r).Drained == nil {
				h.fails(r, id, api.ReasonSandbox)
				h.later()
			}
		}
		h.cancel(id)
	}
	for i, r := range runners {
		if got, want := h.machine(r).Drained != nil, i < limits.JobBlames; got != want {
			t.Errorf("machine %d is drained: %t, want %t", i, got, want)
		}
	}
}

// waits lets the time pass for which a job waits for another machine.
func (h *fixture) waits(d time.Duration) {
	h.t.Helper()
	h.clock.advance(d)
	h.sweep()
	if err := h.queue.GiveUp(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func TestAJobThatNoMachineCanRunIsGivenUpInTheEnd(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	id, fresh := h.submit(order{}), ""
	h.fails(a, id, api.ReasonSandbox)
	h.later()
	h.fails(b, id, api.ReasonHostUnfit)
	h.runner("asleep") // has the spec, and was never heard of
	h.waits(limits.MachineWait)
	h.expect(id, api.JobPending, api.ReasonHostUnfit)
	fresh = h.submit(order{})
	h.waits(time.Second)
	h.expect(id, api.JobFailed, api.ReasonHostUnfit)
	h.expect(fresh, api.JobPending, "") // no machine has failed it
	for _, word := range []string{"spec metal", "within 1 hour", "a: no loop device is left", "b: no loop device is left", "undrain a"} {
		if report := h.report(id); report.Status != api.ReportFailed || !strings.Contains(report.Error, word) {
			t.Errorf("the report is %s and does not say %q: %s", report.Status, word, report.Error)
		}
	}
	if err := h.queue.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	h.waits(2 * limits.MachineWait)
	h.expect(id, api.JobPending, "") // every machine may try again
}

func TestAJobIsNotGivenUpWhileAMachineMayTakeIt(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(h *fixture, broken string){
		"one that is busy":      func(h *fixture, _ string) { h.mustClaim(h.runner("busy"), h.submit(order{})) },
		"one that was repaired": func(h *fixture, broken string) { h.undrain(broken) },
		"whatever a new server knows": func(h *fixture, _ string) {
			h.restart()
			h.queue.Began(h.clock.now().Add(limits.MachineWait))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			broken := h.runner("broken")
			id := h.submit(order{})
			h.fails(broken, id, api.ReasonSandbox)
			h.waits(2 * time.Second)
			happens(h, broken)
			h.waits(limits.MachineWait)
			h.expect(id, api.JobPending, api.ReasonSandbox)
		})
	}
}

func TestARetryMayGoToAnyMachine(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	id := h.submit(order{})
	h.fails(r, id, api.ReasonSandbox)
	h.cancel(id)
	if err := h.queue.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	h.succeeds(r, id)
}

// claims lets a runner wait for a job in the background.
func (h *fixture) claims(ctx context.Context, runner string) <-chan *api.ClaimedJob {
	h.t.Helper()
	got := make(chan *api.ClaimedJob, 1)
	go func() {
		job, err := h.queue.Claim(ctx, runner, nil, 24*time.Hour)
		if err != nil {
			h.t.Error(err)
		}
		got <- job
	}()
	synctest.Wait()
	return got
}

func (h *fixture) gets(got <-chan *api.ClaimedJob, jobID string) {
	h.t.Helper()
	synctest.Wait()
	select {
	case job := <-got:
		if job == nil || job.UUID != jobID {
			h.t.Errorf("claimed %+v, want %s", job, jobID)
		}
	default:
		h.t.Error("nobody was woken for the job")
	}
}

// TestAPauseEndsForWhoMayTakeTheJob although the runner that may not has waited longer, and nobody asks.
func TestAPauseEndsForWhoMayTakeTheJob(t *testing.T) {
	t.Parallel()
	bubbleTime(t, func(t *testing.T, h *fixture) {
		broken, sound := h.runner("broken"), h.runner("sound")
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		end := h.life()
		id := h.submit(order{})
		h.fails(broken, id, api.ReasonSandbox)
		first := h.claims(ctx, broken)
		got := h.claims(ctx, sound)
		begun := time.Now()
		job := <-got
		if job == nil || job.UUID != id {
			t.Fatalf("claimed %+v, want %s", job, id)
		}
		// The look at blocked jobs would find it too, and later.
		if took := time.Since(begun); took > limits.RetryPauseFirst+limits.SweepInterval || took < limits.RetryPauseFirst-limits.SweepInterval {
			t.Errorf("after %s", took)
		}
		leave()
		if job := <-first; job != nil {
			t.Errorf("the broken machine claimed %s", job.UUID)
		}
		end()
	})
}

// TestAFreedSlotWakesWhoMayTakeTheJob: a job that one runner could not run waits for its tier's slot; it is the other one that must hear of
// it.
func TestAFreedSlotWakesWhoMayTakeTheJob(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		h.spec("other")
		broken, sound, busy := h.runner("broken"), h.runner("sound"), h.runner("busy", "other")
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		id := h.submit(order{plan: "free"})
		h.fails(broken, id, api.ReasonSandbox)
		holds := h.running(busy, order{plan: "free", job: api.NewJob{Spec: "other"}})
		h.later()
		first := h.claims(ctx, broken)
		got := h.claims(ctx, sound)
		h.says(busy, holds, api.MsgAck, api.Message{Event: api.MsgFailed})
		h.gets(got, id)
		leave()
		<-first
	})
}

func TestARepairedRunnerThatWaitsGetsTheJobAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		r := h.runner("box")
		id := h.submit(order{})
		h.fails(r, id, api.ReasonSandbox)
		second := h.submit(order{})
		h.fails(r, second, api.ReasonSandbox)
		h.later()
		got := h.claims(t.Context(), r)
		if len(got) != 0 {
			t.Fatal("a drained runner got a job")
		}
		h.undrain(r)
		h.gets(got, id)
	})
}

// TestAWakeUpOfARunnerThatIsDrainedMeanwhileGoesOn to one that offers the spec.
func TestAWakeUpOfARunnerThatIsDrainedMeanwhileGoesOn(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *fixture) {
		a, b := h.runner("a"), h.runner("b")
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		first := h.claims(ctx, a)
		got := h.claims(ctx, b)
		h.tx(func(ctx context.Context, tx *store.Tx) error { // its last failure, on another connection, is stored; it has not heard of it
			now := tx.Now()
			return fleet.SetRunnerHealth(ctx, tx, fleet.Runner{ID: a, Failures: limits.RunnerFailures, Drained: &now})
		})
		h.gets(got, h.submit(order{}))
		leave()
		<-first
	})
}
