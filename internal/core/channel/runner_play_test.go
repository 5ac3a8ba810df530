package channel

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
)

// peer is the server in the play: a queue of jobs with leases, written from the protocol's comments alone.
type peer struct {
	jobs []*peerJob
	conn int // the newest connection speaks for the runner
}

type peerJob struct {
	id      string
	epoch   int64
	held    bool // claimed or running by the runner
	cancel  bool
	ends    int
	endedAt int64
}

func (p *peer) find(id string) *peerJob {
	for _, j := range p.jobs {
		if j.id == id {
			return j
		}
	}
	return nil
}

func (p *peer) open() int {
	n := 0
	for _, j := range p.jobs {
		if j.ends == 0 {
			n++
		}
	}
	return n
}

// handle answers one message.
func (p *peer) handle(msg api.Message) []api.Message {
	switch msg.Event {
	case api.MsgHello:
		var out []api.Message
		for _, h := range msg.Held {
			out = append(out, p.about(api.Message{Job: h.Job, Epoch: h.Epoch}))
		}
		for _, j := range p.jobs { // what the runner does not hold is lost
			if j.held && !slices.ContainsFunc(msg.Held, func(h api.HeldJob) bool { return h.Job == j.id && h.Epoch == j.epoch }) {
				j.held = false
			}
		}
		return append(out, api.Message{Event: api.MsgAck, Seq: msg.Seq})
	case api.MsgDrain:
		return []api.Message{{Event: api.MsgAck, Seq: msg.Seq}}
	case api.MsgReady:
		for _, j := range p.jobs {
			if !j.held && j.ends == 0 {
				j.held = true
				j.epoch++
				return []api.Message{{Event: api.MsgJob, Claimed: &api.ClaimedJob{UUID: j.id, Epoch: j.epoch}}}
			}
		}
		return []api.Message{{Event: api.MsgNoJob}}
	case api.MsgCompleted, api.MsgFailed, api.MsgCanceled:
		j := p.find(msg.Job)
		if j.held && j.epoch == msg.Epoch {
			j.held = false
			if msg.Reason != api.ReasonRunnerAborted && msg.Reason != api.ReasonRunnerLost { // infra: queued again
				j.ends++
			}
			j.endedAt = msg.Epoch
			return []api.Message{{Event: api.MsgAck, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}}
		}
		if j.endedAt == msg.Epoch {
			return []api.Message{{Event: api.MsgAck, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}}
		}
		return []api.Message{{Event: api.MsgAbandon, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}}
	}
	return []api.Message{p.about(msg)}
}

func (p *peer) about(msg api.Message) api.Message {
	j := p.find(msg.Job)
	answer := api.Message{Event: api.MsgAck, Job: msg.Job, Epoch: msg.Epoch, Seq: msg.Seq}
	switch {
	case j.epoch != msg.Epoch || !j.held && j.endedAt != msg.Epoch:
		answer.Event = api.MsgAbandon
	case j.held && j.cancel:
		answer.Event = api.MsgCancel
	}
	return answer
}

// stage is the world between the machine and its peer: lossy wires, a disk, an executor and timers.
type stage struct {
	t        *rapid.T
	m        *RunnerMachine
	p        *peer
	up, down []api.Message // frames on the way to the server and to the runner
	timers   map[RunnerTimer]bool
	running  *api.ClaimedJob
	killed   KillReason
	uploads  []claim
	spool    map[claim]api.Message
	executed map[claim]int
	dialing  bool
	exited   bool
}

