package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/measurement"
	"github.com/tachograph/tacho/internal/core/suite"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/store"
)

// tried counts how often the results of a job could not be read for a reason of ours, and says when to try again.
type tried struct {
	times int
	next  time.Time
}

// enqueue has a completed job's results read, once however often it is brought. When the pool is far behind, the sweeper brings it again.
func (s *Service) enqueue(jobID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading[jobID] || s.Now().Before(s.tries[jobID].next) {
		return
	}
	select {
	case s.toRead <- jobID:
		s.reading[jobID] = true
	default:
	}
}

// enqueueReport is enqueue for a job that has just completed, if its report waits for no other. Like Delivered it names the first of
// several, so that they are read once.
func (s *Service) enqueueReport(ctx context.Context, row Job) {
	jobs := []Job{row}
	if row.Parts > 1 {
		err := s.Store.View(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
			jobs, err = OfReport(ctx, tx, row.ReportID)
			return err
		})
		s.note(ctx, "look whether all jobs of a report have completed", err)
	}
	if measurement.StandOf(states(jobs)) == measurement.Delivered {
		s.enqueue(jobs[0].ID)
	}
}

// requeueCompleted brings all completed jobs, at the start and whenever the sweeper finds some that nobody read.
func (s *Service) requeueCompleted(ctx context.Context) {
	var ids []string
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		ids, err = Delivered(ctx, tx)
		return err
	})
	s.note(ctx, "look for completed jobs", err)
	for _, id := range ids {
		s.enqueue(id)
	}
}

func (s *Service) read(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-s.toRead:
			s.note(ctx, "read results", s.Process(ctx, id))
			s.mu.Lock()
			delete(s.reading, id)
			s.mu.Unlock()
		}
	}
}

// delivered is a job with what it left.
type delivered struct {
	Job
	outputs []Output
}

// gather returns the jobs that a job's report waits for if all of them have delivered, in the order in which they ran.
func gather(ctx context.Context, tx *store.Tx, jobID string) (out []delivered, err error) {
	row, err := ByID(ctx, tx, jobID)
	if err != nil || row.State != string(api.JobCompleted) {
		return nil, err
	}
	rows := []Job{row}
	if row.Parts > 1 {
		if rows, err = OfReport(ctx, tx, row.ReportID); err != nil || measurement.StandOf(states(rows)) != measurement.Delivered {
			return nil, err
		}
	}
	for _, row := range rows {
		outputs, err := JobOutputs(ctx, tx, row.ID, row.Epoch)
		if err != nil {
			return nil, err
		}
		out = append(out, delivered{row, outputs})
	}
	return out, nil
}

// Process reads, judges and stores the results of a completed job, with those of the other jobs that its report waits for; while one of
// these has not delivered, and for a job in another state, it does nothing. Results that cannot be read end the job that left them as
// failed, with the sentence for people; that is no error of Process.
func (s *Service) Process(ctx context.Context, jobID string) error {
	var jobs []delivered
	if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		jobs, err = gather(ctx, tx, jobID)
		return err
	}); err != nil || len(jobs) == 0 {
		return err
	}
	row, event, err := s.process(ctx, jobs)
	if fault.Is(err, fault.Conflict) && s.over(ctx, jobID) {
		return nil // another server has read it
	}
	if err != nil {
		return s.again(ctx, jobs[0].Job, fmt.Errorf("read results of job %s: %w", jobID, err))
	}
	s.mu.Lock()
	delete(s.tries, jobID)
	s.mu.Unlock()
	if event.Kind == corejob.Reject {
		if err := s.change(ctx, row.ID, event); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
		return nil
	}
	for _, done := range jobs {
		done.State = string(api.JobProcessed)
		s.settled(ctx, done.Job)
	}
	return nil
}

// over reports whether a job's results do not wait to be read any more.
func (s *Service) over(ctx context.Context, jobID string) (over bool) {
	s.note(ctx, "look whether results were read", s.Store.View(ctx, func(tx *store.Tx) error {
		row, err := ByID(ctx, tx, jobID)
		over = err == nil && row.State != string(api.JobCompleted)
		return err
	}))
	return over
}

// again counts a failure of ours, such as a full disk, and gives the job up after the last try. Until then the sweeper brings it again.
func (s *Service) again(ctx context.Context, row Job, cause error) error {
	if ctx.Err() != nil {
		return cause // we are shutting down; the next process reads it
	}
	s.mu.Lock()
	t := s.tries[row.ID]
	t.times++
	t.next = s.Now().Add(min(limits.ReadRetryMax, limits.SweepInterval<<t.times))
	s.tries[row.ID] = t
	if t.times >= limits.ReadTries {
		delete(s.tries, row.ID)
	}
	s.mu.Unlock()
	if t.times < limits.ReadTries {
		return cause
	}
	s.Log.ErrorContext(ctx, "gave up reading results", "job", row.ID, "error", cause)
	return s.change(ctx, row.ID, corejob.Event{Kind: corejob.Reject, Reason: api.ReasonServer,
		Error: "the server could not read or store the results; its log says why; retry the job"})
}

