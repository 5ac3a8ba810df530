package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// GuestBeat is a guest's word that it lives. Benchmark and Percent are for people.
type GuestBeat struct {
	Task, Guest string
	Status      string // boot, provision, running, uploading, finished or error
	Benchmark   string
	Percent     *float64
}

// guestPhases are the statuses of guests as phases of machines.
var guestPhases = map[string]phase{"boot": phaseBoot, "provision": phaseProvision, "running": phaseRunning, "uploading": phaseUploading,
	"finished": phaseFinished, "error": phaseFinished}

// GuestOrder is what a guest is told when it beats.
type GuestOrder struct {
	Cancel bool // nobody wants the result any more
	Task   GuestTask
}

// BeatAsGuest renews the lease of a guest's task. A task that is not, or no longer, that guest's is a Conflict.
func (s *Service) BeatAsGuest(ctx context.Context, actor access.Actor, projectRef string, in GuestBeat) (out GuestOrder, err error) {
	to, known := guestPhases[in.Status]
	switch {
	case !known:
		return out, fault.Invalidf("status %.40q: want boot, provision, running, uploading, finished or error", in.Status)
	case len(in.Benchmark) > 256:
		return out, fault.Invalidf("current_benchmark: %d bytes, the limit is 256", len(in.Benchmark))
	case in.Percent != nil && (*in.Percent < 0 || *in.Percent > 100):
		return out, fault.Invalidf("progress_pct %v: want 0 to 100", *in.Percent)
	}
	phase := in.Status
	if in.Percent != nil {
		phase = fmt.Sprintf("%s %.0f %%", in.Status, *in.Percent)
	}
	err = s.guestChange(ctx, actor, projectRef, in.Task, in.Guest, func(tx *store.Tx, g guestJob, then *job.Done) error {
		out = GuestOrder{}
		if !g.mine {
			return g.notHeld()
		}
		said := []api.Message{{Event: api.MsgPhase, Job: g.row.ID, Epoch: g.row.Epoch, Phase: phase}}
		if to != phaseBoot && to != phaseProvision { // once: what was seen before begins nothing
			said = append(said, api.Message{Event: api.MsgRunning, Job: g.row.ID, Epoch: g.row.Epoch, Seq: 1})
		}
		for _, msg := range said {
			reply, err := s.Jobs.HandleFor(ctx, tx, *g.row.RunnerID, msg, limits.GuestLease, then)
			if err != nil {
				return err
			}
			switch reply.Event {
			case api.MsgAbandon:
				return g.notHeld()
			case api.MsgCancel:
				out.Cancel = true
			}
		}
		if out.Task, err = s.guestTask(ctx, tx, g.sweep, g.rows, g.row); err != nil {
			return err
		}
		return SetBeat(ctx, tx, g.machine.ID, string(to), in.Benchmark)
	})
	return out, err
}

// guestJob is a task that a guest speaks of, with its sweep.
type guestJob struct {
	sweep   Sweep
	rows    all // pools, slots and machines
	row     job.Job
	machine Machine // of the runner that has or had the job
	mine    bool    // that one is the guest
}

func (g guestJob) notHeld() error {
	return fault.Conflictf("task %s is not, or no longer, this runner's", g.row.ID)
}

// delivered reports whether the guest that has or had the job has handed its results over.
func (g guestJob) delivered() bool { return g.row.Results != nil && *g.row.Results != "null" }

// guestChange runs f in a transaction that holds the task's job.
func (s *Service) guestChange(ctx context.Context, actor access.Actor, projectRef, taskID, guest string,
	f func(*store.Tx, guestJob, *job.Done) error) error {
	if err := checkGuest(guest); err != nil {
		return err
	}
	if _, err := s.Door.Find(ctx, actor, access.Submit, projectRef); err != nil {
		return err
	}
	var then job.Done
	err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		then = job.Done{}
		p, err := s.Door.Open(ctx, tx, actor, access.Submit, projectRef)
		if err != nil {
			return err
		}
		g, err := guestJobOf(ctx, tx, p.ID, taskID, guest)
		if err != nil {
			return err
		}
		return f(tx, g, &then)
	})
	if err == nil {
		then.Do()
	}
	return err
}

func guestJobOf(ctx context.Context, tx *store.Tx, projectID, taskID, guest string) (g guestJob, err error) {
	missing := fault.Missingf("task %.70q does not exist", taskID)
	sweepID, _, found, err := SlotOfJob(ctx, tx, taskID)
	if err != nil {
		return g, err
	}
	if !found {
		return g, missing
	}
	if g.sweep, err = ByID(ctx, tx, sweepID); err != nil {
		return g, err
	}
	if g.sweep.ProjectID != projectID || !g.sweep.Plan.Guests {
		return g, missing
	}
	if g.rows, err = rowsOf(ctx, tx, g.sweep); err != nil {
		return g, err
	}
	if g.row, err = job.Hold(ctx, tx, taskID); err != nil || g.row.RunnerID == nil {
		return g, err
	}
	for _, m := range g.rows.machines {
		if m.RunnerID != nil && *m.RunnerID == *g.row.RunnerID {
			g.machine, g.mine = m, guest != "" && m.NativeID == guest
		}
	}
	return g, nil
}

