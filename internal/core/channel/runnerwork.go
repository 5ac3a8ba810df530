package channel

import (
	"fmt"
	"slices"

	"github.com/tachograph/tacho/api"
)

// received acts on a message of the server.
func (m *RunnerMachine) received(out *effects, msg api.Message) {
	if m.link != LinkGreeting && m.link != LinkUp {
		return // a frame of a connection that is given up
	}
	if !m.asking {
		out.add(SetTimer{TimerSilence, AnswerTimeout})
	}
	switch msg.Event {
	case api.MsgAck:
		m.acked(out, msg)
	case api.MsgJob:
		m.offered(out, msg)
	case api.MsgNoJob:
		m.noJob(out, msg.Done)
	case api.MsgCancel:
		if m.job != nil && m.job.is(msg) && !m.job.abandoned {
			m.job.drop(msg.Seq)
			m.kill(out, KillCancel)
		}
	case api.MsgAbandon:
		m.abandon(out, msg)
	case api.MsgError:
		m.refused(out, msg)
	}
	if m.job == nil && len(m.outbox) == 0 && m.link == LinkUp && !m.asking && m.drained == 0 {
		out.add(StopTimer{TimerSilence}) // nothing is awaited; settle arms it again when it asks
	}
}

func (m *RunnerMachine) acked(out *effects, msg api.Message) {
	switch {
	case msg.Job == "" && m.link == LinkGreeting:
		if msg.Seq == 0 || msg.Seq == m.hello {
			m.greeted(out)
		}
	case msg.Job == "":
		if m.drained != 0 && msg.Seq == m.drained {
			m.asking = false // the server gives this connection no job any more
		}
	case m.job != nil && m.job.is(msg):
		m.job.drop(msg.Seq)
	case msg.Seq == TerminalSeq:
		if i := m.delivery(msg); i >= 0 && m.outbox[i].uploaded {
			m.forget(out, i)
		}
	default:
		if i := m.delivery(msg); i >= 0 {
			m.outbox[i].drop(msg.Seq)
		}
	}
}

// offered takes a job that was asked for. One that was not asked for is handed back, so that the server need not wait for its lease;
// one that was taken before is a doubled frame.
func (m *RunnerMachine) offered(out *effects, msg api.Message) {
	if msg.Claimed == nil || msg.Claimed.UUID == "" {
		m.hangUp(out)
		return
	}
	c := claim{msg.Claimed.UUID, msg.Claimed.Epoch}
	if m.known(c) {
		return
	}
	m.remember(c)
	wanted := m.link == LinkUp && m.asking && m.job == nil && !m.draining
	m.asking = false
	if !wanted {
		why := "the runner did not ask for another job"
		if m.draining {
			why = "the runner is shutting down"
		}
		d := &delivery{claim: c, uploaded: true, terminal: api.Message{
			Event: api.MsgFailed, Job: c.job, Epoch: c.epoch, Seq: TerminalSeq, Reason: api.ReasonRunnerAborted, Error: why,
		}}
		m.outbox = append(m.outbox, d)
		m.deliver(out, d)
		m.beat(out)
		return
	}
	m.job = &execution{claim: c}
	m.taken++
	if m.cfg.MaxJobs > 0 && m.taken >= m.cfg.MaxJobs {
		m.drain(out)
	}
	out.add(SetTimer{TimerSilence, AnswerTimeout}, Execute{*msg.Claimed})
	m.beat(out)
}

// noJob asks again after a pause, or leaves: when it was told to when there is nothing, or when the server says that nothing will come.
func (m *RunnerMachine) noJob(out *effects, done bool) {
	if !m.asking {
		return
	}
	m.asking = false
	if m.cfg.ExitWhenIdle || done {
		m.drain(out)
		return
	}
	m.asked = true
	out.add(SetTimer{TimerAsk, ReadyPause})
}

func (m *RunnerMachine) abandon(out *effects, msg api.Message) {
	if m.job != nil && m.job.is(msg) {
		if !m.job.abandoned {
			m.kill(out, KillAbandon)
		}
		return
	}
	if i := m.delivery(msg); i >= 0 {
		m.forget(out, i)
	}
}

