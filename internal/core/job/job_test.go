package job

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/property"
)

// TestTableIsExhaustive states, for each state and event, where the job goes; "" is a refusal. The reasons are a plain failure and no
// lost contact; the rows below these are tested by name further down.
func TestTableIsExhaustive(t *testing.T) {
	t.Parallel()
	const (
		P, C, R = api.JobPending, api.JobClaimed, api.JobRunning
		D, X    = api.JobCompleted, api.JobProcessed
		F, K    = api.JobFailed, api.JobCanceled
	)
	want := map[api.JobStatus]map[Kind]api.JobStatus{
		P: {Claim: C, Cancel: K, GiveUp: F, Abandon: K},
		C: {Start: R, Complete: D, Fail: F, Cancel: C, Canceled: K, Lose: P, Overrun: F, Abandon: C},
		R: {Start: R, Complete: D, Fail: F, Cancel: R, Canceled: K, Lose: P, Overrun: F, Abandon: R},
		D: {Process: X, Reject: F, Abandon: F},
		F: {Retry: P},
		K: {Retry: P},
		X: {},
	}
	for _, s := range States {
		for _, k := range Kinds {
			before := Job{State: s, Epoch: 3}
			got, err := Apply(before, Event{Kind: k})
			to, legal := want[s][k]
			switch {
			case legal && (err != nil || got.State != to):
				t.Errorf("%s + %s = %s, %v; want %s", s, k, got.State, err, to)
			case !legal && (!fault.Is(err, fault.Conflict) || got != before):
				t.Errorf("%s + %s = %+v, %v; want a conflict and nothing changed", s, k, got, err)
			}
		}
	}
}

func TestInfrastructureFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	j := Job{State: api.JobPending}
	for i := range limits.InfraRetries {
		j = must(t, j, Event{Kind: Claim})
		j = must(t, j, Event{Kind: Fail, Reason: api.ReasonImagePull, Error: "no route"})
		if j.State != api.JobPending || j.InfraRetries != i+1 {
			t.Fatalf("after failure %d: %+v", i+1, j)
		}
	}
	j = must(t, j, Event{Kind: Claim})
	j = must(t, j, Event{Kind: Lose})
	if j.State != api.JobFailed || j.Reason != api.ReasonRunnerLost || j.Epoch != int64(limits.InfraRetries)+1 {
		t.Errorf("after the last try: %+v", j)
	}
	if j = must(t, j, Event{Kind: Retry}); j.State != api.JobPending || j.InfraRetries != 0 {
		t.Errorf("after retry: %+v", j)
	}
}

// However many machines are broken, the job has its retries for what may happen to it on a sound one.
func TestWhatAMachineCouldNotRunCostsNoRetry(t *testing.T) {
	t.Parallel()
	j := Job{State: api.JobPending}
	for _, reason := range []api.Reason{api.ReasonSandbox, api.ReasonHostUnfit, api.ReasonSandbox, api.ReasonHostUnfit, api.ReasonSandbox} {
		j = must(t, must(t, j, Event{Kind: Claim}), Event{Kind: Fail, Reason: reason, Error: "no loop device"})
		if j.State != api.JobPending || j.InfraRetries != 0 || j.Reason != reason || j.Error != "no loop device" {
			t.Fatalf("after %d machines: %+v", j.Attempt, j)
		}
	}
	lost := must(t, must(t, j, Event{Kind: Claim}), Event{Kind: Lose})
	if late := must(t, lost, Event{Kind: Fail, Reason: api.ReasonSandbox}); late.State != api.JobPending || late.InfraRetries != 0 {
		t.Errorf("said late, by a machine that was lost: %+v", late)
	}
	j = must(t, j, Event{Kind: GiveUp, Reason: api.ReasonSandbox, Error: "nobody came"})
	if j.State != api.JobFailed || j.Reason != api.ReasonSandbox || j.Error != "nobody came" {
		t.Errorf("given up: %+v", j)
	}
	if lost = must(t, lost, Event{Kind: GiveUp, Reason: api.ReasonSandbox}); !lost.Lost() {
		t.Errorf("the result of a runner that was lost is not taken any more: %+v", lost)
	}
}

func TestTheBenchmarksFaultIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, reason := range []api.Reason{api.ReasonBenchmarkExit, api.ReasonBenchmarkTimeout, api.ReasonOutOfMemory, api.ReasonLimit,
		api.ReasonImageInvalid, api.ReasonNoResult} {
		if j := must(t, Job{State: api.JobRunning}, Event{Kind: Fail, Reason: reason}); j.State != api.JobFailed || j.Reason != reason {
			t.Errorf("%s: %+v", reason, j)
		}
	}
}

func TestALostRunnersResultIsStillTakenUntilSomebodyElseClaims(t *testing.T) {
	t.Parallel()
	lost := must(t, Job{State: api.JobRunning, Epoch: 1, Attempt: 1}, Event{Kind: Lose})
	if !lost.Lost() {
		t.Fatalf("%+v is not lost", lost)
	}
	if j := must(t, lost, Event{Kind: Complete}); j.State != api.JobCompleted {
		t.Errorf("late completion: %+v", j)
	}
	if j := must(t, lost, Event{Kind: Resume}); j.State != api.JobRunning || j.Epoch != 1 || j.InfraRetries != 0 {
		t.Errorf("resume: %+v", j)
	}
	if j := must(t, lost, Event{Kind: Fail, Reason: api.ReasonImagePull}); j.State != api.JobPending || j.InfraRetries != 1 {
		t.Errorf("one claim counts as one retry: %+v", j)
	}
	claimed := must(t, lost, Event{Kind: Claim})
	if claimed.Lost() || claimed.Epoch != 2 {
		t.Errorf("after the next claim: %+v", claimed)
	}
	given := Job{State: api.JobFailed, Reason: api.ReasonRunnerLost}
	if j := must(t, given, Event{Kind: Complete}); j.State != api.JobCompleted {
		t.Errorf("late completion of a job that was given up: %+v", j)
	}
	if _, err := Apply(Job{State: api.JobFailed, Reason: api.ReasonBenchmarkExit}, Event{Kind: Complete}); err == nil {
		t.Error("a failure of the benchmark was overridden")
	}
}

