package channel

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// The actors of the tables.
const jobA, jobB = "job-a", "job-b"

func offer(job string, epoch int64) Received {
	return Received{api.Message{Event: api.MsgJob, Claimed: &api.ClaimedJob{UUID: job, Epoch: epoch}}}
}

func reply(event api.MessageEvent, job string, epoch, seq int64) Received {
	return Received{api.Message{Event: event, Job: job, Epoch: epoch, Seq: seq}}
}

func terminal(event api.MessageEvent, job string, epoch int64) api.Message {
	return api.Message{Event: event, Job: job, Epoch: epoch}
}

var (
	helloAck1 = reply(api.MsgAck, "", 0, 1)
	noJob     = Received{api.Message{Event: api.MsgNoJob}}
	running   = Progress{api.Message{Event: api.MsgRunning, Job: jobA, Epoch: 1}}
	phase     = Progress{api.Message{Event: api.MsgPhase, Job: jobA, Epoch: 1, Phase: "pull"}}
	completed = Finished{Terminal: terminal(api.MsgCompleted, jobA, 1)}
	withFiles = Finished{Terminal: terminal(api.MsgCompleted, jobA, 1), Upload: true}
	acked     = reply(api.MsgAck, jobA, 1, TerminalSeq)
)

// waiting, executing, … are the inputs that lead into a state.
var (
	greeting     = []RunnerInput{Started{}, Connected{}}
	waiting      = path(greeting, helloAck1)
	executing    = path(waiting, offer(jobA, 1))
	reporting    = path(executing, completed)
	uploading    = path(executing, withFiles)
	offline      = path(executing, running, Disconnected{})
	drainingBusy = path(executing, Drain{})
	drainingIdle = path(waiting, Drain{})
)

func path(start []RunnerInput, more ...RunnerInput) []RunnerInput {
	return append(append([]RunnerInput{}, start...), more...)
}

// told writes an effect in one short line, so that the tables read as stories.
func told(e RunnerEffect) string {
	about := func(job string, epoch int64) string { return fmt.Sprintf("%s@%d", job, epoch) }
	switch e := e.(type) {
	case Send:
		m := e.Message
		s := "send " + string(m.Event)
		if m.Job != "" {
			s += " " + about(m.Job, m.Epoch)
		}
		if m.Seq == TerminalSeq {
			s += " #end"
		} else if m.Seq != 0 {
			s += fmt.Sprintf(" #%d", m.Seq)
		}
		for _, h := range m.Held {
			s += " held " + about(h.Job, h.Epoch)
			if h.Finished {
				s += " finished"
			}
		}
		if m.Reason != "" {
			s += " " + string(m.Reason)
		}
		return s
	case Dial:
		return "dial"
	case HangUp:
		return "hang up"
	case Redial:
		return fmt.Sprintf("redial %d", e.Attempt)
	case SetTimer:
		return fmt.Sprintf("timer %s %s", e.Timer, e.After)
	case StopTimer:
		return "stop " + e.Timer.String()
	case Execute:
		return "execute " + about(e.Job.UUID, e.Job.Epoch)
	case Kill:
		return "kill " + about(e.Job, e.Epoch) + " " + e.Why.String()
	case Keep:
		return "keep " + string(e.Terminal.Event) + " " + about(e.Terminal.Job, e.Terminal.Epoch)
	case Upload:
		return "upload " + about(e.Job, e.Epoch)
	case Forget:
		return fmt.Sprintf("forget %s delivered=%t", about(e.Job, e.Epoch), e.Delivered)
	case Exit:
		return fmt.Sprintf("exit aborted=%t undelivered=%d", e.Aborted, e.Undelivered)
	}
	return fmt.Sprintf("unknown %T", e)
}

func lines(es []RunnerEffect) []string {
	out := []string{}
	for _, e := range es {
		out = append(out, told(e))
	}
	return out
}

