package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// delivers lets a runner run a job that it has and hand over its results.
func (h *fixture) delivers(runner string, job *api.ClaimedJob) {
	h.t.Helper()
	h.mustPut(runner, job, api.ArtifactStdout, "", ten)
	h.says(runner, job, api.MsgAck, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}})
}

// states are where jobs stand.
func (h *fixture) states(ids []string) string {
	h.t.Helper()
	var out []string
	for _, id := range ids {
		out = append(out, h.row(id).State)
	}
	return strings.Join(out, " ")
}

func (h *fixture) wantStates(ids []string, want string) {
	h.t.Helper()
	if got := h.states(ids); got != want {
		h.t.Fatalf("the jobs are %s, want %s", got, want)
	}
}

func three() order { return order{job: api.NewJob{Jobs: new(3)}} }

func TestAReportWaitsForAllOfItsJobs(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(three())
	h.delivers(a, h.mustClaim(a, ids[0]))
	h.delivers(b, h.mustClaim(b, ids[1]))
	h.process(ids[0])
	h.process(ids[1])
	h.sweep()
	h.wantStates(ids, "completed completed pending")
	if got := h.report(ids[0]); got.Status != api.ReportPending {
		t.Fatalf("the report is %s before its last job", got.Status)
	}
	h.clock.advance(time.Second)
	h.delivers(a, h.mustClaim(a, ids[2]))
	h.process(ids[1]) // whichever of them is looked at
	h.wantStates(ids, "processed processed processed")
	got := h.report(ids[0])
	var sources []string
	for _, count := range got.Counts {
		sources = append(sources, count.Job)
	}
	if diff := cmp.Diff(ids, sources); got.Status != api.ReportProcessed || diff != "" {
		t.Errorf("the report is %s; jobs of its iterations (-want +got):\n%s", got.Status, diff)
	}
	if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "2 machines (a, b)") {
		t.Errorf("it does not say that two machines measured it: %q", got.Warnings)
	}
	if !got.EndTime.Equal(h.clock.now()) {
		t.Errorf("it ended at %s, its last job at %s", got.EndTime, h.clock.now())
	}
	if view := h.view(ids[1]); view.Part != 2 || view.Parts != 3 || view.Side != api.SideHead || view.Measurement == "" {
		t.Errorf("the second job: part %d of %d, side %s of measurement %q", view.Part, view.Parts, view.Side, view.Measurement)
	}
}

// What a server that died had not read is read by the next.
func TestAMeasurementThatWasDeliveredIsReadAfterARestart(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	ids := h.submitAll(three())
	for i, id := range ids {
		h.restart()
		h.queue.RequeueCompleted(t.Context())
		if n := len(h.queue.ToRead()); n != 0 {
			t.Fatalf("%d jobs are brought to be read after %d of %d", n, i, len(ids))
		}
		h.delivers(r, h.mustClaim(r, id))
	}
	h.restart()
	h.queue.RequeueCompleted(t.Context())
	if n := len(h.queue.ToRead()); n != 1 {
		t.Fatalf("%d jobs are brought to be read, want one for all three", n)
	}
	h.process(<-h.queue.ToRead())
	h.wantStates(ids, "processed processed processed")
}