func (s *stage) feed(in RunnerInput) {
	for _, e := range s.m.Step(in) {
		switch e := e.(type) {
		case Dial:
			s.dialing = true
		case HangUp:
			s.up, s.down, s.dialing = nil, nil, false
		case Redial:
			s.timers[TimerRedial] = true
			s.up, s.down, s.dialing = nil, nil, false
		case Send:
			if c := (claim{e.Message.Job, e.Message.Epoch}); e.Message.Seq == TerminalSeq && s.executed[c] > 0 {
				if _, kept := s.spool[c]; !kept {
					s.t.Fatalf("%v was sent before it was kept", c)
				}
			}
			s.up = append(s.up, e.Message)
		case SetTimer:
			s.timers[e.Timer] = true
		case StopTimer:
			delete(s.timers, e.Timer)
		case Execute:
			c := claim{e.Job.UUID, e.Job.Epoch}
			if s.running != nil {
				s.t.Fatalf("%v was started beside %s", c, s.running.UUID)
			}
			if s.executed[c]++; s.executed[c] > 1 {
				s.t.Fatalf("%v was executed twice", c)
			}
			s.running, s.killed = &e.Job, 0
		case Kill:
			if s.running == nil || s.running.UUID != e.Job || s.running.Epoch != e.Epoch {
				s.t.Fatalf("kill of %s@%d, which does not run", e.Job, e.Epoch)
			}
			s.killed = e.Why
		case Keep:
			s.spool[claim{e.Terminal.Job, e.Terminal.Epoch}] = e.Terminal
		case Upload:
			s.uploads = append(s.uploads, claim{e.Job, e.Epoch})
		case Forget:
			c := claim{e.Job, e.Epoch}
			if j := s.p.find(e.Job); j.held && j.epoch == e.Epoch {
				s.t.Fatalf("%v was forgotten while the server waits for it", c)
			}
			delete(s.spool, c)
			s.uploads = slices.DeleteFunc(s.uploads, func(u claim) bool { return u == c })
		case Exit:
			s.exited = true
			s.timers = map[RunnerTimer]bool{}
		}
	}
}

// boot is a new process on the same spool.
func (s *stage) boot() {
	cfg := RunnerConfig{}
	for _, c := range slices.SortedFunc(mapKeys(s.spool), func(a, b claim) int { return slices.Compare([]byte(a.job), []byte(b.job)) }) {
		cfg.Restored = append(cfg.Restored, Restored{Terminal: s.spool[c]})
	}
	if s.running != nil { // an unfinished entry of the process that was killed
		cfg.Restored = append(cfg.Restored, Restored{Uploaded: true, Terminal: api.Message{
			Event: api.MsgFailed, Job: s.running.UUID, Epoch: s.running.Epoch, Reason: api.ReasonRunnerLost,
		}})
		s.spool[claim{s.running.UUID, s.running.Epoch}] = cfg.Restored[len(cfg.Restored)-1].Terminal
	}
	s.m = NewRunnerMachine(cfg)
	s.up, s.down, s.timers, s.running, s.uploads = nil, nil, map[RunnerTimer]bool{}, nil, nil
	s.dialing, s.exited = false, false
	s.feed(Started{})
}

func mapKeys(m map[claim]api.Message) func(func(claim) bool) {
	return func(yield func(claim) bool) {
		for c := range m {
			if !yield(c) {
				return
			}
		}
	}
}

func (s *stage) finish() {
	end := api.Message{Event: api.MsgCompleted, Job: s.running.UUID, Epoch: s.running.Epoch}
	switch s.killed {
	case KillCancel:
		end.Event = api.MsgCanceled
	case KillAbort:
		end.Event, end.Reason = api.MsgFailed, api.ReasonRunnerAborted
	}
	s.running = nil
	s.feed(Finished{Terminal: end, Upload: end.Event == api.MsgCompleted})
}

// expire takes away the claims for which nobody sends heartbeats.
func (s *stage) expire() {
	for _, j := range s.p.jobs {
		if _, kept := s.spool[claim{j.id, j.epoch}]; !kept && (s.running == nil || s.running.UUID != j.id) {
			j.held = false
		}
	}
}

