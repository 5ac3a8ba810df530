package channel

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/property"
)

// held is a running job of runner r1 in epoch 2, of which 5 messages were seen.
func held() *View {
	return &View{ID: "j", RunnerID: "r1", LastSeq: 5, Job: job.Job{State: api.JobRunning, Epoch: 2}}
}

func with(change func(*View)) *View {
	v := held()
	change(v)
	return v
}

func kinds(d Decision) []job.Kind {
	var out []job.Kind
	for _, e := range d.Events {
		out = append(out, e.Kind)
	}
	return out
}

func TestDecide(t *testing.T) {
	t.Parallel()
	state := func(s api.JobStatus, reason api.Reason) *View {
		return with(func(v *View) { v.State, v.Reason = s, reason })
	}
	asked := with(func(v *View) { v.CancelAsked = true })
	lostJob := state(api.JobPending, api.ReasonRunnerLost)
	for name, row := range map[string]struct {
		view   *View
		runner string
		msg    api.Message
		reply  api.MessageEvent
		events []job.Kind
		renew  bool
	}{
		"a heartbeat renews": {held(), "r1", api.Message{Event: api.MsgHeartbeat, Epoch: 2, Seq: 6}, api.MsgAck, nil,
			true},
		"even with an old number": {held(), "r1", api.Message{Event: api.MsgHeartbeat, Epoch: 2, Seq: 1}, api.MsgAck, nil,
			true},
		"running starts": {with(func(v *View) { v.State = api.JobClaimed }), "r1",
			api.Message{Event: api.MsgRunning, Epoch: 2, Seq: 6}, api.MsgAck, []job.Kind{job.Start}, true},
		"a doubled message changes nothing": {held(), "r1", api.Message{Event: api.MsgRunning, Epoch: 2, Seq: 5}, api.MsgAck, nil,
			true},
		"completed completes": {held(), "r1", api.Message{Event: api.MsgCompleted, Epoch: 2, Seq: TerminalSeq},
			api.MsgAck, []job.Kind{job.Complete}, false},
		"failed fails": {held(), "r1", api.Message{Event: api.MsgFailed, Epoch: 2, Seq: TerminalSeq}, api.MsgAck,
			[]job.Kind{job.Fail}, false},
		"cancel is told on any message": {asked, "r1", api.Message{Event: api.MsgLog, Epoch: 2, Seq: 6}, api.MsgCancel, nil, true},
		"but a result that is there counts": {asked, "r1", api.Message{Event: api.MsgCompleted, Epoch: 2, Seq: 6}, api.MsgAck,
			[]job.Kind{job.Complete}, false},
		"canceled cancels": {asked, "r1", api.Message{Event: api.MsgCanceled, Epoch: 2, Seq: 6}, api.MsgAck,
			[]job.Kind{job.Canceled}, false},
		"another runner changes nothing": {held(), "r2", api.Message{Event: api.MsgCompleted, Epoch: 2, Seq: 6}, api.MsgAbandon,
			nil, false},
		"an old epoch changes nothing": {held(), "r1", api.Message{Event: api.MsgCompleted, Epoch: 1, Seq: 6}, api.MsgAbandon,
			nil, false},
		"nor does one from the future": {held(), "r1", api.Message{Event: api.MsgCompleted, Epoch: 3, Seq: 6}, api.MsgAbandon,
			nil, false},
		"an unknown job is abandoned": {nil, "r1", api.Message{Event: api.MsgHeartbeat, Epoch: 2}, api.MsgAbandon, nil, false},
		"a job that nobody claimed has no runner": {with(func(v *View) { v.RunnerID = "" }), "",
			api.Message{Event: api.MsgHeartbeat, Epoch: 2}, api.MsgAbandon, nil, false},
		"a lost runner that beats again resumes": {lostJob, "r1", api.Message{Event: api.MsgHeartbeat, Epoch: 2, Seq: 6}, api.MsgAck,
			[]job.Kind{job.Resume}, true},
		"and its result is taken": {lostJob, "r1", api.Message{Event: api.MsgCompleted, Epoch: 2, Seq: 6}, api.MsgAck,
			[]job.Kind{job.Complete}, false},
		"also when the job was given up": {state(api.JobFailed, api.ReasonRunnerLost), "r1",
			api.Message{Event: api.MsgCompleted, Epoch: 2}, api.MsgAck, []job.Kind{job.Complete}, false},
		"what a lost runner prints counts too": {lostJob, "r1", api.Message{Event: api.MsgRunning, Epoch: 2, Seq: 6}, api.MsgAck,
			[]job.Kind{job.Resume, job.Start}, true},
		"a lost runner that failed has failed": {lostJob, "r1", api.Message{Event: api.MsgFailed, Epoch: 2, Seq: TerminalSeq},
			api.MsgAck, []job.Kind{job.Fail}, false},
		"one that is given up may go on to its result": {state(api.JobFailed, api.ReasonRunnerLost), "r1",
			api.Message{Event: api.MsgHeartbeat, Epoch: 2}, api.MsgAck, nil, false},
		"no epoch speaks for the last claim": {held(), "r1", api.Message{Event: api.MsgCompleted}, api.MsgAck,
			[]job.Kind{job.Complete}, false},
		"but not for another runner's": {held(), "r2", api.Message{Event: api.MsgCompleted}, api.MsgAbandon, nil, false},
		"a job that went back for a reason is not his": {state(api.JobPending, api.ReasonImagePull), "r1",
			api.Message{Event: api.MsgHeartbeat, Epoch: 2}, api.MsgAbandon, nil, false},
		"but a repeated failure of it is acked": {state(api.JobPending, api.ReasonImagePull), "r1",
			api.Message{Event: api.MsgFailed, Epoch: 2, Seq: TerminalSeq}, api.MsgAck, nil, false},
		"a repeated completed is acked": {state(api.JobProcessed, ""), "r1",
			api.Message{Event: api.MsgCompleted, Epoch: 2, Seq: TerminalSeq}, api.MsgAck, nil, false},
		"a late heartbeat is acked": {state(api.JobCompleted, ""), "r1", api.Message{Event: api.MsgHeartbeat, Epoch: 2},
			api.MsgAck, nil, false},
		"whoever runs a canceled job is told": {state(api.JobCanceled, ""), "r1", api.Message{Event: api.MsgHeartbeat, Epoch: 2},
			api.MsgCancel, nil, false},
		"whoever runs a failed job lets go": {state(api.JobFailed, api.ReasonDeadline), "r1",
			api.Message{Event: api.MsgLog, Epoch: 2, Seq: 9}, api.MsgAbandon, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row.msg.Job = "j"
			d := Decide(row.view, row.runner, row.msg)
			if d.Reply.Event != row.reply || d.Renew != row.renew {
				t.Errorf("reply %s, renew %v; want %s, %v", d.Reply.Event, d.Renew, row.reply, row.renew)
			}
			if diff := cmp.Diff(row.events, kinds(d)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if d.Reply.Job != "j" || d.Reply.Epoch != row.msg.Epoch || d.Reply.Seq != row.msg.Seq {
				t.Errorf("the reply %+v does not repeat job, epoch and seq", d.Reply)
			}
		})
	}
}