// process returns the event that happened to all of the jobs, or that is to happen to one of them: Process is applied in the transaction
// that stores the report. A panic, which only a defect of ours and the right output can bring about, is an error like others: it must not
// end the server again at each start.
func (s *Service) process(ctx context.Context, jobs []delivered) (of Job, event corejob.Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			event, err = corejob.Event{}, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	of = jobs[0].Job
	if last := jobs[len(jobs)-1]; outputsOf(jobs) > limits.JobOutputTotal { // all of them are in memory at once
		return last.Job, corejob.Event{Kind: corejob.Reject, Reason: api.ReasonLimit, Error: fmt.Sprintf(
			"the outputs of the report's %d jobs are together larger than the limit of %s", len(jobs), unit.SizeText(limits.JobOutputTotal))}, nil
	}
	var all Delivery
	for _, one := range jobs {
		if event, err = s.collect(ctx, &all, one); err != nil || event.Kind != "" {
			return one.Job, event, err
		}
	}
	if len(jobs) == 1 {
		all.Sources = nil
	}
	if all.Warnings, err = s.elsewhereMeasured(ctx, jobs); err != nil {
		return of, event, err
	}
	err = s.Reports.FinishReport(ctx, of.ReportID, all, func(tx *store.Tx) error {
		rows, err := HoldOfReport(ctx, tx, of.ReportID)
		if err != nil {
			return err
		}
		if len(rows) != len(jobs) {
			return fault.Conflictf("the jobs of report %s have changed", of.ReportID)
		}
		for _, now := range rows {
			if err := s.apply(ctx, tx, &now, corejob.Event{Kind: corejob.Process}); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.TooLarge):
		return whose(jobs, all, err), corejob.Event{Kind: corejob.Reject, Reason: api.ReasonAdapter, Error: fault.Message(err)}, nil
	case err != nil:
		return of, corejob.Event{}, err
	}
	return of, corejob.Event{Kind: corejob.Process}, nil
}

// whose is the job that left the input that an error is of; the first one where the error is of all of them.
func whose(jobs []delivered, all Delivery, err error) Job {
	var of interface{ Input() int }
	if errors.As(err, &of) && of.Input() < len(all.Sources) {
		for _, one := range jobs {
			if one.ID == all.Sources[of.Input()] {
				return one.Job
			}
		}
	}
	return jobs[0].Job
}

// outputsOf is how many bytes jobs left.
func outputsOf(jobs []delivered) (total int64) {
	for _, one := range jobs {
		for _, o := range one.outputs {
			total += o.SizeBytes
		}
	}
	return total
}

// collect adds what a job left to that of the jobs before it, or says why it cannot be used.
func (s *Service) collect(ctx context.Context, all *Delivery, one delivered) (unusable corejob.Event, err error) {
	config, err := one.Configuration()
	if err != nil {
		return unusable, err
	}
	results, err := resultsOf(one.Job)
	if err != nil {
		return unusable, err
	}
	if bad := unsound(results, config.AllowFailure); bad.Kind != "" {
		return bad, nil
	}
	inputs, err := s.taken(ctx, one)
	if refused, is := errors.AsType[*suite.Refused](err); is {
		return corejob.Event{Kind: corejob.Reject, Reason: api.ReasonVariant, Error: refused.Sentence}, nil
	}
	if err != nil {
		return unusable, err
	}
	if len(inputs) == 0 {
		return corejob.Event{Kind: corejob.Reject, Reason: api.ReasonNoResult,
			Error: "the benchmark succeeded and left no output to read results from"}, nil
	}
	all.Add(one.ID, inputs)
	if one.Host != nil && all.Host == nil {
		all.Host = new(api.HostFacts)
		if err := json.Unmarshal([]byte(*one.Host), all.Host); err != nil {
			return unusable, fmt.Errorf("read host facts: %w", err)
		}
	}
	end := s.Now()
	if one.Completed != nil {
		end = *one.Completed
	}
	if end.After(all.End) {
		all.End = end
	}
	return unusable, nil
}

// elsewhereMeasured warns of jobs of one report that several machines ran: what differs between these is in the results.
func (s *Service) elsewhereMeasured(ctx context.Context, jobs []delivered) (warnings []string, err error) {
	var ids []string
	for _, one := range jobs {
		if id := text(one.RunnerID); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) < 2 {
		return nil, nil
	}
	var runners map[string]fleet.Runner
	if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		runners, err = fleet.RunnersByID(ctx, tx, ids)
		return err
	}); err != nil {
		return nil, err
	}
	for i, id := range ids {
		ids[i] = runners[id].Slug
	}
	slices.Sort(ids)
	return []string{fmt.Sprintf("measured on %d machines (%s): how these differ is in the results, and the host that is shown is one of them",
		len(ids), strings.Join(ids, ", "))}, nil
}