func TestOneFailureEndsTheOtherJobsOfTheReport(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b, c := h.runner("a"), h.runner("b"), h.runner("c")
	ids := h.submitAll(order{job: api.NewJob{Jobs: new(4)}})
	done, runs, fails := h.mustClaim(a, ids[0]), h.mustClaim(b, ids[1]), h.mustClaim(c, ids[2])
	h.delivers(a, done)
	h.says(c, fails, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit, Error: "exit code 1"})
	h.wantStates(ids, "failed claimed failed canceled")
	h.expect(ids[0], api.JobFailed, api.ReasonMeasurement)
	if got := h.report(ids[0]); got.Status != api.ReportFailed || !strings.Contains(got.Error, "exit code 1 (job 3 of 4)") {
		t.Errorf("the report is %s: %s", got.Status, got.Error)
	}
	if h.row(ids[1]).CancelAsked == nil {
		t.Error("the one that runs was not asked to stop")
	}
	if err := h.queue.Retry(t.Context(), ids[2]); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), ids[1]) {
		t.Errorf("a retry while one is being stopped: %v", err)
	}
	h.says(b, runs, api.MsgAck, api.Message{Event: api.MsgCanceled})
	h.expect(ids[1], api.JobCanceled, api.ReasonMeasurement)
	if got := h.report(ids[0]); !strings.Contains(got.Error, "exit code 1") {
		t.Errorf("what came later hides why: %s", got.Error)
	}

	// A retry of any of them takes all up again, and what had delivered need not run.
	if err := h.queue.Retry(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	h.wantStates(ids, "completed pending pending pending")
	for _, id := range ids[1:] {
		h.delivers(a, h.mustClaim(a, id))
	}
	h.process(ids[0])
	h.wantStates(ids, "processed processed processed processed")
	if got := h.report(ids[0]); got.Status != api.ReportProcessed || got.Error != "" {
		t.Errorf("after the retry the report is %s: %s", got.Status, got.Error)
	}
}

// A runner that was lost comes back with a result after its job, and so the report, was given up.
func TestALateResultOfAFailedReportIsKeptForARetry(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
	lost := h.mustClaim(a, ids[0])
	bad := h.mustClaim(b, ids[1])
	h.says(b, bad, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	h.delivers(a, lost) // it had not heard that it is to stop
	h.wantStates(ids, "failed failed")
	if got := h.report(ids[0]); got.Status != api.ReportFailed {
		t.Errorf("the report is %s", got.Status)
	}
	if err := h.queue.Retry(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	h.wantStates(ids, "completed pending")
}

func TestResultsThatCannotBeReadFailTheWholeReport(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	ids := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
	h.delivers(r, h.mustClaim(r, ids[0]))
	second := h.mustClaim(r, ids[1])
	h.says(r, second, api.MsgAck, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}}) // it printed nothing
	h.process(ids[0])
	h.expect(ids[1], api.JobFailed, api.ReasonNoResult)
	h.expect(ids[0], api.JobFailed, api.ReasonMeasurement)
}

// A retry of the one whose results could not be read runs it again, and not another one.
func TestResultsThatCannotBeReadFailTheJobThatLeftThem(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	ids := h.submitAll(order{job: api.NewJob{Jobs: new(3)}})
	for i, id := range ids {
		job := h.mustClaim(r, id)
		text := ten
		if i == 1 {
			text = "no results at all"
		}
		h.mustPut(r, job, api.ArtifactStdout, "", text)
		h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}})
	}
	h.process(ids[2])
	h.expect(ids[1], api.JobFailed, api.ReasonAdapter)
	h.expect(ids[0], api.JobFailed, api.ReasonMeasurement)
	if err := h.queue.Retry(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	h.wantStates(ids, "completed pending completed")
}

func twoImages(rounds int) order {
	return order{job: api.NewJob{Image: "app:v2", Jobs: &rounds, Base: &api.BaseImage{Image: "app:v1"}}}
}

