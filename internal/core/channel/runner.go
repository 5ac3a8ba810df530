package channel

import (
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// TerminalSeq is the sequence number of the terminal message (completed, failed, canceled) of a job. A claim ends once, so its terminal
// message needs no counter, and a runner that was killed and started again can repeat it without knowing how far the counter was.
// It is above every number that a job's other messages reach, and exact in a JSON number.
const TerminalSeq = int64(1) << 40

// RunnerMachine is the runner's half of the channel: what a runner does next, given what happened. It does no I/O, keeps no clock and
// starts nothing: Step takes one RunnerInput and returns the RunnerEffects to carry out, in order.
//
// Two things vary independently: the link (down, dialing, greeting, up) and the work (nothing, one job executing, results waiting for
// their ack). A job goes on while the link is down; its messages are kept, within limits, and sent again after the next greeting, also
// when it has ended meanwhile. A terminal message is repeated after each greeting until the server acks its sequence number or says
// abandon: the result is on disk, so there is no reason to give up. The machine takes new work only when nothing waits to be delivered.
//
// It is not safe for concurrent use; one goroutine feeds it.
type RunnerMachine struct {
	cfg     RunnerConfig
	link    RunnerLink
	attempt int   // dials since the last completed greeting
	connSeq int64 // of hello and drain
	hello   int64 // connSeq of the hello that is not answered
	drained int64 // connSeq of the drain that was sent on this connection, 0: none

	asking bool // a ready is out
	asked  bool // the pause before the next ready runs
	beats  bool // the heartbeat timer runs

	job    *execution
	outbox []*delivery
	seen   []claim // last claims that were taken, newest last, so that a doubled job frame starts nothing

	taken    int
	draining bool
	aborting bool
	stopped  bool
}

// RunnerConfig says who the runner is and how long it stays.
type RunnerConfig struct {
	Meta         api.RunnerMeta
	PollTimeout  time.Duration // how long the server may hold a ready; 0 means limits.RunnerPoll
	MaxJobs      int           // drain after so many jobs; 0 means no limit
	ExitWhenIdle bool          // drain when the server has nothing
	Restored     []Restored    // results that an earlier process left in the spool, oldest first
}

// Restored is a spooled result.
type Restored struct {
	Terminal api.Message // completed, failed or canceled, with job and epoch
	Uploaded bool        // its outputs are with the server, or there are none
}

// Durations of the machine's timers.
const (
	// AnswerTimeout is the silence after which a link counts as dead: two heartbeats and their acks may be late.
	AnswerTimeout = 15 * time.Second
	// PollMargin is added to the poll window, for a busy server.
	PollMargin = 15 * time.Second
	// ReadyPause keeps a server that answers no_job at once from being asked in a tight loop.
	ReadyPause = 100 * time.Millisecond
	// AbortDeadline bounds how long an aborted runner tries to kill its job and to say so.
	AbortDeadline = 10 * time.Second

	idlePoll     = time.Second // window of a runner that leaves when there is nothing
	seenClaims   = 64
	pendingBytes = 2 * limits.LogTailBytes // unacked messages of one job; over it the oldest log chunks are not sent again
)

// RunnerLink is how far the connection is.
type RunnerLink int

// The links.
const (
	LinkDown     RunnerLink = iota // no connection; a redial may be waiting
	LinkDialing                    // dial is under way
	LinkGreeting                   // hello is sent, its final ack is awaited
	LinkUp
)

// RunnerState is the machine's state in one word, for logs and tests.
type RunnerState string

// The states. Draining means: takes no more work and is not done yet.
const (
	StateDisconnected RunnerState = "disconnected"
	StateGreeting     RunnerState = "greeting"
	StateReady        RunnerState = "ready"     // greeted, about to ask
	StateWaiting      RunnerState = "waiting"   // asked for a job
	StateExecuting    RunnerState = "executing" // also while the link is down
	StateReporting    RunnerState = "reporting" // a result awaits its ack, also while the link is down
	StateDraining     RunnerState = "draining"
	StateStopped      RunnerState = "stopped"
)

type claim struct {
	job   string
	epoch int64
}

// execution is the job that runs now.
type execution struct {
	claim
	unacked
	seq       int64
	killed    bool
	abandoned bool
}

// unacked is what was said about a job and may have to be said again.
type unacked struct {
	pending []api.Message // sent or to be sent, in order
	bytes   int           // of log text in pending
}

// delivery is a result on its way.
type delivery struct {
	claim
	unacked         // what the job said last, which goes before its end
	seq       int64 // of its heartbeats
	terminal  api.Message
	uploaded  bool
	uploading bool
	refused   bool // the server could not read the first form; this is the short one
	stored    bool // it is in the spool
}

// NewRunnerMachine returns a machine that has not started; feed it a Started first.
func NewRunnerMachine(cfg RunnerConfig) *RunnerMachine {
	if cfg.PollTimeout == 0 {
		cfg.PollTimeout = limits.RunnerPoll
	}
	if cfg.ExitWhenIdle {
		cfg.PollTimeout = idlePoll
	}
	m := &RunnerMachine{cfg: cfg}
	for _, r := range cfg.Restored {
		r.Terminal.Seq = TerminalSeq
		c := claim{r.Terminal.Job, r.Terminal.Epoch}
		m.outbox = append(m.outbox, &delivery{claim: c, terminal: r.Terminal, uploaded: r.Uploaded, stored: true})
		m.remember(c)
	}
	return m
}

// Link returns how far the connection is.
func (m *RunnerMachine) Link() RunnerLink { return m.link }

// Undelivered returns how many results wait for their ack.
func (m *RunnerMachine) Undelivered() int { return len(m.outbox) }

// State returns the state in one word. What the runner is doing for its jobs stands before how its connection is.
func (m *RunnerMachine) State() RunnerState {
	switch {
	case m.stopped:
		return StateStopped
	case m.draining:
		return StateDraining
	case m.job != nil:
		return StateExecuting
	case m.link == LinkGreeting:
		return StateGreeting
	case len(m.outbox) > 0:
		return StateReporting
	case m.link != LinkUp:
		return StateDisconnected
	case m.asking:
		return StateWaiting
	}
	return StateReady
}

// Step takes what happened and returns what to do, in this order. After Exit it returns nothing any more.
func (m *RunnerMachine) Step(in RunnerInput) []RunnerEffect {
	if m.stopped {
		return nil
	}
	var out effects
	switch in := in.(type) {
	case Started:
		m.dial(&out)
	case Connected:
		m.connected(&out)
	case Disconnected:
		m.disconnected(&out)
	case Received:
		m.received(&out, in.Message)
	case Progress:
		m.progress(&out, in.Message)
	case Finished:
		m.finished(&out, in)
	case Uploaded:
		m.uploaded(&out, claim{in.Job, in.Epoch})
	case UploadRefused:
		m.uploadRefused(&out, in)
	case Fired:
		m.fired(&out, in.Timer)
	case Drain:
		m.drain(&out)
	case Abort:
		m.abort(&out)
	}
	m.settle(&out)
	return out
}

func (m *RunnerMachine) dial(out *effects) {
	m.link = LinkDialing
	out.add(Dial{})
}

func (m *RunnerMachine) connected(out *effects) {
	if m.link != LinkDialing {
		return
	}
	m.link = LinkGreeting
	m.connSeq++
	m.hello = m.connSeq
	meta := m.cfg.Meta
	hello := api.Message{Event: api.MsgHello, Seq: m.hello, Runner: &meta}
	if m.job != nil && !m.job.abandoned {
		hello.Held = append(hello.Held, api.HeldJob{Job: m.job.job, Epoch: m.job.epoch})
	}
	for _, d := range m.outbox {
		hello.Held = append(hello.Held, api.HeldJob{Job: d.job, Epoch: d.epoch, Finished: true})
	}
	out.add(Send{hello}, SetTimer{TimerSilence, AnswerTimeout})
}

func (m *RunnerMachine) disconnected(out *effects) {
	if m.link == LinkDown {
		return
	}
	m.link = LinkDown
	m.asking, m.drained = false, 0
	out.add(StopTimer{TimerSilence}, Redial{m.attempt})
	m.attempt++
}

func (m *RunnerMachine) hangUp(out *effects) {
	out.add(HangUp{})
	m.disconnected(out)
}

// greeted goes on where the last connection ended: first what the running job has to say, then the results, each behind what its job said
// last.
func (m *RunnerMachine) greeted(out *effects) {
	m.link = LinkUp
	m.attempt = 0
	if m.draining {
		m.sayDrain(out)
	}
	if m.job != nil && !m.job.abandoned {
		m.job.repeat(out)
	}
	for _, d := range m.outbox {
		d.repeat(out)
		m.deliver(out, d)
	}
	m.beat(out)
}

// deliver takes the next step of a result: upload its outputs, then say how the job ended.
func (m *RunnerMachine) deliver(out *effects, d *delivery) {
	switch {
	case !d.uploaded && !d.uploading:
		d.uploading = true
		out.add(Upload{d.job, d.epoch})
	case d.uploaded && m.link == LinkUp:
		out.add(Send{d.terminal}, SetTimer{TimerSilence, AnswerTimeout})
	}
}

// settle asks for work or leaves when nothing is left to do.
func (m *RunnerMachine) settle(out *effects) {
	if m.stopped || m.job != nil {
		return
	}
	if len(m.outbox) > 0 {
		if m.aborting && m.link != LinkUp {
			m.exit(out) // the spool has them; the next start delivers
		}
		return
	}
	if m.draining {
		if m.link != LinkUp || !m.asking {
			m.exit(out)
		}
		return
	}
	if m.link != LinkUp || m.asking || m.asked {
		return
	}
	m.asking = true
	seconds := int64(m.cfg.PollTimeout / time.Second)
	meta := m.cfg.Meta
	out.add(
		Send{api.Message{Event: api.MsgReady, PollTimeout: &seconds, Runner: &meta}},
		SetTimer{TimerSilence, m.cfg.PollTimeout + PollMargin},
	)
}

func (m *RunnerMachine) exit(out *effects) {
	m.stopped = true
	if m.link != LinkDown {
		out.add(HangUp{})
	}
	out.add(Exit{Aborted: m.aborting, Undelivered: len(m.outbox)})
}

func (m *RunnerMachine) fired(out *effects, t RunnerTimer) {
	switch t {
	case TimerRedial:
		if m.link == LinkDown {
			m.dial(out)
		}
	case TimerSilence:
		if m.link == LinkGreeting || m.link == LinkUp {
			m.hangUp(out)
		}
	case TimerAsk:
		m.asked = false
	case TimerHeartbeat:
		m.beats = false
		m.beat(out)
	case TimerAbort:
		if m.aborting {
			m.exit(out)
		}
	}
}

// beat renews the leases of everything that is held and keeps the timer going while there is something.
func (m *RunnerMachine) beat(out *effects) {
	if m.beats || m.job == nil && len(m.outbox) == 0 {
		return
	}
	if m.link == LinkUp {
		if j := m.job; j != nil && !j.abandoned {
			j.seq++
			out.add(Send{api.Message{Event: api.MsgHeartbeat, Job: j.job, Epoch: j.epoch, Seq: j.seq}})
		}
		for _, d := range m.outbox {
			if !d.uploaded {
				d.seq++
				out.add(Send{api.Message{Event: api.MsgHeartbeat, Job: d.job, Epoch: d.epoch, Seq: d.seq}})
			}
		}
	}
	m.beats = true
	out.add(SetTimer{TimerHeartbeat, limits.HeartbeatInterval})
}

func (m *RunnerMachine) drain(out *effects) {
	if m.draining {
		return
	}
	m.draining = true
	if m.link == LinkUp {
		m.sayDrain(out)
	}
}

func (m *RunnerMachine) sayDrain(out *effects) {
	if m.drained != 0 {
		return
	}
	m.connSeq++
	m.drained = m.connSeq
	out.add(Send{api.Message{Event: api.MsgDrain, Seq: m.drained}}, SetTimer{TimerSilence, AnswerTimeout})
}

func (m *RunnerMachine) abort(out *effects) {
	if m.aborting {
		return
	}
	m.drain(out)
	m.aborting = true
	if m.job != nil {
		m.kill(out, KillAbort)
	}
	out.add(SetTimer{TimerAbort, AbortDeadline})
}

func (m *RunnerMachine) kill(out *effects, why KillReason) {
	if why == KillAbandon {
		m.job.abandoned = true
		m.job.unacked = unacked{}
	} else if m.job.killed {
		return
	}
	m.job.killed = true
	out.add(Kill{m.job.job, m.job.epoch, why})
}

func (m *RunnerMachine) remember(c claim) {
	m.seen = append(m.seen, c)
	if len(m.seen) > seenClaims {
		m.seen = m.seen[1:]
	}
}

// known reports whether a claim, or a later one of the same job, was taken before.
func (m *RunnerMachine) known(c claim) bool {
	for _, s := range m.seen {
		if s.job == c.job && s.epoch >= c.epoch {
			return true
		}
	}
	return false
}
