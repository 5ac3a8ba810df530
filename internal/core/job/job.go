// Package job is the life of a remote run: its states, the one table of legal transitions, priorities, and which reasons are the
// benchmark's fault.
//
// The package is pure. The caller holds the job's row in a transaction, asks Apply what an event makes of it, and writes what comes back.
// Fencing (epoch, sequence numbers, whose job it is) is decided before, in core/channel: Apply trusts that an event of a runner comes from
// the one that holds the current claim.
//
//	pending → claimed → running → completed → processed
//	   ↑         │          │         └─────→ failed
//	   └─────────┴──────────┴─ lost, or failed for an infrastructure reason, while retries are left; or the machine could not run it
//
// What a machine could not run (Broken) costs the job no retry: it avoids that machine and waits for another. If none comes for
// limits.MachineWait, it is given up.
package job

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Kind is what happens to a job.
type Kind string

// The events.
const (
	Claim    Kind = "claim"    // a runner takes it
	Start    Kind = "start"    // the runner begins the first iteration
	Resume   Kind = "resume"   // the runner that was lost is back before anybody else took the job
	Complete Kind = "complete" // all outputs are with the server
	Process  Kind = "process"  // results are read, judged and stored
	Reject   Kind = "reject"   // results cannot be read or judged
	Fail     Kind = "fail"     // the runner says that it failed
	Cancel   Kind = "cancel"   // somebody asks for the end
	Canceled Kind = "canceled" // the runner has stopped it
	Lose     Kind = "lose"     // the lease ran out
	Overrun  Kind = "overrun"  // all its time is over, and the runner did not end it
	Retry    Kind = "retry"    // somebody puts it back in the queue
	GiveUp   Kind = "give_up"  // machines could not run it, and no other came in time
	Abandon  Kind = "abandon"  // another job that its report waits for has failed or was canceled
)

// Kinds lists all events.
var Kinds = []Kind{Claim, Start, Resume, Complete, Process, Reject, Fail, Cancel, Canceled, Lose, Overrun, Retry, GiveUp,
	Abandon}

// States lists all states.
var States = []api.JobStatus{api.JobPending, api.JobClaimed, api.JobRunning, api.JobCompleted, api.JobProcessed, api.JobFailed,
	api.JobCanceled}

// Event is something that happens, with its reason if it is a Fail or a Reject.
type Event struct {
	Kind   Kind
	Reason api.Reason
	Error  string // for people
}

// Job is what the table looks at.
type Job struct {
	State        api.JobStatus
	Reason       api.Reason
	Error        string
	Epoch        int64 // rises with each claim
	Attempt      int   // claims so far
	InfraRetries int   // how often it went back into the queue by itself
	CancelAsked  bool
}

// Lost reports whether the job left its runner because contact was lost, and nobody has taken it since: the runner may still bring the
// result.
func (j Job) Lost() bool {
	return (j.State == api.JobPending || j.State == api.JobFailed) && j.Reason == api.ReasonRunnerLost
}

// Ended reports whether the state is final until somebody says retry.
func Ended(s api.JobStatus) bool {
	return s == api.JobProcessed || s == api.JobFailed || s == api.JobCanceled
}

// InFlight reports whether a runner holds the job.
func InFlight(s api.JobStatus) bool { return s == api.JobClaimed || s == api.JobRunning }

// Infra reports whether a reason is not the benchmark's fault, so that trying again may help.
func Infra(r api.Reason) bool {
	switch r {
	case api.ReasonImagePull, api.ReasonSandbox, api.ReasonHostUnfit, api.ReasonRunnerLost, api.ReasonRunnerAborted:
		return true
	}
	return false
}

// rule makes the next job of the current one, or says that the event does not fit.
type rule func(Job, Event) (Job, bool)

// table is the one list of legal transitions. What is not in it is refused.
var table = map[api.JobStatus]map[Kind]rule{
	api.JobPending: {
		Claim:    claim,
		Cancel:   end(api.JobCanceled, api.ReasonCanceledByUser),
		Resume:   ifLost(resume),
		Complete: ifLost(to(api.JobCompleted)),
		Fail:     ifLost(failLate),
		GiveUp:   giveUp,
		Abandon:  end(api.JobCanceled, api.ReasonMeasurement),
	},
	api.JobClaimed: {
		Start:    to(api.JobRunning),
		Complete: to(api.JobCompleted),
		Fail:     fail,
		Cancel:   ask,
		Canceled: end(api.JobCanceled, api.ReasonCanceledByUser),
		Lose:     lose,
		Overrun:  overrun,
		Abandon:  ask,
	},
	api.JobRunning: {
		Start:    to(api.JobRunning),
		Complete: to(api.JobCompleted),
		Fail:     fail,
		Cancel:   ask,
		Canceled: end(api.JobCanceled, api.ReasonCanceledByUser),
		Lose:     lose,
		Overrun:  overrun,
		Abandon:  ask,
	},
	api.JobCompleted: {
		Process: to(api.JobProcessed),
		Reject:  reject,
		Abandon: end(api.JobFailed, api.ReasonMeasurement), // its results stay, for a retry
	},
	api.JobFailed: {
		Retry:    retry,
		Complete: ifLost(to(api.JobCompleted)), // the runner is back with the result that was given up
	},
	api.JobCanceled: {
		Retry: retry,
	},
	api.JobProcessed: {},
}