func TestTwoImagesRunInTurnsOnOneMachine(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(twoImages(2))
	var order []string
	for range ids {
		job := h.claim(a)
		if job == nil {
			t.Fatal("there is no job for the runner that has begun")
		}
		if other := h.claim(b); other != nil {
			t.Fatalf("another runner got %s", other.UUID)
		}
		h.says(a, job, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
		if again := h.claim(a); again != nil {
			t.Fatalf("two jobs run at once: %s", again.UUID)
		}
		order = append(order, fmt.Sprintf("%s %s", h.row(job.UUID).Side, job.Config.Image))
		h.delivers(a, job)
		h.process(job.UUID)
	}
	if diff := cmp.Diff([]string{"head app:v2", "base app:v1", "base app:v1", "head app:v2"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	h.wantStates(ids, "processed processed processed processed")
	head, base := h.report(ids[0]), h.report(ids[1])
	if head.ID == base.ID || len(head.Counts) != 2 || len(base.Counts) != 2 {
		t.Errorf("reports %s with %d and %s with %d iterations, want two of two", head.ID, len(head.Counts), base.ID, len(base.Counts))
	}
	if len(head.Warnings)+len(base.Warnings) != 0 {
		t.Errorf("warnings: %q %q", head.Warnings, base.Warnings)
	}
}

func TestAMeasurementWhoseMachineIsGoneIsGivenUp(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(twoImages(1))
	h.delivers(a, h.mustClaim(a, ids[0]))
	h.process(ids[0])
	for range 2 { // the other one is there all the time
		h.clock.advance(limits.MachineWait / 2)
		if job := h.claim(b); job != nil {
			t.Fatalf("another machine got the second side: %s", job.UUID)
		}
		h.sweep()
	}
	h.expect(ids[1], api.JobPending, "")
	h.waits(time.Second)
	h.expect(ids[1], api.JobFailed, api.ReasonHostUnfit)
	if got := text(h.row(ids[1]).Error); !strings.Contains(got, "the runner a") || !strings.Contains(got, "submit the run again") {
		t.Errorf("it says: %s", got)
	}
	h.expect(ids[0], api.JobProcessed, "") // that side was measured
}

func TestAComparisonThatFailedBeforeAnythingWasMeasuredMayBeginElsewhere(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(twoImages(1))
	h.says(a, h.mustClaim(a, ids[0]), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	if err := h.queue.Retry(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	h.mustClaim(b, ids[0])
}

// inSlot makes a runner that was started for a slot.
func (h *fixture) inSlot(name, slot string) (runner string) {
	h.t.Helper()
	runner = h.runner(name)
	h.tx(func(ctx context.Context, tx *store.Tx) error { return fleet.SetRunnerSlot(ctx, tx, runner, &slot) })
	return runner
}

func TestJobsOfASlotGoToItsRunnerAlone(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	first := "slot-1"
	mine, other, ordinary := h.inSlot("mine", first), h.inSlot("other", "slot-2"), h.runner("ordinary")
	job, plain := h.submit(order{slot: &first}), h.submit(order{})
	if got := h.claim(other); got != nil {
		t.Errorf("the runner of another slot got %s", got.UUID)
	}
	h.mustClaim(ordinary, plain)
	h.says(mine, h.mustClaim(mine, job), api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
	h.submitSilently(order{})
	if got := h.claim(mine); got != nil {
		t.Errorf("the runner of a slot got %s, which is of none", got.UUID)
	}
}

func TestARunnerHearsThatNothingIsLeftInItsSlot(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	slot := "slot-1"
	mine, other, ordinary := h.inSlot("mine", slot), h.inSlot("other", slot), h.runner("ordinary")
	done := func(what, runner string, want bool) {
		t.Helper()
		got, err := h.queue.Claim(t.Context(), runner, nil, 0)
		if got != nil || errors.Is(err, job.ErrDone) != want || err != nil && !want {
			t.Errorf("%s: claimed %+v, %v; want done %v", what, got, err, want)
		}
	}
	done("nothing was ever there", mine, true)
	done("of no slot", ordinary, false)
	h.submit(order{}) // an ordinary job does not keep it
	done("only others have work", mine, true)
	first := h.mustClaim(mine, h.submit(order{slot: &slot}))
	h.says(mine, first, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
	done("the other machine of the slot has a job that may come back", other, false)
	if err := h.queue.Cancel(t.Context(), first.UUID); err != nil {
		t.Fatal(err)
	}
	done("it was asked to end, and has not", other, false)
	h.says(mine, first, api.MsgAck, api.Message{Event: api.MsgCanceled, Seq: 9})
	done("it has ended", other, true)

	second := h.mustClaim(mine, h.submit(order{slot: &slot}))
	h.says(mine, second, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonSandbox, Error: "no cgroup", Seq: 9})
	done("it could not run what is left", mine, true)
	done("the other may, after the pause", other, false)
}

// TestTheLastJobsEndWakesWhoWaitedForIt: a machine that costs money does not wait for its window to end.
func TestTheLastJobsEndWakesWhoWaitedForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		slot := "slot-1"
		mine, other := h.inSlot("mine", slot), h.inSlot("other", slot)
		first := h.mustClaim(mine, h.submit(order{slot: &slot}))
		heard := make(chan error, 1)
		go func() {
			_, err := h.queue.Claim(t.Context(), other, nil, 24*time.Hour)
			heard <- err
		}()
		synctest.Wait()
		h.says(mine, first, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit, Error: "exit 1", Seq: 9})
		synctest.Wait()
		select {
		case err := <-heard:
			if !errors.Is(err, job.ErrDone) {
				t.Errorf("it hears %v", err)
			}
		default:
			t.Error("it still waits")
		}
	})
}

func TestASlotsMachineMayComeLater(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	slot := "slot-1"
	h.spec("c8g")
	if _, err := h.prepare(order{job: api.NewJob{Spec: "c8g"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an ordinary job of a spec without a runner: %v", err)
	}
	id := h.submit(order{slot: &slot, job: api.NewJob{Spec: "c8g"}})
	runner := h.runner("late", "c8g")
	h.tx(func(ctx context.Context, tx *store.Tx) error { return fleet.SetRunnerSlot(ctx, tx, runner, &slot) })
	if _, err := h.prepare(order{job: api.NewJob{Spec: "c8g"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an ordinary job of a spec that only a sweep's machine has: %v", err)
	}
	h.mustClaim(runner, id)
}

func TestATiersLimitDoesNotCountSlots(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.tiers["free"] = job.Tier{Concurrency: 1, Timeout: time.Hour}
	slot := "slot-1"
	free := func(slot *string) order { return order{plan: "free", slot: slot} }
	first, second := h.runner("first"), h.runner("second")
	h.mustClaim(h.inSlot("in a slot", slot), h.submit(free(&slot)))
	h.mustClaim(first, h.submit(free(nil)))
	h.mustClaim(h.inSlot("in another", "slot-2"), h.submit(free(new("slot-2"))))
	h.submit(free(nil))
	if got := h.claim(second); got != nil {
		t.Errorf("two ordinary jobs are in flight: %s", got.UUID)
	}
}

func TestAJobOfASlotWakesItsRunner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		slot := "slot-1"
		ordinary, mine := h.runner("ordinary"), h.inSlot("mine", slot)
		h.mustClaim(h.inSlot("lost", slot), h.submit(order{slot: &slot})) // what it holds may come back: the other waits for it
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		first, second := h.claims(ctx, ordinary), h.claims(ctx, mine)
		h.gets(second, h.submit(order{slot: &slot}))
		h.gets(first, h.submit(order{}))
	})
}

func TestReportsOfAMeasurementAreDeletedOneByOne(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a := h.runner("a")
	ids := h.submitAll(twoImages(1))
	for range ids {
		job := h.claim(a)
		h.delivers(a, job)
		h.process(job.UUID)
	}
	head, base := h.report(ids[0]).ID, h.report(ids[1]).ID
	count := func() (n int) {
		h.tx(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `select count(*) from measurement`).Scan(&n)
		})
		return n
	}
	h.tx(func(ctx context.Context, tx *store.Tx) error { return report.Delete(ctx, tx, head) })
	if h.expect(ids[1], api.JobProcessed, ""); count() != 1 {
		t.Fatal("the measurement went with one of its reports")
	}
	h.tx(func(ctx context.Context, tx *store.Tx) error { return report.Delete(ctx, tx, base) })
	if n := count(); n != 0 {
		t.Errorf("%d measurements are left", n)
	}
}

// Whoever of the two comes second takes the measurement away.
func TestReportsOfAMeasurementAreDeletedAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		a := h.runner("a")
		ids := h.submitAll(twoImages(1))
		for range ids {
			job := h.claim(a)
			h.delivers(a, job)
			h.process(job.UUID)
		}
		reports := report.NewService(report.Config{Store: h.store, Blobs: h.queue.Blobs, Queue: h.queue})
		deleting := func(jobID string) func(context.Context) error {
			row := h.row(jobID)
			return func(ctx context.Context) error {
				return reports.Delete(ctx, access.Actor{Kind: access.Local}, row.ProjectID, row.ReportID)
			}
		}
		if of1, of2 := race.Run(1, deleting(ids[0]), deleting(ids[1])); of1 != nil || of2 != nil {
			t.Errorf("the first: %v; the second: %v", of1, of2)
		}
		var left int
		h.tx(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `select (select count(*) from measurement) + (select count(*) from job)`).Scan(&left)
		})
		if left != 0 {
			t.Errorf("%d measurements and jobs are left", left)
		}
	})
}

