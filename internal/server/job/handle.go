package job

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/fault"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/store"
)

// Handle takes a message of a runner about one job and returns the reply. It is the same for WebSocket and HTTP. When it returns without
// an error, what the reply acknowledges is stored.
func (s *Service) Handle(ctx context.Context, runnerID string, msg api.Message) (api.Message, error) {
	if msg.Event == api.MsgHeartbeat {
		if reply, ok, err := s.heartbeat(ctx, runnerID, msg); ok || err != nil {
			return reply, err
		}
	}
	if channel.Terminal(msg.Event) {
		if err := s.keepInline(ctx, runnerID, &msg); err != nil {
			return api.Message{}, err
		}
	}
	var h handled
	if err := s.Store.Tx(ctx, func(tx *store.Tx) (err error) {
		h, err = s.handle(ctx, tx, runnerID, msg)
		return err
	}); err != nil {
		return api.Message{}, err
	}
	s.handled(ctx, runnerID, h)
	return h.decision.Reply, nil
}

// handled is what a message came to in its transaction.
type handled struct {
	decision channel.Decision
	row      Job
	changed  bool
	printed  *logged // how much live output is stored; nil: as much as before
}

// handle is Handle in a transaction. handled follows after the commit.
func (s *Service) handle(ctx context.Context, tx *store.Tx, runnerID string, msg api.Message) (h handled, err error) {
	var view *channel.View
	if h.row, err = Hold(ctx, tx, msg.Job); err == nil {
		view = viewOf(h.row)
	} else if !fault.Is(err, fault.Missing) {
		return h, err
	}
	h.decision = channel.Decide(view, runnerID, msg)
	if view == nil {
		return h, nil
	}
	h.changed = len(h.decision.Events) > 0 || h.decision.Phase || h.decision.Log
	if h.printed, err = s.write(ctx, tx, &h.row, h.decision, msg); err != nil || len(h.decision.Events) > 0 || !h.changed {
		return h, err
	}
	return h, tell(ctx, tx, h.row)
}

func (s *Service) handled(ctx context.Context, runnerID string, h handled) {
	s.beat(h.row.ID, runnerID, h.decision.Renew)
	if h.printed != nil {
		s.mu.Lock()
		s.logged[h.row.ID] = *h.printed
		s.mu.Unlock()
	}
	if h.changed {
		s.settled(ctx, h.row)
	}
	if slices.ContainsFunc(h.decision.Events, func(e corejob.Event) bool { return corejob.SignOf(e) == corejob.Broken }) {
		s.tellDrained(ctx, runnerID)
	}
}

func viewOf(row Job) *channel.View {
	return &channel.View{Job: jobOf(row), ID: row.ID, RunnerID: text(row.RunnerID), LastSeq: row.LastSeq}
}

// heartbeat answers from one read when nothing is to be written, which is nearly always; ok is false otherwise.
func (s *Service) heartbeat(ctx context.Context, runnerID string, msg api.Message) (reply api.Message, ok bool, err error) {
	var d channel.Decision
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		row, err := ByID(ctx, tx, msg.Job)
		if fault.Is(err, fault.Missing) {
			d = channel.Decide(nil, runnerID, msg)
			return nil
		}
		if err != nil {
			return err
		}
		d = channel.Decide(viewOf(row), runnerID, msg)
		return nil
	})
	if err != nil || len(d.Events) > 0 {
		return api.Message{}, false, err
	}
	s.beat(msg.Job, runnerID, d.Renew)
	return d.Reply, true, nil
}

// beat remembers a sign of life until the next flush. One that renews nothing takes no other's away: it may come from a stale runner.
func (s *Service) beat(jobID, runnerID string, renew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[runnerID] = s.Now()
	if renew {
		s.beats[jobID] = true
	}
}

// write does what a decision asks for. printed is how much live output is stored after the commit; nil: as much as before.
func (s *Service) write(ctx context.Context, tx *store.Tx, row *Job, d channel.Decision, msg api.Message) (printed *logged, err error) {
	if d.Seen > row.LastSeq {
		row.LastSeq = d.Seen
	}
	if d.Result {
		if err := setResults(row, msg); err != nil {
			return nil, err
		}
	}
	if d.Phase {
		row.Phase = orNil(cut(msg.Phase, 64))
	}
	if d.Log {
		if printed, err = s.log(ctx, tx, *row, msg); err != nil {
			return nil, err
		}
	}
	for _, e := range d.Events {
		e.Error = cut(e.Error, 4*limits.KiB)
		if e.Kind == corejob.Fail && e.Error == "" {
			e.Error = sentence(e.Reason)
		}
		if err := s.apply(ctx, tx, row, e); err != nil {
			return nil, err
		}
	}
	if len(d.Events) == 0 && (d.Seen > 0 || d.Phase) {
		return printed, Save(ctx, tx, *row)
	}
	return printed, nil
}