func TestALostRunnersOutputIsStored(t *testing.T) {
	t.Parallel()
	v := with(func(v *View) { v.State, v.Reason = api.JobPending, api.ReasonRunnerLost })
	d := Decide(v, "r1", api.Message{Event: api.MsgLog, Job: "j", Epoch: 2, Seq: 6, Text: "x"})
	if !d.Log || d.Seen != 6 || len(d.Events) != 1 || d.Events[0].Kind != job.Resume {
		t.Errorf("decision %+v", d)
	}
	if d := Decide(v, "r1", api.Message{Event: api.MsgLog, Job: "j", Epoch: 2, Seq: 5, Text: "x"}); d.Log {
		t.Error("a doubled chunk is stored twice")
	}
}

func TestARunnerGivesOnlyReasonsThatItCanKnow(t *testing.T) {
	t.Parallel()
	for said, want := range map[api.Reason]api.Reason{
		api.ReasonImagePull: api.ReasonImagePull, api.ReasonOutOfMemory: api.ReasonOutOfMemory, "": api.ReasonBenchmarkExit,
		"magic":              api.ReasonBenchmarkExit,
		api.ReasonRunnerLost: api.ReasonBenchmarkExit, api.ReasonCanceledByUser: api.ReasonBenchmarkExit,
	} {
		d := Decide(held(), "r1", api.Message{Event: api.MsgFailed, Job: "j", Epoch: 2, Seq: TerminalSeq, Reason: said})
		if got := d.Events[0].Reason; got != want {
			t.Errorf("%q counts as %q, want %q", said, got, want)
		}
	}
}