// What was measured on one machine is not compared with what another measures later.
func TestARetryOfAComparisonStaysOnItsMachineOnceASideWasMeasured(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(twoImages(1))
	h.delivers(a, h.mustClaim(a, ids[0]))
	h.process(ids[0])
	h.says(a, h.mustClaim(a, ids[1]), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	if err := h.queue.Retry(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	if got := h.claim(b); got != nil {
		t.Errorf("another machine got the second side: %s", got.UUID)
	}
	h.mustClaim(a, ids[1])
}

// The runner that has begun is woken for the next job, although another has waited longer and may not take it.
func TestTheNextJobInTurnWakesTheRunnerThatHasBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		a, b := h.runner("a"), h.runner("b")
		ids := h.submitAll(twoImages(1))
		first := h.mustClaim(a, ids[0])
		h.says(a, first, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		waits := h.claims(ctx, b)
		next := h.claims(ctx, a)
		h.delivers(a, first)
		h.gets(next, ids[1])
		stop()
		if got := <-waits; got != nil {
			t.Errorf("the other one got %s", got.UUID)
		}
	})
}

// A machine that cannot run the first job, or is lost with it, has measured nothing: another one begins.
func TestAComparisonThatItsFirstMachineCouldNotRunGoesToAnother(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(h *fixture, runner string, job *api.ClaimedJob){
		"no sandbox": func(h *fixture, runner string, job *api.ClaimedJob) {
			h.says(runner, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonSandbox, Error: "no loop devices"})
			h.clock.advance(limits.RetryPauseFirst + time.Second)
			h.sweep()
		},
		"lost": func(h *fixture, _ string, _ *api.ClaimedJob) { h.silence() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			a, b := h.runner("a"), h.runner("b")
			ids := h.submitAll(twoImages(1))
			ends(h, a, h.mustClaim(a, ids[0]))
			h.delivers(b, h.mustClaim(b, ids[0]))
			if got := h.claim(a); got != nil {
				t.Errorf("the first machine got the second side: %s", got.UUID)
			}
			h.mustClaim(b, ids[1])
		})
	}
}