func setResults(row *Job, msg api.Message) error {
	for i := range msg.Results {
		msg.Results[i].Stdout, msg.Results[i].Stderr, msg.Results[i].Output = nil, nil, nil // they are outputs
	}
	raw, err := json.Marshal(msg.Results)
	if err != nil {
		return err
	}
	row.Results = orNil(string(raw))
	if msg.Host != nil {
		if raw, err = json.Marshal(msg.Host); err != nil {
			return err
		}
		row.Host = orNil(string(raw))
	}
	return nil
}

// logged is how much live output of a claim is stored.
type logged struct {
	epoch, bytes int64
}

// logStops is the last chunk of a claim that printed more than limits.LiveLogBytes.
const logStops = "\n[the live output stops here; the whole comes when the job ends]\n"

// log stores a chunk of live output, up to the limit of a claim, and returns how much there is then; past it the outputs alone have the
// rest.
func (s *Service) log(ctx context.Context, tx *store.Tx, row Job, msg api.Message) (*logged, error) {
	s.mu.Lock()
	have, known := s.logged[row.ID]
	s.mu.Unlock()
	if !known || have.epoch != row.Epoch {
		size, err := JobLogSize(ctx, tx, row.ID, row.Epoch)
		if err != nil {
			return nil, err
		}
		have = logged{row.Epoch, size}
	}
	if have.bytes > limits.LiveLogBytes || msg.Text == "" {
		return nil, nil
	}
	body := strings.ToValidUTF8(strings.ReplaceAll(msg.Text, "\x00", "�"), "�")
	size := int64(len(body))
	if have.bytes+size > limits.LiveLogBytes {
		body, size = logStops, limits.LiveLogBytes-have.bytes+1
	}
	have.bytes += size
	stream := msg.Stream
	if stream != api.ArtifactStderr {
		stream = api.ArtifactStdout
	}
	return &have, InsertJobLog(ctx, tx, row.ID, Log{Epoch: row.Epoch, Seq: msg.Seq, Iteration: msg.Iteration, Stream: string(stream),
		Body: body})
}

func cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// sentence says a reason in words, for a runner that did not.
func sentence(r api.Reason) string {
	words := map[api.Reason]string{
		api.ReasonBenchmarkExit: "the benchmark ended with an error", api.ReasonBenchmarkTimeout: "the benchmark ran longer than its timeout",
		api.ReasonOutOfMemory: "the benchmark used more memory than its spec has",
		api.ReasonLimit:       "the benchmark passed a limit of output, disk or processes",
		api.ReasonImagePull:   "the image could not be fetched", api.ReasonImageInvalid: "the image was refused",
		api.ReasonSandbox:   "the sandbox could not be set up",
		api.ReasonHostUnfit: "the runner's machine is not what the spec asks for", api.ReasonRunnerAborted: "the runner was stopped",
	}
	if w, ok := words[r]; ok {
		return w
	}
	return "the runner reported a failure"
}