// Apply returns the job after the event. An event that does not fit the state is a Conflict fault, and the job is returned as it was.
func Apply(j Job, e Event) (Job, error) {
	if rule, ok := table[j.State][e.Kind]; ok {
		if next, ok := rule(j, e); ok {
			return next, nil
		}
	}
	switch {
	case e.Kind == Cancel && Ended(j.State):
		return j, fault.Conflictf("the job is %s already", j.State)
	case e.Kind == Retry && !Ended(j.State):
		return j, fault.Conflictf("the job is %s; only one that failed or was canceled can be retried", j.State)
	case e.Kind == Retry:
		return j, fault.Conflictf("the job is processed; run it again instead")
	}
	return j, fault.Conflictf("a job that is %s does not take %s", j.State, e.Kind)
}

// Legal reports whether the table has a rule for the state and the event; its guard may still refuse.
func Legal(s api.JobStatus, k Kind) bool { return table[s][k] != nil }

func to(state api.JobStatus) rule {
	return func(j Job, _ Event) (Job, bool) {
		j.State, j.Reason, j.Error = state, api.ReasonNone, ""
		return j, true
	}
}

func end(state api.JobStatus, reason api.Reason) rule {
	return func(j Job, e Event) (Job, bool) {
		j.State, j.Reason, j.Error = state, reason, e.Error
		return j, true
	}
}

func ifLost(inner rule) rule {
	return func(j Job, e Event) (Job, bool) {
		if !j.Lost() {
			return j, false
		}
		return inner(j, e)
	}
}

func claim(j Job, _ Event) (Job, bool) {
	j.State, j.Reason, j.Error = api.JobClaimed, api.ReasonNone, ""
	j.Epoch++
	j.Attempt++
	return j, true
}

func resume(j Job, _ Event) (Job, bool) {
	j.State, j.Reason, j.Error = api.JobRunning, api.ReasonNone, ""
	j.InfraRetries-- // it was not run again after all
	return j, true
}

func ask(j Job, _ Event) (Job, bool) {
	j.CancelAsked = true
	return j, true
}

func fail(j Job, e Event) (Job, bool) {
	if e.Reason == api.ReasonNone {
		e.Reason = api.ReasonBenchmarkExit
	}
	if j.CancelAsked {
		j.State, j.Reason, j.Error = api.JobCanceled, api.ReasonCanceledByUser, e.Error
		return j, true
	}
	return again(j, e), true
}

func lose(j Job, e Event) (Job, bool) {
	e.Reason = api.ReasonRunnerLost
	if e.Error == "" {
		e.Error = "the runner was not heard of for longer than its lease"
	}
	return fail(j, e)
}

// failLate is the failure of a runner that was given up: going back into the queue was no retry of it.
func failLate(j Job, e Event) (Job, bool) {
	j.InfraRetries--
	return fail(j, e)
}

// overrun ends the job whatever the runner does; a cancel that it never heeded is still a cancel.
func overrun(j Job, e Event) (Job, bool) {
	e.Reason = api.ReasonDeadline
	return fail(j, e)
}

// giveUp ends a job that waited in vain. One whose last runner was lost stays lost: that one may still bring the result.
func giveUp(j Job, e Event) (Job, bool) {
	lost := j.Lost()
	j.State, j.Error = api.JobFailed, e.Error
	if !lost {
		j.Reason = e.Reason
	}
	if j.Reason == api.ReasonNone {
		j.Reason = api.ReasonHostUnfit
	}
	return j, true
}

// again puts the job back into the queue if its machine could not run it, or if the reason is infrastructure's and retries are left; else
// it failed.
func again(j Job, e Event) Job {
	j.Reason, j.Error = e.Reason, e.Error
	if SignOf(e) == Broken {
		j.State = api.JobPending
		return j
	}
	if Infra(e.Reason) && j.InfraRetries < limits.InfraRetries {
		j.State = api.JobPending
		j.InfraRetries++
		return j
	}
	j.State = api.JobFailed
	return j
}

func reject(j Job, e Event) (Job, bool) {
	j.State, j.Reason, j.Error = api.JobFailed, e.Reason, e.Error
	if j.Reason == api.ReasonNone {
		j.Reason = api.ReasonAdapter
	}
	return j, true
}

// retry puts a job back into the queue. One that had delivered when its report was given up need not run again.
func retry(j Job, _ Event) (Job, bool) {
	next := api.JobPending
	if j.State == api.JobFailed && j.Reason == api.ReasonMeasurement {
		next = api.JobCompleted
	}
	j.State, j.Reason, j.Error = next, api.ReasonNone, ""
	j.InfraRetries, j.CancelAsked = 0, false
	return j, true
}

// Priority is the place of a plan's jobs in the queue; higher goes first.
func Priority(p api.Plan) int {
	switch p {
	case api.PlanUnclaimed:
		return 0
	case api.PlanFree:
		return 100
	case api.PlanTeam:
		return 200
	case api.PlanEnterprise:
		return 300
	}
	return 0
}

// PlanOf inverts Priority.
func PlanOf(priority int) api.Plan {
	for _, p := range []api.Plan{api.PlanEnterprise, api.PlanTeam, api.PlanFree} {
		if priority >= Priority(p) {
			return p
		}
	}
	return api.PlanUnclaimed
}