func TestRunnerAnswersEachInputInEachState(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		cfg   RunnerConfig
		given []RunnerInput
		when  RunnerInput
		want  []string
		then  RunnerState
	}{
		// disconnected
		{"start dials", RunnerConfig{}, nil, Started{}, []string{"dial"}, StateDisconnected},
		{"a failed dial is repeated after a pause", RunnerConfig{}, []RunnerInput{Started{}}, Disconnected{},
			[]string{"stop silence", "redial 0"}, StateDisconnected},
		{"the second pause is longer", RunnerConfig{}, []RunnerInput{Started{}, Disconnected{}, Fired{TimerRedial}}, Disconnected{},
			[]string{"stop silence", "redial 1"}, StateDisconnected},
		{"the pause over, it dials", RunnerConfig{}, []RunnerInput{Started{}, Disconnected{}}, Fired{TimerRedial}, []string{"dial"},
			StateDisconnected},
		{"a doubled disconnect is one", RunnerConfig{}, []RunnerInput{Started{}, Disconnected{}}, Disconnected{}, []string{},
			StateDisconnected},
		{"drain without a connection leaves", RunnerConfig{}, []RunnerInput{Started{}, Disconnected{}}, Drain{},
			[]string{"exit aborted=false undelivered=0"}, StateStopped},
		{"drain while dialing leaves", RunnerConfig{}, []RunnerInput{Started{}}, Drain{},
			[]string{"hang up", "exit aborted=false undelivered=0"}, StateStopped},
		{"a message of a dead connection is nothing", RunnerConfig{}, []RunnerInput{Started{}, Disconnected{}}, offer(jobA, 1), []string{},
			StateDisconnected},
		// greeting
		{"connected says hello", RunnerConfig{}, []RunnerInput{Started{}}, Connected{}, []string{"send hello #1", "timer silence 15s"},
			StateGreeting},
		{"hello acked asks for a job", RunnerConfig{}, greeting, helloAck1,
			[]string{"timer silence 15s", "stop silence", "send ready", "timer silence 1m10s"}, StateWaiting},
		{"an ack of an earlier hello is not this one's", RunnerConfig{}, path(greeting, Disconnected{}, Fired{TimerRedial}, Connected{}),
			helloAck1, []string{"timer silence 15s"}, StateGreeting},
		{"no answer to hello hangs up", RunnerConfig{}, greeting, Fired{TimerSilence}, []string{"hang up", "stop silence", "redial 0"},
			StateDisconnected},
		{"error in answer to hello hangs up", RunnerConfig{}, greeting, reply(api.MsgError, "", 0, 1),
			[]string{"timer silence 15s", "hang up", "stop silence", "redial 0"}, StateDisconnected},
		{"the count of pauses starts anew after a greeting", RunnerConfig{},
			path([]RunnerInput{Started{}, Disconnected{}, Fired{TimerRedial}, Connected{}}, helloAck1), Disconnected{},
			[]string{"stop silence", "redial 0"}, StateDisconnected},
		// waiting
		{"a job is executed", RunnerConfig{}, waiting, offer(jobA, 1),
			[]string{"timer silence 15s", "execute job-a@1", "send heartbeat job-a@1 #1", "timer heartbeat 5s"}, StateExecuting},
		{"no job: asks again after a breath", RunnerConfig{}, waiting, noJob, []string{"timer ask 100ms", "stop silence"}, StateReady},
		{"the breath over, it asks", RunnerConfig{}, path(waiting, noJob), Fired{TimerAsk}, []string{"send ready", "timer silence 1m10s"},
			StateWaiting},
		{"a doubled no_job asks once", RunnerConfig{}, path(waiting, noJob), noJob, []string{"timer silence 15s", "stop silence"},
			StateReady},
		{"silence over the window hangs up", RunnerConfig{}, waiting, Fired{TimerSilence}, []string{"hang up", "stop silence", "redial 0"},
			StateDisconnected},
		{"job without a claim hangs up", RunnerConfig{}, waiting, Received{api.Message{Event: api.MsgJob}},
			[]string{"hang up", "stop silence", "redial 0"}, StateDisconnected},
		{"error in answer to ready hangs up", RunnerConfig{}, waiting, reply(api.MsgError, "", 0, 0),
			[]string{"hang up", "stop silence", "redial 0"}, StateDisconnected},
		{"nothing is left in its slot: drains", RunnerConfig{}, waiting, Received{api.Message{Event: api.MsgNoJob, Done: true}},
			[]string{"send drain #2", "timer silence 15s", "hang up", "exit aborted=false undelivered=0"}, StateStopped},
		{"idle and told to leave then: drains", RunnerConfig{ExitWhenIdle: true}, waiting, noJob,
			[]string{"send drain #2", "timer silence 15s", "hang up", "exit aborted=false undelivered=0"}, StateStopped},
		{"drain waits for its ack, as a job may be on the way", RunnerConfig{}, waiting, Drain{},
			[]string{"send drain #2", "timer silence 15s"},
			StateDraining},
		{"drain acked leaves", RunnerConfig{}, drainingIdle, reply(api.MsgAck, "", 0, 2),
			[]string{"hang up", "exit aborted=false undelivered=0"}, StateStopped},
		{"drain not acked leaves as well", RunnerConfig{}, drainingIdle, Fired{TimerSilence},
			[]string{"hang up", "stop silence", "redial 0", "exit aborted=false undelivered=0"}, StateStopped},
		{"a job that crosses the drain is handed back", RunnerConfig{}, drainingIdle, offer(jobA, 1),
			[]string{"send failed job-a@1 #end runner_aborted", "timer silence 15s", "timer heartbeat 5s"}, StateDraining},
		{"handed back and acked leaves", RunnerConfig{}, path(drainingIdle, offer(jobA, 1)), acked,
			[]string{"timer silence 15s", "forget job-a@1 delivered=true", "hang up", "exit aborted=false undelivered=0"}, StateStopped},
		{"abort while idle leaves", RunnerConfig{}, path(waiting, noJob), Abort{},
			[]string{"send drain #2", "timer silence 15s", "timer abort 10s", "hang up", "exit aborted=true undelivered=0"}, StateStopped},
		// executing
		{"running is sent with a number", RunnerConfig{}, executing, running, []string{"send running job-a@1 #2"}, StateExecuting},
		{"progress of another job is nothing", RunnerConfig{}, executing, Progress{api.Message{Event: api.MsgLog, Job: jobB, Epoch: 1}},
			[]string{}, StateExecuting},
		{"heartbeats go on", RunnerConfig{}, executing, Fired{TimerHeartbeat}, []string{"send heartbeat job-a@1 #2", "timer heartbeat 5s"},
			StateExecuting},
		{"cancel kills", RunnerConfig{}, executing, reply(api.MsgCancel, jobA, 1, 1),
			[]string{"timer silence 15s", "kill job-a@1 canceled"},
			StateExecuting},
		{"cancel again kills once", RunnerConfig{}, path(executing, reply(api.MsgCancel, jobA, 1, 1)), reply(api.MsgCancel, jobA, 1, 0),
			[]string{"timer silence 15s"}, StateExecuting},
		{"cancel of an old claim is nothing", RunnerConfig{}, path(waiting, offer(jobA, 3)), reply(api.MsgCancel, jobA, 2, 1),
			[]string{"timer silence 15s"}, StateExecuting},
		{"abandon kills", RunnerConfig{}, executing, reply(api.MsgAbandon, jobA, 1, 1),
			[]string{"timer silence 15s", "kill job-a@1 abandoned"},
			StateExecuting},
		{"abandon after cancel still says so", RunnerConfig{}, path(executing, reply(api.MsgCancel, jobA, 1, 1)),
			reply(api.MsgAbandon, jobA, 1, 2), []string{"timer silence 15s", "kill job-a@1 abandoned"}, StateExecuting},
		{"an abandoned job ends in silence", RunnerConfig{}, path(executing, reply(api.MsgAbandon, jobA, 1, 1)), completed,
			[]string{"forget job-a@1 delivered=false", "send ready", "timer silence 1m10s"}, StateWaiting},
		{"an abandoned job sends nothing", RunnerConfig{}, path(executing, reply(api.MsgAbandon, jobA, 1, 1)), running, []string{},
			StateExecuting},
		{"the same job again is a doubled frame", RunnerConfig{}, executing, offer(jobA, 1), []string{"timer silence 15s"}, StateExecuting},
		{"another job is handed back", RunnerConfig{}, executing, offer(jobB, 1),
			[]string{"timer silence 15s", "send failed job-b@1 #end runner_aborted", "timer silence 15s"}, StateExecuting},
		{"a lost link leaves the job alone", RunnerConfig{}, executing, Disconnected{}, []string{"stop silence", "redial 0"},
			StateExecuting},
		{"silence hangs up, the job goes on", RunnerConfig{}, executing, Fired{TimerSilence},
			[]string{"hang up", "stop silence", "redial 0"},
			StateExecuting},
		{"finished is kept before it is sent", RunnerConfig{}, executing, completed,
			[]string{"keep completed job-a@1", "send completed job-a@1 #end", "timer silence 15s"}, StateReporting},
		{"outputs go up first", RunnerConfig{}, executing, withFiles, []string{"keep completed job-a@1", "upload job-a@1"}, StateReporting},
		{"finished says another job: nothing", RunnerConfig{}, executing, Finished{Terminal: terminal(api.MsgCompleted, jobB, 1)},
			[]string{},
			StateExecuting},
		{"drain finishes the job", RunnerConfig{}, executing, Drain{}, []string{"send drain #2", "timer silence 15s"}, StateDraining},
		{"a second drain is nothing", RunnerConfig{}, drainingBusy, Drain{}, []string{}, StateDraining},
		{"abort kills", RunnerConfig{}, drainingBusy, Abort{}, []string{"kill job-a@1 aborted", "timer abort 10s"}, StateDraining},
		{"abort has a deadline", RunnerConfig{}, path(drainingBusy, Abort{}), Fired{TimerAbort},
			[]string{"hang up", "exit aborted=true undelivered=0"}, StateStopped},
		{"the last of --max-jobs drains", RunnerConfig{MaxJobs: 1}, waiting, offer(jobA, 1),
			[]string{"send drain #2", "timer silence 15s", "timer silence 15s", "execute job-a@1", "send heartbeat job-a@1 #1",
				"timer heartbeat 5s"}, StateDraining},
		// executing, link down
		{"progress is kept for later", RunnerConfig{}, offline, phase, []string{}, StateExecuting},
		{"heartbeats wait for the link", RunnerConfig{}, offline, Fired{TimerHeartbeat}, []string{"timer heartbeat 5s"}, StateExecuting},
		{"hello names the running job", RunnerConfig{}, path(offline, Fired{TimerRedial}), Connected{},
			[]string{"send hello #2 held job-a@1", "timer silence 15s"}, StateExecuting},
		{"after the greeting, unacked messages go again in order", RunnerConfig{}, path(offline, phase, Fired{TimerRedial}, Connected{}),
			reply(api.MsgAck, "", 0, 2), []string{"timer silence 15s", "send running job-a@1 #2", "send phase job-a@1 #3"}, StateExecuting},
		{"acked messages do not", RunnerConfig{}, path(executing, running, reply(api.MsgAck, jobA, 1, 2), Disconnected{},
			Fired{TimerRedial},
			Connected{}), reply(api.MsgAck, "", 0, 2), []string{"timer silence 15s"}, StateExecuting},
		{"cancel reaches the job in the greeting", RunnerConfig{}, path(offline, Fired{TimerRedial}, Connected{}),
			reply(api.MsgCancel, jobA, 1, 0), []string{"timer silence 15s", "kill job-a@1 canceled"}, StateExecuting},
		{"abandon as well", RunnerConfig{}, path(offline, Fired{TimerRedial}, Connected{}), reply(api.MsgAbandon, jobA, 1, 0),
			[]string{"timer silence 15s", "kill job-a@1 abandoned"}, StateExecuting},
		{"a result without a link is kept", RunnerConfig{}, offline, completed, []string{"keep completed job-a@1"}, StateReporting},
		{"abort without a link leaves when the job is dead", RunnerConfig{}, path(offline, Abort{}), completed,
			[]string{"keep completed job-a@1", "exit aborted=true undelivered=1"}, StateStopped},
		// reporting
		{"acked is forgotten, and the next is asked for", RunnerConfig{}, reporting, acked,
			[]string{"timer silence 15s", "forget job-a@1 delivered=true", "stop silence", "send ready", "timer silence 1m10s"},
			StateWaiting},
		{"the ack of a heartbeat is not the result's", RunnerConfig{}, reporting, reply(api.MsgAck, jobA, 1, 1),
			[]string{"timer silence 15s"},
			StateReporting},
		{"the ack of another claim is not this one's", RunnerConfig{},
			path(waiting, offer(jobA, 2), Finished{Terminal: terminal(api.MsgFailed, jobA, 2)}), acked, []string{"timer silence 15s"},
			StateReporting},
		{"abandoned is forgotten", RunnerConfig{}, reporting, reply(api.MsgAbandon, jobA, 1, TerminalSeq),
			[]string{"timer silence 15s", "forget job-a@1 delivered=true", "stop silence", "send ready", "timer silence 1m10s"},
			StateWaiting},
		{"cancel comes too late", RunnerConfig{}, reporting, reply(api.MsgCancel, jobA, 1, 0), []string{"timer silence 15s"},
			StateReporting},
		{"no ack hangs up", RunnerConfig{}, reporting, Fired{TimerSilence}, []string{"hang up", "stop silence", "redial 0"},
			StateReporting},
		{"after the greeting the result goes again", RunnerConfig{}, path(reporting, Disconnected{}, Fired{TimerRedial}, Connected{}),
			reply(api.MsgAck, "", 0, 2), []string{"timer silence 15s", "send completed job-a@1 #end", "timer silence 15s"}, StateReporting},
		{"what the job said last goes again before its result", RunnerConfig{},
			path(offline, phase, completed, Fired{TimerRedial}, Connected{}),
			reply(api.MsgAck, "", 0, 2), []string{"timer silence 15s", "send running job-a@1 #2", "send phase job-a@1 #3",
				"send completed job-a@1 #end", "timer silence 15s"}, StateReporting},
		{"what of it is acked does not", RunnerConfig{}, path(offline, phase, completed, Fired{TimerRedial}, Connected{},
			reply(api.MsgAck, "", 0, 2), reply(api.MsgAck, jobA, 1, 2), Disconnected{}, Fired{TimerRedial}, Connected{}),
			reply(api.MsgAck, "", 0, 3), []string{"timer silence 15s", "send phase job-a@1 #3", "send completed job-a@1 #end",
				"timer silence 15s"},
			StateReporting},
		{"nor what was not understood", RunnerConfig{}, path(offline, completed, Fired{TimerRedial}, Connected{},
			reply(api.MsgAck, "", 0, 2),
			reply(api.MsgError, jobA, 1, 2), Disconnected{}, Fired{TimerRedial}, Connected{}), reply(api.MsgAck, "", 0, 3),
			[]string{"timer silence 15s", "send completed job-a@1 #end", "timer silence 15s"}, StateReporting},
		{"not understood: a short failure goes instead", RunnerConfig{}, reporting, reply(api.MsgError, jobA, 1, TerminalSeq),
			[]string{"timer silence 15s", "keep failed job-a@1", "send failed job-a@1 #end runner_aborted", "timer silence 15s"},
			StateReporting},
		{"not understood either: forgotten", RunnerConfig{}, path(reporting, reply(api.MsgError, jobA, 1, TerminalSeq)),
			reply(api.MsgError, jobA, 1, TerminalSeq), []string{"timer silence 15s", "forget job-a@1 delivered=true", "stop silence",
				"send ready",
				"timer silence 1m10s"}, StateWaiting},
		{"the same job offered again is a doubled frame", RunnerConfig{}, path(reporting, acked), offer(jobA, 1), []string{}, StateWaiting},
		{"its next claim is a new job", RunnerConfig{}, path(reporting, acked), offer(jobA, 2),
			[]string{"timer silence 15s", "execute job-a@2"},
			StateExecuting},
		{"drain delivers first", RunnerConfig{}, reporting, Drain{}, []string{"send drain #2", "timer silence 15s"}, StateDraining},
		{"draining and delivered leaves", RunnerConfig{}, path(reporting, Drain{}), acked,
			[]string{"timer silence 15s", "forget job-a@1 delivered=true", "hang up", "exit aborted=false undelivered=0"}, StateStopped},
		// uploading
		{"uploads keep the lease", RunnerConfig{}, uploading, Fired{TimerHeartbeat},
			[]string{"send heartbeat job-a@1 #2", "timer heartbeat 5s"},
			StateReporting},
		{"uploaded is reported", RunnerConfig{}, uploading, Uploaded{jobA, 1}, []string{"send completed job-a@1 #end", "timer silence 15s"},
			StateReporting},
		{"uploaded twice is reported once", RunnerConfig{}, path(uploading, Uploaded{jobA, 1}), Uploaded{jobA, 1}, []string{},
			StateReporting},
		{"uploads refused: another end is reported", RunnerConfig{}, uploading,
			UploadRefused{jobA, 1, &api.Message{Event: api.MsgFailed, Reason: api.ReasonLimit}},
			[]string{"keep failed job-a@1", "send failed job-a@1 #end limit", "timer silence 15s"}, StateReporting},
		{"uploads for nobody: forgotten", RunnerConfig{}, uploading, UploadRefused{jobA, 1, nil},
			[]string{"forget job-a@1 delivered=false", "send ready", "timer silence 1m10s"}, StateWaiting},
		{"an ack cannot come before the result was sent", RunnerConfig{}, uploading, acked, []string{"timer silence 15s"}, StateReporting},
		{"abandon while uploading forgets", RunnerConfig{}, uploading, reply(api.MsgAbandon, jobA, 1, 1),
			[]string{"timer silence 15s", "forget job-a@1 delivered=false", "stop silence", "send ready", "timer silence 1m10s"},
			StateWaiting},
		// restored
		{"hello names what an earlier process left", RunnerConfig{Restored: []Restored{{terminal(api.MsgCompleted, jobA, 1), false},
			{terminal(api.MsgFailed, jobB, 4), true}}}, []RunnerInput{Started{}}, Connected{},
			[]string{"send hello #1 held job-a@1 finished held job-b@4 finished", "timer silence 15s"}, StateGreeting},
		{"and delivers it before it asks", RunnerConfig{Restored: []Restored{{terminal(api.MsgCompleted, jobA, 1), false},
			{terminal(api.MsgFailed, jobB, 4), true}}}, greeting, helloAck1,
			[]string{"timer silence 15s", "upload job-a@1", "send failed job-b@4 #end", "timer silence 15s", "send heartbeat job-a@1 #1",
				"timer heartbeat 5s"}, StateReporting},
		{"stopped is the end", RunnerConfig{}, path(waiting, noJob, Drain{}), Connected{}, []string{}, StateStopped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := NewRunnerMachine(tt.cfg)
			for _, in := range tt.given {
				m.Step(in)
			}
			got := lines(m.Step(tt.when))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("effects (-want +got):\n%s", diff)
			}
			if m.State() != tt.then {
				t.Errorf("state: want %s, got %s", tt.then, m.State())
			}
		})
	}
}