// A runner that was lost and is back before another took its job keeps the comparison, whether it goes on or has the result.
func TestARunnerThatIsBackKeepsItsComparison(t *testing.T) {
	t.Parallel()
	for _, goesOn := range []bool{true, false} {
		h := newFixture(t)
		a, b := h.runner("a"), h.runner("b")
		ids := h.submitAll(twoImages(1))
		first := h.mustClaim(a, ids[0])
		h.says(a, first, api.MsgAck, api.Message{Event: api.MsgRunning, Seq: 1})
		h.silence()
		h.expect(ids[0], api.JobPending, api.ReasonRunnerLost)
		if goesOn {
			h.says(a, first, api.MsgAck, api.Message{Event: api.MsgHeartbeat})
			h.expect(ids[0], api.JobRunning, "")
		}
		h.delivers(a, first)
		if got := h.claim(b); got != nil {
			t.Errorf("another machine got the second side: %s", got.UUID)
		}
		h.mustClaim(a, ids[1])
	}
}

// A job that was given up brings its result after all while another one is still being stopped, which then delivers, too.
func TestALateResultBesideAJobThatIsBeingStoppedIsKeptForARetry(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
	lost := h.mustClaim(a, ids[0])
	other := h.mustClaim(b, ids[1])
	lose := func() {
		h.clock.advance(limits.LeaseTimeout + time.Second)
		h.says(b, other, api.MsgAck, api.Message{Event: api.MsgHeartbeat})
		h.sweep()
	}
	lose()
	for range limits.InfraRetries {
		lost = h.mustClaim(a, ids[0])
		h.sweep()
		lose()
	}
	h.expect(ids[0], api.JobFailed, api.ReasonRunnerLost)
	h.delivers(a, lost)
	h.expect(ids[0], api.JobFailed, api.ReasonMeasurement)
	h.delivers(b, other)
	h.wantStates(ids, "failed failed")
	if got := h.report(ids[0]); got.Status != api.ReportFailed {
		t.Errorf("the report is %s", got.Status)
	}
	if err := h.queue.Retry(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	h.process(ids[0])
	h.wantStates(ids, "processed processed")
}

// What the jobs of a report left is in memory at once when it is read.
func TestTheOutputsOfAReportAreBoundedTogether(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	ids := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
	for _, id := range ids {
		h.delivers(r, h.mustClaim(r, id))
	}
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `update job_output set size = $1`, int64(limits.JobOutputTotal/2+1))
		return err
	})
	h.process(ids[0])
	h.expect(ids[1], api.JobFailed, api.ReasonLimit)
	h.expect(ids[0], api.JobFailed, api.ReasonMeasurement)
	if got := h.report(ids[0]); !strings.Contains(got.Error, "2 jobs are together larger than the limit of 256 MiB") {
		t.Errorf("the report says: %s", got.Error)
	}
}