// GuestResult is a guest's word that its task is done, and under which key its archive is.
type GuestResult struct{ Task, Guest, Key string }

// CompleteAsGuest takes a guest's results: its archive must be there and readable before it is acknowledged. Twice is once. Of a guest
// whose task went to another, or is over, the archive is kept as late, and the error is a Conflict.
func (s *Service) CompleteAsGuest(ctx context.Context, actor access.Actor, projectRef string, in GuestResult) error {
	var found job.Output
	var epoch int64
	done := false
	look := func(tx *store.Tx, g guestJob, _ *job.Done) (err error) {
		found, epoch, done, err = s.bundleOf(ctx, tx, g, bundleResult, in.Key)
		return err
	}
	if err := s.guestChange(ctx, actor, projectRef, in.Task, in.Guest, look); err != nil || done {
		return err
	}
	unpacked, err := s.unpack(ctx, found, epoch)
	if err != nil {
		return err
	}
	return s.guestChange(ctx, actor, projectRef, in.Task, in.Guest, func(tx *store.Tx, g guestJob, then *job.Done) error {
		again, _, done, err := s.bundleOf(ctx, tx, g, bundleResult, in.Key)
		switch {
		case err != nil || done:
			return err
		case again.Digest != found.Digest:
			return fault.Conflictf("%s: another archive came while the first was read; complete the task again", in.Key)
		}
		return s.deliver(ctx, tx, g, unpacked, api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}}, then)
	})
}

// bundleOf is the archive that a guest speaks of; done: the guest has said so before, and was acknowledged.
func (s *Service) bundleOf(ctx context.Context, tx *store.Tx, g guestJob, kind, key string) (o job.Output, epoch int64, done bool,
	err error) {
	if key == "" {
		return o, 0, false, fault.Invalidf("task %s: s3_result_key is missing", g.row.ID)
	}
	k, err := parseObjectKey(key)
	if err != nil || k.run != g.sweep.ExternalID || k.job != g.row.ID || k.kind != kind {
		return o, 0, false, fault.Invalidf("key %.200q is not one that this task was given", key)
	}
	outputs, err := job.JobOutputs(ctx, tx, g.row.ID, k.epoch)
	if err != nil {
		return o, 0, false, err
	}
	there := false
	for _, one := range outputs {
		if one.Kind == string(api.ArtifactBundle) && one.Path == kind {
			o, there = one, true
		}
	}
	now := g.mine && k.epoch == g.row.Epoch
	switch {
	case k.epoch > g.row.Epoch || g.row.RunnerID == nil:
		return o, 0, false, fault.Invalidf("key %.200q is not one that this task was given", key)
	case now && g.delivered():
		return o, k.epoch, true, nil
	case there && (k.epoch < g.row.Epoch || now && g.over()):
		return o, k.epoch, false, fault.Conflictf("task %s is no longer this runner's; its result is kept as late: %s", g.row.ID, key)
	case !now || g.over():
		return o, 0, false, g.notHeld()
	case !there:
		return o, 0, false, fault.Invalidf("%s: nothing was uploaded there; PUT it to the address that came with the task, then say so again",
			key)
	}
	return o, k.epoch, false, nil
}

// over reports whether no result is taken any more. That of a runner that was only not heard of still is.
func (g guestJob) over() bool {
	switch api.JobStatus(g.row.State) {
	case api.JobFailed, api.JobCanceled, api.JobProcessed:
		return g.row.Reason == nil || *g.row.Reason != string(api.ReasonRunnerLost)
	}
	return false
}

// deliver notes what was unpacked and lets the runner say its last word.
func (s *Service) deliver(ctx context.Context, tx *store.Tx, g guestJob, unpacked []job.Output, msg api.Message, then *job.Done) error {
	for _, o := range unpacked {
		if err := job.PutJobOutput(ctx, tx, g.row.ID, o); err != nil {
			return err
		}
	}
	msg.Job, msg.Epoch, msg.Seq = g.row.ID, g.row.Epoch, channel.TerminalSeq
	reply, err := s.Jobs.HandleFor(ctx, tx, *g.row.RunnerID, msg, 0, then)
	if err == nil && reply.Event != api.MsgAck {
		err = g.notHeld()
	}
	if err != nil {
		return err
	}
	if msg.Event == api.MsgCompleted { // a word that comes too late is acknowledged, and changes nothing
		now, err := job.ByID(ctx, tx, g.row.ID)
		if err != nil {
			return err
		}
		if now.State != string(api.JobCompleted) {
			return fault.Conflictf("task %s is over: it is %s", g.row.ID, now.State)
		}
	}
	return SetBeat(ctx, tx, g.machine.ID, string(phaseReady), "")
}