// TestStaleClaimsChangeNothingInAnyOrder lets two runners and the server's own events act in any order, and checks after each message that
// only the holder of the current claim changed the job, that epochs never fall and that an ended claim comes back by a new one alone.
func TestStaleClaimsChangeNothingInAnyOrder(t *testing.T) {
	t.Parallel()
	about := []api.MessageEvent{api.MsgRunning, api.MsgHeartbeat, api.MsgPhase, api.MsgLog, api.MsgCompleted, api.MsgFailed, api.MsgCanceled}
	reasons := []api.Reason{"", api.ReasonBenchmarkExit, api.ReasonImagePull, api.ReasonRunnerLost}
	own := []job.Kind{job.Claim, job.Lose, job.Overrun, job.Cancel, job.Retry, job.Process, job.Reject}
	property.Check(t, func(t *rapid.T) {
		v := &View{ID: "j", Job: job.Job{State: api.JobPending}}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			before := *v
			if rapid.Bool().Draw(t, "server's") {
				e := job.Event{Kind: rapid.SampledFrom(own).Draw(t, "event"), Reason: api.ReasonAdapter}
				next, err := job.Apply(v.Job, e)
				if err != nil {
					continue
				}
				v.Job = next
				if e.Kind == job.Claim {
					v.RunnerID, v.LastSeq = rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "claimant"), 0
				}
			} else {
				who := rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "runner")
				msg := api.Message{
					Event: rapid.SampledFrom(about).Draw(t, "message"), Job: "j", Epoch: v.Epoch - rapid.Int64Range(0, 2).Draw(t, "age"),
					Seq: rapid.Int64Range(0, 9).Draw(t, "seq"), Reason: rapid.SampledFrom(reasons).Draw(t, "reason"),
				}
				msg.Epoch = max(msg.Epoch, 1)
				d := Decide(v, who, msg)
				for _, e := range d.Events {
					next, err := job.Apply(v.Job, e)
					if err != nil {
						t.Fatalf("%s in %s asks for %s: %v", msg.Event, before.State, e.Kind, err)
					}
					v.Job = next
				}
				v.LastSeq = max(v.LastSeq, d.Seen)
				stale := who != before.RunnerID || msg.Epoch != before.Epoch
				wrote := d.Seen > 0 || d.Renew || d.Log || d.Phase || d.Result || *v != before
				if stale && (wrote || d.Reply.Event != api.MsgAbandon) {
					t.Fatalf("stale %s of %s in epoch %d changed %+v to %+v: %+v", msg.Event, who, msg.Epoch, before, *v, d)
				}
			}
			switch {
			case v.Epoch < before.Epoch:
				t.Fatalf("epoch fell from %d to %d", before.Epoch, v.Epoch)
			case before.State == api.JobProcessed && v.Job != before.Job:
				t.Fatalf("processed became %+v", v.Job)
			case v.InfraRetries < 0:
				t.Fatalf("%d retries", v.InfraRetries)
			case v.State == api.JobCompleted && before.State == api.JobFailed && before.Reason != api.ReasonRunnerLost:
				t.Fatalf("a job that failed for %q was completed", before.Reason)
			}
		}
	})
}