func TestUnackedLogIsBounded(t *testing.T) {
	t.Parallel()
	m := NewRunnerMachine(RunnerConfig{})
	for _, in := range offline {
		m.Step(in)
	}
	chunk := string(make([]byte, limits.LogChunkBytes))
	for range 3 * pendingBytes / limits.LogChunkBytes {
		m.Step(Progress{api.Message{Event: api.MsgLog, Job: jobA, Epoch: 1, Text: chunk}})
	}
	m.Step(Fired{TimerRedial})
	m.Step(Connected{})
	sent, logs, firstIsRunning := 0, 0, false
	for _, e := range m.Step(reply(api.MsgAck, "", 0, 2)) {
		if s, ok := e.(Send); ok {
			firstIsRunning = firstIsRunning || sent == 0 && s.Message.Event == api.MsgRunning
			sent++
			logs += len(s.Message.Text)
		}
	}
	if logs > pendingBytes || logs < pendingBytes/2 || !firstIsRunning {
		t.Errorf("sent again: %d bytes of log, limit %d; running first: %t", logs, pendingBytes, firstIsRunning)
	}
}

func TestBackoffGrowsToItsLimitAndSpreads(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{0: limits.RedialMin, 1: 2 * limits.RedialMin, 5: 32 * limits.RedialMin,
		6: limits.RedialMax, 1000: limits.RedialMax} {
		if low, high := Backoff(attempt, 0), Backoff(attempt, 0.999999); low != want/2 || high <= low || high > want {
			t.Errorf("attempt %d: want [%s, %s), got [%s, %s]", attempt, want/2, want, low, high)
		}
	}
}