func TestWhoFollowsAJobHearsThatItEndsWithAnother(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	ids := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
	changed, unsubscribe := h.queue.Subscribe(ids[1])
	defer unsubscribe()
	h.says(r, h.mustClaim(r, ids[0]), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	h.expect(ids[1], api.JobCanceled, api.ReasonMeasurement)
	if len(changed) != 1 {
		t.Error("the follower of the other job was not told")
	}
}

func TestARetryWakesARunnerForEachJobOfTheReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		a, b := h.runner("a"), h.runner("b")
		ids := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
		h.says(a, h.mustClaim(a, ids[0]), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		first, second := h.claims(ctx, a), h.claims(ctx, b)
		if err := h.queue.Retry(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.wantStates(ids, "claimed claimed")
		<-first
		<-second
	})
}

// Whoever cancels the first job of a report does not know how far it is.
func TestACancelOfAJobThatHasDeliveredEndsTheOthersOfItsReport(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(three())
	h.delivers(a, h.mustClaim(a, ids[0]))
	runs := h.mustClaim(b, ids[1])
	h.cancel(ids[0])
	h.wantStates(ids, "failed claimed canceled")
	h.expect(ids[2], api.JobCanceled, api.ReasonCanceledByUser)
	h.says(b, runs, api.MsgCancel, api.Message{Event: api.MsgHeartbeat})
	if got := h.report(ids[0]); got.Status != api.ReportFailed {
		t.Errorf("the report is %s", got.Status)
	}
	all := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
	for _, id := range all {
		h.delivers(a, h.mustClaim(a, id))
	}
	if err := h.queue.Cancel(t.Context(), all[0]); !fault.Is(err, fault.Conflict) {
		t.Errorf("a cancel while the results are being read: %v", err)
	}
}

func TestAReportOfSeveralJobsIsBroughtToBeReadOnce(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	ids := h.submitAll(three())
	for i, id := range ids {
		if n := len(h.queue.ToRead()); n != 0 {
			t.Fatalf("%d jobs are brought to be read after %d of %d", n, i, len(ids))
		}
		h.delivers(r, h.mustClaim(r, id))
	}
	h.sweep() // while it waits
	if n := len(h.queue.ToRead()); n != 1 {
		t.Errorf("%d jobs are brought to be read, want one for all three", n)
	}
	h.process(<-h.queue.ToRead())
	h.wantStates(ids, "processed processed processed")
}

// What a first try was said to be, the next one need not be.
func TestARetryIsNotWarnedOfForTheTryBefore(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, b := h.runner("a"), h.runner("b")
	ids := h.submitAll(order{job: api.NewJob{Jobs: new(2)}})
	h.delivers(a, h.mustClaim(a, ids[0]))
	bad := h.mustClaim(b, ids[1])
	h.mustPut(b, bad, api.ArtifactStdout, "", "no results at all")
	h.says(b, bad, api.MsgAck, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}})
	h.process(ids[0])
	if got := h.report(ids[0]); got.Status != api.ReportFailed || len(got.Warnings) != 0 {
		t.Errorf("the report is %s with warnings %q", got.Status, got.Warnings)
	}
	if err := h.queue.Retry(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	h.delivers(a, h.mustClaim(a, ids[1]))
	h.process(ids[0])
	if got := h.report(ids[0]); got.Status != api.ReportProcessed || len(got.Warnings) != 0 {
		t.Errorf("one machine measured it; the report is %s with warnings %q", got.Status, got.Warnings)
	}
}