// GuestFailure is a guest's word that its task has failed. The key is of an archive with what there is; it may be missing.
type GuestFailure struct{ Task, Guest, Type, Message, Key string }

// guestReasons are what guests call their failures. An upload that failed is not the benchmark's fault: the task is tried again.
var guestReasons = map[string]api.Reason{"timeout": api.ReasonBenchmarkTimeout, "upload_failed": api.ReasonRunnerAborted}

// FailAsGuest takes a guest's failure. Twice is once; of a guest whose task went to another it is a Conflict. What is in its archive is
// kept with the job as far as it can be read.
func (s *Service) FailAsGuest(ctx context.Context, actor access.Actor, projectRef string, in GuestFailure) error {
	if len(in.Type) > 64 || len(in.Message) > limits.LogChunkBytes {
		return fault.Invalidf("error_type: at most 64 bytes; error_message: at most %d", limits.LogChunkBytes)
	}
	var found job.Output
	var epoch int64
	if err := s.guestChange(ctx, actor, projectRef, in.Task, in.Guest, func(tx *store.Tx, g guestJob, _ *job.Done) (err error) {
		found, epoch = job.Output{}, 0
		switch {
		case !g.mine:
			return g.notHeld()
		case g.delivered():
			return fault.Conflictf("task %s was completed; it cannot fail any more", g.row.ID)
		case in.Key == "":
			return nil
		}
		if k, err := parseObjectKey(in.Key); err == nil && k.job == g.row.ID && k.epoch != g.row.Epoch { // of an earlier claim, said again
			return g.notHeld()
		}
		found, epoch, _, err = s.bundleOf(ctx, tx, g, bundleError, in.Key)
		if fault.Is(err, fault.Invalid) && parses(in.Key) { // nothing was uploaded, which hides no failure
			found, err = job.Output{}, nil
		}
		if fault.Is(err, fault.Conflict) && g.mine { // said before
			err = nil
		}
		return err
	}); err != nil {
		return err
	}
	var unpacked []job.Output
	if found.Digest != "" {
		var err error
		if unpacked, err = s.unpack(ctx, found, epoch); err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
			return err
		}
	}
	msg := api.Message{Event: api.MsgFailed, Reason: cmp.Or(guestReasons[in.Type], api.ReasonBenchmarkExit),
		Error: in.Type + ": " + in.Message}
	return s.guestChange(ctx, actor, projectRef, in.Task, in.Guest, func(tx *store.Tx, g guestJob, then *job.Done) error {
		switch {
		case !g.mine || epoch != 0 && epoch != g.row.Epoch:
			return g.notHeld()
		case g.delivered():
			return fault.Conflictf("task %s was completed; it cannot fail any more", g.row.ID)
		}
		return s.deliver(ctx, tx, g, unpacked, msg, then)
	})
}

func parses(key string) bool {
	_, err := parseObjectKey(key)
	return err == nil
}

// PutObject stores an archive under a key that a guest was given. Who has the signed address may do so until its time is over, also when
// the task went to another meanwhile: such a result is late, and kept. What was acknowledged is not replaced.
func (s *Service) PutObject(ctx context.Context, key string, body io.Reader, maxBytes int64) error {
	k, err := parseObjectKey(key)
	if err != nil {
		return err
	}
	check := func(tx *store.Tx, read func(context.Context, *store.Tx, string) (job.Job, error)) (g guestJob, err error) {
		sweepID, _, found, err := SlotOfJob(ctx, tx, k.job)
		if err != nil {
			return g, err
		}
		if found {
			if g.sweep, err = ByID(ctx, tx, sweepID); err != nil {
				return g, err
			}
		}
		if !found || !g.sweep.Plan.Guests || g.sweep.ExternalID != k.run {
			return g, fault.Missingf("object %q: its task does not exist any more", key)
		}
		switch err := s.projectLives(ctx, tx, g.sweep); {
		case errors.Is(err, errNoMachine):
			return g, fault.Missingf("object %q: its task does not exist any more", key)
		case err != nil:
			return g, err
		}
		if g.row, err = read(ctx, tx, k.job); err != nil {
			return g, err
		}
		if k.epoch == g.row.Epoch && g.delivered() {
			return g, fault.Conflictf("object %q: its task is over, and what was acknowledged stays", key)
		}
		return g, nil
	}
	if err := s.Store.View(ctx, func(tx *store.Tx) error { // before the bytes come
		_, err := check(tx, job.ByID)
		return err
	}); err != nil {
		return err
	}
	o, err := s.Jobs.Keep(ctx, body, min(maxBytes, limits.BundleBytes))
	if err != nil {
		return err
	}
	o.Epoch, o.Kind, o.Path = k.epoch, string(api.ArtifactBundle), k.kind
	return s.Store.Tx(ctx, func(tx *store.Tx) error {
		if _, err := check(tx, job.Hold); err != nil {
			return err
		}
		return job.PutJobOutput(ctx, tx, k.job, o)
	})
}