func resultsOf(row Job) ([]api.IterationOutput, error) {
	var results []api.IterationOutput
	if row.Results == nil {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(*row.Results), &results); err != nil {
		return nil, fmt.Errorf("read results of job %s: %w", row.ID, err)
	}
	return results, nil
}

// unsound rejects results of which an iteration did not end well, whatever the runner called them: a number that a broken run printed must
// not be judged. What was printed stays.
func unsound(results []api.IterationOutput, allowFailure bool) corejob.Event {
	for i, r := range results {
		switch {
		case r.TimedOut:
			return corejob.Event{Kind: corejob.Reject, Reason: api.ReasonBenchmarkTimeout,
				Error: fmt.Sprintf("iteration %d ran longer than its timeout", i+1)}
		case r.OOMKilled:
			return corejob.Event{Kind: corejob.Reject, Reason: api.ReasonOutOfMemory,
				Error: fmt.Sprintf("iteration %d used more memory than its spec has", i+1)}
		case r.ExitCode != 0 && !allowFailure:
			return corejob.Event{Kind: corejob.Reject, Reason: api.ReasonBenchmarkExit,
				Error: fmt.Sprintf("iteration %d ended with exit code %d", i+1, r.ExitCode)}
		}
	}
	return corejob.Event{}
}

// Inputs are the texts to read of a report's jobs, as their last attempts left them; none where the report has no job.
func (s *Service) Inputs(ctx context.Context, reportID string) (all Delivery, err error) {
	var jobs []delivered
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		jobs = nil
		rows, err := OfReport(ctx, tx, reportID)
		for _, row := range rows {
			outputs, err := JobOutputs(ctx, tx, row.ID, row.Epoch)
			if err != nil {
				return err
			}
			jobs = append(jobs, delivered{row, outputs})
		}
		return err
	}); err != nil {
		return all, err
	}
	for _, one := range jobs {
		inputs, err := s.taken(ctx, one)
		if refused, is := errors.AsType[*suite.Refused](err); is {
			return all, fault.Wrap(fault.Invalid, err, "%s", refused.Sentence)
		}
		if err != nil {
			return all, err
		}
		all.Add(one.ID, inputs)
	}
	if len(jobs) == 1 {
		all.Sources = nil
	}
	return all, nil
}

// taken are the texts to read of one job. A task's are held against what they must say; the error is *suite.Refused then.
func (s *Service) taken(ctx context.Context, one delivered) ([]string, error) {
	if one.SlotID == nil || s.Tasks == nil {
		return s.inputs(ctx, one.outputs)
	}
	reading, err := s.Tasks.Reading(ctx, one.ID)
	if err != nil {
		return nil, err
	}
	outputs := one.outputs
	if reading.File != "" { // the others are for people: what is printed, too
		outputs = slices.DeleteFunc(slices.Clone(outputs), func(o Output) bool {
			return o.Kind != string(api.ArtifactFile) || path.Clean(o.Path) != path.Clean(reading.File)
		})
	}
	inputs, err := s.inputs(ctx, outputs)
	if err != nil || reading.Check == nil {
		return inputs, err
	}
	for _, text := range inputs {
		if err := reading.Check([]byte(text)); err != nil {
			return nil, err
		}
	}
	return inputs, nil
}