// step lets one thing happen, chosen by pick.
func (s *stage) step(name string, pick func(n int) int) {
	switch name {
	case "connect":
		if s.dialing {
			s.dialing = false
			s.feed(Connected{})
		}
	case "cut":
		s.up, s.down = nil, nil
		s.feed(Disconnected{})
	case "arrive at server":
		if len(s.up) > 0 {
			i := pick(len(s.up))
			msg := s.up[i]
			s.up = slices.Delete(s.up, i, i+1)
			s.down = append(s.down, s.p.handle(msg)...)
		}
	case "arrive at runner":
		if len(s.down) > 0 {
			i := pick(len(s.down))
			msg := s.down[i]
			s.down = slices.Delete(s.down, i, i+1)
			s.feed(Received{msg})
		}
	case "drop":
		if len(s.down) > 0 {
			s.down = slices.Delete(s.down, 0, 1)
		} else if len(s.up) > 0 {
			s.up = slices.Delete(s.up, 0, 1)
		}
	case "double":
		if len(s.down) > 0 {
			s.down = append(s.down, s.down[pick(len(s.down))])
		}
		if len(s.up) > 0 {
			s.up = append(s.up, s.up[pick(len(s.up))])
		}
	case "fire":
		var armed []RunnerTimer
		for t := range s.timers {
			armed = append(armed, t)
		}
		if len(armed) > 0 {
			slices.Sort(armed)
			t := armed[pick(len(armed))]
			delete(s.timers, t)
			s.feed(Fired{t})
		}
	case "progress":
		if s.running != nil {
			s.feed(Progress{api.Message{Event: api.MsgRunning, Job: s.running.UUID, Epoch: s.running.Epoch}})
		}
	case "finish":
		if s.running != nil {
			s.finish()
		}
	case "upload":
		if len(s.uploads) > 0 {
			c := s.uploads[0]
			s.uploads = s.uploads[1:]
			s.feed(Uploaded{c.job, c.epoch})
		}
	case "lease runs out":
		for _, j := range s.p.jobs {
			j.held = false
		}
	case "user cancels":
		s.p.jobs[pick(len(s.p.jobs))].cancel = true
	case "kill -9":
		s.boot()
	case "drain":
		s.feed(Drain{})
	case "abort":
		s.feed(Abort{})
	}
	if s.exited {
		s.boot()
	}
}

func TestEachJobEndsOnceWhateverTheWireDoes(t *testing.T) {
	t.Parallel()
	bad := []string{
		"connect", "connect", "cut", "arrive at server", "arrive at server", "arrive at server", "arrive at runner", "arrive at runner",
		"arrive at runner", "drop", "double", "fire", "progress", "finish", "upload", "lease runs out", "user cancels", "kill -9", "drain", "abort",
	}
	good := []string{"connect", "arrive at server", "arrive at runner", "finish", "upload"}
	rapid.Check(t, func(t *rapid.T) {
		p := &peer{}
		for i := range rapid.IntRange(1, 4).Draw(t, "jobs") {
			p.jobs = append(p.jobs, &peerJob{id: fmt.Sprintf("job-%d", i)})
		}
		s := &stage{t: t, p: p, spool: map[claim]api.Message{}, executed: map[claim]int{}}
		s.boot()
		first := func(int) int { return 0 }
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(bad), rapid.SampledFrom([]int{0, 20, 150}).Draw(t, "least"), 200).Draw(t, "events") {
			s.step(name, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
		}
		// Then the wire heals: everything must come to its end. Timers fire when nothing else moves.
		for range 2_000 {
			for _, name := range good {
				s.step(name, first)
			}
			if len(s.up)+len(s.down)+len(s.uploads) == 0 && s.running == nil && !s.dialing {
				if p.open() == 0 && len(s.spool) == 0 && s.m.Undelivered() == 0 {
					break
				}
				s.expire()
				// A lost frame is noticed by silence; heartbeat first, so that an unanswered one does not loop for ever.
				if s.timers[TimerSilence] && !s.timers[TimerAsk] && !s.timers[TimerRedial] {
					delete(s.timers, TimerSilence)
					s.feed(Fired{TimerSilence})
				} else {
					s.step("fire", first)
				}
			}
		}
		for _, j := range p.jobs {
			if j.ends != 1 {
				t.Errorf("%s ended %d times", j.id, j.ends)
			}
		}
		if len(s.spool) != 0 || s.m.Undelivered() != 0 {
			t.Errorf("undelivered: %v (machine: %d, state %s)", s.spool, s.m.Undelivered(), s.m.State())
		}
	})
}