func TestCancelWinsOverFailureAndLoss(t *testing.T) {
	t.Parallel()
	asked := must(t, Job{State: api.JobRunning}, Event{Kind: Cancel})
	if asked.State != api.JobRunning || !asked.CancelAsked {
		t.Fatalf("after cancel: %+v", asked)
	}
	for _, e := range []Event{{Kind: Fail, Reason: api.ReasonBenchmarkExit}, {Kind: Lose}, {Kind: Overrun}, {Kind: Canceled}} {
		if j := must(t, asked, e); j.State != api.JobCanceled || j.Reason != api.ReasonCanceledByUser {
			t.Errorf("%s after cancel: %+v", e.Kind, j)
		}
	}
	if j := must(t, asked, Event{Kind: Complete}); j.State != api.JobCompleted {
		t.Errorf("a result that was there first: %+v", j)
	}
}

// What was measured before another job of the report failed need not be measured again.
func TestARetryTakesUpWhatHadDelivered(t *testing.T) {
	t.Parallel()
	had := must(t, Job{State: api.JobCompleted, Epoch: 1}, Event{Kind: Abandon, Error: "the other one failed"})
	if had.State != api.JobFailed || had.Reason != api.ReasonMeasurement || had.Error == "" {
		t.Fatalf("abandoned: %+v", had)
	}
	if again := must(t, had, Event{Kind: Retry}); again.State != api.JobCompleted || again.Reason != "" || again.Error != "" {
		t.Errorf("after a retry: %+v", again)
	}
	waited := must(t, Job{State: api.JobPending}, Event{Kind: Abandon})
	if again := must(t, waited, Event{Kind: Retry}); again.State != api.JobPending {
		t.Errorf("one that had not run: %+v", again)
	}
	ran := must(t, must(t, Job{State: api.JobRunning}, Event{Kind: Abandon}), Event{Kind: Canceled})
	if again := must(t, ran, Event{Kind: Retry}); again.State != api.JobPending {
		t.Errorf("one that was stopped: %+v", again)
	}
}

func TestInvariantsHoldInAnyOrder(t *testing.T) {
	t.Parallel()
	reasons := []api.Reason{api.ReasonNone, api.ReasonBenchmarkExit, api.ReasonImagePull, api.ReasonRunnerAborted, api.ReasonLimit,
		api.ReasonSandbox}
	property.Check(t, func(t *rapid.T) {
		j := Job{State: api.JobPending}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			e := Event{Kind: rapid.SampledFrom(Kinds).Draw(t, "kind"), Reason: rapid.SampledFrom(reasons).Draw(t, "reason")}
			next, err := Apply(j, e)
			switch {
			case err != nil && next != j:
				t.Fatalf("a refused %s changed %+v to %+v", e.Kind, j, next)
			case next.Epoch < j.Epoch || e.Kind == Claim && err == nil && next.Epoch != j.Epoch+1:
				t.Fatalf("epoch went from %d to %d on %s", j.Epoch, next.Epoch, e.Kind)
			case j.State == api.JobProcessed && next != j:
				t.Fatalf("processed is not final: %+v", next)
			case next.InfraRetries < 0 || next.InfraRetries > limits.InfraRetries:
				t.Fatalf("%d retries", next.InfraRetries)
			case next.State == api.JobFailed && next.Reason == api.ReasonNone:
				t.Fatalf("failed without a reason on %s", e.Kind)
			}
			j = next
		}
	})
}

func TestPriorities(t *testing.T) {
	t.Parallel()
	for plan, want := range map[api.Plan]int{api.PlanUnclaimed: 0, api.PlanFree: 100, api.PlanTeam: 200, api.PlanEnterprise: 300} {
		if got := Priority(plan); got != want || PlanOf(want) != plan {
			t.Errorf("Priority(%s) = %d, want %d", plan, got, want)
		}
	}
}

func must(t *testing.T, j Job, e Event) Job {
	t.Helper()
	next, err := Apply(j, e)
	if err != nil {
		t.Fatalf("%s + %s: %v", j.State, e.Kind, err)
	}
	return next
}

func TestRetryForgetsThatACancelWasAsked(t *testing.T) {
	t.Parallel()
	asked := must(t, Job{State: api.JobRunning, InfraRetries: 1}, Event{Kind: Cancel})
	again := must(t, must(t, asked, Event{Kind: Canceled}), Event{Kind: Retry})
	if again.CancelAsked || again.InfraRetries != 0 {
		t.Errorf("after retry: %+v", again)
	}
	if j := must(t, must(t, must(t, again, Event{Kind: Claim}), Event{Kind: Start}), Event{Kind: Lose}); j.State != api.JobPending {
		t.Errorf("a loss after the retry counts as the old cancel: %+v", j)
	}
}
