package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Jobs returns a page of a project's jobs, newest first unless the page says otherwise, and how many there are.
func (s *Service) Jobs(ctx context.Context, actor access.Actor, ref string, state api.JobStatus, page store.Page) ([]api.Job, int, error) {
	out := []api.Job{}
	total := 0
	err := s.Door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		rows, n, err := List(ctx, tx, project.ID, string(state), page)
		if err != nil {
			return err
		}
		total = n
		out, err = presented(ctx, tx, rows)
		return err
	})
	return out, total, err
}

// Brief returns a job of a project without its outputs and its history, as followers get it.
func (s *Service) Brief(ctx context.Context, actor access.Actor, ref string, id string) (api.Job, error) {
	var out api.Job
	err := s.Door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		row, err := ownJob(ctx, tx, project, id)
		if err != nil {
			return err
		}
		out, err = one(ctx, tx, row)
		return err
	})
	return out, err
}

// Job returns a job of a project with its outputs and its history. Texts longer than limits.LogTailBytes are cut, and say so.
func (s *Service) Job(ctx context.Context, actor access.Actor, ref string, id string) (api.Job, error) {
	var out api.Job
	var row Job
	var outputs []Output
	var logs []Log
	err := s.Door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		var err error
		if row, err = ownJob(ctx, tx, project, id); err != nil {
			return err
		}
		if out, err = one(ctx, tx, row); err != nil {
			return err
		}
		events, err := Events(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, e := range events {
			out.Events = append(out.Events, api.JobEvent{
				Time: e.Time, Event: e.Event, From: api.JobStatus(e.From), To: api.JobStatus(e.To), Epoch: e.Epoch, Reason: api.Reason(text(e.Reason)),
				Detail: text(e.Detail),
			})
		}
		if outputs, err = JobOutputs(ctx, tx, id, row.Epoch); err != nil {
			return err
		}
		if len(outputs) == 0 {
			logs, err = JobLogs(ctx, tx, id, row.Epoch, 0, 10_000)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	for _, o := range outputs {
		out.Outputs = append(out.Outputs, api.JobArtifact{Iteration: o.Iteration, Kind: api.ArtifactKind(o.Kind), Path: o.Path,
			SizeBytes: o.SizeBytes, Digest: o.Digest, Truncated: o.Truncated})
	}
	out.Output, err = s.texts(ctx, row, outputs, logs)
	return out, err
}

func ownJob(ctx context.Context, tx *store.Tx, project project.Project, id string) (Job, error) {
	row, err := ByID(ctx, tx, id)
	if err == nil && row.ProjectID != project.ID {
		return Job{}, fault.Missingf("job %q does not exist in project %q", id, project.Slug)
	}
	return row, err
}

// texts gathers what a job printed: from its outputs, or from its live output while there are none.
func (s *Service) texts(ctx context.Context, row Job, outputs []Output, logs []Log) (*api.JobOutput, error) {
	results, err := resultsOf(row)
	if err != nil {
		return nil, err
	}
	at := func(i int) *api.IterationOutput {
		for len(results) <= i {
			results = append(results, api.IterationOutput{Iteration: len(results)})
		}
		return &results[i]
	}
	for _, l := range logs {
		r := at(l.Iteration)
		target := &r.Stdout
		if l.Stream == string(api.ArtifactStderr) {
			target = &r.Stderr
		}
		joined := text(*target) + l.Body
		*target = &joined
	}
	left := int64(limits.JobTextBytes)
	// what was said goes before what was written
	slices.SortStableFunc(outputs, func(a, b Output) int { return cmp.Compare(fileLast(a), fileLast(b)) })
	for _, o := range outputs {
		body, err := s.excerpt(ctx, o, min(left, limits.LogTailBytes))
		if err != nil {
			return nil, err
		}
		left -= min(left, limits.LogTailBytes, o.SizeBytes)
		r := at(o.Iteration)
		switch api.ArtifactKind(o.Kind) {
		case api.ArtifactStdout:
			r.Stdout = &body
		case api.ArtifactStderr:
			r.Stderr = &body
		case api.ArtifactFile:
			if r.Output == nil {
				r.Output = map[string]string{}
			}
			r.Output[o.Path] = body
		}
	}
	if results == nil {
		return nil, nil
	}
	return &api.JobOutput{Results: results, Error: row.Error}, nil
}

func fileLast(o Output) int {
	if o.Kind == string(api.ArtifactFile) {
		return 1
	}
	return 0
}

// excerpt is the end of an output, at most most bytes of it, with a word on what is not there.
func (s *Service) excerpt(ctx context.Context, o Output, most int64) (string, error) {
	body, err := s.output(ctx, o, most)
	switch {
	case fault.Is(err, fault.Missing):
		return "[this output is not stored any more]\n", nil
	case errors.Is(err, blob.ErrDamaged):
		return "[this output is damaged on the server's disk]\n", nil
	case err != nil:
		return "", err
	}
	body = strings.ToValidUTF8(body, "�")
	if o.SizeBytes > most {
		body = fmt.Sprintf("[… the first %d bytes are left out here; the whole output is among the files]\n%s", o.SizeBytes-most, body)
	}
	if o.Truncated {
		body += "\n[the runner cut this output here: it was over its limit]\n"
	}
	return body, nil
}

func one(ctx context.Context, tx *store.Tx, row Job) (api.Job, error) {
	out, err := presented(ctx, tx, []Job{row})
	if err != nil {
		return api.Job{}, err
	}
	return out[0], nil
}

// presented maps rows of jobs, with their specs, runners and places in the queue.
func presented(ctx context.Context, tx *store.Tx, rows []Job) ([]api.Job, error) {
	var specIDs, runnerIDs []string
	for _, r := range rows {
		specIDs = append(specIDs, r.SpecID)
		if r.RunnerID != nil {
			runnerIDs = append(runnerIDs, *r.RunnerID)
		}
	}
	specs, err := fleet.SpecsByID(ctx, tx, specIDs)
	if err != nil {
		return nil, err
	}
	runners, err := fleet.RunnersByID(ctx, tx, runnerIDs)
	if err != nil {
		return nil, err
	}
	out := make([]api.Job, len(rows))
	for i, r := range rows {
		out[i] = api.Job{
			UUID: r.ID, Project: r.ProjectID, Report: r.ReportID, Measurement: r.MeasurementID, Side: api.Side(r.Side), Part: part(r),
			Parts: r.Parts, Status: api.JobStatus(r.State), Phase: text(r.Phase),
			Reason: api.Reason(text(r.Reason)), Error: text(r.Error),
			Image: r.Image, Digest: r.Digest, Spec: specs[r.SpecID].Wire(), Priority: r.Priority, Attempt: r.Attempt, Epoch: r.Epoch,
			Timeout: r.TimeoutSeconds, Iter: r.Iterations,
			CancelAsked: r.CancelAsked, Claimed: r.Claimed, Started: r.Started, Completed: r.Completed, Created: r.Created, Modified: r.Modified,
		}
		if r.RunnerID != nil && r.State != string(api.JobPending) {
			runner := runners[*r.RunnerID]
			out[i].Runner, out[i].RunnerName, out[i].RunnerSlug = &runner.ID, runner.Name, runner.Slug
		}
		if r.Host != nil {
			out[i].Host = new(api.HostFacts)
			if err := json.Unmarshal([]byte(*r.Host), out[i].Host); err != nil {
				return nil, err
			}
		}
		if r.State == string(api.JobPending) {
			n, err := QueuePosition(ctx, tx, r)
			if err != nil {
				return nil, err
			}
			out[i].QueuePosition = &n
			if out[i].Blocked, err = blocked(ctx, tx, r, out[i].Spec.Slug); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Logs returns the live output of a job's current epoch behind the given place; from another epoch it begins anew.
func (s *Service) Logs(ctx context.Context, actor access.Actor, ref, jobID string, epoch, after int64) ([]api.JobLog, error) {
	var out []api.JobLog
	err := s.Door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		row, err := ownJob(ctx, tx, project, jobID)
		if err != nil {
			return err
		}
		if row.Epoch != epoch {
			after = 0
		}
		logs, err := JobLogs(ctx, tx, jobID, row.Epoch, after, limits.EventBufferRows)
		for _, l := range logs {
			out = append(out, api.JobLog{Seq: l.Seq, Epoch: l.Epoch, Iteration: l.Iteration, Stream: api.ArtifactKind(l.Stream), Text: l.Body})
		}
		return err
	})
	return out, err
}

// OpenOutput opens one stored output of a project's job; the caller closes it.
func (s *Service) OpenOutput(ctx context.Context, actor access.Actor, ref string, jobID string, iteration int, kind api.ArtifactKind,
	path string) (io.ReadCloser, int64, error) {
	var found *Output
	err := s.Door.View(ctx, actor, ref, func(tx *store.Tx, project project.Project) error {
		row, err := ownJob(ctx, tx, project, jobID)
		if err != nil {
			return err
		}
		outputs, err := JobOutputs(ctx, tx, jobID, row.Epoch)
		for _, o := range outputs {
			if o.Iteration == iteration && o.Kind == string(kind) && o.Path == path {
				found = &o
			}
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if found == nil {
		return nil, 0, fault.Missingf("job %s has no %s of iteration %d", jobID, kind, iteration)
	}
	return s.Stored(ctx, *found)
}

// Stored opens an output that a job left, with its size; the caller closes it, and has asked whether it may be seen.
func (s *Service) Stored(ctx context.Context, o Output) (io.ReadCloser, int64, error) {
	d, err := blobDigest(o)
	if err != nil {
		return nil, 0, err
	}
	return s.Blobs.Open(ctx, d, 0, -1)
}

// Ended reports whether a status is final.
func Ended(status api.JobStatus) bool { return corejob.Ended(status) }

// Counts returns how many jobs wait and how many run, for metrics.
func (s *Service) Counts(ctx context.Context) (pending, running int, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		if pending, err = Count(ctx, tx, string(api.JobPending)); err != nil {
			return err
		}
		claimed, err := Count(ctx, tx, string(api.JobClaimed))
		if err != nil {
			return err
		}
		running, err = Count(ctx, tx, string(api.JobRunning))
		running += claimed
		return err
	})
	return pending, running, err
}

// Control cancels a job (api.JobCanceled), or puts one that failed or was canceled back into the queue (api.JobPending).
func (s *Service) Control(ctx context.Context, actor access.Actor, ref, id string, status api.JobStatus) (api.Job, error) {
	p, err := s.Door.Find(ctx, actor, access.ControlJob, ref)
	if err != nil {
		return api.Job{}, err
	}
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		j, err := ownJob(ctx, tx, p, id)
		if err == nil && status == api.JobPending && j.SlotID != nil { // its machine goes when its slot is done
			return fault.Conflictf("job %s is a task of a sweep, which gives it to another machine by itself; start another sweep", id)
		}
		return err
	}); err != nil {
		return api.Job{}, err
	}
	change := s.Cancel
	if status == api.JobPending {
		change = s.Retry
	}
	if err := change(ctx, id); err != nil {
		return api.Job{}, err
	}
	return s.Brief(ctx, actor, p.ID, id)
}

// CancelAll cancels all jobs of a project that have not ended.
func (s *Service) CancelAll(ctx context.Context, projectID string) error {
	for _, state := range []api.JobStatus{api.JobPending, api.JobClaimed, api.JobRunning} {
		var ids []string
		for total := 1; len(ids) < total; {
			var rows []Job
			n := 0
			if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
				rows, n, err = List(ctx, tx, projectID, string(state), store.Page{Limit: limits.PageMax, Offset: len(ids)})
				return err
			}); err != nil {
				return err
			}
			if total = n; len(rows) == 0 {
				break
			}
			for _, j := range rows {
				ids = append(ids, j.ID)
			}
		}
		for _, id := range ids {
			if err := s.Cancel(ctx, id); err != nil && !fault.Is(err, fault.Conflict) { // it may have ended meanwhile
				return fmt.Errorf("cancel job %s of a deleted project: %w", id, err)
			}
		}
	}
	return nil
}