func TestAJobThatIsBoundToAMachineWithoutItsSpecSaysSo(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a, _ := h.runner("a"), h.runner("b")
	ids := h.submitAll(twoImages(1))
	h.delivers(a, h.mustClaim(a, ids[0]))
	h.process(ids[0])
	if got := h.view(ids[1]).Blocked; got != "" {
		t.Errorf("while its machine is there: %s", got)
	}
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		spec, err := fleet.SpecByRef(ctx, tx, "metal")
		if err != nil {
			return err
		}
		return fleet.RemoveRunnerSpec(ctx, tx, a, spec.ID)
	})
	blocked := func(want string) {
		t.Helper()
		if got := h.view(ids[1]).Blocked; !strings.Contains(got, want) {
			t.Errorf("it says: %s", got)
		}
	}
	blocked("began this comparison and no longer has the spec metal")
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		r, err := fleet.RunnerByRef(ctx, tx, a)
		if err != nil {
			return err
		}
		now := tx.Now()
		r.Archived = &now
		return fleet.UpdateRunner(ctx, tx, r)
	})
	blocked("began this comparison and is archived")
}

// Whoever cancels a comparison wants neither side of it.
func TestACancelOfOneSideEndsBoth(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		rounds  int
		before  func(h *fixture, a string, ids []string) *api.ClaimedJob // what is in flight at the cancel
		cancel  int
		states  string // after the runner has stopped
		reasons string
	}{
		"before anything runs": {1, func(*fixture, string, []string) *api.ClaimedJob { return nil }, 1, "canceled canceled",
			"measurement canceled_by_user"},
		"the one that runs": {1, func(h *fixture, a string, ids []string) *api.ClaimedJob { return h.mustClaim(a, ids[0]) }, 0,
			"canceled canceled", "canceled_by_user measurement"},
		"the one that waits": {1, func(h *fixture, a string, ids []string) *api.ClaimedJob { return h.mustClaim(a, ids[0]) }, 1,
			"canceled canceled", "measurement canceled_by_user"},
		"one of two rounds": {2, func(h *fixture, a string, ids []string) *api.ClaimedJob {
			h.delivers(a, h.mustClaim(a, ids[0]))
			return h.mustClaim(a, ids[1])
		}, 3, "failed canceled canceled canceled", "measurement measurement measurement canceled_by_user"},
		"the one that has delivered": {2, func(h *fixture, a string, ids []string) *api.ClaimedJob {
			h.delivers(a, h.mustClaim(a, ids[0]))
			return h.mustClaim(a, ids[1])
		}, 0, "failed canceled canceled canceled", "measurement measurement measurement canceled_by_user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			a := h.runner("a")
			ids := h.submitAll(twoImages(row.rounds))
			runs := row.before(h, a, ids)
			h.cancel(ids[row.cancel])
			if runs != nil {
				h.says(a, runs, api.MsgCancel, api.Message{Event: api.MsgHeartbeat})
				h.says(a, runs, api.MsgAck, api.Message{Event: api.MsgCanceled})
			}
			h.wantStates(ids, row.states)
			var reasons []string
			for _, id := range ids {
				reasons = append(reasons, text(h.row(id).Reason))
			}
			if got := strings.Join(reasons, " "); got != row.reasons {
				t.Errorf("the reasons are %s, want %s", got, row.reasons)
			}
			for _, id := range ids[:2] {
				if got := h.report(id); got.Status != api.ReportFailed || !strings.Contains(got.Error, "cancel") {
					t.Errorf("the report of the %s is %s: %s", h.row(id).Side, got.Status, got.Error)
				}
			}
			if err := h.queue.Retry(t.Context(), ids[1]); err != nil { // which takes both up again
				t.Fatal(err)
			}
			for job := h.claim(a); job != nil; job = h.claim(a) {
				h.delivers(a, job)
				h.process(job.UUID)
			}
			for _, id := range ids {
				h.expect(id, api.JobProcessed, "")
			}
			if head, base := h.report(ids[0]), h.report(ids[1]); head.Status != api.ReportProcessed || base.Status != api.ReportProcessed {
				t.Errorf("after a retry the reports are %s and %s", head.Status, base.Status)
			}
		})
	}
}

