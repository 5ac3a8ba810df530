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
// does not speak for the current claim changes nothing.
func Decide(v *View, runnerID string, msg api.Message) Decision {
	reply := func(event api.MessageEvent) Decision {
		return Decision{Reply: api.Message{Event: event, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}}
	}
	if v == nil || v.RunnerID == "" || v.RunnerID != runnerID || msg.Epoch != v.Epoch {
		return reply(api.MsgAbandon)
	}
	terminal := Terminal(msg.Event)
	switch {
	case job.InFlight(v.State):
		return inFlight(v, msg, reply)
	case v.Lost() && msg.Event == api.MsgCompleted:
		return arrive(reply, msg, job.Event{Kind: job.Complete})
	case v.Lost() && v.State == api.JobPending:
		return lost(msg, reply)
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
	if msg.Seq != 0 && msg.Seq <= v.LastSeq {
		return d // seen before
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

// lost answers a runner whose lease ran out while its job waits for the next one: it goes on with it.
func lost(msg api.Message, reply func(api.MessageEvent) Decision) Decision {
	switch msg.Event {
	case api.MsgFailed:
		return arrive(reply, msg, failure(msg))
	case api.MsgCanceled:
		return reply(api.MsgAck) // it stays in the queue
	}
	d := reply(api.MsgAck)
	d.Renew, d.Events = true, []job.Event{{Kind: job.Resume}}
	return d
}

// arrive takes a terminal message.
func arrive(reply func(api.MessageEvent) Decision, msg api.Message, e job.Event) Decision {
	d := reply(api.MsgAck)
	d.Events, d.Result, d.Seen = []job.Event{e}, true, msg.Seq
	return d
}

func failure(msg api.Message) job.Event {
	return job.Event{Kind: job.Fail, Reason: msg.Reason, Error: msg.Error}
}