// keepInline stores texts that came in the terminal message itself, as a Bencher runner sends them.
func (s *Service) keepInline(ctx context.Context, runnerID string, msg *api.Message) error {
	for i, result := range msg.Results {
		put := func(kind api.ArtifactKind, path string, body *string) error {
			if body == nil {
				return nil
			}
			return s.PutOutput(ctx, runnerID, msg.Job, OutputParams{Epoch: msg.Epoch, Iteration: i, Kind: kind, Path: path},
				strings.NewReader(*body))
		}
		err := put(api.ArtifactStdout, "", result.Stdout)
		if err == nil {
			err = put(api.ArtifactStderr, "", result.Stderr)
		}
		for path, body := range result.Output {
			if err == nil {
				err = put(api.ArtifactFile, path, &body)
			}
		}
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Missing) {
			return nil // a stale runner: the decision will say so
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// OutputParams say which output a body is.
type OutputParams struct {
	Epoch     int64
	Iteration int
	Kind      api.ArtifactKind
	Path      string
	Truncated bool
}

// PutOutput stores one output of the runner that holds the job. The same again is the same.
func (s *Service) PutOutput(ctx context.Context, runnerID, jobID string, p OutputParams, body io.Reader) error {
	switch {
	case p.Kind != api.ArtifactStdout && p.Kind != api.ArtifactStderr && p.Kind != api.ArtifactFile:
		return fault.Invalidf("output: %.40q is not stdout, stderr or file", string(p.Kind))
	case p.Iteration < 0 || p.Iteration >= limits.IterationsPerJob:
		return fault.Invalidf("output: iteration %d, want 0 to %d", p.Iteration, limits.IterationsPerJob-1)
	case (p.Path == "") == (p.Kind == api.ArtifactFile) || len(p.Path) > limits.ImagePathBytes:
		return fault.Invalidf("output: a file has a path of at most %d bytes, a stream has none", limits.ImagePathBytes)
	}
	row, err := s.held(ctx, runnerID, jobID, p.Epoch)
	if err != nil {
		return err
	}
	if p.Iteration >= row.Iterations {
		return fault.Invalidf("output: iteration %d of a job that has %d", p.Iteration, row.Iterations)
	}
	digest, size, err := s.Blobs.Put(ctx, body, limits.UploadBodyBytes)
	if err != nil {
		return err
	}
	s.beat(jobID, runnerID, true)
	output := Output{
		Epoch: row.Epoch, Iteration: p.Iteration, Kind: string(p.Kind), Path: p.Path, Digest: string(digest), SizeBytes: size,
		Truncated: p.Truncated,
	}
	return s.Store.Tx(ctx, func(tx *store.Tx) error {
		now, err := Hold(ctx, tx, jobID)
		if err != nil {
			return err
		}
		if !holds(now, runnerID, row.Epoch) { // the upload may have taken long
			return notHeld(jobID, row.Epoch)
		}
		others, err := JobOutputsSize(ctx, tx, jobID, output)
		if err != nil {
			return err
		}
		if others+size > limits.JobOutputTotal {
			return fault.TooLargef("job %s: its outputs are over %d bytes together", jobID, int64(limits.JobOutputTotal))
		}
		return PutJobOutput(ctx, tx, jobID, output)
	})
}

// Hello answers a runner that (re)connects: one reply for each job that it holds, last the ack. Jobs that it should hold and does not are
// lost and go back at once.
func (s *Service) Hello(ctx context.Context, runnerID string, msg api.Message) ([]api.Message, error) {
	if _, err := s.hear(ctx, runnerID, msg.Runner, false); err != nil {
		return nil, err
	}
	var mine []Job
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		mine, err = InFlightOf(ctx, tx, runnerID)
		return err
	}); err != nil {
		return nil, err
	}
	has := map[string]int64{}
	for _, h := range msg.Held {
		has[h.Job] = h.Epoch
	}
	for _, row := range mine {
		if epoch, ok := has[row.ID]; !ok || epoch != row.Epoch {
			err := s.change(ctx, row.ID, corejob.Event{Kind: corejob.Lose, Error: "the runner came back without it"})
			if err != nil && !fault.Is(err, fault.Conflict) {
				return nil, err
			}
		}
	}
	var replies []api.Message
	for _, h := range msg.Held {
		reply, err := s.greet(ctx, runnerID, h)
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
	}
	return append(replies, api.Message{Event: api.MsgAck, Seq: msg.Seq}), nil
}

// greet answers for one held job: one that runs counts as a heartbeat; a result is wanted unless nobody may have it any more.
func (s *Service) greet(ctx context.Context, runnerID string, h api.HeldJob) (api.Message, error) {
	if !h.Finished {
		return s.Handle(ctx, runnerID, api.Message{Event: api.MsgHeartbeat, Job: h.Job, Epoch: h.Epoch})
	}
	reply := api.Message{Event: api.MsgAck, Job: h.Job, Epoch: h.Epoch}
	if _, err := s.held(ctx, runnerID, h.Job, h.Epoch); fault.Is(err, fault.Conflict) || fault.Is(err, fault.Missing) {
		reply.Event = api.MsgAbandon
	} else if err != nil {
		return reply, err
	}
	s.beat(h.Job, runnerID, reply.Event == api.MsgAck)
	return reply, nil
}

// Draining notes that a runner takes no more jobs.
func (s *Service) Draining(ctx context.Context, runnerID string) error {
	_, err := s.hear(ctx, runnerID, nil, true)
	return err
}

// output reads the last bytes of a stored output, at most most of them; all of it if most is negative. All of it is compared with its
// digest, so results are read that way; an end is for people, and is known to be the end by the blob's size alone.
func (s *Service) output(ctx context.Context, o Output, most int64) (string, error) {
	offset := int64(0)
	if most >= 0 && o.SizeBytes > most {
		offset = o.SizeBytes - most
	}
	d, err := blobDigest(o)
	if err != nil {
		return "", err
	}
	rc, size, err := s.Blobs.Open(ctx, d, offset, -1)
	if fault.Is(err, fault.Invalid) { // it does not reach as far as the end that is wanted
		return "", blob.Damaged(d)
	}
	if err != nil {
		return "", err
	}
	defer rc.Close()
	if size != o.SizeBytes {
		return "", blob.Damaged(d)
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, rc); err != nil {
		return "", err
	}
	return b.String(), nil
}