// A side that was measured keeps its results, and one that failed by itself lets the other go on.
func TestASideThatWasMeasuredIsNotCanceledWithTheOther(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a := h.runner("a")
	ids := h.submitAll(twoImages(1))
	h.delivers(a, h.mustClaim(a, ids[0]))
	h.cancel(ids[0]) // all of its side has delivered: what can be canceled is the other one
	h.wantStates(ids, "completed canceled")
	h.process(ids[0])
	h.wantStates(ids, "processed canceled")
	if head, base := h.report(ids[0]), h.report(ids[1]); head.Status != api.ReportProcessed || base.Status != api.ReportFailed {
		t.Errorf("the reports are %s and %s", head.Status, base.Status)
	}
	if err := h.queue.Cancel(t.Context(), ids[0]); !fault.Is(err, fault.Conflict) {
		t.Errorf("a cancel when all is over: %v", err)
	}

	ids = h.submitAll(twoImages(1))
	h.says(a, h.mustClaim(a, ids[0]), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	h.wantStates(ids, "failed pending")
	h.cancel(ids[0])
	h.wantStates(ids, "failed canceled")
	if got := h.report(ids[0]); strings.Contains(got.Error, "cancel") {
		t.Errorf("the report of the side that failed by itself says: %s", got.Error)
	}
	if err := h.queue.Retry(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	h.wantStates(ids, "failed pending")
}

// Both sides are canceled at once, and one while its runner brings the result of the other.
func TestTwoCancelsOfAComparisonEndItOnce(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		h := racingFixture(t, race)
		a := h.runner("a")
		ids := h.submitAll(twoImages(1))
		of1, of2 := race.Run(1, h.canceling(ids[0]), h.canceling(ids[1]))
		if of1 != nil || of2 != nil && !fault.Is(of2, fault.Conflict) {
			t.Errorf("the first: %v; the second: %v", of1, of2)
		}
		h.wantStates(ids, "canceled canceled")

		ids = h.submitAll(twoImages(1))
		job := h.mustClaim(a, ids[0])
		h.mustPut(a, job, api.ArtifactStdout, "", ten)
		var reply api.Message
		done := h.handing(a, api.Message{Event: api.MsgCompleted, Job: job.UUID, Epoch: job.Epoch, Seq: 99,
			Results: []api.IterationOutput{{}}}, &reply)
		if of1, of2 := race.Run(1, h.canceling(ids[1]), done); of1 != nil || of2 != nil || reply.Event != api.MsgAck {
			t.Errorf("the cancel: %v; the result: %s, %v", of1, reply.Event, of2)
		}
		h.wantStates(ids, "failed canceled")
		for _, id := range ids {
			if got := h.report(id); got.Status != api.ReportFailed {
				t.Errorf("the report of the %s is %s", h.row(id).Side, got.Status)
			}
		}
	})
}

// The runner of the other side may be through before it hears of the cancel.
func TestALateResultOfASideThatWasCanceledIsKeptForARetry(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	a := h.runner("a")
	ids := h.submitAll(twoImages(1))
	runs := h.mustClaim(a, ids[0])
	h.cancel(ids[1])
	if err := h.queue.Retry(t.Context(), ids[1]); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), ids[0]) {
		t.Errorf("a retry while the other side is being stopped: %v", err)
	}
	h.delivers(a, runs)
	h.expect(ids[0], api.JobFailed, api.ReasonMeasurement)
	if got := h.report(ids[0]); got.Status != api.ReportFailed {
		t.Errorf("the report is %s", got.Status)
	}
	if err := h.queue.Retry(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	h.wantStates(ids, "completed pending")
	h.process(ids[0])
	h.delivers(a, h.mustClaim(a, ids[1]))
	h.process(ids[1])
	h.wantStates(ids, "processed processed")
}