// refused handles a message that the server could not understand. A result that it will never understand must not block the runner for
// ever: its place takes a short failure, and when even that is refused, nothing.
func (m *RunnerMachine) refused(out *effects, msg api.Message) {
	i := m.delivery(msg)
	switch {
	case msg.Seq == TerminalSeq && i >= 0 && m.outbox[i].refused:
		m.forget(out, i)
	case msg.Seq == TerminalSeq && i >= 0:
		d := m.outbox[i]
		d.refused = true
		d.terminal = api.Message{
			Event: api.MsgFailed, Job: d.job, Epoch: d.epoch, Seq: TerminalSeq, Reason: api.ReasonRunnerAborted,
			Error: fmt.Sprintf("the server refused the result: %s", msg.Error),
		}
		m.keep(out, d)
		m.deliver(out, d)
	case m.job != nil && m.job.is(msg):
		m.job.drop(msg.Seq)
	case i >= 0:
		m.outbox[i].drop(msg.Seq)
	case m.link == LinkGreeting || m.asking:
		m.hangUp(out) // with the growing pause of a redial
	}
}

// progress sends what the running job has to say, now or after the next greeting.
func (m *RunnerMachine) progress(out *effects, msg api.Message) {
	j := m.job
	if j == nil || j.abandoned || !j.is(msg) {
		return
	}
	j.seq++
	msg.Seq = j.seq
	j.put(msg)
	if m.link == LinkUp {
		out.add(Send{msg})
	}
}

func (m *RunnerMachine) finished(out *effects, in Finished) {
	j := m.job
	if j == nil || !j.is(in.Terminal) {
		return
	}
	m.job = nil
	if j.abandoned {
		out.add(Forget{j.job, j.epoch, false})
		return
	}
	in.Terminal.Seq = TerminalSeq
	in.Terminal.Epoch = j.epoch
	d := &delivery{claim: j.claim, unacked: j.unacked, seq: j.seq, terminal: in.Terminal, uploaded: !in.Upload}
	m.outbox = append(m.outbox, d)
	m.keep(out, d)
	m.deliver(out, d)
}

func (m *RunnerMachine) keep(out *effects, d *delivery) {
	d.stored = true
	out.add(Keep{d.terminal})
}

func (m *RunnerMachine) uploaded(out *effects, c claim) {
	for _, d := range m.outbox {
		if d.claim == c && !d.uploaded {
			d.uploading, d.uploaded = false, true
			m.deliver(out, d)
		}
	}
}

// uploadRefused replaces a result whose outputs the server will not take.
func (m *RunnerMachine) uploadRefused(out *effects, in UploadRefused) {
	for i, d := range m.outbox {
		if d.job != in.Job || d.epoch != in.Epoch || d.uploaded {
			continue
		}
		if in.Instead == nil {
			m.forget(out, i)
			return
		}
		d.uploading, d.uploaded = false, true
		d.terminal = *in.Instead
		d.terminal.Job, d.terminal.Epoch, d.terminal.Seq = d.job, d.epoch, TerminalSeq
		m.keep(out, d)
		m.deliver(out, d)
		return
	}
}

// forget ends a delivery, whether the server has it or does not want it.
func (m *RunnerMachine) forget(out *effects, i int) {
	d := m.outbox[i]
	m.outbox = slices.Delete(m.outbox, i, i+1)
	out.add(Forget{d.job, d.epoch, d.uploaded})
}

// delivery returns the index of the result that msg is about, or -1.
func (m *RunnerMachine) delivery(msg api.Message) int {
	return slices.IndexFunc(m.outbox, func(d *delivery) bool { return d.is(msg) })
}

// is reports whether msg speaks of this claim. A message without an epoch speaks of the one that is held.
func (c claim) is(msg api.Message) bool {
	return c.job == msg.Job && (msg.Epoch == 0 || msg.Epoch == c.epoch)
}

// put keeps a message until it is acked; where logs are too much, the oldest are let go.
func (u *unacked) put(msg api.Message) {
	u.pending = append(u.pending, msg)
	u.bytes += len(msg.Text)
	for i := 0; u.bytes > pendingBytes && i < len(u.pending); {
		if u.pending[i].Event != api.MsgLog {
			i++
			continue
		}
		u.bytes -= len(u.pending[i].Text)
		u.pending = slices.Delete(u.pending, i, i+1)
	}
}

// repeat sends all of it on a new connection.
func (u *unacked) repeat(out *effects) {
	for _, msg := range u.pending {
		out.add(Send{msg})
	}
}

// drop takes the message with this number off the list of those that would be sent again.
func (u *unacked) drop(seq int64) {
	i := slices.IndexFunc(u.pending, func(msg api.Message) bool { return msg.Seq == seq })
	if i >= 0 {
		u.bytes -= len(u.pending[i].Text)
		u.pending = slices.Delete(u.pending, i, i+1)
	}
}