// inputs are the texts to read, one for each file, or for the stdout of an iteration that left no file, or where nothing is on it for the
// stderr, as tools print there that leave stdout to the program. What holds nothing but white space is no input.
func (s *Service) inputs(ctx context.Context, outputs []Output) ([]string, error) {
	files := map[int]bool{}
	for _, o := range outputs {
		if o.Kind == string(api.ArtifactFile) {
			files[o.Iteration] = true
		}
	}
	type input struct {
		iteration int
		text      string
	}
	var found []input
	said := map[int]bool{} // iterations that have a file, or something on stdout
	take := func(kind api.ArtifactKind) error {
		for _, o := range outputs {
			if o.Kind != string(kind) || o.SizeBytes == 0 || kind != api.ArtifactFile && (files[o.Iteration] || said[o.Iteration]) {
				continue
			}
			body, err := s.output(ctx, o, -1)
			if err != nil {
				return fmt.Errorf("read output %s of iteration %d: %w", o.Kind, o.Iteration, err)
			}
			if strings.TrimSpace(body) != "" {
				said[o.Iteration] = true
				found = append(found, input{o.Iteration, body})
			}
		}
		return nil
	}
	for _, kind := range []api.ArtifactKind{api.ArtifactFile, api.ArtifactStdout, api.ArtifactStderr} {
		if err := take(kind); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(found, func(a, b input) int { return cmp.Compare(a.iteration, b.iteration) })
	out := make([]string, len(found))
	for i, f := range found {
		out[i] = f.text
	}
	return out, nil
}

func blobDigest(o Output) (blob.Digest, error) { return blob.ParseDigest(o.Digest) }

// flush writes the signs of life since the last time: leases in one statement, runners one by one.
func (s *Service) flush(ctx context.Context) error {
	s.mu.Lock()
	if now := s.Now(); s.Store.Shared() && now.Sub(s.shown) >= limits.LeaseTimeout/2 {
		for _, runner := range s.waiting.runners() { // they say nothing, and other servers do not see them wait
			s.seen[runner] = now
		}
		s.shown = now
	}
	beats, seen := s.beats, s.seen
	s.beats, s.seen = map[string]bool{}, map[string]time.Time{}
	s.mu.Unlock()
	if len(beats) == 0 && len(seen) == 0 {
		return nil
	}
	jobs := slices.Sorted(maps.Keys(beats))
	err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		if err := RenewLeases(ctx, tx, jobs, tx.Now().Add(limits.LeaseTimeout)); err != nil {
			return err
		}
		for _, runner := range slices.Sorted(maps.Keys(seen)) { // in one order everywhere, or two servers could wait for each other
			if err := fleet.TouchRunner(ctx, tx, runner, seen[runner]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // they count at the next try
		s.mu.Lock()
		for id := range beats {
			s.beats[id] = true
		}
		for runner, at := range seen {
			if s.seen[runner].Before(at) {
				s.seen[runner] = at
			}
		}
		s.mu.Unlock()
	}
	return err
}

// sweepMost bounds one sweep, so that the writer is not held for long.
const sweepMost = 200

// Sweep ends what is overdue, lets jobs go on after their pause, brings completed jobs that nobody read, and drops live output that is no
// longer needed. Run does it every limits.SweepInterval.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.flush(ctx); err != nil { // a beat in memory is a beat
		return err
	}
	var overdue []Job
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		overdue, err = Overdue(ctx, tx, sweepMost)
		return err
	}); err != nil {
		return err
	}
	for _, row := range overdue {
		if err := s.expire(ctx, row.ID); err != nil {
			return fmt.Errorf("expire job %s: %w", row.ID, err)
		}
	}
	s.requeueCompleted(ctx)
	if err := s.endPauses(ctx); err != nil {
		return fmt.Errorf("end pauses: %w", err)
	}
	return s.dropLogs(ctx)
}

// expire ends one overdue job, if it still is.
func (s *Service) expire(ctx context.Context, jobID string) error {
	var row Job
	done := false
	err := s.Store.Tx(ctx, func(tx *store.Tx) error {
		var err error
		done = false
		if row, err = Hold(ctx, tx, jobID); err != nil || !corejob.InFlight(api.JobStatus(row.State)) {
			return err
		}
		now := tx.Now()
		switch {
		case row.Deadline != nil && row.Deadline.Before(now):
			err = s.apply(ctx, tx, &row, corejob.Event{Kind: corejob.Overrun,
				Error: "the job did not end within all its time, preparation included"})
		case row.LeaseExpires != nil && row.LeaseExpires.Before(now) && !s.beaten(jobID):
			err = s.apply(ctx, tx, &row, corejob.Event{Kind: corejob.Lose})
		default:
			return nil
		}
		done = err == nil
		return err
	})
	if done {
		s.Log.InfoContext(ctx, "job expired", "job", row.ID, "state", row.State, "reason", text(row.Reason))
		s.settled(ctx, row)
	}
	return err
}

// logLife is how long live output stays after its job was processed, for followers that are behind.
const logLife = 10 * time.Minute

func (s *Service) dropLogs(ctx context.Context) error {
	var old bool
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		old, err = HasOldLogs(ctx, tx, tx.Now().Add(-logLife))
		return err
	}); err != nil || !old {
		return err
	}
	return s.Store.Tx(ctx, func(tx *store.Tx) error { return DropOldLogs(ctx, tx, tx.Now().Add(-logLife)) })
}