// TestEveryMessageInEveryStateHasAnAnswer and none of them asks for a transition that the table refuses.
func TestEveryMessageInEveryStateHasAnAnswer(t *testing.T) {
	t.Parallel()
	reasons := []api.Reason{api.ReasonNone, api.ReasonRunnerLost, api.ReasonImagePull, api.ReasonBenchmarkExit}
	for _, s := range job.States {
		for _, event := range fromRunner {
			if event == api.MsgHello || event == api.MsgReady || event == api.MsgDrain {
				continue // these are not about one job
			}
			for _, reason := range reasons {
				for _, cancel := range []bool{false, true} {
					for _, seq := range []int64{0, 3, 9, TerminalSeq} {
						v := with(func(v *View) { v.State, v.Reason, v.CancelAsked = s, reason, cancel })
						d := Decide(v, "r1", api.Message{Event: event, Epoch: 2, Seq: seq, Reason: api.ReasonBenchmarkExit})
						switch d.Reply.Event {
						case api.MsgAck, api.MsgCancel, api.MsgAbandon:
						default:
							t.Errorf("%s in %s (%s): reply %q", event, s, reason, d.Reply.Event)
						}
						next := v.Job
						var err error
						for _, e := range d.Events {
							if next, err = job.Apply(next, e); err != nil {
								t.Errorf("%s in %s (%s, cancel %v): %v", event, s, reason, cancel, err)
							}
						}
					}
				}
			}
		}
	}
}

func TestDecodeRefusesWhatNoRunnerSays(t *testing.T) {
	t.Parallel()
	for frame, want := range map[string]fault.Kind{
		`{"event":"ack"}`: fault.Invalid, `{`: fault.Invalid, `[]`: fault.Invalid, `{"event":"heartbeat","seq":-1}`: fault.Invalid,
		``: fault.Invalid,
		// each would be a row of the answer
		`{"event":"log","iteration":-1}`: fault.Invalid, `{"event":"log","iteration":2000000000}`: fault.Invalid,
		`{"event":"log","seq":1099511627776}`: fault.Invalid, `{"event":"failed","seq":1099511627777}`: fault.Invalid,
		`{"event":"log","text":"` + string(make([]byte, limits.LogChunkBytes+1)) + `"}`: fault.Invalid, // raw NULs are no JSON
	} {
		if _, err := Decode([]byte(frame)); !fault.Is(err, want) {
			t.Errorf("Decode(%.40q) = %v", frame, err)
		}
	}
	if _, err := Decode(make([]byte, limits.ChannelMessageBytes+1)); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a frame over the limit: %v", err)
	}
	if msg, err := Decode([]byte(`{"event":"cancelled","job":"j"}`)); err != nil || msg.Event != api.MsgCanceled {
		t.Errorf("cancelled: %+v, %v", msg, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"event":"completed","job":"j","epoch":1,"seq":3,"results":[{"exit_code":0,"stdout":"x"}]}`))
	f.Add([]byte(`{"event":"hello","held":[{"job":"j","epoch":1,"finished":true}]}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		msg, err := Decode(frame)
		if err != nil {
			return
		}
		Decide(held(), "r1", msg)
		again, err := Encode(msg)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("%s does not come back: %v", again, err)
		}
		if a, b := mustEncode(t, back), string(again); a != b {
			t.Errorf("%s came back as %s", b, a)
		}
	})
}

func mustEncode(t *testing.T, msg api.Message) string {
	t.Helper()
	frame, err := Encode(msg)
	if err != nil {
		t.Fatal(err)
	}
	return string(frame)
}