// SendObject writes an archive that a guest has uploaded, or that of a whole sweep, for who has a signed address.
func (s *Service) SendObject(ctx context.Context, key string, w io.Writer) error {
	if of := combinedForm().FindStringSubmatch(key); of != nil {
		a := &Archive{service: s}
		if err := s.Store.View(ctx, func(tx *store.Tx) error {
			found, err := ByID(ctx, tx, of[1])
			if err != nil {
				return err
			}
			p, err := project.ByRef(ctx, tx, found.ProjectID)
			if err != nil {
				return err
			}
			return a.open(ctx, tx, p, found)
		}); err != nil {
			return err
		}
		return a.Write(ctx, w)
	}
	found, err := s.bundle(ctx, key)
	if err != nil {
		return err
	}
	body, _, err := s.Jobs.Stored(ctx, found)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

// bundle is the archive under a guest's key.
func (s *Service) bundle(ctx context.Context, key string) (o job.Output, err error) {
	k, err := parseObjectKey(key)
	if err != nil {
		return o, err
	}
	missing := fault.Missingf("object %q does not exist", key)
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		o = job.Output{}
		sweepID, _, known, err := SlotOfJob(ctx, tx, k.job)
		if err != nil || !known {
			return cmp.Or(err, error(missing))
		}
		of, err := ByID(ctx, tx, sweepID)
		if err != nil {
			return err
		}
		err = s.projectLives(ctx, tx, of)
		switch {
		case of.ExternalID != k.run, errors.Is(err, errNoMachine):
			return missing
		case err != nil:
			return err
		}
		outputs, err := job.JobOutputs(ctx, tx, k.job, k.epoch)
		for _, one := range outputs {
			if one.Kind == string(api.ArtifactBundle) && one.Path == k.kind {
				o = one
			}
		}
		return err
	})
	if err == nil && o.Digest == "" {
		err = missing
	}
	return o, err
}

// GuestCounts are the tasks of a sweep of guests by what became of them. Late are archives that came when their task was another's or over.
type GuestCounts struct{ Total, Pending, Claimed, Running, Completed, Failed, Canceled, Late int }

// GuestRun returns a sweep of guests with its counts, and the keys of archives that came too late, limits.GuestLate at most; without a
// name the newest one.
func (s *Service) GuestRun(ctx context.Context, actor access.Actor, projectRef, ref string) (run api.Sweep, n GuestCounts, late []string,
	err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		p, err := s.Door.Open(ctx, tx, actor, access.ViewProject, projectRef)
		if err != nil {
			return err
		}
		var w Sweep
		if ref == "" {
			w, err = newestOfGuests(ctx, tx, p.ID)
		} else {
			w, err = guestSweep(ctx, tx, p.ID, ref)
		}
		if err != nil {
			return err
		}
		rows, err := counted(ctx, tx, w)
		if err != nil {
			return err
		}
		run = rows.wire(tx.Now())
		if n, err = GuestCountsOf(ctx, tx, w.ID); err != nil {
			return err
		}
		late, err = lateKeys(ctx, tx, w, limits.GuestLate)
		return err
	})
	return run, n, late, err
}

// StopGuests drains a sweep of guests: what runs may end. Without a name it is the one that is open; of several one must be named.
func (s *Service) StopGuests(ctx context.Context, actor access.Actor, projectRef, ref string) (api.Sweep, error) {
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		p, err := s.Door.Open(ctx, tx, actor, access.RunSweep, projectRef)
		if err != nil {
			return err
		}
		if ref != "" {
			_, err = guestSweep(ctx, tx, p.ID, ref)
			return err
		}
		open, err := GuestSweeps(ctx, tx, p.ID, 2)
		switch {
		case err != nil:
			return err
		case len(open) == 0:
			return fault.Missingf("no run is open")
		case len(open) > 1:
			return fault.Conflictf("several runs are open; name one: POST /runs/%s/stop", open[0].ExternalID)
		}
		ref = open[0].ID
		return nil
	}); err != nil {
		return api.Sweep{}, err
	}
	out, err := s.Update(ctx, actor, projectRef, ref, api.UpdateSweep{Do: string(core.Stop)})
	if fault.Is(err, fault.Conflict) { // it is over, which is what was asked for
		return s.Get(ctx, actor, projectRef, ref)
	}
	return out, err
}
