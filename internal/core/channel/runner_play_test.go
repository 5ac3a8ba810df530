package channel

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/property"
)

// peer is the server in the play: a queue, leases without a clock, and Decide for every message about a job.
type peer struct {
	t         *rapid.T
	jobs      []*View
	completed map[string]int // how often a job's result was taken
}

func (p *peer) find(id string) *View {
	for _, v := range p.jobs {
		if v.ID == id {
			return v
		}
	}
	return nil
}

func ended(v *View) bool { return job.Ended(v.State) || v.State == api.JobCompleted }

func (p *peer) open() int {
	n := 0
	for _, v := range p.jobs {
		if !ended(v) {
			n++
		}
	}
	return n
}

func (p *peer) apply(v *View, e job.Event) {
	next, err := job.Apply(v.Job, e)
	if err != nil {
		p.t.Fatalf("%s does not take %s: %v", v.ID, e.Kind, err)
	}
	if e.Kind == job.Complete {
		p.completed[v.ID]++
	}
	v.Job = next
}

// handle answers one message as the hub does.
func (p *peer) handle(msg api.Message) []api.Message {
	switch msg.Event {
	case api.MsgHello:
		var out []api.Message
		for _, h := range msg.Held {
			out = append(out, p.decide(api.Message{Event: api.MsgHello, Job: h.Job, Epoch: h.Epoch}))
		}
		for _, v := range p.jobs { // what the runner does not hold is lost
			if job.InFlight(v.State) && !slices.ContainsFunc(msg.Held, func(h api.HeldJob) bool { return h.Job == v.ID && h.Epoch == v.Epoch }) {
				p.apply(v, job.Event{Kind: job.Lose})
			}
		}
		return append(out, api.Message{Event: api.MsgAck, Seq: msg.Seq})
	case api.MsgDrain:
		return []api.Message{{Event: api.MsgAck, Seq: msg.Seq}}
	case api.MsgReady:
		for _, v := range p.jobs {
			if v.State == api.JobPending {
				p.apply(v, job.Event{Kind: job.Claim})
				v.RunnerID, v.LastSeq = "r1", 0
				return []api.Message{{Event: api.MsgJob, Claimed: &api.ClaimedJob{UUID: v.ID, Epoch: v.Epoch}}}
			}
		}
		return []api.Message{{Event: api.MsgNoJob}}
	}
	return []api.Message{p.decide(msg)}
}

// decide asks the server's half. What hello says of a held job is a heartbeat to it.
func (p *peer) decide(msg api.Message) api.Message {
	if msg.Event == api.MsgHello {
		msg.Event = api.MsgHeartbeat
	}
	v := p.find(msg.Job)
	d := Decide(v, "r1", msg)
	for _, e := range d.Events {
		p.apply(v, e)
	}
	if d.Seen != 0 {
		v.LastSeq = d.Seen
	}
	return d.Reply
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
			if v := s.p.find(e.Job); job.InFlight(v.State) && v.Epoch == e.Epoch {
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
			Event: api.MsgFailed, Job: s.running.UUID, Epoch: s.running.Epoch, Reason: api.ReasonRunnerAborted,
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
	for _, v := range s.p.jobs {
		if _, kept := s.spool[claim{v.ID, v.Epoch}]; !kept && (s.running == nil || s.running.UUID != v.ID) {
			s.lose(v)
		}
	}
}

func (s *stage) lose(v *View) {
	if job.InFlight(v.State) {
		s.p.apply(v, job.Event{Kind: job.Lose})
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
		for _, v := range s.p.jobs {
			s.lose(v)
		}
	case "user cancels":
		if v := s.p.jobs[pick(len(s.p.jobs))]; !ended(v) {
			s.p.apply(v, job.Event{Kind: job.Cancel})
		}
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
		"arrive at runner", "drop", "double", "fire", "progress", "finish", "upload", "lease runs out", "user cancels", "kill -9", "drain",
		"abort",
	}
	good := []string{"connect", "arrive at server", "arrive at runner", "finish", "upload"}
	property.Check(t, func(t *rapid.T) {
		p := &peer{t: t, completed: map[string]int{}}
		for i := range rapid.IntRange(1, 4).Draw(t, "jobs") {
			p.jobs = append(p.jobs, &View{ID: fmt.Sprintf("job-%d", i), Job: job.Job{State: api.JobPending}})
		}
		s := &stage{t: t, p: p, spool: map[claim]api.Message{}, executed: map[claim]int{}}
		s.boot()
		first := func(int) int { return 0 }
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(bad), rapid.SampledFrom([]int{0, 20, 150}).Draw(t, "least"), 200).Draw(t,
			"events") {
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
		for _, v := range p.jobs {
			if !ended(v) || p.completed[v.ID] > 1 || p.completed[v.ID] == 1 != (v.State == api.JobCompleted) {
				t.Errorf("%s is %s, its result was taken %d times", v.ID, v.State, p.completed[v.ID])
			}
		}
		if len(s.spool) != 0 || s.m.Undelivered() != 0 {
			t.Errorf("undelivered: %v (machine: %d, state %s)", s.spool, s.m.Undelivered(), s.m.State())
		}
	})
}
