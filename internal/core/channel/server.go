package channel

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/job"
)

// View is what the server's half looks at of a job.
type View struct {
	job.Job
	ID       string
	RunnerID string // of the current or last claim
	LastSeq  int64  // highest number seen in this epoch
}

// Decision is what the server makes of a message: the reply, and what to write before it is sent.
type Decision struct {
	Reply  api.Message
	Events []job.Event // to apply in this order; none: the job's state stays
	Seen   int64       // LastSeq from now on; 0: as it was
	Renew  bool        // the lease
	Log    bool        // store the text
	Phase  bool        // store phase and detail
	Result bool        // store results, reason and host with the terminal event
}

// Terminal reports whether a runner's message ends its claim.
func Terminal(e api.MessageEvent) bool {
	return e == api.MsgCompleted || e == api.MsgFailed || e == api.MsgCanceled
}

// Decide answers a message about a job. v is nil when there is no such job. Every message in every state has an answer, and a message that
// does not speak for the current claim changes nothing. A runner that counts no epochs (0) speaks for the last claim, if that was its own.
func Decide(v *View, runnerID string, msg api.Message) Decision {
	reply := func(event api.MessageEvent) Decision {
		return Decision{Reply: api.Message{Event: event, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}}
	}
	if v == nil || v.RunnerID == "" || v.RunnerID != runnerID || msg.Epoch != 0 && msg.Epoch != v.Epoch {
		return reply(api.MsgAbandon)
	}
	terminal := Terminal(msg.Event)
	switch {
	case job.InFlight(v.State):
		return inFlight(v, msg, reply)
	case v.Lost() && msg.Event == api.MsgCompleted:
		return arrive(reply, msg, job.Event{Kind: job.Complete})
	case v.Lost() && v.State == api.JobPending:
		return lost(v, msg, reply)
	case v.Lost() && !terminal:
		return reply(api.MsgAck) // given up, but its result would still be taken
	case terminal:
		return reply(api.MsgAck) // it is over, one way or another: the runner may forget it
	case v.State == api.JobCanceled:
		return reply(api.MsgCancel)
	case v.State == api.JobCompleted || v.State == api.JobProcessed:
		return reply(api.MsgAck) // a late heartbeat
	}
	return reply(api.MsgAbandon)
}

// inFlight answers the runner that holds the job.
func inFlight(v *View, msg api.Message, reply func(api.MessageEvent) Decision) Decision {
	terminal := Terminal(msg.Event)
	d := reply(api.MsgAck)
	if v.CancelAsked && !terminal {
		d = reply(api.MsgCancel)
	}
	d.Renew = !terminal
	if msg.Event == api.MsgHeartbeat {
		return d
	}
	if !terminal && msg.Seq != 0 && msg.Seq <= v.LastSeq {
		return d // seen before; a terminal message that was seen would have ended the flight
	}
	d.Seen = msg.Seq
	switch msg.Event {
	case api.MsgRunning:
		d.Events = []job.Event{{Kind: job.Start}}
	case api.MsgPhase:
		d.Phase = true
	case api.MsgLog:
		d.Log = true
	case api.MsgCompleted:
		return arrive(reply, msg, job.Event{Kind: job.Complete})
	case api.MsgFailed:
		return arrive(reply, msg, failure(msg))
	case api.MsgCanceled:
		return arrive(reply, msg, job.Event{Kind: job.Canceled, Error: msg.Error})
	default:
		return reply(api.MsgError)
	}
	return d
}

// lost answers a runner whose lease ran out while its job waits for the next one: it goes on with it, and what it says counts.
func lost(v *View, msg api.Message, reply func(api.MessageEvent) Decision) Decision {
	switch msg.Event {
	case api.MsgFailed:
		return arrive(reply, msg, failure(msg))
	case api.MsgCanceled:
		return reply(api.MsgAck) // it stays in the queue
	}
	back := *v
	back.State = api.JobRunning
	d := inFlight(&back, msg, reply)
	d.Events = append([]job.Event{{Kind: job.Resume}}, d.Events...)
	return d
}

// arrive takes a terminal message.
func arrive(reply func(api.MessageEvent) Decision, msg api.Message, e job.Event) Decision {
	d := reply(api.MsgAck)
	d.Events, d.Result, d.Seen = []job.Event{e}, true, msg.Seq
	return d
}

// runnersReasons are what a runner can know. That contact was lost or somebody said cancel is the server's to say, and what the outputs
// hold too.
var runnersReasons = map[api.Reason]bool{
	api.ReasonBenchmarkExit: true, api.ReasonBenchmarkTimeout: true, api.ReasonNoResult: true, api.ReasonOutOfMemory: true,
	api.ReasonLimit:     true,
	api.ReasonImagePull: true, api.ReasonImageInvalid: true, api.ReasonSandbox: true, api.ReasonHostUnfit: true, api.ReasonRunnerAborted: true,
	api.ReasonServer: true, api.ReasonDeadline: true,
}

// failure is what a failed message means. An unknown reason is the plainest one: a runner that gives none, or one of its own, ran a command
// that failed.
func failure(msg api.Message) job.Event {
	e := job.Event{Kind: job.Fail, Reason: msg.Reason, Error: msg.Error}
	if !runnersReasons[e.Reason] {
		e.Reason = api.ReasonBenchmarkExit
	}
	return e
}
